"""Rewinding and forking: the same steps with both clients lead to the same runs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from asyncwb.sync import Api

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from asyncwb.testing import LocalServer

pytest.importorskip("wandb")
pytestmark = [pytest.mark.interop, pytest.mark.timeout(120)]

SCRIPT = """
import json, os, sys
if sys.argv[1] == "theirs":
    import wandb
else:
    import asyncwb.sync as wandb
rows = int(os.environ.get("ROWS", "3"))
with wandb.init(project=sys.argv[2], **json.loads(sys.argv[3])) as run:
    before = run.starting_step, run.resumed, dict(run.config)
    for number in range(rows):
        run.log({"x": 100 * rows + number})
    print("RESULT", json.dumps([run.id, run.dir, *before]))
"""
BASE = {"id": "base", "config": {"old": 1, "both": 1}, "name": "first", "tags": ["t"], "notes": "n"}


class Client:
    """One of the two clients, with a project of its own."""

    def __init__(self, name: str, server: LocalServer, folder: Path) -> None:
        self.name, self._server, self._folder = name, server, folder
        self._project = f"branches-{name}-{os.urandom(3).hex()}"

    def _call(self, *command: str, **variables: str) -> str:
        environment = {
            **{key: value for key, value in os.environ.items() if "WANDB" not in key},
            **self._server.env,
            "WANDB_ERROR_REPORTING": "false",
            "WANDB_CONSOLE": "off",
            **variables,
        }
        done = subprocess.run(
            [sys.executable, *command], env=environment, cwd=self._folder,
            check=False, capture_output=True, text=True, timeout=100,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr[-4000:]
        return done.stdout

    def run(self, *, rows: int = 3, mode: str = "online", **arguments: Any) -> list[Any]:
        """Log a few rows; id, folder, starting step, whether resumed, config."""
        out = self._call(
            "-c", SCRIPT, self.name, self._project, json.dumps(arguments),
            ROWS=str(rows), WANDB_MODE=mode,
        )  # fmt: skip
        return json.loads(next(line[7:] for line in out.splitlines() if line[:7] == "RESULT "))

    def sync(self, files: str, *, tool: str) -> None:
        """Send an offline run with `wandb` or `asyncwb`."""
        self._call("-m", tool, "sync", os.path.dirname(files))

    def stored(self, run_id: str) -> dict[str, Any]:
        path = f"{self._server.entity}/{self._project}/{run_id}"
        run = Api(overrides=self._server.settings).run(path)
        own = run.rawconfig.pop("_wandb")
        features = own["t"].get("3", [])
        times = ("_timestamp", "_runtime", "_wandb")
        return {
            "rows": [
                {key: value for key, value in row.items() if key not in times}
                for row in run.scan_history()
            ],
            "config": run.rawconfig,
            "branch_point": own.get("branch_point"),
            "features": sorted(set(features) & {71, 72}),
            "summary": {key: value for key, value in run.summary.items() if key not in times},
            "labels": (run.state, run.notes, list(run.tags)),
            "name": run.name,
        }


@pytest.fixture
def clients(server: LocalServer, tmp_path: Path) -> Callable[[], tuple[Client, Client]]:
    def make() -> tuple[Client, Client]:
        both: list[Client] = []
        for name in ("ours", "theirs"):
            folder = tmp_path / name
            folder.mkdir()
            both.append(Client(name, server, folder))
        return both[0], both[1]

    return make


def equal(ours: dict[str, Any], theirs: dict[str, Any]) -> None:
    for key in theirs.keys() - {"name"}:
        assert ours[key] == theirs[key], key


def test_fork(clients: Callable[[], tuple[Client, Client]]) -> None:
    found = []
    for client in clients():
        client.run(**BASE)
        begun = client.run(id="forked", fork_from="base?_step=1", config={"new": 2, "both": 2})
        found.append((begun[2:], client.stored("forked"), client.stored("base")))
    assert found[0][0] == found[1][0] == [2, False, {"new": 2, "both": 2}]
    equal(found[0][1], found[1][1])
    equal(found[0][2], found[1][2])
    steps = [(row["_step"], row["x"]) for row in found[0][1]["rows"]]
    assert steps == [(0, 300), (1, 301), (2, 300), (3, 301), (4, 302)]
    assert found[0][1]["branch_point"] == {"run_id": "base", "step": 1}
    assert found[0][1]["name"] not in ("", "first")


def test_rewind(clients: Callable[[], tuple[Client, Client]]) -> None:
    found = []
    for client in clients():
        client.run(**BASE)
        begun = client.run(rows=1, resume_from="base?_step=0", config={"new": 2, "both": 2})
        found.append((begun[:1] + begun[2:], client.stored("base")))
    assert found[0][0] == found[1][0] == ["base", 1, False, {"old": 1, "both": 2, "new": 2}]
    equal(found[0][1], found[1][1])
    assert [(row["_step"], row["x"]) for row in found[0][1]["rows"]] == [(0, 300), (1, 100)]
    assert found[0][1]["name"] == found[1][1]["name"] == "first"
    assert found[0][1]["labels"] == ("finished", "n", ["t"])


@pytest.mark.parametrize("tool", ["asyncwb", "wandb"])
def test_offline_runs_branch_when_they_are_sent(
    tool: str, clients: Callable[[], tuple[Client, Client]]
) -> None:
    found = []
    for client in clients():
        client.run(**BASE)
        fork = client.run(rows=2, mode="offline", id="forked", fork_from="base?_step=1")
        rewind = client.run(rows=1, mode="offline", resume_from="base?_step=1", config={"new": 2})
        assert (fork[2], rewind[2]) == (2, 2)
        client.sync(fork[1], tool=tool)
        client.sync(rewind[1], tool=tool)
        found.append((client.stored("forked"), client.stored("base")))
    for ours, theirs in zip(*found, strict=True):
        equal(ours, theirs)
    forked, base = found[0]
    assert [row["_step"] for row in forked["rows"]] == [0, 1, 2, 3]
    assert [(row["_step"], row["x"]) for row in base["rows"]] == [(0, 300), (1, 301), (2, 100)]
    assert base["config"].keys() == {"old", "both", "new"}
    assert base["name"] == "first"
