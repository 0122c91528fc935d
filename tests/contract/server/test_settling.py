"""Settled segments hold the same lines, and charts of them are those of their rows."""

from __future__ import annotations

import itertools
import json
import math
import random
from typing import TYPE_CHECKING, Any

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings
from sqlalchemy import Connection, create_engine, event, func, select, update
from test_lines_property import make_run

from asyncwb.server.storage import branching, history, ingest, lines, settling
from asyncwb.server.storage.chart import chart
from asyncwb.server.storage.series import View, points_of
from asyncwb.server.storage.series_tables import rollups, series_blocks, series_values
from asyncwb.server.storage.tables import metadata, runs, segments

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from server_client import Client

ENDED = 0.0  # heartbeats of runs made by `make_run`: they rest


@pytest.fixture
def connection() -> Iterator[Connection]:
    yield from _connection()


def _connection() -> Iterator[Connection]:
    engine = create_engine("sqlite://")
    event.listen(engine, "connect", lambda c, _: c.execute("PRAGMA foreign_keys=ON"))
    with engine.begin() as connection:
        metadata.create_all(connection)
        yield connection
    engine.dispose()


def log(connection: Connection, run_id: int, offset: int, rows: list[str]) -> None:
    request = ingest.FileStreamRequest(files={"wandb-history.jsonl": ingest.Chunk(offset, rows)})
    ingest.apply(connection, run_id, request, ingest.prepare(request), "")
    # `apply` is a sign of life
    connection.execute(update(runs).where(runs.c.id == run_id).values(heartbeat_at=ENDED))


def settle(connection: Connection, run_id: int, stream: str = "history") -> int:
    """Everything that can be settled; how many segments came of it."""
    groups = settling.plan(connection, run_id, stream).groups
    for group in groups:
        settled = settling.prepare(connection, group)
        assert settled is not None
        assert settling.store(connection, settled)
    return len(groups)


def drawn(connection: Connection, run_id: int, **asked: Any) -> dict[str, Any]:
    view = View(**{"x": "_step", "stream": "history", "points": 500, **asked})
    found = chart(
        [("r", points_of(connection, run_id, view))], view.points, logarithmic=view.logarithmic
    )
    return found.as_json()


def counts(connection: Connection) -> tuple[int, ...]:
    return tuple(
        connection.execute(select(func.count()).select_from(table)).scalar_one()
        for table in (segments, rollups, series_blocks, series_values)
    )


number = st.one_of(st.integers(-5, 5), st.floats(-10, 10, width=32))
value = st.one_of(number, st.text(max_size=2), st.booleans(), st.none(), st.just(math.nan))
row = st.fixed_dictionaries(
    {},
    optional={
        "v": value,
        "n": st.fixed_dictionaries({}, optional={"x": value, "y": st.just({"z": 1})}),
        "n.x": value,
        "t": number,
        "pad": st.just("x" * 60_000),
    },
)
writes = st.lists(
    st.tuples(st.integers(0, 12), st.lists(row, min_size=1, max_size=8), st.booleans()),
    min_size=1,
    max_size=8,
)


def numbers(rows: dict[int, dict[str, Any]], x: str, y: str) -> dict[float, float]:
    """What a chart of few rows shows: finite numbers under both keys."""
    found = {}
    for stored in rows.values():
        pair = [_of(stored, x), _of(stored, y)]
        if all(isinstance(v, int | float) and type(v) is not bool for v in pair) and all(
            map(math.isfinite, pair)
        ):
            found[pair[0]] = pair[1]
    return found


def _of(stored: dict[str, Any], key: str) -> Any:
    if key in stored or "." not in key:
        return stored.get(key)
    inner = stored.get(key[0])
    return inner.get(key[2:]) if isinstance(inner, dict) else None


