"""Versions of artifacts: their life from the first request to their deletion."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import msgspec
from sqlalchemy import and_, delete, insert, or_, select, update

from asyncwb.server.automations.acting import artifact_changed
from asyncwb.server.jsontext import decode, encode, is_object, query_form
from asyncwb.server.problems import conflict, forbidden, invalid, not_found

from .artifact_tables import (
    artifact_aliases,
    artifact_inputs,
    artifact_manifests,
    artifact_memberships,
    artifact_outputs,
    artifact_tags,
    artifacts,
    client_ids,
    collections,
)
from .collections import (
    add_member,
    add_tags,
    every_collection,
    put_aliases,
    remove_tags,
    visible_collections,
)
from .policy import check_writable, readable_registry
from .rows import insert_row
from .tables import entities, projects

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sqlalchemy import ColumnElement, Connection

    from .accounts import User

__all__ = [
    "NewVersion",
    "change_version",
    "commit_version",
    "create_version",
    "delete_version",
    "drop_expired",
    "find_client_id",
    "latest_of",
    "owned_version",
    "record_input",
    "version_by_id",
    "version_query",
]

TTL_INHERIT = -1
TTL_NONE = -2


class NewVersion(msgspec.Struct, frozen=True, kw_only=True):
    """What a client asks for."""

    digest: str
    algorithm: str
    run_id: int | None
    aliases: list[str]
    tags: list[str]
    description: str | None
    metadata: str | None
    ttl_seconds: int | None
    history_step: int | None
    distributed_id: str | None
    client_id: str | None
    sequence_client_id: str | None
    deduplicate: bool


def alive(now: float | None = None) -> ColumnElement[bool]:
    """The condition that a version has not outlived its time."""
    now = time.time() if now is None else now
    return or_(artifacts.c.ttl_seconds <= 0, artifacts.c.created_at + artifacts.c.ttl_seconds > now)


def version_query(user: User) -> Any:
    """Versions that a user can see, with their sequence: own ones, and those of registries."""
    sequence = every_collection().subquery("sequence")
    found = (
        select(
            artifacts,
            sequence.c.name.label("sequence_name"),
            sequence.c.type_id,
            sequence.c.type_name,
            sequence.c.project_id,
            sequence.c.project_name,
            sequence.c.entity_id,
            sequence.c.entity_name,
        )
        .join(sequence, sequence.c.id == artifacts.c.sequence_id)
        .where(alive())
    )
    if user.admin:
        return found
    own = artifacts.c.sequence_id.in_(visible_collections(user))
    # Correlated with the version alone: a query that has places already would lend its rows.
    shared = (
        select(artifact_memberships.c.id)
        .join(collections, collections.c.id == artifact_memberships.c.collection_id)
        .join(projects, projects.c.id == collections.c.project_id)
        .join(entities, entities.c.id == projects.c.entity_id)
        .where(artifact_memberships.c.artifact_id == artifacts.c.id, readable_registry(user))
        .correlate(artifacts)
        .exists()
    )
    return found.where(or_(own, shared))


def version_by_id(connection: Connection, user: User, artifact_id: int) -> Any:
    """A version.

    Raises:
        Problem: It does not exist, or the user cannot see it (404).
    """
    row = connection.execute(version_query(user).where(artifacts.c.id == artifact_id))
    found = row.mappings().first()
    if found is None:
        raise not_found("artifact not found")
    return found


def owned_version(connection: Connection, user: User, artifact_id: int) -> Any:
    """A version, for changes of it.

    Raises:
        Problem: It does not exist, the user cannot see it (404), or only in a registry, or may
            not change what owns it (403).
    """
    found = version_by_id(connection, user, artifact_id)
    own = visible_collections(user, collections.c.id == found["sequence_id"])
    if connection.execute(own).first() is None:
        raise forbidden(
            "the artifact version is read through a registry; only its owners change it"
        )
    check_writable(connection, user, found["project_id"])
    return found


def latest_of(connection: Connection, sequence_id: int) -> int | None:
    """Row id of the newest committed version of a sequence."""
    query = (
        select(artifacts.c.id)
        .where(
            artifacts.c.sequence_id == sequence_id,
            artifacts.c.state == "COMMITTED",
            alive(),
        )
        .order_by(artifacts.c.version_index.desc())
        .limit(1)
    )
    found = connection.execute(query).scalar()
    return None if found is None else int(found)


def create_version(connection: Connection, user: User, sequence: Any, wanted: NewVersion) -> int:
    """Row id of the version that a client is to fill; or of the one that it need not fill.

    Raises:
        Problem: Metadata that is no JSON object, or a bad alias (400).
    """
    sequence_id: int = sequence["id"]
    now = time.time()
    found = _pending(connection, sequence_id, wanted)
    if found is None and wanted.deduplicate:
        found = _same_content(connection, sequence_id, wanted, now)
    if found is None:
        metadata = _metadata(wanted.metadata)
        found = insert_row(
            connection,
            artifacts,
            sequence_id=sequence_id,
            run_id=wanted.run_id,
            user_id=user.id,
            state="PENDING",
            digest=wanted.digest,
            algorithm=wanted.algorithm,
            description=wanted.description,
            metadata=metadata,
            metadata_doc=query_form(decode(metadata)),
            ttl_seconds=wanted.ttl_seconds or TTL_INHERIT,
            history_step=wanted.history_step,
            distributed_id=wanted.distributed_id,
            wanted_aliases=encode(wanted.aliases),
            created_at=now,
            updated_at=now,
        )
        add_tags(connection, artifact_tags, artifact_tags.c.artifact_id, found, wanted.tags)
    _remember(connection, wanted.client_id, artifact_id=found)
    _remember(connection, wanted.sequence_client_id, collection_id=sequence_id)
    if wanted.run_id is not None:
        _record(connection, artifact_outputs, run_id=wanted.run_id, artifact_id=found)
    return found


def _pending(connection: Connection, sequence_id: int, wanted: NewVersion) -> int | None:
    """The version that several writers fill together."""
    if wanted.distributed_id is None:
        return None
    row = connection.execute(
        select(artifacts.c.id, artifacts.c.wanted_aliases).where(
            artifacts.c.sequence_id == sequence_id,
            artifacts.c.distributed_id == wanted.distributed_id,
            artifacts.c.state == "PENDING",
        )
    ).first()
    if row is None:
        return None
    aliases = dict.fromkeys([*decode(row.wanted_aliases), *wanted.aliases])
    connection.execute(
        update(artifacts).where(artifacts.c.id == row.id).values(wanted_aliases=encode([*aliases]))
    )
    return int(row.id)


def _same_content(
    connection: Connection, sequence_id: int, wanted: NewVersion, now: float
) -> int | None:
    """The newest committed version with this content; the aliases move to it."""
    found = connection.execute(
        select(artifacts.c.id)
        .where(
            artifacts.c.sequence_id == sequence_id,
            artifacts.c.digest == wanted.digest,
            artifacts.c.state == "COMMITTED",
            alive(now),
        )
        .order_by(artifacts.c.version_index.desc())
        .limit(1)
    ).scalar()
    if found is None:
        return None
    membership = add_member(connection, sequence_id, int(found))
    put_aliases(connection, membership, wanted.aliases)
    add_tags(connection, artifact_tags, artifact_tags.c.artifact_id, int(found), wanted.tags)
    return int(found)


def commit_version(
    connection: Connection,
    artifact_id: int,
    *,
    digest: str,
    size: int,
    file_count: int,
    storage: str,
) -> None:
    """Number a version and let its aliases name it."""
    row = connection.execute(select(artifacts).where(artifacts.c.id == artifact_id)).one()
    membership = add_member(connection, row.sequence_id, artifact_id)
    new = put_aliases(connection, membership, decode(row.wanted_aliases))
    connection.execute(
        update(artifacts)
        .where(artifacts.c.id == artifact_id)
        .values(
            version_index=membership["version_index"],
            state="COMMITTED",
            digest=digest,
            size=size,
            file_count=file_count,
            storage=storage,
            updated_at=time.time(),
        )
    )
    artifact_changed(connection, "CREATE_ARTIFACT", row.sequence_id, artifact_id)
    artifact_changed(connection, "ADD_ARTIFACT_ALIAS", row.sequence_id, artifact_id, new)


def change_version(
    connection: Connection,
    artifact_id: int,
    *,
    changes: dict[str, Any],
    tags_to_add: Iterable[str],
    tags_to_delete: Iterable[str],
) -> None:
    """Change description, metadata, time to live and tags.

    Raises:
        Problem: Metadata that is no JSON object (400).
    """
    values = dict(changes)
    if "metadata" in values:
        values["metadata"] = _metadata(values["metadata"])
        values["metadata_doc"] = query_form(decode(values["metadata"]))
    connection.execute(
        update(artifacts)
        .where(artifacts.c.id == artifact_id)
        .values(**values, updated_at=time.time())
    )
    tagged = (connection, artifact_tags, artifact_tags.c.artifact_id, artifact_id)
    gone, new = remove_tags(*tagged, tags_to_delete), add_tags(*tagged, tags_to_add)
    own = select(artifacts.c.sequence_id).where(artifacts.c.id == artifact_id)
    sequence_id = connection.execute(own).scalar_one()
    artifact_changed(connection, "REMOVE_ARTIFACT_TAG", sequence_id, artifact_id, gone)
    artifact_changed(connection, "ADD_ARTIFACT_TAG", sequence_id, artifact_id, new)


def delete_version(connection: Connection, artifact_id: int, *, with_aliases: bool) -> None:
    """Remove a version.

    Raises:
        Problem: Aliases name it and the caller did not say that they may go (409).
    """
    query = (
        select(artifact_aliases.c.alias)
        .join(artifact_memberships, artifact_memberships.c.id == artifact_aliases.c.membership_id)
        .where(artifact_memberships.c.artifact_id == artifact_id)
    )
    aliases = list(connection.execute(query).scalars())
    if aliases and not with_aliases:
        raise conflict(
            f"the artifact version has the aliases {', '.join(sorted(aliases))}; remove them, or "
            "delete it together with its aliases"
        )
    connection.execute(delete(artifacts).where(artifacts.c.id == artifact_id))


def find_client_id(connection: Connection, user: User, client_id: str) -> Any:
    """What a draft's own name stands for: a row with artifact or collection id, or None."""
    row = connection.execute(select(client_ids).where(client_ids.c.client_id == client_id)).first()
    if row is None:
        return None
    condition = (
        artifacts.c.id == row.artifact_id
        if row.artifact_id is not None
        else artifacts.c.sequence_id == row.collection_id
    )
    seen = connection.execute(version_query(user).where(condition).limit(1)).first()
    return row if seen is not None else None


