"""The wandb package writes, both read: the same questions get equal answers."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from seed import seed

import asyncwb
from asyncwb.api import Api
from asyncwb.testing import LocalServer, local_server

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytest.importorskip("wandb")
pytestmark = [pytest.mark.interop, pytest.mark.timeout(120)]

WRITE = """
import json, sys, wandb
settings = wandb.Settings(console="off", x_disable_stats=True)
for number in range(3):
    run = wandb.init(
        project="interop", id=f"r{number}", name=f"name {number}", tags=["t", f"t{number}"],
        notes="some notes", group="g", job_type="train", settings=settings,
        config={"lr": number / 10, "nested": {"a": {"b": [1, 2]}}, "text": "é", "none": None},
    )
    if number == 2:
        run.log({"late": 1}, step=5_000)
    for i in range(1500 if number == 0 else 3):
        row = {"loss": 1 / (i + 1), "whole": i * 1.0, "deep": {"x": i, "list": [i, None]}}
        if i % 10 == 0:
            row["sparse"] = i
        run.log(row)
    run.log({"nan": float("nan"), "inf": float("inf"), "minus": -float("inf"), "big": 2**53 + 1})
    run.summary["best"] = {"value": number}
    run.finish(exit_code=number and 1)
"""

READ = """
import json, sys, wandb
api = wandb.Api()
out = {}
def show(run):
    return {
        "id": run.id, "name": run.name, "entity": run.entity, "project": run.project,
        "path": run.path, "url": run.url, "state": run.state, "tags": run.tags,
        "notes": run.notes, "group": run.group, "job_type": run.job_type,
        "config": run.config, "rawconfig": run.rawconfig, "summary": run.summary_metrics,
        "created_at": run.created_at, "heartbeat_at": run.heartbeat_at,
        "last": run.lastHistoryStep, "storage_id": run.storage_id, "user": run.user.username,
        "sweep": run.sweep_name, "system": run.system_metrics,
    }
for path in sys.argv[1:]:
    run = api.run(path)
    out[path] = {
        "run": show(run),
        "rows": list(run.scan_history()),
        "pages": list(run.scan_history(page_size=100)),
        "keys": list(run.scan_history(keys=["loss", "sparse"])),
        "part": list(run.scan_history(min_step=1, max_step=7)),
        "history": run.history(samples=1_000_000, pandas=False),
        "sampled": run.history(keys=["loss"], samples=1_000_000, pandas=False),
        "files": [[f.name, f.size, f.md5, f.mimetype] for f in run.files()],
        "metadata": run.metadata,
    }
questions = [
    ({}, "+created_at"), ({}, "-created_at"), ({"config.lr": {"$gte": 0.1}}, "+created_at"),
    ({"state": "finished"}, "+created_at"), ({"tags": {"$in": ["t1", "t2"]}}, "-created_at"),
    ({"summary_metrics.best.value": 1}, "+created_at"), ({"displayName": "name 2"}, "+created_at"),
]
project = sys.argv[1].rsplit("/", 1)[0]
out["lists"] = [
    [[run.id for run in api.runs(project, filters, order)], len(api.runs(project, filters, order))]
    for filters, order in questions
]
out["questions"] = questions
print("ANSWER" + json.dumps(out))
"""


def package(server: LocalServer, folder: Path, script: str, *arguments: str) -> str:
    """Run a script that uses the wandb package, in a process of its own."""
    env = {**os.environ, **server.env, "WANDB_SILENT": "true", "WANDB_DIR": str(folder)}
    done = subprocess.run(
        [sys.executable, "-c", script, *arguments],
        env=env, cwd=folder, capture_output=True, text=True, timeout=100, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


@pytest.fixture(scope="module")
def server() -> Iterator[LocalServer]:
    with local_server() as running:
        yield running


@pytest.fixture(scope="module")
def theirs(server: LocalServer, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What the wandb package reads of runs that it wrote, and of one with repeated steps."""
    folder = tmp_path_factory.mktemp("wandb")
    package(server, folder, WRITE)
    steps = [3, 3, 9, 1, 3, 2_000]
    seed(server, "interop", "seeded", rows=[{"_step": s, "n": n} for n, s in enumerate(steps)])
    paths = [f"{server.entity}/interop/{name}" for name in ("r0", "r1", "r2", "seeded")]
    answer = package(server, folder, READ, *paths)
    found: dict[str, Any] = json.loads(answer[answer.index("ANSWER") + len("ANSWER") :])
    return found


def same(ours: object, answer: object) -> None:
    """Equal as JSON: NaN equals NaN, and 1.0 equals 1."""
    assert normal(ours) == normal(answer)


