"""How much of somebody's requests the server takes: token buckets, slow answers to wrong keys.

Clients retry a 429 for hours, so that only what is truly too much gets one. Each process counts for
itself, in memory.
"""

from __future__ import annotations

import math
import time
from asyncio import sleep
from collections import OrderedDict
from typing import TYPE_CHECKING, Generic, TypeVar

from .problems import Problem

if TYPE_CHECKING:
    from collections.abc import Hashable

    from starlette.requests import Request

__all__ = ["Buckets", "RequestLimit", "TooMany", "WrongKeys"]

K = TypeVar("K", bound="Hashable")
_MOST_BUCKETS = 10_000
_LOOPBACK = ("127.0.0.1", "::1")


class TooMany(Problem):
    """A request above a limit (429).

    Attributes:
        retry_after: Whole seconds after which one would be taken.
    """

    def __init__(self, message: str, retry_after: float) -> None:
        self.retry_after = max(1, math.ceil(retry_after))
        super().__init__(429, f"{message}; try again in {self.retry_after} s")


class Buckets(Generic[K]):
    """A token bucket for each of many, those used last are kept.

    Args:
        rate: Tokens that come back each second.
        burst: Tokens of a full bucket.
    """

    def __init__(self, rate: float, burst: float) -> None:
        self._rate, self._burst = rate, burst
        self._levels: OrderedDict[K, tuple[float, float]] = OrderedDict()

    def take(self, key: K) -> float:
        """Take a token; returns 0.0, or the seconds until there is one again."""
        now = time.monotonic()
        level, filled = self._levels.pop(key, (self._burst, now))
        level = min(self._burst, level + (now - filled) * self._rate)
        missing = 1.0 - level
        self._levels[key] = (level if missing > 0 else level - 1.0, now)
        if len(self._levels) > _MOST_BUCKETS:
            self._levels.popitem(last=False)
        return missing / self._rate if missing > 0 else 0.0


class RequestLimit:
    """Requests of each user.

    Args:
        rate: Requests a second for long; 0: any number.
        burst: Requests at once.
    """

    def __init__(self, rate: float, burst: float) -> None:
        self._buckets: Buckets[int] | None = Buckets(rate, burst) if rate > 0 else None

    def take(self, request: Request, user_id: int) -> None:
        """Count a request; those of this machine itself are free.

        Raises:
            TooMany: The user sends more than the server takes (429).
        """
        if self._buckets is None or _is_local(request):
            return
        wait = self._buckets.take(user_id)
        if wait:
            raise TooMany("too many requests with this account", wait)


def _is_local(request: Request) -> bool:
    """Whether a process of this machine asks; a proxy says for whom it does."""
    client = request.client
    forwarded = {"forwarded", "x-forwarded-for", "x-forwarded-host"} & set(request.headers)
    return client is not None and client.host in _LOOPBACK and not forwarded


class WrongKeys:
    """Answers to wrong keys: some at once, further ones of the same address slowly.

    Right keys are never slowed down, whatever others at their address do.
    """

    _FREE, _RATE, _SECONDS, _MOST_WAITING = 20, 0.2, 1.0, 100

    def __init__(self) -> None:
        self._buckets: Buckets[str] = Buckets(self._RATE, self._FREE)
        self._waiting = 0

    async def slow_down(self, request: Request) -> None:
        """Wait, where an address has sent many wrong keys.

        Raises:
            TooMany: So many wait already that this one gets no answer to its key (429).
        """
        client = request.client
        if not self._buckets.take(client.host if client else ""):
            return
        if self._waiting >= self._MOST_WAITING:
            raise TooMany("too many wrong keys", 1 / self._RATE)
        self._waiting += 1
        try:
            await sleep(self._SECONDS)
        finally:
            self._waiting -= 1
