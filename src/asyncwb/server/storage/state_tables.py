"""The table of what the server processes of one database have to agree on."""

from __future__ import annotations

from sqlalchemy import Column, String, Table, Text

from .tables import metadata

__all__ = ["server_state"]

server_state = Table(
    "server_state",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("value", Text, nullable=False),
)