def record_input(
    connection: Connection, run_id: int, artifact_id: int, used_as: str | None
) -> None:
    """Note that a run reads a version."""
    _record(connection, artifact_inputs, run_id=run_id, artifact_id=artifact_id, used_as=used_as)


def drop_expired(connection: Connection, sequence_id: int) -> list[str]:
    """Remove versions of a sequence whose time is over; returns blobs that nobody needs."""
    gone = and_(artifacts.c.sequence_id == sequence_id, ~alive())
    query = (
        select(artifact_manifests.c.blob)
        .join(artifacts, artifacts.c.id == artifact_manifests.c.artifact_id)
        .where(gone, artifact_manifests.c.blob.is_not(None))
    )
    blobs = list(connection.execute(query).scalars())
    connection.execute(delete(artifacts).where(gone))
    return blobs


def _record(connection: Connection, table: Any, **values: Any) -> None:
    known = select(table.c.id).where(
        table.c.run_id == values["run_id"], table.c.artifact_id == values["artifact_id"]
    )
    if connection.execute(known).first() is None:
        connection.execute(insert(table).values(**values, created_at=time.time()))


def _remember(connection: Connection, client_id: str | None, **stands_for: int) -> None:
    if not client_id:
        return
    if len(client_id) > 256:
        raise invalid("a client id has at most 256 characters")
    # What a client that broke off left unfinished is no longer what it means.
    changed = connection.execute(
        update(client_ids).where(client_ids.c.client_id == client_id).values(**stands_for)
    )
    if not changed.rowcount:
        connection.execute(insert(client_ids).values(client_id=client_id, **stands_for))


def _metadata(text: str | None) -> str:
    if not text:
        return "{}"
    if not is_object(decode(text)):
        raise invalid("the metadata of an artifact is a JSON object")
    return text
