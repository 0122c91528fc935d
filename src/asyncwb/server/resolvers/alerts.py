"""Alerts of a run, and of a project with all of its runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from asyncwb.server.ids import iso, make_id
from asyncwb.server.storage.alerts import list_alerts, list_project_alerts
from asyncwb.server.storage.tables import runs

from .context import Info, Node, context_of
from .paging import page_size
from .registry import Resolvers

if TYPE_CHECKING:
    from sqlalchemy import Connection

__all__ = ["project", "run"]

project = Resolvers("Project")
run = Resolvers("Run")


@project.field("alerts")
async def _of_project(node: Node, info: Info, *, first: int | None = None) -> list[Node]:
    limit, project_id = page_size(first), node["_id"]

    def query(db: Connection) -> list[Node]:
        of_runs = list_alerts(db, runs.c.project_id == project_id, limit)
        own = list_project_alerts(db, project_id, limit)
        rows = [*map(_alert_node, of_runs), *map(_project_alert_node, own)]
        return sorted(rows, key=lambda row: row["_created_at"], reverse=True)[:limit]

    return await context_of(info).database.read(query)


@run.field("alerts")
async def _of_run(node: Node, info: Info, *, first: int | None = None) -> list[Node]:
    limit, run_id = page_size(first), node["_id"]
    rows = await context_of(info).database.read(
        lambda db: list_alerts(db, runs.c.id == run_id, limit)
    )
    return [_alert_node(row) for row in rows]


def _alert_node(row: Any) -> Node:
    of = {"runName": row["run_name"], "runDisplayName": row["run_display_name"]}
    return {**_project_alert_node(row), "id": make_id("Alert", row["id"]), **of}


def _project_alert_node(row: Any) -> Node:
    return {
        "_created_at": row["created_at"],
        "id": make_id("ProjectAlert", row["id"]),
        "title": row["title"],
        "text": row["text"],
        "severity": row["severity"],
        "createdAt": iso(row["created_at"]),
    }
