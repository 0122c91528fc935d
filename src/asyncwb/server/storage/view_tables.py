"""The table of views: reports and saved workspaces."""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    String,
    Table,
    Text,
)

from .tables import metadata

__all__ = ["views"]

_Id = BigInteger().with_variant(Integer, "sqlite")


def _to(target: str, ondelete: str) -> Any:
    return ForeignKey(target, ondelete=ondelete)


views = Table(
    "views",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("project_id", _to("projects.id", "CASCADE"), nullable=False),
    Column("user_id", _to("users.id", "SET NULL")),
    Column("updated_by", _to("users.id", "SET NULL")),
    Column("type", String(64), nullable=False),
    Column("name", String(128), nullable=False),
    Column("display_name", Text),
    Column("description", Text),
    Column("spec", Text, nullable=False),  # JSON, as it came
    Column("locked", Boolean, nullable=False, server_default="0"),
    Column("preview_url", Text),
    Column("cover_url", Text),
    Column("created_at", Float(53), nullable=False),
    Column("updated_at", Float(53), nullable=False),
    Index("views_by_type", "project_id", "type", "id"),
    sqlite_autoincrement=True,
)
