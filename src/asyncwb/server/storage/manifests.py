"""Manifests as clients upload them, and the entries that come of them.

A version's entries are written at its commit: those of its own manifest (FULL), over those of the
base version (INCREMENTAL), or those of all writers together (PATCH).
"""

from __future__ import annotations

import hashlib
import time
from typing import TYPE_CHECKING, Any

import msgspec
from sqlalchemy import delete, insert, select, update

from asyncwb.server.jsontext import encode
from asyncwb.server.problems import invalid, not_found

from .artifact_tables import (
    artifact_entries,
    artifact_manifests,
    artifacts,
    collections,
    stored_files,
)
from .files import check_file_name
from .rows import insert_row

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy import Connection

__all__ = [
    "Entry",
    "Uploaded",
    "attach_manifest",
    "commit_entries",
    "create_manifest",
    "manifest_of",
    "read_manifest",
    "uploaded_manifests",
]

_HEADER = b"wandb-artifact-manifest-v1\n"
_AT_ONCE = 1000


class Entry(msgspec.Struct, rename="camel"):
    """One member of a manifest's `contents`; what a writer adds for itself is dropped."""

    digest: str
    ref: str | None = None
    size: int | None = None
    extra: dict[str, Any] | None = None
    birth_artifact_id: str | None = msgspec.field(default=None, name="birthArtifactID")


class _File(msgspec.Struct, rename="camel"):
    storage_policy_config: dict[str, Any] = msgspec.field(default_factory=dict[str, Any])
    contents: dict[str, Entry] = msgspec.field(default_factory=dict[str, Entry])


class Uploaded(msgspec.Struct, frozen=True):
    """A manifest whose bytes have arrived."""

    type: str
    blob: str
    base_id: int | None


_read = msgspec.json.Decoder(_File)


def create_manifest(
    connection: Connection, artifact_id: int, type_: str, digest: str, base_id: int | None
) -> int:
    """Make a manifest's row; its bytes follow."""
    return insert_row(
        connection,
        artifact_manifests,
        artifact_id=artifact_id,
        base_id=base_id,
        type=type_,
        digest=digest,
        created_at=time.time(),
    )


def change_manifest(
    connection: Connection, manifest_id: int, digest: str | None, base_id: int | None
) -> None:
    """Set what is given."""
    values: dict[str, Any] = {}
    if digest is not None:
        values["digest"] = digest
    if base_id is not None:
        values["base_id"] = base_id
    if values:
        connection.execute(
            update(artifact_manifests)
            .where(artifact_manifests.c.id == manifest_id)
            .values(**values)
        )


def forget_manifests(connection: Connection, artifact_id: int) -> list[str]:
    """Remove what was uploaded, which the entries say as well; returns the blobs."""
    blobs = [one.blob for one in uploaded_manifests(connection, artifact_id)]
    connection.execute(
        delete(artifact_manifests).where(artifact_manifests.c.artifact_id == artifact_id)
    )
    return blobs


def manifest_blobs(connection: Connection, project_id: int) -> list[str]:
    """Blobs of manifests of a project that were uploaded and not forgotten."""
    query = (
        select(artifact_manifests.c.blob)
        .join(artifacts, artifacts.c.id == artifact_manifests.c.artifact_id)
        .join(collections, collections.c.id == artifacts.c.sequence_id)
        .where(collections.c.project_id == project_id, artifact_manifests.c.blob.is_not(None))
    )
    return list(connection.execute(query).scalars())


def attach_manifest(connection: Connection, manifest_id: int, blob: str) -> str | None:
    """Let a manifest have these bytes; returns the blob it had before.

    Raises:
        Problem: The manifest, or its version, was deleted meanwhile (404).
    """
    row = connection.execute(
        select(artifact_manifests.c.blob).where(artifact_manifests.c.id == manifest_id)
    ).first()
    if row is None:
        raise not_found("artifact manifest not found")
    connection.execute(
        update(artifact_manifests).where(artifact_manifests.c.id == manifest_id).values(blob=blob)
    )
    previous: str | None = row.blob
    return previous


def manifest_of(connection: Connection, manifest_id: int) -> Any:
    """A manifest's row, or None."""
    query = select(artifact_manifests).where(artifact_manifests.c.id == manifest_id)
    return connection.execute(query).mappings().first()


def uploaded_manifests(connection: Connection, artifact_id: int) -> list[Uploaded]:
    """Manifests of a version that have bytes, oldest first."""
    query = (
        select(artifact_manifests)
        .where(
            artifact_manifests.c.artifact_id == artifact_id,
            artifact_manifests.c.blob.is_not(None),
        )
        .order_by(artifact_manifests.c.id)
    )
    return [Uploaded(row.type, row.blob, row.base_id) for row in connection.execute(query)]


