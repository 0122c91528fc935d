"""Several processes write one run: nothing of one is lost or doubled by another."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anyio
import pytest
from run_journals import bodies
from seen_on_server import on_server

from asyncwb.api import Api
from asyncwb.journal.records import EnvironmentRecord
from asyncwb.portal import PORTAL
from asyncwb.run import init
from asyncwb.sender.ack import ack_path
from asyncwb.sender.offline import sync_folder
from asyncwb.settings import resolve
from asyncwb.testing import LocalServer, local_server
from asyncwb.testing.faults import FaultProxy

if TYPE_CHECKING:
    from collections.abc import Iterator

    from asyncwb.run.run import Run

LIMIT = 60.0
PROJECT = "shared"


@pytest.fixture(scope="module")
def server() -> Iterator[LocalServer]:
    with local_server() as running:
        yield running


@pytest.fixture(autouse=True)
def here(server: LocalServer, monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for name, value in server.env.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("WANDB_SILENT", "true")
    return monkeypatch


async def join(run_id: str, rank: int, **keywords: Any) -> Run:
    settings = {"label": f"rank{rank}", "primary": rank == 0, **keywords.pop("settings", {})}
    keywords = {"mode": "shared", **keywords}
    return await init(PROJECT, id=run_id, settings=settings, **keywords)


async def rows_of(run_id: str) -> list[dict[str, Any]]:
    run = await Api().run(f"{PROJECT}/{run_id}")
    return [row async for row in run.scan_history()]


async def numbers_of(run_id: str) -> dict[int, list[int]]:
    """What each rank logged, in the order of its steps."""
    found: dict[int, list[int]] = {}
    for row in await rows_of(run_id):
        found.setdefault(row["rank"], []).append(row["n"])
    return found


async def test_all_rows_configs_summaries_and_one_end(server: LocalServer) -> None:
    first = await join("all", 0, config={"lr": 0.1, "by0": 0}, tags=["a"], name="shown")
    others = [await join("all", rank, config={f"by{rank}": rank}) for rank in (1, 2)]
    runs = [first, *others]
    for n in range(50):
        for rank, run in enumerate(runs):
            await run.log({"rank": rank, "n": n, f"only{rank}": n})
    first.config["late0"] = [0]
    others[0].config["late1"] = {"deep": 1}
    for run in others:
        await run.finish()
    assert on_server(server, "all", PROJECT)[:2] == ("running", None)
    await first.finish()
    assert on_server(server, "all", PROJECT)[:2] == ("finished", 0)
    assert await numbers_of("all") == {rank: list(range(50)) for rank in range(3)}
    found = await Api().run(f"{PROJECT}/all")
    assert dict(found.config) == {
        "lr": 0.1, "by0": 0, "by1": 1, "by2": 2, "late0": [0], "late1": {"deep": 1},
    }  # fmt: skip
    summary = dict(found.summary)
    assert {k: summary[k] for k in ("only0", "only1", "only2", "n")} == dict.fromkeys(
        ("only0", "only1", "only2", "n"), 49
    )
    assert (found.name, found.tags) == ("shown", ["a"])
    ids = {writer_id(run) for run in runs}
    assert len(ids) == 3
    # The reserved part of the config has an entry for each writer.
    assert set(found.rawconfig["_wandb"]["e"]) == ids


def writer_id(run: Run) -> str:
    journal = run.status().journal
    assert journal is not None
    (found,) = {b.writer_id for b in bodies(journal) if isinstance(b, EnvironmentRecord)}
    # Version 7 of a UUID: it begins with the time in milliseconds.
    assert found[14] == "7"
    assert int(found.replace("-", "")[:12], 16) == int(run.start_time * 1000)
    return str(found)


async def test_only_the_primary_writer_describes_the_run() -> None:
    second = await join("files", 1, settings={"host": "host-b", "program": "b.py"})
    await second.log({"rank": 1, "n": 0})
    await second.finish()
    assert [file.name async for file in (await Api().run(f"{PROJECT}/files")).files()] == []
    first = await join("files", 0, settings={"host": "host-a", "program": "a.py"})
    await first.finish()
    third = await join("files", 2, settings={"host": "host-c", "program": "c.py"})
    await third.finish()
    found = await Api().run(f"{PROJECT}/files")
    names = {file.name async for file in found.files()}
    assert {"config.yaml", "wandb-summary.json", "wandb-metadata.json"} <= names
    assert found.state == "finished"


async def test_a_value_that_another_writer_changed_is_not_set_back() -> None:
    first = await join("config", 0, config={"x": 1, "gone": 1})
    second = await join("config", 1)
    second.config["x"] = 2
    await second.flush(LIMIT)
    first.config["y"] = 1  # sends the whole config of this writer, with its own old x
    await first.flush(LIMIT)
    found = await Api().run(f"{PROJECT}/config")
    assert dict(found.config) == {"x": 2, "y": 1, "gone": 1}
    del first.config["gone"]
    await second.finish()
    await first.finish()
    found = await Api().run(f"{PROJECT}/config")
    assert dict(found.config) == {"x": 2, "y": 1}


async def test_the_summary_has_the_newest_value_of_each_key() -> None:
    first, second = [await join("summary", rank) for rank in range(2)]

    async def log(run: Run, row: dict[str, Any], at: float) -> None:
        await run.log({**row, "_timestamp": at})
        await run.flush(LIMIT)

    await log(first, {"loss": 0.5, "kept": 1}, 1000.0)
    await log(second, {"loss": 0.3}, 2000.0)
    # The same value again is newer nevertheless.
    await log(first, {"loss": 0.5}, 3000.0)
    await log(second, {"acc": 0.9}, 4000.0)
    found = dict((await Api().run(f"{PROJECT}/summary")).summary)
    assert {k: found[k] for k in ("loss", "kept", "acc")} == {"loss": 0.5, "kept": 1, "acc": 0.9}
    # What was logged long ago and arrives late is not the newest.
    await log(second, {"loss": 0.1}, 2500.0)
    found = dict((await Api().run(f"{PROJECT}/summary")).summary)
    assert found["loss"] == 0.5
    assert found["_timestamp"] == 4000.0
    await second.finish()
    await first.finish()


async def test_late_rows_do_not_open_an_ended_run(server: LocalServer) -> None:
    first, second = [await join("late", rank) for rank in range(2)]
    await first.log({"rank": 0, "n": 0})
    await first.finish(exit_code=3)
    await second.log({"rank": 1, "n": 0})
    await second.finish()
    third = await join("late", 2)
    await third.log({"rank": 2, "n": 0})
    await third.finish()
    assert on_server(server, "late", PROJECT)[:2] == ("failed", 3)
    assert await numbers_of("late") == {0: [0], 1: [0], 2: [0]}
    # The job begins again: a new primary writer.
    again = await join("late", 0)
    assert on_server(server, "late", PROJECT)[0] == "running"
    await again.log({"rank": 0, "n": 1})
    await again.finish()
    assert on_server(server, "late", PROJECT)[:2] == ("finished", 0)
    assert await numbers_of("late") == {0: [0, 1], 1: [0], 2: [0]}


async def test_a_stop_reaches_every_writer() -> None:
    runs = [await join("stop", rank) for rank in range(3)]
    assert await (await Api().run(f"{PROJECT}/stop")).stop()
    with anyio.fail_after(LIMIT):
        assert await runs[0].wait_stopped()
        await runs[0].finish()
        assert await runs[1].wait_stopped()
        assert await runs[2].wait_stopped()
    for run in runs[1:]:
        await run.finish()


async def test_a_label_is_made_up_where_none_is_given() -> None:
    run = await init(PROJECT, id="label", mode="shared", settings={"host": "node7"})
    assert run.settings.label is not None
    assert run.settings.label.startswith("node7-")
    assert (run.mode, run.settings.primary) == ("shared", True)
    await run.finish()


WRITER = """
import os, sys, time
import asyncwb.sync as wandb
rank, count = int(sys.argv[2]), int(sys.argv[3])
run = wandb.init(
    project="shared", id=sys.argv[1], mode=os.environ.get("MODE", "shared"),
    config={f"by{rank}": rank},
    settings={"label": f"rank{rank}", "primary": rank == 0, "shared": True},
)
print("live", flush=True)
for n in range(count):
    run.log({"rank": rank, "n": n})
    if n % 100 == 99: time.sleep(0.01)
