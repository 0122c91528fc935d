"""Work on the portal's threads: results, errors, and what a cancelled caller leaves behind."""

from __future__ import annotations

import threading

import anyio
import pytest

from asyncwb.portal import PORTAL
from asyncwb.transport.offload import Offloaded, offload


async def test_the_caller_gets_what_a_call_returns_or_raises() -> None:
    async def work() -> tuple[int, bool]:
        here = threading.get_ident()
        there = await offload(threading.get_ident)
        return await offload(int, "5", base=10), here == there

    assert await PORTAL.acall(work) == (5, False)

    async def fail() -> None:
        await offload(int, "x")

    with pytest.raises(ValueError, match="invalid literal"):
        await PORTAL.acall(fail)


async def test_a_call_runs_while_its_caller_does_something_else() -> None:
    async def work() -> str:
        go = threading.Event()
        waiting = Offloaded(go.wait)
        go.set()  # a call that was awaited first would wait for ever
        assert await waiting.result()
        await waiting.over()
        return "done"

    assert await PORTAL.acall(work) == "done"


async def test_a_cancelled_caller_can_wait_until_its_call_has_ended() -> None:
    async def work() -> tuple[bool, bool]:
        begun, go = threading.Event(), threading.Event()
        ended = False

        def call() -> None:
            nonlocal ended
            begun.set()
            go.wait(10)
            ended = True

        running = Offloaded(call)
        await offload(begun.wait)
        with anyio.CancelScope() as scope:
            scope.cancel()
            try:
                await running.result()
            finally:
                threading.Timer(0.05, go.set).start()
                await running.over()
        return scope.cancelled_caught, ended

    assert await PORTAL.acall(work) == (True, True)
