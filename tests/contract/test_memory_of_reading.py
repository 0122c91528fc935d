"""What a scan and an export hold in memory does not grow with the run."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
import urllib.request
from typing import TYPE_CHECKING, Any

import pytest
from journals import START, RunFolder, run_record

import asyncwb.sync
from asyncwb.journal.framing import frame
from asyncwb.journal.rows import RowEncoder
from asyncwb.testing import LocalServer, local_server

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="the peak is read from /proc"),
    pytest.mark.timeout(180),
]

SELDOM = ["keys", "jsonl", "csv"]
LINES = 5_000
ROWS = {"few": 40_000, "many": 160_000}
KEYS = 6
TEXT = "x" * 100
MORE_BYTES = 15 << 20
"""Rows that only the longer run has take half as much again as columns, six times it as dicts."""

# Reads run `sys.argv[2]` in the way `sys.argv[1]`; prints the rows and the highest resident size.
READER = """
import asyncio, sys
import asyncwb

how, name, place = sys.argv[1:]
if how == "parquet":
    from asyncwb.export import tables
    tables._SPILL_BYTES = 1 << 20
api = asyncwb.Api(local=place) if place else asyncwb.Api()

async def main():
    run = await api.run("demo/" + name)
    if how == "rows":
        return sum([1 async for row in run.scan_history()])
    if how == "keys":
        return sum([1 async for row in run.scan_history(["v0", "text"])])
    if how == "columns":
        return sum([page.count async for page in run.scan_history().columns()])
    return (await asyncwb.export([run], name, how)).rows

rows = asyncio.run(main())
status = dict(line.split(":", 1) for line in open("/proc/self/status"))
print(rows, int(status["VmHWM"].split()[0]) * 1024)
"""


def row(number: int) -> dict[str, Any]:
    return {"text": f"{number} {TEXT}", **{f"v{k}": number / 7 + k for k in range(KEYS)}}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a short and a long run."""
    parent = tmp_path_factory.mktemp("runs") / "wandb"
    for name, rows in ROWS.items():
        body = RunFolder(parent, name)
        body.add(run_record(name, "demo"))
        encoder = RowEncoder()
        with body.journal.open("ab") as file:
            end = file.tell()
            for n in range(rows):
                record = encoder.encode(row(n), step=n, timestamp=START + n, runtime=float(n))
                end += file.write(frame(record, end))
    return parent


@pytest.fixture(scope="module")
def server() -> Iterator[LocalServer]:
    """A server with the same runs."""
    with local_server() as running:
        api = asyncwb.sync.Api(running.settings)
        for name, rows in ROWS.items():
            api.create_run(run_id=name, project="demo")
            for start in range(0, rows, LINES):
                lines = [
                    json.dumps({**row(n), "_step": n, "_timestamp": START + n, "_runtime": n})
                    for n in range(start, min(rows, start + LINES))
                ]
                send(running, name, {"wandb-history.jsonl": {"offset": start, "content": lines}})
        yield running


def send(server: LocalServer, name: str, files: dict[str, Any]) -> None:
    token = base64.b64encode(f"api:{server.api_key}".encode()).decode()
    url = f"{server.url}/files/{server.entity}/demo/{name}/file_stream"
    headers = {"Authorization": f"Basic {token}", "Content-Type": "application/json"}
    request = urllib.request.Request(url, json.dumps({"files": files}).encode(), headers)
    with urllib.request.urlopen(request, timeout=60) as answer:
        assert answer.status == 200


def peak(how: str, name: str, place: Path | None, env: dict[str, str]) -> int:
    """Highest resident size of a process that reads a run, in bytes."""
    command = [sys.executable, "-c", READER, how, name, str(place or "")]
    # One heap: each thread of its own would keep what it has freed, and pyarrow, too.
    heap = {"MALLOC_ARENA_MAX": "1", "ARROW_DEFAULT_MEMORY_POOL": "system"}
    done = subprocess.run(
        command, capture_output=True, text=True, check=True, env={**os.environ, **heap, **env}
    )
    rows, size = map(int, done.stdout.split())
    assert rows == ROWS[name]
    return size


@pytest.mark.parametrize(
    "how",
    ["rows", "columns", "parquet", *(pytest.param(n, marks=pytest.mark.slow) for n in SELDOM)],
)
def test_of_a_server(how: str, server: LocalServer) -> None:
    if how == "parquet":
        pytest.importorskip("pyarrow")
    sizes = [peak(how, name, None, server.env) for name in ROWS]
    assert sizes[1] - sizes[0] < MORE_BYTES, sizes


@pytest.mark.parametrize("how", ["rows", "columns", "parquet"])
def test_of_this_machine(how: str, folder: Path) -> None:
    if how == "parquet":
        pytest.importorskip("pyarrow")
    sizes = [peak(how, name, folder, {}) for name in ROWS]
    assert sizes[1] - sizes[0] < MORE_BYTES, sizes
