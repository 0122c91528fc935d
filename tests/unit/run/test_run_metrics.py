from __future__ import annotations

import gc
import math
import random
import threading
import weakref
from decimal import Decimal
from enum import Enum
from typing import Any

import numpy as np
import pytest
from run_journals import bodies, rows, user_rows

from asyncwb import jsonx
from asyncwb.errors import ClosedError, ForkedError, InvalidValueError
from asyncwb.journal.records import MetricRecord, SummaryRecord
from asyncwb.run import Run, init
from asyncwb.run.metrics import Metric


async def offline() -> Run:
    return await init("p", mode="offline")


async def finished(run: Run) -> list[dict[str, Any]]:
    await run.finish()
    return [
        {key: value for key, value in row.items() if key != "_step"}
        for row in user_rows(run.status().journal)
    ]


def own(run: Run) -> dict[str, Any]:
    return {key: value for key, value in run.summary.as_dict().items() if key[0] != "_"}


def records(run: Run) -> list[MetricRecord]:
    return [body for body in bodies(run.status().journal) if isinstance(body, MetricRecord)]


# -- the call -------------------------------------------------------------------------------


async def test_what_a_call_returns_and_records() -> None:
    run = await offline()
    epoch = run.define_metric("epoch")
    loss = run.define_metric("loss", step_metric=epoch, summary="Min, last", goal="MINIMIZE")
    assert epoch == Metric(name="epoch")
    assert loss == Metric(
        name="loss", step_metric="epoch", step_sync=True, summary=("min", "last"), goal="minimize"
    )
    run.define_metric("val/*", step_metric="epoch", step_sync=False, hidden=True)
    run.define_metric("loss", hidden=True)
    run.define_metric("loss", overwrite=True)
    await run.finish()
    first, second, third, *rest = records(run)
    assert first == MetricRecord(name="epoch", options=[3])
    assert second == MetricRecord(
        name="loss", step_metric="epoch", options=[1, 3], summary=[1, 5], goal=1
    )
    assert third == MetricRecord(glob_name="val/*", step_metric="epoch", options=[2, 3])
    assert [(r.step_metric, r.options, r.summary, r.goal) for r in rest] == [
        ("epoch", [1, 2, 3], [1, 5], 1),
        ("", [3], [], 0),
    ]
    assert all(r.control is not None and r.control.overwrite for r in rest)


async def test_false_takes_back_what_an_earlier_call_said() -> None:
    run = await offline()
    run.define_metric("l", step_metric="e", hidden=True)
    run.define_metric("l", step_sync=False, hidden=False)
    await run.log({"e": 1})
    await run.log({"l": 1})
    assert await finished(run) == [{"e": 1}, {"l": 1}]
    assert [(r.step_metric, r.options) for r in records(run)] == [("e", [1, 2, 3]), ("e", [3])]


@pytest.mark.parametrize(
    ("name", "arguments", "words"),
    [
        ("", {}, "name of a metric"),
        (None, {}, "name of a metric"),
        (3, {}, "name of a metric"),
        ("a*b", {}, "at its end"),
        ("*a*", {}, "at its end"),
        ("x", {"step_metric": 3}, "step_metric"),
        ("x", {"step_metric": ""}, "step_metric"),
        ("x", {"step_metric": "e*"}, "one metric"),
        ("x", {"step_sync": 1}, "step_sync"),
        ("x", {"hidden": "yes"}, "hidden"),
        ("x", {"overwrite": 0}, "overwrite"),
        ("x", {"summary": "avg"}, "avg"),
        ("x", {"summary": "min,"}, "''"),
        ("x", {"summary": 3}, "summary"),
        ("x", {"summary": ["min", 3]}, "3"),
        ("x", {"summary": {"min": True}}, "summary"),
        ("x", {"goal": "max"}, "goal"),
        ("x", {"goal": 1}, "goal"),
        ("x", {"summary": "best"}, "goal='minimize'"),
    ],
)
async def test_bad_arguments_change_nothing(name: Any, arguments: Any, words: str) -> None:
    run = await offline()
    with pytest.raises(InvalidValueError, match=words.replace("*", r"\*")):
        run.define_metric(name, **arguments)
    await run.log({"x": 1})
    assert own(run) == {"x": 1}
    await run.finish()
    assert records(run) == []
    with pytest.raises(ClosedError):
        run.define_metric("late")


