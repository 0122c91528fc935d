"""What watching a torch model adds to a training step: by wandb, by asyncwb, and unwatched.

One process trains three copies of one model, a step of each in turn, so that noise hits all alike.
A mean is made of two medians: of the steps with histograms, 1 in `LOG_FREQ`, and of the others.
`python -m benchmarks.watch gradients 10` prints the figures of ten times `LOG_FREQ` steps as JSON.
"""

from __future__ import annotations

import itertools
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.harness import Result, Table, base_env

LOG_FREQ = 100
BATCH = 64
CLIENTS = ("none", "wandb", "asyncwb")


def train(log: str, turns: int) -> Result:
    import torch
    import wandb

    import asyncwb.sync

    runs = {
        "wandb": wandb.init(project="bench", mode="offline"),
        "asyncwb": asyncwb.sync.init(project="bench", mode="offline"),
    }
    steps: dict[str, Callable[[], None]] = {}
    parameters = 0
    for client in CLIENTS:
        torch.manual_seed(0)
        sizes = (512, 2048, 2048, 2048, 256)
        layers = [torch.nn.Linear(*pair) for pair in itertools.pairwise(sizes)]
        model = torch.nn.Sequential(
            *[part for layer in layers for part in (layer, torch.nn.ReLU())]
        )
        parameters = sum(parameter.numel() for parameter in model.parameters())
        if client in runs:
            runs[client].watch(model, log=log, log_freq=LOG_FREQ)
        steps[client] = stepper(model, runs.get(client))
    # Of each client: the steps with histograms, and the others.
    logged: dict[str, list[float]] = {client: [] for client in CLIENTS}
    others: dict[str, list[float]] = {client: [] for client in CLIENTS}
    for number in range(LOG_FREQ * (turns + 1)):
        for client, step in steps.items():
            began = time.perf_counter()
            step()
            took = time.perf_counter() - began
            if number >= LOG_FREQ:  # the first ones warm up
                (others if (number + 1) % LOG_FREQ else logged)[client].append(took)
    for run in runs.values():
        run.finish()

    def mean(client: str) -> float:
        return (
            statistics.median(others[client]) * (LOG_FREQ - 1) + statistics.median(logged[client])
        ) / LOG_FREQ

    alone = statistics.median(others["none"])
    return {
        "parameters": parameters,
        "step_ms": alone * 1000,
        **{f"{client}_percent": (mean(client) / alone - 1) * 100 for client in runs},
        **{f"{client}_logged_ms": statistics.median(logged[client]) * 1000 for client in CLIENTS},
    }


def stepper(model, run) -> Callable[[], None]:  # type: ignore[no-untyped-def]  # torch is optional
    import torch

    generator = torch.Generator().manual_seed(1)
    batch = torch.randn(BATCH, model[0].in_features, generator=generator)
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-3)

    def step() -> None:
        optimizer.zero_grad()
        loss = model(batch).square().mean()
        loss.backward()
        optimizer.step()
        if run is not None:
            run.log({"loss": loss.item()})

    return step


def measure(log: str, turns: int) -> Result:
    """Train in a fresh process."""
    with tempfile.TemporaryDirectory(prefix="asyncwb-bench-") as folder:
        done = subprocess.run(
            [sys.executable, "-m", "benchmarks.watch", log, str(turns)],
            env=base_env(Path(folder), {}), cwd=folder, check=True, timeout=3000,
            capture_output=True, text=True,
        )  # fmt: skip
    return dict(json.loads(done.stdout.splitlines()[-1]))


def fill(table: Table, turns: int) -> None:
    for log in ("gradients", "all"):
        got = measure(log, turns)
        wandb, ours = got["wandb_percent"], got["asyncwb_percent"]
        table.add(
            f"log={log!r}, step of {got['step_ms']:.0f} ms", f"+{wandb:.1f} %", f"+{ours:.1f} %",
            f"{wandb / ours:.1f}x" if ours > 0 else "-", "<= 5 %",
        )  # fmt: skip


if __name__ == "__main__":
    os.environ["WANDB_SILENT"] = "true"
    print(json.dumps(train(sys.argv[1], int(sys.argv[2]))))
