"""Rows from one database to another, each number as it is, and proof that they arrived."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

from sqlalchemy import Integer, func, insert, select, text

from asyncwb.errors import UsageError
from asyncwb.server.jsontext import decode, query_form
from asyncwb.server.storage.schema import metadata
from asyncwb.server.storage.state_tables import server_state

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Self

    from sqlalchemy import Connection, Table

__all__ = ["compare_tables", "copy_tables"]

_ROWS = 500
_BATCH_BYTES = 8 * 1024**2


def copy_tables(
    source: Connection, target: Connection, told: Callable[[str, int], None]
) -> dict[str, int]:
    """Copy every table, in the transactions of two connections, and compare what arrived.

    Args:
        source: One view of the database.
        target: Of an empty database, in a transaction.
        told: Called with each table and the number of its rows.

    Returns:
        How many rows each table has.

    Raises:
        UsageError: What arrived is not what was there.
    """
    counts: dict[str, int] = {}
    for table in metadata.sorted_tables:
        if table is server_state:  # the secret has another form beside SQLite
            continue
        sent = _Fingerprint()
        for batch in _batches(source, table):
            rows = [_portable(row) for row in batch]
            for row in rows:
                sent.add(row)
            target.execute(insert(table), rows)
        _check(table, sent, _Fingerprint.of(target, table))
        _go_on(source, target, table)
        counts[table.name] = sent.count
        told(table.name, sent.count)
    return counts


def compare_tables(
    source: Connection, target: Connection, told: Callable[[str, int], None]
) -> dict[str, int]:
    """See that a database is a copy; the arguments and the result as of `copy_tables`.

    Raises:
        UsageError: It is not.
    """
    counts: dict[str, int] = {}
    for table in metadata.sorted_tables:
        sent = _Fingerprint.of(source, table)
        _check(table, sent, _Fingerprint.of(target, table))
        counts[table.name] = sent.count
        told(table.name, sent.count)
    return counts


def _check(table: Table, sent: _Fingerprint, arrived: _Fingerprint) -> None:
    if str(sent) != str(arrived):
        raise UsageError(
            f"The table {table.name} did not arrive as it was: {sent} were sent, {arrived} are "
            "there. Nothing was kept."
        )


class _Fingerprint:
    """Number and digest of rows in the order of their keys."""

    def __init__(self) -> None:
        self.count = 0
        self._digest = hashlib.blake2b(digest_size=16)

    def add(self, row: dict[str, Any]) -> None:
        """One more."""
        self.count += 1
        self._digest.update(repr(list(row.values())).encode("utf-8", "backslashreplace"))

    @classmethod
    def of(cls, connection: Connection, table: Table) -> Self:
        """Of all rows of a table."""
        made = cls()
        for batch in _batches(connection, table):
            for row in batch:
                made.add(row)
        return made

    def __str__(self) -> str:
        return f"{self.count} rows ({self._digest.hexdigest()})"


def _batches(connection: Connection, table: Table) -> Iterator[list[dict[str, Any]]]:
    query = select(table).order_by(*table.primary_key.columns)
    batch: list[dict[str, Any]] = []
    size = 0
    options = {"stream_results": True, "yield_per": _ROWS}
    for row in connection.execute(query, execution_options=options).mappings():
        batch.append(dict(row))
        size += sum(len(value) for value in row.values() if isinstance(value, str | bytes))
        if len(batch) >= _ROWS or size >= _BATCH_BYTES:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _portable(row: dict[str, Any]) -> dict[str, Any]:
    """The row as both databases can hold it; rows of today's servers are so already."""
    for name, value in row.items():
        if isinstance(value, str) and "\0" in value:
            row[name] = value = value.replace("\0", "\ufffd")
        if isinstance(value, str) and name.endswith("_doc") and "\\u" in value:
            row[name] = query_form(decode(value))
    return row


def _go_on(source: Connection, target: Connection, table: Table) -> None:
    """Let the target number new rows where the source would: numbers are never used again."""
    (key, *more) = table.primary_key.columns
    if more or not isinstance(key.type, Integer) or key.foreign_keys:
        return
    last = _last_number(source, table, key)
    if not last:
        return
    if target.dialect.name == "sqlite":
        target.execute(text("DELETE FROM sqlite_sequence WHERE name = :t"), {"t": table.name})
        statement = "INSERT INTO sqlite_sequence (name, seq) VALUES (:t, :last)"
        target.execute(text(statement), {"t": table.name, "last": last})
    else:
        target.execute(
            text("SELECT setval(pg_get_serial_sequence(:t, :key), :last)"),
            {"t": table.name, "key": key.name, "last": last},
        )


def _last_number(connection: Connection, table: Table, key: Any) -> int:
    if connection.dialect.name == "sqlite":
        query = text("SELECT seq FROM sqlite_sequence WHERE name = :t")
        found = connection.execute(query, {"t": table.name}).scalar()
    else:
        query = text("SELECT pg_sequence_last_value(pg_get_serial_sequence(:t, :key)::regclass)")
        found = connection.execute(query, {"t": table.name, "key": key.name}).scalar()
    highest = connection.execute(select(func.max(key))).scalar()
    return max(int(found or 0), int(highest or 0))
