"""`asyncwb server team add|list|remove|members|join|leave`."""

from __future__ import annotations

from typing import Annotated

import typer

from asyncwb.cli.administration import (
    AsJson,
    DataDir,
    Host,
    Yes,
    administration,
    confirm,
    done,
    show,
)

app = typer.Typer(help="Teams of a server, for its administrators.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(help="Name of the team.")]
User = Annotated[str, typer.Argument(help="Name of the user.")]


@app.command()
def add(
    name: Name,
    admin: Annotated[str, typer.Option(help="Name of the user who administers it.")],
    organization: Annotated[
        str | None,
        typer.Option(help="To which it belongs.", show_default="its administrator's"),
    ] = None,
    host: Host = None,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Add a team with its first administrator."""
    with administration(host, data_dir) as server:
        made = server.post("teams", name=name, username=admin, organization=organization)
    done(f"Added the team {name}.", made, as_json=as_json)


@app.command("list")
def list_all(host: Host = None, data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """List all teams."""
    with administration(host, data_dir) as server:
        rows = server.get("teams")["teams"]
    show(rows, ("name", "organization", "members"), as_json=as_json, empty="There are no teams.")


@app.command()
def remove(
    name: Name,
    yes: Yes = False,
    host: Host = None,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Delete a team with everything that it owns."""
    with administration(host, data_dir) as server:
        confirm(f"Delete the team {name} with everything that it owns?", yes=yes)
        gone = server.delete("teams", name)
    done(f"Deleted the team {name}.", gone, as_json=as_json)


@app.command()
def members(
    name: Name, host: Host = None, data_dir: DataDir = None, as_json: AsJson = False
) -> None:
    """List who is in a team, and their roles."""
    with administration(host, data_dir) as server:
        rows = server.get("teams", name, "members")["members"]
    show(rows, ("username", "role"), as_json=as_json, empty=f"{name} has no members.")


@app.command()
def join(
    name: Name,
    user: User,
    role: Annotated[str, typer.Option(help="admin, member or viewer.")] = "member",
    host: Host = None,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Add a user to a team, or give a member another role."""
    with administration(host, data_dir) as server:
        joined = server.post("teams", name, "members", username=user, role=role)
    done(f"{user} is {role} in {name}.", joined, as_json=as_json)


@app.command()
def leave(
    name: Name,
    user: User,
    host: Host = None,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Take a user out of a team."""
    with administration(host, data_dir) as server:
        gone = server.delete("teams", name, "members", user)
    done(f"{user} is no longer in {name}.", gone, as_json=as_json)
