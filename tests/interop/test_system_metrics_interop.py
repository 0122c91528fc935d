"""System metrics beside those of the wandb package: the same machine at the same time."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import pytest

from asyncwb.api import Api
from asyncwb.testing import LocalServer, local_server

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytest.importorskip("wandb")
pytest.importorskip("psutil")
pytestmark = [pytest.mark.interop, pytest.mark.timeout(150)]

RESERVED = {"_wandb", "_timestamp", "_runtime"}

# What is watched: one busy thread, one idle one, 100 MB, and a child with as much.
WATCHED = """
import subprocess, sys, threading, time
held = bytearray(b"x" * 100_000_000)
child = "import time; held = bytearray(b'x' * 100_000_000); print('up', flush=True); time.sleep(90)"
subprocess.Popen([sys.executable, "-c", child])
threading.Thread(target=time.sleep, args=(90,), daemon=True).start()
print("up", flush=True)
while True:
    pass
"""

RUN = """
import json, sys, time
module, name, options = sys.argv[1:]
if module == "wandb":
    import wandb
else:
    import asyncwb.sync as wandb
run = wandb.init(project="system", id=name, settings=json.loads(options))
print("up", flush=True)
sys.stdin.readline()
run.finish()
"""

READ = """
import json, sys, wandb
rows = wandb.Api().run(sys.argv[1]).history(stream="system", samples=1000, pandas=False)
print("RESULT " + json.dumps(rows))
"""


@pytest.fixture(scope="module")
def server() -> Iterator[LocalServer]:
    with local_server() as running:
        yield running


@pytest.fixture
def watched() -> Iterator[int]:
    command = [sys.executable, "-c", WATCHED]
    with subprocess.Popen(command, stdout=subprocess.PIPE, start_new_session=True) as process:
        assert process.stdout is not None
        for _ in range(2):
            assert process.stdout.readline() == b"up\n"
        yield process.pid
        os.killpg(process.pid, 9)


def environment(server: LocalServer, folder: Path) -> dict[str, str]:
    quiet = {"WANDB_SILENT": "true", "WANDB_CONSOLE": "off", "WANDB_ERROR_REPORTING": "false"}
    return {**os.environ, **server.env, **quiet, "HOME": str(folder)}


def side_by_side(server: LocalServer, folder: Path, options: dict[str, Any], wanted: int) -> None:
    """Both clients with the same settings, until both had the time for so many rows."""
    env = environment(server, folder)
    running = []
    for module in ("wandb", "asyncwb"):
        command = [sys.executable, "-c", RUN, module, f"by-{module}", json.dumps(options)]
        process = subprocess.Popen(
            command, env=env, cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        running.append(process)
    for process in running:
        assert process.stdout is not None
        assert process.stdout.readline() == "up\n"
    # Time is what is measured here: rows of a second each.
    time.sleep(wanted * options["x_stats_sampling_interval"])
    for process in running:
        process.communicate("\n", timeout=60)
        assert process.returncode == 0


def run_ours(server: LocalServer, folder: Path, name: str) -> None:
    """A short run of ours."""
    subprocess.run(
        [sys.executable, "-c", RUN, "asyncwb", name, '{"x_stats_sampling_interval": 0.1}'],
        env=environment(server, folder), cwd=folder, input="", stdout=subprocess.PIPE,
        text=True, timeout=60, check=True,
    )  # fmt: skip


def read_by_wandb(server: LocalServer, folder: Path, path: str) -> list[dict[str, Any]]:
    done = subprocess.run(
        [sys.executable, "-c", READ, path], env=environment(server, folder), cwd=folder,
        capture_output=True, text=True, timeout=100, check=True,
    )  # fmt: skip
    found: list[dict[str, Any]] = json.loads(done.stdout.splitlines()[-1][7:])
    return found


@pytest.fixture
def here(server: LocalServer, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in server.env.items():
        monkeypatch.setenv(name, value)


def middle(rows: list[dict[str, Any]], name: str) -> float:
    values = sorted(row[name] for row in rows if name in row)
    return float(values[len(values) // 2])


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize("tree", [False, True])
async def test_same_names_and_values(
    server: LocalServer, tmp_path: Path, watched: int, tree: bool
) -> None:
    options = {
        "x_stats_sampling_interval": 1.0,
        "x_stats_pid": watched,
        "x_stats_track_process_tree": tree,
        "x_stats_disk_paths": ["/", "/no/such/place"],
        "x_label": "node0" if tree else None,
    }
    side_by_side(server, tmp_path, options, 5)
    project = f"{server.entity}/system"
    theirs = await (await Api().run(f"{project}/by-wandb")).history(
        samples=1000, stream="system", pandas=False
    )
    run = await Api().run(f"{project}/by-asyncwb")
    ours = await run.history(samples=1000, stream="system", pandas=False)
    await run.delete()
    await (await Api().run(f"{project}/by-wandb")).delete()

    assert min(len(theirs), len(ours)) >= 3
    # The package leaves the single cores and the swap space to its other tools.
    extra = (".cpu_percent", "swap.used", "swap.used_percent")
    first, rest = [
        ({name for name in row if not name.split("/l:")[0].endswith(extra)})
        for row in (ours[0], ours[-1])
    ]
    assert first == set(theirs[0])
    assert rest == set(theirs[-1])
    assert set(ours[0]) & RESERVED == RESERVED
    assert {name for name in rest if name.endswith("/l:node0")} == (
        rest - RESERVED if tree else set()
    )

    suffix = "/l:node0" if tree else ""
    # What other programs of the machine change meanwhile has more room.
    factors = {
        "cpu": 3.0,
        "memory_percent": 2.0,
        "proc.memory.availableMB": 1.2,
        "proc.memory.rssMB": 1.02,
        "proc.memory.percent": 1.05,
        "proc.cpu.threads": 1.0,
        "disk./.usagePercent": 1.1,
        "disk./.usageGB": 1.1,
    }
    for name, factor in factors.items():
        mine, other = (middle(rows, f"system.{name}{suffix}") for rows in (ours, theirs))
        assert other / factor <= mine <= other * factor, name


@pytest.mark.usefixtures("here")
async def test_the_package_reads_our_rows_as_we_do(server: LocalServer, tmp_path: Path) -> None:
    run_ours(server, tmp_path, "read")
    path = f"{server.entity}/system/read"
    run = await Api().run(path)
    ours = await run.history(samples=1000, stream="system", pandas=False)
    assert ours
    assert read_by_wandb(server, tmp_path, path) == ours
