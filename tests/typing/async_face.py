"""What users of `asyncwb` see; read by mypy and pyright, never run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, TextIO, assert_type

import asyncwb
from asyncwb.api.run import Run as ApiRun
from asyncwb.portal import PORTAL, on_loop, on_loop_iter
from asyncwb.types import Row

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


async def use() -> None:
    async with asyncwb.init(project="p") as run:
        assert_type(run, asyncwb.Run)
        await run.log({"loss": 1.0})
        assert_type(run.stop_requested, bool)
        assert_type(await run.wait_stopped(timeout=1), bool)
        assert_type(await run.detach(), None)
        assert_type(await run.save("*.txt", policy="now"), list[str])
        assert_type(await run.restore("a.txt", root=Path()), TextIO | None)
    assert_type(await asyncwb.init(), asyncwb.Run)
    assert_type(asyncwb.run, asyncwb.Run | None)
    assert_type(asyncwb.config, asyncwb.Config)
    api = asyncwb.Api()
    assert_type(await api.run("e/p/r"), ApiRun)
    async for one in api.runs("e/p"):
        assert_type(one, ApiRun)
        async for row in one.scan_history():
            assert_type(row, Row)
    assert_type(await asyncwb.login(), bool)


class Thing:
    @on_loop
    async def double(self, number: int, *, times: int = 2) -> str:
        return str(number * times)

    @on_loop_iter
    async def items(self, stop: int) -> AsyncIterator[int]:
        yield stop


async def bridge(thing: Thing) -> None:
    assert_type(await thing.double(2, times=3), str)
    async for item in thing.items(3):
        assert_type(item, int)
    assert_type(PORTAL.call(thing.double, 2), str)
    assert_type(await PORTAL.acall(thing.double, 2, times=4), str)
    for number in PORTAL.iterate(thing.items, 3):
        assert_type(number, int)
    await thing.double("2")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
