"""Names, code and metadata of live runs against the embedded server, whose account saves code."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anyio
import pytest

from asyncwb.api import Api
from asyncwb.run import init
from asyncwb.testing import LocalServer, local_server
from asyncwb.testing.faults import Fault, FaultProxy

if TYPE_CHECKING:
    from collections.abc import Iterator

    from asyncwb.api import Run as ApiRun

READABLE = re.compile(r"[a-z]+-[a-z]+-[0-9]+")


@pytest.fixture(scope="module")
def server() -> Iterator[LocalServer]:
    with local_server() as running:
        yield running


@pytest.fixture(autouse=True)
def here(server: LocalServer, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {**server.env, "WANDB_SILENT": "true"}.items():
        monkeypatch.setenv(name, value)
    Path("train.py").write_text("print(1)\n")
    monkeypatch.setenv("WANDB_PROGRAM", "train.py")


async def stored(path: str) -> tuple[ApiRun, dict[str, bytes]]:
    run = await Api().run(path)
    return run, {file.name: await file.read() async for file in run.files()}


@pytest.mark.parametrize("wait", [True, False])
async def test_code_and_metadata_arrive(wait: bool) -> None:
    run = await init("env", wait=wait)
    await run.finish()
    found, files = await stored(f"env/{run.id}")
    assert {"requirements.txt", "wandb-metadata.json", "config.yaml"} <= files.keys()
    assert files["code/train.py"] == b"print(1)\n"
    assert found.rawconfig["_wandb"]["code_path"] == "code/train.py"
    metadata = json.loads(files["wandb-metadata.json"])
    assert metadata["codePath"] == "train.py"
    assert found.rawconfig["_wandb"]["e"] == {metadata["writerId"]: metadata}
    assert await found.metadata() == metadata


async def test_files_are_there_while_the_run_lives() -> None:
    async with init("env") as run:
        wanted = {"requirements.txt", "wandb-metadata.json", "code/train.py"}
        files: dict[str, bytes] = {}
        # The look at the environment takes its time, so that it disturbs nobody.
        with anyio.move_on_after(30):
            while not wanted <= files.keys():
                await anyio.sleep(0.1)
                await run.flush(30)
                _, files = await stored(run.path)
        assert wanted <= files.keys()


@pytest.mark.parametrize(
    "settings", [{"save_code": False}, {"disable_code": True}, {"disable_machine_info": True}]
)
async def test_code_stays_here_where_settings_say_so(settings: dict[str, Any]) -> None:
    async with init("env", settings=settings) as run:
        pass
    found, files = await stored(run.path)
    assert not [name for name in files if name.startswith("code/")]
    assert "code_path" not in found.rawconfig["_wandb"]


async def test_the_server_names_runs_and_numbers_them() -> None:
    names: list[str] = []
    for _ in range(2):
        async with init("named") as run:
            names.append(run.name or "")
        assert (await Api().run(run.path)).name == run.name
    assert all(READABLE.fullmatch(name) for name in names)
    assert [name.rpartition("-")[2] for name in names] == ["1", "2"]


async def test_a_run_that_does_not_wait_has_its_name_at_once() -> None:
    run = await init("env", wait=False)
    name = run.name
    assert READABLE.fullmatch(name or "")
    await run.finish()
    assert run.name == name
    assert (await Api().run(f"env/{run.id}")).name == name


async def test_a_name_for_a_run_that_nobody_answered_in_time(
    server: LocalServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    with FaultProxy(server.url, rate=1.0, faults=[Fault.STATUS_500]) as proxy:
        monkeypatch.setenv("WANDB_BASE_URL", proxy.url)
        run = await init("env", init_timeout=0.2)
        name = run.name
        assert READABLE.fullmatch(name or "")
        proxy.rate = 0.0
        await run.log({"x": 1})
        await run.finish(timeout=60)
    monkeypatch.setenv("WANDB_BASE_URL", server.url)
    assert (await Api().run(f"env/{run.id}")).name == run.name == name


async def test_a_server_that_does_not_say_whose_run_it_is(
    server: LocalServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The first requests are the questions about the account and the run, at once.
    with FaultProxy(server.url, script=[Fault.STATUS_500] * 3) as proxy:
        monkeypatch.setenv("WANDB_BASE_URL", proxy.url)
        async with init("env") as run:
            await run.log({"x": 1})
    monkeypatch.setenv("WANDB_BASE_URL", server.url)
    found, files = await stored(run.path)
    assert found.state == "finished"
    assert "wandb-metadata.json" in files
