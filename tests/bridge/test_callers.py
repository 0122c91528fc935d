"""Calls from every kind of caller."""

from __future__ import annotations

import asyncio
import threading
import warnings
from concurrent.futures import ThreadPoolExecutor

import pytest
import trio
import uvloop

from asyncwb.errors import BlockingInAsyncWarning, PortalMisuseError
from asyncwb.portal import PORTAL, Portal, on_loop, on_loop_iter


async def where() -> tuple[str, int]:
    await asyncio.sleep(0)
    return threading.current_thread().name, id(asyncio.get_running_loop())


def test_the_main_thread() -> None:
    assert PORTAL.call(where)[0] == "asyncwb"


def test_worker_threads_share_one_loop() -> None:
    with ThreadPoolExecutor(8) as pool:
        answers = set(pool.map(lambda _: PORTAL.call(where), range(64)))
    assert len(answers) == 1


async def test_a_running_asyncio_loop() -> None:
    here = id(asyncio.get_running_loop())
    name, there = await PORTAL.acall(where)
    assert name == "asyncwb"
    assert there != here


def test_uvloop() -> None:
    assert uvloop.run(PORTAL.acall(where))[0] == "asyncwb"


def test_trio() -> None:
    async def main() -> tuple[str, int]:
        return await PORTAL.acall(where)

    assert trio.run(main)[0] == "asyncwb"


def test_many_calls_at_once_from_trio() -> None:
    seen: list[int] = []

    async def echo(value: int) -> int:
        await asyncio.sleep(0)
        return value

    async def one(value: int) -> None:
        seen.append(await PORTAL.acall(echo, value))

    async def main() -> None:
        async with trio.open_nursery() as nursery:
            for value in range(100):
                nursery.start_soon(one, value)

    trio.run(main)
    assert sorted(seen) == list(range(100))


def test_successive_loops_of_the_caller() -> None:
    loops = {asyncio.run(PORTAL.acall(where)) for _ in range(5)}
    assert len(loops) == 1


def test_in_the_loop_itself_the_call_is_direct() -> None:
    async def outer() -> bool:
        task = asyncio.current_task()

        async def inner() -> bool:
            return asyncio.current_task() is task

        return await PORTAL.acall(inner)

    assert PORTAL.call(outer)


def test_a_blocking_call_in_the_loop_names_the_awaitable() -> None:
    async def wrong() -> None:
        PORTAL.call(where)

    with pytest.raises(PortalMisuseError, match=r"await where\(\.\.\.\)"):
        PORTAL.call(wrong)


def test_blocking_iteration_in_the_loop_is_refused() -> None:
    async def items():
        yield 1

    async def wrong() -> list[int]:
        return list(PORTAL.iterate(items))

    with pytest.raises(PortalMisuseError):
        PORTAL.call(wrong)


def test_closing_from_the_loop_is_refused() -> None:
    async def wrong() -> None:
        PORTAL.close()

    with pytest.raises(PortalMisuseError):
        PORTAL.call(wrong)


async def test_a_blocking_call_beside_a_running_loop_warns_once() -> None:
    portal = Portal()
    try:
        with pytest.warns(BlockingInAsyncWarning, match="await it") as caught:
            assert portal.call(where)[0] == "asyncwb"
        assert caught[0].filename == __file__
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            portal.call(where)
    finally:
        portal.close()


class Thing:
    def __init__(self, value: int) -> None:
        self.value = value

    @on_loop
    async def times(self, factor: int, *, plus: int = 0) -> tuple[int, str]:
        """Multiply."""
        return self.value * factor + plus, threading.current_thread().name

    @on_loop_iter
    async def up_to(self, stop: int):
        """Count."""
        for number in range(self.value, stop):
            yield number, threading.current_thread().name


async def test_decorated_methods_run_in_the_loop() -> None:
    thing = Thing(3)
    assert await thing.times(4, plus=1) == (13, "asyncwb")
    assert [item async for item in thing.up_to(6)] == [(n, "asyncwb") for n in (3, 4, 5)]
    assert Thing.times.__doc__ == "Multiply."


def test_decorated_methods_nest_without_a_second_hop() -> None:
    async def both(thing: Thing) -> list[object]:
        return [await thing.times(2), [item async for item in thing.up_to(5)]]

    assert PORTAL.call(both, Thing(4)) == [(8, "asyncwb"), [(4, "asyncwb")]]
