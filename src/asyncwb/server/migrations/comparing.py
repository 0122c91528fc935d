"""How the types and the defaults of two columns are compared."""

from __future__ import annotations

from typing import Any

from sqlalchemy import String

__all__ = ["other_default", "other_type"]


def other_type(
    context: Any, _inspected: Any, _metadata: Any, there: Any, wanted: Any
) -> bool | None:
    """Whether a column has to change; None: what Alembic thinks. Adds collations of texts to it."""
    mine = wanted.dialect_impl(context.dialect)
    if context.dialect.name == "postgresql" and isinstance(mine, String):
        return not isinstance(there, String) or there.collation != mine.collation
    return None


def other_default(
    _context: Any, _inspected: Any, _column: Any, there: str | None, _wanted: Any, text: str | None
) -> bool:
    """Whether a default has to change; databases say it back with quotes and types of their own."""
    return _bare(there) != _bare(text)


def _bare(text: str | None) -> str | None:
    if text is None:
        return None
    bare = text.partition("::")[0].strip("()'")
    return {"false": "0", "true": "1"}.get(bare, bare)
