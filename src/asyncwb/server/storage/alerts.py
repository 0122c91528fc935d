"""Alerts that runs and automations sent."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import and_, insert, or_, select, true

from .automation_tables import project_alerts
from .tables import alerts, runs

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement, Connection

__all__ = ["Place", "insert_alert", "list_alerts", "list_project_alerts", "place_of"]


class Place(NamedTuple):
    """Where an alert stands among all of a project: those of runs and those of none, newest first.

    Attributes:
        created_at: When it was sent; seconds since the epoch.
        of_run: Whether it is of a run; of one moment these come first.
        id: Its number in its table.
    """

    created_at: float
    of_run: bool
    id: int

    def behind(self, table: Any) -> ColumnElement[bool]:
        """Which rows of `alerts` or `project_alerts` come after it."""
        at: ColumnElement[float] = table.c.created_at
        if (table is alerts) == self.of_run:
            return or_(at < self.created_at, and_(at == self.created_at, table.c.id < self.id))
        return at <= self.created_at if self.of_run else at < self.created_at


def place_of(
    connection: Connection, table: Any, number: int, condition: ColumnElement[bool]
) -> Place | None:
    """Where an alert of `alerts` or `project_alerts` stands, if a condition holds; or None.

    The condition is one on columns of that table, and of `runs` for `alerts`.
    """
    query = select(table.c.created_at).where(table.c.id == number, condition)
    if table is alerts:
        query = query.join(runs, runs.c.id == alerts.c.run_id)
    at = connection.scalar(query)
    return None if at is None else Place(at, table is alerts, number)


def list_alerts(
    connection: Connection, condition: ColumnElement[bool], limit: int, after: Place | None = None
) -> list[Any]:
    """The newest alerts, newest first, each with the name of its run.

    Args:
        connection: A connection.
        condition: Which: one on columns of `runs`.
        limit: Number at most.
        after: Only those behind it.
    """
    query = (
        select(alerts, runs.c.name.label("run_name"), runs.c.display_name.label("run_display_name"))
        .join(runs, runs.c.id == alerts.c.run_id)
        .where(condition, true() if after is None else after.behind(alerts))
        .order_by(alerts.c.created_at.desc(), alerts.c.id.desc())
        .limit(limit)
    )
    return list(connection.execute(query).mappings().all())


def list_project_alerts(
    connection: Connection, condition: ColumnElement[bool], limit: int, after: Place | None = None
) -> list[Any]:
    """The same of alerts that are of no run; the condition is on columns of `project_alerts`."""
    query = (
        select(project_alerts)
        .where(
            condition,
            true() if after is None else after.behind(project_alerts),
        )
        .order_by(project_alerts.c.created_at.desc(), project_alerts.c.id.desc())
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
