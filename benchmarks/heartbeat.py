"""How late a 1 ms heartbeat of the caller's event loop is at worst while a client works.

A worker of its own per client and mood of the server: `good` answers, `silent` accepts and never
answers, `refusing` is a closed port.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import socket
import time
from collections.abc import Callable, Iterator
from typing import Any

ROWS = 20_000
PHASES = ("idle", "init", "log", "flush", "finish", "read")


class Beat:
    """The heartbeat, and its worst lateness by phase, in milliseconds."""

    def __init__(self) -> None:
        self.worst: dict[str, float] = {}
        self._phase = "idle"
        self._last = 0.0

    async def run(self) -> None:
        self._last = time.perf_counter()
        while True:
            await asyncio.sleep(0.001)
            self._note()

    def _note(self) -> None:
        now = time.perf_counter()
        late = (now - self._last - 0.001) * 1000
        self.worst[self._phase] = max(self.worst.get(self._phase, 0.0), late)
        self._last = now

    async def phase(self, name: str) -> None:
        # A beat that is due belongs to the phase that held it up.
        await asyncio.sleep(0.005)
        self._phase = name


async def heartbeat(name: str, mood: str) -> dict[str, float]:
    # A few dicts in turn: 20,000 would make any garbage collection of the phases take 20 ms.
    some = [{f"metric_{i}": step * 0.37 + i / 7 for i in range(10)} for step in range(100)]
    rows = some * (ROWS // len(some))
    importlib.import_module("wandb" if name == "wandb" else "asyncwb")
    beat = Beat()
    beating = asyncio.create_task(beat.run())
    await asyncio.sleep(0.5)
    if name == "wandb":
        await blocking(beat, rows)
    else:
        await awaited(beat, rows, None if mood == "good" else 1.0)
    await asyncio.sleep(0.005)
    beating.cancel()
    return {f"{phase}_ms": beat.worst.get(phase, 0.0) for phase in PHASES}


async def awaited(beat: Beat, rows: list[dict[str, float]], seconds: float | None) -> None:
    import asyncwb

    await beat.phase("init")
    run = await asyncwb.init(project="heartbeat", init_timeout=seconds)
    await beat.phase("log")
    for number, row in enumerate(rows):
        await run.log(row)
        if number % 10 == 0:
            await asyncio.sleep(0)
    await beat.phase("flush")
    with contextlib.suppress(asyncwb.Error):
        await run.flush(timeout=seconds)
    await beat.phase("finish")
    with contextlib.suppress(asyncwb.Error):
        await run.finish(timeout=seconds)
    await beat.phase("read")
    api = asyncwb.Api(timeout=seconds)
    with contextlib.suppress(asyncwb.Error):
        stored = await api.run(f"heartbeat/{run.id}")
        count = 0
        async for _ in stored.scan_history():
            count += 1
            if count % 10 == 0:
                await asyncio.sleep(0)
        assert count == len(rows)
        assert [found.id async for found in api.runs("heartbeat")]


async def blocking(beat: Beat, rows: list[dict[str, float]]) -> None:
    """The same with the wandb package, which offers an event loop nothing to await."""
    import wandb

    await beat.phase("init")
    settings = wandb.Settings(console="off", silent=True, x_disable_stats=True)
    run = wandb.init(project="heartbeat", settings=settings)
    await beat.phase("log")
    for number, row in enumerate(rows):
        run.log(row)
        if number % 10 == 0:
            await asyncio.sleep(0)
    await beat.phase("finish")
    run.finish()
    await beat.phase("read")
    stored = wandb.Api().run(f"{run.entity}/heartbeat/{run.id}")
    for number, _ in enumerate(stored.scan_history()):
        if number % 10 == 0:
            await asyncio.sleep(0)


@contextlib.contextmanager
def refusing_server() -> Iterator[str]:
    """The URL of a port where nothing listens."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    yield f"http://127.0.0.1:{port}"


def fill(table: Any, rounds: int, measure: Callable[..., dict[str, float]]) -> None:
    """Measure all moods; the worst of all rounds counts."""
    from asyncwb.testing import local_server
    from benchmarks.silent import silent_server

    def worst(client: str, mood: str, env: dict[str, str]) -> dict[str, float]:
        runs = [measure(client, "heartbeat", mood, env=env) for _ in range(rounds)]
        return {key: max(run[key] for run in runs) for key in runs[0]}

    with local_server() as server, silent_server() as silent, refusing_server() as refusing:
        wandb = worst("wandb", "good", server.env)
        urls = {"silent": silent, "refusing": refusing}
        for mood in ("good", "silent", "refusing"):
            env = server.env if mood == "good" else {**server.env, "WANDB_BASE_URL": urls[mood]}
            ours = worst("asyncwb-async", mood, env)
            for phase in PHASES:
                theirs = wandb[f"{phase}_ms"] if mood == "good" else 0.0
                mine = ours[f"{phase}_ms"]
                what = "nothing at all" if phase == "idle" else f"`{phase}`"
                known = bool(theirs) and phase != "idle"
                table.add(
                    f"{mood} server, {what}",
                    f"{theirs:.1f} ms" if theirs else "-",
                    f"{mine:.1f} ms",
                    f"{theirs / mine:.1f}x" if known and mine else "-",
                    "" if phase == "idle" else "<= 10 ms",
                )
