"""Listens at stdout and stderr while a live run wants what is printed."""

from __future__ import annotations

import contextlib
import logging
import sys
from functools import partial
from threading import RLock, get_ident
from typing import TYPE_CHECKING, Any

from asyncwb.portal import PORTAL
from asyncwb.run.console.buffer import Source
from asyncwb.run.console.flusher import Flusher
from asyncwb.run.console.notebook import on_each_cell
from asyncwb.run.console.tap import Busy, Tap
from asyncwb.run.context import current_run

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from asyncwb.run.console.buffer import ConsoleBuffer

__all__ = ["CAPTURE"]

log = logging.getLogger("asyncwb.run")


class Capture:
    """The taps on the streams of this process. One per process."""

    def __init__(self) -> None:
        self.flusher = Flusher()
        self._begin()

    def _begin(self) -> None:
        # Reentrant: a signal handler may end its run while its thread begins or ends one.
        self._lock = RLock()
        self._wanted: set[int] = set()
        self._taps: list[Tap] = []
        self._busy: Busy = {}
        self._leave_cells: Callable[[], None] | None = None

    def start(self, buffer: ConsoleBuffer) -> None:
        """Capture for one more run; again is harmless. Never raises."""
        with self._lock:
            self._wanted.add(id(buffer))
            self.flusher.start()
            if self._leave_cells is None:
                self._leave_cells = on_each_cell(self._look)
            # With each run: the streams may have been swapped.
            self._look()

    def _look(self, *_: object) -> None:
        """See to it that both streams are tapped."""
        with self._lock:
            self._tap(sys.stdout, Source.STDOUT)
            self._tap(sys.stderr, Source.STDERR)

    def stop(self, buffer: ConsoleBuffer) -> None:
        """Capture for one run less; the last one restores the streams."""
        with self._lock:
            self._wanted.discard(id(buffer))
            if not self._wanted:
                self.flusher.stop()
                if self._leave_cells is not None:
                    self._leave_cells()
                    self._leave_cells = None
                # Where somebody came after us we stay: without a run nothing is taken.
                self._taps = [tap for tap in self._taps if not tap.remove()]

    def leave_to_parent(self) -> None:
        """In a forked child: as if nothing had been captured, with a lock that nobody holds."""
        if self._leave_cells is not None:
            self._leave_cells()
        left = [tap for tap in self._taps if not tap.remove()]
        self._busy.clear()
        self.flusher.leave_to_parent()
        busy = self._busy
        self._begin()
        self._taps, self._busy = left, busy

    @contextlib.contextmanager
    def unseen(self, text: str) -> Generator[None]:
        """Within this block the calling thread may write `text`, which is then not captured."""
        thread = get_ident()
        before = self._busy.get(thread)
        self._busy[thread] = (None, text)
        try:
            yield
        finally:
            if before is None:
                del self._busy[thread]
            else:
                self._busy[thread] = before

    def _tap(self, stream: Any, source: Source) -> None:
        if stream is None or self._tapped(stream):
            return
        try:
            self._taps.append(Tap(stream, partial(self._take, source), self._busy))
        except Exception:  # somebody's own class may refuse in any way
            log.debug("%s cannot be captured", source.name.lower(), exc_info=True)

    def _tapped(self, stream: Any) -> bool:
        """Whether what is written to `stream` passes one of our taps on it already."""
        for tap in self._taps:
            if tap.stream is not stream:
                continue
            if tap.on_top:
                return True
            tap.reached = False
            with self.unseen(""), contextlib.suppress(Exception):
                stream.write("")
            if tap.reached:
                return True
            self._taps.remove(tap)
            return False
        return False

    def _take(self, source: Source, text: object) -> None:
        """Give the text to the run of whoever wrote it; never raises."""
        run = current_run()
        # Our own threads have something to say about our own work only.
        if run is None or PORTAL.in_loop() or get_ident() == self.flusher.thread_id:
            return
        if not isinstance(text, str):
            return  # some streams take anything
        buffer = run._core.console  # pyright: ignore[reportPrivateUsage]
        if id(buffer) in self._wanted:
            try:  # noqa: SIM105 - once a print
                buffer.add(text, source)
            except Exception:  # noqa: BLE001, S110 - nothing may reach `print`, and logging may print
                pass


CAPTURE = Capture()
"""The capture of this process."""
