"""Iterators: early close, errors, slow consumers, the bound."""

from __future__ import annotations

import asyncio
import threading
from contextlib import aclosing

import pytest
import trio

from asyncwb.portal import PORTAL
from asyncwb.portal.pump import PREFETCH_ITEMS


class Numbers:
    """A generator that tells how far it got and when its `finally` ran."""

    def __init__(self, stop: int = 10**9, error: BaseException | None = None) -> None:
        self.made = 0
        self.closed = threading.Event()
        self.tasks: set[object] = set()
        self.stop, self.error = stop, error

    async def __call__(self):
        try:
            while self.made < self.stop:
                self.tasks.add(asyncio.current_task())
                self.made += 1
                yield self.made - 1
            if self.error is not None:
                raise self.error
        finally:
            self.tasks.add(asyncio.current_task())
            await asyncio.sleep(0.005)
            self.closed.set()


@pytest.mark.parametrize("count", [0, 1, PREFETCH_ITEMS - 1, PREFETCH_ITEMS, 5000])
def test_all_items_in_order(count: int) -> None:
    numbers = Numbers(count)
    assert list(PORTAL.iterate(numbers)) == list(range(count))
    assert numbers.closed.is_set()
    assert len(numbers.tasks) == 1


async def test_all_items_in_order_for_async_callers() -> None:
    numbers = Numbers(5000)
    assert [item async for item in PORTAL.aiterate(numbers)] == list(range(5000))
    assert numbers.closed.is_set()


def test_trio_reads_them_too() -> None:
    async def main() -> list[int]:
        return [item async for item in PORTAL.aiterate(Numbers(1000))]

    assert trio.run(main) == list(range(1000))


def test_a_slow_consumer_bounds_the_producer() -> None:
    numbers = Numbers()
    with PORTAL.iterate(numbers) as items:
        for taken, _ in enumerate(items, 1):
            PORTAL.call(asyncio.sleep, 0)
            assert numbers.made <= taken + PREFETCH_ITEMS
            if taken == 400:
                break


def test_nothing_runs_before_the_first_item_is_wanted() -> None:
    numbers = Numbers()
    items = PORTAL.iterate(numbers)
    PORTAL.call(asyncio.sleep, 0)
    items.close()
    assert numbers.made == 0


def test_closing_early_runs_the_finally_block_first() -> None:
    numbers = Numbers()
    items = PORTAL.iterate(numbers)
    assert next(items) == 0
    items.close()
    assert numbers.closed.is_set()
    assert list(items) == []
    items.close()


async def test_closing_early_in_async_code() -> None:
    numbers = Numbers()
    async with aclosing(PORTAL.aiterate(numbers)) as items:
        async for item in items:
            if item == 3:
                break
    assert numbers.closed.is_set()


def test_a_forgotten_iterator_ends_by_itself() -> None:
    numbers = Numbers()
    for item in PORTAL.iterate(numbers):
        if item == 3:
            break
    assert numbers.closed.wait(2)


def test_an_error_comes_after_the_items_and_is_the_same_object() -> None:
    error = ValueError("bad page")
    seen: list[int] = []
    with pytest.raises(ValueError) as caught:
        seen.extend(PORTAL.iterate(Numbers(300, error)))
    assert caught.value is error
    assert seen == list(range(300))


async def test_an_error_for_async_callers() -> None:
    error = ValueError("bad page")
    with pytest.raises(ValueError) as caught:
        async for _ in PORTAL.aiterate(Numbers(3, error)):
            pass
    assert caught.value is error


def test_an_error_of_the_finally_block_is_raised_by_close() -> None:
    error = ValueError("close")

    async def items():
        try:
            while True:
                yield 1
                await asyncio.sleep(0.001)
        finally:
            raise error

    iterator = PORTAL.iterate(items)
    next(iterator)
    with pytest.raises(ValueError) as caught:
        iterator.close()
    assert caught.value is error


async def test_a_cancelled_consumer_waits_for_the_cleanup() -> None:
    started, closed = threading.Event(), threading.Event()

    async def items():
        try:
            yield 1
            started.set()
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0.03)
            closed.set()

    async def consume() -> None:
        async for _ in PORTAL.aiterate(items):
            pass

    task = asyncio.create_task(consume())
    await asyncio.to_thread(started.wait)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert closed.is_set()
