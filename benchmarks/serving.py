"""The embedded server under load: rows in, charts out, starts.

The load generator is a process of its own and shares the cores with the server; what a row costs
the server is told by its CPU time.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import httpx

from asyncwb.server.bootstrap import ensure_first_user
from asyncwb.server.process import ServerOptions, ServerProcess
from benchmarks.harness import Table

INGEST_RUNS = 50
INGEST_SECONDS = 20.0
INGEST_RATE = 22_000.0  # rows/s
INGEST_ROWS = 200  # of a post
CHART_RUNS = 100
CHART_ROWS = 100_000
KINDS = 5  # of rows: making them for each run would take longer than storing them
KEYS = [f"metric_{i}" for i in range(10)]
CREATE = 'mutation($n: String) { upsertBucket(input: {name: $n, modelName: "load"}) { inserted } }'

_TICKS = os.sysconf("SC_CLK_TCK")


@contextmanager
def started(folder: Path) -> Iterator[ServerProcess]:
    """A server on a folder, for a block."""
    server = ServerProcess(ServerOptions(data_dir=folder))
    try:
        yield server
    finally:
        server.stop()


def cpu_seconds(pid: int) -> float:
    """CPU time that a process has used, all its threads together."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def memory_mb(pid: int, what: str = "VmRSS") -> float:
    """Memory of a process: VmRSS, VmHWM, RssAnon, RssFile."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(what + ":"):
            return int(line.split()[1]) / 1024
    raise RuntimeError(what)


def lines(first: int, count: int, rng: random.Random) -> list[str]:
    """History rows of ten floats with the reserved keys."""
    return [
        json.dumps(
            {key: rng.random() for key in KEYS}
            | {"_step": step, "_runtime": step * 0.1, "_timestamp": 1.7e9 + step * 0.1},
            separators=(",", ":"),
        )
        for step in range(first, first + count)
    ]


async def create(http: httpx.AsyncClient, names: Sequence[str]) -> None:
    for name in names:
        answer = await http.post("/graphql", json={"query": CREATE, "variables": {"n": name}})
        answer.raise_for_status()


async def post(
    http: httpx.AsyncClient, name: str, offset: int, rows: bytes, **more: object
) -> None:
    end = b"".join(b',"%b":%b' % (k.encode(), json.dumps(v).encode()) for k, v in more.items())
    chunk = b'{"offset":%d,"content":%b}' % (offset, rows)
    body = b'{"files":{"wandb-history.jsonl":%b}%b}' % (chunk, end)
    answer = await http.post(f"/files/local/load/{name}/file_stream", content=body)
    answer.raise_for_status()


async def ingest(url: str, key: str, seconds: float, rate: float) -> dict[str, float]:
    """Fifty runs post `rate` rows a second together, or as fast as the server answers (0)."""
    took: list[float] = []
    rng = random.Random(1)
    # Rows are the same in all posts, but for their steps: making them is not what is measured.
    row = lines(0, 1, rng)[0]
    head, tail = row.split('"_step":0')
    async with httpx.AsyncClient(base_url=url, auth=("api", key), timeout=60) as http:
        names = [f"in{rate:.0f}-{i}" for i in range(INGEST_RUNS)]
        await create(http, names)
        until = time.perf_counter() + seconds

        async def one(name: str) -> None:
            offset = 0
            pause = INGEST_RUNS * INGEST_ROWS / rate if rate else 0
            due = time.perf_counter() + pause * rng.random()
            while time.perf_counter() < until:
                # a late post does not put off the next one
                await asyncio.sleep(max(0.0, due - time.perf_counter()))
                due += pause
                steps = range(offset, offset + INGEST_ROWS)
                rows = json.dumps([f'{head}"_step":{step}{tail}' for step in steps]).encode()
                began = time.perf_counter()
                await post(http, name, offset, rows)
                took.append(time.perf_counter() - began)
                offset += INGEST_ROWS

        began = time.perf_counter()
        await asyncio.gather(*map(one, names))
        wall = time.perf_counter() - began
    took.sort()
    return {
        "rows": len(took) * INGEST_ROWS,
        "rows_per_s": len(took) * INGEST_ROWS / wall,
        "p50_ms": statistics.median(took) * 1000,
        "p99_ms": took[int(len(took) * 0.99)] * 1000,
    }


async def fill(url: str, key: str, runs: int, rows: int) -> None:
    """Runs of many rows, finished. Every fifth has the same values."""
    rng = random.Random(2)
    async with httpx.AsyncClient(base_url=url, auth=("api", key), timeout=120) as http:
        names = [f"run{i}" for i in range(runs)]
        await create(http, names)
        size = 2000
        for low in range(0, rows, size):
            kinds = [json.dumps(lines(low, size, rng)).encode() for _ in range(KINDS)]
            for number, name in enumerate(names):
                await post(http, name, low, kinds[number % KINDS])
        for name in names:
            await post(http, name, rows, b"[]", complete=True, exitcode=0)


async def chart(url: str, key: str, metric: str, runs: int, **more: object) -> dict[str, float]:
    """One chart of all runs, as the page asks for it."""
    body = {
        "entity": "local", "project": "load", "runs": [f"run{i}" for i in range(runs)],
        "y": metric, "points": 500, **more,
    }  # fmt: skip
    headers = {"Accept": "application/octet-stream"}
    async with httpx.AsyncClient(base_url=url, auth=("api", key), timeout=120) as http:
        began = time.perf_counter()
        answer = await http.post("/-/series", json=body, headers=headers)
        wall = time.perf_counter() - began
        answer.raise_for_status()
    return {"s": wall, "bytes": len(answer.content)}


def child(*arguments: object) -> dict[str, float]:
    """This module in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.serving", *map(str, arguments)],
        check=True, capture_output=True, text=True,
    )  # fmt: skip
    return dict(json.loads(done.stdout.splitlines()[-1]))


