"""Files of one version on their way to a folder: many at once, checked, in place or not at all.

Runs in asyncwb's loop; files are read and written on the portal's threads.
"""

from __future__ import annotations

import os
from contextlib import aclosing, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import anyio

from asyncwb.artifacts.copying import copy_hashing
from asyncwb.artifacts.digest import Hasher, file_digest, new_hasher, text_digest
from asyncwb.artifacts.names import native_path
from asyncwb.artifacts.receipts import Receipts
from asyncwb.artifacts.targets import draft_of, make_folder, remove, unwritable
from asyncwb.errors import CommError, DigestMismatchError, InvalidValueError, UsageError
from asyncwb.transport import TRANSIENT_STATUSES, RetryPolicy
from asyncwb.transport.offload import offload

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterable, Callable, Sequence
    from typing import BinaryIO

    from asyncwb.artifacts.cache import FileCache
    from asyncwb.artifacts.manifest import ManifestEntry
    from asyncwb.transport import Transport

__all__ = ["FileDownloads"]

_FILES_AT_ONCE = 32
_SMALL_BYTES = 1024 * 1024
_LARGE_BYTES = 2 * 1024**3
_WRITE_BYTES = 1024 * 1024
_RANGE_BYTES = 100 * 1024**2
_RANGES_AT_ONCE = 8
_CHECKS_AT_ONCE = 500
_ROUNDS = 5
_POLICY = RetryPolicy(
    retry_statuses=TRANSIENT_STATUSES, max_attempts=8, wait_base=0.5, wait_max=10.0
)