def normal(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: normal(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [normal(item) for item in value]
    return "NaN" if isinstance(value, float) and value != value else value


@pytest.mark.parametrize("name", ["r0", "r1", "r2", "seeded"])
async def test_a_run_reads_the_same(server: LocalServer, theirs: dict[str, Any], name: str) -> None:
    path = f"{server.entity}/interop/{name}"
    answer = theirs[path]
    run = await Api(server.settings).run(path)
    assert run.user is not None
    same(
        {
            "id": run.id, "name": run.name, "entity": run.entity, "project": run.project,
            "path": run.path, "url": run.url, "state": run.state, "tags": run.tags,
            "notes": run.notes, "group": run.group, "job_type": run.job_type,
            "config": run.config, "rawconfig": run.rawconfig, "summary": run.summary_metrics,
            "created_at": run.created_at, "heartbeat_at": run.heartbeat_at,
            "last": run.last_history_step, "storage_id": run.storage_id,
            "user": run.user.username, "sweep": run.sweep_name, "system": run.system_metrics,
        },
        answer["run"],
    )  # fmt: skip
    assert answer["rows"]
    same([row async for row in run.scan_history()], answer["rows"])
    same([row async for row in run.scan_history(page_size=100)], answer["pages"])
    same([row async for row in run.scan_history(keys=["loss", "sparse"])], answer["keys"])
    same([row async for row in run.scan_history(min_step=1, max_step=7)], answer["part"])
    same(await run.history(samples=1_000_000, pandas=False), answer["history"])
    same(await run.history(keys=["loss"], samples=1_000_000, pandas=False), answer["sampled"])
    same([[f.name, f.size, f.md5, f.mimetype] async for f in run.files()], answer["files"])
    same(await run.metadata(), answer["metadata"])


async def test_listings_are_the_same(server: LocalServer, theirs: dict[str, Any]) -> None:
    api = Api(server.settings)
    for (filters, order), (ids, count) in zip(theirs["questions"], theirs["lists"], strict=True):
        runs = api.runs(f"{server.entity}/interop", filters, order)
        assert [run.id async for run in runs] == ids
        assert await runs.length() == count
    assert [ids for ids, _ in theirs["lists"]].count([]) == 0


async def test_our_changes_are_read_by_the_package(server: LocalServer, tmp_path: Path) -> None:
    seed(server, "changed", "c1", rows=[{"_step": 0, "a": 1}], config={"lr": 1}, summary={"a": 1})
    run = await Api(server.settings).run("changed/c1")
    run.name, run.tags, run.config["new"] = "renamed", ["x"], {"deep": [1.5, None]}
    run.summary["best"] = {"loss": float("nan")}
    await run.update()
    path = f"{server.entity}/changed/c1"
    answer = package(server, tmp_path, READ, path)
    found = json.loads(answer[answer.index("ANSWER") + len("ANSWER") :])[path]["run"]
    assert (found["name"], found["tags"]) == ("renamed", ["x"])
    same(found["config"], {"lr": 1, "new": {"deep": [1.5, None]}})
    same(found["summary"], {"a": 1, "best": {"loss": float("nan")}})


async def test_a_run_that_we_wrote_reads_the_same_in_the_package(
    server: LocalServer, tmp_path: Path
) -> None:
    config = {"lr": 0.1, "nested": {"a": [1, None, "é"]}}
    logged = [
        {"loss": 1 / (n + 1), "deep": {"x": n}, "odd": float("nan") if n % 2 else float("inf")}
        for n in range(40)
    ]
    asked = {**server.settings, "silent": True}
    async with asyncwb.init(
        project="ours", id="o1", name="mine", tags=["a"], notes="n", group="g", job_type="j",
        config=config, dir=str(tmp_path), settings=asked,
    ) as run:  # fmt: skip
        for row in logged:
            await run.log(row)
        run.summary["best"] = {"value": 1}
    path = f"{server.entity}/ours/o1"
    answer = package(server, tmp_path, READ, path)
    found = json.loads(answer[answer.index("ANSWER") + len("ANSWER") :])[path]
    rows = [{k: v for k, v in row.items() if k[0] != "_"} for row in found["rows"]]
    same(rows, logged)
    assert [row["_step"] for row in found["rows"]] == list(range(40))
    same(found["run"]["config"], config)
    shown = found["run"]
    assert (shown["name"], shown["tags"], shown["notes"]) == ("mine", ["a"], "n")
    assert (shown["group"], shown["job_type"], shown["state"]) == ("g", "j", "finished")
    summary = {key: shown["summary"][key] for key in ("loss", "deep", "odd", "best")}
    same(summary, {**logged[-1], "best": {"value": 1}})
    ours = await Api(server.settings).run(path)
    same([row async for row in ours.scan_history()], found["rows"])
    same(ours.summary_metrics, shown["summary"])
