"""System metrics of live runs, as the server has them."""

from __future__ import annotations

import subprocess
import sys
import textwrap
import threading
from typing import TYPE_CHECKING, Any

import anyio
import pytest

from asyncwb.api import Api
from asyncwb.portal import PORTAL
from asyncwb.run import init
from asyncwb.sender.access import transport_config
from asyncwb.sender.offline import sync_folder
from asyncwb.settings import resolve
from asyncwb.testing import LocalServer, local_server
from asyncwb.transport import Transport

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from asyncwb.run.run import Run

pytest.importorskip("psutil")

OFTEN = {"x_stats_sampling_interval": 0.1, "silent": True}
RESERVED = {"_wandb", "_timestamp", "_runtime"}


@pytest.fixture(scope="module")
def server() -> Iterator[LocalServer]:
    with local_server() as running:
        yield running


@pytest.fixture(autouse=True)
def here(server: LocalServer, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in server.env.items():
        monkeypatch.setenv(name, value)


async def metrics(path: str) -> list[dict[str, Any]]:
    return await (await Api().run(path)).history(samples=1000, pandas=False, stream="system")


async def rows_of(run: Run, count: int) -> list[dict[str, Any]]:
    """The rows that the server has, once it has so many."""
    with anyio.fail_after(30):
        while True:
            await run.flush()
            rows = await metrics(run.path)
            if len(rows) >= count:
                return rows
            await anyio.sleep(0.02)


def samplers() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "asyncwb-system"]


async def until(true: Callable[[], bool]) -> None:
    with anyio.fail_after(30):
        while not true():  # noqa: ASYNC110 - another thread does it and tells nobody
            await anyio.sleep(0.01)


async def no_sampler() -> None:
    await until(lambda: not samplers())


async def grown(run: Run) -> None:
    """Until some rows of metrics are in the journal."""
    journal = run._core.journal
    end = journal.end
    await until(lambda: journal.end >= end + 1000)


async def requests() -> int:
    transport = await PORTAL.acall(Transport.shared, transport_config(resolve()))
    return transport.stats.requests


async def test_rows_come_from_the_start_and_have_the_names_of_the_protocol() -> None:
    async with init("p", settings=OFTEN) as run:
        await run.log({"a": 1})
        rows = await rows_of(run, 4)
    for row in rows:
        names = set(row) - RESERVED
        assert names
        assert all(name.startswith("system.") for name in names)
        assert all(type(row[name]) in (int, float) for name in names)
        assert row["system.memory_percent"] > 0
        assert row["system.proc.memory.rssMB"] > 5
        assert row["system.proc.cpu.threads"] >= 2
        assert 0 <= row["system.disk./.usagePercent"] <= 100
    assert "system.cpu" not in rows[0]
    assert all(row["system.cpu"] >= 0 for row in rows[1:])
    assert rows[0]["system.network.sent"] == 0
    times = [row["_runtime"] for row in rows]
    assert times == sorted(times)
    assert rows[0]["_timestamp"] == pytest.approx(run.start_time, abs=20)
    stored = await Api().run(run.path)
    assert stored.system_metrics.keys() >= {"system.cpu", "system.memory_percent"}
    assert [row["a"] async for row in stored.scan_history()] == [1]


async def test_one_sampler_serves_all_runs_and_ends_with_the_last() -> None:
    await no_sampler()
    first = await init("p", settings=OFTEN)
    others = [await init("p", settings=OFTEN, mode="offline") for _ in range(3)]
    labelled = await init(
        "p", settings={**OFTEN, "x_label": "node0", "x_stats_disk_paths": ["/nowhere"]}
    )
    assert len(samplers()) == 1
    rows = await rows_of(labelled, 2)
    names = set(rows[1]) - RESERVED
    assert "system.cpu/l:node0" in names
    assert all(name.endswith("/l:node0") for name in names)
    assert not any("usagePercent" in name for name in names)
    for run in (*others, labelled):
        await run.finish()
    assert len(samplers()) == 1
    await rows_of(first, 2)
    await first.finish()
    await no_sampler()


@pytest.mark.parametrize(
    "options",
    [{"mode": "disabled"}, {"mode": "offline", "settings": {"x_disable_stats": True}}],
)
async def test_no_sampler_where_nobody_wants_one(options: dict[str, Any]) -> None:
    await no_sampler()
    async with init("p", **options) as run:
        await run.log({"a": 1})
        assert samplers() == []


async def test_rows_of_an_idle_run_cost_no_request_of_their_own() -> None:
    async with init("p", settings={**OFTEN, "heartbeat_seconds": 36000}) as run:
        await rows_of(run, 1)
        before = await requests()
        await grown(run)
        assert await requests() == before
        # What somebody waits for takes them along.
        sent = len(await rows_of(run, 1))
        assert sent >= 3


async def test_a_run_that_never_logs_tells_the_server_that_it_lives() -> None:
    quick = {"x_disable_stats": True, "heartbeat_seconds": 0.5}
    async with init("p", settings=quick):
        before = await requests()
        with anyio.fail_after(30):
            while await requests() < before + 3:  # noqa: ASYNC110 - nobody tells
                await anyio.sleep(0.01)


async def test_metrics_of_an_offline_run_come_with_a_later_sync() -> None:
    async with init("p", mode="offline", settings=OFTEN) as run:
        await grown(run)
    await PORTAL.acall(sync_folder, run._core.folder.path, resolve())
    rows = await metrics(run.path)
    assert len(rows) >= 2
    assert rows[-1]["system.cpu"] >= 0


def python(body: str, tmp_path: Path) -> str:
    command = [sys.executable, "-W", "error", "-c", textwrap.dedent(body)]
    done = subprocess.run(
        command, cwd=tmp_path, capture_output=True, text=True, timeout=50, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


def test_without_psutil_runs_have_no_metrics_and_nobody_is_told(tmp_path: Path) -> None:
    printed = python(
        """
        import sys
        sys.modules["psutil"] = None
        import asyncwb.sync as wandb
        with wandb.init(project="p", mode="offline", settings={"silent": True}) as run:
            run.log({"a": 1})
        with wandb.init(project="p", mode="offline", settings={"silent": True}) as run:
            run.log({"a": 1})
        """,
        tmp_path,
    )
    assert printed == ""


def test_a_forked_child_has_a_sampler_of_its_own_or_none(tmp_path: Path) -> None:
    printed = python(
        """
        import os, threading, time
        import asyncwb.sync as wandb
        quick = {"silent": True, "x_stats_sampling_interval": 0.1}

        def samplers():
            return sum(thread.name == "asyncwb-system" for thread in threading.enumerate())

        def grown(run, by=1000):
            journal, deadline = run._async._core.journal, time.monotonic() + 30
            end = journal.end
            while journal.end < end + by:
                assert time.monotonic() < deadline
                time.sleep(0.01)

        run = wandb.init(project="p", mode="offline", settings=quick)
        for number in range(12):
            child = os.fork()
            if child == 0:
                code = samplers()
                if number % 4 == 0:
                    with wandb.init(project="p", mode="offline", settings=quick) as own:
                        grown(own)
                        code += samplers() - 1
                os._exit(code)
            assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        assert samplers() == 1
        grown(run)
        run.finish()
        """,
        tmp_path,
    )
    assert printed == ""
