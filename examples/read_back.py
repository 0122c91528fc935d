"""Read runs back with filters and scan_history: a table, a plot and the data behind it."""

from __future__ import annotations

import asyncio
import csv
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import asyncwb

if TYPE_CHECKING:
    from collections.abc import Mapping

    from asyncwb.api import Run
    from asyncwb.types import JSON


@dataclass
class Result:
    """One run as read from the server."""

    name: str
    group: str
    state: str
    config: Mapping[str, JSON]
    summary: Mapping[str, JSON]
    loss: list[tuple[int, float]]
    accuracy: list[tuple[int, float]]


async def curve(run: Run, key: str) -> list[tuple[int, float]]:
    """All rows that have the key, as (step, value)."""
    return [
        (int(row["_step"]), float(row[key])) async for row in run.scan_history(keys=["_step", key])
    ]


async def read(project: str) -> list[Result]:
    """Every finished run that carries the tag `example`, best validation accuracy first."""
    api = asyncwb.Api()
    runs = api.runs(
        project,
        filters={"state": "finished", "tags": {"$in": ["example"]}, "config.epochs": {"$gt": 0}},
        order="-summary_metrics.val/accuracy",
    )
    results: list[Result] = []
    async for run in runs:
        loss, accuracy = await asyncio.gather(curve(run, "train/loss"), curve(run, "val/accuracy"))
        results.append(
            Result(
                run.name, run.group or "", run.state, run.config, dict(run.summary), loss, accuracy
            )
        )
    return results


def print_table(results: list[Result]) -> None:
    """Print one line per run."""
    header = ("run", "face", "hidden", "lr", "momentum", "rows", "val loss", "val acc")
    lines = [
        (
            r.name,
            r.group,
            str(r.config["hidden"]),
            str(r.config["lr"]),
            str(r.config["momentum"]),
            str(len(r.loss) + len(r.accuracy)),
            f"{r.summary['val/loss']:.4f}",
            f"{r.summary['val/accuracy']:.3f}",
        )
        for r in results
    ]
    widths = [max(len(line[i]) for line in (header, *lines)) for i in range(len(header))]
    for line in (header, tuple("-" * w for w in widths), *lines):
        cells = (cell.ljust(width) for cell, width in zip(line, widths, strict=True))
        print("  ".join(cells).rstrip())


def write_data(results: list[Result], folder: Path) -> list[Path]:
    """Write the curves as CSV and configs and summaries as JSON."""
    history, table = folder / "history.csv", folder / "runs.json"
    with history.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["run", "key", "step", "value"])
        for r in results:
            for key, points in (("train/loss", r.loss), ("val/accuracy", r.accuracy)):
                writer.writerows((r.name, key, step, value) for step, value in points)
    table.write_text(
        json.dumps(
            [{"name": r.name, "config": r.config, "summary": r.summary} for r in results],
            indent=2,
            default=dict,
        )
    )
    return [history, table]


def plot(results: list[Result], path: Path) -> None:
    """Draw the loss curves (smoothed over an epoch) and the validation accuracy."""
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt
    import numpy as np

    figure, (left, right) = plt.subplots(1, 2, figsize=(12, 4.5), layout="constrained")
    for r in results:
        steps, losses = np.array(r.loss).T
        window = min(45, len(losses))
        smooth = np.convolve(losses, np.ones(window) / window, mode="valid")
        left.plot(steps[window - 1 :], smooth, label=r.name, linewidth=1.4)
        right.plot(*np.array(r.accuracy).T, marker="o", markersize=3, label=r.name, linewidth=1.2)
    left.set(title="training loss, mean over one epoch", xlabel="step", yscale="log")
    right.set(title="validation accuracy", xlabel="step")
    right.legend(fontsize=8)
    for axis in (left, right):
        axis.grid(alpha=0.3)
    figure.savefig(path, dpi=110)
    plt.close(figure)


async def main(folder: Path, project: str = "digits") -> list[Result]:
    """Read, print, write and plot."""
    results = await read(project)
    print_table(results)
    data = write_data(results, folder)
    plot(results, folder / "loss_curves.png")
    print("\nplot:", (folder / "loss_curves.png").resolve())
    for path in data:
        print("data:", path.resolve())
    return results


if __name__ == "__main__":
    asyncio.run(main(Path.cwd()))
