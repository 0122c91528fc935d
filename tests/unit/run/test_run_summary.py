from __future__ import annotations

import copy
import math
import random
from typing import Any

import pytest
from run_journals import bodies

from asyncwb import jsonx
from asyncwb.errors import InvalidValueError
from asyncwb.journal.records import SummaryRecord
from asyncwb.run import Run, init


async def offline() -> Run:
    return await init("p", mode="offline")


def own(run: Run) -> dict[str, Any]:
    return {key: value for key, value in run.summary.as_dict().items() if key[0] != "_"}


def by_hand(run: Run) -> list[tuple[dict[str, Any], list[str]]]:
    """The summary records that are not derived: their items have a `key`."""
    return [
        (
            {item.key: jsonx.decode(item.value_json) for item in body.update},
            [item.key for item in body.remove],
        )
        for body in bodies(run.status().journal)
        if isinstance(body, SummaryRecord) and all(item.key for item in body.update)
    ]


def derived(run: Run) -> list[dict[tuple[str, ...], Any]]:
    return [
        {item.path: jsonx.decode(item.value_json) for item in body.update}
        for body in bodies(run.status().journal)
        if isinstance(body, SummaryRecord) and any(item.nested_key for item in body.update)
    ]


async def test_the_last_value_of_every_key() -> None:
    run = await offline()
    await run.log({"a": 1, "b": 1})
    await run.log({"a": 2})
    await run.log({"c": math.inf, "n": {"x": 1, "y": 1}})
    await run.log({"n": {"y": 2}})
    assert own(run) == {"a": 2, "b": 1, "c": math.inf, "n": {"x": 1, "y": 2}}
    assert run.summary["_step"] == 3
    await run.finish()


async def test_many_key_sets_in_any_order() -> None:
    run = await offline()
    for n in range(300):
        await run.log({f"k{n % 97}": n, "all": n})
    expected = {f"k{n % 97}": n for n in range(300)}
    assert own(run) == {**expected, "all": 299}
    await run.finish()


async def test_nested_rows_of_any_layout_against_merging_each() -> None:
    chance = random.Random(3)

    def value(depth: int) -> Any:
        kind = chance.random()
        if depth < 3 and kind < 0.4:
            return {key: value(depth + 1) for key in chance.sample("abc", chance.randint(1, 2))}
        return {"_type": "t", "v": chance.random()} if kind < 0.5 else chance.random()

    def merge(old: dict[str, Any], new: dict[str, Any]) -> None:
        for key, one in new.items():
            before = old.get(key)
            plain = isinstance(one, dict) and "_type" not in one
            if plain and isinstance(before, dict) and "_type" not in before:
                merge(before, one)
            else:
                old[key] = copy.deepcopy(one)

    run = await offline()
    expected: dict[str, Any] = {}
    for n in range(500):
        row = {key: value(0) for key in chance.sample("xyz", chance.randint(1, 3))}
        await run.log(row)
        merge(expected, row)
        if n % 83 == 0:
            assert own(run) == expected
    assert own(run) == expected
    await run.finish()


async def test_a_value_set_by_hand_wins_until_it_is_logged_again() -> None:
    run = await offline()
    await run.log({"acc": 0.5})
    run.summary["acc"] = 0.9
    assert own(run) == {"acc": 0.9}
    await run.log({"loss": 1})
    assert run.summary.acc == 0.9
    await run.log({"acc": 0.4})
    assert own(run) == {"acc": 0.4, "loss": 1}
    await run.finish()
    assert by_hand(run) == [({"acc": 0.9}, [])]


async def test_nested_update_delete() -> None:
    run = await offline()
    run.summary.update({"n": {"x": 9, "z": 1}})
    run.summary["n"]["x"] = 10
    run.summary.update({"n": {"y": 1}}, m=2)
    del run.summary["m"]
    assert own(run) == {"n": {"y": 1}}
    assert run.summary.get("gone", 5) == 5
    assert "m" not in run.summary
    await run.finish()
    assert by_hand(run) == [
        ({"n": {"x": 9, "z": 1}}, []),
        ({"n": {"x": 10, "z": 1}}, []),
        ({"n": {"y": 1}, "m": 2}, []),
        ({}, ["m"]),
    ]


async def test_nan_by_hand_is_dropped_and_nan_in_history_is_kept() -> None:
    run = await offline()
    await run.log({"h": math.nan})
    run.summary["s"] = math.nan
    assert math.isnan(run.summary["h"])
    assert "s" not in run.summary
    await run.finish()


async def test_a_bad_value_changes_nothing() -> None:
    run = await offline()
    with pytest.raises(InvalidValueError, match="'bad'"):
        run.summary.update({"good": 1, "bad": object()})
    assert own(run) == {}
    await run.finish()
    assert by_hand(run) == []


async def test_a_whole_summary_is_written_at_the_end_and_now_and_then() -> None:
    run = await offline()
    for n in range(1000):
        await run.log({"a": n, "n": {"x": n}})
    run.summary["best"] = 7
    await run.finish()
    records = derived(run)
    assert 2 <= len(records) <= 20
    last = records[-1]
    assert last["a",] == 999
    assert last["n", "x"] == 999
    assert last["best",] == 7
    assert last["_step",] == 999
    assert isinstance(last["_wandb", "runtime"], int)
