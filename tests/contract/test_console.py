"""What a program prints is on the server: its lines, and `output.log`."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path
from typing import TYPE_CHECKING

import anyio
import anyio.lowlevel
import pytest
from console_lines import lines_of, nodes_of, read_file

from asyncwb.api import Api
from asyncwb.portal import PORTAL
from asyncwb.run import init
from asyncwb.sender.offline import sync_folder
from asyncwb.settings import resolve
from asyncwb.testing import LocalServer, local_server
from asyncwb.testing.faults import Fault, FaultProxy

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="module")
def server() -> Iterator[LocalServer]:
    with local_server() as running:
        yield running


@pytest.fixture(autouse=True)
def here(server: LocalServer, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in server.env.items():
        monkeypatch.setenv(name, value)


def script(body: str) -> list[str]:
    prelude = "import os, pathlib, sys, time\nimport asyncwb.sync as wandb\n"
    return [sys.executable, "-W", "error", "-c", prelude + textwrap.dedent(body)]


def run_script(body: str, *, code: int = 0) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(script(body), capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == code, done.stderr
    return done


async def test_what_is_printed_arrives(server: LocalServer) -> None:
    async with init("console") as run:
        print("first")
        print("trouble", file=sys.stderr)
        for percent in range(0, 101, 10):
            sys.stdout.write(f"\r{percent} %")
        print("\nünïcode \U0001f600")
        run.write_logs("handed over\nin two lines")
        sys.stdout.write("unfinished")
    print("too late")
    assert lines_of(server, run) == [
        (None, "first"),
        ("error", "trouble"),
        (None, "100 %"),
        (None, "ünïcode \U0001f600"),
        (None, "handed over"),
        (None, "in two lines"),
        (None, "unfinished"),
    ]
    text = "first\ntrouble\n100 %\nünïcode \U0001f600\nhanded over\nin two lines\nunfinished\n"
    assert await read_file(run, "output.log") == text


async def test_lines_are_there_while_the_run_goes_on(server: LocalServer) -> None:
    before = time.time()
    async with init("console") as run:
        sys.stdout.write("\r10 %")
        await run.flush()
        assert lines_of(server, run) == [(None, "10 %")]
        sys.stdout.write("\r20 %\nnext\n")
        with anyio.fail_after(30):  # nobody asks for it: within a second or two
            while len(lines_of(server, run)) < 2:  # noqa: ASYNC110 - the server tells nobody
                await anyio.sleep(0.05)
        assert lines_of(server, run) == [(None, "20 %"), (None, "next")]
        (first, second) = nodes_of(server, run.path)
    stamp = time.strftime("%Y-%m-%dT%H:%M:", time.gmtime(before))[:13]
    assert first["timestamp"] <= second["timestamp"]
    assert first["timestamp"].startswith(stamp)
    assert len(first["timestamp"]) == len("2026-11-21T01:37:25.640800")


async def test_two_runs_at_once(server: LocalServer) -> None:
    paths: dict[str, str] = {}

    async def train(name: str) -> None:
        async with init("console") as run:
            paths[name] = run.path
            for number in range(50):
                print(f"{name} {number}")
                await anyio.lowlevel.checkpoint()

    async with anyio.create_task_group() as group:
        group.start_soon(train, "a")
        group.start_soon(train, "b")
    for name, path in paths.items():
        assert lines_of(server, path) == [(None, f"{name} {number}") for number in range(50)]


async def test_a_label_is_with_every_line_and_in_the_name_of_the_file(server: LocalServer) -> None:
    async with init("console", settings={"x_label": "node0"}) as run:
        print("out")
        print("err", file=sys.stderr)
    nodes = nodes_of(server, run.path)
    assert [(n["label"], n["level"], n["line"]) for n in nodes] == [
        ("node0", None, "out\n"),
        ("node0", "error", "err\n"),
    ]
    assert await read_file(run, "output_node0.log") == "out\nerr\n"


async def test_off(server: LocalServer) -> None:
    async with init("console", settings={"console": "off"}) as silent:
        print("unseen")
    async with init("console", settings={"console": "off"}) as written:
        print("unseen")
        written.write_logs("seen")
    assert lines_of(server, silent) == []
    assert lines_of(server, written) == [(None, "seen")]
    names = [file.name async for file in (await Api().run(silent.path)).files()]
    assert "config.yaml" in names
    assert "output.log" not in names
    assert await read_file(written, "output.log") == "seen\n"


async def test_parts_are_there_before_the_end(server: LocalServer) -> None:
    settings = {"console_multipart": True, "console_chunk_max_seconds": 1}
    async with init("console", settings=settings) as run:
        print("first")
        with anyio.fail_after(60):
            while not await log_files(run.path):  # noqa: ASYNC110 - the server tells nobody
                await run.flush()
                await anyio.sleep(0.1)
        (early,) = await log_files(run.path)
        assert await read_file(run, early) == "first\n"
        print("second")
    names = await log_files(run.path)
    assert [await read_file(run, name) for name in names] == ["first\n", "second\n"]
    assert all(re.fullmatch(r"logs/output_\d{8}_\d{6}_\d{9}\.log", name) for name in names)
    assert lines_of(server, run) == [(None, "first"), (None, "second")]


async def log_files(path: str) -> list[str]:
    names = [file.name async for file in (await Api().run(path)).files()]
    return sorted(name for name in names if name.endswith(".log"))


async def test_a_resumed_run_goes_on_behind_its_last_line(server: LocalServer) -> None:
    async with init("console", id="again") as run:
        print("one\ntwo")
    async with init("console", id="again", resume="must"):
        sys.stdout.write("\rthree\n")
        print("four")
    assert [text for _, text in lines_of(server, run)] == ["one", "two", "three", "four"]


async def test_a_flood_arrives_whole_and_in_order(server: LocalServer) -> None:
    async with init("console") as run:
        for number in range(20_000):
            print(f"line {number} {'x' * 50}")
            if number % 1000 == 0:
                print(f"row {number}", file=sys.stderr)
                await run.log({"n": number})
    found = lines_of(server, run)
    out = [text.split()[1] for level, text in found if level is None]
    assert out == [str(number) for number in range(20_000)]
    assert [text for level, text in found if level] == [f"row {n * 1000}" for n in range(20)]
    assert (await read_file(run, "output.log")).splitlines() == [text for _, text in found]


# -- servers that say nothing about it -------------------------------------------------------


async def test_a_server_that_hides_its_features_gets_plain_lines(
    server: LocalServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also: 500 for this one question costs nothing but its answer."""
    asked: list[str] = []

    def is_features(method: str, path: str) -> bool:
        asked.append(path)
        return path == "/graphql" and asked.count("/graphql") in (2, 3, 4)

    with FaultProxy(server.url, rate=1.0, faults=[Fault.STATUS_500], match=is_features) as proxy:
        monkeypatch.setenv("WANDB_BASE_URL", proxy.url)
        async with init("console") as run:
            print("plain")
            print("err", file=sys.stderr)
        assert proxy.done[Fault.STATUS_500] == 3
    nodes = nodes_of(server, run.path)
    assert [(n["level"], n["line"]) for n in nodes] == [(None, "plain\n"), ("error", "err\n")]
    assert all(n["timestamp"] for n in nodes)


