"""Kill a logging process with SIGKILL and count what its journal still holds."""

from __future__ import annotations

import asyncio
import json
import os
import random
import subprocess
import sys
import tempfile
import textwrap
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from benchmarks.harness import base_env

COMMAND = "nox -s bench -- kills"
HISTORY = 2

# The child says on a pipe how many log() calls have returned; one byte write per row.
CHILD = textwrap.dedent(
    """
    import os, sys
    client, pause, run_id = sys.argv[1], float(sys.argv[2]), sys.argv[3]
    if client == "wandb":
        import wandb
        settings = wandb.Settings(console="off", silent=True, x_disable_stats=True)
        run = wandb.init(project="kills", mode="offline", id=run_id, settings=settings)
    else:
        import asyncwb.sync as wandb
        run = wandb.init(project="kills", mode="offline", id=run_id)
    import time
    i = 0
    while True:
        run.log({"i": i, "loss": 1 / (i + 1)})
        os.write(1, b".")
        i += 1
        if pause:
            time.sleep(pause)
    """
)


@dataclass
class Loss:
    """What a series of kills cost."""

    kills: int
    logged: int
    lost: int
    twice: int = 0
    missing: int = 0


def run_and_kill(client: str, folder: Path, run_id: str, rows: int, pause: float = 0) -> int:
    """Start a child, kill it once it has said `rows` rows; returns the rows it had logged."""
    process = subprocess.Popen(
        [sys.executable, "-c", CHILD, client, str(pause), run_id],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=base_env(folder, {}),
        cwd=folder,
    )
    assert process.stdout is not None
    said = 0
    while said < rows:
        said += len(os.read(process.stdout.fileno(), 65536))
    process.kill()
    while chunk := os.read(process.stdout.fileno(), 65536):
        said += len(chunk)
    process.wait()
    process.stdout.close()
    return said


def journal_rows(folder: Path) -> list[int]:
    """The values of `i` in every readable history record below the folder."""
    from asyncwb.journal import JournalReader
    from asyncwb.journal.records import field_number
    from asyncwb.journal.rows import RowDecoder

    found: list[int] = []
    for path in folder.glob("wandb/*run-*/*.wandb"):
        reader, decoder = JournalReader.open(path), RowDecoder()
        while batch := reader.read_batch(1 << 20, 10_000):
            found += [
                json.loads(decoder.to_line(raw.payload))["i"]
                for raw in batch
                if field_number(raw.payload) == HISTORY
            ]
        reader.close()
    return found


def wandb_loss(rows: int) -> Loss:
    """The wandb package: 5,000 rows at about 1.5 kHz, killed at once, read four seconds later."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        said = run_and_kill("wandb", folder, "killed", rows, 0.0005)
        time.sleep(4)
        have = set(journal_rows(folder))
        return Loss(1, said, said - len(have & set(range(said))))


def asyncwb_loss(kills: int) -> Loss:
    """Kill at random moments, then recover every folder to a server and compare row by row."""
    from asyncwb.testing import local_server

    total = Loss(kills, 0, 0)
    rng = random.Random(20)
    with tempfile.TemporaryDirectory() as name, local_server() as server:
        said: dict[str, int] = {}
        folders = []
        for k in range(kills):
            folder = Path(name) / f"k{k}"
            folder.mkdir()
            run_id = f"kill{k:04d}"
            said[run_id] = run_and_kill("asyncwb", folder, run_id, rng.randint(1, 3000))
            have = set(journal_rows(folder))
            total.logged += said[run_id]
            total.lost += said[run_id] - len(have & set(range(said[run_id])))
            folders += [path.parent for path in folder.glob("wandb/*run-*/*.wandb")]
        os.environ.update(server.env)
        subprocess.run(
            [sys.executable, "-m", "asyncwb", "sync", "-j", "8", *map(str, folders)],
            env={**base_env(Path(name), {}), **server.env},
            check=True,
            stdout=subprocess.DEVNULL,
        )
        asyncio.run(compare(server.entity, said, total))
    return total


async def compare(entity: str, said: dict[str, int], total: Loss) -> None:
    import asyncwb

    api = asyncwb.Api()
    for run_id, count in said.items():
        run = await api.run(f"{entity}/kills/{run_id}")
        rows = Counter([int(row["i"]) async for row in run.scan_history(keys=["i"])])
        total.twice += sum(n - 1 for n in rows.values())
        total.missing += sum(1 for i in range(count) if i not in rows)
