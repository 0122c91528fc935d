"""Values that join the next row, and rows beside an open one: what watchers and followers write."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from run_journals import rows, user_rows

from asyncwb.errors import InvalidValueError
from asyncwb.run import Run, init


async def offline(**keywords: Any) -> Run:
    return await init("p", mode="offline", **keywords)


def attach(run: Run, **values: Any) -> None:
    for key, value in values.items():
        run._core.history.add_to_next(key, lambda value=value: value)


async def finished(run: Run) -> list[dict[str, Any]]:
    await run.finish()
    return user_rows(run.status().journal)


async def test_a_value_joins_the_next_row_and_opens_none() -> None:
    run = await offline()
    await run.log({"i": 0})
    attach(run, h=1)
    assert (run.step, len(user_rows(run.status().journal))) == (1, 1)
    await run.log({"i": 1})
    await run.log({"i": 2})
    assert await finished(run) == [
        {"_step": 0, "i": 0},
        {"_step": 1, "h": 1, "i": 1},
        {"_step": 2, "i": 2},
    ]


async def test_explicit_steps_are_the_users() -> None:
    run = await offline()
    for step in (10, 20):
        attach(run, h=step)
        await run.log({"i": step}, step=step)
    attach(run, h=30)
    await run.log({"i": 30}, step=30, commit=True)
    assert await finished(run) == [{"_step": step, "h": step, "i": step} for step in (10, 20, 30)]


async def test_a_row_that_comes_late_is_left_alone() -> None:
    run = await offline()
    await run.log({"i": 5}, step=5, commit=True)
    attach(run, h=1)
    await run.log({"late": 1}, step=2)
    await run.log({"i": 6})
    assert await finished(run) == [
        {"_step": 5, "i": 5},
        {"_step": 2, "late": 1},
        {"_step": 6, "h": 1, "i": 6},
    ]


async def test_the_later_value_counts_and_the_users_own_before_all() -> None:
    run = await offline()
    attach(run, a=1, b=1)
    attach(run, a=2)
    await run.log({"b": 3})
    assert await finished(run) == [{"_step": 0, "a": 2, "b": 3}]


async def test_none_is_left_out() -> None:
    run = await offline()
    attach(run, a=None)
    await run.log({"i": 1})
    attach(run, a=None)
    assert await finished(run) == [{"_step": 0, "i": 1}]


async def test_a_bad_row_does_not_take_the_value_away() -> None:
    run = await offline()
    attach(run, h=1)
    with pytest.raises(InvalidValueError):
        await run.log({"bad": object()})
    await run.log({"i": 1})
    assert await finished(run) == [{"_step": 0, "h": 1, "i": 1}]


async def test_the_value_is_computed_when_the_row_is_logged() -> None:
    run = await offline()
    order: list[str] = []
    run._core.history.add_to_next("h", lambda: order.append("computed") or 1)
    order.append("attached")
    await run.log({"i": 1})
    await run.log({"i": 2})
    assert order == ["attached", "computed"]
    assert (await finished(run))[0] == {"_step": 0, "h": 1, "i": 1}


@pytest.mark.parametrize("is_open", [False, True])
async def test_the_end_of_the_run_writes_what_waits(is_open: bool) -> None:
    run = await offline()
    if is_open:
        await run.log({"i": 1}, step=3)
    attach(run, h=1)
    expected = {"_step": 3, "h": 1, "i": 1} if is_open else {"_step": 0, "h": 1}
    assert await finished(run) == [expected]
    attach(run, h=2)
    run._core.history.add_row({"x": 1})
    assert user_rows(run.status().journal) == [expected]


async def test_a_row_beside_the_open_one_leaves_it_alone() -> None:
    run = await offline()
    run._core.history.add_row({"own": 0})
    await run.log({"a": 1}, commit=False)
    run._core.history.add_row({"own": 1, "_timestamp": 5.0})
    await run.log({"b": 2})
    attach(run, h=1)
    run._core.history.add_row({"own": 2})
    await run.log({"c": 3})
    assert await finished(run) == [
        {"_step": 0, "own": 0},
        {"_step": 1, "own": 1},
        {"_step": 1, "a": 1, "b": 2},
        {"_step": 2, "own": 2},
        {"_step": 3, "h": 1, "c": 3},
    ]
    assert rows(run.status().journal)[1]["_timestamp"] == 5.0
    assert run.summary["own"] == 2
    assert run.status().rows == 5


async def test_threads_attach_while_others_log() -> None:
    run = await offline()
    stop = threading.Event()

    def hook() -> None:
        for n in range(500):
            run._core.history.add_to_next("h", lambda n=n: n)
        stop.set()

    thread = threading.Thread(target=hook)
    thread.start()
    while not stop.is_set():
        await run.log({"i": 1})
    thread.join()
    await run.log({"last": 1})
    found = [row["h"] for row in await finished(run) if "h" in row]
    assert found == sorted(set(found))
    assert found[-1] == 499
