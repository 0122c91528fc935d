"""How processes end: exit without finish, errors, signals, forks and `kill -9`."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from asyncwb.api import Api
from asyncwb.portal import PORTAL
from asyncwb.sender.offline import sync_folder
from asyncwb.settings import resolve
from asyncwb.testing import LocalServer, local_server

if TYPE_CHECKING:
    from collections.abc import Iterator

PRELUDE = """
import anyio, os, sys, time
from asyncwb.run import current_run, init
from asyncwb.portal import PORTAL
async def start(**keywords):
    return await init("exits", **keywords)
"""


@pytest.fixture(scope="module")
def server() -> Iterator[LocalServer]:
    with local_server() as running:
        yield running


@pytest.fixture(autouse=True)
def here(server: LocalServer, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in server.env.items():
        monkeypatch.setenv(name, value)


def script(body: str) -> list[str]:
    return [sys.executable, "-W", "error", "-c", PRELUDE + textwrap.dedent(body)]


def run_script(body: str, *, code: int = 0) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(script(body), capture_output=True, text=True, timeout=40, check=False)
    assert done.returncode == code, done.stderr
    return done


async def stored(run_id: str) -> tuple[str, list[dict[str, Any]]]:
    run = await Api().run(f"exits/{run_id}")
    rows = [row async for row in run.scan_history()]
    return run.state, rows


@pytest.mark.parametrize(
    ("end", "code", "state"),
    [
        ("", 0, "finished"),
        ("raise ValueError('no')", 1, "failed"),
        ("sys.exit(3)", 3, "failed"),
        ("sys.exit('text')", 1, "failed"),
        ("sys.exit(0)", 0, "finished"),
        ("raise KeyboardInterrupt", -signal.SIGINT, "failed"),
    ],
)
async def test_a_run_that_nobody_finished_ends_with_the_script(
    end: str, code: int, state: str
) -> None:
    run_id = f"exit{abs(hash(end))}"
    done = run_script(
        f"""
        run = anyio.run(lambda: start(id={run_id!r}))
        for n in range(100):
            run._log_nowait({{"n": n}})
        run._log_nowait({{"open": 1}}, commit=False)
        {end}
        """,
        code=code,
    )
    found, rows = await stored(run_id)
    assert found == state
    assert [row.get("n") for row in rows] == [*range(100), None]
    assert rows[-1]["open"] == 1
    assert "is complete" in done.stderr


def test_an_offline_run_ends_with_the_script() -> None:
    done = run_script(
        """
        run = anyio.run(lambda: start(mode="offline", settings={"silent": True}))
        run._log_nowait({"a": 1}, commit=False)
        print(run.status().journal, PORTAL.started)
        sys.exit(7)
        """,
        code=7,
    )
    from run_journals import bodies, user_rows

    journal, started = done.stdout.split()
    assert started == "False"
    assert user_rows(journal) == [{"_step": 0, "a": 1}]
    assert bodies(journal)[-1].exit_code == 7
    assert done.stderr == ""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
async def test_a_forked_child_gets_an_error_and_the_parent_goes_on() -> None:
    done = run_script(
        """
        import warnings
        warnings.simplefilter("ignore", DeprecationWarning)
        from asyncwb.errors import ForkedError
        async def main():
            run = await start(id="forked")
            await run.log({"n": 0})
            child = os.fork()
            if child == 0:
                seen = []
                assert current_run() is run
                for use in (run.log({"n": 99}), run.finish(), run.flush()):
                    try:
                        await use
                    except ForkedError:
                        seen.append("forked")
                try:
                    run.config["x"] = 1
                except ForkedError:
                    seen.append("forked")
                fresh = await init("exits", id="child", mode="offline")
                await fresh.log({"c": 1})
                await fresh.finish()
                os._exit(len(seen) * 10 + fresh.status().rows)
            _, status = os.waitpid(child, 0)
            await run.log({"n": 1})
            await run.finish()
            print(os.waitstatus_to_exitcode(status))
        anyio.run(main)
        """
    )
    assert done.stdout.split() == ["41"]
    _, rows = await stored("forked")
    assert [row["n"] for row in rows] == [0, 1]


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="no kill -9 here")
@pytest.mark.parametrize("kills", [3, pytest.param(200, marks=pytest.mark.slow)])
async def test_kill_loses_no_row_and_doubles_none(kills: int) -> None:
    chance = random.Random(kills)
    for kill in range(kills):
        run_id = f"killed{kills}-{kill}"
        rows = chance.randrange(1, 3000)
        run_script(
            f"""
            run = anyio.run(lambda: start(id={run_id!r}))
            for n in range({rows}):
                run._log_nowait({{"n": n, "loss": n / 7}})
            os.kill(os.getpid(), 9)
            """,
            code=-signal.SIGKILL,
        )
        (folder,) = Path("wandb").glob(f"run-*-{run_id}")
        result = await PORTAL.acall(sync_folder, folder, resolve())
        assert result.state == "synced", result
        again = await PORTAL.acall(sync_folder, folder, resolve())
        assert again.state == "skipped"
        state, found = await stored(run_id)
        assert state == "failed"
        assert [(row["_step"], row["n"]) for row in found] == [(n, n) for n in range(rows)]
