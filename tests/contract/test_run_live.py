"""The live run against the embedded server: what is logged is what the Api reads."""

from __future__ import annotations

import math
import re
import socket
import threading
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anyio
import anyio.lowlevel
import pytest

from asyncwb.api import Api
from asyncwb.errors import AuthenticationError, CommError, UsageError, WaitTimeoutError
from asyncwb.run import init
from asyncwb.run.context import live_runs
from asyncwb.testing import LocalServer, local_server

if TYPE_CHECKING:
    from collections.abc import Iterator

    from asyncwb.api import Run as ApiRun


@pytest.fixture(scope="module")
def server() -> Iterator[LocalServer]:
    with local_server() as running:
        yield running


@pytest.fixture(autouse=True)
def here(server: LocalServer, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in server.env.items():
        monkeypatch.setenv(name, value)


async def stored(path: str) -> tuple[ApiRun, list[dict[str, Any]]]:
    run = await Api().run(path)
    rows = [
        {key: value for key, value in row.items() if key not in ("_timestamp", "_runtime")}
        async for row in run.scan_history()
    ]
    return run, rows


async def test_everything_arrives(server: LocalServer) -> None:
    config = {"lr": 0.1, "nest": {"x": 1}, "x.y": "dotted"}
    async with init("p", config=config, tags=["a"], name="shown", notes="text") as run:
        assert run.url == f"{server.url}/{server.entity}/p/runs/{run.id}"
        assert (run.entity, run.path) == (server.entity, f"{server.entity}/p/{run.id}")
        await run.log({"loss": 0.5, "n": {"a": 1}})
        await run.log({"nan": math.nan, "inf": math.inf})
        await run.log({"late": 1}, step=0)
        await run.log({"held": 1}, commit=False)
        run.config["later"] = [1, 2]
        run.summary["best"] = 0.25
    found, rows = await stored(run.path)
    late = [row for row in rows if "late" in row]
    assert late == [{"_step": 0, "late": 1}]
    nan = next(row for row in rows if row["_step"] == 1)
    assert math.isnan(nan.pop("nan"))
    assert [row for row in rows if "late" not in row] == [
        {"_step": 0, "loss": 0.5, "n": {"a": 1}},
        {"_step": 1, "inf": math.inf},
        {"_step": 2, "held": 1},
    ]
    assert found.state == "finished"
    assert (found.name, found.tags, found.notes) == ("shown", ["a"], "text")
    assert dict(found.config) == {**config, "later": [1, 2]}
    summary = dict(found.summary)
    assert summary["best"] == 0.25
    assert summary["loss"] == 0.5
    assert summary["_step"] == 2
    status = run.status()
    assert (status.state, status.rows, status.rows_sent, status.unsent_bytes) == (
        "finished",
        4,
        4,
        0,
    )


async def test_flush_means_acknowledged() -> None:
    run = await init("p")
    for n in range(50):
        await run.log({"n": n})
    await run.flush(10)
    _, rows = await stored(run.path)
    assert rows == [{"_step": n, "n": n} for n in range(50)]
    assert run.status().rows_sent == 50
    await run.finish(exit_code=2)
    found, _ = await stored(run.path)
    assert found.state == "failed"


async def test_without_waiting_the_run_is_there_at_once() -> None:
    run = await init("p", wait=False)
    await run.log({"a": 1})
    await run.flush(10)
    assert run.url is not None
    await run.finish()
    _, rows = await stored(f"p/{run.id}")
    assert rows == [{"_step": 0, "a": 1}]


async def test_setters_reach_the_server() -> None:
    run = await init("p")
    run.name, run.notes, run.tags = "renamed", "new notes", ["t1", "t2"]
    await run.finish()
    found, _ = await stored(run.path)
    assert (found.name, found.notes, sorted(found.tags)) == ("renamed", "new notes", ["t1", "t2"])


async def test_resume() -> None:
    first = await init("p", config={"a": 1, "b": 1}, tags=["kept"])
    await first.log({"x": 1.0})
    await first.log({"x": 2.0})
    await first.finish()
    async with init("p", id=first.id, resume="must", config={"b": 2}) as run:
        assert run.resumed
        assert (run.starting_step, run.step) == (2, 2)
        assert run.config.as_dict() == {"a": 1, "b": 2}
        assert run.summary["x"] == 2
        assert run.tags == ("kept",)
        await run.log({"x": 3.0})
    found, rows = await stored(run.path)
    assert rows == [{"_step": n, "x": n + 1} for n in range(3)]
    assert dict(found.config) == {"a": 1, "b": 2}
    assert found.tags == ["kept"]


@pytest.mark.parametrize("mode", ["allow", "auto", True])
async def test_resume_of_a_run_that_is_not_there_creates_it(mode: Any) -> None:
    run = await init("p", id=f"fresh-{mode}".lower(), resume=mode)
    assert (run.resumed, run.starting_step) == (False, 0)
    await run.finish()


async def test_resume_rules() -> None:
    run = await init("p")
    await run.log({"a": 1})
    await run.finish()
    with pytest.raises(UsageError, match="never"):
        await init("p", id=run.id, resume="never")
    with pytest.raises(UsageError, match="must"):
        await init("p", id="not-there", resume="must")
    assert live_runs() == []
    # A run that never came to be leaves no folder that a later sync would send.
    assert len(list(Path("wandb").glob("run-*"))) == 1


async def test_a_wrong_key_says_where_keys_come_from() -> None:
    with pytest.raises(AuthenticationError, match=r"(?s)WANDB_API_KEY.*netrc") as caught:
        await init("p", settings={"api_key": "wrong" * 10})
    assert "wrongwrong" not in str(caught.value)
    assert live_runs() == []


@pytest.mark.parametrize("runs", [40, pytest.param(200, marks=pytest.mark.slow)])
async def test_many_runs_share_one_loop(runs: int) -> None:
    rows = 50 if runs == 40 else 1000
    threads = threading.active_count()

    async def train(number: int) -> None:
        async with init("many", id=f"m{runs}-{number}", wait=number % 2 == 0) as run:
            for n in range(rows):
                await run.log({"n": n, "number": number})
                if n % 10 == 0:
                    await anyio.lowlevel.checkpoint()

    async with anyio.create_task_group() as group:
        for number in range(runs):
            group.start_soon(train, number)
    assert threading.active_count() - threads < 20
    for number in (0, 1, runs - 1):
        _, found = await stored(f"many/m{runs}-{number}")
        assert found == [{"_step": n, "n": n, "number": number} for n in range(rows)]


def test_trio_callers(server: LocalServer) -> None:
    import trio

    async def main() -> str:
        async with init("p") as run:
            await run.log({"a": 1})
            await run.flush(10)
        return run.path

    path = trio.run(main)
    rows = anyio.run(stored, path)[1]
    assert rows == [{"_step": 0, "a": 1}]


@contextmanager
def silent_server() -> Iterator[str]:
    """Accepts and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"


async def beat(gaps: list[float]) -> None:
    """Note how late the caller's loop is."""
    while True:
        before = time.perf_counter()
        await anyio.sleep(0.001)
        gaps.append(time.perf_counter() - before)


async def test_a_silent_server_stops_nobody(capsys: pytest.CaptureFixture[str]) -> None:
    gaps: list[float] = []
    with silent_server() as url:
        settings = {"base_url": url, "api_key": "k" * 40, "http_timeout": 1.0}
        async with anyio.create_task_group() as group:
            group.start_soon(beat, gaps)
            started = time.perf_counter()
            run = await init("p", settings=settings, init_timeout=0.3)
            for n in range(2000):
                await run.log({"n": n})
                if n % 20 == 0:
                    await anyio.lowlevel.checkpoint()
            with pytest.raises(WaitTimeoutError, match="not acknowledged"):
                await run.flush(0.2)
            with pytest.raises(WaitTimeoutError, match="asyncwb sync"):
                await run.finish(timeout=0.3)
            took = time.perf_counter() - started
            group.cancel_scope.cancel()
    assert took < 5
    assert max(gaps) < 0.1
    status = run.status()
    assert (status.state, status.connected, status.rows) == ("unsent", False, 2000)
    assert status.unsent_bytes > 0
    await run.finish()
    shown = capsys.readouterr().err
    assert len(re.findall("does not answer", shown)) == 1
    assert "asyncwb sync" in shown


async def test_a_server_that_is_not_there() -> None:
    with silent_server() as url:
        pass
    settings = {"base_url": url, "api_key": "k" * 40}
    with pytest.raises(CommError, match="did not answer"):
        await init("p", settings=settings, init_timeout=0.2, on_init_failure="raise")
    assert live_runs() == []
    assert list(Path("wandb").glob("run-*")) == []
    run = await init("p", settings=settings, init_timeout=0.2)
    await run.log({"a": 1})
    await run.finish()
    assert run.status().state == "unsent"
    assert Path(run.status().journal or "").exists()


async def test_a_cancelled_start_leaves_no_live_run() -> None:
    with silent_server() as url:
        settings = {"base_url": url, "api_key": "k" * 40}
        with anyio.move_on_after(0.1) as scope:
            await init("p", settings=settings)
        assert scope.cancelled_caught
    assert live_runs() == []


async def test_a_cancelled_finish_can_be_repeated() -> None:
    run = await init("p")
    await run.log({"a": 1})
    with anyio.CancelScope() as scope:
        scope.cancel()
        await run.finish()
    await run.finish()
    assert run.status().state == "finished"
    _, rows = await stored(run.path)
    assert rows == [{"_step": 0, "a": 1}]
