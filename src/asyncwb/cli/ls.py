"""`asyncwb ls`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from asyncwb.sender.folders import RunDir


def ls(
    folder: Annotated[
        Path | None,
        typer.Argument(help="Folder that holds `wandb`, or that folder itself.", show_default="."),
    ] = None,
) -> None:
    """List the run folders on this machine and whether a server has them."""
    import time

    from rich.console import Console
    from rich.table import Table

    from asyncwb.sender.folders import find_runs
    from asyncwb.settings import resolve

    table = Table(box=None, pad_edge=False)
    for title in ("run", "started", "mode", "state"):
        table.add_column(title)
    table.add_column("bytes", justify="right")
    table.add_column("folder", overflow="fold")
    for run in find_runs(folder or Path(resolve().root_dir)):
        table.add_row(
            run.run_id,
            time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(run.started)),
            "offline" if run.offline else "online",
            _state(run),
            f"{run.journal.stat().st_size:,}",
            str(run.path),
        )
    if table.row_count:
        # A width of its own where the output is no terminal: scripts want whole lines.
        console = Console(highlight=False)
        Console(highlight=False, width=None if console.is_terminal else 500).print(table)
    else:
        typer.echo("There are no run folders.")


def _state(run: RunDir) -> str:
    if not run.delivered:
        return "not delivered"
    return f"delivered, {run.lost} part(s) unreadable" if run.lost else "delivered"
