"""Alerts of a run, and of all runs of a project."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import and_

from asyncwb.server.ids import iso, make_id, parse_id
from asyncwb.server.storage.alerts import list_alerts
from asyncwb.server.storage.tables import alerts, runs

from .context import Info, Node, context_of
from .paging import page_size
from .registry import Resolvers

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement

__all__ = ["project", "run"]

project = Resolvers("Project")
run = Resolvers("Run")


@project.field("alerts")
async def _of_project(node: Node, info: Info, **page: Any) -> list[Node]:
    return await _alerts(info, runs.c.project_id == node["_id"], **page)


@run.field("alerts")
async def _of_run(node: Node, info: Info, **page: Any) -> list[Node]:
    return await _alerts(info, runs.c.id == node["_id"], **page)


async def _alerts(
    info: Info,
    condition: ColumnElement[bool],
    *,
    first: int | None = None,
    after: str | None = None,
) -> list[Node]:
    limit = page_size(first)
    if after is not None:
        condition = and_(condition, alerts.c.id < parse_id("Alert", after))
    rows = await context_of(info).database.read(lambda db: list_alerts(db, condition, limit))
    return [_alert_node(row) for row in rows]


def _alert_node(row: Any) -> Node:
    return {
        "id": make_id("Alert", row["id"]),
        "title": row["title"],
        "text": row["text"],
        "severity": row["severity"],
        "createdAt": iso(row["created_at"]),
        "runName": row["run_name"],
        "runDisplayName": row["run_display_name"],
    }
