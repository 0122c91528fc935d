"""`asyncwb clean`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def clean(
    older_than: Annotated[
        str, typer.Option(help="Age since the last write: 12h, 7d, 2w; a bare number means days.")
    ],
    folder: Annotated[
        Path | None,
        typer.Argument(help="Folder that holds `wandb`, or that folder itself.", show_default="."),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say what would be removed.")
    ] = False,
) -> None:
    """Remove run folders that a server has completely; others are never touched."""
    import shutil
    import time

    from asyncwb.cli.folders import parse_age
    from asyncwb.sender.folders import find_runs
    from asyncwb.settings import resolve

    try:
        oldest = time.time() - parse_age(older_than)
    except ValueError as exc:
        raise typer.BadParameter(str(exc), param_hint="--older-than") from exc
    removed = kept = damaged = 0
    for run in find_runs(folder or Path(resolve().root_dir)):
        if run.journal.stat().st_mtime > oldest:
            continue
        if not run.delivered:
            kept += 1
            continue
        if run.lost:
            damaged += 1
            continue
        typer.echo(f"{'Would remove' if dry_run else 'Removing'} {run.path}")
        if not dry_run:
            shutil.rmtree(run.path)
        removed += 1
        _remove_dangling(run.path.parent / "latest-run")
    typer.echo(f"{removed} run folder(s) {'would be removed' if dry_run else 'removed'}.")
    if kept:
        typer.echo(f"{kept} kept: no server has them yet; send them with `asyncwb sync --all`.")
    if damaged:
        typer.echo(f"{damaged} kept: parts of them could not be read, and no server has those.")


def _remove_dangling(link: Path) -> None:
    """The shortcut to the newest folder goes with it."""
    if link.is_symlink() and not link.exists():
        link.unlink()
