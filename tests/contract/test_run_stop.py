"""A stop asked for on the server, `detach`, and how a block ends a run."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anyio
import msgspec
import pytest
from run_journals import bodies, user_rows
from seen_on_server import on_server

import asyncwb.sync
from asyncwb.api import Api
from asyncwb.errors import ClosedError
from asyncwb.journal import JournalReader
from asyncwb.journal.records import ExitRecord, field_number
from asyncwb.portal import PORTAL
from asyncwb.run import init
from asyncwb.sender.ack import Ack, store_ack
from asyncwb.sender.offline import sync_folder
from asyncwb.settings import resolve
from asyncwb.testing import LocalServer, local_server

if TYPE_CHECKING:
    from collections.abc import Iterator

LIMIT = 40.0


@pytest.fixture(scope="module")
def server() -> Iterator[LocalServer]:
    with local_server() as running:
        yield running


@pytest.fixture(autouse=True)
def here(server: LocalServer, monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for name, value in server.env.items():
        monkeypatch.setenv(name, value)
    return monkeypatch


async def stop_on_server(path: str) -> None:
    assert await (await Api().run(path)).stop()


async def state_of(path: str) -> tuple[str, list[dict[str, Any]]]:
    run = await Api().run(path)
    return run.state, [{"n": row["n"], "_step": row["_step"]} async for row in run.scan_history()]


def ended_as(server: LocalServer, project: str, run_id: str) -> tuple[str, int | None]:
    """State and exit code on the server."""
    state, exitcode, _ = on_server(server, run_id, project)
    return state, exitcode


# -- stop -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "system", [{"disable_stats": True}, {"stats_sampling_interval": 0.1}], ids=["no rows", "stats"]
)
async def test_a_silent_run_that_waits_learns_of_a_stop(system: dict[str, Any]) -> None:
    """Heartbeats of half a minute would be too late: waiting asks more often."""
    run = await init("stop", settings={"heartbeat_seconds": 3600.0, **system})
    assert not await run.wait_stopped(timeout=2.0)  # what a start sends is over
    await stop_on_server(run.path)
    with anyio.fail_after(LIMIT):
        assert await run.wait_stopped()
    assert run.stop_requested
    assert run.status().stop_requested
    assert await run.wait_stopped()
    await run.finish()
    # What was asked for stays known.
    assert await run.wait_stopped()


async def test_a_run_that_logs_learns_of_a_stop_without_waiting_for_it() -> None:
    async with init("stop", settings={"transmit_interval": 0.05}) as run:
        await run.log({"n": 0})
        await run.flush(LIMIT)
        await stop_on_server(run.path)
        with anyio.fail_after(LIMIT):
            while not run.stop_requested:
                await run.log({"n": 1})
                await run.flush(LIMIT)


async def test_a_silent_run_that_looks_learns_of_a_stop() -> None:
    run = await init("stop", settings={"heartbeat_seconds": 3600.0})
    await stop_on_server(run.path)
    with anyio.fail_after(LIMIT):
        while not run.stop_requested:  # noqa: ASYNC110 - what users write
            await anyio.sleep(0.05)
    await run.finish()


async def test_waiting_ends_with_the_run_the_time_or_the_caller() -> None:
    run = await init("stop")
    assert not await run.wait_stopped(timeout=0.01)
    with anyio.move_on_after(0.05) as scope:
        await run.wait_stopped()
    assert scope.cancelled_caught
    answers: list[bool] = []

    async def wait() -> None:
        answers.append(await run.wait_stopped())

    async with anyio.create_task_group() as group:
        for _ in range(3):
            group.start_soon(wait)
        await anyio.lowlevel.checkpoint()
        await run.finish()
    assert answers == [False] * 3
    assert not await run.wait_stopped()


async def test_a_stop_cancels_the_work_of_a_task_group() -> None:
    async def train(run: Any) -> None:
        n = 0
        while True:
            await run.log({"n": n})
            n += 1
            await anyio.sleep(0.01)

    async def cancel_when_stopped(run: Any, scope: anyio.CancelScope) -> None:
        if await run.wait_stopped():
            scope.cancel()

    async with init("stop", settings={"transmit_interval": 0.1}) as run:
        with anyio.fail_after(LIMIT):
            async with anyio.create_task_group() as group:
                group.start_soon(train, run)
                group.start_soon(cancel_when_stopped, run, group.cancel_scope)
                await run.flush(LIMIT)
                await stop_on_server(run.path)
        assert run.stop_requested
    assert (await state_of(run.path))[0] == "finished"


@pytest.mark.parametrize("mode", ["offline", "disabled"])
def test_without_a_server_nobody_asks(mode: Any) -> None:
    run = asyncwb.sync.init(mode=mode)
    assert not run.wait_stopped(timeout=0.01)
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(run.wait_stopped)
        time.sleep(0)
        run.finish()
        assert waiting.result(LIMIT) is False
    assert not run.stop_requested


def test_blocking_wait() -> None:
    run = asyncwb.sync.init("stop")
    thread = threading.Thread(target=lambda: asyncwb.sync.Api().run(run.path).stop())
    thread.start()
    assert run.wait_stopped(timeout=LIMIT) is True
    thread.join()
    run.finish()


INTERRUPTED = """
import sys, time
import asyncwb.sync as wandb
run = wandb.init(project="stop", id=sys.argv[1], settings={"stop_interrupts": True})
run.log({"n": 0})
print("live", flush=True)
time.sleep(60)
print("not interrupted")
"""

INTERRUPTED_ASYNC = """
import asyncio, sys
import asyncwb
async def main():
    async with asyncwb.init("stop", id=sys.argv[1], settings={"stop_interrupts": True}) as run:
        await run.log({"n": 0})
        print("live", flush=True)
        await asyncio.sleep(60)
        print("not interrupted")
