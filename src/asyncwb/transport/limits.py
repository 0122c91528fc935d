"""Bounds: what is in flight on one client, and how many retries a process makes."""

from __future__ import annotations

import time
from collections import deque
from typing import TYPE_CHECKING

import anyio

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Admission", "RetryBudget"]


class Admission:
    """First come, first served entry with a bound on requests and on their body bytes.

    The byte bound keeps an HTTP/2 connection below the flow-control window that servers grant by
    default. Waiting for a window update is where httpcore 1.0.9 can stall: a request may start to
    read although a sibling has already read the update it waits for.

    Args:
        slots: Requests inside at once.
        capacity: Their body bytes in all; a larger body enters alone.
    """

    def __init__(self, slots: int, capacity: int) -> None:
        self.slots = slots
        self._capacity = capacity
        self._inside = 0
        self._bytes = 0
        self._waiting: deque[tuple[anyio.Event, int]] = deque()
        self._opened = False

    @property
    def inside(self) -> int:
        """Requests inside, now."""
        return self._inside

    async def enter(self, size: int) -> None:
        """Wait for a place; cancellation gives it up."""
        share = min(size, self._capacity)
        if not self._waiting and self._fits(share):
            self._take(share)
            return
        entry = (anyio.Event(), share)
        self._waiting.append(entry)
        try:
            await entry[0].wait()
        except BaseException:
            if entry[0].is_set():
                self.leave(size)
            else:
                self._waiting.remove(entry)
                self._admit()
            raise

    def leave(self, size: int) -> None:
        """Give a place back."""
        self._inside -= 1
        self._bytes -= min(size, self._capacity)
        self._admit()

    def resize(self, slots: int) -> None:
        """Change the bound on requests."""
        self.slots = slots
        self._admit()

    def open(self) -> None:
        """Let everybody in: the client is going away, and waiters must look for another."""
        self._opened = True
        self._admit()

    def _fits(self, share: int) -> bool:
        return self._opened or (self._inside < self.slots and self._bytes + share <= self._capacity)

    def _take(self, share: int) -> None:
        self._inside += 1
        self._bytes += share

    def _admit(self) -> None:
        while self._waiting and self._fits(self._waiting[0][1]):
            event, share = self._waiting.popleft()
            self._take(share)
            event.set()


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