@given(writes, st.data())
@settings(max_examples=60, deadline=None)
def test_settling_between_writes_changes_nothing_that_is_seen(
    plan: list[tuple[int, list[dict[str, Any]], bool]], data: st.DataObject
) -> None:
    for connection in _connection():
        run_id = make_run(connection)
        expected: dict[int, dict[str, Any]] = {}
        for offset, rows, settled in plan:
            # every line has a step of its own, not in the order of the lines
            stepped = [{"_step": (offset + i) * 7 % 41, **r} for i, r in enumerate(rows)]
            log(connection, run_id, offset, [json.dumps(r) for r in stepped])
            expected.update(enumerate(stepped, offset))
            if settled:
                settle(connection, run_id)
                assert settle(connection, run_id) == 0
        texts, _ = lines.copy_lines(connection, run_id, last_step=100)
        assert texts == [json.dumps(expected[i]) for i in sorted(expected)]
        by_step = [json.dumps(r) for r in sorted(expected.values(), key=lambda r: r["_step"])]
        assert history.rows_between(connection, run_id, None, None) == by_step
        for key in ("v", "n.x", "_step", "nothing"):
            assert _pairs(drawn(connection, run_id, y=key)) == pytest.approx(
                numbers(expected, "_step", key)
            )
        low, high = data.draw(st.integers(-2, 20)), data.draw(st.integers(10, 45))
        near = _pairs(drawn(connection, run_id, y="v", low=low, high=high))
        wanted = numbers(expected, "_step", "v")
        assert near == pytest.approx({x: y for x, y in wanted.items() if low <= x <= high})
        places = drawn(connection, run_id, y="v", x="t")["x"]
        assert places == pytest.approx(sorted(numbers(expected, "t", "v")))


def _pairs(found: dict[str, Any]) -> dict[float, float]:
    return {x: y for x, y in zip(found["x"], found["y"]["r"], strict=True) if y is not None}


def rows_of_a_long_run(count: int, pause: int = 0) -> list[str]:
    """A noisy curve with spikes, a sparse metric, and a clock that stands still for a while."""
    rng = random.Random(3)
    rows: list[dict[str, Any]] = []
    for i in range(count):
        clock = i * 0.1 + (1000 if pause and i >= pause else 0)
        rows.append({"_step": i, "_runtime": clock, "v": math.sin(i / 900) + rng.random() / 9})
        if i % 250 == 7:
            rows[-1]["sparse"] = i
    rows[12_345]["v"], rows[31_234]["v"] = 50, -60
    return [json.dumps(r) for r in rows]


@pytest.fixture(scope="module")
def long_run() -> Iterator[tuple[Connection, int, int]]:
    """The same rows in two runs, the second one settled."""
    for connection in _connection():
        plain = make_run(connection)
        settled = _second_run(connection, plain)
        rows = rows_of_a_long_run(40_000, pause=20_000)
        for start in range(0, len(rows), 500):
            log(connection, plain, start, rows[start : start + 500])
            log(connection, settled, start, rows[start : start + 500])
        before = _segments_of(connection, settled)
        settle(connection, settled)
        assert _segments_of(connection, settled) < before
        assert _segments_of(connection, plain) == before
        yield connection, plain, settled


def _second_run(connection: Connection, first: int) -> int:
    values = dict(connection.execute(select(runs).where(runs.c.id == first)).mappings().one())
    del values["id"]
    key = connection.execute(runs.insert().values({**values, "name": "s"})).inserted_primary_key
    assert key is not None
    return int(key[0])


def _segments_of(connection: Connection, run_id: int) -> int:
    query = select(func.count()).select_from(segments).where(segments.c.run_id == run_id)
    return int(connection.execute(query).scalar_one())


