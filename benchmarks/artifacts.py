"""Artifacts up and down: many small files, tiny ones, one large one, many versions at once.

The worker's part: one measurement of one client in a fresh process with a cache of its own. Ours
runs on the caller's event loop, wandb's blocks. The table's part is `artifact_tables`.
"""

from __future__ import annotations

import asyncio
import resource
import time
from pathlib import Path
from typing import Any

from benchmarks.heartbeat import Beat

PROJECT = "bench"


def peak_mb() -> float:
    """Most memory that this process has had, in megabytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


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
    return {"total_s": first - began, "again_s": again - first, "peak_mb": peak_mb()}


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
    return {"total_s": first - began, "again_s": again - unchanged, "peak_mb": peak_mb()}


async def ours_many(prefix: str, count: int, beat: Beat) -> dict[str, float]:
    """Many versions at once, each into a folder of its own."""
    import asyncwb
    from benchmarks.worker import count_sockets

    api = asyncwb.Api()
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
    files = sum(1 for path in Path("many").rglob("*") if path.is_file())
    return {"total_s": took, "files": files, "connections": sockets}


async def with_heartbeat(work: Any) -> dict[str, float]:
    """A measurement with a 1 ms heartbeat beside it; adds `<phase>_ms`, the worst lateness."""
    beat = Beat()
    beating = asyncio.create_task(beat.run())
    await asyncio.sleep(0.2)
    result: dict[str, float] = await work(beat)
    await asyncio.sleep(0.005)
    beating.cancel()
    return result | {f"{phase}_ms": late for phase, late in beat.worst.items()}


def artifacts(client: str, what: str, *args: str) -> dict[str, float]:
    """One measurement: up FOLDER NAME, down NAME ROOT, beat-up, beat-down, many PREFIX COUNT."""
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
