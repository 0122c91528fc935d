"""scan_history: each row once, in step order, whatever the steps are."""

from __future__ import annotations

import itertools
import json
import logging
import sys
from contextlib import aclosing
from typing import Any

import anyio
import pytest
from api_fakes import HistoryServer, response
from hypothesis import given, settings
from hypothesis import strategies as st

from asyncwb.api.history import WINDOW, check_keys
from asyncwb.api.scan_plan import PageSizes, StepRange, cut
from asyncwb.errors import (
    GraphQLError,
    InvalidValueError,
    ProtocolError,
    RunNotFoundError,
    UnsupportedError,
)
from asyncwb.portal import PORTAL


def dense(count: int, first: int = 0) -> list[dict[str, Any]]:
    return [{"_step": step, "loss": 1 / (step + 1)} for step in range(first, first + count)]


def read(server: HistoryServer, **arguments: Any) -> list[dict[str, Any]]:
    scan = server.scan(**arguments)
    return [row for batch in PORTAL.iterate(scan.batches) for row in batch]


async def test_all_rows_in_order_and_several_pages_at_once() -> None:
    server = HistoryServer(dense(20_000))
    assert [row async for row in server.scan()] == server.rows
    pages = server.transport.count("HistoryPage")
    assert pages < 20, "pages grow while they are small"
    assert 2 < server.transport.most_in_flight <= WINDOW


async def test_each_iteration_starts_anew() -> None:
    scan = HistoryServer(dense(10)).scan()
    assert [row async for row in scan] == [row async for row in scan]


# Steps as runs log them: dense, sparse, far out, several rows at a step, going back.
steps = st.lists(
    st.one_of(
        st.integers(0, 50),
        st.integers(0, 5_000),
        st.integers(10**6, 10**6 + 20),
        st.sampled_from([7, 2**40]),
    ),
    max_size=60,
)


@settings(max_examples=60, deadline=None)
@given(
    logged=steps,
    page_size=st.sampled_from([1, 3, 1000]),
    low=st.integers(0, 60),
    high=st.none() | st.integers(0, 6_000),
    counted=st.booleans(),
    keyed=st.booleans(),
)
def test_no_row_twice_and_none_skipped(
    logged: list[int], page_size: int, low: int, high: int | None, counted: bool, keyed: bool
) -> None:
    rows = [
        {"_step": step, "n": n, **({"even": n} if n % 2 == 0 else {})}
        for n, step in enumerate(logged)
    ]
    server = HistoryServer(rows, line_count=len(rows) if counted else None)
    keys = ["even"] if keyed else None
    got = read(server, page_size=page_size, min_step=low, max_step=high, keys=keys)
    inside = [r for r in rows if low <= r["_step"] and (high is None or r["_step"] < high)]
    if keyed:
        inside = [{"even": r["even"], "_step": r["_step"]} for r in inside if "even" in r]
    assert got == sorted(inside, key=lambda row: row["_step"])
    assert server.transport.calls[0][0] in ("FirstPage", "ScanBounds")


