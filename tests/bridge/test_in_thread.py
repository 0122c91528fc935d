"""Blocking work of an async caller runs in a thread, and the caller's loop goes on."""

from __future__ import annotations

import asyncio
import threading
from contextvars import ContextVar

import pytest

import asyncwb
from asyncwb.portal import PORTAL

colour: ContextVar[str] = ContextVar("colour")


async def test_it_runs_elsewhere_and_sees_the_context() -> None:
    colour.set("red")
    name, seen = await PORTAL.in_thread(lambda: (threading.current_thread().name, colour.get()))
    assert name.startswith("asyncwb-files")
    assert seen == "red"


async def test_the_same_exception_arrives() -> None:
    error = KeyError("x")

    def fail() -> None:
        raise error

    with pytest.raises(KeyError) as caught:
        await PORTAL.in_thread(fail)
    assert caught.value is error


async def test_the_loop_goes_on_meanwhile() -> None:
    gate = threading.Event()
    waiting = asyncio.create_task(PORTAL.in_thread(gate.wait, 10))
    await asyncio.sleep(0.01)
    assert not waiting.done()
    gate.set()
    assert await waiting is True


async def test_a_cancelled_caller_waits_for_the_end() -> None:
    gate, ended = threading.Event(), threading.Event()

    def work() -> None:
        gate.wait(10)
        ended.set()

    waiting = asyncio.create_task(PORTAL.in_thread(work))
    await asyncio.sleep(0.01)
    waiting.cancel()
    await asyncio.sleep(0.01)
    assert not waiting.done()
    gate.set()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert ended.is_set()


def test_trio() -> None:
    import trio

    assert trio.run(PORTAL.in_thread, lambda: 42) == 42


async def test_a_cancelled_init_leaves_no_run_behind(
    monkeypatch: pytest.MonkeyPatch, tmp_path
) -> None:
    from asyncwb.run import folder, start

    gate = threading.Event()
    make = folder.make_folder

    def slow(*args, **kwargs):
        made = make(*args, **kwargs)
        gate.wait(10)
        return made

    monkeypatch.setattr(start, "make_folder", slow)
    starting = asyncio.create_task(asyncwb.init(mode="offline", dir=tmp_path)._begin())
    await asyncio.sleep(0.05)
    starting.cancel()
    await asyncio.sleep(0.01)
    gate.set()
    with pytest.raises(asyncio.CancelledError):
        await starting
    assert asyncwb.run is None
    assert list((tmp_path / "wandb").glob("offline-run-*")) == []
