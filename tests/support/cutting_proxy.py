"""A proxy that cuts connections after a number of bytes, and counts what went through."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from asyncwb.testing._loopback import LoopbackServer, reset

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["CuttingProxy"]

_PIECE = 16 * 1024


class CuttingProxy(LoopbackServer):
    """Passes bytes on in both directions, and resets a connection where it is told to.

    Args:
        upstream: `http://host:port`.

    Attributes:
        cut: Says for a new connection after how many bytes in either direction it is reset;
            None: never.
        bytes_per_second: Of all connections together; None: as fast as it goes.
        up: Bytes that clients sent.
        down: Bytes that the server sent.
        cuts: Connections that were reset.
        moved: Set once `threshold` bytes went through in both directions together.
    """

    def __init__(self, upstream: str) -> None:
        super().__init__()
        self._upstream = urlsplit(upstream)
        self.cut: Callable[[], int | None] = lambda: None
        self.bytes_per_second: float | None = None
        self.threshold = 0
        self.moved = threading.Event()
        self.up = self.down = self.cuts = 0

    def count_anew(self, threshold: int = 0) -> None:
        """Begin to count from zero."""
        self.up = self.down = self.cuts = 0
        self.threshold = threshold
        self.moved.clear()

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection."""
        try:
            theirs, ours = await asyncio.open_connection(
                self._upstream.hostname, self._upstream.port
            )
        except OSError:
            reset(writer)
            return
        left = self.cut()

        async def pump(
            source: asyncio.StreamReader, target: asyncio.StreamWriter, up: bool
        ) -> None:
            nonlocal left
            while data := await source.read(_PIECE):
                if left is not None:
                    data, left = data[:left], left - len(data[:left])
                target.write(data)
                await target.drain()
                if up:
                    self.up += len(data)
                else:
                    self.down += len(data)
                if self.threshold and self.up + self.down >= self.threshold:
                    self.moved.set()
                if left == 0:
                    self.cuts += 1
                    return
                if self.bytes_per_second:
                    await asyncio.sleep(len(data) / self.bytes_per_second)

        both = [
            asyncio.create_task(pump(reader, ours, True)),
            asyncio.create_task(pump(theirs, writer, False)),
        ]
        try:
            await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in both:
                task.cancel()
            await asyncio.gather(*both, return_exceptions=True)
            reset(ours)
            reset(writer)
