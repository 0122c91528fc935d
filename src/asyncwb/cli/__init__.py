"""The command line: one file per command. Exit codes are in `docs/cli.md`.

Nothing but typer is imported before a command runs: `asyncwb --help` must be quick.
"""

from __future__ import annotations

import typer

from asyncwb.cli import agent, artifact, clean, export, login, ls, server, server_data, sweep
from asyncwb.cli.sync import sync
from asyncwb.version import VERSION

__all__ = ["app"]

app = typer.Typer(
    help="Client and embedded server for Weights & Biases.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command()(login.login)
app.command()(sync)
app.command()(ls.ls)
app.command()(clean.clean)
app.command()(export.export)
app.command()(sweep.sweep)
app.command()(agent.agent)
app.add_typer(artifact.app, name="artifact")
for _command in (server_data.backup, server_data.restore, server_data.migrate):
    server.app.command()(_command)
app.add_typer(server.app, name="server")


@app.callback(invoke_without_command=True)
def _version(
    version: bool = typer.Option(False, "--version", help="Show the version and exit."),
) -> None:
    if version:
        typer.echo(f"asyncwb {VERSION}")
        raise typer.Exit
