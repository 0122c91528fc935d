"""The same training watched by the wandb package and by us, on one server: the same rows."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

import asyncwb.sync

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from asyncwb.testing import LocalServer

pytest.importorskip("torch")
pytest.importorskip("wandb")

pytestmark = [pytest.mark.interop, pytest.mark.torch, pytest.mark.timeout(200)]

TRAINING = """
import os, torch
from torch import nn
torch.manual_seed(0)
torch.set_num_threads(1)

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.words = nn.Embedding(50, 8, sparse=True)
        inner = nn.Sequential(nn.Tanh(), nn.Linear(16, 4))
        self.body = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), inner)
        self.rnn = nn.LSTM(4, 3)
        self.head = nn.Linear(3, 2)
        self.head.bias.requires_grad_(False)
    def forward(self, batch):
        out, _ = self.rnn(self.body(self.words(batch)))
        return self.head(out)

net, other = Net(), nn.Sequential(nn.Linear(3, 3), nn.Tanh()).double()
optimizer = torch.optim.SGD([*net.parameters(), *other.parameters()], lr=0.1)
run = wandb.init(project="watch", id=os.environ["NAME"])
run.watch([net, other], log="all", log_freq=2, log_graph=True)
for step in range(6):
    optimizer.zero_grad()
    loss = net(torch.randint(0, 50, (5, 3))).square().mean()
    loss = loss + other(torch.randn(4, 3).double()).sum()
    if step == 3:
        loss = loss * float("inf")   # every gradient is infinite or no number
    loss.backward()
    if step != 3:
        optimizer.step()
    run.log({"loss": loss.detach()})
run.unwatch(other)
for step in range(2):
    loss = net(torch.zeros(2, 2, dtype=torch.long)).sum()
    (loss + other(torch.ones(1, 3).double()).sum()).backward()
    run.log({"more": step})
run.finish()
"""


def ours(script: str, server: LocalServer, tmp_path: Path, **variables: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", "import asyncwb.sync as wandb\n" + script],
        env={**os.environ, **server.env, "WANDB_SILENT": "true", **variables},
        cwd=tmp_path, check=False, capture_output=True, text=True, timeout=100,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-4000:]


def stored(server: LocalServer, project: str, name: str) -> tuple[Any, list[dict[str, Any]]]:
    run = asyncwb.sync.Api(overrides=server.settings).run(f"{server.entity}/{project}/{name}")
    rows = [dict(row) for row in run.scan_history()]
    for row in rows:
        del row["_runtime"], row["_timestamp"]
    return run, rows


def test_a_watched_training(sdk: Callable[..., Any], server: LocalServer, tmp_path: Path) -> None:
    sdk("import wandb\n" + TRAINING, NAME="theirs", WANDB_PROJECT="watch")
    ours(TRAINING, server, tmp_path, NAME="ours")
    their_run, theirs = stored(server, "watch", "theirs")
    our_run, found = stored(server, "watch", "ours")
    assert [row.keys() for row in found] == [row.keys() for row in theirs]
    assert sum(len(row) for row in found) > 60
    for row, expected in zip(found, theirs, strict=True):
        for key, value in row.items():
            check(key, value, expected[key])
    for key in ("graph_0", "graph_1"):
        assert graph(our_run, key, tmp_path) == graph(their_run, key, tmp_path)


def check(key: str, value: Any, expected: Any) -> None:
    if not isinstance(value, dict):
        assert value == pytest.approx(expected, nan_ok=True), key
        return
    assert (value["_type"], value.keys()) == ("histogram", expected.keys()), key
    assert value["bins"] == pytest.approx(expected["bins"], rel=1e-5, abs=1e-6), key
    if "graph_1" not in key:
        assert value["values"] == expected["values"], key
    else:
        # Of float64 the package's edges are float32, so a count may fall on the other side.
        assert sum(value["values"]) == sum(expected["values"]), key


def graph(run: Any, key: str, tmp_path: Path) -> Any:
    value = run.summary[key]
    assert value["_type"] == "graph-file"
    start, _, rest = value["path"].rpartition("_")
    assert (start, rest) == (f"media/graph/{key}_summary", f"{value['sha256'][:20]}.graph.json")
    text = run.file(value["path"]).download(str(tmp_path / run.id), exist_ok=True).read_text()
    assert len(text) == value["size"]
    found = json.loads(text)
    ids = [node.pop("id") for node in found["nodes"]]
    assert len(set(ids)) == len(ids)
    return found
