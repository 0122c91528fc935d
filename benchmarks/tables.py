"""Tables: what logging one costs the caller, what it takes in all, and in memory.

One process per client, which take turns; `python -m benchmarks.tables CLIENT` prints the figures
of one as JSON.
"""

from __future__ import annotations

import gc
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.harness import Result, Table, base_env, median

ROWS, COLUMNS = 100_000, 10


def memory(kind: str) -> int:
    """Memory of this process in bytes: what it has ("VmRSS"), or the most it had ("VmHWM")."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f"{kind}:")) * 1024


def forget_peak() -> None:
    """Let the most memory be that of now: imports have needed more for a moment."""
    Path("/proc/self/clear_refs").write_text("5")


def scenario(name: str) -> Result:
    """A table of floats, integers and texts, offline: made, logged, and the run finished."""
    module: Any
    if name == "wandb":
        import wandb as module

        settings = module.Settings(console="off", silent=True, x_disable_stats=True)
        run = module.init(project="bench", mode="offline", settings=settings)
    else:
        import asyncwb.sync as module

        run = module.init(project="bench", mode="offline")
    columns = [f"c{number}" for number in range(COLUMNS)]
    run.log({"first": module.Table(columns=["a"], data=[[1.5], [2]])})  # imports
    time.sleep(1)
    gc.collect()
    empty = memory("VmRSS")
    rows = [
        [
            row * 1.5 + at if at < 6 else row * at + 1000 if at < 8 else f"text {row}"
            for at in range(10)
        ]
        for row in range(ROWS)
    ]
    data = memory("VmRSS") - empty
    forget_peak()
    cpu = time.process_time()
    began = time.perf_counter()
    table = module.Table(columns=columns, data=rows)
    made = time.perf_counter()
    run.log({"table": table})
    logged = time.perf_counter()
    run.finish()
    return {
        "made_s": made - began,
        "log_s": logged - made,
        "total_s": time.perf_counter() - began,
        "cpu_s": time.process_time() - cpu,
        "data_mb": data / 1e6,
        "memory": (memory("VmHWM") - empty) / data,
    }


def measure(name: str) -> Result:
    """Run the scenario in a fresh process."""
    with tempfile.TemporaryDirectory(prefix="asyncwb-bench-") as folder:
        done = subprocess.run(
            [sys.executable, "-m", "benchmarks.tables", name],
            env=base_env(Path(folder), {}), cwd=folder, check=False, timeout=900,
            capture_output=True, text=True,
        )  # fmt: skip
    if done.returncode:
        raise RuntimeError(f"{name} failed:\n{done.stderr[-4000:]}")
    return dict(json.loads(done.stdout.splitlines()[-1]))


def fill(table: Table, rounds: int) -> None:
    """Put the figures of both clients, which take turns, into a table."""
    seen: dict[str, list[Result]] = {"wandb": [], "asyncwb": []}
    for _ in range(rounds):
        for name, results in seen.items():
            results.append(measure(name))
    wandb, ours = median(seen["wandb"]), median(seen["asyncwb"])
    for what, key, goal in (
        ("`Table(...)`, the caller's time", "made_s", ""),
        ("`log` of it, the caller's time", "log_s", ""),
        ("both, and `finish`", "total_s", ">= 3x"),
        ("CPU of all that, in the process", "cpu_s", ""),
    ):
        table.add(
            what, f"{wandb[key]:.2f} s", f"{ours[key]:.3f} s",
            f"{wandb[key] / ours[key]:.1f}x", goal,
        )  # fmt: skip
    table.add(
        f"memory at most, over that of the data ({ours['data_mb']:.0f} MB in lists), which is 1",
        f"{wandb['memory']:.2f}", f"{ours['memory']:.2f}",
        f"{wandb['memory'] / ours['memory']:.1f}x", "<= 2",
    )  # fmt: skip


if __name__ == "__main__":
    os.environ["WANDB_SILENT"] = "true"
    print(json.dumps(scenario(sys.argv[1])))
