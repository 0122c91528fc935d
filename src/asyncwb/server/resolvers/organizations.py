"""Organizations, and what is in all of their registries."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import and_, select

from asyncwb.server.filters import compile_fields, order_by
from asyncwb.server.filters.artifact_fields import (
    collection_fields,
    registry_fields,
    version_fields,
)
from asyncwb.server.filters.order import make_cursor
from asyncwb.server.ids import make_id, parse_id
from asyncwb.server.storage import collections as places
from asyncwb.server.storage.accounts import find_entity
from asyncwb.server.storage.artifact_tables import (
    artifact_memberships,
    artifacts,
    collections,
)
from asyncwb.server.storage.organizations import (
    find_organization,
    organization_of_team,
    organizations_of,
)
from asyncwb.server.storage.tables import projects
from asyncwb.server.storage.versions import alive

from .artifact_collections import list_collections
from .artifacts import with_versions
from .context import Info, Node, context_of
from .nodes import entity_node
from .paging import connection, page_size
from .registry import Resolvers

if TYPE_CHECKING:
    from sqlalchemy import Connection

__all__ = ["entity", "organization", "query", "user"]

query = Resolvers("Query")
user = Resolvers("User")
entity = Resolvers("Entity")
organization = Resolvers("Organization")


def _node(row: Any) -> Node:
    return {
        "_entity_name": row.entity_name,
        "id": make_id("Organization", row.id),
        "name": row.name,
        "advancedRegistryFeatures": {"advancedSearch": True},
        "coreWeaveOrganizationId": None,
        "featureFlags": [],
    }


@query.field("organization")
async def _organization(
    _root: Any, info: Info, *, name: str | None = None, id: str | None = None
) -> Node | None:
    row_id = parse_id("Organization", id) if id else None
    context = context_of(info)
    row = await context.database.read(
        lambda db: find_organization(db, context.user, name=name, row_id=row_id)
    )
    return _node(row) if row else None


@user.field("organizations")
async def _of_user(node: Node, info: Info) -> list[Node]:
    """Of another user only those that the caller sees, too."""
    context = context_of(info)
    rows = await context.database.read(lambda db: organizations_of(db, context.user, node["_id"]))
    return [_node(row) for row in rows]


@entity.field("organization")
async def _of_entity(node: Node, info: Info) -> Node | None:
    """That of a team, or the one that an entity stands for; users list theirs, however many."""
    if node["_user_id"] is not None:
        return None
    context = context_of(info)
    row = await context.database.read(
        lambda db: organization_of_team(db, context.user, node["_id"])
    )
    return _node(row) if row else None


@organization.field("orgEntity")
async def _entity(node: Node, info: Info) -> Node | None:
    context = context_of(info)
    row = await context.database.read(
        lambda db: find_entity(db, context.user, node["_entity_name"])
    )
    return entity_node(row) if row else None


@entity.field("artifactCollections")
async def _collections(
    node: Node,
    info: Info,
    *,
    projectFilters: str | None = None,
    collectionTypes: list[str] | None = None,
    filters: str | None = None,
    order: str | None = None,
    first: int | None = None,
    after: str | None = None,
    **_: Any,
) -> Node:
    condition = and_(
        projects.c.entity_id == node["_id"], compile_fields(projectFilters, registry_fields)
    )
    if collectionTypes is not None:
        condition = and_(condition, collections.c.kind.in_(collectionTypes))
    return await list_collections(
        info, condition, filters=filters, order=order, first=first, after=after
    )


@entity.field("artifactMemberships")
async def _memberships(
    node: Node,
    info: Info,
    *,
    projectFilters: str | None = None,
    collectionFilters: str | None = None,
    filters: str | None = None,
    order: str | None = None,
    first: int | None = None,
    after: str | None = None,
) -> Node:
    context, size = context_of(info), page_size(first)
    by = order_by(
        (order or "").strip() or "+acm_created_at", version_fields, ids=artifact_memberships.c.id
    )
    there = places.visible_collections(
        context.user,
        projects.c.entity_id == node["_id"],
        compile_fields(projectFilters, registry_fields),
        compile_fields(collectionFilters, collection_fields),
    )
    wanted = (
        select(artifact_memberships, by.key.label("order_value"))
        .join(artifacts, artifacts.c.id == artifact_memberships.c.artifact_id)
        .where(
            artifact_memberships.c.collection_id.in_(there),
            artifacts.c.state == "COMMITTED",
            alive(),
            compile_fields(filters, version_fields),
        )
    )
    if after:
        wanted = wanted.where(by.after(after))
    wanted = wanted.order_by(*by.clauses()).limit(size + 1)

    def find(db: Connection) -> tuple[list[Any], dict[int, Node]]:
        rows = list(db.execute(wanted).mappings())
        return rows, {one["_id"]: one for one in with_versions(db, context, rows[:size])}

    rows, nodes = await context.database.read(find)
    return connection(
        rows[:size],
        # a version that cannot be seen has no node; its edge keeps its place in the page
        lambda row: nodes.get(row["id"]),
        lambda row: make_cursor(row["order_value"], row["id"]),
        more=len(rows) > size,
        before=bool(after),
    )
