"""Types and collections of artifacts, the places of versions in them, aliases and tags."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from sqlalchemy import delete, insert, select, update

from asyncwb.server.problems import conflict, invalid, not_found

from .artifact_tables import (
    artifact_aliases,
    artifact_memberships,
    artifact_types,
    artifacts,
    collections,
)
from .names import check_name
from .policy import visible_project
from .rows import insert_row
from .tables import entities, projects

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sqlalchemy import ColumnElement, Connection

    from .accounts import User

__all__ = [
    "Kind",
    "add_member",
    "change_collection",
    "collection_by_id",
    "collection_query",
    "delete_collection",
    "every_collection",
    "find_collection",
    "find_digest",
    "find_membership",
    "membership_query",
    "move_collection",
    "put_aliases",
    "remove_aliases",
    "sequence_for",
    "split_name",
    "type_for",
    "type_query",
    "visible_collections",
]

Kind: TypeAlias = Literal["SEQUENCE", "PORTFOLIO"]

_DIGEST = re.compile(r"[0-9a-f]{32}")
_VERSION = re.compile(r"v(\d{1,9})")
_FORBIDDEN = "/:"


def type_query(user: User) -> Any:
    """Types that a user can see, with their project."""
    return (
        select(
            artifact_types,
            projects.c.name.label("project_name"),
            entities.c.name.label("entity_name"),
        )
        .join(projects, projects.c.id == artifact_types.c.project_id)
        .join(entities, entities.c.id == projects.c.entity_id)
        .where(visible_project(user))
    )


def every_collection() -> Any:
    """Collections, whoever may see them, with type, project and entity."""
    return (
        select(
            collections,
            artifact_types.c.name.label("type_name"),
            projects.c.name.label("project_name"),
            projects.c.entity_id,
            entities.c.name.label("entity_name"),
        )
        .join(artifact_types, artifact_types.c.id == collections.c.type_id)
        .join(projects, projects.c.id == collections.c.project_id)
        .join(entities, entities.c.id == projects.c.entity_id)
    )


def collection_query(user: User) -> Any:
    """Collections that a user can see, with type, project and entity."""
    return every_collection().where(visible_project(user))


def visible_collections(user: User, *conditions: ColumnElement[bool]) -> Any:
    """Row ids of the collections that a user can see."""
    return (
        collection_query(user)
        .with_only_columns(collections.c.id, maintain_column_froms=True)
        .where(*conditions)
    )


def membership_query() -> Any:
    """Places of versions in collections."""
    return select(artifact_memberships)


def collection_by_id(connection: Connection, user: User, collection_id: int) -> Any:
    """A collection.

    Raises:
        Problem: It does not exist, or the user cannot see it (404).
    """
    query = collection_query(user).where(collections.c.id == collection_id)
    row = connection.execute(query).mappings().first()
    if row is None:
        raise not_found("artifact collection not found")
    return row


def find_collection(connection: Connection, user: User, project_id: int, name: str) -> Any:
    """A collection of a project by name, or None."""
    query = collection_query(user).where(
        collections.c.project_id == project_id, collections.c.name == name
    )
    return connection.execute(query).mappings().first()


def type_for(
    connection: Connection, project_id: int, name: str, description: str | None = None
) -> int:
    """Row id of a type, made when missing.

    Raises:
        Problem: A bad name (400).
    """
    query = select(artifact_types.c.id).where(
        artifact_types.c.project_id == project_id, artifact_types.c.name == name
    )
    found = connection.execute(query).scalar()
    if found is not None:
        return int(found)
    check_name(name, "an artifact type", _FORBIDDEN)
    return insert_row(
        connection,
        artifact_types,
        project_id=project_id,
        name=name,
        description=description,
        created_at=time.time(),
    )


def sequence_for(
    connection: Connection, user: User, project_id: int, name: str, type_name: str, kind: Kind
) -> Any:
    """A collection of this type and kind, made when missing.

    Raises:
        Problem: A bad name (400), or one that is taken by another type or kind (409).
    """
    found = find_collection(connection, user, project_id, name)
    if found is None:
        check_name(name, "an artifact's name", _FORBIDDEN)
        now = time.time()
        made = insert_row(
            connection,
            collections,
            project_id=project_id,
            type_id=type_for(connection, project_id, type_name),
            name=name,
            kind=kind,
            created_at=now,
            updated_at=now,
        )
        return collection_by_id(connection, user, made)
    if found["type_name"] != type_name:
        raise conflict(
            f"the artifact collection {name!r} has the type {found['type_name']!r}, "
            f"not {type_name!r}"
        )
    if found["kind"] != kind:
        what = "holds links" if kind == "SEQUENCE" else "owns versions"
        raise conflict(f"the artifact collection {name!r} {what}; choose another name")
    return found


def change_collection(
    connection: Connection, collection_id: int, project_id: int, changes: dict[str, Any]
) -> None:
    """Set name and description.

    Raises:
        Problem: The new name is bad (400) or taken (409).
    """
    if "name" in changes:
        check_name(changes["name"], "an artifact's name", _FORBIDDEN)
        taken = select(collections.c.id).where(
            collections.c.project_id == project_id,
            collections.c.name == changes["name"],
            collections.c.id != collection_id,
        )
        if connection.execute(taken).first() is not None:
            raise conflict(f"an artifact collection {changes['name']!r} exists already")
    connection.execute(
        update(collections)
        .where(collections.c.id == collection_id)
        .values(**changes, updated_at=time.time())
    )


def move_collection(
    connection: Connection, collection_id: int, project_id: int, type_name: str
) -> None:
    """Give a collection another type.

    Raises:
        Problem: There is no such type in the project (404).
    """
    query = select(artifact_types.c.id).where(
        artifact_types.c.project_id == project_id, artifact_types.c.name == type_name
    )
    type_id = connection.execute(query).scalar()
    if type_id is None:
        raise not_found(f"artifact type {type_name!r} not found")
    connection.execute(
        update(collections)
        .where(collections.c.id == collection_id)
        .values(type_id=type_id, updated_at=time.time())
    )


def delete_collection(connection: Connection, collection_id: int) -> None:
    """Remove a collection, and with a sequence its versions."""
    connection.execute(delete(collections).where(collections.c.id == collection_id))


def add_tags(
    connection: Connection, table: Any, owner: Any, owner_id: int, names: Iterable[str]
) -> list[str]:
    """Add tags to whatever has them; returns those that were not there."""
    known = set(connection.execute(select(table.c.name).where(owner == owner_id)).scalars())
    new = [name for name in dict.fromkeys(names) if name not in known]
    if new:
        rows = [{owner.name: owner_id, "name": name} for name in new]
        connection.execute(insert(table), rows)
    return new


def remove_tags(
    connection: Connection, table: Any, owner: Any, owner_id: int, names: Iterable[str]
) -> list[str]:
    """Remove tags of whatever has them; returns those that were there."""
    gone = (owner == owner_id, table.c.name.in_(list(names)))
    found = list(connection.execute(select(table.c.name).where(*gone)).scalars())
    if found:
        connection.execute(delete(table).where(*gone))
    return found


def split_name(name: str) -> tuple[str, str]:
    """`collection:alias` in its parts; the alias is `latest` where none is given."""
    collection, _, alias = name.partition(":")
    return collection, alias or "latest"


def find_membership(connection: Connection, collection_id: int, alias: str) -> Any:
    """The place that an alias or a version number (`v3`) names in a collection, or None."""
    aliased = (
        membership_query()
        .join(artifact_aliases, artifact_aliases.c.membership_id == artifact_memberships.c.id)
        .where(artifact_aliases.c.collection_id == collection_id, artifact_aliases.c.alias == alias)
    )
    row = connection.execute(aliased).mappings().first()
    number = _VERSION.fullmatch(alias)
    if row is None and number is not None:
        numbered = membership_query().where(
            artifact_memberships.c.collection_id == collection_id,
            artifact_memberships.c.version_index == int(number[1]),
        )
        row = connection.execute(numbered).mappings().first()
    return row


def find_digest(connection: Connection, project_id: int, digest: str) -> Any:
    """The place of a version with this content in the collection that owns it, or None."""
    if not _DIGEST.fullmatch(digest):
        return None
    query = (
        membership_query()
        .join(collections, collections.c.id == artifact_memberships.c.collection_id)
        .join(artifacts, artifacts.c.id == artifact_memberships.c.artifact_id)
        .where(
            collections.c.project_id == project_id,
            artifacts.c.sequence_id == collections.c.id,
            artifacts.c.digest == digest,
            artifacts.c.state == "COMMITTED",
        )
    )
    return connection.execute(query).mappings().first()


def add_member(connection: Connection, collection_id: int, artifact_id: int) -> Any:
    """Give a version a place in a collection, with the next number; again is harmless."""
    row = member(connection, collection_id, artifact_id)
    if row is not None:
        return row
    number = connection.execute(
        select(collections.c.next_index).where(collections.c.id == collection_id)
    ).scalar_one()
    now = time.time()
    connection.execute(
        update(collections)
        .where(collections.c.id == collection_id)
        .values(next_index=number + 1, updated_at=now)
    )
    insert_row(
        connection,
        artifact_memberships,
        collection_id=collection_id,
        artifact_id=artifact_id,
        version_index=number,
        created_at=now,
    )
    return member(connection, collection_id, artifact_id)


def put_aliases(connection: Connection, membership: Any, aliases: Iterable[str]) -> list[str]:
    """Let aliases name this version in its collection, no other one there; which are new to it.

    Raises:
        Problem: An alias is empty, holds `/` or `:`, or looks like a version's number (400).
    """
    table, new = artifact_aliases, list[str]()
    for alias in dict.fromkeys(aliases):
        check_alias(alias)
        there = {"collection_id": membership["collection_id"], "alias": alias}
        same = [table.c[name] == value for name, value in there.items()]
        named = connection.execute(select(table.c.membership_id).where(*same)).scalar()
        if named == membership["id"]:
            continue
        if named is None:
            insert_row(connection, table, **there, membership_id=membership["id"])
        else:
            connection.execute(update(table).where(*same).values(membership_id=membership["id"]))
        new.append(alias)
    return new


def check_alias(alias: str) -> None:
    """Refuse what cannot be an alias.

    Raises:
        Problem: It is empty, too long, holds `/` or `:`, or looks like a version's number (400).
    """
    check_name(alias, "an alias", _FORBIDDEN)
    if _VERSION.fullmatch(alias):
        raise invalid(f"{alias!r} is the number of a version and cannot be an alias")


def remove_aliases(connection: Connection, membership_id: int, aliases: Iterable[str]) -> None:
    """Remove aliases of a version in its collection."""
    connection.execute(
        delete(artifact_aliases).where(
            artifact_aliases.c.membership_id == membership_id,
            artifact_aliases.c.alias.in_(list(aliases)),
        )
    )


def member(connection: Connection, collection_id: int, artifact_id: int) -> Any:
    """The place of a version in a collection, or None."""
    there = artifact_memberships.c
    query = membership_query().where(
        there.collection_id == collection_id, there.artifact_id == artifact_id
    )
    return connection.execute(query).mappings().first()


def remove_member(connection: Connection, collection_id: int, artifact_id: int) -> bool:
    """Take a version out of a collection; whether it was there."""
    done = connection.execute(
        delete(artifact_memberships).where(
            artifact_memberships.c.collection_id == collection_id,
            artifact_memberships.c.artifact_id == artifact_id,
        )
    )
    return done.rowcount > 0
