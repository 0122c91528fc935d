"""Alerts of a run, and of a project with all of its runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from asyncwb.server.ids import iso, kind_of, make_id, parse_id
from asyncwb.server.problems import not_found
from asyncwb.server.storage.alerts import Place, list_alerts, list_project_alerts, place_of
from asyncwb.server.storage.automation_tables import project_alerts
from asyncwb.server.storage.tables import alerts, runs

from .context import Info, Node, context_of
from .paging import page_size
from .registry import Resolvers

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement, Connection

__all__ = ["project", "run"]

project = Resolvers("Project")
run = Resolvers("Run")


@project.field("alerts")
async def _of_project(
    node: Node, info: Info, *, first: int | None = None, after: str | None = None
) -> list[Node]:
    limit, project_id = page_size(first), node["_id"]
    mine, own = runs.c.project_id == project_id, project_alerts.c.project_id == project_id

    def query(db: Connection) -> list[Node]:
        place = None if after is None else _place(db, after, mine, own)
        rows = [
            *map(_alert_node, list_alerts(db, mine, limit, place)),
            *map(_project_alert_node, list_project_alerts(db, own, limit, place)),
        ]
        return sorted(rows, key=lambda row: row["_created_at"], reverse=True)[:limit]

    return await context_of(info).database.read(query)


@run.field("alerts")
async def _of_run(
    node: Node, info: Info, *, first: int | None = None, after: str | None = None
) -> list[Node]:
    limit, mine = page_size(first), runs.c.id == node["_id"]

    def query(db: Connection) -> list[Any]:
        return list_alerts(db, mine, limit, None if after is None else _place(db, after, mine))

    return [_alert_node(row) for row in await context_of(info).database.read(query)]


def _place(
    db: Connection, after: str, mine: ColumnElement[bool], own: ColumnElement[bool] | None = None
) -> Place:
    """Where the alert `after` stands among those that are listed."""
    if own is not None and kind_of(after) == "ProjectAlert":
        place = place_of(db, project_alerts, parse_id("ProjectAlert", after), own)
    else:
        place = place_of(db, alerts, parse_id("Alert", after), mine)
    if place is None:
        raise not_found(f"no alert with id {after[:100]!r}")
    return place


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
