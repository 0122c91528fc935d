"""Sweeps: the unmodified wandb package on the embedded server, and beside asyncwb."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

import asyncwb
from asyncwb.portal import PORTAL
from asyncwb.settings import resolve
from asyncwb.sweeps.command import prepare
from asyncwb.sweeps.path import SweepPath, sweep_path
from asyncwb.sweeps.service import Service

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from asyncwb.testing import LocalServer

pytest.importorskip("wandb")
pytestmark = [pytest.mark.interop, pytest.mark.timeout(180)]

START = """
import json, sys
import wandb
from wandb.agents import pyagent
pyagent.Agent.HEARTBEAT_SLEEP_SECONDS = 0.1  # for tests, as its comment says; else 5 s for each run
def result(value): print("RESULT " + json.dumps(value))
seen = []
def train():
    with wandb.init(config={"lr": 77, "own": 1}) as run:
        run.config.update({"lr": 78})
        seen.append([dict(run.config), run.sweep_id, run.id])
        run.log({"loss": (run.config["lr"] - 0.3) ** 2})
"""
SPACE = {"lr": {"min": 0.0, "max": 1.0}, "opt": {"parameters": {"name": {"value": "sgd"}}}}
TRAIN = """
import sys, wandb
with wandb.init(config={"lr": 9}) as run:
    open(f"args-{run.id}", "w").write(repr(sys.argv[1:]))
    run.log({"loss": run.config["lr"]})
"""


@pytest.mark.parametrize(
    ("method", "space", "runs"),
    [
        ("grid", {"lr": {"values": [0.1, 0.2]}, "wd": {"min": 1, "max": 2}}, 4),
        ("random", SPACE, 3),
        ("bayes", SPACE, 10),
    ],
)
def test_wandb_sweep_and_agent(sdk: Callable[..., Any], method: str, space: Any, runs: int) -> None:
    config = {
        "method": method, "metric": {"name": "loss", "goal": "minimize"}, "parameters": space,
        "run_cap": runs, "name": "a name",
    }  # fmt: skip
    found = sdk(
        START
        + f"""
