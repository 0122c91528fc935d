"""Files of runs: names, sizes, and where their bytes lie."""

from __future__ import annotations

import mimetypes
import time
from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, func, insert, select, update

from asyncwb.server.problems import invalid, not_found

from .accounts import User
from .dialects import either
from .policy import read_only, readable, writable
from .tables import entities, files, projects, runs

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sqlalchemy import Connection

    from .accounts import User
    from .blobs import Blob

__all__ = ["attach", "blobs_of_runs", "count_files", "create_files", "delete_files", "list_files"]


_NAMES_AT_ONCE = 5000  # databases bound the parameters of a statement


def create_files(connection: Connection, run_id: int, names: list[str]) -> list[int]:
    """Row ids of files by name, in the order of the names; missing rows are made.

    Raises:
        Problem: A name is empty or leaves the run's folder (400).
    """
    for name in names:
        check_file_name(name)
    known = _ids_by_name(connection, run_id, names)
    now = time.time()
    new = [name for name in dict.fromkeys(names) if name not in known]
    if new:
        rows = [
            {
                "run_id": run_id,
                "name": name,
                "mimetype": mimetypes.guess_type(name)[0],
                "updated_at": now,
            }
            for name in new
        ]
        connection.execute(insert(files), rows)
        known |= _ids_by_name(connection, run_id, new)
    return [known[name] for name in names]


def _ids_by_name(connection: Connection, run_id: int, names: list[str]) -> dict[str, int]:
    known: dict[str, int] = {}
    for start in range(0, len(names), _NAMES_AT_ONCE):
        query = select(files.c.name, files.c.id).where(
            files.c.run_id == run_id, files.c.name.in_(names[start : start + _NAMES_AT_ONCE])
        )
        known.update((row.name, row.id) for row in connection.execute(query))
    return known


def check_file_name(name: str) -> None:
    """Refuse names that would lead a client out of its download folder."""
    parts = name.replace("\\", "/").split("/")
    if not parts[0] or ".." in parts or "\0" in name:
        raise invalid(f"not a file name: {name!r}")


def attach(connection: Connection, file_id: int, blob: Blob) -> str | None:
    """Let a file have these bytes from now on; returns the blob it had before.

    Raises:
        Problem: The file was deleted meanwhile (404).
    """
    row = connection.execute(select(files.c.blob).where(files.c.id == file_id)).first()
    if row is None:
        raise not_found("file not found")
    connection.execute(
        update(files)
        .where(files.c.id == file_id)
        .values(blob=blob.name, size=blob.size, md5=blob.md5, updated_at=time.time())
    )
    previous: str | None = row.blob
    return previous


def _present(run_id: int, names: Iterable[str], pattern: str | None) -> Any:
    query = select(files).where(files.c.run_id == run_id, files.c.blob.is_not(None))
    wanted = list(names)
    if wanted:
        query = query.where(files.c.name.in_(wanted))
    if pattern:
        # as SQLite's LIKE: letters of either case, and no way to escape
        agreeing = files.c.name.ilike(pattern, escape="\x01")
        query = query.where(either(sqlite=files.c.name.like(pattern), postgresql=agreeing))
    return query


def list_files(
    connection: Connection,
    run_id: int,
    *,
    names: Iterable[str] = (),
    pattern: str | None = None,
    after: int = 0,
    limit: int | None = None,
) -> list[Any]:
    """Files with bytes, in the order of their row ids, after a row id."""
    query = _present(run_id, names, pattern).where(files.c.id > after).order_by(files.c.id)
    if limit is not None:
        query = query.limit(limit)
    return list(connection.execute(query).mappings().all())


def count_files(connection: Connection, run_id: int, pattern: str | None = None) -> int:
    """Number of files with bytes."""
    query = select(func.count()).select_from(_present(run_id, (), pattern).subquery())
    return int(connection.execute(query).scalar_one())


def file_by_id(connection: Connection, file_id: int) -> Any:
    """A file's row, or None."""
    return connection.execute(select(files).where(files.c.id == file_id)).first()


def delete_files(connection: Connection, user: User, file_ids: list[int]) -> list[str]:
    """Remove files the user can see; returns the blobs that nobody needs any more.

    Raises:
        Problem: The user may not change what owns one of them (403).
    """
    query = (
        select(files.c.id, files.c.blob, writable(user).label("mine"))
        .join(runs, runs.c.id == files.c.run_id)
        .join(projects, projects.c.id == runs.c.project_id)
        .join(entities, entities.c.id == projects.c.entity_id)
        .where(readable(user), files.c.id.in_(file_ids))
    )
    rows = connection.execute(query).all()
    if not all(row.mine for row in rows):
        raise read_only()
    connection.execute(delete(files).where(files.c.id.in_([row.id for row in rows])))
    return [row.blob for row in rows if row.blob]


def blobs_of_runs(connection: Connection, condition: Any) -> list[str]:
    """Blobs of all files of the runs under a condition."""
    query = (
        select(files.c.blob)
        .join(runs, runs.c.id == files.c.run_id)
        .where(condition, files.c.blob.is_not(None))
    )
    return [row.blob for row in connection.execute(query).all()]
