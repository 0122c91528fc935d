"""Fresh processes, interleaved rounds, medians, and the CPU time of whole process trees."""

from __future__ import annotations

import ctypes
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

PR_SET_CHILD_SUBREAPER = 36
ROOT = Path(__file__).resolve().parent.parent

Result = dict[str, float]


def base_env(home: Path, extra: Mapping[str, str]) -> dict[str, str]:
    """A clean environment: its own home, no telemetry, no settings of the caller."""
    keep = {"PATH", "LANG", "LD_LIBRARY_PATH", "TMPDIR"}
    env = {key: value for key, value in os.environ.items() if key in keep}
    return env | {
        "HOME": str(home),
        # The checkout that the benchmarks belong to, whatever is installed.
        "PYTHONPATH": os.pathsep.join((str(ROOT / "src"), str(ROOT))),
        "WANDB_ERROR_REPORTING": "false",
        "WANDB_SILENT": "true",
        "WANDB_CONSOLE": "off",
        **extra,
    }


def measure(client: str, scenario: str, *args: str, env: Mapping[str, str] | None = None) -> Result:
    """Run one worker in a new home and folder; adds wall_s and cpu_s of its process tree.

    The measuring child is a sub-reaper: helpers that the client leaves behind (wandb-core) are
    waited for there, so that their CPU time counts.
    """
    with tempfile.TemporaryDirectory(prefix="asyncwb-bench-") as folder:
        home = Path(folder)
        command = [sys.executable, "-m", "benchmarks.harness", client, scenario, *args]
        done = subprocess.run(
            command,
            env=base_env(home, env or {}),
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=900,
            check=False,
        )
    for line in done.stdout.splitlines():
        if line.startswith("RESULT "):
            return dict(json.loads(line[7:]))
    raise RuntimeError(f"{client} {scenario} failed:\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}")


def reap() -> None:
    """The measuring child: start the worker, wait for every descendant, add up CPU time."""
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    began = time.perf_counter()
    command = [sys.executable, "-m", "benchmarks.worker", *sys.argv[1:]]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    output = process.communicate()[0]
    wall = time.perf_counter() - began
    while True:
        try:
            os.wait()
        except ChildProcessError:
            break
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    for line in output.splitlines():
        if line.startswith("RESULT "):
            result = json.loads(line[7:]) | {
                "wall_s": wall,
                "cpu_s": usage.ru_utime + usage.ru_stime,
            }
            print("RESULT " + json.dumps(result))
    sys.exit(process.returncode)


def interleave(
    clients: Sequence[str],
    scenario: str,
    *args: str,
    rounds: int,
    env: Mapping[str, str] | None = None,
) -> dict[str, Result]:
    """Medians over rounds, the clients taking turns so that noise hits all alike."""
    seen: dict[str, list[Result]] = {client: [] for client in clients}
    for _ in range(rounds):
        for client in clients:
            seen[client].append(measure(client, scenario, *args, env=env))
    return {client: median(results) for client, results in seen.items()}


def times(a: float, b: float) -> str:
    """How many times as much `a` is as `b`."""
    return f"{a / b:.1f}x" if b else "-"


def median(results: Sequence[Result]) -> Result:
    return {key: statistics.median(r[key] for r in results) for key in results[0]}


@dataclass
class Table:
    """One markdown table of figures."""

    title: str
    command: str
    rows: list[tuple[str, str, str, str, str]] = field(default_factory=list)

    def add(self, what: str, wandb: str, ours: str, ratio: str, goal: str) -> None:
        self.rows.append((what, wandb, ours, ratio, goal))
        print(f"  {what}: wandb {wandb}, asyncwb {ours}, ratio {ratio}, goal {goal}", flush=True)

    def markdown(self) -> str:
        lines = [
            f"### {self.title}",
            "",
            f"`{self.command}`",
            "",
            "| what | wandb 0.31.0 | asyncwb | ratio | goal |",
            "| --- | --- | --- | --- | --- |",
        ]
        lines += ["| " + " | ".join(row) + " |" for row in self.rows]
        return "\n".join(lines) + "\n"


if __name__ == "__main__":
    reap()
