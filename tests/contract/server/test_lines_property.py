"""Any interleaving of writes, replays and overlaps leaves the same lines as plain assignment."""

from __future__ import annotations

import json
from array import array
from collections import Counter
from contextlib import contextmanager
from typing import TYPE_CHECKING

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, given, settings
from server_client import behind
from sqlalchemy import Connection, insert, select

from asyncwb.server.storage import history, ingest, lines
from asyncwb.server.storage.accounts import create_user
from asyncwb.server.storage.projects import project_for
from asyncwb.server.storage.schema import metadata
from asyncwb.server.storage.tables import runs, segments

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

row = st.fixed_dictionaries(
    {"_step": st.integers(-3, 40)},
    optional={
        "a": st.one_of(st.integers(), st.text(max_size=3), st.booleans(), st.none()),
        "b.c": st.floats(allow_nan=False),
        "n": st.dictionaries(st.sampled_from("xy"), st.integers(0, 9), max_size=2),
        "pad": st.just("x" * 40_000),
    },
)
writes = st.lists(
    st.tuples(st.integers(0, 12), st.lists(row, min_size=1, max_size=8)), min_size=1, max_size=8
)


def make_run(connection: Connection) -> int:
    user = create_user(connection, username="u", name="u", email="", role="admin")
    project_id, _ = project_for(connection, user, "u", "p")
    key = connection.execute(
        insert(runs).values(
            project_id=project_id,
            user_id=user.id,
            name="r",
            display_name="r",
            state="running",
            created_at=0.0,
            updated_at=0.0,
            heartbeat_at=0.0,
        )
    ).inserted_primary_key
    assert key is not None
    return int(key[0])


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    with behind(folder) as connection:
        metadata.create_all(connection)
    return folder


@contextmanager
def undone(folder: Path) -> Iterator[Connection]:
    """A connection to a database with tables; what is done to it goes with it."""
    with behind(folder) as connection:
        before = connection.begin_nested()
        yield connection
        before.rollback()


@given(plan=writes, data=st.data())
@settings(
    max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_writes_at_offsets(
    folder: Path, plan: list[tuple[int, list[dict[str, object]]]], data: st.DataObject
) -> None:
    expected: dict[int, dict[str, object]] = {}
    with undone(folder) as connection:
        run_id = make_run(connection)
        done: list[tuple[int, list[dict[str, object]]]] = []
        for offset, rows in plan:
            again = data.draw(st.booleans())
            for start, chunk in [(offset, rows), (offset, rows)] if again else [(offset, rows)]:
                request = ingest.FileStreamRequest(
                    files={
                        "wandb-history.jsonl": ingest.Chunk(start, [json.dumps(r) for r in chunk])
                    }
                )
                ingest.apply(connection, run_id, request, ingest.prepare(request), "")
            done.append((offset, rows))
            expected.update(enumerate(rows, offset))
        stored = [
            (segment.first_line + i, json.loads(text), step)
            for segment in connection.execute(select(segments).order_by(segments.c.first_line))
            for i, (text, step) in enumerate(
                zip(lines.split(segment.data), array("q", segment.steps), strict=True)
            )
        ]
        assert [(number, found) for number, found, _ in stored] == sorted(expected.items())
        assert all(step == found["_step"] for _, found, step in stored)
        state = connection.execute(select(runs)).one()
        assert state.history_lines == max(expected) + 1
        check_keys(json.loads(state.history_keys), expected)
        low, high = data.draw(st.integers(-5, 20)), data.draw(st.integers(0, 45))
        page = [json.loads(text) for text in history.rows_between(connection, run_id, low, high)]
        wanted = [r for _, r in sorted(expected.items()) if low <= r["_step"] < high]  # type: ignore[operator]
        assert sorted(map(json.dumps, page)) == sorted(map(json.dumps, wanted))
        assert [r["_step"] for r in page] == sorted(r["_step"] for r in wanted)  # type: ignore[type-var]


def check_keys(found: dict[str, dict[str, int]], rows: dict[int, dict[str, object]]) -> None:
    names = {bool: "boolean", int: "number", float: "number", str: "string", type(None): "nil"}
    wanted: Counter[tuple[str, str]] = Counter()
    for stored in rows.values():
        for key, value in stored.items():
            if isinstance(value, dict):
                wanted.update((f"{key}.{inner}", "number") for inner in value)
            else:
                wanted[key, names[type(value)]] += 1
    assert {(k, t): n for k, types in found.items() for t, n in types.items()} == wanted


def test_segments_are_bounded_and_grow(folder: Path) -> None:
    with undone(folder) as connection:
        run_id = make_run(connection)
        big = ["x" * 200_000] * 3
        lines.write_lines(connection, run_id, "output", "", 0, big)
        for number in range(50):
            lines.write_lines(connection, run_id, "output", "", 3 + number, [f"line {number}"])
        found = connection.execute(select(segments.c.line_count, segments.c.byte_count)).all()
    assert sorted(found) == [(1, 200_000)] * 3 + [
        (50, sum(len(f"line {n}") + 1 for n in range(50)) - 1)
    ]


def test_samples_are_even_and_keep_both_ends() -> None:
    assert list(history.pick(10, 4)) == [0, 3, 6, 9]
    assert list(history.pick(3, 500)) == [0, 1, 2]
    assert list(history.pick(5, 1)) == [4]
    assert list(history.pick(0, 3)) == []
    assert list(history.pick(5, 0)) == []
    assert len(set(history.pick(1000, 333))) == 333