@pytest.mark.parametrize(
    "asked",
    [
        {"y": "v"},
        {"y": "v", "points": 100},
        {"y": "v", "points": 100, "x": "_runtime"},
        {"y": "v", "points": 100, "low": 10_000, "high": 35_000},
        {"y": "v", "points": 100, "logarithmic": True},
        {"y": "v", "points": 100, "x": "v"},
    ],
    ids=str,
)
def test_blocks_draw_the_same_picture(
    long_run: tuple[Connection, int, int], asked: dict[str, Any]
) -> None:
    connection, plain, settled = long_run
    want, got = drawn(connection, plain, **asked), drawn(connection, settled, **asked)
    points = asked.get("points", 500)
    # as many buckets; extremes are never lost, and never more than a bucket away
    assert len(got["x"]) == pytest.approx(len(want["x"]), rel=0.02)
    ours, theirs = (np.array(a["y"]["r"], dtype=float) for a in (got, want))
    assert np.nanmin(ours) == np.nanmin(theirs)
    assert np.nanmax(ours) == np.nanmax(theirs)
    for wanted in (np.nanargmin, np.nanargmax):
        at = [a["x"][int(wanted(values))] for a, values in ((got, ours), (want, theirs))]
        assert abs(at[0] - at[1]) <= 2 * np.diff(want["x"]).max()
    if want["mean"] is not None:
        assert len(got["x"]) <= 2 * points
        means = [np.array(a["mean"]["r"], dtype=float) for a in (got, want)]
        pairs = zip((got, want), means, strict=True)
        middle = [np.interp(want["x"], *_known(a["x"], m)) for a, m in pairs]
        assert np.median(np.abs(middle[0] - middle[1])) < 0.03


def _known(x: list[float], values: Any) -> tuple[Any, Any]:
    there = ~np.isnan(values)
    return np.array(x)[there], values[there]


@pytest.mark.parametrize("asked", [{"y": "sparse"}, {"y": "v", "low": 12_300, "high": 12_400}])
def test_few_rows_are_exact(long_run: tuple[Connection, int, int], asked: dict[str, Any]) -> None:
    connection, plain, settled = long_run
    assert drawn(connection, settled, **asked) == drawn(connection, plain, **asked)


def test_what_changes_a_settled_segment_unsettles_it(connection: Connection) -> None:
    run_id = make_run(connection)
    log(connection, run_id, 0, ['{"_step": 0, "v": 1}', '{"_step": 1, "v": 2}'])
    assert settle(connection, run_id) == 1
    assert counts(connection) == (1, 1, 2, 2)
    log(connection, run_id, 1, ['{"_step": 1, "v": 7}'])  # another line in its place
    assert counts(connection) == (1, 0, 0, 0)
    assert _pairs(drawn(connection, run_id, y="v")) == {0: 1, 1: 7}
    settle(connection, run_id)
    log(connection, run_id, 2, ['{"_step": 2, "w": 3}'])  # the last segment grows
    assert counts(connection) == (1, 0, 0, 0)
    settle(connection, run_id)
    assert counts(connection) == (1, 1, 3, 3)
    log(connection, run_id, 2, ['{"_step": 2, "w": 3}'])  # a repeated request changes nothing
    assert counts(connection) == (1, 1, 3, 3)
    branching.rewind(connection, run_id, "_step", 0)
    assert counts(connection) == (1, 0, 0, 0)
    assert _pairs(drawn(connection, run_id, y="v")) == {0: 1}
    settle(connection, run_id)
    connection.execute(runs.delete().where(runs.c.id == run_id))
    assert counts(connection) == (0, 0, 0, 0)


@pytest.mark.parametrize(
    "key", ["a\0b", 'a"b', "a\\b", "x" * 300, "\ud800", "\U0001f600", "", "a.b"]
)
def test_odd_keys_are_drawn_and_do_not_stop_the_others(connection: Connection, key: str) -> None:
    run_id = make_run(connection)
    log(connection, run_id, 0, [json.dumps({"_step": i, "v": i, key: -i}) for i in range(3)])
    assert settle(connection, run_id) == 1
    assert _pairs(drawn(connection, run_id, y="v")) == {0: 0, 1: 1, 2: 2}
    if key != "\ud800":  # what asks for it has another character in its place
        assert _pairs(drawn(connection, run_id, y=key)) == {0: 0, 1: -1, 2: -2}


