"""Blobs from one place to another."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import anyio
from sqlalchemy import null, select

from asyncwb.errors import DigestMismatchError
from asyncwb.server.storage.artifact_tables import artifact_manifests, stored_files, upload_parts
from asyncwb.server.storage.tables import files

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from sqlalchemy import Connection

    from asyncwb.server.storage.blobs import BlobStore

__all__ = ["BlobCopy", "blobs_of"]

_AT_ONCE = 8


def blobs_of(connection: Connection) -> dict[str, str | None]:
    """Every blob that a database knows, with the MD5 digest that it knows of it."""
    unknown: Any = null()
    found: dict[str, str | None] = {}
    for blob, md5 in (
        (files.c.blob, files.c.md5),
        (stored_files.c.blob, stored_files.c.md5),
        (upload_parts.c.blob, unknown),
        (artifact_manifests.c.blob, unknown),
    ):
        query = select(blob.label("blob"), md5.label("md5")).where(blob.is_not(None))
        found.update((row.blob, row.md5) for row in connection.execute(query))
    return found


class BlobCopy:
    """Copies blobs that the target lacks, under their names, each read once.

    Args:
        source: Where they are.
        target: Where they go.
        told: Called with how many there are and how many are done.
    """

    def __init__(
        self, source: BlobStore, target: BlobStore, told: Callable[[int, int], None]
    ) -> None:
        self._source, self._target, self._told = source, target, told
        self._there: set[str] | None = None
        self.count = 0
        self.bytes = 0

    async def copy(self, wanted: dict[str, str | None]) -> set[str]:
        """Copy those that are not there yet; returns those that were gone.

        Raises:
            DigestMismatchError: The bytes of one are not those that the database knows.
        """
        if self._there is None:
            self._there = {name async for name in self._target.names()}
        missing = [name for name in wanted if name not in self._there]
        gone: set[str] = set()
        done = 0
        places = anyio.CapacityLimiter(_AT_ONCE)

        async def one(name: str) -> None:
            nonlocal done
            async with places:
                try:
                    blob = await self._target.put(name, self._source.pieces(name))
                except FileNotFoundError:
                    gone.add(name)
                    return
            if wanted[name] not in (None, blob.md5):
                await self._target.remove([name])
                raise DigestMismatchError(name, expected=str(wanted[name]), got=blob.md5)
            done += 1
            self.count += 1
            self.bytes += blob.size
            self._told(done, len(missing))

        async with anyio.create_task_group() as group:
            for name in missing:
                group.start_soon(one, name)
        self._there |= set(missing) - gone
        return gone

    async def keep_only(self, wanted: Iterable[str]) -> None:
        """Remove what an earlier backup had and is no longer known."""
        assert self._there is not None
        await self._target.remove(self._there - set(wanted))
