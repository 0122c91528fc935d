"""`asyncwb server org add|list|remove|members|join|leave`."""

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

app = typer.Typer(help="Organizations of a server, for its administrators.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(help="Name of the organization.")]
User = Annotated[str, typer.Argument(help="Name of the user.")]


@app.command()
def add(
    name: Name,
    admin: Annotated[str, typer.Option(help="Name of the user who administers it.")],
    host: Host = None,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Add an organization with its first administrator."""
    with administration(host, data_dir) as server:
        made = server.post("organizations", name=name, username=admin)
    done(f"Added the organization {name}.", made, as_json=as_json)


@app.command("list")
def list_all(host: Host = None, data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """List all organizations."""
    with administration(host, data_dir) as server:
        rows = server.get("organizations")["organizations"]
    show(rows, ("name", "entity"), as_json=as_json, empty="There are no organizations.")


@app.command()
def remove(
    name: Name,
    yes: Yes = False,
    host: Host = None,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Delete an organization with its registries; its people and teams stay."""
    with administration(host, data_dir) as server:
        confirm(f"Delete the organization {name} with its registries?", yes=yes)
        gone = server.delete("organizations", name)
    done(f"Deleted the organization {name}.", gone, as_json=as_json)


@app.command()
def members(
    name: Name, host: Host = None, data_dir: DataDir = None, as_json: AsJson = False
) -> None:
    """List who is in an organization, and their roles."""
    with administration(host, data_dir) as server:
        rows = server.get("organizations", name, "members")["members"]
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
    """Add a user to an organization, or give a member another role."""
    with administration(host, data_dir) as server:
        joined = server.post("organizations", name, "members", username=user, role=role)
    done(f"{user} is {role} in {name}.", joined, as_json=as_json)


@app.command()
def leave(
    name: Name,
    user: User,
    host: Host = None,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Take a user out of an organization."""
    with administration(host, data_dir) as server:
        gone = server.delete("organizations", name, "members", user)
    done(f"{user} is no longer in {name}.", gone, as_json=as_json)