sweep_id = wandb.sweep({config!r}, project="sw-{method}")
wandb.agent(sweep_id, train, count={runs if method != "grid" else None})
sweep = wandb.Api().sweep("sw-{method}/" + sweep_id)
best = sweep.best_run()
result(dict(
    id=sweep_id, seen=seen, state=sweep.state, config=sweep.config, order=sweep.order,
    expected=sweep.expected_run_count, name=sweep.name, best=[best.id, best.summary["loss"]],
    best_loss=sweep.best_loss, count=sweep.run_count, method=sweep.method,
    runs=[[run.id, run.state, run.config, run.sweep_name] for run in sweep.runs],
    agents=[[a.state, a.total_runs, [r.id for r in a.runs()]] for a in sweep.agents()],
    total=len(wandb.Api().project("sw-{method}").sweeps()),
))
""",
        WANDB_ENTITY="local",
    )
    assert [sweep for _, sweep, _ in found["seen"]] == [found["id"]] * runs
    assert (found["state"], found["expected"], found["count"]) == ("FINISHED", runs, runs)
    assert (found["name"], found["method"], found["total"]) == ("a name", method, 1)
    assert found["order"] == "+summary_metrics.loss"
    assert found["config"]["method"] == method
    assert found["agents"] == [["RUNNING", runs, [run for _, _, run in found["seen"]]]]
    # What the script saw is what the server has, and the sweep's values won over the script's.
    assert found["runs"] == [
        [run, "finished", config, found["id"]] for config, _, run in found["seen"]
    ]
    values = [run_config["lr"] for run_config, *_ in found["seen"]]
    assert all(0 <= value <= 1 for value in values)
    assert all(run_config["own"] == 1 for run_config, *_ in found["seen"])
    losses = {run: (c["lr"] - 0.3) ** 2 for c, _, run in found["seen"]}
    assert found["best"][1] == found["best_loss"] == pytest.approx(min(losses.values()))
    assert losses[found["best"][0]] == pytest.approx(min(losses.values()))
    if method == "grid":
        points = [(c["lr"], c["wd"]) for c, *_ in found["seen"]]
        assert sorted(points) == [(0.1, 1), (0.1, 2), (0.2, 1), (0.2, 2)]
    else:
        assert len(set(values)) == runs
        assert all(run_config["opt"] == {"name": "sgd"} for run_config, *_ in found["seen"])


def wandb_command(server: LocalServer, folder: Path, *arguments: str) -> str:
    """Run a command of the wandb package; its agent asks ten times a second in place of 0.2."""
    script = (
        "import sys; from wandb import wandb_agent; wandb_agent.Agent.POLL_INTERVAL = 0.1; "
        "from wandb.cli.cli import cli; cli()"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, *arguments], cwd=folder, check=False,
        capture_output=True, text=True, timeout=150,
        env={
            **server.env, "HOME": str(folder), "WANDB_ERROR_REPORTING": "false",
            "PATH": os.pathsep.join((os.path.dirname(sys.executable), "/usr/bin", "/bin")),
        },
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-4000:]
    return done.stdout + done.stderr


def test_the_wandb_commands(server: LocalServer, tmp_path: Path) -> None:
    settings = resolve(server.settings, environ={})
    (tmp_path / "train.py").write_text(TRAIN)
    (tmp_path / "sweep.yaml").write_text(
        "program: train.py\nmethod: grid\nmetric: {name: loss}\n"
        "parameters: {lr: {values: [0.1, 0.2]}, flag: {value: true}}\n"
        "command: ['${env}', '${interpreter}', '${program}', '${args_no_boolean_flags}', tail]\n"
    )
    said = wandb_command(server, tmp_path, "sweep", "-p", "cmd", "-e", "local", "sweep.yaml")
    path = said.split("wandb agent ")[1].split()[0]

    def state() -> str:
        where = sweep_path(path, None, None, settings)
        return PORTAL.call(Service(settings).find, where).state

    wandb_command(server, tmp_path, "agent", "--count", "1", path)
    assert state() == "RUNNING"
    for flag, expected in (("--pause", "PAUSED"), ("--resume", "RUNNING")):
        wandb_command(server, tmp_path, "sweep", flag, path)
        assert state() == expected
    wandb_command(server, tmp_path, "agent", path)
    assert state() == "FINISHED"
    given = sorted(file.read_text() for file in tmp_path.glob("args-*"))
    assert given == [f"['--flag', '--lr={lr}', 'tail']" for lr in (0.1, 0.2)]

    for flag, expected in (("--stop", "FINISHED"), ("--cancel", "CANCELED")):
        said = wandb_command(server, tmp_path, "sweep", "-p", "cmd", "-e", "local", "sweep.yaml")
        path = said.split("wandb agent ")[1].split()[0]
        wandb_command(server, tmp_path, "sweep", flag, path)
        assert state() == expected
        wandb_command(server, tmp_path, "agent", path)  # is told to exit
    assert len(list(tmp_path.glob("args-*"))) == 2


async def test_our_agent_on_their_sweep(server: LocalServer, sdk: Callable[..., Any]) -> None:
    config = {
        "method": "grid", "metric": {"name": "loss", "goal": "minimize"},
        "parameters": {
            "lr": {"values": [0.1, 0.2]}, "deep": {"parameters": {"x": {"value": None}}},
        },
    }  # fmt: skip
    script = START + f"result(wandb.sweep({config!r}, project='mixed', prior_runs=None))"
    theirs = sdk(script, WANDB_ENTITY="local")
    seen: list[Any] = []

    async def train() -> None:
        async with asyncwb.init() as run:
            seen.append(run.config.as_dict())
            await run.log({"loss": run.config["lr"]})

    result = await asyncwb.agent(f"local/mixed/{theirs}", train, settings=server.settings)
    assert (result.finished, result.ended_by) == (2, "sweep")
    assert seen == [{"lr": lr, "deep": {"x": None}} for lr in (0.1, 0.2)]
    read = sdk(
        START
        + f"""
sweep = wandb.Api().sweep("local/mixed/{theirs}")
result([sweep.state, sorted(([r.config, r.sweep_name] for r in sweep.runs), key=str)])
"""
    )
    assert read == ["FINISHED", [[values, theirs] for values in seen]]


async def test_their_agent_on_our_sweep(server: LocalServer, sdk: Callable[..., Any]) -> None:
    config = {
        "method": "grid", "parameters": {"lr": {"values": [0.1, 0.2]}, "n": {"min": 3, "max": 3}},
        "metric": {"name": "loss", "goal": "minimize"}, "description": "words: and \"more\"",
    }  # fmt: skip
    ours = await asyncwb.sweep(config, project="mixed", settings=server.settings)
    found = sdk(
        START
        + f"""