if "stay" in sys.argv: print("logged", flush=True); sys.stdin.read()
run.finish()
"""


def write(run_id: str, rank: int, count: int, *words: str, **env: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-W", "error", "-c", WRITER, run_id, str(rank), str(count), *words],
        env={**os.environ, **env},
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip


def test_processes_over_a_network_that_fails(server: LocalServer) -> None:
    with FaultProxy(server.url, rate=0.3, seed=7, slow_seconds=0.05) as proxy:
        others = [write("faults", r, 400, WANDB_BASE_URL=proxy.url) for r in (1, 2)]
        first = write("faults", 0, 400, "stay", WANDB_BASE_URL=proxy.url)
        for process in others:
            process.communicate(timeout=LIMIT)
            assert process.returncode == 0
        assert first.communicate("", timeout=LIMIT)[0].endswith("logged\n")
        assert first.returncode == 0
        assert proxy.faulted >= 3
    assert on_server(server, "faults", PROJECT)[:2] == ("finished", 0)
    found = anyio.run(numbers_of, "faults")
    assert found == {rank: list(range(400)) for rank in range(3)}


def folder_of(run_id: str, rank: int) -> Path:
    """The run folder of a rank, told by the config in its journal."""
    for folder in sorted(Path("wandb").glob(f"*run-*-{run_id}")):
        if f"rank{rank}".encode() in (folder / f"run-{run_id}.wandb").read_bytes():
            return folder
    raise AssertionError("no such folder")


@pytest.mark.parametrize("ack", ["ack", "no ack"])
async def test_a_writer_that_was_killed_is_sent_later(ack: str, server: LocalServer) -> None:
    run_id = "killed-" + ack.replace(" ", "-")
    first = await join(run_id, 0)
    process = write(run_id, 1, 700, "stay")
    assert process.stdout is not None
    for expected in ("live\n", "logged\n"):
        assert await anyio.to_thread.run_sync(process.stdout.readline) == expected
    await anyio.sleep(random.uniform(0, 0.5))  # somewhere on the way of its rows
    process.send_signal(signal.SIGKILL)
    process.communicate()
    await first.log({"rank": 0, "n": 0})
    await first.finish()
    folder = folder_of(run_id, 1)
    if ack == "no ack":
        ack_path(folder / f"run-{run_id}.wandb").unlink(missing_ok=True)
    for _ in range(2):
        result = await PORTAL.acall(sync_folder, folder, resolve(), force=True)
        assert result.error is None
    assert await numbers_of(run_id) == {0: [0], 1: list(range(700))}
    # A crashed writer that does not end the run does not fail it either.
    assert on_server(server, run_id, PROJECT)[:2] == ("finished", 0)
    config = (await Api().run(f"{PROJECT}/{run_id}")).config
    assert config["by1"] == 1


def test_offline_writers_are_sent_later(server: LocalServer) -> None:
    for rank in (1, 0):
        process = write("offline", rank, 100, MODE="offline")
        process.communicate(timeout=LIMIT)
        assert process.returncode == 0

    async def sync(rank: int) -> None:
        result = await PORTAL.acall(sync_folder, folder_of("offline", rank), resolve())
        assert (result.state, result.error, result.rows) == ("synced", None, 100)

    for rank, state in ((1, "running"), (0, "finished")):
        anyio.run(sync, rank)
        assert on_server(server, "offline", PROJECT)[0] == state
    assert anyio.run(numbers_of, "offline") == {0: list(range(100)), 1: list(range(100))}


FORKS = """
import multiprocessing, os, sys, warnings
import asyncwb.sync as wandb
from asyncwb.errors import ForkedError
warnings.simplefilter("ignore", DeprecationWarning)

