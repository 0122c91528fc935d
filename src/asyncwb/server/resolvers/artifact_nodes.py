"""GraphQL objects of artifacts from table rows."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from asyncwb.server.ids import iso, make_id
from asyncwb.server.storage.artifact_tables import (
    artifact_aliases,
    artifact_memberships,
    artifact_tags,
    collections,
)

from .context import Node, context_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sqlalchemy import Connection

    from .context import Info

    Row = Any

__all__ = [
    "alias_node",
    "artifact_nodes",
    "collection_node",
    "membership_node",
    "project_of",
    "tag_node",
    "type_node",
]

_TYPENAMES = {"SEQUENCE": "ArtifactSequence", "PORTFOLIO": "ArtifactPortfolio"}
_AT_ONCE = 1000


def type_node(row: Row) -> Node:
    """A type from a row of `collections.type_query`."""
    return {
        "_id": row["id"],
        "_project_id": row["project_id"],
        "id": make_id("ArtifactType", row["id"]),
        "name": row["name"],
        "description": row["description"],
        "createdAt": iso(row["created_at"]),
    }


def collection_node(row: Row) -> Node:
    """A collection from a row of `collections.collection_query`."""
    return {
        "__typename": _TYPENAMES[row["kind"]],
        "_id": row["id"],
        "_kind": row["kind"],
        "_project_id": row["project_id"],
        "_entity_id": row["entity_id"],
        "_type_id": row["type_id"],
        "id": make_id("ArtifactCollection", row["id"]),
        "name": row["name"],
        "state": "READY",
        "description": row["description"],
        "createdAt": iso(row["created_at"]),
        "updatedAt": iso(row["updated_at"]),
    }


def membership_node(row: Row, artifact: Node | None) -> Node:
    """A place in a collection from its table row."""
    return {
        "_id": row["id"],
        "_collection_id": row["collection_id"],
        "_artifact_id": row["artifact_id"],
        "_artifact": artifact,
        "id": make_id("ArtifactCollectionMembership", row["id"]),
        "versionIndex": row["version_index"],
        "createdAt": iso(row["created_at"]),
        "commitHash": None,
    }


def alias_node(row: Row) -> Node:
    """An alias from its table row, with its collection's id and name."""
    return {
        "_collection_id": row["collection_id"],
        "_membership_id": row["membership_id"],
        "id": make_id("ArtifactAlias", row["id"]),
        "alias": row["alias"],
        "artifactCollectionName": row["collection_name"],
    }


def tag_node(row: Row) -> Node:
    """A tag from its table row."""
    return {
        "id": make_id("Tag", row["id"]),
        "name": row["name"],
        "tagCategoryName": None,
        "attributes": None,
    }


def artifact_nodes(connection: Connection, rows: Sequence[Row]) -> list[Node]:
    """Versions from rows of `versions.version_query`, with tags and aliases."""
    ids = [row["id"] for row in rows]
    tags = _tags(connection, ids)
    aliases = _aliases(connection, ids)
    return [_artifact(row, tags[row["id"]], aliases[row["id"]]) for row in rows]


def _artifact(row: Row, tags: list[Node], aliases: list[Node]) -> Node:
    ttl: int = row["ttl_seconds"]
    return {
        "__typename": "Artifact",
        "_id": row["id"],
        "_row": row,
        "_aliases": aliases,
        "id": make_id("Artifact", row["id"]),
        "versionIndex": row["version_index"],
        "state": row["state"],
        "description": row["description"],
        "metadata": row["metadata"],
        "digest": row["digest"],
        "digestAlgorithm": row["algorithm"],
        "commitHash": _commit_hash(row),
        "size": row["size"],
        "fileCount": row["file_count"],
        "historyStep": row["history_step"],
        "labels": None,
        "ttlDurationSeconds": ttl,
        "ttlIsInherited": ttl == -1,
        "createdAt": iso(row["created_at"]),
        "updatedAt": iso(row["updated_at"]),
        "tags": tags,
    }


def _commit_hash(row: Row) -> str | None:
    """Twenty hex digits of its own for each committed version; clients insist on one."""
    if row["state"] == "PENDING":
        return None
    return hashlib.sha256(f"{row['id']}:{row['digest']}".encode()).hexdigest()[:20]


def _tags(connection: Connection, ids: Sequence[int]) -> dict[int, list[Node]]:
    found: dict[int, list[Node]] = defaultdict(list)
    for some in _slices(ids):
        query = (
            select(artifact_tags)
            .where(artifact_tags.c.artifact_id.in_(some))
            .order_by(artifact_tags.c.id)
        )
        for row in connection.execute(query).mappings():
            found[row["artifact_id"]].append(tag_node(row))
    return found


def alias_query() -> Any:
    """Aliases with the names of their collections and the versions they name."""
    return (
        select(
            artifact_aliases,
            artifact_memberships.c.artifact_id,
            collections.c.name.label("collection_name"),
        )
        .join(artifact_memberships, artifact_memberships.c.id == artifact_aliases.c.membership_id)
        .join(collections, collections.c.id == artifact_aliases.c.collection_id)
        .order_by(artifact_aliases.c.id)
    )


def _aliases(connection: Connection, ids: Sequence[int]) -> dict[int, list[Node]]:
    found: dict[int, list[Node]] = defaultdict(list)
    for some in _slices(ids):
        query = alias_query().where(artifact_memberships.c.artifact_id.in_(some))
        for row in connection.execute(query).mappings():
            found[row["artifact_id"]].append(alias_node(row))
        for row in connection.execute(_numbers(some)).mappings():
            found[row["artifact_id"]].append(_number_node(row))
    return found


def _numbers(ids: Sequence[int]) -> Any:
    """The numbers that versions have in their collections."""
    return (
        select(artifact_memberships, collections.c.name.label("collection_name"))
        .join(collections, collections.c.id == artifact_memberships.c.collection_id)
        .where(artifact_memberships.c.artifact_id.in_(ids))
        .order_by(artifact_memberships.c.id)
    )


def _number_node(row: Row) -> Node:
    """The alias `v3` of the third version: clients before 0.17 know its number by that alone."""
    return {
        "_collection_id": row["collection_id"],
        "_membership_id": row["id"],
        "id": make_id("ArtifactVersionAlias", row["id"]),
        "alias": f"v{row['version_index']}",
        "artifactCollectionName": row["collection_name"],
    }


def _slices(ids: Sequence[int]) -> Iterable[Sequence[int]]:
    return (ids[start : start + _AT_ONCE] for start in range(0, len(ids), _AT_ONCE))


async def project_of(node: Node, info: Info) -> Node:
    """The project of a type, a collection or a version; asked for once in a request.

    Of one that the user cannot see, the source of a version in a registry, the name alone.
    """
    from asyncwb.server.storage.projects import any_project

    from .nodes import named_project, project_node

    context = context_of(info)
    project_id: int = node["_project_id"]
    known = context.projects.get(project_id)
    if known is None:
        row, seen = await context.database.read(
            lambda db: any_project(db, context.user, project_id)
        )
        known = project_node(row) if seen else named_project(row)
        context.projects[project_id] = known
    return known
