"""Sweeps from both faces against the embedded server."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anyio
import anyio.lowlevel
import msgspec
import pytest
from typer.testing import CliRunner

import asyncwb
import asyncwb.sync as wandb
from asyncwb.cli import app
from asyncwb.errors import ConfigError, InvalidValueError, UsageError
from asyncwb.portal import PORTAL
from asyncwb.settings import Settings, resolve
from asyncwb.sweeps.path import SweepPath, sweep_path
from asyncwb.sweeps.service import Service
from asyncwb.testing import LocalServer, local_server

if TYPE_CHECKING:
    from collections.abc import Iterator

GRID: dict[str, Any] = {
    "method": "grid",
    "metric": {"name": "loss", "goal": "minimize"},
    "parameters": {
        "lr": {"values": [0.1, 0.2, 0.3]},
        "opt": {"parameters": {"name": {"value": "sgd"}}},
    },
}
ENDLESS: dict[str, Any] = {"method": "random", "parameters": {"x": {"min": 0.0, "max": 1.0}}}
PATIENCE = 60.0


@pytest.fixture(scope="module")
def server() -> Iterator[LocalServer]:
    with local_server() as running:
        yield running


@pytest.fixture
def settings(server: LocalServer) -> Settings:
    """Quick heartbeats: nobody waits for a second here."""
    quick = {"agent_heartbeat_seconds": 0.1, "transmit_interval": 0.1, "silent": True}
    return resolve({**server.settings, **quick}, environ={})


def path_of(sweep_id: Any, settings: Settings) -> SweepPath:
    return sweep_path(sweep_id, None, None, settings)


async def state_of(sweep_id: Any, settings: Settings) -> str:
    return (await Service(settings).find(path_of(sweep_id, settings))).state


async def set_state(sweep_id: Any, settings: Settings, state: str) -> None:
    service, path = Service(settings), path_of(sweep_id, settings)
    await service.set_state(await service.find(path), path, state)


async def runs_of(sweep_id: Any, settings: Settings) -> list[Any]:
    runs = asyncwb.Api(settings=settings).runs(
        f"{sweep_id.entity}/{sweep_id.project}", filters={"sweep": str(sweep_id)}
    )
    return [run async for run in runs]


async def test_an_async_function_gets_every_point(server: LocalServer, settings: Settings) -> None:
    sweep_id = await asyncwb.sweep(GRID, project="grid", settings=settings)
    assert (sweep_id.entity, sweep_id.project) == ("local", "grid")
    assert sweep_id.url == f"{server.url}/local/grid/sweeps/{sweep_id}"
    assert await state_of(sweep_id, settings) == "PENDING"
    seen: list[Any] = []

    async def train() -> None:
        async with asyncwb.init(project="other", id="mine", config={"lr": 7, "own": 1}) as run:
            run.config.update({"lr": 8, "own": 2})
            run.config["lr"] = 9
            seen.append((run.config.as_dict(), run.sweep_id, run.project, run.id))
            await run.log({"loss": run.config["lr"] * 2})

    result = await asyncwb.agent(sweep_id, train, settings=settings)
    assert (result.finished, result.failed, result.stopped, result.ended_by) == (3, 0, 0, "sweep")
    expected = [{"lr": lr, "own": 2, "opt": {"name": "sgd"}} for lr in (0.1, 0.2, 0.3)]
    assert [config for config, *_ in seen] == expected
    assert {(sweep, project) for _, sweep, project, _ in seen} == {(str(sweep_id), "grid")}
    saved = await runs_of(sweep_id, settings)
    assert [(run.id, run.config) for run in saved] == [(run, config) for config, _, _, run in seen]
    assert [(run.state, run.summary["loss"]) for run in saved] == [
        ("finished", pytest.approx(lr * 2)) for lr in (0.1, 0.2, 0.3)
    ]
    assert await state_of(sweep_id, settings) == "FINISHED"


def test_a_plain_function_in_threads(settings: Settings) -> None:
    sweep_id = wandb.sweep(GRID, project="threads", settings=settings)
    together = threading.Barrier(3, timeout=PATIENCE)
    seen: list[Any] = []

    def train() -> None:
        run = wandb.init()
        together.wait()  # all three at once
        assert wandb.run is not None
        seen.append((wandb.run.id == run.id, run.config.lr, wandb.config["lr"]))
        wandb.log({"loss": wandb.config["lr"]})

    result = wandb.agent(sweep_id, train, workers=3, settings=settings)
    assert (result.finished, result.failed, result.ended_by) == (3, 0, "sweep")
    assert sorted(seen) == [(True, lr, lr) for lr in (0.1, 0.2, 0.3)]
    # Runs that the function left open are finished.
    assert wandb.run is None
    saved = PORTAL.call(runs_of, sweep_id, settings)
    assert [run.state for run in saved] == ["finished"] * 3


def test_an_async_function_from_a_blocking_caller(settings: Settings) -> None:
    sweep_id = wandb.sweep(GRID, project="both", settings=settings)
    places: list[Any] = []

    async def train() -> None:
        async with asyncwb.init() as run:
            await run.log({"loss": 1})
            # Not in asyncwb's loop, where blocking code would stop everything.
            places.append((PORTAL.in_loop(), run.config["lr"]))

    result = wandb.agent(sweep_id, train, count=2, settings=settings)
    assert (result.finished, result.ended_by) == (2, "count")
    assert places == [(False, 0.1), (False, 0.2)]


def test_an_agent_in_trio(settings: Settings) -> None:
    seen: list[Any] = []

    async def train() -> None:
        async with asyncwb.init() as run:
            await anyio.lowlevel.checkpoint()
            seen.append(run.config["lr"])

    def blocking() -> None:
        with wandb.init() as run:
            seen.append(run.config["lr"])

    async def main() -> None:
        sweep_id = await asyncwb.sweep(GRID, project="trio", settings=settings)
        first = await asyncwb.agent(sweep_id, train, count=1, settings=settings)
        second = await asyncwb.agent(sweep_id, blocking, settings=settings)
        assert (first.finished, second.finished) == (1, 2)

    anyio.run(main, backend="trio")
    assert seen == [0.1, 0.2, 0.3]


async def test_workers_run_at_once_and_count_holds_for_all(settings: Settings) -> None:
    sweep_id = await asyncwb.sweep(ENDLESS, project="workers", settings=settings)
    at_once = most = calls = 0
    full = anyio.Event()

    async def train() -> None:
        nonlocal at_once, most, calls
        async with asyncwb.init() as run:
            assert asyncwb.run is run
            at_once += 1
            calls += 1
            most = max(most, at_once)
            if at_once == 3:
                full.set()
            await full.wait()
            assert asyncwb.run is run
            at_once -= 1

    with anyio.fail_after(PATIENCE):
        result = await asyncwb.agent(sweep_id, train, count=7, workers=3, settings=settings)
    assert (most, calls, result.finished, result.ended_by) == (3, 7, 7, "count")
    assert len({run.config["x"] for run in await runs_of(sweep_id, settings)}) == 7


async def test_failed_runs_are_failed_and_the_next_begins(
    settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    sweep_id = await asyncwb.sweep(GRID, project="failing", settings=settings)
    loud = msgspec.structs.replace(settings, silent=False)

    async def train() -> None:
        run = await asyncwb.init(settings=settings)
        if run.config["lr"] == 0.2:
            raise ValueError("nothing good")

    def leave() -> None:
        wandb.init(settings=settings)
        sys.exit(3)

    result = await asyncwb.agent(sweep_id, train, count=2, settings=loud)
    assert (result.finished, result.failed) == (1, 1)
    assert "ValueError: nothing good" in capsys.readouterr().err
    result = await asyncwb.agent(sweep_id, leave, settings=settings)
    assert (result.finished, result.failed) == (0, 1)
    assert [run.state for run in await runs_of(sweep_id, settings)] == [
        "finished", "failed", "failed",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("limits", "failures"),
    [
        ({}, 3),  # in the first minute
        ({"agent_disable_flapping": True}, 5),  # none has finished
        ({"agent_disable_flapping": True, "agent_max_initial_failures": 2}, 2),
    ],
)
async def test_an_agent_gives_up(settings: Settings, limits: dict[str, Any], failures: int) -> None:
    sweep_id = await asyncwb.sweep(ENDLESS, project="flapping", settings=settings)
    changed = msgspec.structs.replace(settings, **limits)

    async def train() -> None:
        async with asyncwb.init():
            raise ValueError

    result = await asyncwb.agent(sweep_id, train, settings=changed)
    assert (result.failed, result.ended_by) == (failures, "failures")


async def test_failures_in_a_row(settings: Settings) -> None:
    sweep_id = await asyncwb.sweep(ENDLESS, project="row", settings=settings)
    ends = iter([None, ValueError(), None, ValueError(), ValueError(), None])

    async def train() -> None:
        async with asyncwb.init():
            error = next(ends)
            if error is not None:
                raise error

    changed = msgspec.structs.replace(settings, agent_disable_flapping=True)
    result = await asyncwb.agent(sweep_id, train, max_consecutive_failed_runs=2, settings=changed)
    assert (result.finished, result.failed, result.ended_by) == (2, 3, "failures")


# -- being stopped -----------------------------------------------------------------------------


async def test_a_cancelled_sweep_stops_an_async_function(settings: Settings) -> None:
    sweep_id = await asyncwb.sweep(ENDLESS, project="stop", settings=settings)
    begun = anyio.Event()

    async def train() -> None:
        async with asyncwb.init() as run:
            await run.log({"a": 1})
            begun.set()
            await anyio.sleep_forever()

    async with anyio.create_task_group() as group:
        with anyio.fail_after(PATIENCE):
            group.start_soon(_cancel_when, begun, sweep_id, settings)
            result = await asyncwb.agent(sweep_id, train, settings=settings)
    assert (result.stopped, result.ended_by) == (1, "sweep")
    (run,) = await runs_of(sweep_id, settings)
    assert (run.state, run.summary["a"]) == ("failed", 1)


async def _cancel_when(event: anyio.Event, sweep_id: Any, settings: Settings) -> None:
    await event.wait()
    await set_state(sweep_id, settings, "CANCELED")


async def test_a_cancelled_sweep_interrupts_a_plain_function(settings: Settings) -> None:
    sweep_id = await asyncwb.sweep(ENDLESS, project="stop", settings=settings)
    begun = threading.Event()
    seen: list[str] = []

    def train() -> None:
        with wandb.init() as run:
            run.log({"a": 1})
            begun.set()
            try:
                while True:
                    time.sleep(0.01)
            except Exception:
                seen.append("an `except Exception` does not keep a run alive")
            finally:
                seen.append("cleanup")

    async def cancel() -> None:
        await anyio.to_thread.run_sync(begun.wait)
        await set_state(sweep_id, settings, "CANCELED")

    async with anyio.create_task_group() as group:
        with anyio.fail_after(PATIENCE):
            group.start_soon(cancel)
            result = await asyncwb.agent(sweep_id, train, settings=settings)
    assert (result.stopped, seen) == (1, ["cleanup"])
    (run,) = await runs_of(sweep_id, settings)
    assert (run.state, run.summary["a"]) == ("failed", 1)


@pytest.mark.parametrize("plain", [False, True])
async def test_a_cancelled_agent_ends_its_runs(settings: Settings, plain: bool) -> None:
    sweep_id = await asyncwb.sweep(ENDLESS, project="cancel", settings=settings)
    begun = threading.Event()
    ended: list[str] = []

    async def train() -> None:
        async with asyncwb.init():
            try:
                begun.set()
                await anyio.sleep_forever()
            finally:
                ended.append("async")

    def blocking() -> None:
        with wandb.init():
            try:
                begun.set()
                while True:
                    time.sleep(0.01)
            finally:
                ended.append("plain")

    with anyio.fail_after(PATIENCE):
        async with anyio.create_task_group() as group:
            function = blocking if plain else train
            group.start_soon(partial(asyncwb.agent, sweep_id, function, settings=settings))
            await anyio.to_thread.run_sync(begun.wait)
            group.cancel_scope.cancel()
    assert ended == ["plain" if plain else "async"]
    (run,) = await runs_of(sweep_id, settings)
    assert run.state == "failed"


@pytest.mark.leaks("a thread that does not listen is left behind, until it ends by itself")
async def test_a_thread_that_does_not_listen_is_left_behind(settings: Settings) -> None:
    sweep_id = await asyncwb.sweep(ENDLESS, project="deaf", settings=settings)
    begun, leave = threading.Event(), threading.Event()

    def train() -> None:
        begun.set()
        while not leave.is_set():
            try:
                leave.wait(0.05)
            except KeyboardInterrupt:
                continue

    hasty = msgspec.structs.replace(settings, agent_kill_delay=0.3)
    try:
        with anyio.fail_after(PATIENCE):
            async with anyio.create_task_group() as group:
                group.start_soon(partial(asyncwb.agent, sweep_id, train, settings=hasty))
                await anyio.to_thread.run_sync(begun.wait)
                group.cancel_scope.cancel()
    finally:
        leave.set()


async def test_a_deleted_sweep_ends_the_agent_after_its_run(settings: Settings) -> None:
    sweep_id = await asyncwb.sweep(ENDLESS, project="deleted", settings=settings)
    begun, gone, ended = anyio.Event(), anyio.Event(), []

    async def train() -> None:
        # Without a run: its project is what is deleted.
        begun.set()
        await gone.wait()
        ended.append(1)

    async def delete() -> None:
        await begun.wait()
        await PORTAL.acall(_delete_project, settings, "deleted")
        gone.set()

    async with anyio.create_task_group() as group:
        with anyio.fail_after(PATIENCE):
            group.start_soon(delete)
            result = await asyncwb.agent(sweep_id, train, settings=settings)
    assert (result.finished, result.ended_by, ended) == (1, "deleted", [1])


async def _delete_project(settings: Settings, name: str) -> None:
    from asyncwb.graphql import Operation

    graphql = await Service(settings)._graphql()
    find = Operation("P", f'query P {{ project(name: "{name}") {{ id }} }}', dict)
    found: Any = await graphql.execute(find, {})
    document = "mutation D($id: String!) { deleteModel(input: {id: $id}) { success } }"
    await graphql.execute(Operation("D", document, dict), {"id": found["project"]["id"]})


async def test_hyperband_stops_a_run(settings: Settings) -> None:
    config = {
        "method": "grid", "metric": {"name": "loss"}, "parameters": {"level": {"values": [1, 9]}},
        "early_terminate": {"type": "hyperband", "min_iter": 3},
    }  # fmt: skip
    sweep_id = await asyncwb.sweep(config, project="hyper", settings=settings)

    async def train() -> None:
        async with asyncwb.init() as run:
            while True:
                await run.log({"loss": run.config["level"]})
                if run.config["level"] == 1 and run.step > 5:
                    return
                await anyio.sleep(0.02)

    with anyio.fail_after(PATIENCE):
        result = await asyncwb.agent(sweep_id, train, settings=settings)
    assert (result.finished, result.stopped, result.ended_by) == (1, 1, "sweep")


async def test_a_preempted_run_is_resumed(settings: Settings) -> None:
    config = {"method": "grid", "parameters": {"x": {"value": 4}}}
    sweep_id = await asyncwb.sweep(config, project="preempted", settings=settings)
    seen: list[Any] = []

    async def train() -> None:
        async with asyncwb.init() as run:
            seen.append((run.id, run.resumed, run.config["x"], run.starting_step))
            await run.log({"a": 1})
            if not run.resumed:
                run.mark_preempting()
                raise ValueError("the machine goes away")

    result = await asyncwb.agent(sweep_id, train, settings=settings)
    assert (result.failed, result.finished) == (1, 1)
    (run,) = await runs_of(sweep_id, settings)
    assert seen == [(run.id, False, 4, 0), (run.id, True, 4, 1)]
    assert [row["_step"] async for row in run.scan_history()] == [0, 1]
    assert run.state == "finished"


async def test_without_a_server_for_a_while(server: LocalServer, settings: Settings) -> None:
    """An agent outlives a server that goes away and comes back."""
    quick = msgspec.structs.replace(settings, http_timeout=0.5)
    sweep_id = await asyncwb.sweep(GRID, project="outage", settings=settings)
    calls = 0

    async def train() -> None:
        nonlocal calls
        calls += 1
        if calls == 1:
            await anyio.to_thread.run_sync(server.stop)
            await anyio.sleep(1)
            await anyio.to_thread.run_sync(server.start)
        async with asyncwb.init(settings=settings) as run:
            await run.log({"loss": 1})

    with anyio.fail_after(PATIENCE):
        result = await asyncwb.agent(sweep_id, train, settings=quick)
    assert (result.finished, result.ended_by) == (3, "sweep")


# -- programs ----------------------------------------------------------------------------------

PROGRAM = """
import json, sys
import asyncwb.sync as wandb
with wandb.init(config={"lr": 5, "own": 1}) as run:
    run.log({"loss": run.config.lr})
    with open(f"out-{run.id}", "w") as out:
        json.dump([sys.argv[1:], run.config.as_dict(), run.sweep_id], out)
