"""References on their way to a folder. Runs in asyncwb's loop."""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import TYPE_CHECKING

import anyio
import msgspec

from asyncwb.artifacts.entry import ARTIFACT_SCHEME
from asyncwb.artifacts.names import native_path
from asyncwb.artifacts.naming import Where
from asyncwb.artifacts.receipts import Receipts
from asyncwb.artifacts.references.files import copy_file
from asyncwb.artifacts.references.places import check_digest, is_http, is_store, scheme_of
from asyncwb.artifacts.references.versions import MAX_CHAIN, fetch_version, target_of
from asyncwb.artifacts.targets import draft_of, make_folder, remove, unwritable
from asyncwb.errors import Error, InvalidValueError
from asyncwb.transport.offload import offload

if TYPE_CHECKING:
    from collections.abc import Sequence

    from asyncwb.artifacts.fetching import Fetching
    from asyncwb.artifacts.manifest import ManifestEntry

__all__ = ["ReferenceDownloads"]

log = logging.getLogger("asyncwb.artifacts")

_AT_ONCE = 16


class ReferenceDownloads:
    """Brings a folder to hold what references point to.

    Args:
        fetching: The folder, and how files come to it.
    """

    def __init__(self, fetching: Fetching) -> None:
        self._fetching = fetching
        self._folder = fetching.folder
        self._limiter = anyio.CapacityLimiter(_AT_ONCE)
        self._receipts = Receipts(fetching.cache.root / "receipts" / "references", self._folder)
        self._failures: list[Error | FileNotFoundError] = []

    async def download(self, entries: Sequence[ManifestEntry]) -> None:
        """Fetch all of them, several at once.

        Raises:
            DigestMismatchError: What is there is not what was referred to.
            FileNotFoundError: It is gone, and that is not allowed.
            UsageError: The folder cannot be written.
            CommError: A server refused or was not reached.
        """
        await offload(self._receipts.load)
        try:
            await self._download(entries, MAX_CHAIN)
        finally:
            await offload(self._receipts.store)
        if self._failures:
            raise self._failures[0]

    async def _download(self, entries: Sequence[ManifestEntry], depth: int) -> None:
        versions: dict[str, list[ManifestEntry]] = {}
        outside: list[ManifestEntry] = []
        unknown: list[str] = []
        for entry in entries:
            ref = entry.ref or ""
            if scheme_of(ref) == ARTIFACT_SCHEME:
                versions.setdefault(target_of(ref).artifact_id, []).append(entry)
            elif scheme_of(ref) == "file" or is_http(ref) or is_store(ref):
                outside.append(entry)
            else:
                unknown.append(ref)
        if unknown:
            log.warning(
                "%d references are left out, their scheme is not known here: %s first",
                len(unknown),
                unknown[0],
            )
        async with anyio.create_task_group() as group:
            for entry in await offload(self._not_there, outside):
                await self._limiter.acquire_on_behalf_of(entry.path)
                group.start_soon(self._fetch, entry)
        for artifact_id, some in versions.items():
            await self._of_version(artifact_id, some, depth)

    async def _of_version(
        self, artifact_id: str, entries: Sequence[ManifestEntry], depth: int
    ) -> None:
        if depth == 0:
            raise InvalidValueError(f"{entries[0].path!r} leads through too many versions")
        fetching = self._fetching
        found = await fetch_version(fetching.service, artifact_id)
        stored: list[ManifestEntry] = []
        further: list[ManifestEntry] = []
        names: dict[str, str] = {}
        for entry in entries:
            path = target_of(entry.ref or "").path
            target = None if found is None else found[1].entries.get(path)
            if target is None:
                self._missing(entry)
                continue
            check_digest(entry, target.digest)
            names[entry.path] = path
            (further if target.ref else stored).append(
                msgspec.structs.replace(target, path=entry.path)
            )
        if found is not None:
            await fetching.fetch_stored(Where.owner(found[0]), stored, names)
        if further:
            await self._download(further, depth - 1)

    def _missing(self, entry: ManifestEntry) -> None:
        if not self._fetching.allow_missing:
            self._failures.append(
                FileNotFoundError(f"{entry.path!r} refers to {entry.ref}, which is gone")
            )

    def _not_there(self, entries: Sequence[ManifestEntry]) -> list[ManifestEntry]:
        """Entries that the folder does not hold as they were fetched; blocks."""
        return [
            entry
            for entry in entries
            if not self._receipts.vouches_for(entry, Path(native_path(self._folder, entry.path)))
        ]

    async def _fetch(self, entry: ManifestEntry) -> None:
        target = Path(native_path(self._folder, entry.path))
        draft = draft_of(target)
        try:
            if self._failures:
                return
            if scheme_of(entry.ref or "") == "file":
                await offload(self._copy, entry, draft, target)
                return
            try:
                await offload(make_folder, self._folder, target)
                await self._fill(entry, draft)
                await offload(self._finish, entry, draft, target)
            finally:
                await offload(remove, draft)
        except FileNotFoundError:
            self._missing(entry)
        except OSError as exc:
            self._failures.append(unwritable(target, exc))
        except Error as exc:
            self._failures.append(exc)
        finally:
            self._limiter.release_on_behalf_of(entry.path)

    def _copy(self, entry: ManifestEntry, draft: Path, target: Path) -> None:
        """Copy the file of a reference; blocks, in one job for a file that is small."""
        try:
            make_folder(self._folder, target)
            copy_file(entry, draft)
            self._finish(entry, draft, target)
        finally:
            remove(draft)

    def _finish(self, entry: ManifestEntry, draft: Path, target: Path) -> None:
        os.replace(draft, target)
        self._receipts.note(entry, target)

    async def _fill(self, entry: ManifestEntry, draft: Path) -> None:
        settings = self._fetching.service.settings
        if is_store(entry.ref or ""):
            from asyncwb.artifacts.references.stores import fetch_object

            await fetch_object(settings, entry, draft)
        else:
            from asyncwb.artifacts.references.web import fetch_page

            await fetch_page(settings, entry, draft)
