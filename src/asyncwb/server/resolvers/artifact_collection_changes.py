"""Mutations of types and collections of artifacts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from asyncwb.server.automations.acting import collection_changed
from asyncwb.server.ids import parse_id
from asyncwb.server.problems import not_found
from asyncwb.server.storage import collections as store
from asyncwb.server.storage.artifact_files import take_orphans
from asyncwb.server.storage.artifact_tables import artifact_types, collection_tags
from asyncwb.server.storage.policy import check_writable
from asyncwb.server.storage.projects import find_project, project_for

from .artifact_nodes import collection_node, tag_node, type_node
from .context import Info, Node, context_of
from .registry import Resolvers

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Connection

__all__ = ["mutation"]

mutation = Resolvers("Mutation")


@mutation.field("createArtifactType")
async def _create_type(_root: Any, info: Info, input: dict[str, Any]) -> Node:
    context = context_of(info)

    def change(db: Connection) -> Node:
        project_id, _ = project_for(db, context.user, input["entityName"], input["projectName"])
        made = store.type_for(db, project_id, input["name"], input.get("description"))
        wanted = store.type_query(context.user).where(artifact_types.c.id == made)
        return type_node(db.execute(wanted).mappings().one())

    return {"artifactType": await context.database.write(change)}


async def _change(info: Info, id: str, change: Callable[[Connection, Any], None]) -> Node:
    context = context_of(info)
    collection_id = parse_id("ArtifactCollection", id)

    def run(db: Connection) -> Node:
        row = store.collection_by_id(db, context.user, collection_id)
        check_writable(db, context.user, row["project_id"], "member")
        change(db, row)
        return collection_node(store.collection_by_id(db, context.user, collection_id))

    return {"artifactCollection": await context.database.write(run)}


def _named_changes(input: dict[str, Any]) -> Callable[[Connection, Any], None]:
    changes = {key: input[key] for key in ("name", "description") if input.get(key) is not None}
    return lambda db, row: store.change_collection(db, row["id"], row["project_id"], changes)


@mutation.field("updateArtifactSequence")
async def _update_sequence(_root: Any, info: Info, input: dict[str, Any]) -> Node:
    return await _change(info, input["artifactSequenceID"], _named_changes(input))


@mutation.field("updateArtifactPortfolio")
async def _update_portfolio(_root: Any, info: Info, input: dict[str, Any]) -> Node:
    return await _change(info, input["artifactPortfolioID"], _named_changes(input))


@mutation.field("moveArtifactSequence")
async def _move(_root: Any, info: Info, input: dict[str, Any]) -> Node:
    target = input["destinationArtifactTypeName"]
    return await _change(
        info,
        input["artifactSequenceID"],
        lambda db, row: store.move_collection(db, row["id"], row["project_id"], target),
    )


async def _delete(info: Info, id: str) -> Node:
    context = context_of(info)
    collection_id = parse_id("ArtifactCollection", id)

    def change(db: Connection) -> tuple[Node, list[str]]:
        row = store.collection_by_id(db, context.user, collection_id)
        check_writable(db, context.user, row["project_id"], "member")
        node = {**collection_node(row), "state": "DELETED"}
        store.delete_collection(db, collection_id)
        return node, take_orphans(db, row["entity_id"])

    node, blobs = await context.database.write(change)
    context.obsolete_blobs += blobs
    return {"artifactCollection": node}


@mutation.field("deleteArtifactSequence")
async def _delete_sequence(_root: Any, info: Info, input: dict[str, Any]) -> Node:
    return await _delete(info, input["artifactSequenceID"])


@mutation.field("deleteArtifactPortfolio")
async def _delete_portfolio(_root: Any, info: Info, input: dict[str, Any]) -> Node:
    return await _delete(info, input["artifactPortfolioID"])


@mutation.field("createArtifactCollectionTagAssignments")
async def _tag(_root: Any, info: Info, input: dict[str, Any]) -> Node:
    context = context_of(info)
    names = [tag["tagName"] for tag in input["tags"]]

    def change(db: Connection) -> list[Node]:
        row = _named(db, context, input)
        new = store.add_tags(db, collection_tags, collection_tags.c.collection_id, row["id"], names)
        collection_changed(db, "ADD_COLLECTION_TAG", row["id"], new)
        wanted = select(collection_tags).where(
            collection_tags.c.collection_id == row["id"], collection_tags.c.name.in_(names)
        )
        return [tag_node(found) for found in db.execute(wanted).mappings()]

    return {"tags": await context.database.write(change)}


@mutation.field("deleteArtifactCollectionTagAssignments")
async def _untag(_root: Any, info: Info, input: dict[str, Any]) -> Node:
    context = context_of(info)
    names = [tag["tagName"] for tag in input["tags"]]

    def change(db: Connection) -> None:
        row = _named(db, context, input)
        gone = store.remove_tags(
            db, collection_tags, collection_tags.c.collection_id, row["id"], names
        )
        collection_changed(db, "REMOVE_COLLECTION_TAG", row["id"], gone)

    await context.database.write(change)
    return {"success": True}


def _named(db: Connection, context: Any, input: dict[str, Any]) -> Any:
    """The collection that entity, project and name say."""
    owner = find_project(db, context.user, input["entityName"], input["projectName"])
    found = owner and store.find_collection(
        db, context.user, owner["id"], input["artifactCollectionName"]
    )
    if not found:
        raise not_found(f"artifact collection {input['artifactCollectionName']!r} not found")
    check_writable(db, context.user, owner["id"], "member")
    return found
