"""Starting and ending runs without a network: modes, settings, context, misuse."""

from __future__ import annotations

import argparse
import copy
import pickle
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import anyio
import anyio.lowlevel
import msgspec
import pytest
from run_journals import bodies, user_rows

import asyncwb.sync
from asyncwb import jsonx
from asyncwb.errors import (
    AuthenticationError,
    ClosedError,
    ConfigError,
    ForkedError,
    InvalidValueError,
    UsageError,
)
from asyncwb.journal.records import (
    AlertRecord,
    ConfigRecord,
    EnvironmentRecord,
    ExitRecord,
    HeaderRecord,
    PreemptingRecord,
    RunRecord,
    TelemetryRecord,
)
from asyncwb.run import Run, current_run, init
from asyncwb.run.context import live_runs
from asyncwb.run.exit import EXIT_WATCH
from asyncwb.settings import resolve
from asyncwb.version import VERSION


def of(run: Run, kind: type[Any]) -> list[Any]:
    return [body for body in bodies(run.status().journal) if isinstance(body, kind)]


OFFLINE = """
import asyncio, sys
from asyncwb.portal import PORTAL
from asyncwb.run import init
async def main():
    run = await init("p", mode="offline")
    await run.log({"a": 1})
    await run.log({"a": 2, "text": "t"}, commit=False)
    await run.log({"b": 0.5})
    await run.flush()
    await run.finish()
    assert run.status().state == "finished" and run.url is None
asyncio.run(main())
assert not PORTAL.started
assert not {"httpx", "asyncwb.media.base"} & set(sys.modules)
"""


def test_offline_needs_no_loop_and_no_module_of_network_or_media() -> None:
    # In a process of its own: in this one another test's server may keep the loop.
    subprocess.run([sys.executable, "-W", "error", "-c", OFFLINE], check=True)


async def test_the_journal_begins_as_readers_expect() -> None:
    run = await init(
        "proj",
        "ent",
        mode="offline",
        id="tiny0001",
        name="display",
        notes="text",
        tags=["a", "b"],
        group="g",
        job_type="train",
        config={"lr": 0.1, "nest": {"x": 1}},
    )
    await run.log({"a": 1})
    await run.finish(exit_code=3)
    written = bodies(run.status().journal)
    assert [type(body) for body in written[:4]] == [
        HeaderRecord,
        RunRecord,
        TelemetryRecord,
        EnvironmentRecord,
    ]
    assert written[0].version_info.producer == f"asyncwb-{VERSION}"
    record = written[1]
    assert (record.run_id, record.entity, record.project) == ("tiny0001", "ent", "proj")
    assert (record.display_name, record.notes, record.tags) == ("display", "text", ["a", "b"])
    assert (record.run_group, record.job_type) == ("g", "train")
    assert record.start_time.unix == pytest.approx(run.start_time, abs=1e-5)
    assert {i.key: jsonx.decode(i.value_json) for i in record.config.update} == {
        "lr": 0.1,
        "nest": {"x": 1},
        "_wandb": {},
    }
    # Without telemetry a server does not count the run as started, and it cannot be resumed.
    assert written[2].cli_version
    assert isinstance(written[-1], ExitRecord)
    assert written[-1].exit_code == 3
    assert Path(run.status().journal or "").name == "run-tiny0001.wandb"


async def test_attributes() -> None:
    run = await init("proj", "ent", mode="offline", id="r1", group="g", job_type="j", tags="one")
    assert (run.id, run.notes, run.tags) == ("r1", None, ("one",))
    assert (run.entity, run.project, run.path) == ("ent", "proj", "ent/proj/r1")
    assert (run.group, run.job_type, run.mode) == ("g", "j", "offline")
    assert (run.resumed, run.step, run.starting_step, run.sweep_id) == (False, 0, 0, None)
    assert abs(run.start_time - time.time()) < 60
    assert Path(run.dir).is_dir()
    assert run.settings.run_id == "r1"
    assert "ent/proj/r1" in repr(run)
    await run.finish()


async def test_setters_write_through() -> None:
    run = await init("p", mode="offline")
    run.name, run.notes, run.tags = "n", "text", ["x", "y", "x"]
    assert (run.name, run.notes, run.tags) == ("n", "text", ("x", "y"))
    with pytest.raises(InvalidValueError):
        run.name = 3  # type: ignore[assignment]
    for bad in (["x" * 65], [""], [3]):
        with pytest.raises(InvalidValueError):
            run.tags = bad  # type: ignore[assignment]
    await run.finish()
    updates = of(run, RunRecord)[1:]
    assert [(r.display_name, r.notes, r.tags) for r in updates] == [
        ("n", "", []),
        ("", "text", []),
        ("", "", ["x", "y"]),
    ]
    with pytest.raises(ClosedError):
        run.name = "late"


