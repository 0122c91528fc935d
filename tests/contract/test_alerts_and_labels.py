"""Alerts, preemption and labels against the embedded server."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import anyio
import pytest
from kept_alerts import kept_alerts

import asyncwb.sync
from asyncwb.api import Api
from asyncwb.portal import PORTAL
from asyncwb.run import init
from asyncwb.sender import sync_folder
from asyncwb.settings import Settings
from asyncwb.testing import LocalServer, local_server
from asyncwb.types import AlertLevel

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

# Rows wait an hour for their turn: what arrives meanwhile did not wait with them.
PATIENT = {"transmit_interval": 3600.0}


@pytest.fixture(scope="module")
def server() -> Iterator[LocalServer]:
    with local_server() as running:
        yield running


@pytest.fixture(autouse=True)
def here(server: LocalServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WANDB_SILENT", "true")
    for name, value in server.env.items():
        monkeypatch.setenv(name, value)


async def until(arrived: Callable[[], Awaitable[bool]]) -> None:
    """Wait for something on the server."""
    with anyio.fail_after(60):
        while not await arrived():  # noqa: ASYNC110 - the server has no event for it
            await anyio.sleep(0.02)


async def test_an_alert_is_sent_at_once_though_rows_wait(server: LocalServer) -> None:
    run = await init("at-once", settings=PATIENT)
    await run.log({"x": 1})
    await run.flush()
    await run.log({"x": 2})
    await run.alert("loss", "is NaN", AlertLevel.ERROR)

    async def arrived() -> bool:
        return bool(kept_alerts(server, "at-once"))

    await until(arrived)
    assert kept_alerts(server, "at-once") == [("loss", "is NaN", "ERROR")]
    assert run.status().rows_sent == 1
    await run.finish()


async def test_levels_durations_and_the_limit_per_title(server: LocalServer) -> None:
    async with init("levels") as run:
        await run.alert("default", "a")
        await run.alert("default", "too soon")
        await run.alert("text", "b", level="warn", wait_duration=timedelta(days=1))
        await run.alert("often", "1", wait_duration=0)
        await run.alert("often", "2", wait_duration=0)
    assert kept_alerts(server, "levels") == [
        ("default", "a", "INFO"),
        ("text", "b", "WARN"),
        ("often", "1", "INFO"),
        ("often", "2", "INFO"),
    ]


async def test_alerts_of_an_offline_run_are_sent_by_sync(server: LocalServer) -> None:
    async with init("later", mode="offline") as run:
        await run.alert("offline", "text", AlertLevel.WARN)
    settings = Settings(base_url=server.url, api_key=server.api_key)
    await PORTAL.acall(sync_folder, Path(run.sync_dir), settings)
    assert kept_alerts(server, "later") == [("offline", "text", "WARN")]


def test_the_blocking_face(server: LocalServer) -> None:
    with asyncwb.sync.init("blocking") as run:
        run.alert(title="t", text="x", level=AlertLevel.INFO, wait_duration=1.5)
    assert kept_alerts(server, "blocking") == [("t", "x", "INFO")]


@pytest.mark.parametrize(("exit_code", "state"), [(0, "finished"), (1, "preempted")])
async def test_preemption(exit_code: int, state: str) -> None:
    run = await init("p", settings=PATIENT)
    await run.log({"x": 1})
    await run.flush()
    await run.log({"x": 2})
    run.mark_preempting()

    async def announced() -> bool:
        return (await Api().run(run.path)).state == "preempting"

    await until(announced)
    await run.finish(exit_code=exit_code)
    assert (await Api().run(run.path)).state == state


async def test_a_change_of_labels_ends_no_stop_and_no_preemption() -> None:
    run = await init("p")
    await run.log({"x": 1})
    await run.flush()
    assert await (await Api().run(run.path)).stop()
    run.mark_preempting()
    run.tags = ("x",)
    await run.flush()
    await run.log({"x": 2})
    await run.flush()
    assert run.status().stop_requested
    saved = await Api().run(run.path)
    assert (saved.state, saved.tags) == ("preempting", ["x"])
    await run.finish(exit_code=1)
    assert (await Api().run(run.path)).state == "preempted"


@pytest.mark.parametrize("offline", [False, True])
async def test_labels_can_be_emptied(server: LocalServer, offline: bool) -> None:
    run = await init(
        "p", name="n", notes="text", tags=["a", "b"], mode="offline" if offline else "online"
    )
    run.tags += ("c",)
    if not offline:
        await run.flush()
        assert (await Api().run(run.path)).tags == ["a", "b", "c"]
    run.tags, run.notes, run.name = (), "", ""
    await run.finish()
    if offline:
        await PORTAL.acall(
            sync_folder, Path(run.sync_dir), Settings(base_url=server.url, api_key=server.api_key)
        )
    saved = await Api().run(f"p/{run.id}")
    assert (saved.tags, saved.notes, saved.name) == ([], "", run.id)


async def test_pinned_keys_are_in_the_config_for_good() -> None:
    async with init("p", id="pinned", config={"lr": 1, "b": 2}) as run:
        run.pin_config_keys(["b", "lr"])
    assert (await Api().run("p/pinned")).rawconfig["_wandb"]["pinned_keys"] == ["b", "lr"]
    async with init("p", id="pinned", resume="must") as run:
        assert dict(run.config) == {"lr": 1, "b": 2}
    assert (await Api().run("p/pinned")).rawconfig["_wandb"]["pinned_keys"] == ["b", "lr"]


async def test_addresses(server: LocalServer) -> None:
    async with init("a b", id="r1", settings={"sweep_id": "s 1"}) as run:
        home = f"{server.url}/{server.entity}/a%20b"
        assert run.url == run.get_url() == f"{home}/runs/r1"
        assert run.project_url == run.get_project_url() == home
        assert run.sweep_url == run.get_sweep_url() == f"{home}/sweeps/s%201"
        assert (run.project, run.project_name()) == ("a b", "a b")
        assert (run.offline, run.disabled) == (False, False)
        assert f'<iframe src="{home}/runs/r1?jupyter=true"' in run.to_html()
