"""Local runs, columns, exports, following: read by mypy and pyright, never run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, assert_type

from numpy.typing import NDArray

import asyncwb
import asyncwb.sync as wandb
from asyncwb.api import Run, RunChange
from asyncwb.export import ExportProgress, ExportResult
from asyncwb.sync.api import Run as BlockingRun
from asyncwb.types import Row

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

ChangeKind = Literal["appeared", "changed", "left"]


def show(progress: ExportProgress) -> None:
    assert_type(progress.runs, int)
    assert_type(progress.total, int | None)


async def some(run: Run) -> AsyncIterator[Run]:
    yield run


async def awaited() -> None:
    api = asyncwb.Api(local=Path("wandb"))
    assert_type(api, asyncwb.Api)
    asyncwb.Api(local=3)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    run = await api.run("r1")
    assert_type(run, Run)

    assert_type(await run.history_arrays(["loss"], min_step=3, max_step=9), dict[str, NDArray[Any]])
    assert_type(await run.scan_history(["loss"]).to_arrays(), dict[str, NDArray[Any]])
    await run.history_arrays(max_step="9")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]

    result = await asyncwb.export(api.runs("p"), "out", "csv", keys=["loss"], progress=show)
    assert_type(result, ExportResult)
    assert_type((result.runs, result.exported, result.kept, result.rows), tuple[int, int, int, int])
    await asyncwb.export([run], Path("out"), progress=True, concurrency=2)
    await asyncwb.export(some(run), "s3://bucket/place", "arrow")
    await asyncwb.export(api.runs(), "out", "xls")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    await asyncwb.export(run, "out")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    await asyncwb.export([run], "out", progress=len)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]

    follow = run.follow(["loss"], from_step=None, poll_seconds=0.5)
    async for row in follow:
        assert_type(row, Row)
    async for row in follow.rows():
        assert_type(row, Row)
    async for change in api.watch_runs("p", {"state": "running"}, initial=True).changes():
        assert_type(change, RunChange)
        assert_type(change.kind, ChangeKind)
        assert_type(change.run, Run)
        assert_type(change.fields, tuple[str, ...])


def blocking() -> None:
    api = wandb.Api(local="wandb")
    run = api.run("r1")
    assert_type(run, BlockingRun)

    assert_type(run.history_arrays(["loss"]), dict[str, NDArray[Any]])
    assert_type(run.scan_history(max_step=9).to_arrays(), dict[str, NDArray[Any]])

    assert_type(wandb.export(api.runs("p"), "out", "jsonl", progress=show), ExportResult)
    assert_type(wandb.export(iter([run]), Path("out")), ExportResult)
    wandb.export(api.runs(), "out", "xls")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    wandb.export(asyncwb.Api().runs(), "out")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]

    rows: Iterator[Row] = iter(run.follow(["loss"]))
    assert_type(next(rows), Row)
    for change in api.watch_runs("p"):
        assert_type(change.kind, ChangeKind)
        assert_type(change.run, BlockingRun)
        assert_type(change.fields, tuple[str, ...])