@pytest.mark.parametrize(
    "logged",
    [
        # More rows than the server gives at once: at one step, at every step, at the end only.
        [5] * 12_000 + [6],
        [n // 12 for n in range(24_000)],
        [n * 1_000_000 for n in range(100)] + list(range(99_000_000, 99_012_000)),
    ],
)
def test_pages_that_the_server_thins_out_are_asked_for_again(logged: list[int]) -> None:
    rows = [{"_step": step, "n": n} for n, step in enumerate(logged)]
    got = read(HistoryServer(rows))
    assert got == sorted(rows, key=lambda row: row["_step"])


def test_far_steps_cost_few_requests() -> None:
    # Seconds since 1970 as steps: pages of a thousand steps would be 1,700,000 requests.
    rows = [{"_step": 1_700_000_000 + n} for n in range(100)]
    server = HistoryServer(rows, line_count=None)
    assert read(server) == rows
    assert server.transport.count("HistoryPage") < 120


async def test_leaving_early_cancels_the_window() -> None:
    server = HistoryServer(dense(100_000))
    plain = server.page

    async def slow(asked: dict[str, Any]) -> Any:
        if asked["minStep"] > 0:
            await anyio.sleep(30)
        return plain(asked)

    server.transport.handlers["HistoryPage"] = slow
    async with aclosing(server.scan().rows()) as rows:
        assert (await anext(rows))["_step"] == 0
    assert server.transport.in_flight == 0
    assert server.transport.cancelled > 0


async def test_an_error_of_a_page_comes_in_its_place_and_ends_the_others() -> None:
    server = HistoryServer(dense(5_000))
    plain = server.page
    server.transport.handlers["HistoryPage"] = lambda asked: (
        plain(asked)
        if asked["minStep"] < 1000
        else response(200, b'{"errors":[{"message":"no such luck"}]}')
    )
    seen: list[Any] = []

    async def take() -> None:
        async for row in server.scan():
            seen.append(row)  # noqa: PERF401 - what came before the error counts

    with pytest.raises(GraphQLError, match="no such luck"):
        await take()
    assert seen == server.rows[:1000]
    assert server.transport.in_flight == 0


async def test_a_run_without_rows_is_empty() -> None:
    server = HistoryServer([])
    assert [row async for row in server.scan()] == []
    assert server.transport.count("HistoryPage") == 0


async def test_a_missing_run_is_named() -> None:
    server = HistoryServer([])
    server.transport.handlers["FirstPage"] = lambda _: {"project": {"run": None}}
    with pytest.raises(RunNotFoundError, match="acme/demo/r1"):
        await anext(server.scan().rows())


async def test_rows_in_parquet_files_are_never_left_out_silently(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    server = HistoryServer(dense(5))
    server.parquet = ["http://127.0.0.1:9/a.parquet"]
    with pytest.raises(UnsupportedError, match=r"asyncwb\[export\]"):
        await anext(server.scan().rows())


def export_rows(server: HistoryServer, *files: list[dict[str, Any]]) -> None:
    """Let the server keep rows in Parquet files, as pyarrow writes them."""
    pa = pytest.importorskip("pyarrow")
    import pyarrow.parquet as pq

    for number, rows in enumerate(files):
        sink = pa.BufferOutputStream()
        names = list(dict.fromkeys(key for row in rows for key in row))
        table = pa.table({name: [row.get(name) for row in rows] for name in names})
        pq.write_table(table, sink)
        url = f"http://127.0.0.1:9/{number}.parquet"
        server.parquet.append(url)
        server.transport.files[url] = sink.getvalue().to_pybytes()


def timed(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{**row, "_timestamp": 100.0 + n} for n, row in enumerate(rows)]


@pytest.mark.parametrize(
    ("moved", "live_from", "again"),
    [
        # all in files; the tail live; live rows that are in a file as well
        ([(0, 60), (60, 100)], None, 100),
        ([(0, 60)], 60, 60),
        ([(0, 60)], 55, 55),
        ([(60, 80), (0, 60)], 80, 80),
    ],
)
async def test_files_and_live_rows_are_one_history(
    moved: list[tuple[int, int]], live_from: int | None, again: int
) -> None:
    rows = timed(
        [{"_step": n, "loss": n / 7, **({"t": f"x{n}"} if n % 5 else {})} for n in range(100)]
    )
    server = HistoryServer(rows[again:], line_count=100)
    export_rows(server, *(rows[a:b] for a, b in moved))
    server.live = [] if live_from is None else [{"_step": n} for n in range(live_from, 100)]
    last = {"lastStep": 99, "keys": {}}
    server.history_keys = last
    assert [row async for row in server.scan()] == rows
    part = [row async for row in server.scan(keys=["t"], min_step=50, max_step=90)]
    assert part == [{"t": r["t"], "_step": r["_step"]} for r in rows[50:90] if "t" in r]
    arrays = await server.scan().to_arrays()
    assert arrays["_step"].tolist() == list(range(100))
    assert arrays["loss"].tolist() == [n / 7 for n in range(100)]
    assert arrays["t"].tolist() == [row.get("t") for row in rows]


async def test_a_file_that_is_no_parquet_is_named() -> None:
    pytest.importorskip("pyarrow")
    server = HistoryServer(dense(3))
    server.parquet = ["http://127.0.0.1:9/0.parquet"]
    server.transport.files[server.parquet[0]] = b"<html>"
    with pytest.raises(ProtocolError, match="Parquet"):
        await server.scan().to_arrays()


async def test_a_server_without_parquet_files_is_read_through_live_pages() -> None:
    server = HistoryServer(dense(2000))
    refusal = {"errors": [{"message": 'Cannot query field "parquetHistory" on type "Run".'}]}

    def live(_: dict[str, Any]) -> Any:
        bounds: Any = server.bounds({})
        del bounds["project"]["run"]["parquetHistory"]
        return bounds

    for status in (200, 400):
        answer = response(status, json.dumps(refusal).encode())
        server.transport.handlers.update(ScanBounds=lambda _, a=answer: a, LiveBounds=live)
        assert [row async for row in server.scan()] == server.rows
    refusal["errors"][0]["message"] = "internal error"
    server.transport.handlers["FirstPage"] = lambda _: response(200, json.dumps(refusal).encode())
    with pytest.raises(GraphQLError, match="internal error"):
        await anext(server.scan().rows())


async def test_values_that_json_lacks_come_through() -> None:
    server = HistoryServer(dense(1))
    text = '{"_step": 0, "a": NaN, "b": [Infinity, -Infinity], "big": 123456789012345678901234}'
    server.transport.handlers["HistoryPage"] = lambda _: {"project": {"run": {"history": [text]}}}
    row: Any = await anext(server.scan().rows())
    assert row["a"] != row["a"]
    assert row["b"] == [float("inf"), float("-inf")]
    assert row["big"] == 123456789012345678901234


async def test_fewer_rows_than_the_server_counts_are_reported(
    caplog: pytest.LogCaptureFixture,
) -> None:
    server = HistoryServer(dense(3), line_count=4)
    with caplog.at_level(logging.WARNING, "asyncwb.api"):
        assert len([row async for row in server.scan()]) == 3
    assert "counts 4 rows" in caplog.text


@pytest.mark.parametrize(
    "arguments",
    [{"page_size": 0}, {"min_step": -1}, {"max_step": -5}, {"keys": "loss"}, {"keys": [1]}],
)
def test_a_bad_argument_raises_at_the_call(arguments: dict[str, Any]) -> None:
    with pytest.raises(InvalidValueError):
        HistoryServer([]).scan(**arguments)


def test_no_keys_means_all() -> None:
    assert check_keys([]) is None
    assert check_keys(("a", "b")) == ["a", "b"]


@given(st.lists(st.integers(0, 999), min_size=1), st.integers(0, 10), st.integers(1000, 2000))
def test_the_pieces_of_a_range_are_the_range(seen: list[int], low: int, high: int) -> None:
    span = StepRange(low, high)
    pieces = cut(span, [step for step in seen if low <= step < high] or [low])
    assert len(pieces) > 1
    assert pieces[0].start == low
    assert pieces[-1].stop == high
    assert all(a.stop == b.start for a, b in itertools.pairwise(pieces))
    assert all(piece.start < piece.stop for piece in pieces)


def test_large_rows_make_small_pages() -> None:
    sizes = PageSizes(1000, 10**6, 10**6)
    for _ in range(5):
        sizes.learn(StepRange(0, 1000), 1000, 50_000_000)
    assert sizes.steps() < 50


def test_the_spec_counts_the_last_step_in() -> None:
    server = HistoryServer(dense(10))
    assert len(read(server, keys=["loss"], min_step=2, max_step=5)) == 3
    spec = json.loads(server.transport.calls[1][1]["specs"][0])
    assert (spec["minStep"], spec["maxStep"], spec["keys"]) == (2, 4, ["loss", "_step"])


@settings(max_examples=60, deadline=None)
@given(
    logged=steps,
    low=st.integers(0, 60),
    high=st.none() | st.integers(0, 6_000),
    keyed=st.booleans(),
)
def test_columns_are_the_rows(logged: list[int], low: int, high: int | None, keyed: bool) -> None:
    rows = [
        {"_step": step, "n": n, **({"even": n / 2, "text": "NaN"} if n % 2 == 0 else {})}
        for n, step in enumerate(logged)
    ]
    asked: dict[str, Any] = {
        "page_size": 3, "min_step": low, "max_step": high, "keys": ["even"] if keyed else None,
    }  # fmt: skip
    expected = read(HistoryServer(rows), **asked)
    arrays = PORTAL.call(HistoryServer(rows).scan(**asked).to_arrays)
    assert set(arrays) == {"_step"} | {key for row in expected for key in row} | (
        {"even"} if keyed else set()
    )
    for key, array in arrays.items():
        assert array.shape == (len(expected),)
        for row, value in zip(expected, array.tolist(), strict=True):
            assert row.get(key) == value or (key not in row and (value is None or value != value))


def test_columns_of_keys_read_the_texts_of_numbers() -> None:
    server = HistoryServer([{"_step": 0, "a": "NaN"}, {"_step": 1, "a": "-Infinity"}])
    array = PORTAL.call(server.scan(keys=["a"]).to_arrays)["a"]
    assert array.dtype == "float64"
    assert array[0] != array[0]
    assert array[1] == float("-inf")


async def test_the_frame_of_a_run_and_a_run_that_is_gone() -> None:
    frame = await HistoryServer(dense(5000)).scan(keys=["loss"]).to_pandas()
    assert frame["loss"].tolist() == [1 / (n + 1) for n in range(5000)]
    assert str(frame["_step"].dtype) == "int64"
    server = HistoryServer(dense(1))
    server.transport.handlers["HistoryPage"] = lambda _: {"project": {"run": None}}
    with pytest.raises(RunNotFoundError):
        await server.scan().to_arrays()
