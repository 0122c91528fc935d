"""No socket outlives its client, and none is forgotten while it connects."""

import asyncio
from collections.abc import Awaitable, Callable

import anyio
import httpcore
import pytest
from http_loopback import Server
from transports import until, with_transport

from asyncwb.errors import CommError
from asyncwb.portal import PORTAL
from asyncwb.testing._loopback import LoopbackServer
from asyncwb.transport import NO_RETRY, RetryPolicy, Transport
from asyncwb.transport.client import Client

QUICK = RetryPolicy(wait_base=0.005, wait_max=0.02)


class Line(httpcore.AsyncNetworkBackend):
    """A network on which the first attempts fail, and the others wait for a gate."""

    def __init__(self, *, failures: int = 0, gate: anyio.Event | None = None) -> None:
        self.real = httpcore.AnyIOBackend()
        self.failures = failures
        self.gate = gate
        self.attempts = 0

    async def connect_tcp(self, host: str, port: int, *args: object, **kwargs: object) -> object:
        self.attempts += 1
        await anyio.sleep(0.01)
        if self.attempts <= self.failures:
            raise httpcore.ConnectError("refused")
        stream = await self.real.connect_tcp(host, port)
        if self.gate is not None:
            await self.gate.wait()
        return stream


async def with_line(
    server: Server, line: Line, body: Callable[[Transport], Awaitable[None]]
) -> None:
    """Run `body` on a transport whose control clients connect over `line`."""

    async def main(transport: Transport) -> None:
        lane = await transport._pools.control(transport.config)
        build = lane._build

        def build_on_line() -> Client:
            client = build()
            client._sockets._inner = line
            return client

        lane._build = build_on_line
        await body(transport)

    await with_transport(server.url, main, http2="h2c")


async def test_requests_that_wait_for_a_failed_connection_make_no_orphan() -> None:
    """Stock httpcore connects again on what has left the pool, and nobody closes that."""
    line = Line(failures=1)
    async with Server(protocol="h2") as server:

        async def body(transport: Transport) -> None:
            failed = 0

            async def one(index: int) -> None:
                nonlocal failed
                try:
                    await transport.post("/a", b"%d" % index, policy=NO_RETRY, deadline_seconds=5)
                except CommError:
                    failed += 1

            async with anyio.create_task_group() as group:
                for index in range(10):
                    group.start_soon(one, index)
            # All ten waited for one connection, and it was tried once.
            assert failed == 10
            assert line.attempts == 1
            await transport.post("/a", b"{}", policy=QUICK, deadline_seconds=5)
            assert server.connections == 1
            pool = await _pool(transport)
            assert [connection.is_closed() for connection in pool.connections] == [False]

        await with_line(server, line, body)
        await until(lambda: server.open == 0)


async def test_a_client_closed_while_it_connects_opens_nothing() -> None:
    async with Server(protocol="h2") as server:
        gate = anyio.Event()

        async def body(transport: Transport) -> None:
            async with anyio.create_task_group() as group:
                group.start_soon(fails, transport)
                await until(lambda: server.open == 1)
                await transport._pools.aclose()
                gate.set()
            await until(lambda: server.open == 0)

        async def fails(transport: Transport) -> None:
            with pytest.raises(CommError, match="closed"):
                await transport.post("/a", b"{}", policy=NO_RETRY, deadline_seconds=5)

        await with_line(server, Line(gate=gate), body)
        assert server.seen == []


class Mute(LoopbackServer):
    """Takes connections and says nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.open = 0

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.open += 1
        while await reader.read(65_536):
            pass
        self.open -= 1


async def test_a_cancelled_handshake_closes_its_socket() -> None:
    async with Mute() as server:

        async def body(transport: Transport) -> None:
            async with anyio.create_task_group() as group:
                group.start_soon(upload, transport)
                await until(lambda: server.open == 1)
                group.cancel_scope.cancel()
            # While the client lives on.
            await until(lambda: server.open == 0)

        async def upload(transport: Transport) -> None:
            await transport.put("/file", b"x" * 100_000, policy=NO_RETRY, deadline_seconds=20)

        await with_transport(f"https://{server.netloc}", body)


async def test_a_retired_client_that_was_not_drained_is_closed_with_the_portal() -> None:
    from asyncwb.transport import TransportConfig

    blocked = anyio.Event()

    async def main(url: str) -> None:
        transport = await Transport.shared(TransportConfig(base_url=url, http2="h2c"))
        with pytest.raises(CommError):
            await transport.post("/a", b"{}", policy=NO_RETRY, deadline_seconds=0.05)
        assert transport.stats.retired == 1
        assert transport.stats.detached == 1

    async def never(request: object) -> None:
        await blocked.wait()

    async with Server(never, protocol="h2") as server:
        await PORTAL.acall(main, server.url)
        assert server.open == 1
        await anyio.to_thread.run_sync(PORTAL.restart)
        await until(lambda: server.open == 0)


async def _pool(transport: Transport) -> httpcore.AsyncConnectionPool:
    lane = await transport._pools.control(transport.config)
    assert lane._current is not None
    pool: httpcore.AsyncConnectionPool = lane._current.client._http._pool
    return pool
