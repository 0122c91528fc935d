"""The fixtures, in pytest sessions of their own."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

pytest_plugins = ["pytester"]

INI = """
[pytest]
asyncio_mode = auto
asyncio_default_fixture_loop_scope = function
filterwarnings = error
"""


def run(pytester: pytest.Pytester, code: str, *arguments: str) -> pytest.RunResult:
    pytester.makeini(INI)
    pytester.makepyfile(code)
    return pytester.runpytest_subprocess("-p", "no:randomly", "-p", "no:cacheprovider", *arguments)


def test_all_ways_to_log(pytester: pytest.Pytester) -> None:
    result = run(
        pytester,
        """
import os, subprocess, sys
import anyio, pytest
import asyncwb, asyncwb.sync

async def test_async(wb_run):
    assert wb_run.count == 0
    with pytest.raises(AssertionError, match="No run was logged"):
        wb_run.history()
    async with asyncwb.init(config={"lr": 0.5}, tags=["a"], name="n") as run:
        for step in range(3):
            await run.log({"loss": step})
        # live: rows are there without finish
        await run.log({"loss": 3})
        assert [row["loss"] for row in wb_run.history()][:3] == [0, 1, 2]
        assert wb_run.state == "running"
    assert [row["loss"] for row in wb_run.history()] == [0, 1, 2, 3]
    assert [row["_step"] for row in wb_run.history(["loss"])] == [0, 1, 2, 3]
    assert wb_run.config["lr"] == 0.5
    assert wb_run.summary["loss"] == 3
    assert (wb_run.state, wb_run.name, wb_run.tags) == ("finished", "n", ["a"])
    assert wb_run.id == run.id
    assert "wandb-metadata.json" in wb_run.files
    assert b"{" in wb_run.read("wandb-metadata.json")
    assert wb_run.count == 1

def test_sync(wb_run, wb_api, wb_env):
    assert wb_run.count == 0  # not the project of the test before
    with asyncwb.sync.init() as run:
        run.log({"x": 1})
    assert wb_run.history()[0]["x"] == 1
    assert wb_api.run(wb_run.path).summary["x"] == 1
    assert len(wb_api.runs()) == 1

async def test_api_of_an_async_test(wb_api, wb_run):
    async with asyncwb.init() as run:
        await run.log({"x": 1})
    assert (await wb_api.run(wb_run.path)).id == run.id

@pytest.mark.anyio
@pytest.mark.parametrize("anyio_backend", ["trio"])
def test_on_trio(wb_run, anyio_backend):
    async def main():
        async with asyncwb.init() as run:
            await run.log({"x": 1})
        assert wb_run.history()[0]["x"] == 1
    anyio.run(main, backend="trio")

def test_child_process(wb_run):
    code = "import asyncwb.sync as w; r = w.init(); r.log({'x': 5}); r.finish()"
    subprocess.run([sys.executable, "-c", code], check=True)
    assert wb_run.history()[0]["x"] == 5

def test_kill_the_server(wb_server):
    wb_server.kill()

def test_a_project_of_its_own(wb_run):
    with asyncwb.sync.init(project="named") as run:
        run.log({"x": 1})
    wb_run.project = "named"
    assert wb_run.history()[0]["x"] == 1

def test_forgotten_run(wb_run):
    run = asyncwb.sync.init()
    run.log({"x": 1})
    assert wb_run.summary["x"] == 1

def test_forgotten_runs_are_finished(wb_run):
    from asyncwb.run.context import live_runs
    assert live_runs() == []
""",
    )
    result.assert_outcomes(passed=9)


def test_the_environment_is_isolated_and_given_back(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WANDB_MODE", "disabled")
    monkeypatch.setenv("WANDB_PROJECT", "outside")
    result = run(
        pytester,
        """
import os
from pathlib import Path

def test_before():
    assert os.environ["WANDB_PROJECT"] == "outside"

def test_inside(wb_env, tmp_path, wb_server):
    assert "WANDB_MODE" not in os.environ
    assert os.environ["WANDB_PROJECT"] == wb_env["WANDB_PROJECT"] != "outside"
    assert os.environ["WANDB_BASE_URL"] == wb_server.url
    for name in ("WANDB_DIR", "WANDB_CONFIG_DIR", "WANDB_CACHE_DIR", "WANDB_DATA_DIR", "NETRC"):
        assert Path(os.environ[name]).is_relative_to(tmp_path)
    os.environ["WANDB_NOTES"] = "left by the test"

def test_after():
    assert os.environ["WANDB_PROJECT"] == "outside"
    assert os.environ["WANDB_MODE"] == "disabled"
    assert "WANDB_BASE_URL" not in os.environ
    assert "WANDB_NOTES" not in os.environ

class TestProjects:
    seen = set()
    def test_one(self, wb_env): self.seen.add(wb_env["WANDB_PROJECT"])
    def test_two(self, wb_env):
        self.seen.add(wb_env["WANDB_PROJECT"])
        assert len(self.seen) == 2
""",
    )
    result.assert_outcomes(passed=5)


@pytest.mark.interop
def test_the_wandb_package_logs_to_the_same_server(pytester: pytest.Pytester) -> None:
    pytest.importorskip("wandb")
    result = run(
        pytester,
        """
import wandb

def test_finished(wb_run):
    run = wandb.init(config={"lr": 0.5})
    run.log({"loss": 1.5})
    run.finish()
    assert wb_run.history()[0]["loss"] == 1.5
    assert wb_run.config["lr"] == 0.5

def test_left_open(wb_run):
    wandb.init()

def test_forgotten(wb_run):
    assert wandb.run is None
    with wandb.init() as run:
        run.log({"loss": 2.5})
    assert wb_run.count == 1
    assert wb_run.history()[0]["loss"] == 2.5
""",
        "-W",
        "default",
    )
    result.assert_outcomes(passed=3)


def test_every_xdist_worker_has_its_own_server(
    pytester: pytest.Pytester, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("xdist")
    monkeypatch.setenv("SEEN", str(tmp_path))
    result = run(
        pytester,
        """
import os
import pytest

@pytest.mark.parametrize("n", range(4))
def test_server(wb_server, n, worker_id):
    open(os.path.join(os.environ["SEEN"], f"{worker_id}-{wb_server.pid}"), "w").close()
    assert wb_server.running
""",
        "-n2",
        "--dist=each",
    )
    result.assert_outcomes(passed=8)
    seen = [path.name.split("-") for path in tmp_path.iterdir()]
    assert sorted(worker for worker, _ in seen) == ["gw0", "gw1"]
    assert len({pid for _, pid in seen}) == 2


def test_without_the_extra_it_says_what_to_install(pytester: pytest.Pytester) -> None:
    pytester.makeconftest("import sys\nsys.modules['granian'] = None\n")
    result = run(pytester, "def test_it(wb_run): pass\ndef test_other(): pass")
    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(["*pip install 'asyncwb[[]server]'*"])


def test_the_plugin_imports_nothing_that_costs() -> None:
    script = """
import sys
import pytest
before = set(sys.modules)
import asyncwb.pytest_plugin
print(sorted(set(sys.modules) - before))
"""
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.strip() == "['asyncwb', 'asyncwb.pytest_plugin', 'asyncwb.version']"


def test_the_fixtures_are_listed(pytester: pytest.Pytester) -> None:
    result = pytester.runpytest_subprocess("--fixtures", "-q")
    for name in ("wb_server", "wb_env", "wb_run", "wb_api"):
        result.stdout.fnmatch_lines([f"{name}*"])
