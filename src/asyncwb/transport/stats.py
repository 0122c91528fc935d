"""What the transport of this process did, for `status` and tests."""

from __future__ import annotations

import msgspec

__all__ = ["Counters", "TransportStats"]


class TransportStats(msgspec.Struct, frozen=True):
    """Counts over all Transports of the process since its first request.

    Attributes:
        requests: Attempts sent.
        retries: Attempts that were repetitions.
        connections: TCP connections opened.
        detached: Requests whose caller left and that still run, now.
        detached_total: Requests whose caller left, ever.
        retired: HTTP/2 clients replaced.
        bytes_sent: Body bytes of the requests.
        bytes_received: Body bytes of the answers, as on the wire.
        http_version: Version of the latest answer, "" before the first.
    """

    requests: int
    retries: int
    connections: int
    detached: int
    detached_total: int
    retired: int
    bytes_sent: int
    bytes_received: int
    http_version: str


class Counters:
    """The mutable side of `TransportStats`; changed in the loop only."""

    def __init__(self) -> None:
        self.requests = 0
        self.retries = 0
        self.connections = 0
        self.detached = 0
        self.detached_total = 0
        self.retired = 0
        self.bytes_sent = 0
        self.bytes_received = 0
        self.http_version = ""

    def snapshot(self) -> TransportStats:
        """A copy for callers."""
        return TransportStats(
            requests=self.requests,
            retries=self.retries,
            connections=self.connections,
            detached=self.detached,
            detached_total=self.detached_total,
            retired=self.retired,
            bytes_sent=self.bytes_sent,
            bytes_received=self.bytes_received,
            http_version=self.http_version,
        )
