"""Indexes over values inside the documents of runs, made for what people search by.

A config or a summary has any keys. Where a search over many runs was slow, the keys it compared or
ordered by get an index over just that expression; the database keeps it true. There are a few
dozen at most, and the one that was not used for longest makes room.
"""

from __future__ import annotations

import hashlib
import logging
import time
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from sqlalchemy import func, select, text
from sqlalchemy.exc import SQLAlchemyError

from .tables import runs

if TYPE_CHECKING:
    from collections.abc import Collection

    from sqlalchemy import ColumnElement, Connection

    from .database import Database

__all__ = ["SearchIndexes", "Searched"]

_log = logging.getLogger("asyncwb.server")

_SLOW_SECONDS = 0.03
_MANY_RUNS = 2000
_MOST = 24
_PREFIX = "search_"
_NAMES = {
    "sqlite": text("SELECT name FROM sqlite_master WHERE type = 'index' AND tbl_name = 'runs'"),
    "postgresql": text("SELECT indexname FROM pg_indexes WHERE tablename = 'runs'"),
}


class Searched(NamedTuple):
    """What a search looked at: a part of the value under a key of a document.

    Attributes:
        column: The document's column of `runs`.
        key: The key.
        part: Which expression of the value.
        expression: It, in the words of any database.
    """

    column: str
    key: str
    part: Literal["number", "text", "sort_key"]
    expression: ColumnElement[Any]

    @property
    def name(self) -> str:
        """Name of the index over it."""
        parts = "\0".join((self.column, self.key, self.part))
        return _PREFIX + hashlib.blake2b(parts.encode(), digest_size=12).hexdigest()


class SearchIndexes:
    """Makes indexes where searches were slow.

    Args:
        database: Has the runs.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._used: dict[str, float] = {}

    async def note(self, searched: Collection[Searched], seconds: float) -> None:
        """A search has taken this long; makes the indexes that the next one needs.

        The one who asked waits for it, once for each key: of many runs, and where it was slow.
        """
        now = time.monotonic()
        for one in searched:
            if one.name in self._used:
                self._used[one.name] = now
        if self._database.dialect == "postgresql":
            # a run with a longer text than an index takes could not be stored any more
            searched = [one for one in searched if one.part != "text"]
        if not searched or seconds < _SLOW_SECONDS:
            return
        found = await self._database.read(_names_of_many)
        if found is None:
            return
        self._used = {name: self._used.get(name, 0.0) for name in found}
        missing = [one for one in searched if one.name not in found]
        if not missing:
            return
        try:
            await self._database.write(lambda db: self._make(db, missing))
        except SQLAlchemyError:
            # the search itself was answered
            _log.exception("an index for a search could not be made")
        else:
            self._used.update((one.name, now) for one in missing)

    def _make(self, connection: Connection, missing: list[Searched]) -> None:
        there = _names(connection)
        for one in missing:
            if len(there) >= _MOST:
                oldest = min(there, key=lambda name: self._used.get(name, 0.0))
                there.remove(oldest)
                connection.exec_driver_sql(f"DROP INDEX IF EXISTS {oldest}")
            connection.exec_driver_sql(_definition(connection, one))
            there.add(one.name)
        # without it, the planner does not know which of two indexes says more
        if connection.dialect.name == "sqlite":
            connection.exec_driver_sql("PRAGMA analysis_limit=1000")
        connection.exec_driver_sql("ANALYZE runs")


def _names_of_many(connection: Connection) -> set[str] | None:
    """The indexes there are; None where the runs are few."""
    highest = connection.execute(select(func.max(runs.c.id))).scalar()
    return _names(connection) if (highest or 0) >= _MANY_RUNS else None


def _names(connection: Connection) -> set[str]:
    found = connection.execute(_NAMES[connection.dialect.name]).scalars()
    return {name for name in found if name.startswith(_PREFIX)}


def _definition(connection: Connection, searched: Searched) -> str:
    dialect = connection.dialect
    expression = dialect.statement_compiler(dialect, None).process(
        searched.expression, include_table=False, literal_binds=True
    )
    return f"CREATE INDEX IF NOT EXISTS {searched.name} ON runs (project_id, ({expression}), id)"
