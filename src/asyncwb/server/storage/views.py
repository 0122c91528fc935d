"""Views of projects: reports and saved workspaces."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, or_, select, update

from asyncwb.server.ids import parse_id
from asyncwb.server.jsontext import decode, is_object
from asyncwb.server.problems import invalid, not_found

from .names import check_name, random_name
from .policy import check_writable, readable
from .projects import project_for
from .rows import insert_row
from .tables import entities, projects
from .view_tables import views

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from .accounts import User

__all__ = ["delete_view", "list_views", "upsert_view", "view_by_id"]

_DEFAULT_TYPE = "runs"
_COLUMNS = {
    "type": "type",
    "name": "name",
    "displayName": "display_name",
    "description": "description",
    "spec": "spec",
    "locked": "locked",
    "previewUrl": "preview_url",
    "coverUrl": "cover_url",
}


def _view_query(user: User) -> Any:
    """Views that a user can see, with project and entity."""
    return (
        select(
            views,
            projects.c.name.label("project_name"),
            entities.c.name.label("entity_name"),
        )
        .join(projects, projects.c.id == views.c.project_id)
        .join(entities, entities.c.id == projects.c.entity_id)
        .where(readable(user))
    )


def view_by_id(connection: Connection, user: User, view_id: int) -> Any:
    """A view by row id; None where there is none that the user can see."""
    query = _view_query(user).where(views.c.id == view_id)
    return connection.execute(query).mappings().first()


def list_views(
    connection: Connection,
    user: User,
    project_id: int,
    *,
    kind: str | None,
    name: str | None,
    after: int,
    limit: int,
) -> list[Any]:
    """Views of a project in the order in which they were made.

    Args:
        connection: A connection.
        user: Who asks.
        project_id: Row id of the project.
        kind: Only this type.
        name: Only this name, or title.
        after: Row id of the last one seen.
        limit: Number at most.
    """
    query = _view_query(user).where(views.c.project_id == project_id, views.c.id > after)
    if kind is not None:
        query = query.where(views.c.type == kind)
    if name is not None:
        query = query.where(or_(views.c.name == name, views.c.display_name == name))
    return list(connection.execute(query.order_by(views.c.id).limit(limit)).mappings().all())


def upsert_view(connection: Connection, user: User, values: dict[str, Any]) -> tuple[int, bool]:
    """Add or change a view as `upsertView` asks; null leaves a column alone.

    Returns:
        Its row id, and whether it was added.

    Raises:
        Problem: A spec that is no JSON object, or a bad name (400), no such view, project or
            entity (404), no access (403).
    """
    changes = {
        column: values[key] for key, column in _COLUMNS.items() if values.get(key) is not None
    }
    if "spec" in changes and not is_object(decode(changes["spec"])):
        raise invalid("the spec of a view is a JSON object")
    for key in ("name", "type"):
        if key in changes:
            check_name(changes[key], f"the {key} of a view", "")
    now = time.time()
    if values.get("id"):
        view_id = parse_id("View", values["id"])
        _check(connection, user, view_id)
        connection.execute(
            update(views)
            .where(views.c.id == view_id)
            .values(**changes, updated_by=user.id, updated_at=now)
        )
        return view_id, False
    project_id, _ = project_for(
        connection, user, values.get("entityName"), values.get("projectName")
    )
    new = {"type": _DEFAULT_TYPE, "name": random_name(), "spec": "{}", **changes}
    return insert_row(
        connection,
        views,
        project_id=project_id,
        user_id=user.id,
        updated_by=user.id,
        created_at=now,
        updated_at=now,
        **new,
    ), True


def delete_view(connection: Connection, user: User, view_id: int) -> None:
    """Remove a view.

    Raises:
        Problem: There is none, or the user cannot see it (404), or may not change it (403).
    """
    _check(connection, user, view_id)
    connection.execute(delete(views).where(views.c.id == view_id))


def _check(connection: Connection, user: User, view_id: int) -> None:
    row = view_by_id(connection, user, view_id)
    if row is None:
        raise not_found("view not found")
    check_writable(connection, user, row["project_id"])
