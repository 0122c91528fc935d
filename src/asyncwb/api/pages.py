"""What all listings have in common: pages behind a cursor, as one long list."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Generic, TypeVar

from asyncwb.api.batches import closing, each
from asyncwb.errors import InvalidValueError
from asyncwb.graphql.paginator import Page, Paginator
from asyncwb.portal import on_loop, on_loop_iter

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator

    from asyncwb.graphql.service import Service

__all__ = ["Listing", "check_count", "check_page_size"]

T = TypeVar("T")


class Listing(ABC, Generic[T]):
    """A list on the server, read page by page. Pages are asked for once and kept.

    `async for item in listing`; `await listing.length()`, `await listing.get(3)`,
    `await listing.slice(0, 10)`, `await listing.next()`. While the caller works on a page the
    next one is under way. Leaving an iteration early cancels what is in flight: at once with
    `async with contextlib.aclosing(listing.items()) as items`, soon after a plain `break`.
    """

    def __init__(
        self,
        service: Service,
        *,
        name: str,
        per_page: int,
        limit: int | None = None,
        start: str | None = None,
    ) -> None:
        self._service = service
        self._per_page = check_page_size(per_page)
        self._limit = None if limit is None else check_count("limit", limit)
        if self._limit:
            self._per_page = min(self._per_page, self._limit)
        self._count: int | None = None
        self._page_now = self._place_now = self._given = 0  # where `next` is
        self._pages = Paginator(self._fetch, name=name, start=start)

    @abstractmethod
    async def _fetch(self, cursor: str | None) -> Page[T]:
        """Ask for the page at a cursor; sets `_count` where the server counts."""

    def __aiter__(self) -> AsyncGenerator[T, None]:  # sync: batches
        return self.items()

    def items(self) -> AsyncGenerator[T, None]:  # sync: batches
        """Iterate from the beginning; closing the iterator cancels what is in flight.

        Raises:
            NotFoundError: What the listing is of is not there.
            CommError: The server refused (a filter, an order) or was not reached.
        """
        return each(self.batches())

    @on_loop_iter
    async def batches(self) -> AsyncIterator[list[T]]:
        """Iterate over pages, as lists.

        Raises:
            CommError: As for `items`.
        """
        left = self._limit
        if left == 0:
            return
        async with closing(self._pages.batches()) as pages:
            async for page in pages:
                if left is None:
                    yield page
                    continue
                yield page[:left]
                left -= len(page)
                if left <= 0:
                    return

    @property
    def more(self) -> bool:
        """Whether pages are left to ask for; True before the first."""
        return self._pages.more and (self._limit is None or self._pages.loaded < self._limit)

    @property
    def cursor(self) -> str | None:
        """Cursor of the next page; before the first: where the listing starts, else None."""
        return self._pages.cursor

    @property
    def per_page(self) -> int:
        """Items asked for at once."""
        return self._per_page

    @on_loop
    async def length(self) -> int:
        """Number of items: as the server counts them, or counted here by loading all pages.

        Raises:
            CommError: As for `items`.
        """
        if self._count is None:
            await self._pages.page(0)
        if self._count is None:
            return len(await self._take(None))
        return self._count if self._limit is None else min(self._count, self._limit)

    @on_loop
    async def get(self, index: int) -> T:
        """The item at a position, as `listing[index]` of the blocking face.

        Args:
            index: From 0; negative positions count from the end and load all pages.

        Raises:
            IndexError: There is none.
            CommError: As for `items`.
        """
        items = await self._take(index + 1 if index >= 0 else None)
        try:
            return items[index]
        except IndexError:
            raise IndexError(f"item {index} of {len(items)}") from None

    @on_loop
    async def slice(
        self, start: int | None = None, stop: int | None = None, step: int | None = None
    ) -> list[T]:
        """The items of a slice, as `listing[start:stop:step]` of the blocking face.

        Only the pages up to `stop` are loaded; a negative bound or step loads all of them.

        Raises:
            InvalidValueError: The step is 0.
            CommError: As for `items`.
        """
        if step == 0:
            raise InvalidValueError("a slice needs a step other than 0")
        bounded = (
            stop is not None and stop >= 0 and (start is None or start >= 0)
            and (step is None or step > 0)
        )  # fmt: skip
        items = await self._take(stop if bounded else None)
        return items[start:stop:step]

    @on_loop
    async def next(self) -> T:
        """The item after the one that the last `next` gave; iterations have their own position.

        Raises:
            StopAsyncIteration: That was the last one.
            CommError: As for `items`.
        """
        if self._limit is not None and self._given >= self._limit:
            raise StopAsyncIteration
        page = await self._pages.page(self._page_now)
        while page is not None and self._place_now >= len(page):
            self._page_now, self._place_now = self._page_now + 1, 0
            page = await self._pages.page(self._page_now)
        if page is None:
            raise StopAsyncIteration
        self._place_now += 1
        self._given += 1
        return page[self._place_now - 1]

    async def _take(self, stop: int | None) -> list[T]:
        if self._limit is not None:
            stop = self._limit if stop is None else min(stop, self._limit)
        return await self._pages.take(stop)


def check_page_size(per_page: object) -> int:
    """A page size that can be asked for.

    Raises:
        InvalidValueError: It is none.
    """
    if isinstance(per_page, bool) or not isinstance(per_page, int) or per_page < 1:
        raise InvalidValueError(f"per_page must be a whole number from 1 up, not {per_page!r}")
    return per_page


def check_count(name: str, count: object) -> int:
    """A number of things that is not negative.

    Raises:
        InvalidValueError: It is none.
    """
    if isinstance(count, bool) or not isinstance(count, int) or count < 0:
        raise InvalidValueError(f"{name} must be a whole number from 0 up, not {count!r}")
    return count
