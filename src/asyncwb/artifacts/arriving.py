"""The bytes of a large file as they arrive: written some at a time, and judged by their speed."""

from __future__ import annotations

from time import monotonic
from typing import TYPE_CHECKING

from asyncwb.transport.offload import Offloaded

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterable, Callable

    from asyncwb.artifacts.progress import FileMeter

__all__ = ["while_fast", "write_all"]

_WRITE_BYTES = 1024 * 1024


async def write_all(
    pieces: AsyncIterable[bytes], write: Callable[[list[bytes]], object], meter: FileMeter
) -> None:
    """Write pieces, about a megabyte in each visit to a thread.

    When this returns or raises, nothing is being written any more: the file may be closed.
    """

    async def visit(some: list[bytes]) -> None:
        writing = Offloaded(write, some)
        try:
            await writing.result()
        finally:
            await writing.over()

    pending: list[bytes] = []
    size = 0
    async for piece in pieces:
        pending.append(piece)
        size += len(piece)
        if size >= _WRITE_BYTES:
            await visit(pending)
            meter.moved(size)
            pending, size = [], 0
    if pending:
        await visit(pending)
        meter.moved(size)


async def while_fast(
    pieces: AsyncIterable[bytes], trial: int, bytes_per_second: float
) -> AsyncGenerator[bytes, None]:
    """All pieces, or those of the trial where they come too slowly.

    Args:
        pieces: As they arrive.
        trial: Bytes after which that is judged, once.
        bytes_per_second: What is fast enough; 0: anything.
    """
    size, began = 0, 0.0
    async for piece in pieces:
        yield piece
        before, size = size, size + len(piece)
        began = began or monotonic()
        if before < trial <= size and size < bytes_per_second * (monotonic() - began):
            return
