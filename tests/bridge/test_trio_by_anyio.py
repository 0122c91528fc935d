"""A caller whom `anyio.run` put on trio: the coroutine in our loop is asyncio's all the same."""

from __future__ import annotations

import asyncio
from contextvars import ContextVar

import anyio
import anyio.lowlevel
import pytest

from asyncwb.portal import PORTAL

COLOUR: ContextVar[str] = ContextVar("COLOUR", default="none")


async def in_the_loop() -> str:
    async with anyio.create_task_group() as group:
        group.start_soon(anyio.sleep, 0)
    assert asyncio.get_running_loop().is_running()
    return COLOUR.get()


@pytest.mark.parametrize("backend", ["trio", "asyncio"])
def test_anyio_works_in_the_loop_for_either_caller(backend: str) -> None:
    async def caller() -> tuple[str, str]:
        COLOUR.set("blue")
        found = await PORTAL.acall(in_the_loop)
        await anyio.lowlevel.checkpoint()  # the caller's own context is what it was
        return found, await PORTAL.acall(in_the_loop)

    assert anyio.run(caller, backend=backend) == ("blue", "blue")
