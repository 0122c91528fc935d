"""Cancelled callers: the inner task is cancelled, and its cleanup is waited for."""

from __future__ import annotations

import asyncio
import threading

import anyio
import anyio.to_thread
import pytest
import trio

from asyncwb.errors import Error
from asyncwb.portal import PORTAL


class Inner:
    """A coroutine that reports what happens to it; its cleanup takes a while."""

    def __init__(self, cleanup_seconds: float = 0.03) -> None:
        self.started = threading.Event()
        self.cleaning = threading.Event()
        self.cleaned = threading.Event()
        self.cleanup_seconds = cleanup_seconds

    async def __call__(self) -> None:
        self.started.set()
        try:
            await asyncio.Event().wait()
        finally:
            self.cleaning.set()
            await asyncio.sleep(self.cleanup_seconds)
            self.cleaned.set()


async def until(event: threading.Event) -> None:
    assert await anyio.to_thread.run_sync(event.wait, 5)


async def test_before_the_start_nothing_runs() -> None:
    inner = Inner()
    task = asyncio.create_task(PORTAL.acall(inner))
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not inner.started.is_set()


async def test_right_after_the_submission() -> None:
    for _ in range(50):
        inner = Inner(0)
        task = asyncio.create_task(PORTAL.acall(inner))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert inner.cleaned.is_set() == inner.started.is_set()


async def test_midway_waits_for_the_cleanup() -> None:
    inner = Inner()
    task = asyncio.create_task(PORTAL.acall(inner))
    await until(inner.started)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert inner.cleaned.is_set()


async def test_again_during_the_cleanup_changes_nothing() -> None:
    inner = Inner()
    task = asyncio.create_task(PORTAL.acall(inner))
    await until(inner.started)
    task.cancel()
    await until(inner.cleaning)
    for _ in range(5):
        task.cancel()
        await asyncio.sleep(0.001)
    assert not task.done()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert inner.cleaned.is_set()


async def test_asyncio_timeout_works_through_the_bridge() -> None:
    inner = Inner()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.02):
            await PORTAL.acall(inner)
    assert inner.cleaned.is_set()


async def test_anyio_scopes_work_through_the_bridge() -> None:
    inner = Inner()
    with anyio.move_on_after(0.02) as scope:
        await PORTAL.acall(inner)
    assert scope.cancelled_caught
    assert inner.cleaned.is_set()


def test_trio_scopes_work_through_the_bridge() -> None:
    inner = Inner()

    async def main() -> bool:
        with trio.move_on_after(0.02) as scope:
            await PORTAL.acall(inner)
        return scope.cancelled_caught

    assert trio.run(main)
    assert inner.cleaned.is_set()


async def test_an_error_of_the_cleanup_replaces_the_cancellation() -> None:
    failure = ValueError("cleanup")
    started = threading.Event()

    async def inner() -> None:
        started.set()
        try:
            await asyncio.Event().wait()
        finally:
            raise failure

    task = asyncio.create_task(PORTAL.acall(inner))
    await until(started)
    task.cancel()
    with pytest.raises(ValueError) as caught:
        await task
    assert caught.value is failure


def test_a_cancellation_from_inside_is_an_error_and_never_none() -> None:
    async def inner() -> None:
        task = asyncio.current_task()
        assert task is not None
        task.cancel()
        await asyncio.sleep(0)

    with pytest.raises(Error, match="nobody asked") as caught:
        PORTAL.call(inner)
    assert isinstance(caught.value.exc, asyncio.CancelledError)


async def test_siblings_go_on() -> None:
    gate = threading.Event()

    async def patient() -> str:
        await asyncio.to_thread(gate.wait)
        return "done"

    inner = Inner()
    sibling = asyncio.create_task(PORTAL.acall(patient))
    task = asyncio.create_task(PORTAL.acall(inner))
    await until(inner.started)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    gate.set()
    assert await sibling == "done"