async def test_labels_can_be_emptied_and_set_again() -> None:
    run = await init("p", mode="offline", id="theid", name="n", notes="text", tags=["x"])
    run.tags += ("y",)
    assert run.tags == ("x", "y")
    run.tags = ()
    run.notes = ""
    run.name = ""
    assert (run.name, run.notes, run.tags) == ("theid", "", ())
    run.tags, run.notes, run.name = None, None, None  # type: ignore[assignment]
    run.notes = "again"
    await run.finish()
    updates = of(run, RunRecord)[1:]
    assert [(r.display_name, r.notes, r.tags, r.emptied) for r in updates] == [
        ("", "", ["x", "y"], []),
        ("", "", [], ["tags"]),
        ("", "", [], ["notes"]),
        ("theid", "", [], []),
        ("", "", [], ["tags"]),
        ("", "", [], ["notes"]),
        ("theid", "", [], []),
        ("", "again", [], []),
    ]


async def test_config_changes_are_records() -> None:
    run = await init("p", mode="offline", config={"a": 1}, allow_val_change=False)
    run.config["b"] = {"c": 2}
    with pytest.raises(ConfigError):
        run.config["a"] = 2
    await run.finish()
    (record,) = of(run, ConfigRecord)
    assert [(i.key, i.value_json) for i in record.update] == [("b", '{"c":2}')]


async def test_alert_and_preempting_are_records() -> None:
    run = await init("p", mode="offline")
    await run.alert("t", "x", level="warn", wait_duration=300)
    run.mark_preempting()
    for bad in ({"level": "loud"}, {"wait_duration": -1}):
        with pytest.raises(InvalidValueError):
            await run.alert("t", "x", **bad)  # type: ignore[arg-type]
    await run.finish()
    (alert,) = of(run, AlertRecord)
    assert (alert.title, alert.text, alert.level, alert.wait_duration) == ("t", "x", "WARN", 300000)
    assert len(of(run, PreemptingRecord)) == 1


async def test_config_sources_and_filters() -> None:
    given = argparse.Namespace(lr=1, secret=2)
    run = await init("p", mode="offline", config=given, config_exclude_keys=["secret"])
    assert run.config.as_dict() == {"lr": 1}
    await run.finish()
    run = await init("p", mode="offline", config={"lr": 1, "x": 2}, config_include_keys=["lr"])
    assert run.config.as_dict() == {"lr": 1}
    await run.finish()
    with pytest.raises(InvalidValueError, match="not both"):
        init(config={}, config_include_keys=["a"], config_exclude_keys=["b"])
    with pytest.raises(ConfigError):
        await init("p", mode="offline", config="config.yaml")
    assert live_runs() == []


async def test_the_environment_and_settings_are_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.setenv("WANDB_PROJECT", "from-env")
    monkeypatch.setenv("WANDB_RUN_ID", "envid")
    run = await init(settings={"run_name": "from-settings"})
    assert (run.project, run.id, run.name) == ("from-env", "envid", "from-settings")
    await run.finish()
    fixed = msgspec.structs.replace(resolve({"mode": "offline"}), project="fixed")
    run = await init(settings=fixed, id="kw")
    assert (run.project, run.id) == ("fixed", "kw")
    await run.finish()


@pytest.mark.parametrize(
    "arguments",
    [
        {"id": "a/b"},
        {"project": "a:b"},
        {"tags": ["x" * 65]},
        {"mode": "sideways"},
        {"reinit": "often"},
        {"settings": 3},
        {"settings": {"no_such_setting": 1}},
    ],
)
async def test_bad_arguments_leave_nothing_behind(arguments: dict[str, Any]) -> None:
    with pytest.raises(InvalidValueError):
        await init(**{"mode": "offline", **arguments})
    assert live_runs() == []
    assert not Path("wandb").exists()


async def test_online_without_a_key_says_where_keys_come_from() -> None:
    with pytest.raises(AuthenticationError, match="WANDB_API_KEY"):
        await init("p", settings={"base_url": "http://127.0.0.1:9"})
    assert not Path("wandb").exists()
    assert live_runs() == []


async def test_disabled_runs_have_the_real_types_and_write_nothing() -> None:
    async with init("p", mode="disabled", config={"a": 1}) as run:
        await run.log({"x": 1.5})
        run.summary["best"] = 2
        run.config["b"] = 2
        assert run.step == 1
        assert run.summary["x"] == 1.5
        with pytest.raises(InvalidValueError):
            await run.log({"x": object()})
        await run.flush()
    assert run.status().state == "finished"
    assert run.status().journal is None
    assert not Path("wandb").exists()


async def test_an_exception_in_the_block_marks_the_run_failed() -> None:
    with pytest.raises(KeyError):
        async with init("p", mode="offline") as run:
            raise KeyError("x")
    (end,) = of(run, ExitRecord)
    assert end.exit_code == 1
    async with init("p", mode="offline") as run:
        await run.log({"a": 1}, commit=False)
    assert of(run, ExitRecord)[0].exit_code == 0
    assert user_rows(run.status().journal) == [{"_step": 0, "a": 1}]


async def test_runs_refuse_copies() -> None:
    run = await init("p", mode="offline")
    for attempt in (copy.copy, copy.deepcopy, pickle.dumps):
        with pytest.raises(UsageError, match="pickled or copied"):
            attempt(run)
    await run.finish()