def test_a_group_that_changed_meanwhile_is_left_alone(connection: Connection) -> None:
    run_id = make_run(connection)
    log(connection, run_id, 0, ['{"_step": 0, "v": 1}'])
    log(connection, run_id, 5, ['{"_step": 5, "v": 1}'])
    log(connection, run_id, 1, ['{"_step": 1, "v": 1}'])
    (group,) = settling.plan(connection, run_id, "history").groups[:1]
    first = settling.prepare(connection, group)
    second = settling.prepare(connection, group)
    assert first is not None
    assert second is not None
    log(connection, run_id, 1, ['{"_step": 1, "v": 3}'])  # of equal length
    assert not settling.store(connection, first)
    again = settling.prepare(connection, group)
    assert again is not None
    assert settling.store(connection, again)
    assert not settling.store(connection, second)
    assert settling.prepare(connection, group) is None


def test_segments_that_may_grow_wait(connection: Connection) -> None:
    run_id = make_run(connection)
    filler = "x" * 30_000
    for number in range(30):
        log(connection, run_id, number, [json.dumps({"_step": number, "f": filler})])
    alive = update(runs).where(runs.c.id == run_id).values(heartbeat_at=2e9)
    connection.execute(alive)
    settled = settle(connection, run_id)
    assert settled
    plan = settling.plan(connection, run_id, "history")
    assert plan.groups == []
    assert plan.waiting
    last = connection.execute(select(func.max(segments.c.id))).scalar_one()
    assert last not in connection.execute(select(rollups.c.segment_id)).scalars().all()
    connection.execute(update(runs).where(runs.c.id == run_id).values(state="finished"))
    assert settle(connection, run_id) == 1
    assert not settling.plan(connection, run_id, "history").waiting
    query = select(segments.c.byte_count).order_by(segments.c.first_line)
    sizes = connection.execute(query).scalars().all()
    assert max(sizes) <= lines.SEGMENT_BYTES
    # no two neighbours would fit into one
    assert min(a + b for a, b in itertools.pairwise(sizes)) > lines.SEGMENT_BYTES


def test_console_lines_and_system_metrics_settle_too(connection: Connection) -> None:
    run_id = make_run(connection)
    for start in range(0, 20, 2):
        lines.write_lines(connection, run_id, "output", "", start * 2, [f"line {start}"])
        lines.write_lines(connection, run_id, "events", "", start, ['{"_runtime":1,"cpu":2}'])
    assert settle(connection, run_id, "output") == 10  # not neighbours: there are gaps
    assert settle(connection, run_id, "events") == 10
    found = history.console_lines(connection, run_id, 0, 100)
    assert found == [(start * 2, f"line {start}") for start in range(0, 20, 2)]
    system = drawn(connection, run_id, y="cpu", x="_runtime", stream="events")
    assert _pairs(system) == {1: 2}


async def test_the_server_settles_by_itself(client: Client, tmp_path: Path) -> None:
    from asyncwb.server.config import ServerConfig
    from asyncwb.server.storage.database import Database
    from asyncwb.server.upkeep import Upkeep

    await client.upsert("a")
    for start in range(0, 3000, 100):
        rows = [{"_step": i, "v": i} for i in range(start, start + 100)]
        await client.history("a", start, rows)
    await client.stream("a", {"complete": True, "exitcode": 0})
    database = Database(ServerConfig(data_dir=str(tmp_path)).database)
    await database.open()
    try:
        # beside the one that is part of the server: whoever comes second finds it done
        await Upkeep(database, rest=0).once()
        query: Callable[[Connection], Any] = lambda db: db.execute(  # noqa: E731
            select(segments.c.id, rollups.c.line_count).outerjoin(rollups)
        ).all()
        found = await database.read(query)
    finally:
        await database.close()
    assert all(line_count for _, line_count in found)
    assert sum(line_count for _, line_count in found) == 3000
    answer = await client.http.post(
        "/-/series",
        json={"entity": "local", "project": "demo", "runs": ["a"], "y": "v", "points": 10},
    )
    assert max(v for v in answer.json()["y"]["a"] if v is not None) == 2999
    assert await client.rows("a") == [{"_step": i, "v": i} for i in range(3000)]
