"""Steps and commit as the protocol describes them (rows), and rows that came late."""

from __future__ import annotations

import logging
import math
import threading
import time
from typing import Any

import anyio
import anyio.lowlevel
import numpy as np
import pytest
from run_journals import rows, user_rows

from asyncwb.errors import ClosedError, InvalidValueError
from asyncwb.run import Run, init


async def offline(**keywords: Any) -> Run:
    return await init("p", mode="offline", **keywords)


async def finished(run: Run) -> list[dict[str, Any]]:
    await run.finish()
    return user_rows(run.status().journal)


async def test_plain_calls_make_one_row_each() -> None:
    run = await offline()
    assert run.step == 0
    for n in range(3):
        await run.log({"loss": n / 2})
        assert run.step == n + 1
    assert await finished(run) == [{"_step": n, "loss": n / 2} for n in range(3)]


async def test_commit_false_holds_the_row_open() -> None:
    run = await offline()
    await run.log({"p1": 1}, commit=False)
    await run.log({"p2": 2}, commit=False)
    await run.log({"p1": 9, "p3": 3})
    assert await finished(run) == [{"_step": 0, "p1": 9, "p2": 2, "p3": 3}]


async def test_an_explicit_step_stays_open_until_a_larger_one() -> None:
    run = await offline()
    await run.log({"a": 1}, step=20)
    await run.log({"b": 2}, step=20)
    await run.log({"st": 3}, step=21)
    assert user_rows(run.status().journal) == [{"_step": 20, "a": 1, "b": 2}]
    await run.log({"after": 1})
    await run.log({"next": 1})
    assert await finished(run) == [
        {"_step": 20, "a": 1, "b": 2},
        {"_step": 21, "st": 3, "after": 1},
        {"_step": 22, "next": 1},
    ]


async def test_commit_true_closes_an_explicit_step() -> None:
    run = await offline()
    await run.log({"a": 1}, step=5, commit=True)
    assert user_rows(run.status().journal) == [{"_step": 5, "a": 1}]
    assert run.step == 6
    assert len(await finished(run)) == 1


async def test_finish_closes_the_open_row_and_an_empty_row_is_a_row() -> None:
    run = await offline()
    await run.log({})
    await run.log({"open": 1}, commit=False)
    assert await finished(run) == [{"_step": 0}, {"_step": 1, "open": 1}]


async def test_nested_dicts_of_one_row_merge_leaf_by_leaf() -> None:
    run = await offline()
    await run.log({"a": {"b": 1, "c": 1}}, commit=False)
    await run.log({"a": {"c": 2}, "a.b": "literal"})
    assert await finished(run) == [{"_step": 0, "a": {"b": 1, "c": 2}, "a.b": "literal"}]


async def test_a_late_step_is_a_row_of_its_own() -> None:
    run = await offline()
    await run.log({"a": 1}, step=10)
    await run.log({"late": 1}, step=3)
    await run.log({"late": 2}, step=3, commit=False)
    await run.log({"b": 2}, step=10)
    assert await finished(run) == [
        {"_step": 3, "late": 1},
        {"_step": 3, "late": 2},
        {"_step": 10, "a": 1, "b": 2},
    ]
    assert run.summary["_step"] == 10


async def test_a_step_that_is_written_already_is_late_too() -> None:
    run = await offline()
    await run.log({"a": 1})
    await run.log({"b": 1}, step=0)
    assert await finished(run) == [{"_step": 0, "a": 1}, {"_step": 0, "b": 1}]


async def test_step_order_warn_keeps_the_row_and_warns_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    run = await offline(settings={"step_order": "warn"})
    with caplog.at_level(logging.WARNING, "asyncwb.run"):
        await run.log({"a": 1}, step=5)
        await run.log({"b": 1}, step=2)
        await run.log({"b": 2}, step=1)
    assert len(caplog.records) == 1
    assert "step 2" in caplog.text
    assert [row["_step"] for row in await finished(run)] == [2, 1, 5]


async def test_step_order_raise_refuses_the_row_and_goes_on() -> None:
    run = await offline(settings={"step_order": "raise"})
    await run.log({"a": 1}, step=5)
    with pytest.raises(InvalidValueError, match="step 2"):
        await run.log({"b": 1}, step=2)
    await run.log({"c": 1})
    assert await finished(run) == [{"_step": 5, "a": 1, "c": 1}]


