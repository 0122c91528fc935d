"""`define_metric`, alerts and preemption: the same script with the `wandb` package and with us."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from kept_alerts import kept_alerts

from asyncwb.api import Api
from asyncwb.run import init

if TYPE_CHECKING:
    from pathlib import Path

    from asyncwb.testing import LocalServer

pytest.importorskip("wandb")
pytestmark = [pytest.mark.interop, pytest.mark.timeout(180)]

# Steps of a script, per run: a row to log (with arguments of `log`), or a definition.
ALL = "min,max,mean,first,last"
CASES: dict[str, list[Any]] = {
    "statistics": [
        ["define", "x", {"summary": ALL}],
        ["define", "y", {"summary": "min"}],
        {"x": 2, "y": -1.5, "z": 1},
        {"x": 1.5},
        {"x": 4, "y": 0.25},
    ],
    "several calls for one name": [
        ["define", "x", {"summary": "min", "step_metric": "e"}],
        ["define", "x", {"summary": "max", "hidden": True}],
        ["define", "y", {"summary": "min", "step_metric": "e", "hidden": True}],
        ["define", "y", {"summary": "max", "overwrite": True}],
        {"x": 1, "y": 1, "e": 7},
        {"x": 2, "y": 2},
    ],
    "redefined in the middle": [
        ["define", "x", {"summary": "min"}],
        {"x": 1},
        {"x": 2},
        ["define", "x", {"summary": "max,first", "overwrite": True}],
        {"x": 1.5},
    ],
    "none and copy": [
        ["define", "x", {"summary": "none"}],
        ["define", "y", {"summary": "copy"}],
        ["define", "z", {"summary": "none,min"}],
        {"x": 1, "y": 1, "z": 1},
        {"x": 2, "y": 2, "z": 2},
    ],
    "nested names": [
        ["define", "a.b", {"summary": "max"}],
        ["define", "c.*", {"summary": "min", "step_metric": "t.e"}],
        {"t": {"e": 3}},
        {"a": {"b": 1, "z": 1}, "c": {"x": 5, "y": {"z": 1}}},
        {"a": {"b": 0}, "c": {"x": 6}},
        {"t": {"f": 1}, "c": {"x": 4}},
    ],
    "glob and exact name": [
        ["define", "val/*", {"step_metric": "epoch", "summary": "max"}],
        ["define", "val/acc", {"summary": "min"}],
        ["define", "val/plain", {}],
        {"epoch": 1},
        {"val/acc": 0.5, "val/x": 1},
        {"val/acc": 0.75, "val/plain": 2},
        {"val/x": 0.5, "other": 1},
    ],
    "everything": [
        ["define", "*", {"step_metric": "e", "summary": "last"}],
        {"x": 1, "e": 3, "_own": 1},
        {"y": 0.5},
        {},
    ],
    "step values": [
        ["define", "l", {"step_metric": "e"}],
        ["define", "off", {"step_metric": "e", "step_sync": False}],
        {"l": 1},
        {"e": 5},
        {"l": 2},
        {"off": 1},
        {"l": 3, "e": 6},
        {"l": 4, "e": None},
        {"l": 5},
        {"e": "text"},
        {"l": {"not": "it"}},
        {"l": "text"},
        {"e": 1.5},
        {"l": 7},
    ],
    "statistics of a step metric": [
        ["define", "l", {"step_metric": "e"}],
        ["define", "e", {"summary": "mean"}],
        {"e": 2},
        {"l": 3},
        {"e": 4},
        {"l": 3},
    ],
    "of each other": [
        ["define", "a", {"step_metric": "b"}],
        ["define", "b", {"step_metric": "a"}],
        ["define", "c", {"step_metric": "c"}],
        ["define", "s", {"step_metric": "_step"}],
        {"a": 2},
        {"b": 3},
        {"c": 1, "s": 1},
        {"x": 1},
    ],
    "open rows": [
        ["define", "l", {"step_metric": "e"}],
        [{"e": 1}, {"commit": False}],
        [{"l": 1}, {"commit": False}],
        {"e": 2},
        {"l": 3},
        [{"l": 4}, {"step": 9}],
        [{"e": 8}, {"step": 9}],
        [{"l": 5}, {"step": 20}],
    ],
    "values set by hand": [
        ["define", "x", {"summary": "min"}],
        ["define", "y", {"summary": "min,max"}],
        ["define", "n.y", {"summary": "max"}],
        {"x": 1, "y": 1, "n": {"y": 1, "z": 1}},
        ["set", "x", 42],
        ["set", "n", {"y": 9}],
        {"y": 2},
        {"x": 5, "n": {"y": 2}},
        ["set", "y", 9],
        ["define", "y", {"summary": "first", "overwrite": True}],
        {"y": 3},
    ],
}

SDK = """
import json, sys
import wandb
cases = json.load(open(sys.argv[1]))
live = {}
for name, script in cases.items():
    with wandb.init(id=name.replace(" ", "-"), mode=sys.argv[2]) as run:
        for step in script:
            if isinstance(step, dict):
                run.log(step)
            elif step[0] == "define":
                run.define_metric(step[1], **step[2])
            elif step[0] == "set":
                run.summary[step[1]] = step[2]
            else:
                run.log(step[0], **step[1])
        live[name] = dict(run.summary._as_dict())
