"""`asyncwb sync`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rich.console import Console

    from asyncwb.sender import RunOverrides, SyncResult
    from asyncwb.sender.folders import RunDir


def sync(
    dirs: Annotated[
        list[Path] | None,
        typer.Argument(metavar="[DIR]...", help="Run folders, or folders of run folders."),
    ] = None,
    everything: Annotated[
        bool, typer.Option("--all", help="Every run folder in `wandb` that is not delivered.")
    ] = False,
    jobs: Annotated[
        int, typer.Option("--jobs", "-j", min=1, help="Folders sent at the same time.")
    ] = 4,
    project: Annotated[str | None, typer.Option("--project", "-p", help="Project to send to.")] = (
        None
    ),
    entity: Annotated[str | None, typer.Option("--entity", "-e", help="Entity to send to.")] = None,
    run_id: Annotated[
        str | None, typer.Option("--id", help="Run id to send one folder under.")
    ] = None,
    include_synced: Annotated[
        bool, typer.Option("--include-synced", help="Folders marked as delivered, too.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say what would be sent.")
    ] = False,
) -> None:
    """Send run folders, asyncwb's and the wandb package's, to the server; again is harmless."""
    from asyncwb.sender import RunOverrides
    from asyncwb.settings import resolve

    settings = resolve()
    if bool(dirs) == everything:
        raise typer.BadParameter("Name run folders, or say --all.", param_hint="DIR")
    found = list(_collect(dirs or [Path(settings.root_dir)], strict=not everything))
    chosen = [run for run in found if include_synced or not run.delivered]
    if everything:
        chosen = list(_not_being_written(chosen))
    if run_id is not None and len(chosen) != 1:
        raise typer.BadParameter(
            f"It needs exactly one folder, not {len(chosen)}.", param_hint="--id"
        )
    if skipped := sum(run.delivered for run in found) * (not include_synced):
        typer.echo(f"Skipped {skipped} delivered run(s).")
    if dry_run:
        for run in chosen:
            typer.echo(f"Would send {run.path}")
    elif chosen:
        resolve({"run_id": run_id, "project": project, "entity": entity})  # checks the names
        named = RunOverrides(run_id=run_id, project=project, entity=entity)
        _send(chosen, jobs, named if run_id or project or entity else None, force=include_synced)
    else:
        typer.echo("Nothing to send.")


def _collect(paths: Iterable[Path], *, strict: bool) -> Iterable[RunDir]:
    from asyncwb.errors import UsageError
    from asyncwb.sender.folders import find_runs, read_run

    for path in paths:
        # The name of a run folder is what counts, also behind a link such as `latest-run`.
        real = path.resolve()
        run = read_run(real.parent if real.suffix == ".wandb" else real)
        if run is not None:
            yield run
            continue
        runs = list(find_runs(path))
        if strict and not runs:
            raise UsageError(f"{path} is no run folder and holds none.")
        yield from runs


def _not_being_written(runs: Iterable[RunDir]) -> Iterable[RunDir]:
    from asyncwb.sender.locking import writer_of

    for run in runs:
        writer = writer_of(run.journal)
        if writer is None:
            yield run
        else:
            typer.echo(f"Left to process {writer}, which is writing it: {run.path}")


def _send(runs: list[RunDir], jobs: int, overrides: RunOverrides | None, *, force: bool) -> None:
    from functools import partial

    from rich.console import Console

    from asyncwb.cli.progress import SyncProgress
    from asyncwb.portal import PORTAL
    from asyncwb.sender import sync_many
    from asyncwb.settings import resolve

    console = Console(highlight=False, soft_wrap=True)
    with SyncProgress(console, runs) as progress:

        def done(result: SyncResult) -> None:
            progress.finished(result.path)
            _report(result, console)

        results = PORTAL.call(
            partial(
                sync_many,
                [run.path for run in runs],
                resolve(),
                jobs=jobs,
                progress=progress.update,
                done=done,
                force=force,
                overrides=overrides,
            )
        )
    failed = sum(result.state == "failed" for result in results)
    typer.echo(
        f"{len(results) - failed} of {len(results)} run(s) delivered, "
        f"{sum(result.rows for result in results):,} row(s) sent."
    )
    if failed:
        raise typer.Exit(1)


def _report(result: SyncResult, console: Console) -> None:
    """One line per run, and one per loss, above the bars."""
    from rich.text import Text

    name = result.path.parent.name if result.path.suffix == ".wandb" else result.path.name
    if result.error is not None or result.state == "failed":
        console.print(Text(f"Failed {name}: {result.error or 'not delivered completely'}"))
    else:
        where = f" -> {result.url}" if result.url else ""
        console.print(Text(f"Sent {name}: {result.rows:,} row(s), {result.files} file(s){where}"))
    for damage in result.damage:
        console.print(Text(f"  lost {damage}"))
    if result.lost:
        console.print(Text(f"  {result.lost:,} row(s) or record(s) were lost"))