async def test_reserved_keys() -> None:
    run = await offline()
    before = time.time()
    await run.log({"x": 1, "_step": 99, "_runtime": 99.0})
    await run.log({"x": 2, "_timestamp": 12.5})
    await run.log({"x": 3}, commit=False)
    await run.log({"_timestamp": 13.5, "_step": 7, "_runtime": 7})
    await run.finish()
    first, second, third = rows(run.status().journal)
    assert (first["_step"], second["_step"], third["_step"]) == (0, 1, 2)
    assert before - 0.001 <= first["_timestamp"] <= time.time()
    assert first["_runtime"] == pytest.approx(first["_timestamp"] - run.start_time, abs=1e-5)
    assert second["_timestamp"] == 12.5
    assert third["_timestamp"] == 13.5
    assert all(0 <= row["_runtime"] < 60 for row in (first, second, third))


@pytest.mark.parametrize("bad", [[1], "row", None, 3, {1: 2}, {None: 1}, {("a",): 1}])
async def test_a_row_that_is_no_row_changes_nothing(bad: Any) -> None:
    run = await offline()
    for arguments in ({}, {"commit": False}, {"step": 4}):
        with pytest.raises(InvalidValueError):
            await run.log(bad, **arguments)
    await run.log({"good": 1})
    assert await finished(run) == [{"_step": 0, "good": 1}]


@pytest.mark.parametrize("commit", [None, False])
async def test_a_value_that_cannot_be_written_names_key_and_type(commit: bool | None) -> None:
    class Strange:
        pass

    run = await offline()
    await run.log({"kept": 1}, commit=False)
    with pytest.raises(InvalidValueError, match=r"(?s)bad.*Strange"):
        await run.log({"fine": 1, "bad": Strange()}, commit=commit)
    await run.log({"good": 1})
    assert await finished(run) == [{"_step": 0, "kept": 1, "good": 1}]


@pytest.mark.parametrize("step", [-1, 1.5, 2.0, True, "3", 2**63, math.nan, np.float64(1), None])
async def test_steps(step: Any) -> None:
    run = await offline()
    if step is None:
        await run.log({"a": 1}, step=np.int32(4))  # type: ignore[arg-type]
        assert run.step == 4
    else:
        with pytest.raises(InvalidValueError, match="step"):
            await run.log({"a": 1}, step=step)
        assert await finished(run) == []
    await run.finish()


async def test_an_open_row_keeps_the_values_of_the_call() -> None:
    run = await offline()
    array, nested = np.array([1, 2]), {"n": [1]}
    await run.log({"array": array, "nested": nested, "text": "é", "int": 2**62}, commit=False)
    array[0] = 7
    nested["n"].append(2)
    await run.log({"nan": math.nan, "inf": -math.inf})
    (row,) = await finished(run)
    assert math.isnan(row.pop("nan"))
    assert row == {
        "_step": 0,
        "array": [1, 2],
        "nested": {"n": [1]},
        "text": "é",
        "int": 2**62,
        "inf": -math.inf,
    }


async def test_mappings_are_rows() -> None:
    from types import MappingProxyType

    run = await offline()
    await run.log(MappingProxyType({"a": 1}))
    assert await finished(run) == [{"_step": 0, "a": 1}]


async def test_threads_and_tasks_lose_no_row() -> None:
    run = await offline()

    async def in_task(task: int) -> None:
        for n in range(250):
            await run.log({f"t{task}": n}, step=(n * 7919) % 250)
            if n % 50 == 0:
                await anyio.lowlevel.checkpoint()

    def in_thread(thread: int) -> None:
        for n in range(500):
            run._log_nowait({f"p{thread}": n})

    threads = [threading.Thread(target=in_thread, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    async with anyio.create_task_group() as group:
        for task in range(4):
            group.start_soon(in_task, task)
    for thread in threads:
        thread.join()
    written = await finished(run)
    for thread in range(4):
        values = [row[f"p{thread}"] for row in written if f"p{thread}" in row]
        assert sorted(values) == list(range(500))
    for task in range(4):
        # An open row merges what several writers put under one step; no value of a key is lost
        # but where the same task wrote the same step twice, which none does here.
        values = [row[f"t{task}"] for row in written if f"t{task}" in row]
        assert sorted(values) == list(range(250))


async def test_after_finish_log_raises() -> None:
    run = await offline()
    await run.finish()
    for arguments in ({}, {"commit": False}, {"step": 1}):
        with pytest.raises(ClosedError):
            await run.log({"a": 1}, **arguments)
    await run.finish()