# -- how processes end -----------------------------------------------------------------------


def test_a_traceback_is_the_last_that_a_run_says(server: LocalServer) -> None:
    run_script(
        """
        run = wandb.init(project="console", id="trace")
        print("before")
        raise ValueError("this one")
        """,
        code=1,
    )
    found = lines_of(server, f"{server.entity}/console/trace")
    assert found[0] == (None, "before")
    assert found[1] == ("error", "Traceback (most recent call last):")
    assert found[-1] == ("error", "ValueError: this one")


@pytest.mark.parametrize("tool", ["asyncwb", "wandb"])
def test_an_offline_run_sent_later(server: LocalServer, tool: str) -> None:
    if tool == "wandb":
        pytest.importorskip("wandb")
    run_script(
        f"""
        run = wandb.init(project="console", id="offline-{tool}", mode="offline")
        for n in range(100):
            sys.stdout.write(f"\\r{{n}} %")
        print()
        print("err", file=sys.stderr)
        run.write_logs("lines")
        print("x" * 5000)
        """
    )
    (folder,) = Path("wandb").glob(f"offline-run-*-offline-{tool}")
    text = f"99 %\nerr\nlines\n{'x' * 4096}\n"
    assert (folder / "files" / "output.log").read_text() == text
    if tool == "asyncwb":
        (folder / "files" / "output.log").unlink()  # made from the journal
    command = [sys.executable, "-m", tool, "sync", str(folder)]
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=100, check=False,
        env=os.environ | {"WANDB_ERROR_REPORTING": "false"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    path = f"{server.entity}/console/offline-{tool}"
    assert lines_of(server, path) == [
        (None, "99 %"), ("error", "err"), (None, "lines"), (None, "x" * 4096),
    ]  # fmt: skip
    assert PORTAL.call(read_file, path, "output.log") == text


def test_what_is_in_the_journal_survives_kill(server: LocalServer) -> None:
    with subprocess.Popen(
        script(
            """
            run = wandb.init(project="console", id="killed")
            print("kept")
            run.flush()
            sys.stdout.write("\\r50 %")
            print("also", file=sys.stderr)
            journal = run.status().journal
            while b"also" not in pathlib.Path(journal).read_bytes():
                time.sleep(0.01)
            os.write(1, b"ready")
            time.sleep(60)
            """
        ),
        stdout=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        told = b""
        while b"ready" not in told:
            told += (piece := os.read(process.stdout.fileno(), 1000))
            assert piece
        os.kill(process.pid, signal.SIGKILL)
    (folder,) = Path("wandb").glob("run-*-killed")
    result = PORTAL.call(sync_folder, folder, resolve())
    assert result.state == "synced"
    path = f"{server.entity}/console/killed"
    assert lines_of(server, path) == [(None, "kept"), (None, "50 %"), ("error", "also")]
    assert PORTAL.call(read_file, path, "output.log") == "kept\n50 %\nalso\n"


def test_a_forked_child_prints_for_itself(server: LocalServer) -> None:
    done = run_script(
        """
        import warnings
        warnings.simplefilter("ignore", DeprecationWarning)  # fork with threads, from 3.12
        run = wandb.init(project="console", id="parent")
        print("from the parent, before")
        pid = os.fork()
        if not pid:
            print("from the child, without a run")
            try:
                run.write_logs("nowhere")
            except wandb.ForkedError:
                print("refused")
            own = wandb.init(project="console", id="child")
            print("from the child")
            own.finish()
            sys.stdout.flush()
            os._exit(0)
        os.waitpid(pid, 0)
        print("from the parent, after")
        run.finish()
        """
    )
    assert "from the child, without a run\nrefused\n" in done.stdout
    parent, child = (f"{server.entity}/console/{name}" for name in ("parent", "child"))
    assert lines_of(server, parent) == [
        (None, "from the parent, before"),
        (None, "from the parent, after"),
    ]
    assert lines_of(server, child) == [(None, "from the child")]
