"""How the types of two columns are compared."""

from __future__ import annotations

from typing import Any

from sqlalchemy import String

__all__ = ["same_type"]


def same_type(
    context: Any, _inspected: Any, _metadata: Any, there: Any, wanted: Any
) -> bool | None:
    """Whether a column has to change; None: what Alembic thinks. Adds collations of texts to it."""
    mine = wanted.dialect_impl(context.dialect)
    if context.dialect.name == "postgresql" and isinstance(mine, String):
        return not isinstance(there, String) or there.collation != mine.collation
    return None
