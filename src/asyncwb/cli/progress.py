"""The bars of `asyncwb sync`: one for all runs, one for each that is on its way."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TaskProgressColumn,
    TextColumn,
)

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path
    from types import TracebackType
    from typing import Self

    from rich.console import Console

    from asyncwb.sender import SenderStatus
    from asyncwb.sender.folders import RunDir

__all__ = ["SyncProgress"]


class SyncProgress:
    """Shows how far a sync is; no bars on an output that is no terminal.

    `update` and `finished` are called in asyncwb's loop: they only note numbers, rich draws in a
    thread of its own. The first request that has to be repeated is one line everywhere: else a
    server that does not answer would look like a sync that does nothing.
    """

    def __init__(self, console: Console, runs: Sequence[RunDir]) -> None:
        terminal = console.is_terminal
        self._all = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TaskProgressColumn(),
            MofNCompleteColumn(),
            console=console,
            disable=not terminal,
            transient=True,
        )
        self._total = self._all.add_task("all runs", total=len(runs))
        self._sizes = {run.path: run.journal.stat().st_size for run in runs}
        self._tasks: dict[Path, TaskID] = {}
        self._trouble_told = False

    def update(self, path: Path, status: SenderStatus) -> None:
        """Note how far one run is."""
        task = self._tasks.get(path)
        if task is None:
            size = max(self._sizes[path], 1)
            task = self._tasks[path] = self._all.add_task(path.name, total=size)
        self._all.update(task, completed=status.acked_position)
        if status.retries and not self._trouble_told:
            self._trouble_told = True
            self._all.console.print(
                f"Trying again: {status.last_error}. Ctrl-C ends it and loses nothing.",
                markup=False,
            )

    def finished(self, path: Path) -> None:
        """Note that one run is done with; its bar goes."""
        folder = path.parent if path.suffix == ".wandb" else path
        task = self._tasks.pop(folder, None)
        if task is not None:
            self._all.remove_task(task)
        self._all.advance(self._total)

    def __enter__(self) -> Self:
        self._all.start()
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._all.stop()
