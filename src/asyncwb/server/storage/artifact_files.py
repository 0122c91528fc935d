"""The bytes of artifacts: stored once per entity and digest, listed by version."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING, Any

import msgspec
from sqlalchemy import bindparam, delete, exists, func, insert, select, update

from asyncwb.server.problems import Problem, invalid, not_found

from .artifact_tables import artifact_entries, artifacts, stored_files, upload_parts
from .files import check_file_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sqlalchemy import Connection

    from .blobs import Blob

__all__ = [
    "Attached",
    "Place",
    "Spec",
    "attach_file",
    "attach_files",
    "attach_part",
    "count_entries",
    "file_by_digest",
    "file_of",
    "file_of_version",
    "files_of",
    "finish_parts",
    "list_entries",
    "part_of",
    "place_files",
    "take_orphans",
]

_MD5 = re.compile(r"[A-Za-z0-9+/]{22}==")
_HEX_MD5 = re.compile(r"[0-9a-f]{32}")
_MOST_PARTS = 10_000
_AT_ONCE = 1000
_GRACE_SECONDS = 3600.0


class Spec(msgspec.Struct, frozen=True):
    """A file that a client wants to store: path, digests, and the MD5 of each part in hex."""

    name: str
    md5: str
    digest: str | None
    parts: tuple[tuple[int, str], ...] = ()


class Place(msgspec.Struct, frozen=True):
    """Where it goes.

    Attributes:
        file_id: Row id of the stored file.
        present: Whether the bytes are here already.
        birth_id: Row id of the version that stores them.
        parts: Number and row id of each part, and whether its bytes are here already.
    """

    file_id: int
    present: bool
    birth_id: int
    parts: tuple[tuple[int, int, bool], ...]


class Attached(msgspec.Struct, frozen=True):
    """What came of several uploads.

    Attributes:
        problems: What is wrong with each, in their order.
        unneeded: Blobs that nobody needs.
    """

    problems: list[Problem | None]
    unneeded: list[str]


def place_files(
    connection: Connection, entity_id: int, artifact_id: int, specs: Sequence[Spec]
) -> list[Place]:
    """Places for files, in the order of the specs; files with known digests need no upload.

    Raises:
        Problem: A digest or a name is none (400).
    """
    for spec in specs:
        check_file_name(spec.name)
        if not _MD5.fullmatch(spec.md5) or (spec.digest and len(spec.digest) > 64):
            raise invalid(f"{spec.md5!r} is no MD5 digest in base64")
    known: dict[str, Any] = _known(
        connection, entity_id, {spec.digest or spec.md5 for spec in specs}
    )
    now = time.time()
    _touch(connection, [row["id"] for row in known.values()], now)
    _adopt(connection, [row["id"] for row in known.values() if not row["birth_id"]], artifact_id)
    fresh = {
        spec.digest or spec.md5: {
            "entity_id": entity_id,
            "digest": spec.digest or spec.md5,
            "md5": spec.md5,
            "birth_id": artifact_id,
            "wanted_at": now,
        }
        for spec in specs
        if (spec.digest or spec.md5) not in known
    }
    if fresh:
        connection.execute(insert(stored_files), list(fresh.values()))
        known |= _known(connection, entity_id, fresh)
    places: list[Place] = []
    for spec in specs:
        row: Any = known[spec.digest or spec.md5]
        present = row["blob"] is not None
        parts = () if present else _parts(connection, row["id"], spec)
        places.append(Place(row["id"], present, row["birth_id"] or artifact_id, parts))
    return places


def _known(connection: Connection, entity_id: int, digests: Iterable[str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    wanted = list(digests)
    for start in range(0, len(wanted), _AT_ONCE):
        query = select(stored_files).where(
            stored_files.c.entity_id == entity_id,
            stored_files.c.digest.in_(wanted[start : start + _AT_ONCE]),
        )
        found.update((row["digest"], row) for row in connection.execute(query).mappings())
    return found


def _touch(connection: Connection, ids: list[int], now: float) -> None:
    for start in range(0, len(ids), _AT_ONCE):
        some = stored_files.c.id.in_(ids[start : start + _AT_ONCE])
        connection.execute(update(stored_files).where(some).values(wanted_at=now))


def _adopt(connection: Connection, ids: list[int], artifact_id: int) -> None:
    """Let a version store files whose own version is gone: clients insist on one."""
    for start in range(0, len(ids), _AT_ONCE):
        some = stored_files.c.id.in_(ids[start : start + _AT_ONCE])
        connection.execute(update(stored_files).where(some).values(birth_id=artifact_id))


def _parts(connection: Connection, file_id: int, spec: Spec) -> tuple[tuple[int, int, bool], ...]:
    """Rows for the parts of a large file; what was uploaded of the same parts stays."""
    if not spec.parts:
        return ()
    numbers = [number for number, _ in spec.parts]
    if numbers != list(range(1, len(numbers) + 1)) or len(numbers) > _MOST_PARTS:
        raise invalid(f"the parts of {spec.name!r} are numbered from 1, at most {_MOST_PARTS}")
    if not all(_HEX_MD5.fullmatch(hex_md5) for _, hex_md5 in spec.parts):
        raise invalid(f"a part of {spec.name!r} has no MD5 digest in hex")
    query = select(upload_parts).where(upload_parts.c.file_id == file_id)
    known = {row.number: row for row in connection.execute(query)}
    if {row.number: row.hex_md5 for row in known.values()} != dict(spec.parts):
        connection.execute(delete(upload_parts).where(upload_parts.c.file_id == file_id))
        rows = [
            {"file_id": file_id, "number": number, "hex_md5": hex_md5}
            for number, hex_md5 in spec.parts
        ]
        connection.execute(insert(upload_parts), rows)
        known = {row.number: row for row in connection.execute(query)}
    return tuple((n, known[n].id, known[n].blob is not None) for n in numbers)


def file_of(connection: Connection, file_id: int) -> Any:
    """A stored file's row, or None."""
    query = select(stored_files).where(stored_files.c.id == file_id)
    return connection.execute(query).mappings().first()


