"""Bounds: how much is in flight on one client, and how many retries a process makes."""

from __future__ import annotations

import itertools
import sys
import time
from collections import deque
from typing import TYPE_CHECKING

import anyio

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["Admission", "RetryBudget"]


class Admission:
    """First come, first served entry with a bound on how many are inside.

    Unlike a semaphore it can be resized and opened, and a waiter that is cancelled at the moment
    it is let in gives its place back.

    Args:
        slots: How many may be inside.
        kept: Places per kind of visitor that no other kind takes: a kind may fill all the rest,
            and still finds no other one locked out. None: visitors are alike.
    """

    def __init__(self, slots: int, kept: Mapping[str, int] | None = None) -> None:
        self._slots = slots
        self._kept = dict(kept or {"": 0})
        self._inside = dict.fromkeys(self._kept, 0)
        self._waiting: dict[str, deque[tuple[int, anyio.Event]]] = {
            kind: deque() for kind in self._kept
        }
        self._tickets = itertools.count()

    @property
    def inside(self) -> int:
        """How many are inside, now."""
        return sum(self._inside.values())

    async def enter(self, kind: str = "") -> None:
        """Wait for a place; cancellation gives it up."""
        waiting = self._waiting[kind]
        if not waiting and self._has_room(kind):
            self._inside[kind] += 1
            return
        entry = (next(self._tickets), anyio.Event())
        waiting.append(entry)
        try:
            await entry[1].wait()
        except BaseException:
            if entry[1].is_set():
                self.leave(kind)
            else:
                waiting.remove(entry)
            raise

    def leave(self, kind: str = "") -> None:
        """Give a place back."""
        self._inside[kind] -= 1
        self._admit()

    def resize(self, slots: int) -> None:
        """Change the bound; nobody is thrown out."""
        self._slots = slots
        self._admit()

    def open(self) -> None:
        """Let everybody in: the client is going away, and waiters must look for another."""
        self.resize(sys.maxsize)

    def _has_room(self, kind: str) -> bool:
        taken = sum(
            inside if other == kind else max(inside, self._kept[other])
            for other, inside in self._inside.items()
        )
        return taken < self._slots

    def _admit(self) -> None:
        while True:
            ready = [k for k, waiting in self._waiting.items() if waiting and self._has_room(k)]
            if not ready:
                return
            kind = min(ready, key=lambda k: self._waiting[k][0])
            self._inside[kind] += 1
            self._waiting[kind].popleft()[1].set()


class RetryBudget:
    """Token bucket over all retries of the process: an outage must not become a flood.

    A retry that finds no token waits for one instead of failing, since rows must arrive in the
    end; the deadline of its call still holds. Successful requests add a share of a token, so that
    a busy process with a lossy network is not slowed down.

    Args:
        rate: Tokens added per second.
        burst: Most tokens kept.
        per_success: Tokens added by an answered request.
        clock: Monotonic seconds.
    """

    def __init__(
        self,
        *,
        rate: float = 10.0,
        burst: float = 100.0,
        per_success: float = 0.5,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._rate = rate
        self._burst = burst
        self._per_success = per_success
        self._clock = clock
        self._tokens = burst
        self._updated = clock()

    def reserve(self) -> float:
        """Take a token; seconds until it is there (0 when it is)."""
        self._refill()
        self._tokens -= 1.0
        return max(0.0, -self._tokens / self._rate)

    def refund(self) -> None:
        """Give a token back: the retry was not made."""
        self._refill()
        self._tokens = min(self._burst, self._tokens + 1.0)

    def success(self) -> None:
        """Count an answered request."""
        self._refill()
        self._tokens = min(self._burst, self._tokens + self._per_success)

    def _refill(self) -> None:
        now = self._clock()
        self._tokens = min(self._burst, self._tokens + (now - self._updated) * self._rate)
        self._updated = now