async def test_the_goal_of_a_best_value_may_come_first() -> None:
    run = await offline()
    run.define_metric("acc", goal="maximize")
    run.define_metric("acc", summary=["best"])
    for value in (1, 3, 2):
        await run.log({"acc": value})
    assert own(run) == {"acc": {"best": 3}}
    await run.finish()


@pytest.mark.parametrize("defined", [False, True])
async def test_a_forked_child_is_told(defined: bool) -> None:
    run = await offline()
    if defined:
        run.define_metric("x", summary="min")
    run._core.end(run, 0)
    run._leave_to_parent()
    with pytest.raises(ForkedError):
        run.define_metric("y")


async def test_a_disabled_run_takes_it_too() -> None:
    run = await init("p", mode="disabled")
    run.define_metric("x", summary="min")
    await run.log({"x": 1})
    await run.finish()


# -- step values ----------------------------------------------------------------------------


async def test_rows_get_the_last_value_of_their_step_metric() -> None:
    run = await offline()
    run.define_metric("val/*", step_metric="epoch")
    given = {"val/x": 1}
    await run.log(given)
    await run.log({"epoch": 4})
    await run.log({"val/x": 2})
    await run.log({"val/y": 3, "epoch": 5})
    await run.log({"other": 1})
    await run.log({"val/x": 4})
    assert await finished(run) == [
        {"val/x": 1, "epoch": 0},
        {"epoch": 4},
        {"val/x": 2, "epoch": 4},
        {"val/y": 3, "epoch": 5},
        {"other": 1},
        {"val/x": 4, "epoch": 5},
    ]
    assert given == {"val/x": 1}


async def test_late_and_open_rows_get_it_when_they_are_written() -> None:
    run = await offline()
    run.define_metric("l", step_metric="e")
    await run.log({"l": 1}, step=5)
    await run.log({"e": 7}, step=5)
    await run.log({"l": 2}, step=10)
    await run.log({"l": 3}, step=2)
    await run.log({"l": 4}, commit=False)
    await run.finish()
    assert [(r["_step"], r["l"], r["e"]) for r in rows(run.status().journal)] == [
        (5, 1, 7),
        (2, 3, 7),
        (10, 4, 7),
    ]


async def test_dotted_names_mean_nested_values_as_they_were_logged() -> None:
    run = await offline()
    run.define_metric("a.*", step_metric="t.e")
    inner = {"f": 1}
    await run.log({"a": {"x": 1}})
    await run.log({"t": {"e": 3}})
    await run.log({"a": {"x": 2}, "t": inner})
    await run.log({"a.y": 1})
    # Under a key with a dot it is put in under one from now on.
    await run.log({"t.e": 8})
    await run.log({"a": {"x": 3}})
    assert await finished(run) == [
        {"a": {"x": 1}, "t": {"e": 0}},
        {"t": {"e": 3}},
        {"a": {"x": 2}, "t": {"f": 1, "e": 3}},
        {"a.y": 1, "t": {"e": 3}},
        {"t.e": 8},
        {"a": {"x": 3}, "t.e": 8},
    ]
    assert inner == {"f": 1}


async def test_a_step_value_never_takes_the_place_of_another_one() -> None:
    run = await offline()
    run.define_metric("l", step_metric="t.e")
    run.define_metric("m", step_metric="n")
    await run.log({"l": 1, "t": 5})
    await run.log({"m": 1, "n": {"x": 1}})
    assert await finished(run) == [{"l": 1, "t": 5}, {"m": 1, "n": {"x": 1}}]


async def test_only_numbers_are_step_values_whoever_made_them() -> None:
    run = await offline()
    run.define_metric("l", step_metric="e")
    for value in (np.float32(0.5), "text", True, None, [1]):
        await run.log({"e": value})
        await run.log({"l": np.int64(1)})
    found = await finished(run)
    assert [row["e"] for row in found if "l" in row] == [0.5] * 5


