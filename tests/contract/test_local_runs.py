"""Api(local=...): runs of a folder, read with the classes of the read side."""

from __future__ import annotations

import json
import math
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from journals import RunFolder, config_record, row_record, run_record

import asyncwb
import asyncwb.journal.records as rec
import asyncwb.sync
from asyncwb.errors import (
    CommError,
    InvalidValueError,
    RunNotFoundError,
    UnsupportedError,
    UsageError,
)
from asyncwb.portal import PORTAL
from asyncwb.sender import sync_folder
from asyncwb.sender.fold import Fold
from asyncwb.settings import resolve
from asyncwb.testing import local_server


async def logged(run_id: str, rows: list[dict[str, Any]], **options: Any) -> None:
    async with asyncwb.init(project="demo", id=run_id, mode="offline", **options) as run:
        for row in rows:
            await run.log(row)


ROWS: list[dict[str, Any]] = [
    {"loss": 1 / (n + 1), "n": n, **({"acc": 0.5, "name": f"e{n}"} if n % 10 == 0 else {})}
    for n in range(250)
]


async def test_a_run_is_what_the_server_gets_of_it(tmp_path: Path) -> None:
    await logged(
        "one", ROWS, config={"lr": 0.1, "net": {"width": 3}}, tags=["t"], group="g", notes="n",
        job_type="train", name="First",
    )  # fmt: skip
    offline = await asyncwb.Api(local=".").run("one")
    with local_server(tmp_path) as server:
        settings = resolve(server.settings)
        folder = next(Path("wandb").glob("offline-run-*"))
        await PORTAL.acall(sync_folder, folder, settings)
        api = asyncwb.Api(settings=settings)
        online = await api.run(f"{server.entity}/demo/one")
        for name in ("id", "project", "name", "state", "tags", "group", "notes", "job_type",
                     "config", "last_history_step", "history_line_count"):  # fmt: skip
            assert getattr(offline, name) == getattr(online, name), name
        assert dict(offline.summary) == dict(online.summary)
        assert set(offline.history_keys["keys"]) == set(online.history_keys["keys"])
        for asked in (
            {}, {"keys": ["acc", "loss"]}, {"min_step": 17, "max_step": 200}, {"keys": ["name"]},
        ):  # fmt: skip
            ours = [row async for row in offline.scan_history(**asked)]
            theirs = [row async for row in online.scan_history(**asked)]
            assert ours == theirs
            a = await offline.scan_history(**asked).to_arrays()
            b = await online.scan_history(**asked).to_arrays()
            assert a.keys() == b.keys()
            for key in a:
                assert a[key].dtype == b[key].dtype
                np.testing.assert_array_equal(a[key], b[key])
        both = (offline, online)
        sampled = [await run.history(samples=7, keys=["n"], pandas=False) for run in both]
        assert sampled[0] == sampled[1]
        assert len(await offline.history(samples=7, pandas=False)) == 7
        names = [{file.name async for file in run.files()} for run in (offline, online)]
        assert names[0] <= names[1]


async def test_runs_filters_and_order() -> None:
    for number in range(4):
        config = {"lr": number / 10}
        await logged(f"r{number}", [{"loss": number}], config=config, tags=[f"t{number}"])
    api = asyncwb.Api(local="wandb")
    runs = api.runs(order="-config.lr", per_page=3)
    assert [run.id async for run in runs] == ["r3", "r2", "r1", "r0"]
    assert await runs.length() == 4
    for filters, order, expected in (
        ({"config.lr": {"$gte": 0.2}}, "+summary_metrics.loss", ["r2", "r3"]),
        ({"$or": [{"tags": "t1"}, {"name": "r0"}]}, "name", ["r0", "r1"]),
        ({"state": {"$ne": "finished"}}, "name", []),
        ({"config.lr.value": {"$in": [0.1, 7]}}, "-name", ["r1"]),
    ):
        assert [r.id async for r in api.runs("demo", filters, order)] == expected
    assert (await runs.get(0)).path == ["local", "demo", "r3"]
    with pytest.raises(RunNotFoundError):
        await api.runs("elsewhere").length()
    wrong: list[dict[str, Any]] = [
        {"nonsense": 1},
        {"config.lr": {"$all": []}},
        {"$xor": []},
        {"config.lr": {"$in": 3}},
        {"name": {"$regex": "["}},
        {"createdAt": {"$gt": "soon"}},
    ]
    for bad in wrong:
        with pytest.raises(InvalidValueError):
            await api.runs(filters=bad).length()
    with pytest.raises(InvalidValueError, match="nonsense"):
        await api.runs(order="-nonsense").length()


async def test_paths_and_what_is_not_there() -> None:
    await logged("one", [{"a": 1}])
    api = asyncwb.Api(local=".")
    for path in ("one", "demo/one", "any/demo/one", "any/demo/runs/one"):
        assert (await api.run(path)).id == "one"
    for path in ("two", "elsewhere/one", ""):
        with pytest.raises(RunNotFoundError):
            await api.run(path)
    with pytest.raises(InvalidValueError, match="no such folder"):
        asyncwb.Api(local="nowhere")


