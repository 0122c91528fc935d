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
from asyncwb.cli.membership import add_membership

app = typer.Typer(help="Teams of a server, for its administrators.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(help="Name of the team.")]


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


add_membership(app, "teams", "a team")
