"""Log records of chosen loggers as lines of the console."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from asyncwb.portal import PORTAL

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

__all__ = ["CapturedLoggers"]


class CapturedLoggers:
    """Handlers on the loggers of `capture_loggers`, as long as one run lives.

    Args:
        levels: Names of loggers and the least level of each, by name.
        write: Writes lines to the run.
    """

    def __init__(self, levels: Iterable[tuple[str, str]], write: Callable[[str], None]) -> None:
        self._handlers = [(name, _Handler(level, write)) for name, level in levels]

    def start(self) -> None:
        """Begin."""
        for name, handler in self._handlers:
            logging.getLogger(name).addHandler(handler)

    def stop(self) -> None:
        """Take the handlers away; again is harmless."""
        for name, handler in self._handlers:
            logging.getLogger(name).removeHandler(handler)


class _Handler(logging.Handler):
    def __init__(self, level: str, write: Callable[[str], None]) -> None:
        super().__init__(level)
        self._write = write
        self.setFormatter(logging.Formatter(logging.BASIC_FORMAT))

    def createLock(self) -> None:  # noqa: N802 - a name of logging
        """No lock: signal handlers log in the middle of anything, and a write is one append."""
        self.lock = None

    def emit(self, record: logging.LogRecord) -> None:
        """Write one record, unless it is about sending such records."""
        if PORTAL.in_loop():
            return
        try:
            self._write(self.format(record))
        except Exception:  # noqa: BLE001 - as every handler of logging does
            self.handleError(record)
