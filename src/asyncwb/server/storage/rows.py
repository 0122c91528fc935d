"""Small helpers over table rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import insert

if TYPE_CHECKING:
    from sqlalchemy import Connection, Table

__all__ = ["insert_row"]


def insert_row(connection: Connection, table: Table, **values: Any) -> int:
    """Add a row; returns its id."""
    key: Any = connection.execute(insert(table).values(**values)).inserted_primary_key
    return int(key[0])
