"""Bounds: how much is in flight on one client, and how many retries a process makes."""

from __future__ import annotations

import sys
import time
from collections import deque
from typing import TYPE_CHECKING

import anyio

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Admission", "RetryBudget"]


class Admission:
    """First come, first served entry with a bound on how many are inside.

    Unlike a semaphore it can be resized and opened, and a waiter that is cancelled at the moment
    it is let in gives its place back.
    """

    def __init__(self, slots: int) -> None:
        self._slots = slots
        self._inside = 0
        self._waiting: deque[anyio.Event] = deque()

    @property
    def inside(self) -> int:
        """How many are inside, now."""
        return self._inside

    async def enter(self) -> None:
        """Wait for a place; cancellation gives it up."""
        if not self._waiting and self._inside < self._slots:
            self._inside += 1
            return
        event = anyio.Event()
        self._waiting.append(event)
        try:
            await event.wait()
        except BaseException:
            if event.is_set():
                self.leave()
            else:
                self._waiting.remove(event)
            raise

    def leave(self) -> None:
        """Give a place back."""
        self._inside -= 1
        self._admit()

    def resize(self, slots: int) -> None:
        """Change the bound; nobody is thrown out."""
        self._slots = slots
        self._admit()

    def open(self) -> None:
        """Let everybody in: the client is going away, and waiters must look for another."""
        self.resize(sys.maxsize)

    def _admit(self) -> None:
        while self._waiting and self._inside < self._slots:
            self._inside += 1
            self._waiting.popleft().set()


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