import yaml
wandb.agent("{ours}", train, project="mixed", entity="local", count=2)
api = wandb.Api()
theirs = wandb.sweep({config!r}, project="mixed", entity="local")
result(dict(
    seen=seen, both=[api.sweep(f"local/mixed/{{s}}").config for s in ("{ours}", theirs)],
    descriptions=[api.sweep(f"local/mixed/{{s}}").description for s in ("{ours}", theirs)],
))
"""
    )
    assert [(c["lr"], c["n"], sweep) for c, sweep, _ in found["seen"]] == [
        (0.1, 3, str(ours)), (0.2, 3, str(ours)),
    ]  # fmt: skip
    # The same call of both packages makes the same sweep.
    assert found["both"][0] == found["both"][1]
    assert found["descriptions"] == ['words: and "more"'] * 2


def test_words_of_a_command_are_those_of_the_package(sdk: Callable[..., Any]) -> None:
    values = {"lr": 0.1, "n": None, "on": True, "off": False, "t": "a b", "d": {"x": [1, "y"]}}
    command = {"args": {key: {"value": value} for key, value in values.items()}}
    theirs = sdk(
        START
        + f"""
from wandb.sdk.launch.sweeps.utils import create_sweep_command_args, create_sweep_command
words = create_sweep_command_args({command!r})
words["envvar"] = create_sweep_command(["a-${{envvar:HOME}}-${{envvar:NOT_SET}}"])
result(words)
"""
    )
    dicts = theirs.pop("args_dict")
    envvar = theirs.pop("envvar")
    assert dicts == values
    for name, expected in theirs.items():
        found = prepare(
            [f"${{{name}}}"], program="p", run_id="r", parameters=values, resumed=False,
            path=SweepPath("e", "p", "s"), settings=resolve(environ={}),
        ).command  # fmt: skip
        if name == "args_json":  # the text may be laid out differently
            found, expected = [[json.loads(text) for text in texts] for texts in (found, expected)]
        assert found == expected, name
    assert envvar[0].endswith("-NOT_SET")


async def test_our_agent_runs_their_program(
    server: LocalServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sdk: Callable[..., Any]
) -> None:
    """The environment that we give a program is the one that the package expects."""
    (tmp_path / "train.py").write_text(TRAIN)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WANDB_ERROR_REPORTING", "false")
    config = {
        "method": "grid", "program": "train.py", "parameters": {"lr": {"values": [0.5]}},
        "command": [sys.executable, "${program}", "${args}"],
    }  # fmt: skip
    sweep_id = await asyncwb.sweep(config, project="programs", settings=server.settings)
    result = await asyncwb.agent(sweep_id, settings=server.settings)
    assert (result.finished, result.failed) == (1, 0)
    read = sdk(
        START
        + f"""
sweep = wandb.Api().sweep("local/programs/{sweep_id}")
result([[r.config, r.sweep_name, r.state, r.summary["loss"]] for r in sweep.runs])
"""
    )
    assert read == [[{"lr": 0.5}, str(sweep_id), "finished", 0.5]]


def test_hyperband_stops_a_run_of_their_agent(sdk: Callable[..., Any]) -> None:
    config = {
        "method": "grid", "metric": {"name": "loss", "goal": "minimize"},
        "parameters": {"level": {"values": [1, 100]}},
        "early_terminate": {"type": "hyperband", "min_iter": 3},
    }  # fmt: skip
    found = sdk(
        START
        + f"""
import time
ends = []
def level():
    with wandb.init(settings=wandb.Settings(x_file_stream_transmit_interval=0.2)) as run:
        for step in range(600):
            run.log({{"loss": run.config["level"]}})
            if run.config["level"] == 1 and step == 10: break
            time.sleep(0.1)
        ends.append(run.config["level"])
sweep_id = wandb.sweep({config!r}, project="hyper", entity="local")
wandb.agent(sweep_id, level, project="hyper", entity="local")
sweep = wandb.Api().sweep("local/hyper/" + sweep_id)
result([ends, sweep.state, sorted([r.config["level"], r.state] for r in sweep.runs)])
"""
    )
    assert found[0] == [1]  # the other one never came to its end
    assert found[1:] == ["FINISHED", [[1, "finished"], [100, "failed"]]]
