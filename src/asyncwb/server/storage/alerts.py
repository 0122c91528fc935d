"""Alerts that runs sent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from .tables import alerts, runs

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement, Connection

__all__ = ["list_alerts"]


def list_alerts(connection: Connection, condition: ColumnElement[bool], limit: int) -> list[Any]:
    """The newest alerts, newest first, each with the name of its run.

    Args:
        connection: A connection.
        condition: Which: one on columns of `runs` and `alerts`.
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
