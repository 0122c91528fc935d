"""Forks and rewinds against the embedded server: nothing twice, whatever happens between."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from asyncwb.api import Api
from asyncwb.errors import CommError
from asyncwb.portal import PORTAL
from asyncwb.run import init
from asyncwb.run.context import live_runs
from asyncwb.sender import sync_folder
from asyncwb.sender.ack import ack_path
from asyncwb.settings import resolve
from asyncwb.testing import LocalServer, local_server

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="module")
def server() -> Iterator[LocalServer]:
    with local_server() as running:
        yield running


@pytest.fixture(autouse=True)
def here(server: LocalServer, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {**server.env, "WANDB_SILENT": "true"}.items():
        monkeypatch.setenv(name, value)


async def stored(run_id: str) -> tuple[dict[str, Any], list[tuple[int, int]]]:
    run = await Api().run(f"branches/{run_id}")
    return dict(run.config), [(row["_step"], row["x"]) async for row in run.scan_history()]


async def base(run_id: str, rows: int = 5) -> None:
    async with init("branches", id=run_id, name="first", config={"old": 1}, tags=["t"]) as run:
        for number in range(rows):
            await run.log({"x": number})


async def test_a_rewound_run_goes_on_from_the_step() -> None:
    await base("rewound")
    async with init("branches", resume_from="rewound?_step=2", config={"new": 2}) as run:
        assert (run.id, run.name, run.starting_step, run.resumed) == ("rewound", "first", 3, False)
        assert run.config.as_dict() == {"old": 1, "new": 2}
        await run.log({"x": 103})
        assert run.step == 4
    config, rows = await stored("rewound")
    assert config == {"old": 1, "new": 2}
    assert rows == [(0, 0), (1, 1), (2, 2), (3, 103)]


async def test_a_fork_leaves_its_origin_alone() -> None:
    await base("origin")
    async with init("branches", id="fork", fork_from="origin?_step=1") as run:
        await run.log({"x": 102})
    assert (await stored("fork"))[1] == [(0, 0), (1, 1), (2, 102)]
    assert (await stored("origin"))[1] == [(step, step) for step in range(5)]


async def test_without_waiting_the_first_step_is_known_all_the_same() -> None:
    await base("early")
    run = await init("branches", resume_from="early?_step=0", wait=False)
    assert run.step == 1
    await run.log({"x": 101})
    await run.finish()
    config, rows = await stored("early")
    assert rows == [(0, 0), (1, 101)]
    assert config == {"old": 1}


async def test_what_is_not_there_cannot_be_rewound() -> None:
    with pytest.raises(CommError, match="nobody"):
        await init("branches", resume_from="nobody?_step=0")
    assert live_runs() == []
    assert not list(Path("wandb").glob("run-*-nobody"))


SCRIPT = """
import os
import asyncwb.sync as asyncwb
run = asyncwb.init("branches", resume_from=RUN + "?_step=1", config={"new": 2})
for number in range(50):
    run.log({"x": 200 + number})
    if number == 20:
        run.flush()
os.kill(os.getpid(), 9)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="no kill -9 here")
@pytest.mark.parametrize("ack", [True, False])
async def test_a_killed_rewind_is_sent_without_doubles(ack: bool) -> None:
    run_id = f"killed-{ack}"
    await base(run_id)
    done = await PORTAL.in_thread(
        subprocess.run,
        [sys.executable, "-c", SCRIPT.replace("RUN", repr(run_id))],
        env=os.environ,
        check=False,
    )
    assert done.returncode == -9
    folder = max(Path("wandb").glob(f"run-*-{run_id}"))
    if not ack:
        # Nobody remembers what was sent: the server drops it and gets all of it again.
        ack_path(folder / f"run-{run_id}.wandb").unlink()
    result = await PORTAL.acall(sync_folder, folder, resolve())
    assert result.state == "synced", result
    config, rows = await stored(run_id)
    assert rows == [(0, 0), (1, 1), *((2 + number, 200 + number) for number in range(50))]
    assert config == {"old": 1, "new": 2}


@pytest.mark.parametrize("argument", ["fork_from", "resume_from"])
async def test_an_offline_branch_can_be_sent_again(argument: str) -> None:
    await base(f"of-{argument}")
    async with init("branches", mode="offline", **{argument: f"of-{argument}?_step=1"}) as run:
        await run.log({"x": 102})
    folder = Path(run.dir).parent
    for _ in range(2):
        result = await PORTAL.acall(sync_folder, folder, resolve(), force=True)
        assert result.state == "synced", result
        assert (await stored(run.id))[1] == [(0, 0), (1, 1), (2, 102)]
    origin = await stored(f"of-{argument}")
    assert len(origin[1]) == (5 if argument == "fork_from" else 3)
    assert origin[0] == {"old": 1}
