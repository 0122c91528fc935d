"""The files of one version on their way to the server, many at once, large ones in parts."""

from __future__ import annotations

import hashlib
import math
from base64 import b64encode
from pathlib import Path
from typing import TYPE_CHECKING

import anyio

from asyncwb.artifacts.digest import file_digest
from asyncwb.artifacts.write_operations import COMPLETE_UPLOAD, CREATE_FILES
from asyncwb.errors import AuthenticationError, CommError, InvalidValueError, ProtocolError
from asyncwb.transport import OVERLOAD_STATUSES, TRANSIENT_STATUSES, FileSlice, RetryPolicy
from asyncwb.transport.offload import offload

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from asyncwb.artifacts.digest import DigestAlgorithm
    from asyncwb.artifacts.manifest import ManifestEntry
    from asyncwb.artifacts.write_operations import FilePlace, Multipart
    from asyncwb.graphql import GraphQL
    from asyncwb.transport import Transport

__all__ = ["FileUploads", "split_header"]

# The first bytes are on their way after one small request; later ones ask for more at once.
_FIRST_BATCH = 25
_LARGEST_BATCH = 500
_BATCHES_AT_ONCE = 3
_FILES_AT_ONCE = 32
_ROUNDS = 20
_MULTIPART_BYTES = 2 * 1024**3
_PART_BYTES = 100 * 1024**2
_MOST_PARTS = 10_000
_PARTS_AT_ONCE = 8
_READ_BYTES = 1024 * 1024
_CALL_POLICY = RetryPolicy(retry_statuses=TRANSIENT_STATUSES, max_attempts=20)
_PUT_POLICY = RetryPolicy(retry_statuses=OVERLOAD_STATUSES, max_attempts=20)
_CALL_SECONDS = 600.0
_BAD_REQUEST = 400


