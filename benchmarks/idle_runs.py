"""What many live runs cost that log nothing: memory, open files, requests, CPU.

`python -m benchmarks idle` puts it into the table of docs/benchmarks.md; on its own, with more
figures: `python -m benchmarks.idle_runs [RUNS] [SECONDS]`, against an embedded server in another
process. `ASYNCWB_TRACE=1` counts what Python allocated instead, and says where.
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
import statistics
import sys
import time
import tracemalloc
from pathlib import Path

WARM_UP = 20
"""Runs before the first look: what is made once, by the first ones, is not theirs."""


def rss_kb() -> int:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1])
    return 0


def open_files() -> int:
    return len(os.listdir("/proc/self/fd"))


def sampler_threads() -> int:
    import threading

    return sum(thread.name == "asyncwb-system" for thread in threading.enumerate())


async def settled(runs: list, seconds: float = 2.0) -> None:
    """Until every run has said all it has to say."""
    await asyncio.gather(*(run.flush(timeout=60) for run in runs))
    await asyncio.sleep(seconds)
    gc.collect()


async def idle_runs(count: int, seconds: float) -> dict[str, float]:
    import asyncwb
    from asyncwb.portal import PORTAL
    from asyncwb.sender.access import transport_config
    from asyncwb.transport import Transport

    trace = bool(os.environ.get("ASYNCWB_TRACE"))

    gate = asyncio.Semaphore(16)

    async def begin() -> asyncwb.Run:
        async with gate:
            return await asyncwb.init(project="idle", settings={"silent": True})

    async def end(run: asyncwb.Run) -> None:
        async with gate:
            await run.finish(quiet=True)

    async def start(number: int) -> list[asyncwb.Run]:
        return list(await asyncio.gather(*(begin() for _ in range(number))))

    runs = await start(WARM_UP)
    await settled(runs)
    files, memory = open_files(), rss_kb()
    if trace:
        tracemalloc.start(8)
        before = tracemalloc.take_snapshot()
    began = time.perf_counter()
    runs += await start(count)
    started = time.perf_counter() - began
    await settled(runs)
    found: dict[str, float] = {
        "runs": len(runs),
        "start_s": started,
        "kb_per_run": (rss_kb() - memory) / count,
        "files_per_run": (open_files() - files) / count,
        "samplers": sampler_threads(),
    }
    if trace:
        show(tracemalloc.take_snapshot(), before, count)
        tracemalloc.stop()
    transport = await PORTAL.acall(Transport.shared, transport_config(runs[0].settings))
    requests, cpu, began = transport.stats.requests, time.process_time(), time.perf_counter()
    await asyncio.sleep(seconds)
    took = time.perf_counter() - began
    found["cpu_percent"] = 100 * (time.process_time() - cpu) / took
    found["requests_per_s"] = (transport.stats.requests - requests) / took
    began = time.perf_counter()
    await asyncio.gather(*(end(run) for run in runs))
    found["finish_s"] = time.perf_counter() - began
    return found | samples(100)


def samples(count: int) -> dict[str, float]:
    """CPU time of samples: as long as that, at most, the sampler may keep the interpreter."""
    from asyncwb.system.machine import Machine
    from asyncwb.system.options import SampleOptions

    machine = Machine(SampleOptions())
    machine.sample()
    took = []
    for _ in range(count):
        began = time.thread_time()
        machine.sample()
        took.append((time.thread_time() - began) * 1000)
    return {"sample_ms": statistics.median(took), "sample_max_ms": max(took)}


def show(after: tracemalloc.Snapshot, before: tracemalloc.Snapshot, count: int) -> None:
    own = after.filter_traces([tracemalloc.Filter(False, tracemalloc.__file__)])
    difference = own.compare_to(before, "lineno")
    total = sum(stat.size_diff for stat in difference)
    print(f"traced: {total / count / 1024:.1f} KB per run", file=sys.stderr)
    for stat in difference[:45]:
        frame = stat.traceback[0]
        where = "/".join(frame.filename.split("/")[-2:])
        print(
            f"{stat.size_diff / count:8.0f} B {stat.count_diff / count:6.1f} objects  "
            f"{where}:{frame.lineno}",
            file=sys.stderr,
        )


def main() -> None:
    given = sys.argv[1:]
    count = int(given[0]) if given else 1000
    seconds = float(given[1]) if len(given) > 1 else 60.0
    if "WANDB_BASE_URL" in os.environ:
        print("RESULT " + json.dumps(asyncio.run(idle_runs(count, seconds))))
        return
    import subprocess
    import tempfile

    from asyncwb.testing import local_server

    with local_server() as server, tempfile.TemporaryDirectory() as folder:
        env = {**os.environ, **server.env, "ASYNCWB_HTTP2": "h2c", "HOME": folder}
        env["PYTHONPATH"] = os.pathsep.join(p for p in sys.path if p)
        command = [sys.executable, "-m", "benchmarks.idle_runs", str(count), str(seconds)]
        subprocess.run(command, env=env, cwd=folder, check=True)


if __name__ == "__main__":
    main()
