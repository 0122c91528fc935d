"""Backups: data folders that are written whole, and again over an earlier one."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any

import msgspec

from asyncwb.errors import UsageError
from asyncwb.server.bootstrap import prepare_folder

from .places import Place
from .tables import compare_tables, copy_tables

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from sqlalchemy import Connection

    from asyncwb.server.bootstrap import StoredIdentity

__all__ = ["check_backup", "write_database"]

_NOTE = "backup.json"
_SIDES = ("-wal", "-shm")


class _Note(msgspec.Struct, frozen=True):
    """What a backup's database was when it was written."""

    size: int
    modified: int


def check_backup(folder: Path) -> None:
    """See that a folder is new, or a backup on which no server was started since.

    Raises:
        UsageError: It is something else.
    """
    if not folder.exists() or not any(folder.iterdir()):
        prepare_folder(folder)
        return
    try:
        note = msgspec.json.decode((folder / _NOTE).read_bytes(), type=_Note)
        unchanged = note == _note_of(folder / "asyncwb.db")
    except (OSError, msgspec.MsgspecError):
        unchanged = False
    if not unchanged:
        raise UsageError(
            f"{folder} is neither empty nor a backup that was left alone: name another folder."
        )


def write_database(
    source: Connection,
    target: Place,
    identity: StoredIdentity,
    told: Callable[[str, int], None],
) -> dict[str, int]:
    """Write the database of a backup beside the earlier one, then put it in its place.

    Args:
        source: One view of the database.
        target: The backup.
        identity: What its servers start with.
        told: Called with each table and the number of its rows.

    Returns:
        How many rows each table has.
    """
    path = target.sqlite_path
    assert path is not None
    draft = path.with_name(f".{path.name}.new")
    _remove(draft)
    place = Place(database=f"sqlite:///{draft}", blobs=target.blobs)
    if source.dialect.name == "sqlite":
        os.close(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        raw: Any = source.connection.driver_connection
        with closing(sqlite3.connect(draft)) as written:
            raw.backup(written)
        with place.view() as arrived:
            counts = compare_tables(source, arrived, told)
    else:
        with place.engine() as engine, engine.begin() as written_rows:
            counts = copy_tables(source, written_rows, told)
    with closing(sqlite3.connect(draft)) as database:  # one file: nothing beside it is needed
        database.execute("PRAGMA journal_mode=DELETE")
    for side in _SIDES:
        path.with_name(path.name + side).unlink(missing_ok=True)
    (path.parent / _NOTE).unlink(missing_ok=True)
    draft.replace(path)
    target.put_identity(source, identity)
    (path.parent / _NOTE).write_bytes(msgspec.json.encode(_note_of(path)))
    return counts


def _note_of(path: Path) -> _Note:
    found = path.stat()
    return _Note(found.st_size, found.st_mtime_ns)


def _remove(path: Path) -> None:
    for side in ("", *_SIDES):
        path.with_name(path.name + side).unlink(missing_ok=True)
