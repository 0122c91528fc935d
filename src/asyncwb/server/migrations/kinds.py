"""Types of columns as scripts name them: what the two databases have for one idea.

Scripts of released versions use them: add to them, change none.
"""

from __future__ import annotations

from typing import Any, Literal

from sqlalchemy import BigInteger, Integer, String, Text

__all__ = ["rendered", "row_id", "text", "whole"]


def row_id() -> Any:
    """The number of a row, and references to one."""
    return BigInteger().with_variant(Integer(), "sqlite")


def whole() -> Any:
    """A whole number of 64 bits, which SQLite's have anyway."""
    return Integer().with_variant(BigInteger(), "postgresql")


def text(length: int | None = None) -> Any:
    """A text that orders by code points; the length is a remark."""
    declared = Text() if length is None else String(length)
    return declared.with_variant(Text(collation="C"), "postgresql")


def rendered(kind: str, item: Any, context: Any) -> str | Literal[False]:
    """How a draft of a script writes a type."""
    variants = getattr(item, "_variant_mapping", {})
    if kind != "type" or not variants:
        return False
    context.imports.add("from asyncwb.server.migrations import kinds")
    if isinstance(item, String):
        return "kinds.text()" if item.length is None else f"kinds.text({item.length})"
    return "kinds.row_id()" if "sqlite" in variants else "kinds.whole()"
