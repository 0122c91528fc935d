"""Samples of histories, in the order of steps, with little memory."""

from __future__ import annotations

import json
import random
import tracemalloc
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
from server_client import behind

from asyncwb.server.storage import history
from asyncwb.server.storage.extremes import pick_extremes
from asyncwb.server.storage.runs import run_row_id

if TYPE_CHECKING:
    from collections.abc import Iterator

    from server_client import Client


async def sampled(client: Client, **spec: Any) -> list[dict[str, Any]]:
    document = (
        'query($s: [JSONString!]!) { project(name: "demo") { run(name: "r") '
        "{ sampledHistory(specs: $s) } } }"
    )
    data = await client.data(document, s=json.dumps(spec))
    rows: list[dict[str, Any]] = data["project"]["run"]["sampledHistory"][0]
    return rows


def evenly(rows: list[Any], samples: int) -> list[Any]:
    """What a sample is: evenly spread, the first and the last row among it."""
    if samples >= len(rows):
        return rows
    return [rows[i * (len(rows) - 1) // (samples - 1)] for i in range(samples)]


@pytest.mark.parametrize("shuffled", [False, True])
async def test_samples_are_evenly_spread_over_the_steps(client: Client, shuffled: bool) -> None:
    await client.upsert("r")
    filler = "x" * 2000  # several segments
    rows = [{"_step": i, "n": i % 7, "f": filler} for i in range(600)]
    for row in rows[::3]:
        row["m"] = {"a": row["_step"]}
    logged = random.Random(7).sample(rows, len(rows)) if shuffled else rows
    for start in range(0, 600, 90):
        await client.history("r", start, logged[start : start + 90])
    for samples in (2, 5, 100, 599, 600, 10_000):
        found = await client.run("r", f"history(samples: {samples})")
        assert [json.loads(text) for text in found["history"]] == evenly(rows, samples)
        want = [{"_step": row["_step"], "m.a": row["_step"]} for row in rows[::3]]
        got = await sampled(client, keys=["_step", "m.a"], samples=samples)
        assert got == evenly(want, samples)
    assert (await client.run("r", "history(samples: 1)"))["history"] == [json.dumps(rows[-1])]
    assert (await client.run("r", "history(samples: 0)"))["history"] == []
    assert await sampled(client, keys=["nowhere"], samples=5) == []


async def test_rows_at_one_step_stay_in_the_order_of_logging(client: Client) -> None:
    await client.upsert("r")
    rows = [{"_step": step, "n": n} for n, step in enumerate([5, 3, 5, 3, 9, 0, 3])]
    await client.history("r", 0, rows)
    expected = sorted(rows, key=lambda row: row["_step"])
    assert await client.rows("r") == expected
    assert await sampled(client, keys=["n", "_step"], samples=100) == [
        {"n": row["n"], "_step": row["_step"]} for row in expected
    ]


async def test_a_sample_does_not_load_the_whole_run(client: Client) -> None:
    from asyncwb.server.storage.accounts import find_user

    await client.upsert("r")
    filler = "x" * 4000
    for start in range(0, 6000, 1500):
        rows = [{"_step": i, "a": i, "f": filler} for i in range(start, start + 1500)]
        await client.history("r", start, rows)
    with behind(client.data_dir) as connection:
        user = find_user(connection, username="local")
        assert user is not None
        run_id = run_row_id(connection, user, None, "demo", "r")
        tracemalloc.start()
        try:
            texts = history.sample(connection, run_id, "history", 10)
            rows = history.rows_with_keys(connection, run_id, {"keys": ["a"], "samples": 10})
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
    assert len(texts) == len(rows) == 10
    assert peak < 4 * 2**20, f"{peak} bytes for a run of 24 MB"


def test_extremes_of_each_stretch_are_kept() -> None:
    dice = random.Random(3)
    values = [dice.random() for _ in range(10_000)]
    values[4321], values[77] = 50.0, -50.0
    other = [float("nan")] * 10_000
    other[9000] = 7.0
    picked = pick_extremes([values, other], 200)
    assert len(picked) <= 200
    assert {0, 77, 4321, 9000, 9999} <= set(picked)
    assert list(picked) == sorted(set(picked))
    for samples in (0, 1, 2, 3):
        assert len(pick_extremes([values], samples)) <= samples
    assert list(pick_extremes([values], 10_000)) == list(range(10_000))


async def test_a_server_may_keep_spikes(client: Client) -> None:
    await client.upsert("r")
    rows = [{"_step": i, "a": 0.5, "b": i} for i in range(5000)]
    rows[1234]["a"] = 99.0
    shuffled = random.Random(1).sample(rows, len(rows))
    await client.history("r", 0, shuffled)
    assert 99.0 not in [row["a"] for row in await sampled(client, keys=["a"], samples=50)]
    with engine_of(client) as (connection, run_id):
        spec = {"keys": ["_step", "a"], "samples": 50}
        found = history.rows_with_keys(connection, run_id, spec, spikes=True)
    assert len(found) <= 50
    assert {"_step": 1234, "a": 99.0} in found
    assert [row["_step"] for row in found] == sorted(row["_step"] for row in found)
    assert (found[0]["_step"], found[-1]["_step"]) == (0, 4999)


@contextmanager
def engine_of(client: Client) -> Iterator[tuple[Any, int]]:
    from asyncwb.server.storage.accounts import find_user

    with behind(client.data_dir) as connection:
        user = find_user(connection, username="local")
        assert user is not None
        yield connection, run_row_id(connection, user, None, "demo", "r")
