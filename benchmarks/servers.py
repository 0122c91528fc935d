"""Rows per second that one and two server processes on one PostgreSQL take from many runs.

    python -m benchmarks.servers [--processes 1 2] [--share 0.3] [--seconds 10] [--rounds 3]

PostgreSQL is started here, with its usual settings for durability. Every run posts 500 rows of 10
floats at a time and waits for the answer. Where there are fewer cores than server processes,
database and clients want, the cores are what limits; `--share` then lets each server process run
for a part of the time only, as if each had a machine of its own that is slower by as much.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import signal
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import psutil

from benchmarks.harness import ROOT

sys.path.insert(0, str(ROOT / "tests" / "support"))

from postgres import Cluster, cluster
from server_pairs import Peer, peers

RUNS = 50
ROWS = 500
PERIOD = 0.02
CREATE = """mutation($n: String!) { upsertBucket(input: {name: $n, modelName: "p"}) {
    bucket { id } } }"""


@contextmanager
def throttled(pids: list[int], share: float) -> Iterator[None]:
    """Let processes run for a part of each 20 ms, out of step with each other."""
    done = threading.Event()

    def throttle(pid: int, delay: float) -> None:
        done.wait(delay)
        while not done.is_set():
            os.kill(pid, signal.SIGSTOP)
            time.sleep(PERIOD * (1 - share))
            os.kill(pid, signal.SIGCONT)
            done.wait(PERIOD * share)

    threads = [
        threading.Thread(target=throttle, args=(pid, i * PERIOD / len(pids)))
        for i, pid in enumerate(pids if share < 1 else [])
    ]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        done.set()
        for thread in threads:
            thread.join()


async def load(servers: list[Peer], seconds: float) -> tuple[float, list[float]]:
    """Rows per second, and how long each post took."""
    limits = httpx.Limits(max_connections=RUNS)
    took: list[float] = []
    acknowledged = 0
    key = servers[0].api_key
    async with httpx.AsyncClient(auth=("api", key), limits=limits, timeout=60) as http:
        marks = [f"{os.urandom(4).hex()}-{i}" for i in range(RUNS)]
        for mark in marks:
            answer = await http.post(
                f"{servers[0].url}/graphql", json={"query": CREATE, "variables": {"n": mark}}
            )
            assert answer.status_code == 200, answer.text
        row = {f"metric_{i}": 0.1234567 * (i + 1) for i in range(10)}
        began = time.perf_counter()

        async def post(number: int) -> None:
            nonlocal acknowledged
            url = servers[number % len(servers)].url
            path = f"{url}/files/local/p/{marks[number]}/file_stream"
            at = 0
            while time.perf_counter() - began < seconds:
                lines = [json.dumps({**row, "_step": at + i}) for i in range(ROWS)]
                body = {"files": {"wandb-history.jsonl": {"offset": at, "content": lines}}}
                sent = time.perf_counter()
                answer = await http.post(path, json=body)
                assert answer.status_code == 200, answer.text
                took.append(time.perf_counter() - sent)
                at += ROWS
                acknowledged += ROWS

        await asyncio.gather(*(post(number) for number in range(RUNS)))
        return acknowledged / (time.perf_counter() - began), took


def used(pids: list[int]) -> float:
    return sum(sum(psutil.Process(pid).cpu_times()[:2]) for pid in pids)


def busy() -> float:
    """Seconds in which the machine's cores did anything, for whomever."""
    times = psutil.cpu_times()
    return sum(times) - times.idle - times.iowait - times.guest - times.guest_nice


def once(database: Cluster, folder: Path, count: int, options: argparse.Namespace) -> float:
    with peers(folder, database.database(folder), count) as servers:
        pids = [server.process.pid for server in servers]
        before = used(pids), time.process_time(), time.perf_counter(), busy()
        with throttled(pids, options.share):
            rate, took = asyncio.run(load(servers, options.seconds))
        wall = time.perf_counter() - before[2]
        spent = used(pids) - before[0]
        slow = sorted(took)[int(len(took) * 0.99)] * 1000
        print(
            f"{count} process(es): {rate:8.0f} rows/s, p99 of a post {slow:5.0f} ms; cores used: "
            f"servers {spent / wall:.2f} ({rate * wall / spent:.0f} rows a second of one), clients "
            f"{(time.process_time() - before[1]) / wall:.2f}, all of this machine "
            f"{(busy() - before[3]) / wall:.2f} of {os.cpu_count()}",
            flush=True,
        )
    return rate


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--processes", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--share", type=float, default=1.0)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    rates: dict[int, list[float]] = {count: [] for count in options.processes}
    with cluster(durable=True) as database, tempfile.TemporaryDirectory() as folder:
        for number in range(options.rounds):
            for count in options.processes:
                place = Path(folder) / f"{number}-{count}"
                place.mkdir()
                rates[count].append(once(database, place, count, options))
    middle = {count: statistics.median(found) for count, found in rates.items()}
    first = middle[options.processes[0]]
    for count, rate in middle.items():
        print(f"median of {count}: {rate:.0f} rows/s, {rate / first:.2f}x")


if __name__ == "__main__":
    main()