def read_manifest(data: bytes) -> tuple[dict[str, Entry], dict[str, Any]]:
    """Entries by path, and how the files are stored.

    Raises:
        Problem: It is no manifest, or a path would lead out of a download folder (400).
    """
    try:
        file = _read.decode(data)
    except (msgspec.MsgspecError, UnicodeDecodeError) as exc:
        raise invalid(f"not a manifest: {exc}") from exc
    for path in file.contents:
        check_file_name(path)
    return file.contents, file.storage_policy_config


def commit_entries(
    connection: Connection,
    artifact_id: int,
    entity_id: int,
    entries: Mapping[str, Entry],
    base_id: int | None,
) -> tuple[str, int, int]:
    """Write the entries of a version, over those of a base where there is one.

    Returns:
        Digest, bytes and number of the entries.

    Raises:
        Problem: The bytes of a file have not been uploaded (400).
    """
    algorithm = connection.execute(
        select(artifacts.c.algorithm).where(artifacts.c.id == artifact_id)
    ).scalar_one()
    merged = {**_entries_of(connection, base_id), **entries} if base_id is not None else entries
    stored = _stored(connection, entity_id, {e.digest for e in merged.values() if e.ref is None})
    rows: list[dict[str, Any]] = []
    for path, entry in merged.items():
        file = stored.get(entry.digest) if entry.ref is None else None
        if file is None and entry.ref is None:
            raise invalid(f"the bytes of {path!r} have not been uploaded")
        rows.append(
            {
                "artifact_id": artifact_id,
                "path": path,
                "digest": entry.digest,
                "ref": entry.ref,
                "size": entry.size if file is None else file.size,
                "extra": encode(entry.extra) if entry.extra else None,
                "birth": entry.birth_artifact_id,
                "file_id": None if file is None else file.id,
            }
        )
    connection.execute(
        delete(artifact_entries).where(artifact_entries.c.artifact_id == artifact_id)
    )
    for start in range(0, len(rows), _AT_ONCE):
        connection.execute(insert(artifact_entries), rows[start : start + _AT_ONCE])
    size = sum(row["size"] or 0 for row in rows)
    return _digest(merged, algorithm), size, len(rows)


def manifest_json(connection: Connection, artifact_id: int, storage: dict[str, Any]) -> bytes:
    """The manifest file of a committed version."""
    contents: dict[str, dict[str, Any]] = {}
    for path, entry in sorted(_entries_of(connection, artifact_id).items()):
        members: dict[str, Any] = {"digest": entry.digest}
        if entry.birth_artifact_id is not None:
            members["birthArtifactID"] = entry.birth_artifact_id
        if entry.ref is not None:
            members["ref"] = entry.ref
        if entry.size is not None:
            members["size"] = entry.size
        if entry.extra:
            members["extra"] = entry.extra
        contents[path] = members
    return msgspec.json.encode(
        {
            "version": 1,
            "storagePolicy": "wandb-storage-policy-v1",
            "storagePolicyConfig": storage or {"storageLayout": "V2"},
            "contents": contents,
        }
    )


def _entries_of(connection: Connection, artifact_id: int) -> dict[str, Entry]:
    query = select(artifact_entries).where(artifact_entries.c.artifact_id == artifact_id)
    return {
        row.path: Entry(
            digest=row.digest,
            ref=row.ref,
            size=row.size,
            extra=msgspec.json.decode(row.extra) if row.extra else None,
            birth_artifact_id=row.birth,
        )
        for row in connection.execute(query)
    }


def _stored(connection: Connection, entity_id: int, digests: set[str]) -> dict[str, Any]:
    """Files with bytes by digest."""
    found: dict[str, Any] = {}
    wanted = list(digests)
    for start in range(0, len(wanted), _AT_ONCE):
        query = select(stored_files.c.digest, stored_files.c.id, stored_files.c.size).where(
            stored_files.c.entity_id == entity_id,
            stored_files.c.blob.is_not(None),
            stored_files.c.digest.in_(wanted[start : start + _AT_ONCE]),
        )
        found.update((row.digest, row) for row in connection.execute(query))
    return found


def _digest(entries: Mapping[str, Entry], algorithm: str) -> str:
    if algorithm == "MANIFEST_XXH128":
        from xxhash import xxh3_128

        hasher: Any = xxh3_128()
    else:
        hasher = hashlib.md5(usedforsecurity=False)
    hasher.update(_HEADER)
    for path in sorted(entries):
        hasher.update(f"{path}:{entries[path].digest}\n".encode())
    return str(hasher.hexdigest())
