"""export: files of tables, again does the rest, exact types, nothing of others overwritten."""

from __future__ import annotations

import csv
import json
import math
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from journals import RunFolder, config_record, row_record, run_record
from object_store import KEYS, s3_server

import asyncwb
import asyncwb.sync
from asyncwb.errors import CommError, InvalidValueError, UsageError
from asyncwb.export.manifest import history_name
from asyncwb.testing import LocalServer, local_server

if TYPE_CHECKING:
    from collections.abc import Iterator

    from asyncwb.export import ExportProgress

ROWS: list[dict[str, Any]] = [
    {
        "loss": 1 / (n + 1),
        "n": 2**53 + 1 + n,
        **({"odd": math.nan, "s": f"a,\n{n}"} if n % 2 else {}),
    }
    for n in range(40)
] + [{"inf": -math.inf, "mixed": 1}, {"mixed": "x", "d": {"x": [1, 2]}, "flag": True}]


def fill(parent: str = "wandb", runs: int = 3, **config: Any) -> asyncwb.Api:
    for number in range(runs):
        folder = RunFolder(Path(parent), f"r{number}")
        folder.add(
            run_record(f"r{number}", "demo"),
            config_record(lr=number / 10, net={"w": number}, **config),
            *(row_record(step, **row) for step, row in enumerate(ROWS)),
        )
    return asyncwb.Api(local=parent)


def file_of(to: str, run_id: str, form: str) -> Path:
    return Path(
        to, "history", "entity=local", "project=demo", f"run_id={run_id}", f"history.{form}"
    )


def check_jsonl(path: Path) -> None:
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    assert len(rows) == len(ROWS)
    for step, (row, logged) in enumerate(zip(rows, ROWS, strict=True)):
        assert row["_step"] == step
        for key, value in logged.items():
            assert row[key] == value or (value != value and row[key] != row[key])
            assert type(row[key]) is type(value)
        assert row.keys() - {"_step", "_timestamp", "_runtime"} == logged.keys()