def file_by_digest(connection: Connection, entity_id: int, digest: str) -> Any:
    """A stored file with bytes, or None."""
    query = select(stored_files).where(
        stored_files.c.entity_id == entity_id,
        stored_files.c.digest == digest,
        stored_files.c.blob.is_not(None),
    )
    return connection.execute(query).mappings().first()


def file_of_version(connection: Connection, artifact_id: int, digest: str) -> Any:
    """A stored file with bytes that a version has, or None."""
    query = (
        select(stored_files)
        .join(artifact_entries, artifact_entries.c.file_id == stored_files.c.id)
        .where(
            artifact_entries.c.artifact_id == artifact_id,
            stored_files.c.digest == digest,
            stored_files.c.blob.is_not(None),
        )
    )
    return connection.execute(query).mappings().first()


def attach_file(connection: Connection, file_id: int, blob: Blob) -> str | None:
    """Let a file have these bytes; returns a blob that nobody needs then.

    Raises:
        Problem: They are not the bytes that were announced (400); the file is gone (404).
    """
    row = file_of(connection, file_id)
    if row is None:
        raise not_found("file not found")
    if blob.md5 != row["md5"]:
        raise _other_bytes(blob, row["md5"])
    if row["blob"] is not None:
        # Two writers sent the same bytes: the first ones stay, readers may have them open.
        return blob.name
    connection.execute(
        update(stored_files)
        .where(stored_files.c.id == file_id)
        .values(blob=blob.name, size=blob.size)
    )
    return None


def files_of(connection: Connection, ids: Iterable[int]) -> dict[int, Any]:
    """Rows of stored files by their ids; those that are gone are left out."""
    found: dict[int, Any] = {}
    wanted = list(ids)
    for start in range(0, len(wanted), _AT_ONCE):
        query = select(stored_files).where(stored_files.c.id.in_(wanted[start : start + _AT_ONCE]))
        found.update((row["id"], row) for row in connection.execute(query).mappings())
    return found


def attach_files(connection: Connection, sent: Sequence[tuple[int, Blob]]) -> Attached:
    """Let several files have their bytes; what is wrong with one does not touch the others."""
    rows = files_of(connection, {file_id for file_id, _ in sent})
    problems: list[Problem | None] = []
    unneeded: list[str] = []
    changes: dict[int, dict[str, Any]] = {}
    for file_id, blob in sent:
        row = rows.get(file_id)
        problem = None
        if row is None:
            problem = not_found("file not found")
        elif blob.md5 != row["md5"]:
            problem = _other_bytes(blob, row["md5"])
        if row is not None and problem is None and row["blob"] is None and file_id not in changes:
            changes[file_id] = {"file": file_id, "bytes": blob.name, "length": blob.size}
        else:
            unneeded.append(blob.name)
        problems.append(problem)
    if changes:
        connection.execute(
            update(stored_files)
            .where(stored_files.c.id == bindparam("file"))
            .values(blob=bindparam("bytes"), size=bindparam("length")),
            list(changes.values()),
        )
    return Attached(problems, unneeded)


