"""Columns of charts: one metric of many runs over one axis."""

from __future__ import annotations

import json
import math
import struct
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from server_client import Client


async def series(client: Client, runs: list[str], y: str, status: int = 200, **more: Any) -> Any:
    body = {"entity": "local", "project": "demo", "runs": runs, "y": y, **more}
    answer = await client.http.post("/-/series", json=body)
    assert answer.status_code == status, answer.text
    return answer.json()


async def log(client: Client, run: str, rows: list[dict[str, Any] | str]) -> None:
    await client.upsert(run)
    await client.history(run, 0, rows)


async def test_a_few_rows_come_as_they_are(client: Client) -> None:
    await log(client, "a", [{"_step": 0, "loss": 3}, {"_step": 2, "loss": 1.5}, {"_step": 3}])
    await log(client, "b", [{"_step": 1, "loss": -1}, {"_step": 2, "loss": 0}])
    assert await series(client, ["a", "b"], "loss") == {
        "x": [0, 1, 2],
        "y": {"a": [3, None, 1.5], "b": [None, -1, 0]},
        "mean": None,
    }


async def test_any_metric_may_be_the_axis(client: Client) -> None:
    rows = [{"_step": i, "_runtime": i / 2, "epoch": 5 - i, "loss": i} for i in range(4)]
    await log(client, "a", [*rows, {"_step": 9, "loss": 9}])
    by_time = await series(client, ["a"], "loss", x="_runtime")
    assert (by_time["x"], by_time["y"]["a"]) == ([0, 0.5, 1, 1.5], [0, 1, 2, 3])
    by_epoch = await series(client, ["a"], "loss", x="epoch")
    assert (by_epoch["x"], by_epoch["y"]["a"]) == ([2, 3, 4, 5], [3, 2, 1, 0])
    itself = await series(client, ["a"], "loss", x="loss")
    assert itself["x"] == itself["y"]["a"] == [0, 1, 2, 3, 9]


async def test_values_that_are_no_numbers_are_left_out(client: Client) -> None:
    await log(
        client,
        "a",
        [
            {"_step": 0, "v": "text"},
            {"_step": 1, "v": True},
            '{"_step": 2, "v": NaN}',
            '{"_step": 3, "v": Infinity}',
            {"_step": 4, "v": {"_type": "image-file"}},
            {"_step": 5, "v": None},
            {"_step": 6, "v": 10**400},
            {"_step": 7, "v": 7},
            {"_step": 8, "v": [1]},
        ],
    )
    assert await series(client, ["a"], "v") == {"x": [7], "y": {"a": [7]}, "mean": None}


async def test_nested_keys(client: Client) -> None:
    await log(client, "a", [{"_step": 0, "m": {"n": {"k": 4}}}, {"_step": 1, "m.n.k": 5}])
    assert (await series(client, ["a"], "m.n.k"))["y"]["a"] == [4, 5]


async def test_no_spike_is_lost_in_buckets(client: Client) -> None:
    values = [math.sin(i / 100) for i in range(5000)]
    values[1234], values[4321] = 50.0, -60.0
    await log(client, "a", [{"_step": i, "v": value} for i, value in enumerate(values)])
    await log(client, "b", [{"_step": 2500, "v": 0.25}])
    answer = await series(client, ["a", "b", "gone"], "v", points=50)
    drawn = [value for value in answer["y"]["a"] if value is not None]
    assert len(drawn) == 100
    assert (max(drawn), min(drawn)) == (50, -60)
    assert answer["x"] == sorted(answer["x"])
    # a spike stands near its step
    at = answer["x"][answer["y"]["a"].index(50)]
    assert abs(at - 1234) <= 100
    # means tell what a smoothed line follows
    means = [value for value in answer["mean"]["a"] if value is not None]
    assert len(means) == 50
    assert sum(means) / 50 == pytest.approx(sum(values) / 5000, abs=1e-6)
    # a run with one row stays one point
    assert [value for value in answer["y"]["b"] if value is not None] == [0.25]
    assert set(answer["y"]) == {"a", "b"}