def fill_ingest(table: Table, folder: Path) -> None:
    """Rows of the file stream."""
    key = ensure_first_user(folder).api_key
    with started(folder) as server:
        for label, rate, goal, limit in (
            (f"{INGEST_RATE:,.0f} rows/s asked", INGEST_RATE, ">= 20,000", "<= 200 ms (p99)"),
            ("as fast as it answers", 0, ">= 20,000", ""),
        ):
            before = cpu_seconds(server.pid)
            got = child("ingest", server.url, key, INGEST_SECONDS, rate)
            cpu = cpu_seconds(server.pid) - before
            table.add(f"{label}: rows/s", "-", f"{got['rows_per_s']:,.0f}", "-", goal)
            times = f"{got['p50_ms']:.0f} / {got['p99_ms']:.0f} ms"
            table.add(f"{label}: a post, median / p99", "-", times, "-", limit)
            each = f"{cpu / got['rows'] * 1e6:.1f} us"
            table.add(f"{label}: CPU of the server for a row", "-", each, "-", "")
        peak = memory_mb(server.pid, "VmHWM")
    table.add("peak memory of the server", "-", f"{peak:.0f} MB", "-", "<= 250 MB")


def fill_charts(table: Table, folder: Path, runs: int, rows: int) -> None:
    """Charts of many long runs, from segments that are settled."""
    key = ensure_first_user(folder).api_key
    with started(folder) as server:
        child("fill", server.url, key, runs, rows)
        settled = wait_until_quiet(server.pid)
    # A fresh process, with nothing in memory.
    with started(folder) as server:
        time.sleep(3)
        first = child("chart", server.url, key, KEYS[0], runs)
        before = cpu_seconds(server.pid)
        again = [child("chart", server.url, key, metric, runs) for metric in KEYS[1:]]
        cpu = (cpu_seconds(server.pid) - before) / len(again)
        near = child("zoom", server.url, key, KEYS[0], runs, rows)
        peak, anonymous = memory_mb(server.pid, "VmHWM"), memory_mb(server.pid, "RssAnon")
    table.add("first chart", "-", f"{first['s']:.2f} s", "-", "")
    middle = statistics.median(got["s"] for got in again)
    table.add("further charts, one metric each", "-", f"{middle:.2f} s", "-", "<= 0.4 s")
    table.add("CPU of the server for one", "-", f"{cpu:.2f} s", "-", "")
    table.add("its answer", "-", f"{again[0]['bytes'] / 1024:.0f} KiB", "-", "")
    table.add("zoomed in to a tenth", "-", f"{near['s']:.2f} s", "-", "")
    table.add("peak memory of the server", "-", f"{peak:.0f} MB", "-", "<= 250 MB")
    table.add("of it its own, at the end", "-", f"{anonymous:.0f} MB", "-", "")
    print(f"  settled after {settled:.0f} s", flush=True)


