"""`asyncwb server user add|list|remove|role`."""

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

app = typer.Typer(help="Users of a server, for its administrators.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(help="Name of the user.")]


@app.command()
def add(
    name: Name,
    role: Annotated[str, typer.Option(help="admin, member or viewer.")] = "member",
    email: Annotated[str, typer.Option(help="Address, for invitations of teams.")] = "",
    host: Host = None,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Add a user and print the key, which is shown this once."""
    with administration(host, data_dir) as admin:
        made = admin.post("users", username=name, role=role, email=email)
    done(
        f"Added {name} ({role}). The key, which is shown this once:\n{made['api_key']}",
        {"username": name, "role": role, **made},
        as_json=as_json,
    )


@app.command("list")
def list_all(host: Host = None, data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """List all users, with the numbers of their keys and of the runs in their own entity."""
    with administration(host, data_dir) as admin:
        rows = admin.get("users")["users"]
    columns = ("username", "role", "kind", "email", "keys", "runs")
    show(rows, columns, as_json=as_json, empty="There are no users.")


@app.command()
def remove(
    name: Name,
    yes: Yes = False,
    host: Host = None,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Delete a user, with the keys and everything in the user's own entity."""
    with administration(host, data_dir) as admin:
        rows = [row for row in admin.get("users")["users"] if row["username"] == name]
        if rows:
            own = f"{rows[0]['runs']} run(s) in the entity {name!r}"
            confirm(f"Delete {name} with {own}? Runs in teams stay.", yes=yes)
        gone = admin.delete("users", name)
    done(f"Deleted {name}.", gone, as_json=as_json)


@app.command()
def role(
    name: Name,
    role: Annotated[str, typer.Argument(help="admin, member or viewer.")],
    host: Host = None,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Give a user another role on the server."""
    with administration(host, data_dir) as admin:
        changed = admin.post("users", name, "role", role=role)
    done(f"{name} is {role} now.", changed, as_json=as_json)
