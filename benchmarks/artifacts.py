"""Artifacts up and down, as one measurement of one client in a fresh process.

Ours is awaited on the caller's event loop, wandb's blocks. The cache is empty at first, and files
are added with `policy="immutable"`, so that neither client copies them before the upload.
"""

from __future__ import annotations

import asyncio
import sys
import time
from pathlib import Path
from typing import Any

from benchmarks.heartbeat import Beat

PROJECT = "bench"

# The same heartbeat in a process of its own: what comes of the machine shows in both.
_CONTROL = """
import select, sys, time
worst, last = 0.0, time.perf_counter()
while not select.select([sys.stdin], [], [], 0.001)[0]:
    now = time.perf_counter()
    worst, last = max(worst, now - last - 0.001), now
print(worst * 1000)
"""


def peak_mb() -> float:
    """Most memory that this process has had, in megabytes."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM"):
            return int(line.split()[1]) / 1024
    return 0.0


# -- wandb --------------------------------------------------------------------------------------


def wandb_up(folder: str, name: str) -> dict[str, float]:
    import wandb

    settings = wandb.Settings(console="off", silent=True, x_disable_stats=True)
    run = wandb.init(project=PROJECT, settings=settings)
    artifact = wandb.Artifact(name, "dataset")
    began = time.perf_counter()
    artifact.add_dir(folder, policy="immutable")
    added = time.perf_counter()
    run.log_artifact(artifact).wait()
    done = time.perf_counter()
    run.finish()
    return {"add_s": added - began, "log_s": done - added, "total_s": done - began, "peak_mb": 0.0}


def wandb_down(name: str, root: str) -> dict[str, float]:
    import wandb

    artifact = wandb.Api().artifact(f"{PROJECT}/{name}:latest")
    began = time.perf_counter()
    artifact.download(root)
    first = time.perf_counter()
    artifact.download(root)
    again = time.perf_counter()
    artifact.download(f"{root}-2")
    cached = time.perf_counter()
    return {
        "total_s": first - began,
        "again_s": again - first,
        "cached_s": cached - again,
        "peak_mb": peak_mb(),
    }


# -- asyncwb ------------------------------------------------------------------------------------


async def ours_up(folder: str, name: str, beat: Beat | None = None) -> dict[str, float]:
    import asyncwb
    from asyncwb.artifacts.artifact import Artifact

    api = asyncwb.Api()
    artifact = Artifact(name, "dataset")
    if beat is not None:
        await beat.phase("up")
    began = time.perf_counter()
    await artifact.add_dir(folder, policy="immutable")
    added = time.perf_counter()
    await log(api, artifact)
    done = time.perf_counter()
    return {
        "add_s": added - began,
        "log_s": done - added,
        "total_s": done - began,
        "peak_mb": peak_mb(),
    }


async def log(api: Any, artifact: Any) -> None:
    """Save a draft as a run does."""
    from asyncwb.artifacts.saver import Saver
    from asyncwb.graphql import GraphQL
    from asyncwb.portal import PORTAL

    async def save() -> None:
        transport = await api._service.transport()
        draft = artifact._draft(
            entity=await api._service.entity(None),
            project=PROJECT,
            run_id=None,
            aliases=("latest",),
        )
        graphql = GraphQL(transport, deadline_seconds=60)
        await Saver(graphql, transport, deadline_seconds=600).save(draft)

    await PORTAL.acall(save)


async def ours_down(name: str, root: str, beat: Beat | None = None) -> dict[str, float]:
    import asyncwb

    artifact = await asyncwb.Api().artifact(f"{PROJECT}/{name}:latest")
    if beat is not None:
        await beat.phase("down")
    began = time.perf_counter()
    await artifact.download(root)
    first = time.perf_counter()
    if beat is not None:
        await beat.phase("again")
    unchanged = time.perf_counter()
    await artifact.download(root)
    again = time.perf_counter()
    await artifact.download(f"{root}-2")
    cached = time.perf_counter()
    return {
        "total_s": first - began,
        "again_s": again - unchanged,
        "cached_s": cached - again,
        "peak_mb": peak_mb(),
    }


async def ours_many(prefix: str, count: int, beat: Beat) -> dict[str, float]:
    """Versions of 20 files at once, each into a folder of its own; they are logged before."""
    import asyncwb
    from asyncwb.artifacts.artifact import Artifact
    from benchmarks.worker import count_sockets

    api = asyncwb.Api()
    for number in range(count):
        made = Artifact(f"{prefix}{number}", "dataset")
        for file_number in range(20):
            with made.new_file(f"{file_number}.txt") as file:
                file.write(f"{number} {file_number} " * 1000)
        await log(api, made)
    sockets = 0

    async def watch() -> None:
        nonlocal sockets
        while True:
            sockets = max(sockets, await asyncio.to_thread(count_sockets))
            await asyncio.sleep(0.05)

    async def one(number: int) -> None:
        artifact = await api.artifact(f"{PROJECT}/{prefix}{number}:latest")
        await artifact.download(f"many/{number}")

    watching = asyncio.create_task(watch())
    await beat.phase("many")
    began = time.perf_counter()
    await asyncio.gather(*(one(number) for number in range(count)))
    took = time.perf_counter() - began
    await beat.phase("idle")
    watching.cancel()
    return {"total_s": took, "files": await asyncio.to_thread(files_in, "many"), "sockets": sockets}


def files_in(folder: str) -> int:
    return sum(1 for path in Path(folder).rglob("*") if path.is_file())


async def with_heartbeat(work: Any) -> dict[str, float]:
    """A measurement with a 1 ms heartbeat beside it, and one in another process.

    Adds the worst lateness: `late_ms` and `machine_ms`.
    """
    import asyncwb

    asyncwb.Api()
    pipe = asyncio.subprocess.PIPE
    control = await asyncio.create_subprocess_exec(
        sys.executable, "-c", _CONTROL, stdin=pipe, stdout=pipe
    )
    beat = Beat()
    beating = asyncio.create_task(beat.run())
    await asyncio.sleep(0.2)
    result: dict[str, float] = await work(beat)
    await asyncio.sleep(0.005)
    beating.cancel()
    machine, _ = await control.communicate(b"")
    late = max(late for phase, late in beat.worst.items() if phase != "idle")
    return result | {"late_ms": late, "machine_ms": float(machine)}


def artifacts(client: str, what: str, *args: str) -> dict[str, float]:
    """One measurement: up FOLDER NAME, down NAME ROOT, many PREFIX COUNT.

    `beat-up` and `beat-down` are the same with a heartbeat.
    """
    match client, what:
        case "wandb", "up":
            return wandb_up(*args)
        case "wandb", "down":
            return wandb_down(*args)
        case "asyncwb-async", "up":
            return asyncio.run(ours_up(*args))
        case "asyncwb-async", "down":
            return asyncio.run(ours_down(*args))
        case "asyncwb-async", "beat-up":
            return asyncio.run(with_heartbeat(lambda beat: ours_up(*args, beat)))
        case "asyncwb-async", "beat-down":
            return asyncio.run(with_heartbeat(lambda beat: ours_down(*args, beat)))
        case "asyncwb-async", "many":
            prefix, count = args
            return asyncio.run(with_heartbeat(lambda beat: ours_many(prefix, int(count), beat)))
        case _:
            raise SystemExit(f"no measurement {what!r} of {client}")