def wait_until_quiet(pid: int) -> float:
    """Wait until the server has nothing more to do by itself."""
    began = time.perf_counter()
    last = cpu_seconds(pid)
    while True:
        time.sleep(5)
        now = cpu_seconds(pid)
        if now - last < 0.1:
            return time.perf_counter() - began
        last = now


def fill_starts(table: Table, folder: Path, rounds: int) -> None:
    """From the call to the first answer."""
    took: list[float] = []
    commands: list[float] = []
    for number in range(rounds):
        data = folder / str(number)
        began = time.perf_counter()
        with started(data) as server:
            httpx.get(f"{server.url}/healthz").raise_for_status()
            took.append(time.perf_counter() - began)
    for number in range(rounds):
        env = {**os.environ, "HOME": str(folder), "XDG_STATE_HOME": str(folder / "state")}
        options = ["--data-dir", str(folder / f"command{number}"), "--port", "0"]
        began = time.perf_counter()
        command = [sys.executable, "-m", "asyncwb", "server"]
        subprocess.run(
            [*command, "start", *options], check=True, env=env, stdout=subprocess.DEVNULL
        )
        commands.append(time.perf_counter() - began)
        subprocess.run([*command, "stop"], check=True, env=env, stdout=subprocess.DEVNULL)
    for what, values in (("`ServerProcess`", took), ("`asyncwb server start`", commands)):
        text = f"{statistics.median(values):.2f} / {max(values):.2f} s"
        table.add(f"{what}, new folder, median / worst of {rounds}", "-", text, "-", "<= 1.5 s")


def ingest_table() -> Table:
    title = f"The server: {INGEST_RUNS} runs post rows of ten floats at once, {INGEST_ROWS} a post"
    table = Table(title, "nox -s bench -- ingest")
    with tempfile.TemporaryDirectory(prefix="asyncwb-bench-") as name:
        fill_ingest(table, Path(name))
    return table


def charts_table() -> Table:
    title = f"The server: a chart of {CHART_RUNS} runs of {CHART_ROWS:,} rows of ten floats"
    table = Table(title, "nox -s bench -- charts")
    with tempfile.TemporaryDirectory(prefix="asyncwb-bench-") as name:
        fill_charts(table, Path(name), CHART_RUNS, CHART_ROWS)
    return table


def starts_table(rounds: int) -> Table:
    table = Table("The server: from the start to the first answer", "nox -s bench -- starts")
    with tempfile.TemporaryDirectory(prefix="asyncwb-bench-") as name:
        fill_starts(table, Path(name), rounds)
    return table


def main(what: str, url: str, key: str, *more: str) -> None:
    """A child: the load."""
    result: dict[str, float] = {}
    if what == "ingest":
        result = asyncio.run(ingest(url, key, float(more[0]), float(more[1])))
    elif what == "fill":
        asyncio.run(fill(url, key, int(more[0]), int(more[1])))
    elif what == "chart":
        result = asyncio.run(chart(url, key, more[0], int(more[1])))
    elif what == "zoom":
        rows = int(more[2])
        span = {"low": rows * 0.4, "high": rows * 0.5}
        result = asyncio.run(chart(url, key, more[0], int(more[1]), **span))
    print(json.dumps(result))


if __name__ == "__main__":
    main(*sys.argv[1:])
