"""What all Transports of a process share: clients, TLS contexts, the retry budget, counters."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple

import anyio

from asyncwb.errors import ClosedError, ForkedError
from asyncwb.transport.bulk import BULK_CONNECTIONS, BulkLane, Purpose, bulk_entry
from asyncwb.transport.client import Client, build_http
from asyncwb.transport.config import Http2Mode, Origin, TransportConfig, origin_of
from asyncwb.transport.guard import MAX_IN_FLIGHT_HTTP1, ControlLane
from asyncwb.transport.limits import RetryBudget
from asyncwb.transport.offload import offload
from asyncwb.transport.proxies import proxy_for
from asyncwb.transport.stats import Counters
from asyncwb.transport.tls import cleartext_context, verified_context

if TYPE_CHECKING:
    import ssl

__all__ = ["Pools", "open_pools"]


class _ControlKey(NamedTuple):
    origin: Origin
    http2: Http2Mode
    proxy: str | None
    ca_file: str | None
    insecure: bool


class _BulkKey(NamedTuple):
    scheme: str
    proxy: str | None
    ca_file: str | None
    insecure: bool


class Pools:
    """One per event loop (so one per process), closed with it.

    Credentials are no part of any key: two accounts on one server share its connections.
    """

    def __init__(self) -> None:
        self.counters = Counters()
        self.budget = RetryBudget()
        self._pid = os.getpid()
        self._closed = False
        self._contexts: dict[tuple[str | None, bool], ssl.SSLContext] = {}
        self._context_lock = anyio.Lock()
        self._control: dict[_ControlKey, ControlLane] = {}
        self._bulk: dict[_BulkKey, Client] = {}
        self._bulk_entry = bulk_entry()

    async def control(self, config: TransportConfig) -> ControlLane:
        """The lane for small requests to the server of `config`."""
        self._check()
        key = _control_key(config)
        lane = self._control.get(key)
        if lane is None:
            context = await self._context(key.origin.scheme, config)
            lane = self._control.setdefault(key, self._new_control(key, context))
        return lane

    def multiplexes(self, config: TransportConfig) -> bool:
        """Whether small requests to the server of `config` share a connection; False: not yet."""
        lane = self._control.get(_control_key(config))
        return lane is not None and lane.multiplexed

    async def bulk(self, config: TransportConfig, url: str, purpose: Purpose) -> BulkLane:
        """The lane for large transfers; `purpose` separates traffic that must not block other."""
        self._check()
        origin = origin_of(url)
        key = _BulkKey(origin.scheme, proxy_for(origin), config.ca_file, config.insecure)
        client = self._bulk.get(key)
        if client is None:
            context = await self._context(origin.scheme, config)
            http = build_http(context, proxy=key.proxy, connections=BULK_CONNECTIONS)
            # Somebody else may have made one meanwhile; an unused client holds nothing.
            client = self._bulk.setdefault(key, Client(http, self.counters))
        return BulkLane(client, self._bulk_entry, purpose)

    async def aclose(self) -> None:
        """Close every client; what runs on them fails."""
        self._closed = True
        self._bulk_entry.open()
        for control in self._control.values():
            await control.aclose()
        for client in self._bulk.values():
            await client.aclose()

    def _new_control(self, key: _ControlKey, context: ssl.SSLContext) -> ControlLane:
        secure = key.origin.scheme == "https"
        # A cleartext proxy forwards HTTP/1.1 only; through a tunnel ALPN decides as without one.
        prior_knowledge = key.http2 == "h2c" and not secure and key.proxy is None
        multiplexed = prior_knowledge or (secure and key.http2 != "off")

        def build() -> Client:
            http = build_http(
                context,
                proxy=key.proxy,
                connections=MAX_IN_FLIGHT_HTTP1,
                http1=not prior_knowledge,
                http2=multiplexed,
            )
            return Client(http, self.counters)

        return ControlLane(build, multiplexed=multiplexed, counters=self.counters)

    async def _context(self, scheme: str, config: TransportConfig) -> ssl.SSLContext:
        if scheme == "http":
            return cleartext_context()
        key = (config.ca_file, config.insecure)
        async with self._context_lock:
            if key not in self._contexts:
                self._contexts[key] = await offload(verified_context, *key)
            return self._contexts[key]

    def _check(self) -> None:
        if os.getpid() != self._pid:
            raise ForkedError(
                "this connection belongs to the parent process; use the spawn or forkserver "
                "start method, or make a new one in the child"
            )
        if self._closed:
            raise ClosedError("the transport is closed")


def _control_key(config: TransportConfig) -> _ControlKey:
    origin = config.origin
    return _ControlKey(origin, config.http2, proxy_for(origin), config.ca_file, config.insecure)


async def open_pools() -> Pools:
    """Factory for `PORTAL.resource`."""
    return Pools()
