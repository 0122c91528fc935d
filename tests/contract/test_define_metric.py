"""`define_metric` against the embedded server."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import asyncwb.sync
from asyncwb.api import Api
from asyncwb.portal import PORTAL
from asyncwb.run import init
from asyncwb.run.metrics import Metric
from asyncwb.sender import sync_folder
from asyncwb.settings import Settings
from asyncwb.testing import LocalServer, local_server

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="module")
def server() -> Iterator[LocalServer]:
    with local_server() as running:
        yield running


@pytest.fixture(autouse=True)
def here(server: LocalServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WANDB_SILENT", "true")
    for name, value in server.env.items():
        monkeypatch.setenv(name, value)


async def stored(path: str) -> tuple[list[dict[str, Any]], dict[str, Any], list[Any]]:
    """Rows, summary and definitions as the server has them."""
    run = await Api().run(path)
    rows = [plain(row) async for row in run.scan_history()]
    return rows, plain(run.summary), run.rawconfig["_wandb"]["m"]


def plain(values: Any) -> dict[str, Any]:
    reserved = ("_timestamp", "_runtime", "_step", "_wandb")
    return {key: value for key, value in dict(values).items() if key not in reserved}


async def test_the_captured_script() -> None:
    """Definitions, rows and summary as the capture of the `wandb` package has them (run.md 9.4)."""
    async with init("p", id="metr0001") as run:
        run.define_metric("epoch")
        run.define_metric("loss", step_metric="epoch", summary="min,max,mean,last,first")
        run.define_metric("val/*", step_metric="epoch")
        run.define_metric("hid", hidden=True)
        run.define_metric("nosum", summary="none")
        run.define_metric("nosync", step_metric="epoch", step_sync=False)
        run.define_metric("a.b", summary="max")
        for n, loss in ((0, 1), (1, 0.5)):
            await run.log({"epoch": n, "loss": loss})
            await run.log({"val/x": n, "hid": 1, "nosum": n, "nosync": 1, "a": {"b": n}})
        live = plain(run.summary.as_dict())
    rows, summary, definitions = await stored(run.path)
    assert rows == [
        {"epoch": 0, "loss": 1},
        {"nosync": 1, "val/x": 0, "nosum": 0, "a": {"b": 0}, "hid": 1, "epoch": 0},
        {"epoch": 1, "loss": 0.5},
        {"val/x": 1, "hid": 1, "epoch": 1, "nosum": 1, "nosync": 1, "a": {"b": 1}},
    ]
    assert summary == live == {
        "loss": {"min": 0.5, "mean": 0.75, "last": 0.5, "first": 1, "max": 1},
        "hid": 1, "val/x": 1, "epoch": 1, "nosync": 1, "a": {"b": {"max": 1}},
    }  # fmt: skip
    captured = [
        {"1": "epoch", "6": [3], "7": []},
        {"1": "loss", "5": 1, "6": [1, 3], "7": [1, 2, 3, 5, 8]},
        {"1": "hid", "6": [2, 3], "7": []},
        {"1": "nosum", "6": [3], "7": [6]},
        {"1": "nosync", "5": 1, "6": [3], "7": []},
        {"1": "a.b", "6": [3], "7": [2]},
        {"2": "val/*", "5": 1, "6": [1], "7": []},
    ]
    assert sorted(map(repr, definitions)) == sorted(map(repr, captured))


async def test_a_resumed_run_goes_on_with_definitions_statistics_and_step_values() -> None:
    async with init("p", id="resumed") as run:
        run.define_metric("loss", summary="min,max,first,last")
        run.define_metric("acc", summary="best", goal="maximize")
        run.define_metric("val/*", step_metric="epoch")
        for n, loss in enumerate((3, 1, 2)):
            await run.log({"loss": loss, "acc": 10 - n, "epoch": n})
    async with init("p", id="resumed", resume="must") as run:
        assert run.summary["loss"] == {"min": 1, "max": 3, "first": 3, "last": 2}
        await run.log({"loss": 5, "acc": 1, "val/x": 1})
        live = plain(run.summary.as_dict())
    rows, summary, definitions = await stored(run.path)
    assert rows[3] == {"loss": 5, "acc": 1, "val/x": 1, "epoch": 2}
    assert summary == live == {
        "loss": {"min": 1, "max": 5, "first": 3, "last": 5}, "acc": {"best": 10},
        "epoch": 2, "val/x": 1,
    }  # fmt: skip
    assert {entry.get("1") or entry["2"] for entry in definitions} == {
        "loss", "acc", "val/*", "epoch",
    }  # fmt: skip
    async with init("p", id="resumed", resume="must") as run:
        run.define_metric("loss", summary="max")
        await run.log({"loss": 4})
        live = plain(run.summary.as_dict())
    _, summary, definitions = await stored(run.path)
    assert summary["loss"] == live["loss"] == {"max": 5}
    assert [entry["7"] for entry in definitions if entry.get("1") == "loss"] == [[2]]


async def test_an_interrupted_delivery_comes_to_the_same(server: LocalServer) -> None:
    """Rows that arrived before a crash are not counted twice by whoever sends the rest."""
    run = await init("p", id="cut")
    run.define_metric("x", summary="min,max,mean,first,last", step_metric="e")
    await run.log({"x": 4, "e": 1})
    await run.log({"x": 2})
    await run.flush()
    connection = run._core.connection
    assert connection is not None
    connection.stop()
    assert connection._task is not None
    await PORTAL.acall(connection._task.wait)
    await run.log({"x": 9})
    run._end_at_exit(0)
    await PORTAL.acall(
        sync_folder, Path(run.sync_dir), Settings(base_url=server.url, api_key=server.api_key)
    )
    rows, summary, _ = await stored(run.path)
    assert rows == [{"x": 4, "e": 1}, {"x": 2, "e": 1}, {"x": 9, "e": 1}]
    assert summary == {"x": {"min": 2, "max": 9, "mean": 5, "first": 4, "last": 9}, "e": 1}


def test_the_blocking_face(server: LocalServer) -> None:
    with asyncwb.sync.init("p", id="blocking") as run:
        epoch = run.define_metric("epoch", hidden=True)
        made = run.define_metric("x", step_metric=epoch, summary=["max"])
        assert made == Metric(name="x", step_metric="epoch", step_sync=True, summary=("max",))
        run.log({"epoch": 2})
        run.log({"x": 1})
        run.log({"x": 0})
        assert run.summary["x"] == {"max": 1}
    saved = asyncwb.sync.Api().run("p/blocking")
    assert [plain(row) for row in saved.scan_history()] == [
        {"epoch": 2}, {"x": 1, "epoch": 2}, {"x": 0, "epoch": 2},
    ]  # fmt: skip
    assert plain(saved.summary) == {"epoch": 2, "x": {"max": 1}}
