"""`Portal.here`: a coroutine in the caller's thread, whose hops block."""

from __future__ import annotations

import asyncio
import sys
import threading

import pytest

from asyncwb.errors import BlockingInAsyncWarning, PortalMisuseError
from asyncwb.portal import PORTAL


async def ident() -> int:
    await asyncio.sleep(0)
    return threading.get_ident()


async def both() -> tuple[int, int]:
    return threading.get_ident(), await PORTAL.acall(ident)


def test_the_coroutine_is_here_and_what_it_calls_is_in_the_loop() -> None:
    here, there = PORTAL.here(both)
    assert here == threading.get_ident() != there
    assert PORTAL.call(ident) == there


def test_a_coroutine_without_a_call_starts_no_loop() -> None:
    async def nothing() -> int:
        return 3

    PORTAL.restart()
    assert PORTAL.here(nothing) == 3
    assert not PORTAL.started


def test_thread_work_is_done_here_too_even_inside_of_a_running_loop(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # A shell that another test has made would make this a notebook.
    monkeypatch.delitem(sys.modules, "IPython", raising=False)

    async def work() -> int:
        return await PORTAL.in_thread(threading.get_ident)

    async def notebook() -> int:
        return PORTAL.here(work)

    PORTAL.restart()
    assert PORTAL.here(work) == threading.get_ident()
    assert not PORTAL.started
    with pytest.warns(BlockingInAsyncWarning):
        assert asyncio.run(notebook()) == threading.get_ident()


def test_an_error_is_the_same_object_and_the_next_call_of_the_thread_hops_again() -> None:
    error = ValueError("no")

    async def fail() -> None:
        raise error

    async def outer() -> None:
        await PORTAL.acall(fail)

    with pytest.raises(ValueError, match="no") as caught:
        PORTAL.here(outer)
    assert caught.value is error

    async def beside() -> list[int]:
        return list(await asyncio.gather(*(PORTAL.acall(ident) for _ in range(3))))

    assert len(set(asyncio.run(beside()))) == 1


def test_other_waits_and_the_loops_own_thread_are_refused() -> None:
    with pytest.raises(PortalMisuseError, match="waits for something"):
        PORTAL.here(ident)

    async def inside() -> None:
        PORTAL.here(both)

    with pytest.raises(PortalMisuseError, match="await"):
        PORTAL.call(inside)


def test_work_for_a_thread_is_done_here() -> None:
    async def work() -> int:
        return await PORTAL.in_thread(threading.get_ident)

    assert PORTAL.here(work) == threading.get_ident()
