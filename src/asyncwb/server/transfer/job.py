"""One transfer, also of a server that runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from .files import BlobCopy, blobs_of
from .folders import check_backup, write_database
from .tables import copy_tables

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Connection

    from .places import Place

__all__ = ["Report", "transfer"]

_LOOKS = 5


class Report(msgspec.Struct, frozen=True):
    """What was transferred.

    Attributes:
        tables: Rows of each table, compared with the source by number and digest.
        blobs: Files that were copied, compared by digest; those of an earlier backup not counted.
        bytes: Their size.
        missing: Blobs that the database knows and the source has not.
    """

    tables: dict[str, int]
    blobs: int
    bytes: int
    missing: tuple[str, ...]


async def transfer(
    source: Place, target: Place, told: Callable[[str], None], *, backup: bool = False
) -> Report:
    """Copy all that a server keeps. The database of the target is there completely or not at all.

    A server may run on the source: the database is read in one view, and the blobs that it knows
    are copied around that moment. What comes later is not part of it.

    Args:
        source: Where it is.
        target: Where it goes; an empty place.
        told: Called with a few words about the progress.
        backup: The target is a data folder, or an earlier backup, which is brought up to date.

    Raises:
        UsageError: The target has data already, or the source none.
        DigestMismatchError: A file is damaged.
    """
    source.check_source()
    if backup:
        assert target.folder is not None
        check_backup(target.folder)
    else:
        with target.engine() as engine, engine.begin() as connection:
            target.check_empty(connection)
    copy = BlobCopy(
        source.open_blobs(),
        target.open_blobs(),
        lambda done, count: told(f"files: {done} of {count}"),
    )
    # Most blobs before the view that counts: little is left to do while it lasts.
    with source.view() as connection:
        early = blobs_of(connection)
    await copy.copy(early)
    looks = _LOOKS
    while True:
        looks -= 1
        with source.view() as connection:
            known = blobs_of(connection)
            gone = await copy.copy(known)
            # One that is gone was replaced after this view began: another view is due.
            if not gone or not looks:
                counts = _rows(source, target, connection, told, backup=backup)
                break
    if backup:
        await copy.keep_only(known)
    return Report(counts, copy.count, copy.bytes, tuple(sorted(gone)))


def _rows(
    source: Place, target: Place, view: Connection, told: Callable[[str], None], *, backup: bool
) -> dict[str, int]:
    identity = source.identity(view)

    def each(name: str, count: int) -> None:
        told(f"{name}: {count} rows")

    if backup:
        return write_database(view, target, identity, each)
    with target.engine() as engine, engine.begin() as written:
        target.check_empty(written)
        counts = copy_tables(view, written, each)
        target.put_identity(written, identity)
    return counts
