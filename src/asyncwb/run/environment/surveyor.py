"""The one thread in which all runs of a process look at their environment.

Signal handlers finish runs, so nothing here may wait for a lock that interrupted code holds.
"""

from __future__ import annotations

import os
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
_FORK_SECONDS = 1.0
_PAUSE_SECONDS = 0.005
_HURRY_SECONDS = 10.0
"""So long nothing pauses once somebody waits; no survey is waited for longer."""


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
        # Held while a job is done; reentrant, because a job that forks waits for itself.
        self._working = threading.RLock()
        self._stuck = False
        self._hurry_until = 0.0

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
            job = self._jobs.get()
            with self._working:
                job()
            self._stuck = False

    def recall(self, key: object, probe: Callable[[], T]) -> T:
        """What the probe found less than half a minute ago, or finds now. In the thread."""
        now = time.monotonic()
        at, found = self._found.get(key, (-_FRESH_SECONDS, None))
        if now - at < _FRESH_SECONDS:
            return cast("T", found)
        found = probe()
        self._found[key] = (now, found)
        return found

    def pause(self) -> None:
        """Leave the interpreter to others for a while, unless somebody waits. In the thread."""
        if time.monotonic() >= self._hurry_until:
            time.sleep(_PAUSE_SECONDS)

    def hurry(self) -> None:
        """Say that somebody waits for what is being done. Never waits."""
        self._hurry_until = time.monotonic() + _HURRY_SECONDS

    def before_fork(self) -> None:
        """Let the thread end what it does, for a second at most.

        A child born in the middle of an import finds that module's import lock held for ever.
        """
        if not self._tickets and not self._stuck:
            self.hurry()
            # A file system that hangs holds up one fork, not each of them.
            self._stuck = not self._working.acquire(timeout=_FORK_SECONDS)

    def after_fork_in_parent(self) -> None:
        """Go on."""
        with suppress(RuntimeError):  # it was not waited for
            self._working.release()

    def after_fork_in_child(self) -> None:
        """The thread is the parent's; the next job starts one here."""
        self._begin()


SURVEYOR = Surveyor()
"""The surveyor of this process."""

if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=SURVEYOR.before_fork,
        after_in_parent=SURVEYOR.after_fork_in_parent,
        after_in_child=SURVEYOR.after_fork_in_child,
    )
