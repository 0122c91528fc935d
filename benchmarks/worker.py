"""One measurement of one client, run in a fresh process; prints one JSON object.

Usage: python -m benchmarks.worker CLIENT SCENARIO [N], with CLIENT one of
asyncwb (blocking face), asyncwb-async, wandb.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sys
import time
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.artifacts import artifacts
from benchmarks.console import console
from benchmarks.heartbeat import heartbeat
from benchmarks.idle_runs import idle_runs
from benchmarks.reading import export_runs, list_runs, local_to_pandas, write_local

ROW_KEYS = [f"metric_{i}" for i in range(10)]


def make_rows(count: int) -> list[dict[str, float]]:
    """Ready-made rows of ten floats, made outside the timed part."""
    return [{key: step * 0.37 + i / 7 for i, key in enumerate(ROW_KEYS)} for step in range(count)]


def percentile(values: list[int], fraction: float) -> float:
    """A percentile in microseconds of a list of nanoseconds."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * fraction))] / 1000


def journal_bytes(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.glob("wandb/*run-*/*.wandb"))


def rss_mb() -> float:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1]) / 1024
    return 0.0


def client(name: str) -> Any:
    if name == "wandb":
        import wandb

        return wandb
    import asyncwb.sync

    return asyncwb.sync


def start(module: Any, mode: str, run_id: str | None = None) -> Any:
    if module.__name__.startswith("wandb"):
        settings = module.Settings(console="off", silent=True, x_disable_stats=True)
        return module.init(project="bench", mode=mode, id=run_id, settings=settings)
    return module.init(project="bench", mode=mode, id=run_id)


def offline_init(name: str, _count: int) -> dict[str, float]:
    module = client(name)
    began = time.perf_counter()
    run = start(module, "offline")
    took = time.perf_counter() - began
    run.finish()
    return {"init_ms": took * 1000}


def log_rows(name: str, count: int, mode: str, *, metrics: bool = False) -> dict[str, float]:
    """Rows with a clock around each; `metrics`: each gets a step value and counts ten times."""
    module = client(name)
    rows = make_rows(count)
    run = start(module, mode)
    if metrics:
        run.define_metric("*", step_metric="epoch", summary="min,max,mean,last")
        run.log({"epoch": 1})
    log = run.log
    clock = time.perf_counter_ns
    times = [0] * count
    began = clock()
    for i, row in enumerate(rows):
        before = clock()
        log(row)
        times[i] = clock() - before
    logged = clock()
    run.finish()
    done = clock()
    return {
        "p50_us": percentile(times, 0.5),
        "p99_us": percentile(times, 0.99),
        "max_ms": max(times) / 1e6,
        "log_s": (logged - began) / 1e9,
        "total_s": (done - began) / 1e9,
        "rows_per_s": count / ((done - began) / 1e9),
        "journal_mb": journal_bytes(Path.cwd()) / 1e6,
        "rss_mb": rss_mb(),
    }


async def log_rows_awaited(count: int, mode: str) -> dict[str, float]:
    import asyncwb

    rows = make_rows(count)
    run = await asyncwb.init(project="bench", mode=mode)
    clock = time.perf_counter_ns
    times = [0] * count
    began = clock()
    for i, row in enumerate(rows):
        before = clock()
        await run.log(row)
        times[i] = clock() - before
    await run.finish()
    total = (clock() - began) / 1e9
    return {
        "p50_us": percentile(times, 0.5),
        "p99_us": percentile(times, 0.99),
        "total_s": total,
        "rows_per_s": count / total,
    }


