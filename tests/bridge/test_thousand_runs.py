"""Very many live runs in one process: what one of them costs, and that all of it arrives."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

import pytest
from cells import LIMIT_SECONDS, ended, launch
from seen_on_server import on_server

from asyncwb.testing import LocalServer, local_server

if TYPE_CHECKING:
    from collections.abc import Iterator

PROGRAM = """
import asyncio, gc, json, os, resource, sys, threading, time
import asyncwb

COUNT, MODE = int(sys.argv[1]), sys.argv[2]

def rss_kib():
    with open("/proc/self/status") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("VmRSS"))

async def begin(number):
    return await asyncwb.init(project="thousand", id=f"{MODE}{number:04d}", mode=MODE)

async def main():
    first = await begin(0)
    await first.log({"n": 0})
    if MODE == "online": await first.flush()
    gc.collect()
    before, threads = rss_kib(), threading.active_count()
    files = len(os.listdir("/proc/self/fd"))
    began = time.monotonic()
    runs = [first, *await asyncio.gather(*(begin(n) for n in range(1, COUNT)))]
    started = time.monotonic()
    gc.collect()
    idle = rss_kib()
    more = len(os.listdir("/proc/self/fd")) - files
    for n in range(1, 20):
        for run in runs: await run.log({"n": n})
    for run in runs[1:]: await run.log({"n": 20})
    logged = time.monotonic()
    several = threading.active_count() - threads
    await asyncio.gather(*(run.finish() for run in runs))
    finished = time.monotonic()
    print(json.dumps({
        "kib_each": (idle - before) / COUNT, "threads": several, "files_each": more / COUNT,
        "init_s": started - began, "log_s": logged - started, "finish_s": finished - logged,
        "files_after": len(os.listdir("/proc/self/fd")) - files,
    }))
asyncio.run(main())
"""


@pytest.fixture(scope="module")
def running() -> Iterator[LocalServer]:
    with local_server() as running:
        yield running


@pytest.mark.parametrize("mode", ["offline", "online"])
@pytest.mark.parametrize("count", [100, pytest.param(1000, marks=pytest.mark.slow)])
@pytest.mark.timeout(300)
def test_many_live_runs(count: int, mode: str, running: LocalServer) -> None:
    environment = {**running.env, "WANDB_SILENT": "true"}
    began = time.monotonic()
    process = launch(PROGRAM, [str(count), mode], environment)
    outcome = ended(process, began, LIMIT_SECONDS * count / 100)
    assert outcome.code == 0, outcome.err
    assert outcome.err == ""
    print(outcome.out)
    figures = json.loads(outcome.out)
    # Not one thread more than the first run has, and its journal (read and written) open.
    assert figures["threads"] <= 8
    assert figures["files_each"] <= (3 if mode == "online" else 1.1)
    assert figures["files_after"] <= 16
    assert figures["kib_each"] < 250
    if mode == "online":
        for number in (0, 1, count // 2, count - 1) if count > 100 else range(count):
            state, code, history = on_server(running, f"online{number:04d}", "thousand")
            assert (state, code) == ("finished", 0)
            assert [row["n"] for row in history] == list(range(20 if number == 0 else 21))[
                (0 if number == 0 else 1) :
            ]
