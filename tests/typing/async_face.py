"""What users of `asyncwb` see; read by mypy and pyright, never run."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TextIO, assert_type

import asyncwb
from asyncwb.api import BetaReport, Member, MemberRole, Project, Registry, RunChange, Sweep
from asyncwb.api import Run as ApiRun
from asyncwb.portal import PORTAL, on_loop, on_loop_iter
from asyncwb.run.metrics import Metric
from asyncwb.sweeps.agent import AgentResult
from asyncwb.sweeps.path import SweepId
from asyncwb.types import AlertLevel, Row

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
        epoch = run.define_metric("epoch", hidden=True)
        assert_type(epoch, Metric)
        assert_type(run.define_metric("x", epoch, summary=["best"], goal="minimize"), Metric)
        run.define_metric("x", goal="min")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
        await run.alert("t", "x", AlertLevel.WARN, timedelta(minutes=1))
        run.tags += ("x",)
        run.notes = None
        assert_type(run.project_url, str | None)
    assert_type(await asyncwb.init(), asyncwb.Run)
    image = asyncwb.Image("a.png", caption="c", file_type="png")
    assert_type(image.caption, str | None)
    assert_type(image.width, int)
    assert_type(asyncwb.Molecule.from_smiles("C"), asyncwb.Molecule)
    assert_type(asyncwb.Histogram([1, 2]).bins, list[float])
    asyncwb.Image("a.png", file_type="gif")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    assert_type(asyncwb.run, asyncwb.Run | None)
    assert_type(asyncwb.config, asyncwb.Config)
    api = asyncwb.Api()
    assert_type(await api.run("e/p/r"), ApiRun)
    for value in await (await api.run("e/p/r")).media("image"):
        assert_type(await value.read(), bytes)
    async for one in api.runs("e/p"):
        assert_type(one, ApiRun)
        async for row in one.scan_history():
            assert_type(row, Row)
        assert_type(await one.sweep(), Sweep | None)
        async for row in one.follow(["loss"], 3):
            assert_type(row, Row)
    assert_type(await api.runs("e/p", limit=3).next(), ApiRun)
    assert_type([project async for project in api.projects()], list[Project])
    async for change in api.watch_runs("e/p"):
        assert_type(change, RunChange)
    assert_type(await api.from_path("e/p"), Project | ApiRun | Sweep | BetaReport)
    assert_type((await api.team("t")).members, list[Member])
    registry = await api.create_registry("r", "restricted", artifact_types=["model"])
    assert_type(registry, Registry)
    assert_type(registry.visibility, Literal["organization", "restricted"])
    registry.visibility = "public"  # type: ignore[assignment]  # pyright: ignore[reportAttributeAccessIssue]
    async for version in api.registries(order="name").collections().versions({"alias": "x"}):
        assert_type(version, asyncwb.Artifact)
    assert_type(await registry.add_members("VXNlcjox"), Registry)
    assert_type([member.role for member in await registry.members()], list[MemberRole | str])
    assert_type(await asyncwb.login(), bool)
    sweep_id = await asyncwb.sweep({"method": "random", "parameters": {}}, project="p")
    assert_type(sweep_id, SweepId)
    assert_type(await asyncwb.agent(sweep_id, use, count=3), AgentResult)
    await asyncwb.agent("e/p/s", print, workers=2)


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