async def test_nothing_can_be_changed_and_nothing_is_sent() -> None:
    await logged("one", [{"a": 1}])
    run = await asyncwb.Api(local=".").run("one")
    run.tags.append("new")
    for call in (run.update, run.delete, run.stop, run.summary.update):
        with pytest.raises(UnsupportedError, match="asyncwb sync"):
            await call()


async def test_files_and_their_bytes(tmp_path: Path) -> None:
    async with asyncwb.init(project="demo", id="one", mode="offline") as run:
        (Path(run.dir) / "sub").mkdir()
        (Path(run.dir) / "sub" / "ä b.txt").write_text("hello")
    saved = await asyncwb.Api(local=".").run("one")
    file = await saved.file("sub/ä b.txt")
    assert (await file.read(), file.size) == (b"hello", 5)
    path = await file.download(tmp_path)
    assert path.read_text() == "hello"
    with pytest.raises(UsageError, match="replace"):
        await file.download(tmp_path)
    assert [f.name async for f in saved.files(pattern="sub/%")] == ["sub/ä b.txt"]
    with pytest.raises(CommError, match="no file"):
        await saved.file("missing")


def folder_of(run_id: str, *bodies: rec.Body, stamp: str = "20260101_000000") -> RunFolder:
    folder = RunFolder(Path("wandb"), run_id, stamp)
    folder.add(*bodies)
    return folder


async def test_crashed_and_live_runs() -> None:
    folder_of("gone", run_record("gone"), config_record(lr=1), row_record(0, loss=2))
    torn = folder_of("torn", run_record("torn"), row_record(0, loss=2), row_record(1, loss=3))
    with torn.journal.open("r+b") as file:
        file.truncate(torn.journal.stat().st_size - 3)
    api = asyncwb.Api(local=".")
    gone, cut = await api.run("gone"), await api.run("torn")
    assert (gone.state, gone.config, gone.summary["loss"]) == ("crashed", {"lr": 1}, 2)
    assert [row["loss"] async for row in cut.scan_history()] == [2]
    async with asyncwb.init(project="demo", id="live", mode="offline") as run:
        await run.log({"a": 1})
        live = await api.run("live")
        assert live.state == "running"
        assert [row["a"] async for row in live.scan_history()] == [1]
        await run.log({"a": 2})
        assert (await live.history_arrays())["a"].tolist() == [1, 2]
    await live.load(force=True)
    assert (live.state, live.summary["a"]) == ("finished", 2)


async def test_steps_that_go_back() -> None:
    async with asyncwb.init(project="demo", id="back", mode="offline") as run:
        for step in (5, 1, 9, 1, 3):
            await run.log({"s": step, "only": 1} if step == 3 else {"s": step}, step=step)
    saved = await asyncwb.Api(local=".").run("back")
    assert [row["s"] async for row in saved.scan_history()] == [1, 1, 3, 5, 9]
    assert [row["s"] async for row in saved.scan_history(min_step=2, max_step=9)] == [3, 5]
    arrays = await saved.history_arrays(["s"])
    assert arrays["_step"].tolist() == [1, 1, 3, 5, 9]
    assert saved.last_history_step == 9


async def test_a_resumed_run_is_one_run() -> None:
    first = [
        run_record("r"),
        config_record(lr=1, a=1),
        row_record(0, loss=5),
        row_record(1, loss=4),
    ]
    again = [run_record("r", resume=True), config_record(lr=2), row_record(0, loss=3)]
    folder_of("r", *first)
    folder_of("r", *again, stamp="20260102_000000")
    run = await asyncwb.Api(local=".").run("r")
    assert run.config == {"lr": 2, "a": 1}
    assert [(row["_step"], row["loss"]) async for row in run.scan_history()] == [
        (0, 5),
        (1, 4),
        (2, 3),
    ]
    assert (run.last_history_step, run.history_line_count, run.summary["loss"]) == (2, 3, 3)
    # without resume the later folder is the run
    folder_of("r", run_record("r"), row_record(0, loss=9), stamp="20260103_000000")
    run = await asyncwb.Api(local=".").run("r")
    assert [row["loss"] async for row in run.scan_history()] == [9]


async def test_a_rewound_run_has_the_rows_up_to_there() -> None:
    folder_of("r", run_record("r"), *(row_record(n, loss=n, old=n) for n in range(5)))
    point = rec.BranchPoint(run="r", value=2, metric="_step")
    folder_of("r", run_record("r", branch_point=point, starting_step=3), row_record(3, loss=30),
        stamp="20260102_000000",
    )  # fmt: skip
    run = await asyncwb.Api(local=".").run("r")
    assert [row["loss"] async for row in run.scan_history()] == [0, 1, 2, 30]
    assert (run.summary["loss"], run.summary["old"]) == (30, 2)