async def test_jsonl_and_csv_need_no_package() -> None:
    api = fill()
    result = await asyncwb.export(api.runs(), "out", "jsonl")
    assert (result.runs, result.exported, result.kept, result.rows) == (3, 3, 0, 3 * len(ROWS))
    for number in range(3):
        check_jsonl(file_of("out", f"r{number}", "jsonl"))
    runs = [json.loads(line) for line in Path("out/runs.jsonl").read_text().splitlines()]
    assert [(run["run_id"], run["config.lr"], run["config.net.w"]) for run in runs] == [
        ("r0", 0.0, 0), ("r1", 0.1, 1), ("r2", 0.2, 2),
    ]  # fmt: skip
    assert {run["summary.loss"] for run in runs} == {1 / 40}

    await asyncwb.export(api.runs(), "out-csv", "csv", keys=["s", "odd"])
    with file_of("out-csv", "r0", "csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["s"] for row in rows] == [f"a,\n{n}" for n in range(1, 40, 2)]
    assert {row["odd"] for row in rows} == {"NaN"}
    assert [row["_step"] for row in rows] == [str(n) for n in range(1, 40, 2)]
    await asyncwb.export(api.runs(), "out-all", "csv")
    with file_of("out-all", "r0", "csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["n"] for row in rows[:40]] == [str(2**53 + 1 + n) for n in range(40)]
    assert [row["mixed"] for row in rows[39:]] == ["", "1", '"x"']
    assert (rows[40]["inf"], rows[41]["d"], rows[41]["flag"]) == (
        "-Infinity",
        '{"x":[1,2]}',
        "true",
    )


@pytest.mark.parametrize("form", ["parquet", "arrow"])
@pytest.mark.parametrize("spill", [8 << 20, 700])
async def test_parquet_and_arrow_keep_types(
    form: Any, spill: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    pa = pytest.importorskip("pyarrow")
    import pyarrow.parquet as pq

    from asyncwb.export import tables

    monkeypatch.setattr(tables, "_SPILL_BYTES", spill)
    monkeypatch.setattr("asyncwb.journal.bulk.WINDOW_BYTES", 1 << 15)
    await asyncwb.export(fill().runs(), "out", form)
    path = file_of("out", "r1", form)
    # not as a partition of the folder it lies in
    table = pq.ParquetFile(path).read() if form == "parquet" else pa.ipc.open_file(path).read_all()
    types = {field.name: str(field.type) for field in table.schema}
    assert types == {
        "loss": "double", "n": "int64", "odd": "double", "s": "string", "inf": "double",
        "mixed": "string", "d": "string", "flag": "bool", "_step": "int64",
        "_timestamp": "double", "_runtime": "double",
    }  # fmt: skip
    assert table.schema.field("mixed").metadata == {b"asyncwb": b"json"}
    rows = table.to_pylist()
    assert [row["n"] for row in rows] == [row.get("n") for row in ROWS]
    assert [row["loss"] for row in rows] == [row.get("loss") for row in ROWS]
    assert math.isnan(rows[1]["odd"])
    assert rows[0]["odd"] is None
    assert rows[40]["inf"] == -math.inf
    assert [row["mixed"] for row in rows[40:]] == ["1", '"x"']
    manifest = json.loads(Path("out/manifest.json").read_text())
    assert manifest["complete"]
    assert (manifest["runs"], manifest["rows"]) == (3, 3 * len(ROWS))
    entry = manifest["history"][1]
    assert (entry["run_id"], entry["rows"]) == ("r1", len(ROWS))
    assert entry["columns"]["mixed"] == "json"
    assert entry["bytes"] == path.stat().st_size
    runs = manifest["runs_columns"]
    assert (runs["config.lr"], runs["group"], runs["tags"]) == ("float", "text", "json")


async def test_a_second_call_does_the_rest() -> None:
    api = fill()
    await asyncwb.export(api.runs(), "out", "jsonl")
    before = {path: path.stat().st_mtime_ns for path in Path("out").rglob("history.jsonl")}
    assert len(before) == 3
    file_of("out", "r1", "jsonl").unlink()
    RunFolder(Path("wandb"), "r9").add(run_record("r9", "demo"), row_record(0, loss=1))
    result = await asyncwb.export(api.runs(), "out", "jsonl")
    assert (result.runs, result.exported, result.kept) == (4, 2, 2)
    check_jsonl(file_of("out", "r1", "jsonl"))
    assert file_of("out", "r0", "jsonl").stat().st_mtime_ns == before[file_of("out", "r0", "jsonl")]


async def test_a_run_that_got_rows_is_exported_anew() -> None:
    api = fill(runs=1)
    await asyncwb.export(api.runs(), "out", "jsonl")
    folder = next(Path("wandb").iterdir())
    grown = RunFolder.__new__(RunFolder)
    grown.journal = folder / "run-r0.wandb"
    grown.add(row_record(99, loss=0.5))
    result = await asyncwb.export(api.runs(), "out", "jsonl")
    assert (result.exported, result.rows) == (1, len(ROWS) + 1)


async def test_what_fails_does_not_stop_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    api = fill()
    from asyncwb.api.run import Run

    plain = Run.scan_history

    def failing(self: Run, *arguments: Any, **named: Any) -> Any:
        if self.id == "r1":
            raise CommError("the line is dead")
        return plain(self, *arguments, **named)

    with monkeypatch.context() as patch:
        patch.setattr(Run, "scan_history", failing)
        with pytest.raises(CommError, match=r"1 of 3 runs .*/r1: the line is dead"):
            await asyncwb.export(api.runs(), "out", "jsonl")
    assert not json.loads(Path("out/manifest.json").read_text())["complete"]
    result = await asyncwb.export(api.runs(), "out", "jsonl")
    assert (result.exported, result.kept) == (1, 2)
    assert not list(Path("out").glob(".unfinished*"))


async def test_files_of_others_stay() -> None:
    api = fill(runs=1)
    Path("out").mkdir()
    Path("out/runs.jsonl").write_text("mine")
    with pytest.raises(UsageError, match="empty place"):
        await asyncwb.export(api.runs(), "out", "jsonl")
    assert Path("out/runs.jsonl").read_text() == "mine"
    assert sorted(os.listdir("out")) == ["runs.jsonl"]
    Path("other").mkdir()
    Path("other/manifest.json").write_text('{"name": "an app"}')
    with pytest.raises(UsageError, match="not of an export"):
        await asyncwb.export(api.runs(), "other", "jsonl")
    await asyncwb.export(api.runs(), "good", "jsonl")
    for options in ({"format": "csv"}, {"format": "jsonl", "keys": ["loss"]}):
        with pytest.raises(UsageError, match="same options"):
            await asyncwb.export(api.runs(), "good", **options)  # type: ignore[arg-type]
    Path("file").write_text("x")
    with pytest.raises(UsageError, match="cannot be used"):
        await asyncwb.export(api.runs(), "file/below", "jsonl")


async def test_a_link_does_not_lead_out() -> None:
    api = fill(runs=1)
    await asyncwb.export(api.runs(), "out", "jsonl")
    file_of("out", "r0", "jsonl").unlink()
    Path("elsewhere").mkdir()
    folder = file_of("out", "r0", "jsonl").parent
    folder.rmdir()
    folder.symlink_to(Path("elsewhere").resolve())
    with pytest.raises(UsageError, match="through a link"):
        await asyncwb.export(api.runs(), "out", "jsonl")
    assert os.listdir("elsewhere") == []


@pytest.mark.parametrize("name", ["..", "../../x", "a/b", "a\\b", "/etc", "é%", "x=y", "\0", "c:d"])
def test_names_of_a_server_are_one_part_of_the_path(name: str) -> None:
    class Named:
        entity = project = id = name

    path = history_name(Named(), "csv")  # type: ignore[arg-type]
    parts = path.split("/")
    assert len(parts) == 5
    assert (parts[0], parts[4]) == ("history", "history.csv")
    assert not any(char in path for char in "\\\0:")
    assert [part.partition("=")[0] for part in parts[1:4]] == ["entity", "project", "run_id"]


async def test_bad_arguments() -> None:
    api = fill(runs=1)
    for options in ({"format": "xls"}, {"concurrency": 0}, {"keys": "loss"}, {"to": "ftp://x/y"}):
        with pytest.raises(InvalidValueError):
            await asyncwb.export(api.runs(), **{"to": "out", "format": "csv", **options})  # type: ignore[arg-type]
    for runs in (3, ["r0"], api):
        with pytest.raises(InvalidValueError, match=r"Api\.runs"):
            await asyncwb.export(runs, "out", "csv")  # type: ignore[arg-type]
    assert not Path("out").exists()


async def test_runs_of_any_kind_and_progress() -> None:
    api = fill()
    seen: list[ExportProgress] = []
    runs = [run async for run in api.runs()]
    await asyncwb.export(runs[:2], "list", "jsonl", progress=seen.append)
    assert [(one.runs, one.total) for one in seen] == [(1, 2), (2, 2)]

    async def some() -> Any:
        yield runs[0]

    assert (await asyncwb.export(some(), "some", "jsonl")).runs == 1
    assert (await asyncwb.export([], "none", "jsonl")).runs == 0
    assert json.loads(Path("none/manifest.json").read_text())["complete"]


def test_the_blocking_face() -> None:
    fill()
    api = asyncwb.sync.Api(local="wandb")
    assert asyncwb.sync.export(api.runs(), "a", "jsonl").exported == 3
    assert asyncwb.sync.export([api.run("r1")], "b", "jsonl").exported == 1


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalServer]:
    with local_server(tmp_path_factory.mktemp("server")) as running:
        yield running


async def test_runs_of_a_server(server: LocalServer) -> None:
    settings = {**server.settings, "project": "exported"}
    for number in range(7):
        async with asyncwb.init(id=f"s{number}", config={"n": number}, settings=settings) as run:
            for step in range(50):
                await run.log({"loss": step / 7, "i": step})
    api = asyncwb.Api(server.settings)
    result = await asyncwb.export(api.runs("exported", per_page=3, lazy=True), "out", "jsonl")
    assert (result.runs, result.rows) == (7, 350)
    for number in range(7):
        scanned = [r async for r in (await api.run(f"exported/s{number}")).scan_history()]
        path = Path("out/history", f"entity={server.entity}", "project=exported",
                    f"run_id=s{number}", "history.jsonl")  # fmt: skip
        assert [json.loads(line) for line in path.read_text().splitlines()] == scanned


def test_the_command(server: LocalServer) -> None:
    fill()
    command = [sys.executable, "-m", "asyncwb", "export", "demo", "--local", "wandb", "--to", "out",
               "--format", "jsonl", "--filter", '{"config.lr": {"$lt": 0.2}}']  # fmt: skip
    for words in ("2 written, 0 kept", "0 written, 2 kept"):
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        assert words in done.stdout
    check_jsonl(file_of("out", "r1", "jsonl"))
    bad = subprocess.run([*command[:-1], "[1]"], capture_output=True, text=True, check=False)
    assert bad.returncode == 1
    assert "--filter" in bad.stderr


async def test_to_an_object_store(monkeypatch: pytest.MonkeyPatch) -> None:
    with s3_server() as url:
        for name, value in KEYS.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("AWS_ENDPOINT_URL", url)
        api = fill()
        for exported in (3, 0):
            result = await asyncwb.export(api.runs(), "s3://plain/some/where", "jsonl")
            assert (result.exported, result.rows) == (exported, 3 * len(ROWS))
        from obstore.store import from_url

        store = from_url("s3://plain/some/where", endpoint=url, region="us-east-1",
                         client_options={"allow_http": True})  # fmt: skip
        name = "history/entity=local/project=demo/run_id=r1/history.jsonl"
        Path("back.jsonl").write_bytes(bytes(store.get(name).bytes()))
        check_jsonl(Path("back.jsonl"))
        with pytest.raises(UsageError, match="same options"):
            await asyncwb.export(api.runs(), "s3://plain/some/where", "csv")
