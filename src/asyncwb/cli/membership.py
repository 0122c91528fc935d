"""The commands `members`, `join` and `leave` of whatever has members."""

from __future__ import annotations

from typing import Annotated

import typer

from asyncwb.cli.administration import AsJson, DataDir, Host, administration, done, show

__all__ = ["add_membership"]

Name = Annotated[str, typer.Argument(help="Whose members.")]
User = Annotated[str, typer.Argument(help="Name of the user.")]
Role = Annotated[str, typer.Option(help="admin, member or viewer.")]


def add_membership(app: typer.Typer, place: str, what: str) -> None:
    """Give a group of commands those about members.

    Args:
        app: The group.
        place: Where the server has it: `teams` or `organizations`.
        what: What it is, with its article.
    """

    @app.command(help=f"List who is in {what}, and their roles.")
    def members(
        name: Name, host: Host = None, data_dir: DataDir = None, as_json: AsJson = False
    ) -> None:
        with administration(host, data_dir) as server:
            rows = server.get(place, name, "members")["members"]
        show(rows, ("username", "role"), as_json=as_json, empty=f"{name} has no members.")

    @app.command(help=f"Add a user to {what}, or give a member another role.")
    def join(
        name: Name,
        user: User,
        role: Role = "member",
        host: Host = None,
        data_dir: DataDir = None,
        as_json: AsJson = False,
    ) -> None:
        with administration(host, data_dir) as server:
            joined = server.post(place, name, "members", username=user, role=role)
        done(f"{user} is {role} in {name}.", joined, as_json=as_json)

    @app.command(help=f"Take a user out of {what}.")
    def leave(
        name: Name,
        user: User,
        host: Host = None,
        data_dir: DataDir = None,
        as_json: AsJson = False,
    ) -> None:
        with administration(host, data_dir) as server:
            gone = server.delete(place, name, "members", user)
        done(f"{user} is no longer in {name}.", gone, as_json=as_json)
