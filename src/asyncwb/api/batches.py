"""Batches in, items out."""

from __future__ import annotations

from contextlib import aclosing
from typing import TYPE_CHECKING, TypeVar, cast

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator

__all__ = ["closing", "each"]

T = TypeVar("T")


def closing(iterator: AsyncIterator[T]) -> aclosing[AsyncGenerator[T, None]]:
    """Close an iterator of the loop at the end of an `async with` block."""
    return aclosing(cast("AsyncGenerator[T, None]", iterator))


async def each(batches: AsyncIterator[list[T]]) -> AsyncGenerator[T, None]:
    """Yield the items of batches; closing it closes them."""
    async with closing(batches) as lists:
        async for batch in lists:
            for item in batch:
                yield item
