"""The bar of one transfer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

    from rich.console import Console

    from asyncwb.artifacts.progress import TransferProgress

__all__ = ["TransferBar"]


class TransferBar:
    """Shows how far an upload or download is; nothing on an output that is no terminal.

    `update` only notes numbers, in whichever thread calls it: rich draws in one of its own.
    """

    def __init__(self, console: Console, label: str) -> None:
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            DownloadColumn(binary_units=True),
            TransferSpeedColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[files]}"),
            console=console,
            disable=not console.is_terminal,
            transient=True,
        )
        self._task = self._progress.add_task(label, total=None, files="")

    def update(self, state: TransferProgress) -> None:
        """Note how far it is."""
        self._progress.update(
            self._task,
            total=state.bytes_total,
            completed=state.bytes_done,
            files=f"{state.files_done:,} of {state.files_total:,} files",
        )

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._progress.stop()