"""
ASLEEP = """
import signal, sys, time
import asyncwb.sync as wandb
if "deaf" in sys.argv:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
run = wandb.init()
open("begun", "w").close()
try:
    while True: time.sleep(0.05)
finally:
    open("cleanup", "w").close()
"""


def wait_for(file: Path) -> None:
    """Wait until another process has made a file."""
    limit = time.monotonic() + PATIENCE
    while not file.exists():
        assert time.monotonic() < limit
        time.sleep(0.02)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WANDB_SILENT", "true")
    return tmp_path


def program(script: str, *arguments: str, **more: Any) -> dict[str, Any]:
    Path("train.py").write_text(script)
    command = [sys.executable, "${program}", *(arguments or ("${args}",))]
    return {**GRID, "program": "train.py", "command": command, **more}


async def test_programs_get_their_parameters(folder: Path, settings: Settings) -> None:
    sweep_id = await asyncwb.sweep(program(PROGRAM), project="programs", settings=settings)
    result = await asyncwb.agent(sweep_id, workers=2, settings=settings)
    assert (result.finished, result.failed, result.ended_by) == (3, 0, "sweep")
    said = sorted(json.loads(file.read_text()) for file in folder.glob("out-*"))
    assert said == [
        [
            [f"--lr={lr}", "--opt={'name': 'sgd'}"],
            {"lr": lr, "own": 1, "opt": {"name": "sgd"}},
            str(sweep_id),
        ]
        for lr in (0.1, 0.2, 0.3)
    ]
    runs = await runs_of(sweep_id, settings)
    assert [(run.state, run.summary["loss"]) for run in runs] == [
        ("finished", run.config["lr"]) for run in runs
    ]


async def test_programs_that_fail_or_are_not_there(folder: Path, settings: Settings) -> None:
    config = program("import sys; sys.exit(4)")
    sweep_id = await asyncwb.sweep(config, project="programs", settings=settings)
    result = await asyncwb.agent(sweep_id, count=2, settings=settings)
    assert (result.failed, result.finished) == (2, 0)
    missing = {**GRID, "command": ["/no/such/program"]}
    sweep_id = await asyncwb.sweep(missing, project="programs", settings=settings)
    result = await asyncwb.agent(sweep_id, settings=settings)
    assert (result.failed, result.ended_by) == (3, "failures")
    sweep_id = await asyncwb.sweep(GRID, project="programs", settings=settings)
    with pytest.raises(UsageError, match="names no program"):
        await asyncwb.agent(sweep_id, settings=settings)


@pytest.mark.parametrize("deaf", [False, True])
async def test_a_cancelled_agent_ends_its_programs(
    folder: Path, settings: Settings, deaf: bool
) -> None:
    config = program(ASLEEP, "deaf" if deaf else "hears")
    sweep_id = await asyncwb.sweep(config, project="ended", settings=settings)
    hasty = msgspec.structs.replace(settings, agent_kill_delay=0.5 if deaf else PATIENCE)
    with anyio.fail_after(PATIENCE):
        async with anyio.create_task_group() as group:
            group.start_soon(partial(asyncwb.agent, sweep_id, settings=hasty))
            await anyio.to_thread.run_sync(wait_for, folder / "begun")
            group.cancel_scope.cancel()
    # SIGTERM is the end of a process that does not handle it; no `finally` runs.
    assert not (folder / "cleanup").exists()


def test_ctrl_c_ends_the_command_and_its_program(folder: Path, settings: Settings) -> None:
    sweep_id = wandb.sweep(program(ASLEEP), project="signals", settings=settings)
    environment = {
        **os.environ, "WANDB_BASE_URL": settings.base_url,
        "WANDB_API_KEY": settings.api_key or "", "ASYNCWB_AGENT_HEARTBEAT_SECONDS": "0.1",
    }  # fmt: skip
    with subprocess.Popen(
        [sys.executable, "-m", "asyncwb", "agent", f"local/signals/{sweep_id}"],
        env=environment, stderr=subprocess.PIPE, text=True,
    ) as agent:  # fmt: skip
        wait_for(folder / "begun")
        agent.send_signal(signal.SIGINT)
        _, said = agent.communicate(timeout=PATIENCE)
    assert agent.returncode == 130
    assert "Ending the runs" in said
    assert "Traceback" not in said


def test_ctrl_c_in_a_blocking_agent_leaves_no_program(folder: Path, settings: Settings) -> None:
    """Its event loop goes on while the interpreter ends, until the program has ended, too."""
    sweep_id = wandb.sweep(program(SLEEPER), project="signals", settings=settings)
    script = f"""