async def test_a_range_brings_every_row_of_it(client: Client) -> None:
    await log(client, "a", [{"_step": i, "_runtime": i / 10, "v": i} for i in range(5000)])
    near = await series(client, ["a"], "v", points=50, low=1000, high=1049.5)
    assert near["x"] == near["y"]["a"] == list(range(1000, 1050))
    by_time = await series(client, ["a"], "v", points=50, x="_runtime", low=100, high=101)
    assert by_time["y"]["a"] == list(range(1000, 1011))
    assert (await series(client, ["a"], "v", low=9000))["x"] == []


async def test_logarithmic_buckets_keep_the_first_steps_apart(client: Client) -> None:
    await log(client, "a", [{"_step": i, "v": i} for i in range(5000)])
    answer = await series(client, ["a"], "v", points=100, logarithmic=True)
    assert min(answer["x"]) > 0
    assert sum(x < 100 for x in answer["x"]) > 40


async def test_system_metrics(client: Client) -> None:
    await client.upsert("a")
    lines = [f'{{"_runtime": {i}, "system.cpu": {i * 10}}}' for i in range(3)]
    await client.stream("a", {"files": {"wandb-events.jsonl": {"offset": 0, "content": lines}}})
    answer = await series(client, ["a"], "system.cpu", x="_runtime", stream="events")
    assert (answer["x"], answer["y"]["a"]) == ([0, 1, 2], [0, 10, 20])


def unpacked(body: bytes) -> dict[str, Any]:
    """A binary answer by its description: header, x, then a column of each run."""
    size = int.from_bytes(body[:4], "little")
    header = json.loads(body[4 : 4 + size])
    at = 4 + size
    assert at % 8 == 0
    count = header["count"]
    x = struct.unpack_from(f"<{count}d", body, at)
    at += 8 * count
    form = {"f4": "f", "f8": "d"}[header["dtype"]]

    def column() -> list[float]:
        nonlocal at
        values = struct.unpack_from(f"<{count}{form}", body, at)
        at += struct.calcsize(form) * count
        return list(values)

    y = {run: column() for run in header["runs"]}
    mean = {run: column() for run in header["runs"]} if header["mean"] else None
    assert at == len(body)
    return {"x": list(x), "y": y, "mean": mean, "dtype": header["dtype"]}


@pytest.mark.parametrize("count", [0, 3, 5000])
async def test_in_binary_it_says_the_same(client: Client, count: int) -> None:
    await log(client, "a", [{"_step": i, "v": math.sin(i), "big": i * 1e300} for i in range(count)])
    await log(client, "b", [{"_step": 1, "v": 0.25}, {"_step": 2}])
    for key, dtype in (("v", "f4"), ("big", "f8" if count > 1 else "f4")):
        body = {"entity": "local", "project": "demo", "runs": ["a", "b"], "y": key, "points": 50}
        headers = {"Accept": "application/octet-stream"}
        answer = await client.http.post("/-/series", json=body, headers=headers)
        assert answer.headers["content-type"] == "application/octet-stream"
        got = unpacked(answer.content)
        want = await series(client, ["a", "b"], key, points=50)
        assert got["dtype"] == dtype
        assert got["x"] == want["x"]
        for name in ("y", "mean"):
            if want[name] is None:
                assert got[name] is None
                continue
            for run in ("a", "b"):
                values = [math.nan if value is None else value for value in want[name][run]]
                assert got[name][run] == pytest.approx(values, rel=1e-6, abs=1e-7, nan_ok=True)
    refused = await client.http.post("/-/series", json={}, headers={"Accept": "*/*"})
    assert refused.status_code == 400
    assert refused.json()["errors"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"runs": "a"},
        {"runs": ["a"] * 1001},
        {"points": 0},
        {"points": 10**6},
        {"stream": "output"},
        {"y": 1},
        {"low": "x"},
    ],
)
async def test_what_is_no_request_is_refused(client: Client, wrong: dict[str, Any]) -> None:
    answer = await series(client, **{"runs": ["a"], "y": "v", "status": 400, **wrong})
    assert answer["errors"]
