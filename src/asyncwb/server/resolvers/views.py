"""Views of projects: reports and saved workspaces."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from asyncwb.server.ids import iso, make_id, parse_id
from asyncwb.server.storage import views as store
from asyncwb.server.storage.accounts import find_user
from asyncwb.server.storage.projects import owned_project

from .context import Info, Node, context_of
from .nodes import project_node, user_node
from .paging import connection, cursor_of, number_from, page_size
from .registry import Resolvers

if TYPE_CHECKING:
    from sqlalchemy import Connection

__all__ = ["mutation", "project", "query", "view"]

query = Resolvers("Query")
mutation = Resolvers("Mutation")
project = Resolvers("Project")
view = Resolvers("View")


def _view_node(row: Any) -> Node:
    return {
        "_row": row,
        "id": make_id("View", row["id"]),
        "name": row["name"],
        "displayName": row["display_name"],
        "description": row["description"],
        "type": row["type"],
        "spec": row["spec"],
        "createdAt": iso(row["created_at"]),
        "updatedAt": iso(row["updated_at"]),
        "entityName": row["entity_name"],
        "projectName": row["project_name"],
        "previewUrl": row["preview_url"],
        "coverUrl": row["cover_url"],
        "locked": bool(row["locked"]),
    }


@query.field("view")
async def _view(_root: Any, info: Info, *, id: str, **_: Any) -> Node | None:
    context = context_of(info)
    view_id = parse_id("View", id)
    row = await context.database.read(lambda db: store.view_by_id(db, context.user, view_id))
    return None if row is None else _view_node(row)


@project.field("allViews")
async def _views(
    node: Node,
    info: Info,
    *,
    viewType: str | None = None,
    viewName: str | None = None,
    first: int | None = None,
    after: str | None = None,
) -> Node:
    context = context_of(info)
    size = page_size(first)
    rows = await context.database.read(
        lambda db: store.list_views(
            db,
            context.user,
            node["_id"],
            kind=viewType,
            name=viewName,
            after=number_from(after) or 0,
            limit=size + 1,
        )
    )
    return connection(
        rows[:size], _view_node, lambda row: cursor_of(row["id"]), more=len(rows) > size
    )


@view.field("user")
async def _user(node: Node, info: Info) -> Node | None:
    return await _person(info, node["_row"]["user_id"])


@view.field("updatedBy")
async def _updated_by(node: Node, info: Info) -> Node | None:
    return await _person(info, node["_row"]["updated_by"])


async def _person(info: Info, user_id: int | None) -> Node | None:
    if user_id is None:
        return None
    found = await context_of(info).database.read(lambda db: find_user(db, user_id=user_id))
    return user_node(found) if found else None


@view.field("project")
async def _project(node: Node, info: Info) -> Node:
    context = context_of(info)
    return await context.database.read(
        lambda db: project_node(owned_project(db, context.user, node["_row"]["project_id"]))
    )


@mutation.field("upsertView")
async def _upsert(_root: Any, info: Info, input: dict[str, Any]) -> Node:
    context = context_of(info)

    def change(db: Connection) -> tuple[Any, bool]:
        view_id, inserted = store.upsert_view(db, context.user, input)
        return store.view_by_id(db, context.user, view_id), inserted

    row, inserted = await context.database.write(change)
    return {"view": _view_node(row), "inserted": inserted}


@mutation.field("deleteView")
async def _delete(_root: Any, info: Info, input: dict[str, Any]) -> Node:
    context = context_of(info)
    view_id = parse_id("View", input.get("id") or "")
    await context.database.write(lambda db: store.delete_view(db, context.user, view_id))
    return {"success": True, "pendingDrafts": False}