import asyncwb.sync as wandb
wandb.agent("local/signals/{sweep_id}")
"""
    environment = {
        **os.environ, "WANDB_BASE_URL": settings.base_url,
        "WANDB_API_KEY": settings.api_key or "", "ASYNCWB_AGENT_HEARTBEAT_SECONDS": "0.1",
        "WANDB_AGENT_KILL_DELAY": "3",
    }  # fmt: skip
    with subprocess.Popen(
        [sys.executable, "-c", script], env=environment, stderr=subprocess.PIPE, text=True
    ) as agent:
        wait_for(folder / "begun")
        agent.send_signal(signal.SIGINT)
        _, said = agent.communicate(timeout=PATIENCE)
    assert "KeyboardInterrupt" in said
    # It ignores SIGTERM, so it got SIGKILL; a zombie would be ours to see.
    with pytest.raises(ProcessLookupError):
        os.kill(int((folder / "begun").read_text()), 0)


SLEEPER = """
import os, signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
with open("new", "w") as file:
    file.write(str(os.getpid()))
os.rename("new", "begun")
while True: time.sleep(0.05)
"""


def test_the_commands(folder: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WANDB_BASE_URL", settings.base_url)
    monkeypatch.setenv("WANDB_API_KEY", settings.api_key or "")
    monkeypatch.setenv("WANDB_SILENT", "false")
    monkeypatch.setenv("ASYNCWB_AGENT_HEARTBEAT_SECONDS", "0.1")

    def command(*words: str, code: int = 0) -> str:
        done = CliRunner().invoke(app, list(words))
        if isinstance(done.exception, asyncwb.Error):
            assert code == 1
            return str(done.exception)
        assert done.exit_code == code, done.output
        return done.output

    def write(method: str, script: str) -> None:
        Path("train.py").write_text(script)
        Path("sweep.yaml").write_text(
            f"program: train.py\ncommand: ['{sys.executable}', '${{program}}']\n"
            f"project: commands\nmethod: {method}\nparameters: {{lr: {{values: [1, 2, 3]}}}}\n"
        )

    write("grid", "print(1)")
    path = command("sweep", "sweep.yaml").split()[1]
    assert path.startswith("local/commands/")
    assert "1 run(s) finished" in command("agent", path, "--count", "1")
    assert "paused" in command("sweep", path, "--pause")
    assert "running" in command("sweep", path, "--resume")
    assert "run(s) finished, 0 failed" in command("agent", path, "-j", "2")
    assert "finished now" in command("sweep", path, "--stop")
    assert "is finished already" in command("sweep", path, "--cancel", code=1)
    assert "no sweep" in command("agent", "local/commands/none", code=1)
    assert "Only one" in command("sweep", path, "--cancel", "--stop", code=2)
    write("random", "raise SystemExit(1)")
    path = command("sweep", "sweep.yaml", "-p", "others").split()[1]
    assert path.startswith("local/others/")
    assert "gives up" in command("agent", path, code=1)
    Path("sweep.yaml").write_text("method: grid\nparameters: {lr: {min: 0.0, max: 1.0}}\n")
    assert "parameter 'lr'" in command("sweep", "sweep.yaml", code=1)


# -- arguments ---------------------------------------------------------------------------------


async def test_configs_come_as_dicts_files_and_functions(
    tmp_path: Path, settings: Settings
) -> None:
    import numpy as np

    file = tmp_path / "sweep.yaml"
    file.write_text(
        "method: random\nproject: named\nparameters: {a: {value: 1.5e-5}, b: {min: 1, max: 2}}"
    )
    import yaml

    for source in (file, str(file), lambda: yaml.safe_load(file.read_text())):
        sweep_id = await asyncwb.sweep(source, settings=settings)
        assert sweep_id.project == "named"
        node = await Service(settings).find(path_of(sweep_id, settings))
        assert yaml.safe_load(node.config) == {
            "method": "random",
            "project": "named",
            "parameters": {
                "a": {"value": 1.5e-5},
                "b": {"min": 1, "max": 2, "distribution": "int_uniform"},
            },
        }
    values = {"method": "grid", "parameters": {"x": {"values": np.array([0.5, 1.5])}}}
    sweep_id = await asyncwb.sweep(values, project="named", settings=settings)
    node = await Service(settings).find(path_of(sweep_id, settings))
    assert yaml.safe_load(node.config)["parameters"] == {"x": {"values": [0.5, 1.5]}}


async def test_prior_runs(settings: Settings) -> None:
    async with asyncwb.init(
        project="prior", id="old", config={"lr": 0.2}, settings=settings
    ) as run:
        await run.log({"loss": 1})
    config = {"method": "grid", "parameters": {"lr": {"values": [0.2, 0.4]}}}
    sweep_id = await asyncwb.sweep(config, project="prior", prior_runs=["old"], settings=settings)
    assert [run.id for run in await runs_of(sweep_id, settings)] == ["old"]
    seen: list[Any] = []

    async def train() -> None:
        async with asyncwb.init() as run:
            seen.append(run.config["lr"])

    await asyncwb.agent(sweep_id, train, settings=settings)
    assert seen == [0.4]


async def test_a_bad_config_is_refused_before_anything_is_sent(tmp_path: Path) -> None:
    nowhere = {"base_url": "http://127.0.0.1:9", "api_key": "x" * 40, "http_timeout": 0.1}
    for config, message in (
        ({"method": "grid", "parameters": {"lr": {"min": 0.0, "max": 1.0}}}, "parameter 'lr'"),
        ({"method": "random", "parameters": {"a": {"parameters": {"b": {}}}}}, "parameter 'a.b'"),
        (lambda: 3, "is a dict, got int"),
    ):
        with pytest.raises(InvalidValueError, match=message):
            await asyncwb.sweep(config, settings=nowhere)  # type: ignore[arg-type]
    odd = {"method": "random", "parameters": {"a": {"value": {1, 2}}}}
    with pytest.raises(InvalidValueError, match=r"texts, numbers, lists and dicts, not \{1, 2\}"):
        await asyncwb.sweep(odd, settings=nowhere)
    with pytest.raises(ConfigError, match=r"cannot be read from .*none\.yaml"):
        await asyncwb.sweep(tmp_path / "none.yaml", settings=nowhere)
    bad = tmp_path / "bad.yaml"
    bad.write_text("{")
    with pytest.raises(ConfigError, match=r"cannot be read from .*bad\.yaml"):
        await asyncwb.sweep(bad, settings=nowhere)
    with pytest.raises(asyncwb.CommError):
        await asyncwb.sweep(GRID, settings=nowhere)


async def test_bad_arguments_of_an_agent(settings: Settings) -> None:
    bad: list[tuple[dict[str, Any], str]] = [
        ({"count": 0}, "count is an integer from 1"), ({"count": True}, "count"),
        ({"workers": 0}, "workers is an integer"), ({"function": 3}, "function is called"),
        ({"max_consecutive_failed_runs": 0}, "max_consecutive_failed_runs"),
        ({"sweep_id": "a/b/c/d"}, "entity/project/id"), ({"sweep_id": ""}, "entity/project/id"),
    ]  # fmt: skip
    for arguments, message in bad:
        with pytest.raises(InvalidValueError, match=message):
            await asyncwb.agent(**{"sweep_id": "s", "settings": settings, **arguments})
    with pytest.raises(UsageError, match="there is no sweep local/p/none"):
        await asyncwb.agent("p/none", print, settings=settings)
    wrong = msgspec.structs.replace(settings, api_key="w" * 40)
    with pytest.raises(asyncwb.AuthenticationError):
        await asyncwb.agent("p/none", print, settings=wrong)
