"""The tables of what charts read: the numbers of settled segments, key by key, in binary.

All of it can be made again from the segments, and goes with them: a row of `rollups` says that a
segment is settled, and what stands in it by key hangs on that row.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import BigInteger, Column, ForeignKey, Integer, LargeBinary, String, Table

from .tables import metadata

__all__ = ["has_columns", "rollups", "series_blocks", "series_values"]

_LONGEST_KEY = 256  # characters; an index holds it

_Id = BigInteger().with_variant(Integer, "sqlite")


rollups = Table(
    "rollups",
    metadata,
    Column("segment_id", _Id, ForeignKey("segments.id", ondelete="CASCADE"), primary_key=True),
    Column("line_count", BigInteger, nullable=False),
)


def _by_key(name: str, content: str) -> Table:
    """A table of one blob for each key of a segment, the segments of a run and key together."""
    owner: Any = ForeignKey("rollups.segment_id", ondelete="CASCADE")
    return Table(
        name,
        metadata,
        Column("run_id", BigInteger, primary_key=True),
        Column("stream", String(8), primary_key=True),
        Column("key", String(_LONGEST_KEY), primary_key=True),
        Column("segment_id", _Id, owner, primary_key=True, index=True),
        Column(content, LargeBinary, nullable=False),
        # stored in the order of the key: what a chart reads lies together
        sqlite_with_rowid=False,
    )


# Minimum, maximum, sum and count of every 32 rows, for a chart of many rows,
series_blocks = _by_key("series_blocks", "blocks")
# and every number, for one of few.
series_values = _by_key("series_values", "numbers")


def has_columns(key: str) -> bool:
    """Whether the numbers of a key are kept here; those of odd ones are read from the rows."""
    if len(key) > _LONGEST_KEY or "\0" in key:
        return False
    # lone surrogates, which no database takes
    return key.isascii() or key == key.encode("utf-8", "replace").decode()