def start(rank):
    return wandb.init(
        project="shared", id=sys.argv[1], mode="shared",
        settings={"label": f"rank{rank}", "primary": rank == 0},
    )

def child(rank, forked):
    if forked:
        try: wandb.log({"rank": rank, "n": -1})
        except ForkedError: pass
        else: os._exit(7)
    run = start(rank)
    for n in range(20): run.log({"rank": rank, "n": n})
    run.finish()

if __name__ == "__main__":
    run = start(0)
    run.log({"rank": 0, "n": 0})
    if sys.argv[2] == "os.fork":
        pids = []
        for rank in (1, 2):
            pid = os.fork()
            if pid == 0:
                child(rank, True)
                os._exit(0)
            pids.append(pid)
        codes = [os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in pids]
    else:
        context = multiprocessing.get_context(sys.argv[2])
        children = [
            context.Process(target=child, args=(rank, sys.argv[2] == "fork")) for rank in (1, 2)
        ]
        for process in children: process.start()
        for process in children: process.join()
        codes = [process.exitcode for process in children]
    assert codes == [0, 0], codes
    run.log({"rank": 0, "n": 1})
    run.finish()
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
@pytest.mark.parametrize("method", ["os.fork", "fork", "spawn", "forkserver"])
def test_children_join_the_run_of_their_parent(method: str, server: LocalServer) -> None:
    run_id = "join-" + method.replace(".", "-")
    Path("forks.py").write_text(textwrap.dedent(FORKS))
    done = subprocess.run(
        [sys.executable, "forks.py", run_id, method],
        capture_output=True, text=True, timeout=LIMIT, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert anyio.run(numbers_of, run_id) == {0: [0, 1], 1: list(range(20)), 2: list(range(20))}
    assert on_server(server, run_id, PROJECT)[:2] == ("finished", 0)