def _other_bytes(blob: Blob, announced: str) -> Problem:
    return invalid(f"the bytes have the MD5 digest {blob.md5}, announced was {announced}")


def part_of(connection: Connection, part_id: int) -> Any:
    """A part's row, or None."""
    query = select(upload_parts).where(upload_parts.c.id == part_id)
    return connection.execute(query).mappings().first()


def attach_part(connection: Connection, part_id: int, blob: Blob, hex_md5: str) -> str | None:
    """Let a part have these bytes; returns the blob it had before.

    Raises:
        Problem: They are not the bytes that were announced (400); the part is gone (404).
    """
    row = part_of(connection, part_id)
    if row is None:
        raise not_found("part not found")
    if hex_md5 != row["hex_md5"]:
        raise invalid(f"the bytes have the MD5 digest {hex_md5}, announced was {row['hex_md5']}")
    connection.execute(
        update(upload_parts).where(upload_parts.c.id == part_id).values(blob=blob.name)
    )
    previous: str | None = row["blob"]
    return previous


def parts_in_order(connection: Connection, file_id: int) -> list[Any]:
    """The parts of a file."""
    query = (
        select(upload_parts)
        .where(upload_parts.c.file_id == file_id)
        .order_by(upload_parts.c.number)
    )
    return list(connection.execute(query).mappings())


def finish_parts(connection: Connection, file_id: int) -> list[str]:
    """Forget the parts of a file; returns their blobs."""
    blobs = [part["blob"] for part in parts_in_order(connection, file_id) if part["blob"]]
    connection.execute(delete(upload_parts).where(upload_parts.c.file_id == file_id))
    return blobs


def _entry_query(artifact_id: int, names: Iterable[str] | None) -> Any:
    query = (
        select(
            artifact_entries,
            stored_files.c.md5,
            stored_files.c.birth_id,
            artifacts.c.created_at,
        )
        .outerjoin(stored_files, stored_files.c.id == artifact_entries.c.file_id)
        .join(artifacts, artifacts.c.id == artifact_entries.c.artifact_id)
        .where(artifact_entries.c.artifact_id == artifact_id)
    )
    return query if names is None else query.where(artifact_entries.c.path.in_(list(names)))


def list_entries(
    connection: Connection,
    artifact_id: int,
    *,
    names: Iterable[str] | None = None,
    after: int = 0,
    limit: int | None = None,
) -> list[Any]:
    """Files and references of a version, in the order of their row ids, after a row id."""
    query = _entry_query(artifact_id, names).where(artifact_entries.c.id > after)
    query = query.order_by(artifact_entries.c.id)
    if limit is not None:
        query = query.limit(limit)
    return list(connection.execute(query).mappings().all())


def count_entries(connection: Connection, artifact_id: int, names: Iterable[str] | None) -> int:
    """Number of files and references of a version."""
    query = select(func.count()).select_from(_entry_query(artifact_id, names).subquery())
    return int(connection.execute(query).scalar_one())


def take_orphans(connection: Connection, entity_id: int) -> list[str]:
    """Forget stored files that no version holds; returns their blobs.

    A file that somebody asked for within the last hour stays: its version may not be committed yet.
    """
    used = exists().where(artifact_entries.c.file_id == stored_files.c.id)
    query = select(stored_files.c.id, stored_files.c.blob).where(
        stored_files.c.entity_id == entity_id,
        stored_files.c.wanted_at < time.time() - _GRACE_SECONDS,
        ~used,
    )
    rows = connection.execute(query).all()
    ids = [row.id for row in rows]
    for start in range(0, len(ids), _AT_ONCE):
        some = stored_files.c.id.in_(ids[start : start + _AT_ONCE])
        connection.execute(delete(stored_files).where(some))
    return [row.blob for row in rows if row.blob]
