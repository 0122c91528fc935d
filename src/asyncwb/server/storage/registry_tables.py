"""The tables of organizations and their registries.

The first organization is the server's own: all users and teams belong to it that are in no other.
The entity of an organization owns its registries: projects whose collections hold links.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import BigInteger, Boolean, Column, Float, ForeignKey, Integer, String, Table

from .tables import metadata

__all__ = [
    "organization_members",
    "organization_teams",
    "organizations",
    "registries",
    "registry_teams",
    "registry_users",
]

_Id = BigInteger().with_variant(Integer, "sqlite")


def _to(target: str) -> Any:
    return ForeignKey(target, ondelete="CASCADE")


organizations = Table(
    "organizations",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("entity_id", _to("entities.id"), nullable=False, unique=True),
    Column("name", String(128), nullable=False, unique=True),
    Column("created_at", Float(53), nullable=False),
    sqlite_autoincrement=True,
)

organization_members = Table(
    "organization_members",
    metadata,
    Column("organization_id", _to("organizations.id"), primary_key=True, autoincrement=False),
    Column("user_id", _to("users.id"), primary_key=True, autoincrement=False, index=True),
    Column("role", String(16), nullable=False),
)

# Teams of organizations but the first.
organization_teams = Table(
    "organization_teams",
    metadata,
    Column("entity_id", _to("entities.id"), primary_key=True, autoincrement=False),
    Column("organization_id", _to("organizations.id"), nullable=False, index=True),
)

# What a project of an organization's entity has besides: whether links of every type may be put
# there, or only of those that it has.
registries = Table(
    "registries",
    metadata,
    Column("project_id", _to("projects.id"), primary_key=True, autoincrement=False),
    Column("allow_all_types", Boolean, nullable=False),
)

registry_users = Table(
    "registry_users",
    metadata,
    Column("project_id", _to("projects.id"), primary_key=True, autoincrement=False),
    Column("user_id", _to("users.id"), primary_key=True, autoincrement=False, index=True),
    Column("role", String(32), nullable=False),
)

registry_teams = Table(
    "registry_teams",
    metadata,
    Column("project_id", _to("projects.id"), primary_key=True, autoincrement=False),
    Column("entity_id", _to("entities.id"), primary_key=True, autoincrement=False, index=True),
    Column("role", String(32), nullable=False),
)
