"""Alerts that runs and automations sent."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from sqlalchemy import insert, select

from .automation_tables import project_alerts
from .tables import alerts, runs

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement, Connection

__all__ = ["insert_alert", "list_alerts", "list_project_alerts"]


def list_alerts(connection: Connection, condition: ColumnElement[bool], limit: int) -> list[Any]:
    """The newest alerts, newest first, each with the name of its run.

    Args:
        connection: A connection.
        condition: Of which runs: one on columns of `runs`.
        limit: Number at most.
    """
    query = (
        select(alerts, runs.c.name.label("run_name"), runs.c.display_name.label("run_display_name"))
        .join(runs, runs.c.id == alerts.c.run_id)
        .where(condition)
        .order_by(alerts.c.id.desc())
        .limit(limit)
    )
    return list(connection.execute(query).mappings().all())


def list_project_alerts(connection: Connection, project_id: int, limit: int) -> list[Any]:
    """The newest alerts of a project that are of none of its runs, newest first."""
    query = (
        select(project_alerts)
        .where(project_alerts.c.project_id == project_id)
        .order_by(project_alerts.c.id.desc())
        .limit(limit)
    )
    return list(connection.execute(query).mappings().all())


def insert_alert(
    connection: Connection, table: Any, *, title: str, text: str, severity: str, **of: int
) -> None:
    """Store an alert.

    Args:
        connection: A connection inside a write transaction.
        table: `alerts` or `project_alerts`.
        title: In a few words.
        text: The rest.
        severity: INFO, WARN or ERROR.
        of: `run_id`, or `project_id`.
    """
    values = {"title": title, "text": text, "severity": severity, "created_at": time.time()}
    connection.execute(insert(table).values(**of, **values))
