"""The one thread in which all runs of a process look at their environment."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, TypeVar, cast

from asyncwb.portal.executor import DaemonExecutor

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Future

__all__ = ["SURVEYOR", "Surveyor"]

T = TypeVar("T")

_FRESH_SECONDS = 30.0


class Surveyor:
    """Does the probes of runs one after another, and remembers for a while what it found.

    A thousand runs that start at once therefore ask git and the package index once. Starts no
    thread before it is used.
    """

    def __init__(self) -> None:
        self._executor: DaemonExecutor | None = None
        self._found: dict[object, tuple[float, Any]] = {}

    def submit(self, job: Callable[[], None]) -> Future[None]:
        """Do a job behind those that wait; returns at once."""
        if self._executor is None:
            self._executor = DaemonExecutor(1, "asyncwb-survey")
        return self._executor.submit(job)

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
        self.__init__()  # type: ignore[misc]  # as new


SURVEYOR = Surveyor()