async def test_bad_exit_codes_are_refused() -> None:
    run = await init("p", mode="offline")
    for bad in (True, "1", 1.0):
        with pytest.raises(InvalidValueError):
            await run.finish(exit_code=bad)  # type: ignore[arg-type]
    await run.finish()


async def test_the_current_run_is_that_of_the_task() -> None:
    assert current_run() is None
    seen: dict[int, bool] = {}
    outer = await init("p", mode="offline")

    async def work(task: int) -> None:
        assert current_run() is outer
        run = await init("p", mode="offline", id=f"task{task}")
        await anyio.lowlevel.checkpoint()
        seen[task] = current_run() is run
        await run.finish()
        assert current_run() is outer

    async with anyio.create_task_group() as group:
        for task in range(20):
            group.start_soon(work, task)
    assert all(seen.values())
    assert len(seen) == 20
    assert current_run() is outer
    await outer.finish()
    assert current_run() is None


async def test_a_plain_thread_sees_the_newest_live_run() -> None:
    found: list[Run | None] = []

    def look() -> None:
        thread = threading.Thread(target=lambda: found.append(current_run()))
        thread.start()
        thread.join()

    look()
    first = await init("p", mode="offline")
    second = await init("p", mode="offline")
    look()
    await second.finish()
    look()
    await first.finish()
    look()
    assert found == [None, second, first, None]


@pytest.mark.parametrize("name", [False, "return_previous"])
async def test_return_previous(name: Any) -> None:
    first = await init("p", mode="offline", reinit=name)
    assert await init("other", mode="offline", reinit=name) is first
    await first.finish()
    second = await init("p", mode="offline", reinit=name)
    assert second is not first
    await second.finish()


@pytest.mark.parametrize("name", [True, "finish_previous"])
async def test_finish_previous(name: Any) -> None:
    first = await init("p", mode="offline")
    second = await init("p", mode="offline", reinit=name)
    assert first.status().state == "finished"
    assert second.status().state == "running"
    await second.finish()


async def test_awaiting_twice_gives_one_run() -> None:
    starting = init("p", mode="offline")
    run = await starting
    assert await starting is run
    await run.finish()


async def test_an_unwritable_folder_keeps_the_run_in_memory(
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("WANDB_SILENT", "false")
    blocked = tmp_path / "file"
    blocked.write_text("")
    run = await init("p", mode="offline", dir=str(blocked))
    for n in range(10):
        await run.log({"n": n})
    assert run.summary["n"] == 9
    assert run.status().journal is None
    warnings = [record for record in caplog.records if record.levelname == "WARNING"]
    assert len(warnings) == 1
    await run.finish()
    last = capsys.readouterr().err.splitlines()[-1]
    # Nothing could be sent later, so nothing may say that it could.
    assert "could not be written" in last
    assert "is lost" in last
    assert "asyncwb sync" not in last


async def test_the_hooks_of_the_interpreter_are_put_back() -> None:
    before = sys.excepthook, sys.exit
    run = await init("p", mode="offline")
    assert sys.excepthook != before[0]
    await run.finish()
    assert (sys.excepthook, sys.exit) == before


async def test_a_hook_that_somebody_wrapped_passes_on_and_makes_no_circle(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seen: list[object] = []
    monkeypatch.setattr(sys, "excepthook", lambda *args: seen.append(args))
    first = await init("p", mode="offline")
    ours = sys.excepthook
    monkeypatch.setattr(sys, "excepthook", lambda *args: ours(*args))
    await first.finish()
    second = await init("p", mode="offline")
    error = ValueError("no")
    sys.excepthook(ValueError, error, None)
    assert seen == [(ValueError, error, None)]
    assert EXIT_WATCH.exit_code == 1
    await second.finish()


async def test_a_run_left_to_the_parent_refuses_everything() -> None:
    run = await init("p", mode="offline")
    await run.log({"a": 1})
    # What the hook of os.fork does in a child; real forks are tested in processes of their own.
    core = run._core
    journal = run.status().journal
    core.end(run, 0)
    run._leave_to_parent()
    for use in (run.log({"a": 1}), run.flush(), run.finish(), run.alert("t", "x")):
        with pytest.raises(ForkedError, match="parent"):
            await use
    with pytest.raises(ForkedError):
        run.config["x"] = 1
    with pytest.raises(ForkedError):
        run.summary["x"] = 1
    assert user_rows(journal) == [{"_step": 0, "a": 1}]


def test_the_version_is_that_of_the_installation() -> None:
    from importlib.metadata import version

    assert version("asyncwb") == VERSION


def test_rows_without_a_place_are_counted(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "wandb").write_text("a file where the folder should be")
    run = asyncwb.sync.init(
        mode="offline", dir=tmp_path, settings={"memory_limit_bytes": 10_000, "silent": True}
    )
    for i in range(1_000):
        run.log({"i": i, "text": "x" * 50})
    status = run.status()
    assert status.journal is None
    assert status.rows == 1_000
    assert 0 < status.rows_lost < 1_000
    run.finish()
    assert "lost" in caplog.text
