"""Pages behind a cursor: fetched once, kept, and one page ahead of the reader."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Generic, TypeVar

import anyio
import msgspec

from asyncwb.errors import ProtocolError
from asyncwb.graphql.flight import Ahead, PerProcess

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

__all__ = ["Page", "PageInfo", "Paginator"]

T = TypeVar("T")


class PageInfo(msgspec.Struct, rename="camel"):
    """The `pageInfo` of a connection."""

    has_next_page: bool = False
    end_cursor: str | None = None


class Page(msgspec.Struct, Generic[T]):
    """One page: its objects and where the next one starts.

    Attributes:
        items: The objects, in the server's order.
        cursor: Cursor of the next page.
        more: Whether there is a next page.
    """

    items: list[T]
    cursor: str | None
    more: bool


class Paginator(Generic[T]):
    """Walks the pages of one listing. Use it in asyncwb's loop.

    Pages are kept: iterating twice asks the server once. Several iterators may walk at the same
    time; they share the pages.

    Args:
        fetch: Asks for the page that starts at a cursor (None: the first one).
        name: Names the background task of the prefetch.
        start: Cursor of the first page; None: the beginning of the listing.
    """

    def __init__(
        self,
        fetch: Callable[[str | None], Awaitable[Page[T]]],
        *,
        name: str,
        start: str | None = None,
    ) -> None:
        self._fetch = fetch
        self._name = name
        self._lock = PerProcess(anyio.Lock)
        self._pages: list[list[T]] = []
        self.cursor: str | None = start
        """Cursor of the next page; before the first: where the listing starts."""
        self.more = True
        """Whether pages are left to ask for; True before the first."""

    @property
    def loaded(self) -> int:
        """Number of objects loaded so far."""
        return sum(map(len, self._pages))

    async def page(self, index: int) -> list[T] | None:
        """Page number `index`, asked for if need be; None behind the last one."""
        if index < len(self._pages):
            return self._pages[index]
        async with self._lock.get():
            while self.more and len(self._pages) <= index:
                page = await self._fetch(self.cursor)
                if page.more and (page.cursor is None or page.cursor == self.cursor):
                    raise ProtocolError(
                        f"{self._name}: the server announces a next page but its cursor "
                        f"{page.cursor!r} does not advance"
                    )
                self._pages.append(page.items)
                self.cursor, self.more = page.cursor, page.more
        return self._pages[index] if index < len(self._pages) else None

    async def batches(self) -> AsyncIterator[list[T]]:
        """Iterate over the pages; the next one is under way while the caller works."""
        ahead: Ahead[list[T] | None] = Ahead(self._name)
        try:
            index = 0
            while True:
                batch = await (ahead.next() if len(ahead) else self.page(index))
                if batch is None:
                    return
                index += 1
                if index >= len(self._pages) and self.more:
                    ahead.start(partial(self.page, index))
                yield batch
        finally:
            await ahead.aclose()

    async def take(self, stop: int | None) -> list[T]:
        """The first `stop` objects (None: all) in one list."""
        items: list[T] = []
        index = 0
        while stop is None or len(items) < stop:
            page = await self.page(index)
            if page is None:
                break
            items += page
            index += 1
        return items if stop is None else items[:stop]
