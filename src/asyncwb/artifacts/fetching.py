"""The content of a version on its way to a folder: stored files and references. In the loop."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from asyncwb.artifacts.batches import BATCHES, Batches
from asyncwb.artifacts.cache import FileCache
from asyncwb.artifacts.downloads import FileDownloads
from asyncwb.artifacts.folders import cache_root
from asyncwb.artifacts.manifest import Manifest
from asyncwb.artifacts.placing import Placing
from asyncwb.artifacts.progress import Meter
from asyncwb.artifacts.read_operations import FILE_URLS, MANIFEST
from asyncwb.errors import ProtocolError
from asyncwb.graphql import READ_POLICY
from asyncwb.transport.offload import offload

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
    from pathlib import Path

    from asyncwb.artifacts.manifest import ManifestEntry
    from asyncwb.artifacts.naming import Where
    from asyncwb.artifacts.progress import TransferProgress
    from asyncwb.graphql.service import Service

__all__ = ["Fetching", "fetch_manifest"]

_ADDRESSES_PER_PAGE = 1000
# Fewer files than this are not worth the question for batches.
_FEW = 8


async def fetch_manifest(service: Service, artifact_id: str, label: str) -> Manifest:
    """Ask for the manifest of a version.

    Raises:
        CommError: The server refused or was not reached.
    """
    found = (await service.execute(MANIFEST, {"id": artifact_id})).artifact
    current = found.current_manifest if found is not None else None
    if current is None:
        raise ProtocolError(f"the server has no manifest of {label}")
    transport = await service.transport()
    answer = await transport.download(
        current.file.direct_url,
        policy=READ_POLICY,
        deadline_seconds=service.settings.file_timeout,
    )
    return await offload(Manifest.decode, answer.body)


@dataclass(frozen=True)
class Fetching:
    """How entries come to a folder.

    Attributes:
        service: The server.
        folder: The folder; made when it is missing.
        use_cache: Whether the cache may serve and keep files.
        multipart: Whether files are fetched in ranges; None: large ones are.
        allow_missing: Whether references to what is gone are left out.
        progress: Told how far the stored files are, in a thread of asyncwb.
    """

    service: Service
    folder: Path
    use_cache: bool = True
    multipart: bool | None = None
    allow_missing: bool = False
    progress: Callable[[TransferProgress], object] | None = None

    @property
    def cache(self) -> FileCache:
        """The cache of the settings."""
        settings = self.service.settings
        return FileCache(cache_root(settings.cache_dir), settings.cache_limit_bytes)

    async def fetch(
        self, where: Where, entries: Sequence[ManifestEntry], *, whole: bool = False
    ) -> None:
        """Bring the folder to hold entries of a version.

        Args:
            where: The version.
            entries: What is wanted of it.
            whole: Whether that is everything.

        Raises:
            DigestMismatchError: Content is not what the manifest promises.
            FileNotFoundError: What a reference points to is gone.
            UsageError: The folder cannot be written.
            CommError: A server refused or was not reached.
        """
        await offload(os.makedirs, self.folder, exist_ok=True)
        stored = [entry for entry in entries if entry.ref is None]
        await self.fetch_stored(where, stored, whole=whole)
        references = [entry for entry in entries if entry.ref is not None]
        if references:
            from asyncwb.artifacts.references.downloads import ReferenceDownloads

            await ReferenceDownloads(self).download(references)

    async def fetch_stored(
        self,
        where: Where,
        entries: Sequence[ManifestEntry],
        names: Mapping[str, str] | None = None,
        *,
        whole: bool = False,
    ) -> None:
        """Bring the folder to hold stored files of a version.

        Args:
            where: The version.
            entries: The files, under the paths that they get.
            names: Their paths in the version, where those are others.
            whole: Whether these are all files of the version.
        """
        if not entries:
            return
        theirs = names or {}

        async def addresses(wanted: Sequence[str]) -> AsyncGenerator[list[tuple[str, str]], None]:
            ours: dict[str, list[str]] = {}
            for path in wanted:
                ours.setdefault(theirs.get(path, path), []).append(path)
            # A listing of everything is cheaper for the server than one by names.
            everything = whole and len(wanted) == len(entries)
            async for page in self._addresses(where, None if everything else list(ours)):
                yield [(path, url) for name, url in page for path in ours.get(name, ())]

        transport = await self.service.transport()
        seconds = self.service.settings.file_timeout
        placing = Placing(self.folder, self.cache, use_cache=self.use_cache)
        meter = Meter(
            "down",
            self.progress,
            files=len(entries),
            size=sum(entry.size or 0 for entry in entries),
        )
        downloads = FileDownloads(
            transport,
            addresses,
            placing=placing,
            meter=meter,
            writing=self.service.file_work,
            deadline_seconds=seconds,
            multipart=self.multipart,
        )
        await offload(placing.open)
        try:
            missing = await downloads.missing(entries)
            if len(missing) >= _FEW and await self.service.has_feature(BATCHES):
                downloads.batches = Batches(transport, seconds)
            await downloads.download(missing)
        finally:
            await offload(placing.close)

    async def _addresses(
        self, where: Where, names: Sequence[str] | None
    ) -> AsyncGenerator[list[tuple[str, str]], None]:
        """Pages of names and signed addresses; None: of all files."""
        parts = (
            [None]
            if names is None
            else [
                names[start : start + _ADDRESSES_PER_PAGE]
                for start in range(0, len(names), _ADDRESSES_PER_PAGE)
            ]
        )
        for part in parts:
            variables = {**where._asdict(), "names": part, "perPage": _ADDRESSES_PER_PAGE}
            cursor: str | None = None
            while True:
                data = await self.service.execute(
                    FILE_URLS, {**variables, "cursor": cursor}, lane="bulk"
                )
                found = data.files
                if found is None:
                    return
                nodes = [edge.node for edge in found.edges if edge.node is not None]
                yield [(node.name, node.direct_url or "") for node in nodes]
                cursor = found.page_info.end_cursor
                if not found.page_info.has_next_page:
                    break
