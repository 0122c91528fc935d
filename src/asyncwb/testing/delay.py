"""A proxy that adds the latency of a long line, and drops connections on request."""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from urllib.parse import urlsplit

from asyncwb.testing._loopback import LoopbackServer, reset

__all__ = ["DelayProxy"]

_CHUNK = 64 * 1024
# A line of 1 s carries that much before it pushes back; loopback has no other bound.
_QUEUE = 4096


class DelayProxy(LoopbackServer):
    """Forwards bytes of any TCP protocol (also HTTP/2 and TLS), late.

    Bandwidth is not limited: a chunk is delivered `round_trip / 2` after it arrived, however many
    are under way. Use it as a sync or async context manager; `url` is where clients go.

    Args:
        upstream: `http://host:port` or `host:port`.
        round_trip: Seconds added to an exchange, half of it each way.
        drop_rate: Probability that a chunk resets its connection instead of being delivered.
        seed: Of the drops.

    Attributes:
        connections: Connections accepted.
        drops: Connections reset by `drop_rate`.
    """

    def __init__(
        self, upstream: str, *, round_trip: float = 0.04, drop_rate: float = 0.0, seed: int = 0
    ) -> None:
        super().__init__()
        self.upstream = upstream
        self.round_trip = round_trip
        self.drop_rate = drop_rate
        self.connections = 0
        self.drops = 0
        self._random = random.Random(seed)

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection."""
        self.connections += 1
        parts = urlsplit(self.upstream if "://" in self.upstream else f"tcp://{self.upstream}")
        try:
            there = await asyncio.open_connection(parts.hostname, parts.port)
        except OSError:
            reset(writer)
            return
        try:
            await asyncio.gather(self._pump(reader, there[1]), self._pump(there[0], writer))
        finally:
            # Either side may have broken off: the other must notice.
            reset(there[1])
            reset(writer)

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        queue: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(_QUEUE)

        async def deliver() -> None:
            while True:
                due, chunk = await queue.get()
                await asyncio.sleep(max(0.0, due - time.monotonic()))
                if not chunk:
                    with contextlib.suppress(OSError):
                        writer.write_eof()
                    return
                writer.write(chunk)
                await writer.drain()

        async def collect() -> None:
            while True:
                chunk = await reader.read(_CHUNK)
                if chunk and self._random.random() < self.drop_rate:
                    self.drops += 1
                    raise ConnectionResetError("dropped")
                await queue.put((time.monotonic() + self.round_trip / 2, chunk))
                if not chunk:
                    return

        async with asyncio.TaskGroup() as group:
            group.create_task(deliver())
            group.create_task(collect())
