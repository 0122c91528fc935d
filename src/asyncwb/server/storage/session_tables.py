"""The tables of people who are signed in to the page."""

from __future__ import annotations

from typing import Any

from sqlalchemy import BigInteger, Column, Float, ForeignKey, Integer, String, Table

from .tables import metadata

__all__ = ["page_sessions", "spent_links"]

_Id = BigInteger().with_variant(Integer, "sqlite")


def _to(target: str) -> Any:
    """A reference to another table; what refers to a removed row goes with it."""
    return ForeignKey(target, ondelete="CASCADE")


_digest: Any = String(64)  # SHA-256; what opens a session is not kept

page_sessions = Table(
    "page_sessions",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("user_id", _to("users.id"), nullable=False, index=True),
    # a session ends with the key by which it began; those by a link end with their user
    Column("key_id", _to("api_keys.id"), index=True),
    Column("digest", _digest, nullable=False, unique=True),
    Column("expires_at", Float(53), nullable=False, index=True),
    sqlite_autoincrement=True,
)

# sign-in links work once
spent_links = Table(
    "spent_links",
    metadata,
    Column("digest", _digest, primary_key=True),
    Column("expires_at", Float(53), nullable=False, index=True),
)