class FileUploads:
    """Uploads files of one version. In the loop.

    Args:
        graphql: For the addresses.
        transport: For the bytes; they carry no credentials.
        artifact_id: The version.
        manifest_id: Its manifest.
        algorithm: Of the version's digests.
        deadline_seconds: Time for one file, or one part of a large one, retries included.
        progress: Called with the bytes of each file that is done.
        multipart_bytes: Files from this size on are sent in parts.
    """

    def __init__(
        self,
        graphql: GraphQL,
        transport: Transport,
        *,
        artifact_id: str,
        manifest_id: str,
        algorithm: DigestAlgorithm,
        deadline_seconds: float,
        progress: Callable[[int], None] | None = None,
        multipart_bytes: int = _MULTIPART_BYTES,
    ) -> None:
        self._graphql = graphql
        self._transport = transport
        self._artifact_id = artifact_id
        self._manifest_id = manifest_id
        self._algorithm: DigestAlgorithm = algorithm
        self._deadline_seconds = deadline_seconds
        self._progress = progress
        self._multipart_bytes = multipart_bytes
        self._places = anyio.CapacityLimiter(_FILES_AT_ONCE)
        self._batches = anyio.CapacityLimiter(_BATCHES_AT_ONCE)

    async def upload(self, entries: Sequence[ManifestEntry]) -> None:
        """Upload what the server lacks; entries learn which version stores their bytes.

        Addresses expire: files that come too late for theirs get new ones.

        Raises:
            CommError: The server refused or was not reached.
            InvalidValueError: A file cannot be read, or is not what it was when it was added.
        """
        pending = list(entries)
        for _ in range(_ROUNDS):
            failures = await self._round(pending)
            if not failures:
                return
            # A signed address that came too late is refused.
            other = [exc for _, exc in failures if not isinstance(exc, AuthenticationError)]
            if other or len(failures) * 2 > len(pending):
                raise (other or [exc for _, exc in failures])[0]
            pending = [entry for entry, _ in failures]
        raise ProtocolError(f"{len(pending)} files found no address that lasted long enough")

    async def _round(
        self, entries: Sequence[ManifestEntry]
    ) -> list[tuple[ManifestEntry, CommError | InvalidValueError]]:
        failures: list[tuple[ManifestEntry, CommError | InvalidValueError]] = []

        async def send(batch: Sequence[ManifestEntry]) -> None:
            try:
                places = await self._announce(batch)
            except (CommError, InvalidValueError) as exc:
                failures.append((batch[0], exc))
                return
            finally:
                self._batches.release_on_behalf_of(batch[0].path)
            async with anyio.create_task_group() as files:
                for entry, place in zip(batch, places, strict=True):
                    files.start_soon(put, entry, place)

        async def put(entry: ManifestEntry, place: FilePlace) -> None:
            if place.artifact is not None:
                entry.birth_artifact_id = place.artifact.id
            try:
                if place.upload_url is not None:
                    async with self._places:
                        await self._put(entry, place)
            except CommError as exc:
                failures.append((entry, await self._cause(entry, exc)))
            except InvalidValueError as exc:
                failures.append((entry, exc))
            else:
                if self._progress is not None:
                    self._progress(entry.size or 0)

        async with anyio.create_task_group() as group:
            for batch in _batches(entries):
                if failures:
                    break
                await self._batches.acquire_on_behalf_of(batch[0].path)
                group.start_soon(send, batch)
        return failures

    async def _announce(self, batch: Sequence[ManifestEntry]) -> list[FilePlace]:
        specs = [await self._spec(entry) for entry in batch]
        data = await self._graphql.execute(
            CREATE_FILES,
            {
                "input": {
                    "artifactFiles": specs,
                    "storageLayout": "V2",
                    "digestAlgorithm": f"MANIFEST_{self._algorithm}",
                }
            },
            policy=_CALL_POLICY,
            deadline_seconds=_CALL_SECONDS,
        )
        payload = data.create_artifact_files
        edges = payload.files.edges if payload is not None and payload.files is not None else []
        places = [edge.node for edge in edges if edge.node is not None]
        if len(places) != len(batch):
            raise ProtocolError(
                f"the server gave places for {len(places)} of {len(batch)} files of the artifact"
            )
        return places

    async def _spec(self, entry: ManifestEntry) -> dict[str, object]:
        path = _local(entry)
        await offload(_check_size, path, entry)
        md5 = entry.digest
        if self._algorithm != "MD5":
            md5, _ = await offload(file_digest, path)
        parts = None
        if (entry.size or 0) >= self._multipart_bytes:
            digests = await self._part_digests(path, entry.size or 0)
            parts = [{"partNumber": n, "hexMD5": digest} for n, digest in enumerate(digests, 1)]
        return {
            "artifactID": self._artifact_id,
            "artifactManifestID": self._manifest_id,
            "name": entry.path,
            "md5": md5,
            "digest": None if self._algorithm == "MD5" else entry.digest,
            "mimetype": None,
            "uploadPartsInput": parts,
        }

    async def _part_digests(self, path: Path, size: int) -> list[str]:
        found: dict[int, str] = {}
        limiter = anyio.CapacityLimiter(_PARTS_AT_ONCE)

        async def read(part: FileSlice) -> None:
            async with limiter:
                found[part.start] = await offload(_hex_md5, part)

        async with anyio.create_task_group() as group:
            for part in slices(path, size):
                group.start_soon(read, part)
        return [found[start] for start in sorted(found)]

    async def _put(self, entry: ManifestEntry, place: FilePlace) -> None:
        headers = dict(split_header(text) for text in place.upload_headers or ())
        if place.upload_multipart_urls is not None:
            await self._put_parts(entry, place, place.upload_multipart_urls, headers)
            return
        assert place.upload_url is not None
        await self._transport.put(
            place.upload_url,
            _local(entry),
            headers=headers,
            policy=_PUT_POLICY,
            deadline_seconds=self._deadline_seconds,
        )

    async def _cause(self, entry: ManifestEntry, error: CommError) -> CommError | InvalidValueError:
        """Why a file was refused: it may have changed, and be as long as before."""
        if error.response is None or error.response.status != _BAD_REQUEST:
            return error
        path = _local(entry)
        try:
            digest, _ = await offload(file_digest, path, self._algorithm)
        except OSError as exc:
            return InvalidValueError(f"{str(path)!r} cannot be read: {exc}", exc=exc)
        if digest == entry.digest:
            return error
        return InvalidValueError(
            f"{str(path)!r} changed since it was added to the artifact; add files that change with "
            "policy='mutable'",
            exc=error,
        )

    async def _put_parts(
        self,
        entry: ManifestEntry,
        place: FilePlace,
        multipart: Multipart,
        headers: dict[str, str],
    ) -> None:
        path = _local(entry)
        parts = list(slices(path, entry.size or 0))
        if len(parts) != len(multipart.upload_url_parts):
            raise ProtocolError(f"the server wants {entry.path!r} in other parts than announced")
        tags: dict[int, str] = {}
        failures: list[CommError] = []
        limiter = anyio.CapacityLimiter(_PARTS_AT_ONCE)

        async def send(number: int, url: str, part: FileSlice) -> None:
            async with limiter:
                if failures:
                    return
                try:
                    digest = await offload(_hex_md5, part)
                    md5 = b64encode(bytes.fromhex(digest)).decode()
                    answer = await self._transport.put(
                        url,
                        part,
                        headers={**headers, "Content-MD5": md5},
                        policy=_PUT_POLICY,
                        deadline_seconds=self._deadline_seconds,
                    )
                except CommError as exc:
                    failures.append(exc)
                else:
                    tags[number] = answer.headers.get("etag", "")

        async with anyio.create_task_group() as group:
            for one, part in zip(multipart.upload_url_parts, parts, strict=True):
                group.start_soon(send, one.part_number, one.upload_url, part)
        if failures:
            raise failures[0]
        await self._graphql.execute(
            COMPLETE_UPLOAD,
            {
                "completeMultipartAction": "Complete",
                "completedParts": [
                    {"partNumber": number, "hexMD5": tags[number]} for number in sorted(tags)
                ],
                "artifactID": self._artifact_id,
                "storagePath": place.storage_path or "",
                "uploadID": multipart.upload_id,
            },
            policy=_CALL_POLICY,
            deadline_seconds=_CALL_SECONDS,
        )


