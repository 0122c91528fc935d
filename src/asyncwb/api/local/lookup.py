"""Values under a key that may be a path into nested values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["MISSING", "look_up"]

MISSING: Any = object()
"""Marks what is not there."""


def look_up(row: Mapping[str, Any], key: str) -> Any:
    """The value of a literal key, or of a dotted path into nested objects; `MISSING`: none."""
    if key in row:
        return row[key]
    head, dot, rest = key.partition(".")
    while dot:
        inner = row.get(head)
        if isinstance(inner, dict):
            found = look_up(cast("dict[str, Any]", inner), rest)
            if found is not MISSING:
                return found
        more, dot, rest = rest.partition(".")
        head = f"{head}.{more}"
    return MISSING
