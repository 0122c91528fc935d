"""`asyncwb server key add|list|revoke`."""

from __future__ import annotations

from typing import Annotated

import typer

from asyncwb.cli.administration import AsJson, DataDir, Host, administration, done, show

app = typer.Typer(help="API keys of users, for administrators.", no_args_is_help=True)

User = Annotated[str, typer.Argument(help="Name of the user.")]


@app.command()
def add(
    user: User,
    description: Annotated[str | None, typer.Option(help="What it is for.")] = None,
    host: Host = None,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Make a key for a user and print it, this once."""
    with administration(host, data_dir) as admin:
        made = admin.post("users", user, "keys", description=description)
    done(
        f"A key for {user}, which is shown this once:\n{made['api_key']}",
        {"username": user, **made},
        as_json=as_json,
    )


@app.command("list")
def list_all(
    user: User, host: Host = None, data_dir: DataDir = None, as_json: AsJson = False
) -> None:
    """List the keys of a user, by their first ten characters."""
    import time

    with administration(host, data_dir) as admin:
        rows = admin.get("users", user, "keys")["keys"]
    if not as_json:
        for row in rows:
            made = time.localtime(row.pop("created_at"))
            row["made"] = time.strftime("%Y-%m-%d %H:%M", made)
    columns = ("id", "name", "description", "made")
    show(rows, columns, as_json=as_json, empty=f"{user} has no keys.")


@app.command()
def revoke(
    user: User,
    name: Annotated[
        str, typer.Argument(help="Its first ten characters, or its id, as `list` shows them.")
    ],
    host: Host = None,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Take a key back: it opens nothing from now on."""
    with administration(host, data_dir) as admin:
        gone = admin.delete("users", user, "keys", name)
    done(f"Revoked a key of {user}.", gone, as_json=as_json)