def log_batches(name: str, count: int) -> dict[str, float]:
    """Rows as fast as they go, no clock per row, finish included."""
    module = client(name)
    rows = make_rows(1000)
    run = start(module, os.environ.get("BENCH_MODE", "online"))
    log = run.log
    began = time.perf_counter()
    for _ in range(count // 1000):
        for row in rows:
            log(row)
    logged = time.perf_counter()
    run.finish()
    total = time.perf_counter() - began
    return {"log_s": logged - began, "total_s": total, "rows_per_s": count / total}


async def many_runs(runs: int, rows_each: int, rows_per_s: int) -> dict[str, float]:
    import asyncwb

    rows = make_rows(rows_each)
    began = time.perf_counter()
    live = await asyncio.gather(
        *(asyncwb.init(project="many", id=f"many{i:04d}", reinit="create_new") for i in range(runs))
    )
    started = time.perf_counter()

    async def work(run: asyncwb.Run) -> None:
        for i, row in enumerate(rows):
            await run.log(row)
            if i % 20 == 19:
                await asyncio.sleep(20 / rows_per_s)
        await run.finish()

    sockets = 0

    async def watch_sockets() -> None:
        nonlocal sockets
        while True:
            sockets = max(sockets, count_sockets())
            await asyncio.sleep(0.1)

    watcher = asyncio.create_task(watch_sockets())
    await asyncio.gather(*(work(run) for run in live))
    watcher.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await watcher
    total = time.perf_counter() - began
    return {
        "init_s": started - began,
        "total_s": total,
        "rows_per_s": runs * rows_each / total,
        "connections": sockets,
        "rss_mb": rss_mb(),
    }


def count_sockets() -> int:
    """Connected TCP sockets of this process."""
    inodes = set()
    for fd in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(OSError):
            target = os.readlink(fd)
            if target.startswith("socket:["):
                inodes.add(target[8:-1])
    lines = Path("/proc/self/net/tcp").read_text().splitlines()[1:]
    return sum(1 for line in lines if line.split()[3] == "01" and line.split()[9] in inodes)


def stalled(name: str, count: int) -> dict[str, float]:
    """Peak memory above import while a server accepts and never answers."""
    module = client(name)
    rows = make_rows(100)
    before, peak = rss_mb(), 0.0
    run = start(module, "online")
    began = time.perf_counter()
    for i in range(count // 100):
        for row in rows:
            run.log(row)
        if i % 100 == 0:
            peak = max(peak, rss_mb())
    peak = max(peak, rss_mb())
    took = time.perf_counter() - began
    with contextlib.suppress(Exception):
        run.finish(timeout=0.5)
    return {"above_import_mb": peak - before, "rows_per_s": count / took}


def scan(name: str, path: str) -> dict[str, float]:
    module = client(name)
    run = module.Api().run(path)
    began = time.perf_counter()
    count = sum(1 for _ in run.scan_history())
    took = time.perf_counter() - began
    return {"rows": count, "total_s": took, "rows_per_s": count / took}


async def scan_awaited(path: str) -> dict[str, float]:
    import asyncwb

    run = await asyncwb.Api().run(path)
    began = time.perf_counter()
    count = 0
    async for _ in run.scan_history():
        count += 1
    took = time.perf_counter() - began
    return {"rows": count, "total_s": took, "rows_per_s": count / took}


def main() -> None:
    name, scenario, *rest = sys.argv[1:]
    argument = rest[0] if rest else "20000"
    awaited = name == "asyncwb-async"
    result: dict[str, float]
    match scenario:
        case "init":
            result = offline_init(name, 0)
        case "log" if awaited:
            result = asyncio.run(log_rows_awaited(int(argument), "offline"))
        case "log":
            result = log_rows(name, int(argument), "offline")
        case "metrics":
            result = log_rows(name, int(argument), "offline", metrics=True)
        case "batches":
            result = log_batches(name, int(argument))
        case "many":
            result = asyncio.run(many_runs(int(argument), 1000, rows_per_s=50))
        case "artifacts":
            result = artifacts(name, *rest)
        case "idle":
            result = asyncio.run(idle_runs(int(argument), 90.0))
        case "heartbeat":
            result = asyncio.run(heartbeat(name, argument))
        case "console":
            result = console(partial(client, name), int(argument))
        case "stalled":
            result = stalled(name, int(argument))
        case "scan" if awaited:
            result = asyncio.run(scan_awaited(argument))
        case "scan":
            result = scan(name, argument)
        case "list":
            result = list_runs(name, argument)
        case "export":
            result = export_runs(name, argument)
        case "local":
            result = local_to_pandas(argument)
        case "write-local":
            result = write_local(int(argument))
        case _:
            raise SystemExit(f"no scenario {scenario!r}")
    print("RESULT " + json.dumps(result), flush=True)


if __name__ == "__main__":
    main()