asyncio.run(main())
"""


@pytest.mark.parametrize("text", [INTERRUPTED, INTERRUPTED_ASYNC], ids=["blocking", "async"])
async def test_a_stop_interrupts_the_main_thread_where_that_is_asked_for(
    text: str, server: LocalServer
) -> None:
    run_id = f"interrupted{len(text)}"
    with subprocess.Popen(  # noqa: ASYNC220 - it only starts
        [sys.executable, "-c", text, run_id],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        assert await anyio.to_thread.run_sync(process.stdout.readline) == "live\n"
        await stop_on_server(f"stop/{run_id}")
        out, err = await anyio.to_thread.run_sync(lambda: process.communicate(timeout=LIMIT))
    assert "not interrupted" not in out
    assert "KeyboardInterrupt" in err
    assert ended_as(server, "stop", run_id) == ("failed", 255)


# -- detach -----------------------------------------------------------------------------------


async def test_detach_leaves_the_rest_to_sync(server: LocalServer) -> None:
    run = await init("detach", settings={"transmit_interval": 60.0, "silent": True})
    for n in range(300):
        await run.log({"n": n})
    await run.log({"n": 300}, commit=False)
    await run.detach(exit_code=3)
    status = run.status()
    assert (status.state, status.rows) == ("detached", 301)
    with pytest.raises(ClosedError):
        await run.log({"n": 1})
    # Nothing more to be done, and nothing to wait for.
    await run.detach()
    await run.finish()
    assert run.status().state == "detached"
    assert (await state_of(run.path))[0] == "running"
    assert status.journal is not None
    result = await PORTAL.acall(sync_folder, Path(status.journal).parent, resolve())
    assert (result.state, result.error) == ("synced", None)
    assert await state_of(run.path) == ("failed", [{"n": n, "_step": n} for n in range(301)])


async def test_a_delivery_that_ended_just_before_the_first_row(server: LocalServer) -> None:
    """As a detached run leaves it: the run is known, and none of its rows has arrived."""
    run = await init("detach", id="before-rows", mode="offline")
    for n in range(3):
        await run.log({"n": n})
    await run.finish()
    path = Path(run.status().journal or "")
    reader = JournalReader.open(path)
    ends = {field_number(raw.payload): raw.end_position for raw in reader.read_batch(1 << 20, 4)}
    reader.close()
    assert 2 not in ends  # header, run, telemetry, environment: no history yet
    known = Ack(server=server.url, entity=server.entity, project="detach", run_id="before-rows")
    store_ack(path, msgspec.structs.replace(known, position=max(ends.values())))
    result = await PORTAL.acall(sync_folder, path.parent, resolve())
    assert (result.state, result.rows) == ("synced", 3)
    assert await state_of("detach/before-rows") == (
        "finished",
        [{"n": n, "_step": n} for n in range(3)],
    )


async def test_a_detached_run_waits_for_no_server(here: pytest.MonkeyPatch) -> None:
    from asyncwb.testing.faults import FaultProxy

    async with FaultProxy(None, silence_seconds=60) as proxy:
        proxy.silent = True
        here.setenv("WANDB_BASE_URL", proxy.url)
        began = time.monotonic()
        async with init("detach", wait=False) as run:
            await run.log({"n": 0})
            await run.detach()
        assert time.monotonic() - began < 8.0
    journal = run.status().journal
    assert journal is not None
    assert user_rows(journal) == [{"_step": 0, "n": 0}]
    assert [b.exit_code for b in bodies(journal) if isinstance(b, ExitRecord)] == [0]


def test_detach_offline_and_after_finish() -> None:
    run = asyncwb.sync.init(mode="offline")
    run.log({"n": 0})
    run.detach()
    assert run.status().state == "finished"
    done = asyncwb.sync.init("detach")
    done.finish()
    done.detach()
    assert done.status().state == "finished"


# -- blocks -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (None, 0),
        (ValueError("no"), 1),
        (SystemExit(0), 0),
        (SystemExit(None), 0),
        (SystemExit(4), 4),
        (SystemExit("text"), 1),
        (KeyboardInterrupt(), 255),
        (GeneratorExit(), 255),
    ],
    ids=repr,
)
def test_exit_code_of_a_block(error: BaseException | None, code: int) -> None:
    caught: BaseException | None = None
    try:
        with asyncwb.sync.init(mode="offline") as run:
            if error is not None:
                raise error
    except BaseException as exc:  # noqa: BLE001 - of every kind
        caught = exc
    assert caught is error
    journal = run.status().journal
    assert journal is not None
    assert [b.exit_code for b in bodies(journal) if isinstance(b, ExitRecord)] == [code]


async def test_a_cancelled_block_still_sends_its_rows(server: LocalServer) -> None:
    with anyio.move_on_after(30) as scope:
        async with init("blocks", settings={"transmit_interval": 60.0}) as run:
            await run.log({"n": 0})
            await run.log({"n": 1})
            scope.cancel()
            await anyio.sleep_forever()
    assert scope.cancelled_caught
    assert run.status().state == "finished"
    state, rows = await state_of(run.path)
    assert (state, [row["n"] for row in rows]) == ("failed", [0, 1])
    assert ended_as(server, "blocks", run.id) == ("failed", 255)


def test_a_cancelled_block_under_trio(server: LocalServer) -> None:
    text = """
    import trio, asyncwb
    async def main():
        with trio.CancelScope() as scope:
            async with asyncwb.init("blocks", settings={"transmit_interval": 60.0}) as run:
                await run.log({"n": 0})
                scope.cancel()
                await trio.sleep_forever()
        assert scope.cancelled_caught
        assert (run.status().state, run.status().rows_sent) == ("finished", 1), run.status()
    trio.run(main)
    """
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", textwrap.dedent(text)],
        capture_output=True, text=True, timeout=LIMIT, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


def test_a_cancelled_finish_is_made_up_for_at_exit(server: LocalServer) -> None:
    text = """
    import anyio, asyncwb
    async def main():
        run = await asyncwb.init("blocks", id="late", settings={"transmit_interval": 60.0})
        await run.log({"n": 0})
        with anyio.CancelScope() as scope:
            scope.cancel()
            await run.finish(exit_code=6)
        assert scope.cancelled_caught
        assert run.status().state == "finishing", run.status()
    anyio.run(main)
    """
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", textwrap.dedent(text)],
        capture_output=True, text=True, timeout=LIMIT, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found = asyncwb.sync.Api().run("blocks/late")
    assert ended_as(server, "blocks", "late") == ("failed", 6)
    assert [row["n"] for row in found.scan_history()] == [0]


@pytest.mark.parametrize("face", ["async", "sync"])
def test_unfinished_runs_are_collected_in_silence(face: str, server: LocalServer) -> None:
    """`-X dev` shows every resource that is left to the garbage collector."""
    text = {
        "sync": """
        import gc, logging, asyncwb.sync as wandb
        logging.getLogger("asyncio").setLevel("ERROR")  # how long each step takes
        def train():
            run = wandb.init(project="gc", id="gc-sync")
            run.log({"n": 0})
            wandb.init(project="gc", mode="offline").log({"n": 0})
            wandb.init(project="gc", mode="disabled").log({"n": 0})
        train()
        for _ in range(3): gc.collect()
        """,
        "async": """
        import asyncio, gc, logging, asyncwb
        logging.getLogger("asyncio").setLevel("ERROR")
        async def train():
            run = await asyncwb.init("gc", id="gc-async")
            await run.log({"n": 0})
            await (await asyncwb.init("gc", mode="offline")).log({"n": 0})
        asyncio.run(train())
        for _ in range(3): gc.collect()
        """,
    }[face]
    done = subprocess.run(
        [sys.executable, "-X", "dev", "-W", "error", "-c", textwrap.dedent(text)],
        capture_output=True, text=True, timeout=LIMIT, check=False,
        env={**os.environ, "WANDB_SILENT": "true"},
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    found = asyncwb.sync.Api().run(f"gc/gc-{face}")
    assert found.state == "finished"
    assert [row["n"] for row in found.scan_history()] == [0]
