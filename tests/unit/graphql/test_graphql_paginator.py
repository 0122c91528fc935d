"""Pages are fetched once, ahead of the reader, and cleanly given up."""

from __future__ import annotations

import asyncio
import os

import anyio
import pytest

from asyncwb.graphql.flight import Ahead, PerProcess
from asyncwb.graphql.paginator import Page, Paginator
from asyncwb.portal import PORTAL


class Listing:
    def __init__(self, pages: int) -> None:
        self.pages = pages
        self.asked: list[str | None] = []

    async def fetch(self, cursor: str | None) -> Page[int]:
        self.asked.append(cursor)
        await anyio.sleep(0.001)
        number = int(cursor or 0)
        return Page([number * 2, number * 2 + 1], str(number + 1), number + 1 < self.pages)


async def read(paginator: Paginator[int]) -> list[int]:
    return [item for page in [p async for p in paginator.batches()] for item in page]


async def test_concurrent_readers_share_the_pages() -> None:
    listing = Listing(5)
    paginator = Paginator(listing.fetch, name="test")
    got = await asyncio.gather(*(PORTAL.acall(read, paginator) for _ in range(4)))
    assert got == [list(range(10))] * 4
    assert listing.asked == [None, "1", "2", "3", "4"]
    assert paginator.loaded == 10


async def test_an_empty_page_in_the_middle_does_not_end_the_listing() -> None:
    pages = {None: Page([1], "a", True), "a": Page([], "b", True), "b": Page([2], None, False)}

    async def fetch(cursor: str | None) -> Page[int]:
        return pages[cursor]

    assert await PORTAL.acall(read, Paginator(fetch, name="test")) == [1, 2]


async def test_an_error_is_raised_where_it_belongs_and_the_next_try_goes_on() -> None:
    listing = Listing(3)
    plain, broken = listing.fetch, [True]

    async def fetch(cursor: str | None) -> Page[int]:
        if cursor == "1" and broken:
            broken.clear()
            raise OSError("lost")
        return await plain(cursor)

    paginator = Paginator(fetch, name="test")
    with pytest.raises(OSError, match="lost"):
        await PORTAL.acall(read, paginator)
    assert await PORTAL.acall(read, paginator) == list(range(6))


async def test_results_come_in_the_order_of_the_starts() -> None:
    async def work() -> list[int]:
        ahead: Ahead[int] = Ahead("test")

        def start(number: int) -> None:
            async def call() -> int:
                await anyio.sleep(0.002 * (5 - number))
                return number

            ahead.start(call)

        for number in range(5):
            start(number)
        try:
            return [await ahead.next() for _ in range(5)]
        finally:
            await ahead.aclose()

    assert await PORTAL.acall(work) == [0, 1, 2, 3, 4]


async def test_closing_waits_for_the_cleanup_of_what_is_in_flight() -> None:
    cleaned: list[int] = []

    async def work() -> int:
        ahead: Ahead[None] = Ahead("test")

        async def call() -> None:
            try:
                await anyio.sleep(30)
            finally:
                cleaned.append(1)

        for _ in range(3):
            ahead.start(call)
        with anyio.move_on_after(0.01):
            await ahead.next()
        await ahead.aclose()
        await ahead.aclose()
        return len(ahead)

    assert await PORTAL.acall(work) == 0
    assert cleaned == [1, 1, 1]


def test_a_forked_child_gets_objects_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    made: PerProcess[object] = PerProcess(object)
    first = made.get()
    assert made.get() is first
    monkeypatch.setattr(os, "getpid", lambda: -1)
    assert made.get() is not first
