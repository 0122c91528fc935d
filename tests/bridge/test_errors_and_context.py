"""Exceptions cross as they are; context variables are copied in and never back."""

from __future__ import annotations

import asyncio
import gc
import traceback
import weakref
from contextvars import ContextVar

import pytest

from asyncwb.portal import PORTAL

colour: ContextVar[str] = ContextVar("colour", default="none")


class MarkedError(Exception):
    pass


async def fail(error: BaseException) -> None:
    await asyncio.sleep(0)
    raise error


def test_the_same_exception_object_arrives() -> None:
    error = MarkedError("x")
    with pytest.raises(MarkedError) as caught:
        PORTAL.call(fail, error)
    assert caught.value is error
    assert caught.value.__cause__ is None


async def test_the_same_exception_object_arrives_in_async_callers() -> None:
    error = MarkedError("x")
    with pytest.raises(MarkedError) as caught:
        await PORTAL.acall(fail, error)
    assert caught.value is error


@pytest.mark.parametrize("error", [KeyboardInterrupt(), SystemExit(3), StopAsyncIteration()])
def test_exceptions_that_would_stop_a_loop_reach_the_caller_only(error: BaseException) -> None:
    with pytest.raises(type(error)) as caught:
        PORTAL.call(fail, error)
    assert caught.value is error
    assert PORTAL.call(asyncio.sleep, 0, "alive") == "alive"


def test_the_traceback_shows_the_coroutine() -> None:
    try:
        PORTAL.call(fail, MarkedError("deep"))
    except MarkedError as error:
        text = "".join(traceback.format_exception(error))
    assert "in fail" in text
    assert "raise error" in text
    assert "asyncio/tasks" not in text


def test_a_raised_exception_is_freed_without_the_cycle_collector() -> None:
    class Local(Exception):
        pass

    gc.disable()
    try:
        error = Local()
        ghost = weakref.ref(error)
        try:
            PORTAL.call(fail, error)
        except Local as caught:
            caught.__traceback__ = None
        del error
        PORTAL.call(asyncio.sleep, 0)
        assert ghost() is None
    finally:
        gc.enable()


async def read() -> str:
    seen = colour.get()
    colour.set("inner")
    return seen


async def test_context_variables_are_copied_in_and_not_back() -> None:
    colour.set("outer")
    assert await PORTAL.acall(read) == "outer"
    assert colour.get() == "outer"


def test_iterators_see_the_context_of_their_maker() -> None:
    async def items():
        yield await read()

    colour.set("maker")
    assert list(PORTAL.iterate(items)) == ["maker"]
    colour.set("none")


def test_a_background_crash_is_kept_and_its_traceback_does_not_grow(caplog) -> None:
    error = MarkedError("crash")

    async def watch() -> tuple[int, int]:
        background = PORTAL.spawn(fail, error, name="doomed")
        lengths = []
        for _ in range(4):
            with pytest.raises(MarkedError) as caught:
                await background.wait()
            assert caught.value is error
            lengths.append(len(traceback.extract_tb(error.__traceback__)))
        assert background.done
        assert background.exception is error
        return lengths[1], lengths[3]

    second, last = PORTAL.call(watch)
    assert second == last
    assert "doomed" in caplog.text


def test_a_crash_leaves_its_siblings_alone(caplog) -> None:
    async def watch() -> str:
        gate = asyncio.Event()
        sibling = PORTAL.spawn(gate.wait, name="sibling")
        doomed = PORTAL.spawn(fail, MarkedError("crash"))
        with pytest.raises(MarkedError):
            await doomed.wait()
        assert not sibling.done
        sibling.cancel()
        await sibling.wait()
        return "cancelled" if sibling.exception is None else "crashed"

    assert PORTAL.call(watch) == "cancelled"
