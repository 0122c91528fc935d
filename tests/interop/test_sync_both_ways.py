"""Offline folders of the `wandb` package sent by us, and ours sent by `wandb sync`."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from journals import RunFolder, config_record, item, row_record, run_record

import asyncwb.journal.records as rec
from asyncwb.api import Api
from asyncwb.journal.rows import RowEncoder, completing
from asyncwb.portal import PORTAL
from asyncwb.sender import RunOverrides, sync_folder
from asyncwb.settings import Settings
from asyncwb.testing import LocalServer, local_server

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytest.importorskip("wandb")
pytestmark = [pytest.mark.interop, pytest.mark.timeout(120)]

SCRIPT = """
import wandb
run = wandb.init(project="interop", id="theirs01", name="their run", tags=["a"], notes="n",
                 config={"lr": 0.1, "opt": {"name": "sgd"}})
run.define_metric("acc", summary="max")
for step in range(200):
    run.log({"loss": 1 / (step + 1), "acc": (step * 7) % 50, "deep": {"er": step}})
run.log({"odd": float("nan"), "text": "x"}, step=500)
run.config["late"] = [1, 2]
run.summary["best"] = 42
open("note.txt", "w").write("hello")
run.save("note.txt", policy="end")
print("a line")
run.finish(exit_code=EXIT_CODE)
"""


@pytest.fixture(scope="module")
def server() -> Iterator[LocalServer]:
    with local_server() as running:
        yield running


@pytest.fixture
def settings(server: LocalServer) -> Settings:
    return Settings(base_url=server.url, api_key=server.api_key)


def theirs(folder: Path, *arguments: str, **environment: str) -> None:
    """Run Python with the `wandb` package in a folder."""
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env=os.environ | {"WANDB_ERROR_REPORTING": "false"} | environment,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def read(server: LocalServer, path: str) -> dict[str, Any]:
    async def fetch() -> dict[str, Any]:
        run = await Api(overrides=server.settings).run(f"{server.entity}/{path}")
        return {
            "rows": [row async for row in run.scan_history()],
            "summary": dict(run.summary),
            "config": dict(run.config),
            "state": run.state,
            "name": run.name,
            "tags": list(run.tags),
            "files": sorted([file.name async for file in run.files()]),
        }

    return PORTAL.call(fetch)


def comparable(found: dict[str, Any]) -> str:
    """Without what differs by design: times of the sync, files of the syncing program."""
    kept = {key: found[key] for key in ("rows", "config", "state", "name", "tags")}
    kept["summary"] = {
        key: value for key, value in found["summary"].items() if key not in ("_runtime", "_wandb")
    }
    return json.dumps(kept, sort_keys=True)  # text: NaN is not equal to itself


@pytest.mark.parametrize("exit_code", [0, 3])
def test_a_folder_of_the_wandb_package(
    exit_code: int, tmp_path: Path, server: LocalServer, settings: Settings
) -> None:
    theirs(tmp_path, "-c", SCRIPT.replace("EXIT_CODE", str(exit_code)), WANDB_MODE="offline")
    (folder,) = (tmp_path / "wandb").glob("offline-run-*")
    ours = RunOverrides(run_id=f"by-us-{exit_code}", project="interop")
    result = PORTAL.call(sync_folder, folder, settings, overrides=ours)
    assert (result.state, result.rows, result.error, result.lost) == ("synced", 201, None, 0)
    found = read(server, f"interop/by-us-{exit_code}")
    assert [row["_step"] for row in found["rows"]] == [*range(200), 500]
    assert found["rows"][7]["deep"] == {"er": 7}
    assert found["state"] == ("finished" if exit_code == 0 else "failed")
    assert found["config"] == {"lr": 0.1, "opt": {"name": "sgd"}, "late": [1, 2]}
    assert found["summary"]["acc"] == {"max": 49}
    assert found["summary"]["best"] == 42
    assert {"note.txt", "config.yaml", "wandb-summary.json", "output.log"} <= set(found["files"])

    # The same folder by `wandb sync`, under another id: the server must not see a difference.
    (folder / "run-theirs01.wandb.synced").unlink()
    command = ["-m", "wandb", "sync", "--id", f"by-them-{exit_code}", "-p", "interop", str(folder)]
    theirs(tmp_path, *command, **server.env)
    assert comparable(read(server, f"interop/by-them-{exit_code}")) == comparable(found)


def test_rows_that_waited_for_media_by_wandb_sync(
    tmp_path: Path, server: LocalServer, settings: Settings
) -> None:
    """It sees the complete rows alone: records of what they waited for mean nothing to it."""
    folder = RunFolder(tmp_path, "kept0001")
    encoder = RowEncoder()
    payloads = [encoder.encode({"x": n}, step=n, timestamp=1.8e9 + n, runtime=n) for n in range(3)]
    folder.add(
        rec.HeaderRecord(version_info=rec.VersionInfo(producer="asyncwb", min_consumer="0.70.0")),
        run_record("kept0001", "interop"),
        *(rec.FilesRecord(kept=rec.KeptRow(n + 1, payload)) for n, payload in enumerate(payloads)),
    )
    folder.add_payloads(*(completing(payload, n + 1) for n, payload in enumerate(payloads)))
    folder.add(rec.ExitRecord(exit_code=0, runtime=3))
    command = ["-m", "wandb", "sync", "--id", "kept-by-them", "-p", "interop", str(folder.path)]
    theirs(tmp_path, *command, **server.env)
    names = RunOverrides(run_id="kept-by-us", project="interop")
    assert PORTAL.call(sync_folder, folder.path, settings, overrides=names).state == "synced"
    there, here = (read(server, f"interop/kept-by-{who}") for who in ("them", "us"))
    assert [row["x"] for row in there["rows"]] == [0, 1, 2]
    assert (there["rows"], there["state"]) == (here["rows"], here["state"])


def test_our_folder_by_wandb_sync(tmp_path: Path, server: LocalServer, settings: Settings) -> None:
    folder = RunFolder(tmp_path, "ours0001")
    folder.add(
        rec.HeaderRecord(version_info=rec.VersionInfo(producer="asyncwb", min_consumer="0.70.0")),
        run_record("ours0001", "interop", display_name="our run", config=config_record(lr=0.1)),
    )
    folder.add(*(row_record(step, loss=1 / (step + 1), x={"y": step}) for step in range(100)))
    folder.add(
        rec.SummaryRecord(update=[item("loss", 0.01), item("x", {"y": 99}), item("best", 7)]),
        config_record(late=2),
        rec.ExitRecord(exit_code=0, runtime=3),
    )
    command = ["-m", "wandb", "sync", "--id", "ours-by-them", "-p", "interop", str(folder.path)]
    theirs(tmp_path, *command, **server.env)
    there = read(server, "interop/ours-by-them")
    assert [row["_step"] for row in there["rows"]] == list(range(100))
    assert there["config"] == {"lr": 0.1, "late": 2}
    assert (there["summary"]["best"], there["state"]) == (7, "finished")

    names = RunOverrides(run_id="ours-by-us", project="interop")
    assert PORTAL.call(sync_folder, folder.path, settings, overrides=names).state == "synced"
    here = read(server, "interop/ours-by-us")
    assert (here["rows"], here["config"], here["name"]) == (
        there["rows"],
        there["config"],
        there["name"],
    )