class FileDownloads:
    """Downloads stored files of one version into one folder.

    Args:
        transport: For the bytes.
        addresses: Yields pages of names and signed addresses for the names given.
        cache: Where files are found, and kept.
        root: The folder; made when it is missing.
        deadline_seconds: Time until a file begins to arrive, retries included.
        use_cache: Whether the cache may serve and keep files.
        multipart: Whether every file is fetched in ranges; None: files of 2 GiB and more.
        progress: Called with the bytes of each file that is done.
    """

    def __init__(
        self,
        transport: Transport,
        addresses: Callable[[Sequence[str]], AsyncGenerator[list[tuple[str, str]], None]],
        *,
        cache: FileCache,
        root: Path,
        deadline_seconds: float,
        use_cache: bool = True,
        multipart: bool | None = None,
        progress: Callable[[int], None] | None = None,
    ) -> None:
        self._transport = transport
        self._addresses = addresses
        self._cache = cache
        self._root = root
        self._deadline_seconds = deadline_seconds
        self._use_cache = use_cache
        self._multipart = multipart
        self._progress = progress
        self._places = anyio.CapacityLimiter(_FILES_AT_ONCE)
        self._receipts = Receipts(cache.root / "receipts", root)

    async def download(self, entries: Sequence[ManifestEntry]) -> None:
        """Bring the folder to hold the entries; what is there and right stays as it is.

        Raises:
            DigestMismatchError: A server sent other bytes than the manifest promises.
            InvalidValueError: A path would leave the folder.
            UsageError: The folder cannot be written.
            CommError: The server refused or was not reached.
        """
        await offload(self._receipts.load)
        missing = await self._missing(entries)
        try:
            for attempt in range(_ROUNDS):
                if not missing:
                    break
                missing = await self._round(missing, last=attempt == _ROUNDS - 1)
        finally:
            await offload(self._receipts.store)

    async def _missing(self, entries: Sequence[ManifestEntry]) -> list[ManifestEntry]:
        """Entries that are neither in the folder nor in the cache."""
        missing: list[ManifestEntry] = []
        for start in range(0, len(entries), _CHECKS_AT_ONCE):
            some = entries[start : start + _CHECKS_AT_ONCE]
            missing += await offload(self._settle, some)
        return missing

    def _settle(self, entries: Sequence[ManifestEntry]) -> list[ManifestEntry]:
        missing: list[ManifestEntry] = []
        for entry in entries:
            target = Path(native_path(self._root, entry.path))
            if self._receipts.vouches_for(entry, target) or _is_right(entry, target):
                self._receipts.note(entry, target)
            elif not self._from_cache(entry, target):
                missing.append(entry)
                continue
            if self._progress is not None:
                self._progress(entry.size or 0)
        return missing

    def _from_cache(self, entry: ManifestEntry, target: Path) -> bool:
        if not self._use_cache:
            return False
        found = self._cache.find(entry.digest, entry.algorithm, entry.size)
        if found is None:
            return False
        draft = draft_of(target)
        try:
            make_folder(self._root, target)
            digest, _ = copy_hashing(str(found), str(draft), entry.algorithm, read_only=False)
            if digest != entry.digest:
                self._cache.discard(entry.digest, entry.algorithm)
                return False
            draft.replace(target)
        except OSError as exc:
            raise unwritable(target, exc) from exc
        finally:
            with suppress(OSError):
                draft.unlink()
        self._receipts.note(entry, target)
        return True

    async def _round(self, entries: Sequence[ManifestEntry], *, last: bool) -> list[ManifestEntry]:
        """Fetch once; entries whose address came too late are returned, unless it is the end."""
        wanted = {entry.path: entry for entry in entries}
        late: list[ManifestEntry] = []
        failures: list[Exception] = []

        async def fetch(entry: ManifestEntry, url: str) -> None:
            try:
                await self._fetch(entry, url)
            except CommError as exc:
                status = exc.response.status if exc.response is not None else None
                if status in (401, 403, 410) and not last:
                    late.append(entry)
                else:
                    failures.append(exc)
            except (InvalidValueError, UsageError) as exc:
                failures.append(exc)
            finally:
                self._places.release_on_behalf_of(entry.path)

        async with (
            aclosing(self._addresses(list(wanted))) as pages,
            anyio.create_task_group() as group,
        ):
            async for page in pages:
                for name, url in page:
                    entry = wanted.pop(name, None)
                    if entry is None or not url or failures:
                        continue
                    await self._places.acquire_on_behalf_of(entry.path)
                    group.start_soon(fetch, entry, url)
                if failures:
                    break
        if failures:
            raise failures[0]
        if wanted:
            raise CommError(
                f"the server gave no address for {len(wanted)} files of the artifact, "
                f"{next(iter(wanted))!r} first"
            )
        return late

    async def _fetch(self, entry: ManifestEntry, url: str) -> None:
        target = Path(native_path(self._root, entry.path))
        draft = draft_of(target)
        try:
            await offload(make_folder, self._root, target)
            size = entry.size or 0
            ranges = size >= _LARGE_BYTES if self._multipart is None else self._multipart
            if ranges and size > _RANGE_BYTES:
                digest = await self._fetch_ranges(entry, url, draft)
            elif size <= _SMALL_BYTES and entry.size is not None:
                digest = await self._fetch_small(entry, url, draft)
            else:
                digest = await self._fetch_stream(entry, url, draft)
            if digest != entry.digest:
                raise DigestMismatchError(entry.path, expected=entry.digest, got=digest)
            await offload(self._finish, entry, draft, target)
        except OSError as exc:
            raise unwritable(target, exc) from exc
        finally:
            await offload(remove, draft)
        if self._progress is not None:
            self._progress(entry.size or 0)

    def _finish(self, entry: ManifestEntry, draft: Path, target: Path) -> None:
        draft.replace(target)
        if self._use_cache and not entry.skip_cache:
            self._cache.add(target, entry.digest, entry.algorithm)
        self._receipts.note(entry, target)

    async def _fetch_small(self, entry: ManifestEntry, url: str, draft: Path) -> str:
        answer = await self._transport.download(
            url, policy=_POLICY, deadline_seconds=self._deadline_seconds
        )
        return await offload(_write_whole, draft, answer.body, new_hasher(entry.algorithm))

    async def _fetch_stream(self, entry: ManifestEntry, url: str, draft: Path) -> str:
        hasher = new_hasher(entry.algorithm)
        async with self._transport.stream(
            url, policy=_POLICY, deadline_seconds=self._deadline_seconds
        ) as pieces:
            file = await offload(open, draft, "wb", buffering=0)
            try:
                await _write_all(pieces, lambda data: _append(file, hasher, data))
            finally:
                file.close()
        return text_digest(hasher)

    async def _fetch_ranges(self, entry: ManifestEntry, url: str, draft: Path) -> str:
        """Several ranges at once into one file, which is hashed at the end."""
        size = entry.size or 0
        descriptor = await offload(_reserve, draft, size)
        limiter = anyio.CapacityLimiter(_RANGES_AT_ONCE)
        failures: list[Exception] = []

        async def fetch(start: int, end: int) -> None:
            async with limiter:
                if failures:
                    return
                position = start

                def write(data: bytes) -> None:
                    nonlocal position
                    position += _write_at(descriptor, data, position)

                try:
                    async with self._transport.stream(
                        url,
                        start=start,
                        end=end,
                        policy=_POLICY,
                        deadline_seconds=self._deadline_seconds,
                    ) as pieces:
                        await _write_all(pieces, write)
                except (CommError, OSError) as exc:
                    failures.append(exc)

        try:
            async with anyio.create_task_group() as group:
                for start in range(0, size, _RANGE_BYTES):
                    group.start_soon(fetch, start, min(start + _RANGE_BYTES, size))
        finally:
            os.close(descriptor)
        if failures:
            raise failures[0]
        digest, _ = await offload(file_digest, draft, entry.algorithm)
        return digest


async def _write_all(pieces: AsyncIterable[bytes], write: Callable[[bytes], object]) -> None:
    """Write pieces in larger ones, each in a thread."""
    pending = bytearray()
    async for piece in pieces:
        pending += piece
        if len(pending) >= _WRITE_BYTES:
            await offload(write, bytes(pending))
            pending.clear()
    if pending:
        await offload(write, bytes(pending))


def _append(file: BinaryIO, hasher: Hasher, data: bytes) -> None:
    hasher.update(data)
    view = memoryview(data)
    while view:
        view = view[file.write(view) :]


def _write_at(descriptor: int, data: bytes, position: int) -> int:
    done = 0
    while done < len(data):
        done += os.pwrite(descriptor, data[done:], position + done)
    return done


def _write_whole(draft: Path, data: bytes, hasher: Hasher) -> str:
    hasher.update(data)
    draft.write_bytes(data)
    return text_digest(hasher)


def _reserve(draft: Path, size: int) -> int:
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o666)
    os.ftruncate(descriptor, size)
    return descriptor


def _is_right(entry: ManifestEntry, target: Path) -> bool:
    """Whether the folder has the file already, by its content."""
    try:
        found = target.stat()
        if entry.size is not None and found.st_size != entry.size:
            return False
        return file_digest(target, entry.algorithm)[0] == entry.digest
    except OSError:
        return False
