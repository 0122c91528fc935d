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
from asyncwb.cli.membership import add_membership

app = typer.Typer(help="Organizations of a server, for its administrators.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(help="Name of the organization.")]


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


add_membership(app, "organizations", "an organization")
