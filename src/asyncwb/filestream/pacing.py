"""When to send the next request of a run. Pure: the caller passes the time.

First rows leave at once; then a request per `interval`, which starts short and grows while the
server asks for patience (429, 503, `RateLimit-*`) and shrinks back while it does not. A full
batch, a flush and the end of a run do not wait.

A silent run sends heartbeats at fixed times, its slots: those of many runs are spread evenly over
the period, and few enough that runs share them. A thousand idle runs wake the loop twice a second.
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["FIRST_INTERVAL_SECONDS", "MAX_INTERVAL_SECONDS", "Pacer"]

FIRST_INTERVAL_SECONDS = 0.25
"""Gathering time of the first requests: the first rows are visible within a second."""

NORMAL_INTERVAL_SECONDS = 1.0
MAX_INTERVAL_SECONDS = 15.0
_SLOTS = 60
_PERIOD = 0.95
"""Between two heartbeats, as a share of the longest silence: they may be a little late."""
_QUICK_REQUESTS = 4
_QUOTA_WINDOW = 5
_OVERLOAD = frozenset({429, 503})


class Pacer:
    """Decides how long a run waits between requests.

    Args:
        interval_seconds: Fixed interval; None: adaptive.
        heartbeat_seconds: Longest silence.
    """

    __slots__ = (
        "_fixed",
        "_heartbeat",
        "_interval",
        "_phase",
        "_quota",
        "_quota_interval",
        "_requests",
        "_sent_at",
        "_silent_since",
    )

    def __init__(
        self, *, interval_seconds: float | None = None, heartbeat_seconds: float = 30.0
    ) -> None:
        self._fixed = interval_seconds
        self._interval = NORMAL_INTERVAL_SECONDS
        self._heartbeat = heartbeat_seconds * _PERIOD
        self._phase = self._heartbeat * random.randrange(_SLOTS) / _SLOTS  # noqa: S311
        self._sent_at: float | None = None
        self._silent_since: float | None = None
        self._requests = 0
        # (remaining quota, number of requests so far) at the start of the window.
        self._quota: tuple[float, int] | None = None
        self._quota_interval = 0.0

    @property
    def interval_seconds(self) -> float:
        """Current time between two requests that nothing hurries."""
        if self._fixed is not None:
            return max(self._fixed, self._quota_interval)
        base = self._interval
        if self._requests < _QUICK_REQUESTS and base <= NORMAL_INTERVAL_SECONDS:
            base = FIRST_INTERVAL_SECONDS
        return max(base, self._quota_interval)

    def wait_seconds(
        self,
        now: float,
        *,
        hurry: bool = False,
        idle: bool = False,
        at_most: float | None = None,
    ) -> float:
        """Seconds until waiting data may leave.

        Args:
            now: Monotonic time.
            hurry: Skip all but the server's quota.
            idle: The data is of no hurry at all: it goes with the next heartbeat.
            at_most: Longest silence, where it is to be shorter than usual.
        """
        if self._sent_at is None:
            return 0.0
        if idle and not hurry:
            return max(0.0, self.heartbeat_wait_seconds(now, at_most=at_most))
        interval = self._quota_interval if hurry else self.interval_seconds
        return max(0.0, self._sent_at + interval - now)

    def heartbeat_wait_seconds(self, now: float, *, at_most: float | None = None) -> float:
        """Seconds until a heartbeat is due, counted from the last request or the first question.

        Args:
            now: Monotonic time.
            at_most: Longest silence, where it is to be shorter than usual.
        """
        if self._silent_since is None:
            self._silent_since = now
        latest = self._silent_since + self._heartbeat
        slot = latest - (latest - self._phase) % self._heartbeat
        if slot - self._silent_since < self._heartbeat / _SLOTS:
            # The timer was early: that was this slot's request.
            slot += self._heartbeat
        if at_most is not None:
            slot = min(slot, self._silent_since + at_most)
        return slot - now

    def sent(self, now: float) -> None:
        """Note that a request left."""
        self._sent_at = self._silent_since = now
        self._requests += 1

    def refused(self, status: int | None) -> None:
        """Note an attempt that the transport will repeat."""
        if status in _OVERLOAD:
            self._interval = min(MAX_INTERVAL_SECONDS, self._interval * 2)

    def answered(self, headers: Mapping[str, str]) -> None:
        """Note an accepted request and what its headers say about the quota."""
        self._interval = max(NORMAL_INTERVAL_SECONDS, self._interval * 0.9)
        remaining = _number(headers.get("ratelimit-remaining"))
        reset = _number(headers.get("ratelimit-reset"))
        if remaining is None or reset is None:
            self._quota_interval = 0.0
            return
        if self._quota is None or remaining > self._quota[0]:
            self._quota = (remaining, self._requests)
            return
        before, since = self._quota
        requests = self._requests - since
        if requests < _QUOTA_WINDOW:
            return
        # What one request of ours costs, others' use of the same quota included: so the
        # remaining quota lasts until it is filled up again.
        cost = (before - remaining) / requests
        spread = cost * reset / remaining if remaining > 0 else MAX_INTERVAL_SECONDS
        self._quota_interval = min(MAX_INTERVAL_SECONDS, spread)
        self._quota = (remaining, self._requests)


def _number(text: str | None) -> float | None:
    try:
        return float(text) if text is not None else None
    except ValueError:
        return None