def slices(path: Path, size: int) -> Iterator[FileSlice]:
    """The parts of a large file: 100 MiB each, or as large as at most 10,000 of them need."""
    step = _PART_BYTES
    if size > step * _MOST_PARTS:
        step = math.ceil(size / _MOST_PARTS / 4096) * 4096
    for start in range(0, size, step):
        yield FileSlice(path, start, min(step, size - start))


def split_header(text: str) -> tuple[str, str]:
    """`Name:value` in its parts."""
    name, _, value = text.partition(":")
    return name.strip(), value.strip()


def _batches(entries: Sequence[ManifestEntry]) -> Iterator[Sequence[ManifestEntry]]:
    start, size = 0, _FIRST_BATCH
    while start < len(entries):
        yield entries[start : start + size]
        start += size
        size = min(size * 4, _LARGEST_BATCH)


def _local(entry: ManifestEntry) -> Path:
    if entry.local_path is None:
        raise InvalidValueError(f"the bytes of {entry.path!r} are not on this machine")
    return Path(entry.local_path)


def _check_size(path: Path, entry: ManifestEntry) -> None:
    try:
        size = path.stat().st_size
    except OSError as exc:
        raise InvalidValueError(
            f"{str(path)!r}, the file of the entry {entry.path!r}, cannot be read: {exc}", exc=exc
        ) from exc
    if size != entry.size:
        raise InvalidValueError(
            f"{str(path)!r} has {size} bytes and had {entry.size} when it was added to the "
            "artifact; add files that change with policy='mutable'"
        )


def _hex_md5(part: FileSlice) -> str:
    hasher = hashlib.md5(usedforsecurity=False)
    left = part.size
    with part.path.open("rb") as file:
        file.seek(part.start)
        while left and (piece := file.read(min(_READ_BYTES, left))):
            hasher.update(piece)
            left -= len(piece)
    return hasher.hexdigest()
