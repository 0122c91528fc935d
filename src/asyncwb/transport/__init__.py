"""The only HTTP code: clients, retry, limits, TLS, bulk transfer, error mapping.

Nothing here knows what a run is. Importing this package is cheap: httpx, ssl and tenacity are
loaded (off the loop) by the first `Transport.shared`.
"""

from __future__ import annotations

from asyncwb.transport.config import Auth, Http2Mode, TransportConfig
from asyncwb.transport.messages import FileSlice, Response
from asyncwb.transport.retry import (
    NO_RETRY,
    OVERLOAD_STATUSES,
    TRANSIENT_OR_CONFLICT_STATUSES,
    TRANSIENT_STATUSES,
    RetryPolicy,
    RetryState,
)
from asyncwb.transport.stats import TransportStats
from asyncwb.transport.transport import CONTROL_BODY_BYTES, Lane, Transport

__all__ = [
    "CONTROL_BODY_BYTES",
    "NO_RETRY",
    "OVERLOAD_STATUSES",
    "TRANSIENT_OR_CONFLICT_STATUSES",
    "TRANSIENT_STATUSES",
    "Auth",
    "FileSlice",
    "Http2Mode",
    "Lane",
    "Response",
    "RetryPolicy",
    "RetryState",
    "Transport",
    "TransportConfig",
    "TransportStats",
]
