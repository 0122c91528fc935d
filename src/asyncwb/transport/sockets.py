"""The sockets of one httpx transport: each is closed with it at the latest.

httpcore's pool forgets connections that are still to be made: one that it closes while its socket
connects, one whose first attempt failed while further requests wait for the same connection (they
try again, on what has left the pool), one whose caller leaves during the TLS handshake. Such a
connection may go on to serve requests, and nobody closes it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import anyio
import httpcore
from httpcore._utils import is_socket_readable

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Iterable

    import httpx

__all__ = ["Sockets"]

_READ_BYTES = 256 * 1024


class Sockets(httpcore.AsyncNetworkBackend):
    """Connects for one httpx transport, and keeps hold of what it opened.

    Reaches into private parts of httpx and httpcore, whose versions are therefore pinned.

    Args:
        http: A new transport; connects through this object from now on.
        on_connect: Called after each connection.
    """

    def __init__(self, http: httpx.AsyncHTTPTransport, on_connect: Callable[[], None]) -> None:
        pool: Any = http._pool  # pyright: ignore[reportPrivateUsage]
        self._inner: httpcore.AsyncNetworkBackend = pool._network_backend
        self._on_connect = on_connect
        self._open: set[_Socket] = set()
        self._closed = False
        create = pool.create_connection

        def create_connection(origin: httpcore.Origin) -> httpcore.AsyncConnectionInterface:
            connection: httpcore.AsyncConnectionInterface = create(origin)
            if isinstance(connection, httpcore.AsyncHTTPConnection):
                once: Any = connection
                once._connect = _ConnectOnce(once._connect)
            return connection

        pool._network_backend = self
        pool.create_connection = create_connection

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Connect, unless the client was closed before or meanwhile."""
        self._check()
        stream = await self._inner.connect_tcp(host, port, timeout, local_address, socket_options)
        socket = _Socket(stream, self._open)
        try:
            self._check()
        except httpcore.ConnectError:
            await socket.aclose()
            raise
        self._on_connect()
        return socket

    async def sleep(self, seconds: float) -> None:
        """As the library asks."""
        await self._inner.sleep(seconds)

    async def aclose(self) -> None:
        """Close all; what would be opened later is refused."""
        self._closed = True
        for socket in list(self._open):
            await socket.aclose()

    def _check(self) -> None:
        if self._closed:
            raise httpcore.ConnectError("the client is closed")


class _Socket(httpcore.AsyncNetworkStream):
    def __init__(self, stream: httpcore.AsyncNetworkStream, group: set[_Socket]) -> None:
        self._stream = stream
        self._group = group
        self._raw: Any = None
        group.add(self)

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        # httpcore asks for 64 KiB; what came beyond would be copied again for each next piece.
        return await self._stream.read(max(max_bytes, _READ_BYTES), timeout)

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        await self._stream.write(buffer, timeout)

    async def aclose(self) -> None:
        await self._stream.aclose()
        self._group.discard(self)

    async def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore.AsyncNetworkStream:
        try:
            stream = await self._stream.start_tls(ssl_context, server_hostname, timeout)
        except BaseException:
            with anyio.CancelScope(shield=True):
                await self.aclose()
            raise
        self._group.discard(self)
        return _Socket(stream, self._group)

    def get_extra_info(self, info: str) -> Any:
        if info == "is_readable":
            # httpcore asks all its connections this for every request, and anyio finds out
            # everything about a socket before it answers.
            self._raw = self._raw or self._stream.get_extra_info("socket")
            return is_socket_readable(self._raw)
        return self._stream.get_extra_info(info)


class _ConnectOnce:
    """Stands in for `_connect` of one connection, which has left the pool when it failed once.

    The requests that waited for it fail as the first one did, or look for another connection
    where the first one was only cancelled.
    """

    def __init__(self, connect: Any) -> None:
        self._connect = connect
        self._failure: BaseException | None = None

    async def __call__(self, request: httpcore.Request) -> httpcore.AsyncNetworkStream:
        failure = self._failure
        if failure is None:
            try:
                stream: httpcore.AsyncNetworkStream = await self._connect(request)
            except BaseException as exc:
                self._failure = exc
                raise
            return stream
        if isinstance(failure, Exception):
            raise failure.with_traceback(None)
        raise httpcore.ConnectionNotAvailable
