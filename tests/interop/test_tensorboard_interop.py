"""The same TensorBoard writers beside the wandb package and beside us: the same rows and files."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import asyncwb.sync

if TYPE_CHECKING:
    from collections.abc import Callable

    from asyncwb.testing import LocalServer

pytest.importorskip("torch")
pytest.importorskip("tensorboard")
pytest.importorskip("tensorboardX")
pytest.importorskip("wandb")

pytestmark = [pytest.mark.interop, pytest.mark.torch, pytest.mark.timeout(200)]

SCRIPT = """
import os, torch
import tensorboardX
from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.summary.writer import event_file_writer
from tensorboard.util.tensor_util import make_tensor_proto
from torch.utils.tensorboard import SummaryWriter

ROOT
run = wandb.init(project="tb", id=os.environ["NAME"], sync_tensorboard=True)
logs = os.environ["NAME"] + "-logs"
train, val = SummaryWriter(logs + "/train"), SummaryWriter(logs + "/val/deep")
for step in range(4):
    at = 1000.5 + step
    train.add_scalar("loss", 1 / (step + 3), step, walltime=at)
    train.add_scalar("acc", step, step, walltime=at + 0.25)
    train.add_scalar("new", step / 7, step, walltime=at, new_style=True)
    val.add_scalar("loss", 0.1 * step, 10 * step, walltime=at)
    train.add_histogram("h", torch.arange(100.0) * (step - 1), step, walltime=at)
train.add_histogram("negative", -torch.arange(1.0, 5), 4, bins=[-9.0, -3, -1, 0], walltime=1010)
train.add_scalar("nan", float("nan"), 5, walltime=1011)
train.add_scalar("inf", float("inf"), 5, walltime=1011)
train.add_image("img", torch.zeros(3, 4, 5), 6, walltime=1012)
train.add_images("imgs", torch.zeros(2, 3, 4, 4), 6, walltime=1012)
train.add_text("text", "left out", 6, walltime=1012)
truth, guesses = torch.tensor([0, 1, 1, 0]), torch.tensor([0.1, 0.9, 0.3, 0.4])
train.add_pr_curve("pr", truth, guesses, 7, num_thresholds=5, walltime=1013)
old = tensorboardX.SummaryWriter(logs + "/old")
old.add_scalar("x", 0.5, 1, walltime=1020)
old.add_histogram("h", torch.arange(30.0).numpy(), 1, walltime=1020)
plain = event_file_writer.EventFileWriter(logs + "/plain")
for step in range(3):
    event = Event(step=step, wall_time=1030.0 + step)
    value = event.summary.value.add(tag="t", tensor=make_tensor_proto(step / 3, dtype="float64"))
    table = event.summary.value.add(tag="h", tensor=make_tensor_proto([[0.0, 1.0, 2.0 + step]]))
    if step == 0:
        value.metadata.plugin_data.plugin_name = "scalars"
        table.metadata.plugin_data.plugin_name = "histograms"
    plain.add_event(event)
for writer in (train, val, old, plain):
    writer.close()
run.finish()
"""

KINDS = {
    "guessed": ("", "online"),
    "patched": ('wandb.tensorboard.patch(root_logdir=os.environ["NAME"] + "-logs")', "offline"),
}


def ours(script: str, server: LocalServer, folder: Path, **variables: str) -> None:
    start = "import asyncwb.sync as wandb\nimport asyncwb.tensorboard as tensorboard\n"
    done = subprocess.run(
        [sys.executable, "-c", start + script.replace("wandb.tensorboard", "tensorboard")],
        env={**os.environ, **server.env, "WANDB_SILENT": "true", **variables},
        cwd=folder, check=False, capture_output=True, text=True, timeout=100,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-4000:]


def stored(server: LocalServer, name: str) -> tuple[Any, dict[str, list[dict[str, Any]]]]:
    """The run, and its rows by the folder that they are from, which are read at the same time."""
    run = asyncwb.sync.Api(overrides=server.settings).run(f"{server.entity}/tb/{name}")
    found: dict[str, list[dict[str, Any]]] = {}
    for row in run.scan_history():
        values = {key: plain(value) for key, value in row.items()}
        del values["_runtime"], values["_step"]
        start = min(key.partition("/")[0] for key in values if "/" in key)
        found.setdefault(start, []).append(values)
    return run, found


def plain(value: Any) -> Any:
    """Without the names of files, which are random in the package."""
    if isinstance(value, dict) and value.get("_type") == "images/separated":
        assert len(value["filenames"]) == value["count"]
        return {**value, "filenames": [Path(name).suffix for name in value["filenames"]]}
    if isinstance(value, dict) and "path" in value:
        # Nor their digests, which are no text there; 1 is also written 1.0.
        there = {key: value[key] for key in value if key not in ("sha256", "size")}
        return {**there, "path": Path(value["path"]).parent.as_posix()}
    # NaN is no number to compare.
    return repr(value) if value != value else value


def names(run: Any) -> list[str]:
    """Files, without what says when and by whom they were written."""
    found = [re.sub(r"\d{10}\.\S+?(\.\d)?$", "", file.name) for file in run.files()]
    found = [re.sub(r"(media/\w+)/\w+(\.\w+)+$", r"\1", name) for name in found]
    return sorted(name for name in found if "tfevents" in name or name.startswith("media"))


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_writers(
    sdk: Callable[..., Any], server: LocalServer, tmp_path: Path, kind: str
) -> None:
    root, mode = KINDS[kind]
    script = SCRIPT.replace("ROOT", root)
    sdk("import wandb\n" + script, NAME=f"theirs-{kind}", WANDB_PROJECT="tb")
    ours(script, server, tmp_path, NAME=f"ours-{kind}", WANDB_MODE=mode)
    if mode == "offline":
        # The package fails on its own folders of such runs.
        (folder,) = tmp_path.glob("wandb/offline-run-*")
        command = f"[sys.executable, '-m', 'wandb', 'sync', {str(folder)!r}]"
        sdk(f"import subprocess, sys\nsubprocess.run({command}, check=True)", WANDB_PROJECT="tb")
    their_run, theirs = stored(server, f"theirs-{kind}")
    our_run, found = stored(server, f"ours-{kind}")
    assert found.keys() == theirs.keys() == {"train", "val", "old", "plain"}
    for start, rows in theirs.items():
        assert found[start] == rows, start
    assert sum(map(len, found.values())) > 15
    assert names(our_run) == names(their_run)
    assert len(names(our_run)) == 7
    charts = [run.rawconfig["_wandb"]["visualize"] for run in (our_run, their_run)]
    assert charts[0] == charts[1]
    assert charts[0].keys() == {"train/pr"}
