"""`asyncwb login`."""

from __future__ import annotations

from typing import Annotated

import typer


def login(
    key: Annotated[
        str | None,
        typer.Argument(help="API key to store; without it, asked for on the terminal."),
    ] = None,
    host: Annotated[
        str | None, typer.Option(help="Address of the server; else the configured one.")
    ] = None,
    relogin: Annotated[
        bool, typer.Option("--relogin", help="Ask although a key is configured.")
    ] = False,
    verify: Annotated[
        bool, typer.Option("--verify/--no-verify", help="Ask the server whether it knows the key.")
    ] = True,
) -> None:
    """Check an API key with the server and store it in netrc.

    A key on the command line stays in the history of the shell; `asyncwb login` alone asks for it,
    and `asyncwb login -` reads it from standard input.
    """
    import sys
    from functools import partial

    from asyncwb.credentials import netrc_path
    from asyncwb.login import login as log_in
    from asyncwb.portal import PORTAL
    from asyncwb.settings import resolve

    if key == "-":
        key = sys.stdin.readline()
    done = PORTAL.call(partial(log_in, key, host=host, relogin=relogin, verify=verify))
    settings = resolve({"base_url": host})
    if done:
        where = f"; stored in {netrc_path()}" if key else ""
        typer.echo(f"Logged in to {settings.base_url}{where}.")
    else:
        typer.echo(f"The mode is {settings.mode}: no key is needed.")