async def test_statistics_and_values_set_by_hand() -> None:
    async with asyncwb.init(project="demo", id="s", mode="offline") as run:
        run.define_metric("loss", summary="min,max")
        for value in (3, 1, 2):
            await run.log({"loss": value, "x": value})
            run.summary["x"] = 10 * value
    saved = await asyncwb.Api(local=".").run("s")
    assert saved.summary["loss"] == {"min": 1, "max": 3}
    assert saved.summary["x"] == 20


async def test_nested_keys_nan_and_nulls() -> None:
    rows = [{"t": {"x": 1, "y": math.nan}}, {"t": {"x": 2}}, {"z": None}]
    await logged("n", rows)
    run = await asyncwb.Api(local=".").run("n")
    assert [row["t.x"] async for row in run.scan_history(["t.x"])] == [1, 2]
    arrays = await run.history_arrays(["t.x"])
    assert arrays["t.x"].tolist() == [1, 2]
    found = [row async for row in run.scan_history()]
    assert math.isnan(found[0]["t"]["y"])  # type: ignore[call-overload,index,arg-type]
    assert "z" in found[2]


def test_the_blocking_face() -> None:
    with asyncwb.sync.init(project="demo", id="b", mode="offline") as run:
        run.log({"a": 1})
    api = asyncwb.sync.Api(local=".")
    assert [r.id for r in api.runs()] == ["b"]
    assert len(api.runs()) == 1
    assert api.run("b").history_arrays()["a"].tolist() == [1]
    assert api.run("b").scan_history().to_pandas()["a"].tolist() == [1]
    assert [row["a"] for row in api.run("b").scan_history()] == [1]


async def test_the_last_row_counts_wherever_blocks_of_the_journal_end() -> None:
    for size in range(0, 1100, 90):
        rows = [row_record(n, loss=n, filler="x" * 90) for n in range(250)]
        run_id = f"b{size}"
        folder_of(run_id, run_record(run_id), config_record(pad="p" * size), *rows)
        run = await asyncwb.Api(local=".").run(run_id)
        assert (run.summary["loss"], run.last_history_step, run.history_line_count) == (
            249,
            249,
            250,
        )


def test_values_that_rows_and_summaries_bring_in_turn() -> None:
    dice = random.Random(8)
    bodies: list[Any] = [run_record("turns", "demo")]
    for step in range(4000):
        row = row_record(step, **{f"k{dice.randrange(12)}": step + n for n in range(3)})
        dice.shuffle(row.item)
        bodies.append(row)
        if dice.random() < 0.5:
            key = f"k{dice.randrange(14)}"
            bodies.append(rec.SummaryRecord(update=[rec.Item(nested_key=[key], value_json="-1")]))
    fold = Fold()
    for body in bodies:
        fold.feed(rec.encode(body))
    RunFolder(Path("wandb"), "turns").add(*bodies)
    run = asyncwb.sync.Api(local="wandb").run("turns")
    assert dict(run.summary) == json.loads(fold.summary.line())
    assert (run.history_line_count, run.last_history_step) == (4000, 3999)


KEYED_ROWS: list[dict[str, Any]] = [
    {"a": 1, "b": 2},
    {"a": None, "b": 3},
    {"a": math.nan, "b": None},
    {"b": 5},
    {"d": {"x": 1, "y": None}, "a": 1.5, "b": 7},
    {"a": {"q": 1}, "b": 8},
    {"d.x": 5, "a": 2, "b": 9},
    {"a": [], "b": True},
    {"d": None, "b": "text"},
    {"d": {"x": None}, "d.x": 6},
]


async def test_keys_choose_the_same_rows_as_on_a_server(tmp_path: Path) -> None:
    with local_server(tmp_path) as server:
        async with asyncwb.init(project="demo", id="keyed", settings=server.settings) as run:
            for row in KEYED_ROWS:
                await run.log(row)
        online = await asyncwb.Api(server.settings).run("demo/keyed")
        offline = await asyncwb.Api(local="wandb").run("keyed")
        for keys in (["a"], ["b"], ["a", "b"], ["_step", "a"], ["d"], ["d.x"], ["d.y"], ["a.q"],
                     ["d.x", "a"], ["_runtime"], ["nothing"], ["a", "nothing"]):  # fmt: skip
            rows = [[row async for row in one.scan_history(keys)] for one in (online, offline)]
            assert repr(rows[0]) == repr(rows[1]), keys
            arrays = [await one.history_arrays(keys) for one in (online, offline)]
            seen = [
                {key: (array.dtype, array.tolist()) for key, array in found.items()}
                for found in arrays
            ]
            assert repr(seen[0]) == repr(seen[1]), keys
            assert len(arrays[0]["_step"]) == len(rows[0])
        assert len([row async for row in offline.scan_history(["a"])]) == 7
        for one in (online, offline):
            assert await one.scan_history().max_step() == 9
            assert await one.scan_history(["a"], max_step=4).max_step() == 3
            assert await one.scan_history(max_step=99).max_step() == 9
