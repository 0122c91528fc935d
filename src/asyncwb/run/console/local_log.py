"""`output.log` of a run that is not sent."""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from asyncwb.run.console.buffer import Source

if TYPE_CHECKING:
    from pathlib import Path

    from asyncwb.console.file import ConsoleSink, SavedLine
    from asyncwb.console.lines import ConsoleLines
    from asyncwb.settings import Settings

__all__ = ["LocalLog"]

log = logging.getLogger("asyncwb.run")

_SAVE_LINES = 1000


class LocalLog:
    """Writes the console of one run to its files, as a sender would. Never raises.

    Args:
        folder: The folder of the run's files.
        settings: Which files.
    """

    def __init__(self, folder: Path, settings: Settings) -> None:
        self._folder = folder
        self._settings = settings
        self._lines: ConsoleLines | None = None
        self._sink: ConsoleSink | None = None

    def add(self, text: str, at: float, source: Source) -> None:
        """Take output. Blocks for a write now and then."""
        if self._lines is None:
            from asyncwb.console.lines import ConsoleLines

            self._lines = ConsoleLines()
        lines = self._lines
        when = datetime.fromtimestamp(at, UTC)
        if source is Source.LINES:
            lines.add(text, when)
        else:
            lines.feed(text, when, error=source is Source.STDERR)
        lines.discard()  # nobody sends them
        if lines.settled >= _SAVE_LINES:
            self._write(lines.take_settled(), {})

    def close(self) -> None:
        """Write the rest. Blocks for it."""
        if self._lines is not None:
            self._write(*self._lines.take_rest())

    def _write(self, lines: list[SavedLine], changes: dict[int, str]) -> None:
        if self._sink is None:
            from asyncwb.console.sinks import console_sink

            self._sink = console_sink(self._folder, self._settings)
        try:
            self._sink.append(lines, changes)
        except OSError as exc:
            log.debug("the console output cannot be written to a file: %s", exc)
