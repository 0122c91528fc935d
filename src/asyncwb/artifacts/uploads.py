"""The files of one version on their way to the server, many at once, large ones in parts."""

from __future__ import annotations

from base64 import b64encode
from typing import TYPE_CHECKING

import anyio

from asyncwb.artifacts.batches import grouped
from asyncwb.artifacts.digest import file_digest
from asyncwb.artifacts.parts import hex_md5, slices
from asyncwb.artifacts.progress import Meter
from asyncwb.artifacts.sources import check_sizes, local_file, read_all, refusal
from asyncwb.artifacts.write_operations import COMPLETE_UPLOAD, CREATE_FILES
from asyncwb.errors import AuthenticationError, CommError, InvalidValueError, ProtocolError
from asyncwb.transport import OVERLOAD_STATUSES, TRANSIENT_STATUSES, RetryPolicy
from asyncwb.transport.offload import offload

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from asyncwb.artifacts.batches import Batches
    from asyncwb.artifacts.digest import DigestAlgorithm
    from asyncwb.artifacts.manifest import ManifestEntry
    from asyncwb.artifacts.progress import FileMeter
    from asyncwb.artifacts.write_operations import FilePlace, Multipart
    from asyncwb.graphql import GraphQL
    from asyncwb.transport import FileSlice, Transport

__all__ = ["FileUploads", "split_header"]

# The first bytes are on their way after one small request; later ones ask for more at once.
_FIRST_BATCH = 25
_LARGEST_BATCH = 500
_BATCHES_AT_ONCE = 3
_FILES_AT_ONCE = 32
_BUNDLES_AT_ONCE = 3
_ROUNDS = 20
_MULTIPART_BYTES = 2 * 1024**3
_PARTS_AT_ONCE = 8
# How the embedded server marks the address of a part that it has.
_PRESENT = "#present"
_CALL_POLICY = RetryPolicy(retry_statuses=TRANSIENT_STATUSES, max_attempts=20)
_PUT_POLICY = RetryPolicy(retry_statuses=OVERLOAD_STATUSES, max_attempts=20)
_CALL_SECONDS = 600.0
# A server may have to copy all parts together before it answers.
_COMPLETE_SECONDS = 3600.0
_COMPLETE_POLICY = RetryPolicy(
    retry_statuses=TRANSIENT_STATUSES, max_attempts=20, attempt_seconds=_COMPLETE_SECONDS
)


