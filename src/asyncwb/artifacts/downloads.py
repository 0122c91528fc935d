"""Files of one version on their way to a folder: many at once, checked, in place or not at all.

Runs in asyncwb's loop; files are read and written on the portal's threads.
"""

from __future__ import annotations

from contextlib import aclosing
from typing import TYPE_CHECKING

import anyio

from asyncwb.artifacts.arriving import while_fast, write_all
from asyncwb.artifacts.batches import grouped
from asyncwb.artifacts.digest import new_hasher, text_digest
from asyncwb.artifacts.targets import unwritable
from asyncwb.errors import (
    AuthenticationError,
    CommError,
    DigestMismatchError,
    ProtocolError,
    UsageError,
)
from asyncwb.transport import TRANSIENT_STATUSES, RetryPolicy
from asyncwb.transport.offload import offload

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Sequence
    from pathlib import Path

    from asyncwb.artifacts.batches import Batches
    from asyncwb.artifacts.manifest import ManifestEntry
    from asyncwb.artifacts.partial import Partial
    from asyncwb.artifacts.placing import Placing
    from asyncwb.artifacts.progress import FileMeter, Meter
    from asyncwb.transport import Transport

__all__ = ["FileDownloads"]

_FILES_AT_ONCE = 32
_BUNDLES_AT_ONCE = 4
_SMALL_BYTES = 1024 * 1024
_LARGE_BYTES = 2 * 1024**3
_RANGE_BYTES = 32 * 1024**2
_RANGES_AT_ONCE = 6
# In a second: a connection that brings as much is enough.
_FAST_BYTES = 100e6
_CHECKS_AT_ONCE = 200
_ROUNDS = 5
_POLICY = RetryPolicy(
    retry_statuses=TRANSIENT_STATUSES, max_attempts=8, wait_base=0.5, wait_max=10.0
)
_EXPIRED = (401, 403, 410)


