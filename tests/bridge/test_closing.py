"""Closing at any moment: no waiter hangs, and every later call says so."""

from __future__ import annotations

import asyncio
import threading

import pytest
from blockbuster import blockbuster_ctx
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from asyncwb.errors import ClosedError
from asyncwb.portal import PORTAL, Portal


async def echo(value: int) -> int:
    await asyncio.sleep(0)
    return value


async def hang(_: int) -> int:
    await asyncio.Event().wait()
    return 0


async def numbers(_: int):
    number = 0
    while True:
        yield number
        number += 1
        if number % 50 == 0:
            await asyncio.sleep(0)


def test_calls_after_close_are_refused() -> None:
    portal = Portal()
    portal.call(echo, 1)
    portal.close()
    portal.close()
    for use in (
        lambda: portal.call(echo, 1),
        lambda: portal.spawn(echo, 1),
        lambda: list(portal.iterate(numbers, 1)),
        lambda: asyncio.run(portal.acall(echo, 1)),
    ):
        with pytest.raises(ClosedError):
            use()
    portal.post(print)


def test_closing_what_never_started() -> None:
    portal = Portal()
    portal.close()
    with pytest.raises(ClosedError):
        portal.call(echo, 1)


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    callers=st.lists(st.sampled_from(["echo", "hang", "iterate", "async"]), max_size=6),
    delay=st.floats(0, 0.004),
)
def test_close_races_calls_of_every_kind(callers: list[str], delay: float) -> None:
    portal = Portal()
    outcomes: list[object] = []

    def use(kind: str) -> None:
        try:
            while True:
                if kind == "iterate":
                    for _ in portal.iterate(numbers, 0):
                        pass
                elif kind == "async":
                    asyncio.run(portal.acall(hang, 0))
                else:
                    portal.call(echo if kind == "echo" else hang, 1)
        except ClosedError as error:
            outcomes.append(error)

    threads = [threading.Thread(target=use, args=(kind,)) for kind in callers]
    for thread in threads:
        thread.start()
    threading.Event().wait(delay)
    portal.close()
    for thread in threads:
        thread.join(5)
    assert not any(thread.is_alive() for thread in threads), "a waiter hangs"
    assert len(outcomes) == len(callers)


def test_close_runs_cleanups_and_closes_resources_newest_first() -> None:
    portal = Portal()
    log: list[str] = []

    async def work() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            log.append("task")

    async def make(name: str) -> str:
        return name

    async def drop(name: str) -> None:
        log.append(name)

    async def scene() -> None:
        for name in ("first", "second", "first"):
            assert await portal.resource(name, lambda name=name: make(name), drop) == name

    portal.call(scene)
    portal.spawn(work)
    portal.call(asyncio.sleep, 0)
    portal.close()
    assert log == ["task", "second", "first"]


def test_one_resource_per_key_even_when_many_ask_at_once() -> None:
    portal = Portal()
    made: list[object] = []

    async def make() -> object:
        await asyncio.sleep(0.001)
        made.append(object())
        return made[-1]

    async def drop(_: object) -> None:
        return None

    async def scene() -> set[object]:
        return set(await asyncio.gather(*(portal.resource("k", make, drop) for _ in range(20))))

    assert len(portal.call(scene)) == 1
    assert len(made) == 1
    portal.close()


def test_a_cleanup_that_hangs_is_left_behind() -> None:
    portal = Portal()
    started = threading.Event()

    async def stubborn() -> None:
        started.set()
        while True:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                continue

    def call() -> None:
        with pytest.raises(ClosedError):
            portal.call(stubborn)

    thread = threading.Thread(target=call)
    thread.start()
    started.wait()
    portal.close(0.1)
    thread.join(5)
    assert not thread.is_alive()


def test_the_portal_itself_never_blocks_its_loop() -> None:
    async def scene() -> int:
        with blockbuster_ctx("asyncwb.portal"):
            background = PORTAL.spawn(echo, 1)
            await background.wait()
            return await PORTAL.acall(echo, 2)

    with blockbuster_ctx("asyncwb.portal"):
        assert PORTAL.call(scene) == 2
        with PORTAL.iterate(numbers, 0) as items:
            assert [next(items) for _ in range(500)] == list(range(500))


def test_post_never_raises_and_starts_nothing() -> None:
    portal = Portal()
    portal.post(print)
    assert not portal.started
    seen = threading.Event()
    portal.call(echo, 1)
    portal.post(seen.set)
    assert seen.wait(2)
    portal.close()