async def test_a_value_logged_before_the_definition_counts() -> None:
    run = await offline()
    await run.log({"e": 4, "n": {"e": 6}})
    run.define_metric("l", step_metric="e")
    run.define_metric("m", step_metric="n.e")
    run.define_metric("e", summary="max")
    await run.log({"l": 1, "m": 1})
    assert (await finished(run))[1] == {"l": 1, "m": 1, "e": 4, "n": {"e": 6}}


async def test_the_runs_own_values_are_never_put_in() -> None:
    run = await offline()
    run.define_metric("*", step_metric="_timestamp")
    run.define_metric("l", step_metric="_step")
    await run.log({"x": 1, "_timestamp": 5.0})
    await run.log({"l": 1})
    await run.finish()
    first, second = rows(run.status().journal)
    assert first["_timestamp"] == 5
    assert second["_timestamp"] > 5


async def test_a_bad_row_changes_nothing() -> None:
    run = await offline()
    run.define_metric("*", step_metric="e", summary="last")
    await run.log({"e": 1})
    cycle: dict[str, Any] = {}
    cycle["me"] = cycle
    for bad in ({"e": 2, "x": object()}, {3: 1}, {("a", 3): 1}, {"x": cycle}):
        with pytest.raises(InvalidValueError):
            await run.log(bad)  # type: ignore[arg-type]
    await run.log({"x": 1})
    assert own(run) == {"e": {"last": 1}, "x": {"last": 1}}
    assert await finished(run) == [{"e": 1}, {"x": 1, "e": 1}]


# -- statistics -----------------------------------------------------------------------------


async def test_statistics_take_the_place_of_last_values() -> None:
    run = await offline()
    run.define_metric("x", summary="min,max,mean,first,last")
    run.define_metric("n.*", summary="max")
    run.define_metric("gone", summary="none")
    await run.log({"x": 2, "n": {"a": 1, "b": {"c": 5}}, "gone": 1})
    assert run.summary["x"] == {"min": 2, "max": 2, "mean": 2, "first": 2, "last": 2}
    await run.log({"x": math.nan, "n": {"a": 0}, "free": 1})
    await run.log({"x": np.float64(5)})
    assert own(run) == {
        "x": {"min": 2, "max": 5, "mean": 3.5, "first": 2, "last": 5},
        "n": {"a": {"max": 1}, "b": {"c": {"max": 5}}},
        "free": 1,
    }
    await run.finish()


async def test_values_set_by_hand_end_them() -> None:
    run = await offline()
    run.define_metric("x", summary="min")
    run.define_metric("n.a", summary="min")
    run.define_metric("y", summary="none")
    await run.log({"x": 1, "n": {"a": 1}})
    run.summary["x"] = 9
    run.summary["n"]["b"] = 2
    run.summary["y"] = 3
    await run.log({"other": 1})
    assert own(run) == {"x": 9, "n": {"a": {"min": 1}, "b": 2}, "y": 3, "other": 1}
    await run.log({"x": 4, "n": {"a": 5}})
    assert own(run) == {"x": 4, "n": {"a": 5, "b": 2}, "y": 3, "other": 1}
    del run.summary["x"]
    await run.log({"x": 6})
    await run.log({"x": 7})
    assert run.summary["x"] == {"min": 6}
    await run.finish()


async def test_readers_that_derive_nothing_get_them_as_one_value() -> None:
    run = await offline()
    run.define_metric("x", summary="min")
    await run.log({"x": 1, "n": {"a": 1}})
    await run.finish()
    last = [body for body in bodies(run.status().journal) if isinstance(body, SummaryRecord)][-1]
    found = {item.path: jsonx.decode(item.value_json) for item in last.update}
    assert found["x",] == {"min": 1}
    assert found["n", "a"] == 1


