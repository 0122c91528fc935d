"""`finish(timeout=...)` against servers that never take anything: in time, saying what is left.

A cell is a run whose server is good or bad from the beginning, and has something to send when it
ends. All cells of a face end at the same time, each in a thread or a task of its own.
"""

from __future__ import annotations

import asyncio
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anyio
import pytest
from run_journals import bodies, user_rows

import asyncwb
import asyncwb.sync
from asyncwb.errors import WaitTimeoutError
from asyncwb.journal.records import ExitRecord
from asyncwb.portal import PORTAL
from asyncwb.run.alerts import checked_alert
from asyncwb.testing import LocalServer, local_server
from asyncwb.testing.faults import Fault, FaultProxy

if TYPE_CHECKING:
    from collections.abc import Iterator

    from asyncwb.run.run import Run

TIMEOUT = 0.5
LATEST = 6.0
"""Far above what it takes: a machine under load must not fail the test."""

MOODS = ("silent", "500", "refuses")
PHASES = ("start", "rows", "files", "alert", "config")
CELLS = [(mood, phase) for mood in MOODS for phase in PHASES]


@pytest.fixture(scope="module")
def server() -> Iterator[LocalServer]:
    with local_server() as running:
        yield running


@pytest.fixture(autouse=True)
def here(server: LocalServer, monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for name, value in server.env.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("WANDB_SILENT", "true")
    # Rows and files alike: what is due at the end may not leave before it.
    monkeypatch.setenv("ASYNCWB_TRANSMIT_INTERVAL", "30")
    # The first sample is a request of its own: the sender would read no further meanwhile.
    monkeypatch.setenv("WANDB_X_DISABLE_STATS", "true")
    return monkeypatch


def worsen(proxy: FaultProxy, mood: str) -> None:
    """From now on the server takes nothing any more."""
    if mood == "silent":
        proxy.silent = True
    elif mood == "500":
        proxy.rate = 1.0
    else:
        proxy.upstream = None


def add_work(run: Run, phase: str) -> None:
    """Something that must be sent before the end, by way of the journal."""
    if phase == "files":
        # Before the rows: the sender counts the files that it has read of.
        for name in ("a.txt", "b.txt"):
            Path(run.dir, name).write_text("content")
        run._core.recorder.files(["a.txt", "b.txt"])
    elif phase == "alert":
        run._core.recorder.alert(checked_alert("title", "text", None, 0))
    elif phase == "config":
        run.config["late"] = 1
    run._log_nowait({"n": 1})
    run._log_nowait({"n": 2}, commit=False)


def check(run: Run, error: WaitTimeoutError, seconds: float, phase: str, timeout: float) -> None:
    assert timeout - 0.05 <= seconds < timeout + LATEST, (phase, seconds)
    text = str(error)
    assert f"finish() waited {timeout:g} s: 2 rows, " in text
    assert "bytes of the journal" in text
    status = run.status()
    # Beside the user's files a run has its own: config, summary, metadata, requirements.
    files = status.files_waiting + len(status.files_failed)
    assert phase != "files" or files >= 2
    assert (f" and {files} files are not uploaded" in text) == bool(files), text
    assert (status.state, status.rows, status.rows_sent) == ("unsent", 2, 0)
    assert status.unsent_bytes > 0
    assert status.journal is not None
    assert f"`asyncwb sync {Path(status.journal).parent}` sends them" in text
    assert user_rows(status.journal) == [{"_step": 0, "n": 1}, {"_step": 1, "n": 2}]
    assert [b.exit_code for b in bodies(status.journal) if isinstance(b, ExitRecord)] == [0]


def nothing_runs() -> None:
    """No task of the loop outlives the runs; what the pools hold is theirs for good."""

    async def tasks() -> list[str]:
        mine = asyncio.current_task()
        return [task.get_name() for task in asyncio.all_tasks() if task is not mine]

    deadline = time.monotonic() + 5
    while (left := PORTAL.call(tasks)) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert left == []
    assert not [t.name for t in threading.enumerate() if t.name.startswith("asyncwb sender")]


def blocking_cell(url: str, proxy: FaultProxy, mood: str, phase: str) -> None:
    keywords: dict[str, Any] = {"project": "deadline", "settings": {"base_url": url}}
    if phase == "start":
        worsen(proxy, mood)
    run = asyncwb.sync.init(**keywords, wait=phase != "start")
    worsen(proxy, mood)
    add_work(run._async, phase)
    began = time.monotonic()
    with pytest.raises(WaitTimeoutError) as caught:
        run.finish(timeout=TIMEOUT)
    check(run._async, caught.value, time.monotonic() - began, phase, TIMEOUT)
    # Again: nothing is waited for twice.
    run.finish(timeout=30)


async def async_cell(
    url: str, proxy: FaultProxy, mood: str, phase: str, timeout: float = TIMEOUT
) -> None:
    if phase == "start":
        worsen(proxy, mood)
    run = await asyncwb.init("deadline", settings={"base_url": url}, wait=phase != "start")
    worsen(proxy, mood)
    add_work(run, phase)
    began = time.monotonic()
    with pytest.raises(WaitTimeoutError) as caught:
        await run.finish(timeout=timeout)
    check(run, caught.value, time.monotonic() - began, phase, timeout)
    await run.finish(timeout=30)


def proxies(stack: ExitStack, server: LocalServer) -> list[FaultProxy]:
    found = [FaultProxy(server.url, faults=[Fault.STATUS_500], silence_seconds=20) for _ in CELLS]
    return [stack.enter_context(proxy) for proxy in found]


def test_blocking(server: LocalServer) -> None:
    with ExitStack() as stack, ThreadPoolExecutor(len(CELLS)) as pool:
        bad = proxies(stack, server)
        jobs = [
            pool.submit(blocking_cell, proxy.url, proxy, mood, phase)
            for proxy, (mood, phase) in zip(bad, CELLS, strict=True)
        ]
        for job in jobs:
            job.result()
        nothing_runs()


async def test_async(server: LocalServer) -> None:
    with ExitStack() as stack:
        bad = proxies(stack, server)
        async with anyio.create_task_group() as group:
            for proxy, (mood, phase) in zip(bad, CELLS, strict=True):
                group.start_soon(async_cell, proxy.url, proxy, mood, phase)
        await anyio.to_thread.run_sync(nothing_runs)


async def test_five_seconds_mean_five_seconds(server: LocalServer) -> None:
    with ExitStack() as stack:
        bad = proxies(stack, server)
        async with anyio.create_task_group() as group:
            for proxy, (mood, phase) in zip(bad, CELLS, strict=True):
                group.start_soon(partial(async_cell, proxy.url, proxy, mood, phase, timeout=5.0))


async def test_files_on_their_way_are_given_up(
    server: LocalServer, here: pytest.MonkeyPatch
) -> None:
    def puts(method: str, path: str) -> bool:
        return method == "PUT"

    with FaultProxy(server.url, rate=1.0, faults=[Fault.SILENCE], match=puts) as proxy:
        here.setenv("ASYNCWB_TRANSMIT_INTERVAL", "0.05")
        run = await asyncwb.init("deadline", settings={"base_url": proxy.url})
        add_work(run, "files")
        with anyio.fail_after(20):
            while not proxy.done[Fault.SILENCE]:  # noqa: ASYNC110
                await anyio.sleep(0.01)
        began = time.monotonic()
        with pytest.raises(WaitTimeoutError, match="files"):
            await run.finish(timeout=TIMEOUT)
        assert time.monotonic() - began < TIMEOUT + LATEST
        await anyio.to_thread.run_sync(nothing_runs)


async def test_a_second_finish_has_a_time_of_its_own(server: LocalServer) -> None:
    with FaultProxy(server.url, silence_seconds=0.3) as proxy:
        run = await asyncwb.init("deadline", settings={"base_url": proxy.url})
        proxy.silent = True
        add_work(run, "rows")
        async with anyio.create_task_group() as group:
            group.start_soon(run.finish)
            await anyio.lowlevel.checkpoint()
            began = time.monotonic()
            with pytest.raises(WaitTimeoutError, match=r"waited 0\.1 s: 2 rows"):
                await run.finish(timeout=0.1)
            assert time.monotonic() - began < LATEST
            group.cancel_scope.cancel()
        await run.detach()


async def test_a_cancelled_finish_goes_on_and_can_be_repeated(server: LocalServer) -> None:
    with FaultProxy(server.url, silence_seconds=0.3) as proxy:
        run = await asyncwb.init("deadline", settings={"base_url": proxy.url})
        proxy.silent = True
        add_work(run, "rows")
        with anyio.move_on_after(0.05) as scope:
            await run.finish()
        assert scope.cancelled_caught
        assert run.status().state == "finishing"
        proxy.silent = False
        await run.finish()
        assert (run.status().state, run.status().rows_sent) == ("finished", 2)


def test_another_thread_logs_while_the_run_ends(here: pytest.MonkeyPatch) -> None:
    here.setenv("ASYNCWB_TRANSMIT_INTERVAL", "0.05")
    run = asyncwb.sync.init(project="deadline")
    logged: list[int] = []
    started = threading.Event()

    def log() -> str:
        for n in range(10**9):
            try:
                run.log({"n": n})
            except asyncwb.errors.ClosedError as error:
                return str(error)
            logged.append(n)
            if n == 100:
                started.set()
        raise AssertionError("unreachable")

    with ThreadPoolExecutor(1) as pool:
        job = pool.submit(log)
        assert started.wait(30)
        run.finish(timeout=60)
        assert "finished" in job.result(30)
    status = run.status()
    assert status.state == "finished"
    assert status.journal is not None
    # A row whose log returned is in; the one that met the end is not.
    assert [row["n"] for row in user_rows(status.journal)] == logged
    assert status.rows_sent == len(logged)
