"""Types and collections of artifacts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import func, select

from asyncwb.server.filters import compile_fields, order_by
from asyncwb.server.filters.artifact_fields import collection_fields, version_fields
from asyncwb.server.filters.order import make_cursor
from asyncwb.server.ids import parse_id
from asyncwb.server.storage import collections as store
from asyncwb.server.storage import versions
from asyncwb.server.storage.artifact_tables import (
    artifact_aliases,
    artifact_memberships,
    artifact_types,
    artifacts,
    collection_tags,
    collections,
)

from .artifact_nodes import (
    alias_node,
    alias_query,
    artifact_nodes,
    collection_node,
    project_of,
    tag_node,
    type_node,
)
from .artifacts import page_of_places, with_versions
from .context import Info, Node, context_of
from .paging import MOST, connection, cursor_of, number_from, page_size
from .registry import Resolvers

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Connection

__all__ = ["bound"]

query = Resolvers("Query")
project = Resolvers("Project")
type_ = Resolvers("ArtifactType")
sequence = Resolvers("ArtifactSequence")
portfolio = Resolvers("ArtifactPortfolio")

bound = (query, project, type_, sequence, portfolio)

Function = Any


def _of_collections(*names: str) -> Callable[[Function], Function]:
    """Resolve fields of both kinds of collections."""

    def register(function: Function) -> Function:
        for kind in (sequence, portfolio):
            kind.field(*names)(function)
        return function

    return register


# -- types ------------------------------------------------------------------------------------


@project.field("artifactTypes")
async def _types(
    node: Node,
    info: Info,
    *,
    first: int | None = None,
    after: str | None = None,
    includeAll: bool | None = None,
) -> Node:
    context, size = context_of(info), MOST if includeAll else page_size(first)
    wanted = (
        store.type_query(context.user)
        .where(
            artifact_types.c.project_id == node["_id"],
            artifact_types.c.id > (number_from(after) or 0),
        )
        .order_by(artifact_types.c.id)
        .limit(size + 1)
    )
    rows = await context.database.read(lambda db: list(db.execute(wanted).mappings()))
    return connection(
        rows[:size], type_node, lambda row: cursor_of(row["id"]), more=len(rows) > size
    )


@project.field("artifactType")
async def _type(node: Node, info: Info, *, name: str) -> Node | None:
    context = context_of(info)
    wanted = store.type_query(context.user).where(
        artifact_types.c.project_id == node["_id"], artifact_types.c.name == name
    )
    row = await context.database.read(lambda db: db.execute(wanted).mappings().first())
    return type_node(row) if row else None


# -- listings of collections ------------------------------------------------------------------


async def list_collections(
    info: Info,
    condition: Any,
    *,
    filters: str | None = None,
    order: str | None = None,
    first: int | None = None,
    after: str | None = None,
) -> Node:
    """A page of the collections under a condition."""
    context, size = context_of(info), page_size(first)
    by = order_by((order or "").strip() or "+created_at", collection_fields, ids=collections.c.id)
    every = store.collection_query(context.user).where(
        condition, compile_fields(filters, collection_fields)
    )
    wanted = every.add_columns(by.key.label("order_value"))
    if after:
        wanted = wanted.where(by.after(after))
    wanted = wanted.order_by(*by.clauses()).limit(size + 1)
    count = every.with_only_columns(func.count(), maintain_column_froms=True)

    def find(db: Connection) -> tuple[list[Any], int]:
        return list(db.execute(wanted).mappings()), int(db.execute(count).scalar_one())

    rows, total = await context.database.read(find)
    return connection(
        rows[:size],
        collection_node,
        lambda row: make_cursor(row["order_value"], row["id"]),
        more=len(rows) > size,
        before=bool(after),
        totalCount=total,
    )


@project.field("artifactCollections")
async def _of_project(node: Node, info: Info, **arguments: Any) -> Node:
    return await list_collections(info, collections.c.project_id == node["_id"], **arguments)


@type_.field("artifactCollections")
async def _of_type(node: Node, info: Info, **arguments: Any) -> Node:
    return await list_collections(info, collections.c.type_id == node["_id"], **arguments)


@project.field("artifactCollection")
async def _collection(node: Node, info: Info, *, name: str) -> Node | None:
    context = context_of(info)
    row = await context.database.read(
        lambda db: store.find_collection(db, context.user, node["_id"], name)
    )
    return collection_node(row) if row else None


@type_.field("artifactCollection", "artifactSequence")
async def _collection_of_type(node: Node, info: Info, *, name: str) -> Node | None:
    found = await _collection({"_id": node["_project_id"]}, info, name=name)
    return found if found and found["_type_id"] == node["_id"] else None


@query.field("artifactCollection")
async def _by_id(_root: Any, info: Info, *, id: str) -> Node:
    context = context_of(info)
    collection_id = parse_id("ArtifactCollection", id)
    return await context.database.read(
        lambda db: collection_node(store.collection_by_id(db, context.user, collection_id))
    )


# -- fields of a collection -------------------------------------------------------------------


@_of_collections("project")
async def _project(node: Node, info: Info) -> Node:
    return await project_of(node, info)


@_of_collections("defaultArtifactType")
async def _default_type(node: Node, info: Info) -> Node:
    context = context_of(info)
    wanted = store.type_query(context.user).where(artifact_types.c.id == node["_type_id"])
    return await context.database.read(lambda db: type_node(db.execute(wanted).mappings().one()))


@_of_collections("tags")
async def _tags(node: Node, info: Info, **_: Any) -> Node:
    wanted = (
        select(collection_tags)
        .where(collection_tags.c.collection_id == node["_id"])
        .order_by(collection_tags.c.id)
    )
    rows = await context_of(info).database.read(lambda db: list(db.execute(wanted).mappings()))
    return connection(rows, tag_node, lambda row: cursor_of(row["id"]))


@_of_collections("aliases")
async def _aliases(
    node: Node, info: Info, *, first: int | None = None, after: str | None = None
) -> Node:
    size = page_size(first)
    wanted = (
        alias_query()
        .where(
            artifact_aliases.c.collection_id == node["_id"],
            artifact_aliases.c.id > (number_from(after) or 0),
        )
        .limit(size + 1)
    )
    rows = await context_of(info).database.read(lambda db: list(db.execute(wanted).mappings()))
    return connection(
        rows[:size], alias_node, lambda row: cursor_of(row["id"]), more=len(rows) > size
    )


@_of_collections("artifacts")
async def _versions(
    node: Node,
    info: Info,
    *,
    first: int | None = None,
    after: str | None = None,
    order: str | None = None,
    filters: str | None = None,
) -> Node:
    context, size = context_of(info), page_size(first)
    by = order_by((order or "").strip() or "-created_at", version_fields, ids=artifacts.c.id)
    every = (
        versions.version_query(context.user)
        .add_columns(artifact_memberships.c.version_index.label("index_there"))
        .join(artifact_memberships, artifact_memberships.c.artifact_id == artifacts.c.id)
        .where(
            artifact_memberships.c.collection_id == node["_id"],
            compile_fields(filters, version_fields),
        )
    )
    wanted = every.add_columns(by.key.label("order_value"))
    if after:
        wanted = wanted.where(by.after(after))
    wanted = wanted.order_by(*by.clauses()).limit(size + 1)
    count = every.with_only_columns(func.count(), maintain_column_froms=True)

    def find(db: Connection) -> tuple[list[Any], list[Node], int]:
        rows = list(db.execute(wanted).mappings())
        return rows, artifact_nodes(db, rows[:size]), int(db.execute(count).scalar_one())

    rows, nodes, total = await context.database.read(find)
    made = connection(
        list(zip(rows[:size], nodes, strict=True)),
        lambda pair: pair[1],
        lambda pair: make_cursor(pair[0]["order_value"], pair[0]["id"]),
        more=len(rows) > size,
        before=bool(after),
        totalCount=total,
    )
    for edge, row in zip(made["edges"], rows, strict=False):
        edge["version"] = f"v{row['index_there']}"
    return made


@_of_collections("artifactMembership")
async def _membership(node: Node, info: Info, *, aliasName: str) -> Node | None:
    context = context_of(info)

    def find(db: Connection) -> Node | None:
        row = store.find_membership(db, node["_id"], aliasName)
        found = with_versions(db, context, [row]) if row else []
        return found[0] if found else None

    return await context.database.read(find)


@_of_collections("artifactMemberships")
async def _memberships(
    node: Node, info: Info, *, first: int | None = None, after: str | None = None
) -> Node:
    return await page_of_places(
        info, artifact_memberships.c.collection_id == node["_id"], first, after
    )


@sequence.field("latestArtifact")
async def _latest(node: Node, info: Info) -> Node | None:
    context = context_of(info)

    def find(db: Connection) -> Node | None:
        found = versions.latest_of(db, node["_id"])
        if found is None:
            return None
        return artifact_nodes(db, [versions.version_by_id(db, context.user, found)])[0]

    return await context.database.read(find)


@sequence.field("digestAlgorithm")
async def _algorithm(node: Node, info: Info) -> str | None:
    found = await _latest(node, info)
    return found["digestAlgorithm"] if found else None