class FileDownloads:
    """Downloads stored files of one version into one folder.

    Args:
        transport: For the bytes.
        addresses: Yields pages of names and signed addresses for the names given.
        placing: The folder.
        meter: Counts what is there.
        writing: How many threads write and check files at once.
        deadline_seconds: Time until a file begins to arrive, retries included.
        multipart: Whether every file is fetched in ranges; None: slow ones of 2 GiB and more.

    Attributes:
        batches: Fetches small files together; None: each by itself. Given up once one fails.
    """

    def __init__(
        self,
        transport: Transport,
        addresses: Callable[[Sequence[str]], AsyncGenerator[list[tuple[str, str]], None]],
        *,
        placing: Placing,
        meter: Meter,
        writing: anyio.CapacityLimiter,
        deadline_seconds: float,
        multipart: bool | None = None,
    ) -> None:
        self._transport = transport
        self._addresses = addresses
        self._placing = placing
        self._meter = meter
        self._deadline_seconds = deadline_seconds
        self._multipart = multipart
        self.batches: Batches | None = None
        self._places = anyio.CapacityLimiter(_FILES_AT_ONCE)
        self._writing = writing
        self._bundles = anyio.CapacityLimiter(_BUNDLES_AT_ONCE)

    async def missing(self, entries: Sequence[ManifestEntry]) -> list[ManifestEntry]:
        """Entries that neither the folder has nor the cache; what the cache has is copied.

        Raises:
            UsageError: The folder cannot be written.
        """
        missing: list[ManifestEntry] = []
        failures: list[UsageError] = []

        async def settle(some: Sequence[ManifestEntry]) -> None:
            async with self._writing:
                if failures:
                    return
                try:
                    missing.extend(await offload(self._placing.settle, some, self._meter))
                except UsageError as exc:
                    failures.append(exc)

        async with anyio.create_task_group() as group:
            for start in range(0, len(entries), _CHECKS_AT_ONCE):
                group.start_soon(settle, entries[start : start + _CHECKS_AT_ONCE])
        if failures:
            raise failures[0]
        return missing

    async def download(self, entries: Sequence[ManifestEntry]) -> None:
        """Fetch entries.

        Raises:
            DigestMismatchError: A server sent other bytes than the manifest promises.
            InvalidValueError: A path would leave the folder.
            UsageError: The folder cannot be written.
            CommError: The server refused or was not reached.
        """
        missing = list(entries)
        for attempt in range(_ROUNDS):
            if not missing:
                break
            missing = await self._round(missing, last=attempt == _ROUNDS - 1)

    async def _round(self, entries: Sequence[ManifestEntry], *, last: bool) -> list[ManifestEntry]:
        """Fetch once; entries whose address came too late are returned, unless it is the end."""
        batches = self.batches
        wanted = {entry.path: entry for entry in entries}
        late: list[ManifestEntry] = []
        failures: list[Exception] = []

        def failed(entry: ManifestEntry, exc: CommError | UsageError) -> None:
            if not last and _is_late(exc):
                late.append(entry)
            else:
                failures.append(exc)

        async def fetch(entry: ManifestEntry, url: str) -> None:
            try:
                await self._fetch(entry, url)
            except (CommError, UsageError) as exc:
                failed(entry, exc)
            finally:
                self._places.release_on_behalf_of(entry.path)

        async def fetch_group(group: list[tuple[ManifestEntry, str]]) -> None:
            assert batches is not None
            try:
                for entry, problem in await self._fetch_group(batches, group):
                    failed(entry, problem)
            except CommError as exc:
                # A network that breaks before a batch is through may let single files pass.
                self.batches = None
                if last:
                    failures.append(exc)
                late.extend(entry for entry, _ in group)
            finally:
                self._bundles.release_on_behalf_of(group[0][0].path)

        async with (
            aclosing(self._addresses(list(wanted))) as pages,
            anyio.create_task_group() as group,
        ):
            async for page in pages:
                small: list[tuple[ManifestEntry, str]] = []
                for name, url in page:
                    entry = wanted.pop(name, None)
                    if entry is None or not url or failures:
                        continue
                    if batches is not None and batches.takes(url, entry.size):
                        small.append((entry, url))
                        continue
                    await self._places.acquire_on_behalf_of(entry.path)
                    group.start_soon(fetch, entry, url)
                for some in grouped(small):
                    await self._bundles.acquire_on_behalf_of(some[0][0].path)
                    group.start_soon(fetch_group, some)
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

    async def _fetch_group(
        self, batches: Batches, group: list[tuple[ManifestEntry, str]]
    ) -> list[tuple[ManifestEntry, CommError | UsageError]]:
        """Fetch small files in one request; those that failed, and why."""
        failed: list[tuple[ManifestEntry, CommError | UsageError]] = []
        arrived: list[tuple[ManifestEntry, memoryview]] = []
        answers = await batches.get([url for _, url in group])
        for (entry, _), found in zip(group, answers, strict=True):
            if isinstance(found, CommError):
                failed.append((entry, found))
            else:
                arrived.append((entry, found))
        async with self._writing:
            problems = await offload(self._placing.place_all, arrived)
        for (entry, _), problem in zip(arrived, problems, strict=True):
            if problem is None:
                self._meter.done(entry.size)
            else:
                failed.append((entry, problem))
        return failed

    async def _fetch(self, entry: ManifestEntry, url: str) -> None:
        size = entry.size or 0
        if size <= _SMALL_BYTES and entry.size is not None and not self._multipart:
            answer = await self._transport.download(
                url, policy=_POLICY, deadline_seconds=self._deadline_seconds
            )
            async with self._writing:
                await offload(self._placing.place, entry, answer.body)
            self._meter.done(size)
            return
        meter = self._meter.file(size)
        stale = False
        partial, target = await self._begin_large(entry)
        try:
            digest = await self._fetch_large(entry, url, partial, meter)
            await offload(self._placing.finish, entry, partial, target, digest)
        except CommError as exc:
            if not partial.resumed or not _is_unfit(exc):
                raise
            stale = True
            await offload(partial.discard)
        except OSError as exc:
            await offload(partial.discard)
            raise unwritable(target, exc) from exc
        finally:
            with anyio.CancelScope(shield=True):
                await offload(partial.close)
        if stale:
            # What an earlier download left is not what it should be: from the beginning.
            await self._fetch(entry, url)
            return
        meter.done()

    async def _begin_large(self, entry: ManifestEntry) -> tuple[Partial, Path]:
        # Whoever left meanwhile would leave an open file behind.
        begun: list[tuple[Partial, Path]] = []
        with anyio.CancelScope(shield=True):
            begun.append(await offload(self._placing.begin_large, entry))
        return begun[0]

    async def _fetch_large(
        self, entry: ManifestEntry, url: str, partial: Partial, meter: FileMeter
    ) -> str:
        """The file and its digest, over one connection or several."""
        size, counted = entry.size or 0, 0
        ranges = size >= _LARGE_BYTES if self._multipart is None else self._multipart
        if not ranges or size <= _RANGE_BYTES:
            return await self._fetch_stream(entry, url, partial, meter)
        if self._multipart is None and not partial.resumed:
            # Where one is fast, disk and hash are what is waited for: more of them cost time.
            if digest := await self._fetch_stream(entry, url, partial, meter, only_fast=True):
                return digest
            counted = _RANGE_BYTES
        return await self._fetch_ranges(entry, url, partial, meter, counted)

    async def _fetch_stream(
        self,
        entry: ManifestEntry,
        url: str,
        partial: Partial,
        meter: FileMeter,
        *,
        only_fast: bool = False,
    ) -> str:
        """One stream into a file, which is hashed as it comes; "" where it was given up as slow."""
        hasher = new_hasher(entry.algorithm)
        position = await offload(partial.begin_stream)
        if entry.size is None or position > entry.size:
            await offload(partial.truncate, 0)
            position = 0
        await offload(partial.hash, hasher, 0, position)
        meter.moved(position)

        def write(pieces: list[bytes]) -> None:
            nonlocal position
            for piece in pieces:
                hasher.update(piece)
            position = partial.write(pieces, position)

        if position == 0 or position != entry.size:
            async with (
                self._transport.stream(
                    url, start=position, policy=_POLICY, deadline_seconds=self._deadline_seconds
                ) as arriving,
                aclosing(
                    while_fast(arriving, _RANGE_BYTES, _FAST_BYTES if only_fast else 0)
                ) as pieces,
            ):
                await write_all(pieces, write, meter)
        return text_digest(hasher) if not only_fast or position == entry.size else ""

    async def _fetch_ranges(
        self, entry: ManifestEntry, url: str, partial: Partial, meter: FileMeter, counted: int
    ) -> str:
        """Several ranges at once into one file, which is hashed behind them."""
        size = entry.size or 0
        limiter = anyio.CapacityLimiter(_RANGES_AT_ONCE)
        failures: list[Exception] = []
        hasher = new_hasher(entry.algorithm)
        ranges = [
            (start, min(start + _RANGE_BYTES, size), anyio.Event())
            for start in range(0, size, _RANGE_BYTES)
        ]
        await offload(partial.begin_ranges, [(start, end) for start, end, _ in ranges], size)

        async def fetch(start: int, end: int, ended: anyio.Event) -> None:
            async with limiter:
                position = start

                def write(pieces: list[bytes]) -> None:
                    nonlocal position
                    position = partial.write(pieces, position)

                try:
                    if failures:
                        return
                    if partial.has(start, end):
                        meter.moved(end - start if end > counted else 0)
                        return
                    async with self._transport.stream(
                        url,
                        start=start,
                        end=end,
                        policy=_POLICY,
                        deadline_seconds=self._deadline_seconds,
                    ) as pieces:
                        await write_all(pieces, write, meter)
                    if position == end:
                        await offload(partial.note, start, end)
                except (CommError, OSError) as exc:
                    failures.append(exc)
                finally:
                    ended.set()

        async with anyio.create_task_group() as group:
            for one in ranges:
                group.start_soon(fetch, *one)
            for start, end, ended in ranges:
                await ended.wait()
                if not failures:
                    await offload(partial.hash, hasher, start, end)
        if failures:
            raise failures[0]
        return text_digest(hasher)


def _is_unfit(exc: CommError) -> bool:
    """Whether an error may come of what an earlier download left."""
    status = exc.response.status if exc.response is not None else None
    return isinstance(exc, (DigestMismatchError, ProtocolError)) or status == 416


def _is_late(exc: CommError | UsageError) -> bool:
    """Whether a signed address was refused because its time was over."""
    if isinstance(exc, AuthenticationError):
        return True
    response = exc.response if isinstance(exc, CommError) else None
    return response is not None and response.status in _EXPIRED
