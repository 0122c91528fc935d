"""Databases from the time before roles: `admin` columns become `role` columns."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import inspect

if TYPE_CHECKING:
    from sqlalchemy import Connection

__all__ = ["upgrade_roles"]


def upgrade_roles(connection: Connection) -> None:
    """Give users, members and invitations roles, where they have only a flag."""
    schema = inspect(connection)
    for table in ("users", "members", "invites"):
        if "admin" not in {column["name"] for column in schema.get_columns(table)}:
            continue
        for statement in (
            f"ALTER TABLE {table} ADD COLUMN role VARCHAR(16) DEFAULT 'member' NOT NULL",
            f"UPDATE {table} SET role = 'admin' WHERE admin",
            f"ALTER TABLE {table} DROP COLUMN admin",
        ):
            connection.exec_driver_sql(statement)
