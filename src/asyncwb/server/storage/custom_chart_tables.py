"""The table of presets of custom charts."""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    Float,
    ForeignKey,
    Integer,
    String,
    Table,
    Text,
    UniqueConstraint,
)

from .tables import metadata

__all__ = ["custom_charts"]

_Id = BigInteger().with_variant(Integer, "sqlite")


def _to(target: str, ondelete: str) -> Any:
    return ForeignKey(target, ondelete=ondelete)


custom_charts = Table(
    "custom_charts",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("entity_id", _to("entities.id", "CASCADE"), nullable=False),
    Column("user_id", _to("users.id", "SET NULL")),
    Column("name", String(128), nullable=False),
    Column("display_name", Text, nullable=False),
    Column("type", String(16), nullable=False),
    Column("access", String(16), nullable=False),  # PRIVATE or PUBLIC
    Column("spec", Text, nullable=False),  # JSON, as it came
    Column("created_at", Float(53), nullable=False),
    UniqueConstraint("entity_id", "name"),
    sqlite_autoincrement=True,
)
