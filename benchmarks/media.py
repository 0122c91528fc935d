"""Media: what logging costs the caller, what it takes end to end, how long a loop stands still.

One process per client, which take turns; `python -m benchmarks.media CLIENT SCENARIO` prints the
figures of one as JSON.
"""

from __future__ import annotations

import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.harness import Result, Table, base_env, median

IMAGES = 1000
SIZE = 256
BIG = 8 * 1024 * 1024


def client(name: str) -> Any:
    if name == "wandb":
        import wandb

        return wandb
    import asyncwb.sync

    return asyncwb.sync


def pictures(count: int) -> list[Any]:
    """Smooth pictures with a little noise, all different."""
    import numpy as np

    rng = np.random.default_rng(0)
    y, x = np.mgrid[:SIZE, :SIZE] / 40
    channels = [np.sin(x) * np.cos(y), np.sin(y + 1), np.cos(x - y)]
    smooth = 128 + 90 * np.stack(channels, axis=-1)
    noise = rng.normal(0, 3, (8, SIZE, SIZE, 3))
    return [
        (smooth + noise[n % 8] + n // 8 % 30).clip(0, 255).astype(np.uint8) for n in range(count)
    ]


def start(name: str, mode: str) -> Any:
    module = client(name)
    if name == "wandb":
        settings = module.Settings(console="off", silent=True, x_disable_stats=True)
        return module, module.init(project="bench", mode=mode, settings=settings)
    return module, module.init(project="bench", mode=mode)


def caller(name: str) -> Result:
    """The caller's time for one image, at a pace that encoders can follow."""
    module, run = start(name, "offline")
    took = []
    for picture in pictures(60):
        began = time.perf_counter()
        run.log({"image": module.Image(picture)})
        took.append(time.perf_counter() - began)
        time.sleep(0.03)
    run.finish()
    return {"caller_ms": statistics.median(took[10:]) * 1000}


def end_to_end(name: str) -> Result:
    """From the first log to the last byte on the server."""
    module, run = start(name, "online")
    images = pictures(IMAGES)
    began = time.perf_counter()
    for picture in images:
        run.log({"image": module.Image(picture)})
    logged = time.perf_counter() - began
    run.finish()
    return {"total_s": time.perf_counter() - began, "caller_s": logged}


def histogram(name: str) -> Result:
    """A million floats, in turns with numpy's own histogram of them."""
    import numpy as np

    module, run = start(name, "offline")
    values = np.random.default_rng(0).normal(size=1_000_000)
    ours, own = [], []
    for _ in range(15):
        began = time.perf_counter()
        np.histogram(values, 64)
        own.append(time.perf_counter() - began)
        began = time.perf_counter()
        found = module.Histogram(values)
        found.to_json(None)
        ours.append(time.perf_counter() - began)
    run.finish()
    return {
        "histogram_ms": statistics.median(ours) * 1000,
        "numpy_ms": statistics.median(own) * 1000,
    }


def stall(name: str) -> Result:
    """Worst lateness of a 1 ms heartbeat while values of 8 MB are logged, in milliseconds.

    With each two CPU times, which a busy machine does not stretch: the most that the process used
    within one beat, and that of the call. Beside them a mere copy of such an array.
    """
    return asyncio.run(_stall(name))


async def _stall(name: str) -> Result:
    import numpy as np

    module, run = start(name, "offline")
    side = int((BIG / 3) ** 0.5)
    y, x = np.mgrid[:side, :side] / 40
    picture = (128 + 90 * np.stack([np.sin(x), np.cos(y), np.sin(x - y)], -1)).astype(np.uint8)
    floats = np.random.default_rng(0).normal(size=BIG // 8)
    points = floats[: BIG // 24 * 3].reshape(-1, 3)
    sound = (np.sin(np.arange(BIG // 2) / 10) * 30000).astype(np.int16)
    frames = np.resize(picture[:256, :256].transpose(2, 0, 1), (BIG // 3 // 256**2, 3, 256, 256))
    rows = floats[: BIG // 80 * 10].reshape(-1, 10)
    kinds: dict[str, Callable[[], Any]] = {
        "image": lambda: module.Image(picture),
        "histogram": lambda: module.Histogram(floats),
        "points": lambda: module.Object3D(points),
        "audio": lambda: module.Audio(sound, 44100),
        "video": lambda: module.Video(frames, format="mp4"),
        "table": lambda: module.Table(columns=list("abcdefghij"), data=rows),
    }
    for make in kinds.values():  # imports
        make()
    found: Result = {}
    for kind, make in kinds.items():

        def log(kind: str = kind, make: Callable[[], Any] = make) -> None:
            run.log({kind: make()})

        found |= await lateness(kind, log)
    found |= await lateness("copy", lambda: floats.copy())
    run.finish()
    return found


async def lateness(kind: str, work: Callable[[], Any]) -> Result:
    """Medians over five: worst lateness around a piece of work, CPU within a beat, CPU of it."""
    worst, busiest, used = [], [], []
    for _ in range(5):
        late = busy = 0.0
        end = time.perf_counter() + 1.0
        done = False
        while time.perf_counter() < end:
            began, spent = time.perf_counter(), time.process_time()
            await asyncio.sleep(0.001)
            if not done and time.perf_counter() > end - 0.9:
                cpu = time.thread_time()
                work()
                used.append((time.thread_time() - cpu) * 1000)
                done = True
            late = max(late, time.perf_counter() - began - 0.001)
            busy = max(busy, time.process_time() - spent)
        worst.append(late * 1000)
        busiest.append(busy * 1000)
    return {
        f"{kind}_ms": statistics.median(worst),
        f"{kind}_busy_ms": statistics.median(busiest),
        f"{kind}_cpu_ms": statistics.median(used),
    }


SCENARIOS: dict[str, Callable[[str], Result]] = {
    "caller": caller,
    "end_to_end": end_to_end,
    "histogram": histogram,
    "stall": stall,
}


def measure(name: str, scenario: str, env: dict[str, str] | None = None) -> Result:
    """Run one scenario in a fresh process."""
    with tempfile.TemporaryDirectory(prefix="asyncwb-bench-") as folder:
        done = subprocess.run(
            [sys.executable, "-m", "benchmarks.media", name, scenario],
            env=base_env(Path(folder), env or {}), cwd=folder, check=False, timeout=600,
            capture_output=True, text=True,
        )  # fmt: skip
    if done.returncode:
        raise RuntimeError(f"{name} {scenario} failed:\n{done.stderr[-4000:]}")
    return dict(json.loads(done.stdout.splitlines()[-1]))


def turns(scenario: str, rounds: int, env: dict[str, str] | None = None) -> tuple[Result, Result]:
    """Medians of both clients, which take turns."""
    seen: dict[str, list[Result]] = {"wandb": [], "asyncwb": []}
    for _ in range(rounds):
        for name, results in seen.items():
            results.append(measure(name, scenario, env))
    return median(seen["wandb"]), median(seen["asyncwb"])


def fill(table: Table, rounds: int) -> None:
    from asyncwb.testing import local_server

    def ratio(theirs: float, ours: float) -> str:
        return f"{theirs / ours:.1f}x" if ours else "-"

    wandb, ours = turns("caller", rounds)
    table.add(
        "`log` of an image of 256 x 256 x 3, the caller's time",
        f"{wandb['caller_ms']:.2f} ms", f"{ours['caller_ms']:.2f} ms",
        ratio(wandb["caller_ms"], ours["caller_ms"]), ">= 5x",
    )  # fmt: skip
    with local_server() as server:
        wandb, ours = turns("end_to_end", max(1, rounds // 2), server.env)
    table.add(
        f"{IMAGES:,} such images to the embedded server, `finish` included",
        f"{wandb['total_s']:.1f} s", f"{ours['total_s']:.1f} s",
        ratio(wandb["total_s"], ours["total_s"]), ">= 2x",
    )  # fmt: skip
    wandb, ours = turns("histogram", rounds)
    table.add(
        "`Histogram` of a million floats, against `numpy.histogram`",
        f"{wandb['histogram_ms'] / wandb['numpy_ms']:.2f}",
        f"{ours['histogram_ms'] / ours['numpy_ms']:.2f}",
        ratio(wandb["histogram_ms"], ours["histogram_ms"]), "<= 1.2",
    )  # fmt: skip
    wandb, ours = turns("stall", rounds)

    def late(found: Result, kind: str) -> str:
        within, call = found[f"{kind}_busy_ms"], found[f"{kind}_cpu_ms"]
        return f"{found[f'{kind}_ms']:.1f} ({within:.1f}, {call:.1f}) ms"

    for kind in ("image", "histogram", "points", "audio", "video", "table", "copy"):
        what = "a copy of 8 MB, for comparison" if kind == "copy" else f"{kind} of 8 MB"
        table.add(
            f"caller's loop, worst lateness (CPU in a beat, of the call): {what}",
            late(wandb, kind), late(ours, kind),
            ratio(wandb[f"{kind}_ms"], ours[f"{kind}_ms"]), "" if kind == "copy" else "<= 10 ms",
        )  # fmt: skip


if __name__ == "__main__":
    os.environ["WANDB_SILENT"] = "true"
    print(json.dumps(partial(SCENARIOS[sys.argv[2]], sys.argv[1])()))
