"""What a run's code printed, gathered for a moment and then written to the run's journal."""

from __future__ import annotations

import logging
from collections import deque
from enum import IntEnum
from threading import RLock
from time import time
from typing import TYPE_CHECKING, TypeAlias

from asyncwb.errors import Error
from asyncwb.run.console.coalesce import coalesce

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["ConsoleBuffer", "Source"]

log = logging.getLogger("asyncwb.run")

MOST_CHARS = 64 * 1024
"""Beyond this, `print` writes to the journal itself: a flood waits for the disk, not in memory."""

RECORD_CHARS = 8 * 1024
"""Small enough that reading one never holds up the event loop."""

_SAME_MOMENT_SECONDS = 0.01
"""Lines this close together share a record and with it a time."""


class Source(IntEnum):
    """Where output came from; the first two are the numbers of the journal's records."""

    STDERR = 0
    STDOUT = 1
    LINES = 2  # `write_logs`


_Part: TypeAlias = tuple[float, Source, str]
"""Unix seconds, source and text."""


class ConsoleBuffer:
    """Output of one run on its way to the journal.

    Thread-safe, and safe in signal handlers and finalisers: adding takes no lock but for a flood,
    and then one that its thread may hold already.

    Args:
        write: Writes to the journal what came at some time, in Unix seconds, from some source.
        notify: Is told that there is something to flush; must not wait.
    """

    def __init__(
        self,
        write: Callable[[str, float, Source], None],
        notify: Callable[[ConsoleBuffer], None],
    ) -> None:
        self._write = write
        self._notify = notify
        self._size = 0  # about: threads may add at once
        self._announced = False
        self._closed = False
        self._order = RLock()
        self._flushing = False
        self._batch: list[_Part] = []

    # Made with the first output: empty, it would be 760 bytes of every idle run.
    _parts: deque[_Part] | None = None

    @property
    def waiting(self) -> int:
        """About how many characters wait."""
        return self._size

    def add(self, text: str, source: Source) -> None:
        """Take output."""
        if self._closed:
            return
        parts = self._parts
        if parts is None:
            # One step: threads and a signal handler may all be the first.
            parts = vars(self).setdefault("_parts", deque())
        parts.append((time(), source, text))
        self._size += len(text)
        if not self._announced:
            self._announced = True
            self._notify(self)
        if self._size >= MOST_CHARS:
            self.flush()

    def flush(self) -> None:
        """Write what is there to the journal. Blocks for that; never raises."""
        with self._order:
            if not self._flushing:  # else: a signal handler in the middle of it
                self._flush()

    def close(self) -> None:
        """Write what is there and take no more."""
        with self._order:
            self._closed = True
            # A signal handler that ends the run in the middle of a flush ends that, too.
            self._flush()

    def leave_to_parent(self) -> None:
        """In a forked child: the output is the parent's."""
        self._closed = True
        self._parts = None
        self._batch = []
        self._order = RLock()

    def _flush(self) -> None:
        self._flushing = True
        self._announced = False
        self._size = 0
        try:
            while self._batch or self._parts:
                self._gather()
                self._write_batch()
        except Error as exc:
            # The journal is closed, or the parent's.
            log.debug("console output is left out: %s", exc)
        finally:
            self._flushing = False

    def _gather(self) -> None:
        """Move what belongs into one record from the parts to the batch."""
        batch, parts = self._batch, self._parts
        size = 0
        while parts:
            at, source, text = parts[0]
            if batch:
                began, same, _ = batch[0]
                new_line = batch[-1][2].endswith("\n")
                if (
                    source != same
                    or size + len(text) > RECORD_CHARS
                    or (new_line and at - began > _SAME_MOMENT_SECONDS)
                ):
                    return
            size += len(text)
            batch.append(parts.popleft())

    def _write_batch(self) -> None:
        batch, self._batch = self._batch, []
        if batch:
            at, source, _ = batch[0]
            text = "".join([text for _, _, text in batch])
            whole_lines = source is Source.LINES
            for piece in _pieces(text if whole_lines else coalesce(text), whole_lines=whole_lines):
                self._write(piece, at, source)


def _pieces(text: str, *, whole_lines: bool) -> Iterator[str]:
    """Cut long text, behind newlines where that is possible."""
    start = 0
    while len(text) - start > RECORD_CHARS:
        end = text.rfind("\n", start, start + RECORD_CHARS) + 1
        if not end:
            end = text.find("\n", start) + 1 if whole_lines else start + RECORD_CHARS
        yield text[start:end]
        start = end
    yield text[start:]
