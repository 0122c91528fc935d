"""The bar of an export."""

from __future__ import annotations

from typing import TYPE_CHECKING

from asyncwb.columns.frames import package

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

    from asyncwb.export.result import ExportProgress

__all__ = ["ProgressBar"]


class ProgressBar:
    """Shows how far an export is; nothing on an output that is no terminal.

    Raises:
        UnsupportedError: rich is not installed.
    """

    def __init__(self) -> None:
        rich = package("rich.progress", "cli", "a progress bar")
        console = package("rich.console", "cli", "a progress bar").Console(stderr=True)
        self._progress = rich.Progress(
            rich.TextColumn("{task.description}"),
            rich.BarColumn(),
            rich.MofNCompleteColumn(),
            rich.TextColumn("{task.fields[rows]:,} rows"),
            rich.TimeRemainingColumn(),
            console=console,
            disable=not console.is_terminal,
            transient=True,
        )
        self._task = self._progress.add_task("runs", total=None, rows=0)

    def update(self, progress: ExportProgress) -> None:
        """Note how far it is; draws in a thread of rich."""
        self._progress.update(
            self._task, completed=progress.runs, total=progress.total, rows=progress.rows
        )

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        exc: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._progress.stop()
