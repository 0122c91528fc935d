"""The wandb package on two server processes that share a PostgreSQL."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from typing import TYPE_CHECKING, Any

import pytest
from server_pairs import Peer, peers

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from postgres import Cluster

pytestmark = [pytest.mark.interop, pytest.mark.timeout(240)]

LOG = """
import wandb
with wandb.init(project="p", id="one", config={"lr": 0.1}) as run:
    for i in range(200):
        run.log({"x": i})
    artifact = wandb.Artifact("data", "dataset")
    with artifact.new_file("f.txt") as file:
        file.write("hello")
    run.log_artifact(artifact)
with wandb.init(project="p", id="one", resume="must") as run:
    run.log({"x": 200})
"""
READ = """
import json, wandb
run = wandb.Api().run("p/one")
version = wandb.Api().artifact("p/data:latest")
with open(version.download() + "/f.txt") as file:
    text = file.read()
run.config["lr"] = 0.2
run.update()
print("RESULT " + json.dumps([run.state, run.lastHistoryStep, len(list(run.scan_history())), text]))
"""
SWEEP = """
import wandb
config = {"method": "grid", "metric": {"name": "loss", "goal": "minimize"},
          "parameters": {"a": {"values": list(range(8))}}}
print('RESULT "' + wandb.sweep(config, project="p") + '"')
"""
AGENT = """
import os, wandb
def train():
    with wandb.init() as run:
        run.log({"loss": run.config["a"]})
wandb.agent(os.environ["SWEEP"], train, project="p")
"""
SWEPT = """
import json, os, wandb
sweep = wandb.Api().sweep("p/" + os.environ["SWEEP"])
runs = [(run.state, run.config["a"], run.summary["loss"]) for run in sweep.runs]
print("RESULT " + json.dumps([sweep.state, sorted(runs)]))
"""


@pytest.fixture(scope="module")
def pair(postgres: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Peer]]:
    folder = tmp_path_factory.mktemp("pair")
    with peers(folder, postgres.database(folder)) as started:
        yield started


def wandb(script: str, server: Peer, key: str, folder: Path, **variables: str) -> Any:
    """Run a script on one of the servers; what it prints last, as JSON."""
    folder.mkdir(exist_ok=True)
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("WANDB")},
        "HOME": str(folder), "WANDB_BASE_URL": server.url, "WANDB_API_KEY": key,
        "WANDB_SILENT": "true", "WANDB_ERROR_REPORTING": "false", **variables,
    }  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-c", script], env=environment, cwd=folder, check=False,
        capture_output=True, text=True, timeout=100,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-4000:]
    lines = [line for line in done.stdout.splitlines() if line.startswith("RESULT ")]
    return json.loads(lines[-1][7:]) if lines else None


def test_logged_through_one_and_read_through_the_other(pair: list[Peer], tmp_path: Path) -> None:
    one, other = pair
    wandb(LOG, one, one.api_key, tmp_path / "log")
    assert wandb(READ, other, one.api_key, tmp_path / "read") == ["finished", 200, 201, "hello"]
    config = "import json, wandb; print('RESULT', json.dumps(wandb.Api().run('p/one').config))"
    assert wandb(config, one, other.api_key, tmp_path / "config") == {"lr": 0.2}


def test_a_sweep_with_agents_at_both(pair: list[Peer], tmp_path: Path) -> None:
    one, other = pair
    key = one.api_key
    sweep = wandb(SWEEP, one, key, tmp_path / "sweep")
    agents = [
        threading.Thread(
            target=wandb, args=(AGENT, server, key, tmp_path / name), kwargs={"SWEEP": sweep}
        )
        for name, server in (("a", one), ("b", other))
    ]
    for agent in agents:
        agent.start()
    for agent in agents:
        agent.join()
    expected = [["finished", a, a] for a in range(8)]
    assert wandb(SWEPT, other, key, tmp_path / "read", SWEEP=sweep) == ["FINISHED", expected]
