"""The tables of automations."""

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
    UniqueConstraint,
)

from .tables import metadata

__all__ = ["automation_runs", "automations", "project_alerts"]

_Id = BigInteger().with_variant(Integer, "sqlite")


def _to(target: str, ondelete: str = "CASCADE") -> Any:
    return ForeignKey(target, ondelete=ondelete)


automations = Table(
    "automations",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("entity_id", _to("entities.id"), nullable=False),
    # of those that belong to a project or a collection
    Column("project_id", _to("projects.id"), index=True),
    Column("collection_id", _to("collections.id"), index=True),
    Column("user_id", _to("users.id", "SET NULL")),
    Column("name", String(255), nullable=False),
    Column("description", Text),
    Column("enabled", Boolean, nullable=False),
    Column("event", String(32), nullable=False),
    Column("filter", Text, nullable=False),  # JSON, as it came
    Column("action", String(32), nullable=False),
    Column("action_config", Text, nullable=False),  # JSON
    Column("executions", BigInteger, nullable=False, server_default="0"),
    Column("created_at", Float(53), nullable=False),
    Column("updated_at", Float(53)),
    Column("last_executed_at", Float(53)),
    UniqueConstraint("entity_id", "name"),
    Index("automations_by_event", "entity_id", "event"),
    sqlite_autoincrement=True,
)

# What an automation of a metric has seen of a run: the last values, and whether it has told.
automation_runs = Table(
    "automation_runs",
    metadata,
    Column("automation_id", _to("automations.id"), primary_key=True),
    Column("run_id", _to("runs.id"), primary_key=True, index=True),
    Column("numbers", Text, nullable=False),  # JSON list, the newest last
    Column("fired", Boolean, nullable=False),
)

# Alerts of automations of artifacts, which are of no run.
project_alerts = Table(
    "project_alerts",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("project_id", _to("projects.id"), nullable=False, index=True),
    Column("title", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("severity", String(8), nullable=False),
    Column("created_at", Float(53), nullable=False),
    sqlite_autoincrement=True,
)
