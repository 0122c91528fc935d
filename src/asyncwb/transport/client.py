"""One httpx transport, and reading an answer from it."""

from __future__ import annotations

import logging
import socket
import sys
import time
import zlib
from typing import TYPE_CHECKING, Any

import anyio
import h2.exceptions
import httpx

from asyncwb.transport.body import BodyChangedError, BytesBody, open_body, unpack
from asyncwb.transport.http2 import adopt_connections
from asyncwb.transport.messages import Outgoing, Response
from asyncwb.transport.sockets import Sockets

if TYPE_CHECKING:
    import ssl

    from asyncwb.transport.stats import Counters

__all__ = ["BROKEN", "CONNECT_SECONDS", "SILENCE_SECONDS", "Client", "OpenResponse", "build_http"]

logger = logging.getLogger("asyncwb.transport")

CONNECT_SECONDS = 10.0
SILENCE_SECONDS = 60.0
_CLOSE_SECONDS = 5.0
# Servers drop idle connections after 15 s and more; HTTP/2 in httpcore notices only with the
# next request, so do not come near that.
_KEEPALIVE_SECONDS = 5.0

BROKEN = (
    httpx.TransportError,
    h2.exceptions.H2Error,
    anyio.BrokenResourceError,
    anyio.ClosedResourceError,
    zlib.error,
    BodyChangedError,
)
"""What a lost, damaged or closing connection raises; every one is worth another attempt."""


class _NoHeaderDumps(logging.Filter):
    """hpack logs each encoded header block at DEBUG, credentials included."""

    def filter(self, record: logging.LogRecord) -> bool:
        return not str(record.msg).startswith(("Encoded header block", "Adding "))


logging.getLogger("hpack.hpack").addFilter(_NoHeaderDumps())


def _socket_options() -> list[tuple[int, int, int]]:
    """TCP keep-alive: a peer that vanished is noticed within about two minutes."""
    options = [(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)]
    for name, value in (("TCP_KEEPINTVL", 15), ("TCP_KEEPCNT", 4)):
        if hasattr(socket, name):
            options.append((socket.IPPROTO_TCP, getattr(socket, name), value))
    idle = "TCP_KEEPALIVE" if sys.platform == "darwin" else "TCP_KEEPIDLE"
    if hasattr(socket, idle):
        options.append((socket.IPPROTO_TCP, getattr(socket, idle), 60))
    return options


def build_http(
    context: ssl.SSLContext,
    *,
    proxy: str | None,
    connections: int,
    http1: bool = True,
    http2: bool = False,
) -> httpx.AsyncHTTPTransport:
    """Make an httpx transport.

    Not an `httpx.AsyncClient`: that logs every URL at INFO, signatures included, and brings
    cookies and redirects which must not happen here.
    """
    return httpx.AsyncHTTPTransport(
        verify=context,
        http1=http1,
        http2=http2,
        limits=httpx.Limits(
            max_connections=connections,
            max_keepalive_connections=connections,
            keepalive_expiry=_KEEPALIVE_SECONDS,
        ),
        proxy=None
        if proxy is None
        else httpx.Proxy(proxy, ssl_context=_proxy_context(proxy, context)),
        socket_options=_socket_options(),
    )


def _proxy_context(proxy: str, context: ssl.SSLContext) -> ssl.SSLContext | None:
    return context if proxy.startswith("https://") else None


class OpenResponse:
    """An answer whose body is still on the wire; must be closed, in the task that opened it."""

    def __init__(self, response: httpx.Response, counters: Counters) -> None:
        self._response = response
        self._counters = counters
        self.status = response.status_code
        self.headers = _headers(response)
        self.http_version: str = response.extensions.get("http_version", b"HTTP/1.1").decode()
        counters.http_version = self.http_version

    def __aiter__(self) -> OpenResponse:
        self._chunks = self._stream.__aiter__()
        return self

    async def __anext__(self) -> bytes:
        chunk = await self._chunks.__anext__()
        self._counters.bytes_received += len(chunk)
        return chunk

    @property
    def _stream(self) -> httpx.AsyncByteStream:
        stream = self._response.stream
        assert isinstance(stream, httpx.AsyncByteStream)
        return stream

    async def read(self) -> Response:
        """Read to the end, undo the content encoding, close."""
        try:
            body = b"".join([chunk async for chunk in self])
        finally:
            await self.aclose()
        body = await unpack(body, self.headers.get("content-encoding", ""))
        return Response(self.status, self.headers, body, self.http_version)

    async def aclose(self) -> None:
        """Give the connection back, or close it where the body was not read to its end."""
        with anyio.move_on_after(_CLOSE_SECONDS, shield=True):
            await self._stream.aclose()


class Client:
    """One httpx transport and the time of its last sign of life."""

    def __init__(self, http: httpx.AsyncHTTPTransport, counters: Counters) -> None:
        self._http = http
        self._counters = counters
        self._sockets = Sockets(http, self._connected)
        self.last_answer = 0.0

    def _connected(self) -> None:
        self._counters.connections += 1

    async def _trace(self, event: str, info: object) -> None:
        """Called by httpcore at every step of a request."""
        if event == "http2.send_connection_init.started":
            adopt_connections(self._http)

    async def open(
        self,
        outgoing: Outgoing,
        *,
        silence_seconds: float | None,
        body: BytesBody | None = None,
    ) -> OpenResponse:
        """Send a request, wait for the head of its answer.

        Args:
            outgoing: The request.
            silence_seconds: Longest wait for a read or write to progress. None on HTTP/2: there
                httpcore fails every request of the connection with the one that times out.
            body: The body, where the caller wants to watch it.
        """
        content = body or await open_body(outgoing.source, outgoing.on_sent)
        headers = dict(outgoing.headers)
        if content is not None:
            headers["Content-Length"] = str(content.size)
            self._counters.bytes_sent += content.size
        timeout = {
            "connect": CONNECT_SECONDS,
            "read": silence_seconds,
            "write": silence_seconds,
            "pool": None,
        }
        extensions: dict[str, Any] = {"timeout": timeout, "trace": self._trace}
        request = httpx.Request(
            outgoing.method, outgoing.url, headers=headers, content=content, extensions=extensions
        )
        self._counters.requests += 1
        began = time.monotonic()
        response = OpenResponse(await self._http.handle_async_request(request), self._counters)
        self.last_answer = time.monotonic()
        logger.debug(
            "%s -> %d in %.0f ms, %s",
            outgoing.label,
            response.status,
            (self.last_answer - began) * 1000,
            response.http_version,
        )
        return response

    async def aclose(self) -> None:
        """Close every connection, for good: requests that run fail, and new ones, too."""
        with anyio.move_on_after(_CLOSE_SECONDS, shield=True):
            try:
                await self._http.aclose()
            finally:
                await self._sockets.aclose()


def _headers(response: httpx.Response) -> dict[str, str]:
    headers: dict[str, str] = {}
    for name, value in response.headers.multi_items():
        name = name.lower()
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    return headers
