"""Versions of artifacts and their places in collections: what can be read of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import and_, select

from asyncwb.server.ids import make_id, parse_id
from asyncwb.server.storage import collections as places
from asyncwb.server.storage import versions as store
from asyncwb.server.storage.accounts import find_user
from asyncwb.server.storage.artifact_tables import (
    artifact_inputs,
    artifact_memberships,
    artifact_outputs,
    artifact_types,
    artifacts,
    collections,
)
from asyncwb.server.storage.runs import run_query
from asyncwb.server.storage.tables import runs

from .artifact_nodes import (
    alias_node,
    alias_query,
    artifact_nodes,
    collection_node,
    membership_node,
    project_of,
    type_node,
)
from .context import Context, Info, Node, context_of
from .nodes import run_node, user_node
from .paging import connection, cursor_of, number_from, page_size
from .registry import Resolvers

if TYPE_CHECKING:
    from sqlalchemy import Connection

__all__ = [
    "alias",
    "artifact",
    "membership",
    "page_of_places",
    "project",
    "query",
    "run",
    "type_",
    "with_versions",
]

query = Resolvers("Query")
project = Resolvers("Project")
run = Resolvers("Run")
artifact = Resolvers("Artifact")
membership = Resolvers("ArtifactCollectionMembership")
alias = Resolvers("ArtifactAlias")
type_ = Resolvers("ArtifactType")


@query.field("artifact")
async def _artifact(_root: Any, info: Info, *, id: str) -> Node | None:
    context = context_of(info)
    artifact_id = parse_id("Artifact", id)
    wanted = store.version_query(context.user).where(artifacts.c.id == artifact_id)

    def find(db: Connection) -> Node | None:
        row = db.execute(wanted).mappings().first()
        return artifact_nodes(db, [row])[0] if row else None

    return await context.database.read(find)


@query.field("clientIDMapping")
async def _client_id(_root: Any, info: Info, *, clientID: str) -> Node | None:
    context = context_of(info)
    row = await context.database.read(lambda db: store.find_client_id(db, context.user, clientID))
    if row is None:
        return None
    if row.artifact_id is not None:
        return {"serverID": make_id("Artifact", row.artifact_id)}
    return {"serverID": make_id("ArtifactCollection", row.collection_id)}


@project.field("artifactCollectionMembership")
async def _named_membership(node: Node, info: Info, *, name: str) -> Node | None:
    """`collection`, `collection:alias`, `collection:v3`, or the digest of a version."""
    context = context_of(info)
    collection, alias_name = places.split_name(name)

    def find(db: Connection) -> Node | None:
        found = places.find_collection(db, context.user, node["_id"], collection)
        if found is None:
            place = places.find_digest(db, node["_id"], name)
        else:
            place = places.find_membership(db, found["id"], alias_name)
        return next(iter(with_versions(db, context, [place] if place else [])), None)

    return await context.database.read(find)


@project.field("artifact")
async def _named(node: Node, info: Info, *, name: str) -> Node | None:
    found = await _named_membership(node, info, name=name)
    return found["_artifact"] if found else None


@type_.field("artifact")
async def _named_in_type(node: Node, info: Info, *, name: str) -> Node | None:
    return await _named({"_id": node["_project_id"]}, info, name=name)


def with_versions(db: Connection, context: Context, rows: list[Any]) -> list[Node]:
    """Places in collections with their versions; those that cannot be seen are left out."""
    ids = [row["artifact_id"] for row in rows]
    found = db.execute(store.version_query(context.user).where(artifacts.c.id.in_(ids))).mappings()
    nodes = {node["_id"]: node for node in artifact_nodes(db, list(found))}
    return [
        membership_node(row, nodes[row["artifact_id"]])
        for row in rows
        if row["artifact_id"] in nodes
    ]


# -- fields of a version ----------------------------------------------------------------------


@artifact.field("artifactSequence")
async def _sequence(node: Node, info: Info) -> Node:
    """Also of a version that is seen in a registry alone: its name says where it comes from."""
    wanted = places.every_collection().where(collections.c.id == node["_row"]["sequence_id"])
    return await context_of(info).database.read(
        lambda db: collection_node(db.execute(wanted).mappings().one())
    )


@artifact.field("artifactType")
async def _type(node: Node, info: Info) -> Node:
    wanted = select(artifact_types).where(artifact_types.c.id == node["_row"]["type_id"])
    return await context_of(info).database.read(
        lambda db: type_node(db.execute(wanted).mappings().one())
    )


@artifact.field("createdBy")
async def _created_by(node: Node, info: Info) -> Node | None:
    context, row = context_of(info), node["_row"]

    def find(db: Connection) -> Node | None:
        if row["run_id"] is not None:
            wanted = run_query(context.user, context.crashed_after).where(
                runs.c.id == row["run_id"]
            )
            found: Any = db.execute(wanted).mappings().first()
            return {"__typename": "Run", **run_node(found)} if found else None
        user = find_user(db, user_id=row["user_id"]) if row["user_id"] is not None else None
        return {"__typename": "User", **user_node(user)} if user else None

    return await context.database.read(find)


@artifact.field("aliases")
async def _aliases(
    node: Node, info: Info, *, artifactCollectionName: str | None = None
) -> list[Node]:
    context = context_of(info)
    found: list[Node] = node["_aliases"]
    if found and not context.user.admin:
        listed = {one["_collection_id"] for one in found}
        wanted = places.visible_collections(context.user, collections.c.id.in_(listed))
        seen = await context.database.read(lambda db: set(db.execute(wanted).scalars()))
        found = [one for one in found if one["_collection_id"] in seen]
    if artifactCollectionName is None:
        return found
    return [one for one in found if one["artifactCollectionName"] == artifactCollectionName]


@artifact.field("artifactMemberships")
async def _memberships(
    node: Node, info: Info, *, first: int | None = None, after: str | None = None
) -> Node:
    mine = artifact_memberships.c.artifact_id == node["_id"]
    user = context_of(info).user
    if not user.admin:
        seen = places.visible_collections(user)
        mine = and_(mine, artifact_memberships.c.collection_id.in_(seen))
    return await page_of_places(info, mine, first, after)


@artifact.field("usedBy")
async def _used_by(
    node: Node, info: Info, *, first: int | None = None, after: str | None = None, **_: Any
) -> Node:
    context, size = context_of(info), page_size(first)
    every = (
        run_query(context.user, context.crashed_after)
        .add_columns(artifact_inputs.c.id.label("input_id"))
        .join(artifact_inputs, artifact_inputs.c.run_id == runs.c.id)
        .where(artifact_inputs.c.artifact_id == node["_id"])
    )
    later = artifact_inputs.c.id > (number_from(after) or 0)
    statement = every.where(later).order_by(artifact_inputs.c.id).limit(size + 1)
    rows = await context.database.read(lambda db: list(db.execute(statement).mappings()))
    return connection(
        rows[:size],
        run_node,
        lambda row: cursor_of(row["input_id"]),
        more=len(rows) > size,
        _selected=every,
    )


# -- fields of a place in a collection --------------------------------------------------------


@membership.field("artifact")
async def _of_membership(node: Node, _info: Info) -> Node | None:
    found: Node | None = node["_artifact"]
    return found


@membership.field("artifactCollection")
async def _collection(node: Node, info: Info) -> Node:
    context = context_of(info)
    return await context.database.read(
        lambda db: collection_node(
            places.collection_by_id(db, context.user, node["_collection_id"])
        )
    )


@membership.field("aliases")
async def _aliases_there(node: Node, info: Info) -> list[Node]:
    mine = alias_query().where(artifact_memberships.c.id == node["_id"])
    rows = await context_of(info).database.read(lambda db: list(db.execute(mine).mappings()))
    return [alias_node(row) for row in rows]


alias.field("artifactCollection")(_collection)


@alias.field("artifact")
async def _of_alias(node: Node, info: Info) -> Node | None:
    context = context_of(info)
    wanted = select(artifact_memberships).where(artifact_memberships.c.id == node["_membership_id"])

    def find(db: Connection) -> Node | None:
        found = with_versions(db, context, list(db.execute(wanted).mappings()))
        return found[0]["_artifact"] if found else None

    return await context.database.read(find)


async def page_of_places(info: Info, condition: Any, first: int | None, after: str | None) -> Node:
    """A page of places in collections, in the order in which they were taken."""
    context, size = context_of(info), page_size(first)
    wanted = (
        select(artifact_memberships)
        .where(condition, artifact_memberships.c.id > (number_from(after) or 0))
        .order_by(artifact_memberships.c.id)
        .limit(size + 1)
    )

    def find(db: Connection) -> tuple[list[Node], bool]:
        rows = list(db.execute(wanted).mappings())
        return with_versions(db, context, rows[:size]), len(rows) > size

    nodes, more = await context.database.read(find)
    return connection(nodes, lambda one: one, lambda one: cursor_of(one["_id"]), more=more)


# -- what runs made and read ------------------------------------------------------------------


@run.field("outputArtifacts")
async def _outputs(
    node: Node, info: Info, *, first: int | None = None, after: str | None = None, **_: Any
) -> Node:
    return await _of_run(node, info, artifact_outputs, first, after)


@run.field("inputArtifacts")
async def _inputs(
    node: Node, info: Info, *, first: int | None = None, after: str | None = None, **_: Any
) -> Node:
    return await _of_run(node, info, artifact_inputs, first, after)


async def _of_run(node: Node, info: Info, table: Any, first: int | None, after: str | None) -> Node:
    context, size = context_of(info), page_size(first)
    every = (
        store.version_query(context.user)
        .add_columns(table.c.id.label("link_id"))
        .join(table, table.c.artifact_id == artifacts.c.id)
        .where(table.c.run_id == node["_id"], artifacts.c.state == "COMMITTED")
    )
    if table is artifact_inputs:
        every = every.add_columns(artifact_inputs.c.used_as)
    wanted = every.where(table.c.id > (number_from(after) or 0)).order_by(table.c.id)

    def find(db: Connection) -> tuple[list[Any], list[Node], int]:
        rows = list(db.execute(wanted.limit(size + 1)).mappings())
        total = len(db.execute(every.with_only_columns(artifacts.c.id)).all())
        return rows, artifact_nodes(db, rows[:size]), total

    rows, nodes, total = await context.database.read(find)
    made = connection(
        list(zip(rows[:size], nodes, strict=True)),
        lambda pair: pair[1],
        lambda pair: cursor_of(pair[0]["link_id"]),
        more=len(rows) > size,
        totalCount=total,
    )
    if table is artifact_inputs:
        for edge, row in zip(made["edges"], rows, strict=False):
            edge["usedAs"] = [row["used_as"]] if row["used_as"] else []
    return made


@type_.field("project")
async def _project_of_type(node: Node, info: Info) -> Node:
    return await project_of(node, info)