class FileUploads:
    """Uploads files of one version. In the loop.

    Args:
        graphql: For the addresses.
        transport: For the bytes; they carry no credentials.
        artifact_id: The version.
        manifest_id: Its manifest.
        algorithm: Of the version's digests.
        deadline_seconds: Time for one file, or one part of a large one, retries included.
        meter: Counts what is there.
        batches: Sends small files together; None: the server takes no batches.
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
        meter: Meter | None = None,
        batches: Batches | None = None,
        multipart_bytes: int = _MULTIPART_BYTES,
    ) -> None:
        self._graphql = graphql
        self._transport = transport
        self._artifact_id = artifact_id
        self._manifest_id = manifest_id
        self._algorithm: DigestAlgorithm = algorithm
        self._deadline_seconds = deadline_seconds
        self._meter = meter or Meter("up", None, files=0, size=0)
        self._small = batches
        self._multipart_bytes = multipart_bytes
        self._parts: dict[str, list[str]] = {}
        self._places = anyio.CapacityLimiter(_FILES_AT_ONCE)
        self._batches = anyio.CapacityLimiter(_BATCHES_AT_ONCE)
        self._bundles = anyio.CapacityLimiter(_BUNDLES_AT_ONCE)

    async def upload(self, entries: Sequence[ManifestEntry]) -> None:
        """Upload what the server lacks; entries learn which version stores their bytes.

        Addresses expire: files that come too late for theirs get new ones.

        Raises:
            CommError: The server refused or was not reached.
            InvalidValueError: A file cannot be read, or is not what it was when it was added.
        """
        pending = list(entries)
        for number in range(_ROUNDS):
            failures = await self._round(pending)
            if not failures:
                return
            other = [exc for _, exc in failures if not _is_late(exc)]
            # One large file has no half that is done: it gets a second chance.
            if other or (number and len(failures) * 2 > len(pending)):
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
                failures.extend((entry, exc) for entry in batch)
                return
            finally:
                self._batches.release_on_behalf_of(batch[0].path)
            small: list[tuple[ManifestEntry, str]] = []
            batches = self._small
            found = dict(zip((entry.path for entry in batch), places, strict=True))
            async with anyio.create_task_group() as files:
                for entry, place in zip(batch, places, strict=True):
                    if place.artifact is not None:
                        entry.birth_artifact_id = place.artifact.id
                    url = place.upload_url
                    if url is None:
                        self._meter.done(entry.size)
                    elif batches is not None and batches.takes(url, entry.size):
                        small.append((entry, url))
                    else:
                        files.start_soon(put, entry, place)
                for group in grouped(small):
                    files.start_soon(put_group, batches, group, found)

        async def put(entry: ManifestEntry, place: FilePlace) -> None:
            meter = self._meter.file(entry.size)
            try:
                async with self._places:
                    await self._put(entry, place, meter)
            except CommError as exc:
                failures.append((entry, await refusal(entry, exc)))
            except InvalidValueError as exc:
                failures.append((entry, exc))
            else:
                meter.done()

        async def put_group(
            batches: Batches | None,
            group: list[tuple[ManifestEntry, str]],
            places: Mapping[str, FilePlace],
        ) -> None:
            assert batches is not None
            try:
                async with self._bundles:
                    outcomes = await self._put_group(batches, group)
            except CommError:
                # A network that breaks before a batch is through may let single files pass.
                self._small = None
                async with anyio.create_task_group() as files:
                    for entry, _ in group:
                        files.start_soon(put, entry, places[entry.path])
                return
            except InvalidValueError as exc:
                failures.append((group[0][0], exc))
                return
            for (entry, _), problem in zip(group, outcomes, strict=True):
                if problem is None:
                    self._meter.done(entry.size)
                else:
                    failures.append((entry, await refusal(entry, problem)))

        async with anyio.create_task_group() as group:
            for batch in _batches(entries):
                if not all(_is_late(exc) for _, exc in failures):
                    break
                await self._batches.acquire_on_behalf_of(batch[0].path)
                group.start_soon(send, batch)
        return failures

    async def _put_group(
        self, batches: Batches, group: list[tuple[ManifestEntry, str]]
    ) -> list[CommError | None]:
        contents = await offload(read_all, [entry for entry, _ in group])
        return await batches.put(
            [(url, data) for (_, url), data in zip(group, contents, strict=True)]
        )

    async def _announce(self, batch: Sequence[ManifestEntry]) -> list[FilePlace]:
        await offload(check_sizes, batch)
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
        md5 = entry.digest
        if self._algorithm != "MD5":
            md5, _ = await offload(file_digest, local_file(entry))
        parts = None
        if (entry.size or 0) >= self._multipart_bytes:
            digests = self._parts.get(entry.path)
            if digests is None:
                digests = await self._part_digests(local_file(entry), entry.size or 0)
                self._parts[entry.path] = digests
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
                found[part.start] = await offload(hex_md5, part)

        async with anyio.create_task_group() as group:
            for part in slices(path, size):
                group.start_soon(read, part)
        return [found[start] for start in sorted(found)]

    async def _put(self, entry: ManifestEntry, place: FilePlace, meter: FileMeter) -> None:
        headers = dict(split_header(text) for text in place.upload_headers or ())
        if place.upload_multipart_urls is not None:
            await self._put_parts(entry, place, place.upload_multipart_urls, headers, meter)
            return
        assert place.upload_url is not None
        await self._transport.put(
            place.upload_url,
            local_file(entry),
            headers=headers,
            policy=_PUT_POLICY,
            deadline_seconds=self._deadline_seconds,
            on_sent=meter.moved,
        )

    async def _put_parts(
        self,
        entry: ManifestEntry,
        place: FilePlace,
        multipart: Multipart,
        headers: dict[str, str],
        meter: FileMeter,
    ) -> None:
        path = local_file(entry)
        parts = list(slices(path, entry.size or 0))
        digests = self._parts.get(entry.path, [])
        if not len(digests) == len(parts) == len(multipart.upload_url_parts):
            raise ProtocolError(f"the server wants {entry.path!r} in other parts than announced")
        tags: dict[int, str] = {}
        failures: list[CommError] = []
        limiter = anyio.CapacityLimiter(_PARTS_AT_ONCE)

        async def send(number: int, url: str, part: FileSlice) -> None:
            async with limiter:
                if failures:
                    return
                if url.endswith(_PRESENT):
                    # An upload before this one broke off after this part.
                    tags[number] = f'"{digests[number - 1]}"'
                    meter.moved(part.size)
                    return
                try:
                    md5 = b64encode(bytes.fromhex(digests[number - 1])).decode()
                    answer = await self._transport.put(
                        url,
                        part,
                        headers={**headers, "Content-MD5": md5},
                        policy=_PUT_POLICY,
                        deadline_seconds=self._deadline_seconds,
                        on_sent=meter.moved,
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
            policy=_COMPLETE_POLICY,
            deadline_seconds=_COMPLETE_SECONDS,
        )


def _is_late(exc: Exception) -> bool:
    """Whether a signed address was refused, as it is when its time is over."""
    return isinstance(exc, AuthenticationError)


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
