"""Indexes for slow searches on PostgreSQL: found and ordered as before, and no text is too long."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from test_search_indexes import SLOW, fill, found, search

from asyncwb.server.storage.database import Database
from asyncwb.server.storage.search_indexes import SearchIndexes
from asyncwb.server.storage.tables import runs

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from postgres import Cluster


@pytest.fixture
async def database(postgres: Cluster, tmp_path: Path) -> AsyncIterator[Database]:
    made = Database(postgres.database(tmp_path))
    await made.open()
    yield made
    await made.close()


async def test_a_slow_search_finds_the_same_and_runs_are_stored(database: Database) -> None:
    await database.write(fill)
    for filters, order in (
        ({"config.opt": "sgd"}, "-config.opt"),
        ({"config.lr": {"$gt": 0.98}}, "-summary_metrics.loss"),
    ):
        fields, query = search(filters, order)
        before = await database.read(lambda db, query=query: found(db, query))
        await SearchIndexes(database).note(fields.searched.values(), SLOW)
        assert await database.read(lambda db, query=query: found(db, query)) == before != []
    for number in range(3):  # longer than an index takes, also where it compresses
        text = "".join(chr(0x4E00 + (i * 7919 + number) % 20000) for i in range(9000))
        change = (
            runs.update()
            .where(runs.c.name == f"r{number}")
            .values(config_doc=json.dumps({"opt": text, "lr": 5}), summary_doc='{"loss": -1}')
        )
        await database.write(lambda db, change=change: db.execute(change).rowcount)
        _, query = search({"config.opt": text}, "+created_at")
        assert await database.read(lambda db, query=query: found(db, query)) == [f"r{number}"]
