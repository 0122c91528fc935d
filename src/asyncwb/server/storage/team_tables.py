"""The tables of teams that `tables` does not have."""

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
    UniqueConstraint,
)

from .tables import metadata

__all__ = ["invites"]

_Id = BigInteger().with_variant(Integer, "sqlite")
_ENTITY: Any = ForeignKey("entities.id", ondelete="CASCADE")

# Addresses without an account. A new account with one of them joins the team.
invites = Table(
    "invites",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("entity_id", _ENTITY, nullable=False),
    Column("email", String(320), nullable=False, index=True),
    Column("role", String(16), nullable=False, server_default="member"),
    Column("created_at", Float(53), nullable=False),
    UniqueConstraint("entity_id", "email"),
    sqlite_autoincrement=True,
)
