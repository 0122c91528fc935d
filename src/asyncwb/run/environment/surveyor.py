"""The one thread in which all runs of a process look at their environment.

Signal handlers finish runs, so nothing here may wait for a lock that interrupted code holds.
"""

from __future__ import annotations

import threading
import time
from contextlib import suppress
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any, TypeVar, cast

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["SURVEYOR", "Latch", "Surveyor"]

T = TypeVar("T")

_FRESH_SECONDS = 30.0


class Latch:
    """Opens once, for good. Unlike an `Event` it can be waited for inside of a wait for it."""

    __slots__ = ("_closed", "is_open")

    def __init__(self) -> None:
        self.is_open = False
        self._closed = threading.Lock()
        self._closed.acquire()

    def open(self) -> None:
        """Let everybody through."""
        if not self.is_open:
            self.is_open = True
            with suppress(RuntimeError):  # another thread was as quick
                self._closed.release()

    def wait(self, seconds: float) -> bool:
        """Wait; whether it is open."""
        if not self.is_open and self._closed.acquire(timeout=seconds):
            self._closed.release()
        return self.is_open


class Surveyor:
    """Does the probes of runs one after another, and remembers for a while what it found.

    A thousand runs that start at once therefore ask git and the package index once. Starts no
    thread before it is used; the thread is a daemon.
    """

    def __init__(self) -> None:
        self._begin()

    def _begin(self) -> None:
        self._jobs: SimpleQueue[Callable[[], None]] = SimpleQueue()
        # Who takes the ticket starts the thread.
        self._tickets = [True]
        self._found: dict[object, tuple[float, Any]] = {}

    def submit(self, job: Callable[[], None]) -> None:
        """Do a job, which never raises, behind those that wait; returns at once.

        Raises:
            RuntimeError: No thread can be started.
        """
        self._jobs.put(job)
        if self._tickets:
            with suppress(IndexError):
                self._tickets.pop()
                self._start()

    def _start(self) -> None:
        try:
            threading.Thread(target=self._work, name="asyncwb-survey", daemon=True).start()
        except RuntimeError:
            self._tickets.append(True)
            raise

    def _work(self) -> None:
        while True:
            self._jobs.get()()

    def recall(self, key: object, probe: Callable[[], T]) -> T:
        """What the probe found less than half a minute ago, or finds now. In the thread."""
        now = time.monotonic()
        at, found = self._found.get(key, (-_FRESH_SECONDS, None))
        if now - at < _FRESH_SECONDS:
            return cast("T", found)
        found = probe()
        self._found[key] = (now, found)
        return found

    def leave_to_parent(self) -> None:
        """In a forked child: the thread is the parent's; the next job starts one here."""
        self._begin()


SURVEYOR = Surveyor()
