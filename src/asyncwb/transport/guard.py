"""The control lane: HTTP/2 with the guard that httpx needs, HTTP/1.1 where there is no more.

httpcore 1.0.9 is quick with many small requests on one HTTP/2 connection, and fragile in four
ways: cancelling a request leaks its stream, one read timeout fails all siblings, a GOAWAY loses
requests, and readers stall (`http2.py` mends that one). Hence an HTTP/2 request runs in a
background task of its own and is never cancelled and never times out. A caller that gives up
*detaches*. A client that broke, fell silent or collected detached requests is retired: new
requests go to a fresh one, and the old one closes when its last request ended.
"""

from __future__ import annotations

import logging
import time
from collections import deque
from typing import TYPE_CHECKING

import anyio
import h2.events
import httpx

from asyncwb.errors import ClosedError
from asyncwb.portal import PORTAL
from asyncwb.transport.body import BytesBody
from asyncwb.transport.client import BROKEN, SILENCE_SECONDS, Client
from asyncwb.transport.limits import Admission

if TYPE_CHECKING:
    from collections.abc import Callable

    from asyncwb.transport.messages import Outgoing, Response
    from asyncwb.transport.stats import Counters

__all__ = ["AttemptTimeoutError", "ControlLane"]

logger = logging.getLogger("asyncwb.transport")

MAX_IN_FLIGHT = 32
MAX_IN_FLIGHT_HTTP1 = 8
MAX_DETACHED = 16
MAX_DRAINING = 4
DRAIN_SECONDS = 60.0
STALL_SECONDS = 5.0


class AttemptTimeoutError(Exception):
    """No answer in the time of one attempt; the request may still reach the server."""