async def test_tensors_count_by_value_and_are_not_kept_alive() -> None:
    run = await offline()
    run.define_metric("*", summary="max", step_metric="e")
    tensor = np.array(3.0)
    kept = weakref.ref(tensor)
    await run.log({"e": tensor, "x": tensor})
    del tensor
    gc.collect()
    assert kept() is None
    assert own(run) == {"e": {"max": 3}, "x": {"max": 3}}
    await run.finish()


async def test_keys_and_values_of_odd_kinds_are_logged_all_the_same() -> None:
    class Name(str, Enum):  # noqa: UP042 - its text is not its value
        E = "e"
        X = "x"

    class Boxed(dict[str, Any]):
        pass

    run = await offline()
    run.define_metric("*", step_metric="e", summary="last")
    await run.log({Name.E: np.float32(2), Name.X: 1})
    await run.log({"n": Boxed(a=np.float32(1), b={3: 4}), "y": Decimal("1.5"), "z": [np.int8(1)]})
    await run.log({"n": {}})
    found = await finished(run)
    assert found[1]["n"] == {"a": 1, "b": {"3": 4}}
    assert (found[1]["y"], found[1]["z"]) == ("1.5", [1])
    assert len(found) == 3


async def test_a_signal_handler_in_the_middle_of_a_row() -> None:
    """It logs and defines between `complete` and `observe`, as one may that runs there."""
    run = await offline()
    run.define_metric("l", step_metric="t.e", summary="last")
    history = run._core.history
    plain = history._append

    def interrupted(payload: bytes) -> int:
        end = plain(payload)
        if history._append is interrupted:
            history._append = plain
            run._log_nowait({"t.e": 7, "l": 0})
            run.define_metric("m", step_metric="late", summary="max")
        return end

    history._append = interrupted
    await run.log({"l": 1, "m": 3})
    await run.log({"l": 2, "m": 2})
    assert own(run)["m"] == {"max": 3}
    assert own(run)["l"] == {"last": 2}
    first, second, third = await finished(run)
    assert (first, second) == ({"l": 1, "m": 3, "t": {"e": 0}}, {"t.e": 7, "l": 0})
    assert third["late"] == 0


async def test_random_rows_against_plain_arithmetic() -> None:
    """Key sets, nesting and kinds in any order: what the summary says is what was logged."""
    chance = random.Random(7)
    run = await offline()
    run.define_metric("m*", summary="min,max,mean,first,last", step_metric="e")
    logged: dict[str, list[float]] = {}
    for n in range(700):
        names = chance.sample(["m1", "m2", "m3", "other", "e"], chance.randint(1, 4))
        row: dict[str, Any] = {}
        for name in names:
            value = chance.choice([n, n * 0.5, -n])
            row[name] = np.float64(value) if chance.random() < 0.1 else value
            if name[0] == "m":
                logged.setdefault(name, []).append(float(value))
        if chance.random() < 0.2:
            row["nested"] = {"x": n}
        await run.log(row)
        if chance.random() < 0.05:
            assert run.summary.get("m1", {}).get("last") == (logged.get("m1") or [None])[-1]
    for name, values in logged.items():
        found = run.summary[name]
        assert (found["min"], found["max"]) == (min(values), max(values))
        assert (found["first"], found["last"]) == (values[0], values[-1])
        assert math.isclose(found["mean"], sum(values) / len(values))
    last = 0.0
    for row in await finished(run):
        needs = any(key[0] == "m" for key in row)
        assert not needs or row["e"] == last or "e" in row
        last = row.get("e", last)


async def test_many_threads_log_and_define() -> None:
    run = await offline()
    run.define_metric("*", summary="max", step_metric="e")
    count = 200

    def work(name: str) -> None:
        for n in range(count):
            run._log_nowait({name: n, "n": {name: n}})
            if n % 20 == 0:
                run.define_metric(f"{name}*", summary="min", step_metric="e")
                _ = run.summary.get(name)

    threads = [threading.Thread(target=work, args=(f"t{n}",)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for n in range(4):
        assert run.summary[f"t{n}"] == {"min": 0}
        assert run.summary["n"][f"t{n}"] == {"max": count - 1}
    assert len(await finished(run)) == 4 * count