print("RESULT " + json.dumps(live))
"""


@pytest.fixture
def here(server: LocalServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WANDB_SILENT", "true")
    for name, value in server.env.items():
        monkeypatch.setenv(name, value)


async def ours(project: str, mode: Any = "online") -> dict[str, Any]:
    """Run the cases with asyncwb; the live summary of each at its end."""
    live: dict[str, Any] = {}
    for name, script in CASES.items():
        async with init(project, id=name.replace(" ", "-"), mode=mode) as run:
            for step in script:
                if isinstance(step, dict):
                    await run.log(step)
                elif step[0] == "define":
                    run.define_metric(step[1], **step[2])
                elif step[0] == "set":
                    run.summary[step[1]] = step[2]
                else:
                    await run.log(step[0], **step[1])
            live[name] = own(run.summary.as_dict())
    return live


def theirs(server: LocalServer, folder: Path, project: str, mode: str = "online") -> dict[str, Any]:
    cases = folder / "cases.json"
    cases.write_text(json.dumps(CASES))
    out = python(server, folder, "-c", SDK, str(cases), mode, WANDB_PROJECT=project)
    found: dict[str, Any] = json.loads(out.split("RESULT ")[1])
    return found


def python(server: LocalServer, folder: Path, *arguments: str, **variables: str) -> str:
    done = subprocess.run(
        [sys.executable, *arguments], cwd=folder, check=False, capture_output=True, text=True,
        env={**os.environ, **server.env, "WANDB_ERROR_REPORTING": "false", "WANDB_SILENT": "true",
             "HOME": str(folder), **variables},
        timeout=150,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def own(values: Any) -> dict[str, Any]:
    """Without what a run adds by itself."""
    reserved = ("_timestamp", "_runtime", "_step", "_wandb")
    return {key: value for key, value in dict(values).items() if key not in reserved}


async def stored(project: str, name: str) -> tuple[list[Any], dict[str, Any], list[Any]]:
    """History, summary and definitions of a run, as the server has them."""
    run = await Api().run(f"{project}/{name.replace(' ', '-')}")
    rows = [(row["_step"], own(row)) async for row in run.scan_history()]
    return rows, own(run.summary), definitions(run.rawconfig["_wandb"]["m"])


def definitions(wire: list[dict[str, Any]]) -> list[Any]:
    """The list in an order of its own, with names for indices: their order is arbitrary."""
    found = []
    for entry in wire:
        step = wire[entry["5"] - 1]["1"] if "5" in entry else None
        name = entry.get("1") or entry.get("2")
        rest = {key: sorted(entry[key]) for key in ("6", "7")}
        found.append((name, step, "2" in entry, rest))
    return sorted(found, key=lambda entry: entry[0])


@pytest.mark.usefixtures("here")
async def test_rows_summaries_and_definitions_are_the_same(
    server: LocalServer, tmp_path: Path
) -> None:
    live = theirs(server, tmp_path, "metrics-theirs")
    mine = await ours("metrics-ours")
    for name in CASES:
        assert await stored("metrics-ours", name) == await stored("metrics-theirs", name), name
        assert mine[name] == own(live[name]), name


@pytest.mark.usefixtures("here")
async def test_offline_folders_come_to_the_same_in_all_four_ways(
    server: LocalServer, tmp_path: Path
) -> None:
    """Ours and theirs, sent by us and by `wandb sync`."""
    (tmp_path / "theirs").mkdir()
    theirs(server, tmp_path / "theirs", "unused", "offline")
    await ours("unused", "offline")
    for writer, folder in (("ours", tmp_path), ("theirs", tmp_path / "theirs")):
        runs = sorted(str(path) for path in (folder / "wandb").glob("offline-run-*"))
        assert len(runs) == len(CASES)
        python(server, folder, "-m", "wandb", "sync", "-p", f"{writer}-by-wandb", *runs)
        for path in (folder / "wandb").glob("offline-run-*/*.synced"):
            path.unlink()
        python(server, folder, "-m", "asyncwb", "sync", "-p", f"{writer}-by-us", *runs)
    for name in CASES:
        first = await stored("ours-by-us", name)
        for other in ("ours-by-wandb", "theirs-by-us", "theirs-by-wandb"):
            assert await stored(other, name) == first, f"{other}: {name}"


@pytest.mark.usefixtures("here")
async def test_alerts_and_preemption_arrive_alike(server: LocalServer, tmp_path: Path) -> None:
    script = """
import wandb
from datetime import timedelta
with wandb.init(id="alerts") as run:
    run.alert("one", "text")
    run.alert("two", "text", level="WARN", wait_duration=300)
    run.alert("three", "text", level=wandb.AlertLevel.ERROR, wait_duration=timedelta(minutes=2))
    run.alert("two", "too soon", level="WARN", wait_duration=300)
run = wandb.init(id="preempted")
run.log({"a": 1})
run.mark_preempting()
run.finish(exit_code=1)
"""
    python(server, tmp_path, "-c", script, WANDB_PROJECT="alerts-theirs")
    adapted = script.replace("import wandb\n", "import asyncwb.sync as wandb\n").replace(
        "wandb.AlertLevel", "__import__('asyncwb.types').types.AlertLevel"
    )
    python(server, tmp_path, "-c", adapted, WANDB_PROJECT="alerts-ours")
    found = {}
    for project in ("alerts-theirs", "alerts-ours"):
        run = await Api().run(f"{project}/preempted")
        found[project] = (kept_alerts(server, project), run.state)
    assert found["alerts-ours"] == found["alerts-theirs"]
    assert found["alerts-ours"] == (
        [("one", "text", "INFO"), ("two", "text", "WARN"), ("three", "text", "ERROR")],
        "preempted",
    )
