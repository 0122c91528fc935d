"""What is retried, how often and after which wait. Pure: the loop is in `attempts.py`."""

from __future__ import annotations

import random
import time
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = [
    "NO_RETRY",
    "OVERLOAD_STATUSES",
    "TRANSIENT_OR_CONFLICT_STATUSES",
    "TRANSIENT_STATUSES",
    "RetryPolicy",
    "RetryState",
    "backoff",
    "server_wait",
]

OVERLOAD_STATUSES = frozenset({429, *range(500, 600)} - {501})
"""Too many requests, and every server fault but "not implemented"."""

TRANSIENT_STATUSES = OVERLOAD_STATUSES | {408}
"""The same and "request timeout"."""

TRANSIENT_OR_CONFLICT_STATUSES = TRANSIENT_STATUSES | {409}
"""The same and "conflict", for requests that several clients may send at once."""


class RetryState(msgspec.Struct, frozen=True):
    """One failed attempt, told to `RetryPolicy.on_retry` before the wait.

    Attributes:
        attempt: Number of attempts made so far, from 1.
        wait_seconds: Time until the next one.
        reason: What went wrong, for people: "503 (overloaded)", "connection lost".
        status: Status of the answer, None where none came.
    """

    attempt: int
    wait_seconds: float
    reason: str
    status: int | None = None


class RetryPolicy(msgspec.Struct, frozen=True, kw_only=True):
    """When a request is sent again. A lost connection always counts as transient.

    Attributes:
        retry_statuses: Answers that are worth another attempt.
        max_attempts: Attempts in all, the first included.
        wait_base: Upper bound of the first wait in seconds; it doubles with every attempt, and
            the wait is drawn between 0 and the bound (full jitter). A server's `Retry-After`
            replaces it.
        wait_max: Upper bound of any drawn wait in seconds.
        attempt_seconds: Time for one attempt; None: 30 s for control requests, no bound but
            60 s of silence for bulk ones.
        on_retry: Called in the loop before each wait; must be quick and must not raise.
    """

    retry_statuses: frozenset[int] = TRANSIENT_STATUSES
    max_attempts: int = 20
    wait_base: float = 0.5
    wait_max: float = 60.0
    attempt_seconds: float | None = None
    on_retry: Callable[[RetryState], None] | None = None


NO_RETRY = RetryPolicy(max_attempts=1)
"""One attempt."""


def backoff(policy: RetryPolicy, attempt: int) -> float:
    """Draw the wait after attempt number `attempt` (from 1), full jitter."""
    # The exponent is bounded so that a policy with endless attempts cannot overflow.
    bound = min(policy.wait_max, policy.wait_base * 2.0 ** min(attempt - 1, 32))
    return random.uniform(0.0, bound)  # noqa: S311 - spreads load, guards nothing


def server_wait(headers: Mapping[str, str], *, now: float | None = None) -> float | None:
    """Seconds that the server asks us to wait, None if it does not say.

    `Retry-After` counts (seconds, or an HTTP date, which is read against the server's own `Date`
    so that a wrong clock here does no harm); without it an exhausted `RateLimit-Remaining` with
    `RateLimit-Reset`.
    """
    asked = headers.get("retry-after")
    if asked is not None:
        seconds = _seconds(asked)
        if seconds is None:
            until = _date(asked)
            if until is None:
                return None
            since = _date(headers.get("date", ""))
            if since is None:
                since = time.time() if now is None else now
            seconds = max(0.0, until - since)
        return seconds
    remaining = _seconds(headers.get("ratelimit-remaining", ""))
    if remaining is not None and remaining <= 0:
        return _seconds(headers.get("ratelimit-reset", ""))
    return None


def _seconds(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if 0 <= value < float("inf") else None


def _date(text: str) -> float | None:
    if not text:
        return None
    # 5 ms to import, for a form of the header that hardly a server uses.
    from datetime import UTC
    from email.utils import parsedate_to_datetime

    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return moment.timestamp()
