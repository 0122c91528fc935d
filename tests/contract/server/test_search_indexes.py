"""Slow searches make their indexes, which change how a search is done and not what it finds."""

from __future__ import annotations

import itertools
import json
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import Connection, insert, literal, select, text

from asyncwb.server.filters import RunFields, compile_fields, order_by
from asyncwb.server.storage.accounts import create_user
from asyncwb.server.storage.database import Database
from asyncwb.server.storage.projects import create_project
from asyncwb.server.storage.search_indexes import SearchIndexes
from asyncwb.server.storage.tables import runs

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

MANY = 2500
SLOW = 1.0
COUNTED = "+created_at"
_marks = itertools.count()


def fill(connection: Connection, count: int = MANY) -> None:
    user = create_user(connection, username="u", name="u", email="", role="member")
    project = create_project(connection, user, user.entity_id, "p")
    rows: list[dict[str, Any]] = []
    for number in range(count):
        config = {"lr": number / count, "opt": "adam" if number % 3 else "sgd", "a.b": number}
        summary = {"loss": (number * 7919) % count} if number % 5 else {}
        moment = float(number)
        rows.append(
            {
                "project_id": project, "user_id": user.id, "name": f"r{number}",
                "display_name": "d", "state": "finished", "config_doc": json.dumps(config),
                "summary_doc": json.dumps(summary), "created_at": moment, "updated_at": moment,
                "heartbeat_at": moment,
            }
        )  # fmt: skip
    connection.execute(insert(runs), rows)


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    made = Database(f"sqlite:///{tmp_path / 'x.db'}")
    await made.open()
    yield made
    await made.close()


def search(filters: dict[str, Any], order: str) -> tuple[RunFields, Any]:
    fields = RunFields(literal("finished"))
    condition = compile_fields(json.dumps(filters), fields)
    by = order_by(order, fields)
    conditions, ordering = by.parts(None)[0]
    query = select(runs.c.name).where(runs.c.project_id == 1, condition, *conditions)
    if order == COUNTED:  # as for a count; a page would go by the index of the order
        return fields, query
    return fields, query.order_by(*ordering).limit(20)


def found(connection: Connection, query: Any) -> list[str]:
    return sorted(connection.execute(query).scalars())


def plan(connection: Connection, query: Any) -> str:
    # a text of its own: an EXPLAIN that is known already would tell the plan of then
    marks = next(_marks)
    compiled = query.compile(connection, compile_kwargs={"render_postcompile": True})
    rows = connection.exec_driver_sql(
        f"EXPLAIN QUERY PLAN {compiled} -- {marks}",
        tuple(compiled.params[k] for k in compiled.positiontup),
    )
    return " ".join(row[3] for row in rows)


def names(connection: Connection) -> set[str]:
    query = text("SELECT name FROM sqlite_master WHERE name LIKE 'search_%'")
    return set(connection.execute(query).scalars())


@pytest.mark.parametrize(
    ("filters", "order"),
    [
        ({"config.lr": {"$gt": 0.98}}, "+created_at"),
        ({"config.opt": "sgd"}, "-summary_metrics.loss"),
        ({"config.a.b": {"$lte": 30}}, "+created_at"),
        ({}, "+summary_metrics.loss"),
        ({"$and": [{"summary_metrics.loss": {"$gte": 2400}}]}, "-config.lr"),
    ],
)
async def test_a_slow_search_is_indexed(
    database: Database, filters: dict[str, Any], order: str
) -> None:
    await database.write(fill)
    fields, query = search(filters, order)
    before = await database.read(lambda db: found(db, query))
    assert len(before) >= 20
    assert "search_" not in await database.read(lambda db: plan(db, query))
    indexes = SearchIndexes(database)
    await indexes.note(fields.searched.values(), SLOW)
    assert await database.read(names) == set(fields.searched)
    assert "search_" in await database.read(lambda db: plan(db, query))
    assert await database.read(lambda db: found(db, query)) == before


async def test_an_index_follows_changes(database: Database) -> None:
    await database.write(fill)
    fields, query = search({"config.lr": {"$gt": 2}}, "+created_at")
    await SearchIndexes(database).note(fields.searched.values(), SLOW)
    assert await database.read(lambda db: found(db, query)) == []
    change = runs.update().where(runs.c.name == "r7").values(config_doc='{"lr": 3}')
    await database.write(lambda db: db.execute(change).rowcount)
    assert await database.read(lambda db: found(db, query)) == ["r7"]


async def test_quick_searches_and_few_runs_get_none(database: Database) -> None:
    await database.write(lambda db: fill(db, 50))
    fields, _ = search({"config.lr": 1}, "-summary_metrics.loss")
    indexes = SearchIndexes(database)
    await indexes.note(fields.searched.values(), SLOW)
    assert await database.read(names) == set()
    await database.write(
        lambda db: db.execute(runs.update().where(runs.c.name == "r1").values(id=MANY)).rowcount
    )
    await indexes.note(fields.searched.values(), 0.001)
    assert await database.read(names) == set()
    await indexes.note(fields.searched.values(), SLOW)
    assert await database.read(names) == set(fields.searched)


async def test_indexes_are_bounded_and_the_used_ones_stay(database: Database) -> None:
    await database.write(fill)
    indexes = SearchIndexes(database)
    used, _ = search({"config.lr": 1}, "+created_at")
    await indexes.note(used.searched.values(), SLOW)
    for number in range(40):
        fields, _ = search({f"config.k{number}": 1}, "+created_at")
        await indexes.note(fields.searched.values(), SLOW)
        await indexes.note(used.searched.values(), 0.001)
    there = await database.read(names)
    assert len(there) == 24
    assert set(used.searched) <= there
    assert set(fields.searched) <= there
