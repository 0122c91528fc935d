"""The arguments of `init`: names, branches, what a second start does, telemetry."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from run_journals import bodies, user_rows

import asyncwb.sync
from asyncwb import jsonx
from asyncwb.errors import DeadlineError, InvalidValueError, UsageError
from asyncwb.journal.records import RunRecord, TelemetryRecord
from asyncwb.run import Run, init
from asyncwb.run.context import live_runs
from asyncwb.settings import resolve

READABLE = re.compile(r"[a-z]+-[a-z]+-[0-9]+")


def of(run: Run, kind: type[Any]) -> list[Any]:
    return [body for body in bodies(run.status().journal) if isinstance(body, kind)]


async def test_an_offline_run_has_a_readable_name_for_good() -> None:
    async with init("p", mode="offline", id="same") as run:
        assert READABLE.fullmatch(run.name or "")
        assert of(run, RunRecord)[0].display_name == run.name
    async with init("p", mode="offline", id="same") as again:
        assert again.name == run.name
    async with init("p", mode="offline", id="other") as other:
        assert other.name != run.name
    async with init("p", mode="offline", name="given") as named:
        assert named.name == "given"
    async with init("p", mode="disabled") as disabled:
        assert READABLE.fullmatch(disabled.name or "")


@pytest.mark.parametrize(
    "arguments", [{"id": "r", "resume": "allow"}, {"resume_from": "r?_step=3"}]
)
async def test_a_run_that_goes_on_keeps_the_name_it_has(arguments: dict[str, Any]) -> None:
    async with init("p", mode="offline", **arguments) as run:
        assert run.name is None
    assert of(run, RunRecord)[0].display_name == ""


@pytest.mark.parametrize(("argument", "run_id"), [("fork_from", None), ("resume_from", "old")])
async def test_branches_go_through_the_journal(argument: str, run_id: str | None) -> None:
    async with init("p", mode="offline", **{argument: "old?_step=4"}) as run:
        assert (run.starting_step, run.step, run.resumed) == (5, 5, False)
        assert run.id == run_id or (run_id is None and run.id != "old")
        await run.log({"x": 1})
    record = of(run, RunRecord)[0]
    point = record.branch_point
    assert (point.run, point.value, point.metric) == ("old", 4.0, "_step")
    assert record.starting_step == 5
    reserved = next(item for item in record.config.update if item.key == "_wandb")
    assert jsonx.decode(reserved.value_json) == {"branch_point": {"run_id": "old", "step": 4}}
    assert user_rows(run.status().journal) == [{"_step": 5, "x": 1}]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"fork_from": "old"}, "RUN\\?_step=N"),
        ({"fork_from": "old?loss=1"}, "RUN\\?_step=N"),
        ({"resume_from": "old?_step=-1"}, "RUN\\?_step=N"),
        ({"resume_from": "old?_step=1.5"}, "RUN\\?_step=N"),
        ({"fork_from": "?_step=1"}, "cannot be empty"),
        ({"fork_from": "a/b?_step=1"}, "contains '/'"),
        ({"fork_from": "old?_step=1", "id": "old"}, "leave out the id"),
        ({"resume_from": "old?_step=1", "id": "new"}, "leave out the id"),
        ({"fork_from": "old?_step=1", "resume": "allow"}, "exclude each other"),
        ({"fork_from": "old?_step=1", "resume_from": "old?_step=1"}, "exclude each other"),
        ({"reinit": "often"}, "reinit: one of 'create_new'"),
    ],
)
async def test_what_cannot_be_is_refused(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidValueError, match=message) as caught:
        await init("p", mode="offline", **arguments)
    assert isinstance(caught.value, UsageError)
    assert not Path("wandb").exists()


async def test_branches_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WANDB_FORK_FROM", "old?_step=0")
    async with init("p", mode="offline") as run:
        assert run.starting_step == 1


async def test_a_second_start(monkeypatch: pytest.MonkeyPatch) -> None:
    first = await init("p", mode="offline")
    beside = await init("p", mode="offline")
    assert beside is not first
    await beside.finish()
    assert await init("p", mode="offline", reinit="default") is first
    assert await init("p", mode="offline", settings={"reinit": "return_previous"}) is first
    monkeypatch.setenv("WANDB_REINIT", "false")
    assert await init("p", mode="offline") is first
    with pytest.raises(UsageError, match="finish it first"):
        await init("p", mode="offline", id="x", resume="must")
    with pytest.raises(InvalidValueError):
        await init("p", mode="offline", reinit="often")  # type: ignore[arg-type]
    # In a notebook a cell is run again and again.
    ipython = ModuleType("IPython")
    ipython.get_ipython = lambda: SimpleNamespace(kernel=1)  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "IPython", ipython)
    second = await init("p", mode="offline", reinit="default")
    assert first.status().state == "finished"
    await second.finish()
    assert live_runs() == []


def test_a_second_start_of_the_blocking_face(monkeypatch: pytest.MonkeyPatch) -> None:
    first = asyncwb.sync.init("p", mode="offline")
    assert asyncwb.sync.init("p", mode="offline", reinit="default") == first
    monkeypatch.setenv("WANDB_REINIT", "finish_previous")
    second = asyncwb.sync.init("p", mode="offline")
    assert second != first
    assert first.status().state == "finished"
    second.finish()


async def test_force_wants_a_server() -> None:
    unreachable = {"base_url": "http://127.0.0.1:9", "api_key": "x" * 40, "init_timeout": 0.05}
    with pytest.raises(DeadlineError, match="did not answer"):
        await init("p", settings=unreachable, force=True)
    assert live_runs() == []
    assert not list(Path("wandb").glob("run-*"))


async def test_anonymous_is_accepted_with_one_warning(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("WANDB_SILENT", "false")
    async with init("p", mode="offline", anonymous="must"):
        pass
    assert capsys.readouterr().err.count("anonymous has no effect") == 1


async def test_telemetry_says_what_is_used() -> None:
    async with init("p", mode="offline", config={"a": 1}, tags=["t"], name="n", id="i") as run:
        first = of(run, TelemetryRecord)
        assert [record.feature for record in first] == [[4, 13, 14, 15, 16]]
        run.name = "other"
    last = of(run, TelemetryRecord)[-1]
    assert last.feature == [2, 4, 13, 14, 15, 16, 17]
    assert last.python_version == ".".join(map(str, sys.version_info[:3]))
    async with init("p", mode="offline", fork_from="a?_step=1") as forked:
        pass
    assert of(forked, TelemetryRecord)[-1].feature == [2, 4, 71]
    async with init("p", mode="offline", resume_from="a?_step=1") as rewound:
        pass
    assert of(rewound, TelemetryRecord)[-1].feature == [2, 4, 72]


async def test_libraries_are_those_that_are_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("torch", "jax", "sklearn", "transformers"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    monkeypatch.setitem(sys.modules, "torch", ModuleType("torch"))
    run = await init("p", mode="offline")
    transformers = ModuleType("transformers")
    transformers.__version__ = "4.1"  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "transformers", transformers)
    await run.finish()
    first, last = of(run, TelemetryRecord)
    # Numbers of the protocol: 1 torch, 11 transformers, 12 jax, 5 sklearn.
    assert {1, 5, 11, 12} & set(first.imports_init) == {1}
    assert {1, 5, 11, 12} & set(last.imports_finish) == {1, 11}
    assert last.imports_init == first.imports_init
    assert last.huggingface_version == "4.1"


async def test_settings_that_are_resolved_already(monkeypatch: pytest.MonkeyPatch) -> None:
    fixed = resolve({"mode": "offline", "reinit": "return_previous"})
    async with init("p", settings=fixed) as run:
        assert await init("p", settings=fixed) is run
        assert run.settings.reinit == "return_previous"
