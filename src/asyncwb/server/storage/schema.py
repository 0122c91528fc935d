"""All tables together, and what their columns are on PostgreSQL.

SQLite orders texts by code points, bounds neither texts nor whole numbers by what a column
declares, and has no 32-bit column. Here the same is said to PostgreSQL, for every table, so that
both databases take the same values and answer in the same order.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Integer, String, Text

from . import (
    artifact_tables,
    automation_tables,
    custom_chart_tables,
    registry_tables,
    series_tables,
    session_tables,
    state_tables,
    team_tables,
    view_tables,
)
from .tables import metadata

__all__ = ["TABLE_MODULES", "metadata"]

TABLE_MODULES = (
    artifact_tables,
    automation_tables,
    custom_chart_tables,
    registry_tables,
    series_tables,
    session_tables,
    state_tables,
    team_tables,
    view_tables,
)
"""Imported for the tables they put into `metadata`."""


def _agree() -> None:
    for table in metadata.tables.values():
        for column in table.columns:
            kind = column.type
            if isinstance(kind, String):
                column.type = kind.with_variant(Text(collation="C"), "postgresql")
            elif isinstance(kind, Integer) and not isinstance(kind, BigInteger):
                column.type = kind.with_variant(BigInteger(), "postgresql")


_agree()