class _Guarded:
    """An HTTP/2 client and the requests on it."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.entry = Admission(MAX_IN_FLIGHT)
        self.running = 0
        self.detached = 0
        self.retired = False
        self.leave = anyio.Event()


class _Exchange:
    """One request that runs to its end, whatever its caller does."""

    def __init__(self, owner: _Guarded, outgoing: Outgoing) -> None:
        self.owner = owner
        self.outgoing = outgoing
        self.body = BytesBody(outgoing.source) if isinstance(outgoing.source, bytes) else None
        self.began = time.monotonic()
        self.done = anyio.Event()
        self.detached = False
        self.response: Response | None = None
        self.error: Exception | None = None

    def outcome(self) -> Response:
        """The answer, or what was raised instead; once."""
        # Nothing must keep bodies and tracebacks alive that the caller has done with.
        error, self.error = self.error, None
        response, self.response = self.response, None
        try:
            if error is not None:
                raise error
        finally:
            del error
        assert response is not None
        return response


class ControlLane:
    """Small requests to one origin.

    Args:
        build: Makes a fresh client.
        multiplexed: Whether the clients may speak HTTP/2.
        counters: Where to count.
    """

    def __init__(
        self, build: Callable[[], Client], *, multiplexed: bool, counters: Counters
    ) -> None:
        self._build = build
        self._multiplexed = multiplexed
        self._counters = counters
        self._current: _Guarded | None = None
        self._draining: deque[_Guarded] = deque()
        self._closed = False

    @property
    def multiplexed(self) -> bool:
        """Whether requests share a connection, as far as is known."""
        return self._multiplexed

    async def send(self, outgoing: Outgoing, seconds: float) -> Response:
        """Make one attempt.

        Raises:
            AttemptTimeoutError: No answer within `seconds`.
            Exception: One of `client.BROKEN`.
        """
        deadline = time.monotonic() + seconds
        owner: _Guarded | None = None
        with anyio.move_on_after(seconds):
            owner = await self._enter()
        if owner is None:
            raise AttemptTimeoutError(f"all connections were busy for {seconds:.1f} s")
        if self._multiplexed:
            return await self._guarded(owner, outgoing, deadline)
        try:
            return await self._plain(owner.client, outgoing, deadline)
        finally:
            owner.entry.leave()

    async def aclose(self) -> None:
        """Close all clients; what runs on them fails."""
        self._closed = True
        owners = list(self._draining)
        if self._current is not None:
            owners.append(self._current)
            self._current = None
        for owner in owners:
            owner.entry.open()
            await owner.client.aclose()

    async def _enter(self) -> _Guarded:
        while True:
            if self._closed:
                raise ClosedError("the transport is closed")
            owner = self._current
            if owner is None:
                owner = self._current = _Guarded(self._build())
                if not self._multiplexed:
                    owner.entry.resize(MAX_IN_FLIGHT_HTTP1)
            await owner.entry.enter()
            if not owner.retired and not self._closed:
                return owner
            owner.entry.leave()

    async def _plain(self, client: Client, outgoing: Outgoing, deadline: float) -> Response:
        response: Response | None = None
        with anyio.move_on_after(deadline - time.monotonic()):
            opened = await client.open(outgoing, silence_seconds=SILENCE_SECONDS)
            response = await opened.read()
        if response is None:
            raise AttemptTimeoutError("the server did not answer in time")
        if response.http_version == "HTTP/2":
            self._multiplexed = True
        return response

    async def _guarded(self, owner: _Guarded, outgoing: Outgoing, deadline: float) -> Response:
        exchange = _Exchange(owner, outgoing)
        owner.running += 1
        try:
            PORTAL.spawn(self._run, exchange, name=f"http {outgoing.label}")
        except BaseException:
            self._ended(exchange)
            raise
        try:
            await self._wait(exchange, deadline)
        except BaseException:
            if not exchange.done.is_set():
                self._detach(exchange)
            raise
        return exchange.outcome()

    async def _wait(self, exchange: _Exchange, deadline: float) -> None:
        while not exchange.done.is_set():
            left = deadline - time.monotonic()
            if left <= 0:
                if exchange.owner.client.last_answer < exchange.began:
                    self._retire(exchange.owner, "it fell silent")
                raise AttemptTimeoutError("the server did not answer in time")
            with anyio.move_on_after(min(left, STALL_SECONDS)):
                await exchange.done.wait()
            body = exchange.body
            if not exchange.done.is_set() and body and body.stalled_for() >= STALL_SECONDS:
                self._retire(exchange.owner, "it takes no more data")
                raise httpx.WriteTimeout("the connection takes no more data")

    async def _run(self, exchange: _Exchange) -> None:
        """Body of the background task; its failure belongs to the caller."""
        try:
            opened = await exchange.owner.client.open(
                exchange.outgoing, silence_seconds=None, body=exchange.body
            )
            exchange.response = await opened.read()
            if exchange.response.http_version == "HTTP/1.1":
                self._demote(exchange.owner)
        except Exception as exc:  # noqa: BLE001 - handed to the caller, which raises it
            exchange.error = exc
            if isinstance(exc, BROKEN) and not _only_this_stream(exc):
                self._retire(exchange.owner, f"{type(exc).__name__}")
        except BaseException:
            exchange.error = ClosedError("the transport closed while a request was running")
            raise
        finally:
            self._ended(exchange)

    def _ended(self, exchange: _Exchange) -> None:
        owner = exchange.owner
        owner.running -= 1
        if exchange.detached:
            owner.detached -= 1
            self._counters.detached -= 1
        owner.entry.leave()
        exchange.done.set()
        if owner.retired and owner.running == 0:
            owner.leave.set()

    def _detach(self, exchange: _Exchange) -> None:
        exchange.detached = True
        exchange.owner.detached += 1
        self._counters.detached += 1
        self._counters.detached_total += 1
        if exchange.owner.detached >= MAX_DETACHED:
            self._retire(exchange.owner, "too many callers left")

    def _demote(self, owner: _Guarded) -> None:
        """The server speaks HTTP/1.1 only: requests there can be cancelled like any other."""
        if self._multiplexed:
            self._multiplexed = False
            owner.entry.resize(MAX_IN_FLIGHT_HTTP1)

    def _retire(self, owner: _Guarded, reason: str) -> None:
        if owner.retired:
            return
        owner.retired = True
        self._counters.retired += 1
        logger.debug("replacing an HTTP/2 connection: %s; %d requests drain", reason, owner.running)
        if self._current is owner:
            self._current = None
        owner.entry.open()
        self._draining.append(owner)
        for oldest in list(self._draining)[:-MAX_DRAINING]:
            oldest.leave.set()
        PORTAL.spawn(self._drain, owner, name="http drain")

    async def _drain(self, owner: _Guarded) -> None:
        if owner.running:
            with anyio.move_on_after(DRAIN_SECONDS):
                await owner.leave.wait()
        await owner.client.aclose()
        # Not before: should this task be cancelled, closing the lane closes the client.
        self._draining.remove(owner)


def _only_this_stream(exc: BaseException) -> bool:
    """Whether the server reset one stream and the connection lives on."""
    cause = exc.__cause__
    reason = cause.args[0] if cause is not None and cause.args else None
    # A connection that was never made carries nobody else.
    return isinstance(reason, h2.events.StreamReset) or isinstance(
        exc, (httpx.ConnectError, httpx.ConnectTimeout, httpx.ProxyError)
    )
