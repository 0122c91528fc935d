"""Bytes of uploaded files, in a folder.

A blob's name is made here and never holds anything a client chose. What a place of blobs can do,
be it a folder or an object store (`object_blobs`), is a `BlobStore`.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import secrets
import shutil
from collections import Counter
from typing import TYPE_CHECKING, Protocol

import msgspec

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterable, Sequence
    from pathlib import Path

__all__ = ["Blob", "BlobFolder", "BlobStore", "in_pieces"]

_PIECE_BYTES = 1024 * 1024
_SMALL_BYTES = 256 * 1024


class Blob(msgspec.Struct, frozen=True):
    """A stored blob: its name, size in bytes and MD5 (base64)."""

    name: str
    size: int
    md5: str


class BlobStore(Protocol):
    """A place of blobs."""

    async def store(self, chunks: AsyncIterator[bytes]) -> Blob:
        """Write a new blob; it appears complete or not at all."""
        ...

    async def put(self, name: str, chunks: AsyncIterator[bytes]) -> Blob:
        """Write a blob under a name that another place of blobs gave it."""
        ...

    async def store_small(self, contents: Sequence[bytes | memoryview]) -> list[Blob]:
        """Write several new blobs."""
        ...

    async def read_small(self, names: Sequence[str]) -> list[bytes | None]:
        """All bytes of small blobs; None for one that is gone."""
        ...

    async def join(self, names: Sequence[str]) -> Blob:
        """Write a new blob of the bytes of others, in their order."""
        ...

    def pieces(self, name: str, start: int = 0, end: int | None = None) -> AsyncIterator[bytes]:
        """The bytes of a blob, a piece at a time.

        Raises:
            FileNotFoundError: It is gone.
        """
        ...

    async def remove(self, names: Iterable[str]) -> None:
        """Delete blobs; those that are gone already are no error."""
        ...

    def names(self) -> AsyncIterator[str]:
        """The names of all blobs."""
        ...


class BlobFolder:
    """Blobs under one folder, spread over 256 sub-folders."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._readers: Counter[str] = Counter()
        self._removed: set[str] = set()

    def path(self, name: str) -> Path:
        """Where a blob lies."""
        return self._root / name[:2] / name

    async def store(self, chunks: AsyncIterator[bytes]) -> Blob:
        """Write a new blob; it appears complete or not at all."""
        return await self.put(secrets.token_hex(16), chunks)

    async def put(self, name: str, chunks: AsyncIterator[bytes]) -> Blob:
        """Write a blob under a name that another place of blobs gave it."""
        head: list[bytes] = []
        size = 0
        async for chunk in chunks:
            head.append(chunk)
            size += len(chunk)
            if size > _SMALL_BYTES:
                return await self._store_large(name, b"".join(head), chunks)
        # Most files are small: one visit to a thread.
        return await asyncio.to_thread(self._store_small, name, b"".join(head))

    async def store_small(self, contents: Sequence[bytes | memoryview]) -> list[Blob]:
        """Write several new blobs in one visit to a thread."""

        def store_all() -> list[Blob]:
            return [self._store_small(secrets.token_hex(16), data) for data in contents]

        return await asyncio.to_thread(store_all)

    async def read_small(self, names: Sequence[str]) -> list[bytes | None]:
        """All bytes of small blobs, in one visit to a thread; None for one that is gone."""

        def read_all() -> list[bytes | None]:
            return [self._read(name) for name in names]

        return await asyncio.to_thread(read_all)

    def _read(self, name: str) -> bytes | None:
        try:
            return self.path(name).read_bytes()
        except OSError:
            return None

    async def pieces(
        self, name: str, start: int = 0, end: int | None = None
    ) -> AsyncIterator[bytes]:
        """The bytes from `start` up to `end`, a megabyte at a time.

        Raises:
            FileNotFoundError: The blob is gone.
        """
        with await asyncio.to_thread(self.path(name).open, "rb") as file:
            await asyncio.to_thread(file.seek, start)
            left = -1 if end is None else end - start
            while left:
                size = _PIECE_BYTES if left < 0 else min(left, _PIECE_BYTES)
                piece = await asyncio.to_thread(file.read, size)
                if not piece:
                    return
                left = left if left < 0 else left - len(piece)
                yield piece

    async def names(self) -> AsyncIterator[str]:
        """The names of all blobs."""
        for folder in sorted(await asyncio.to_thread(_inside, self._root)):
            for name in sorted(await asyncio.to_thread(_inside, self._root / folder)):
                if not name.endswith(".part"):
                    yield name

    def _store_small(self, name: str, data: bytes | memoryview) -> Blob:
        path = self.path(name)
        draft = path.with_suffix(".part")
        try:
            try:
                draft.write_bytes(data)
            except FileNotFoundError:
                path.parent.mkdir(parents=True, exist_ok=True)
                draft.write_bytes(data)
            draft.rename(path)
        finally:
            draft.unlink(missing_ok=True)
        digest = hashlib.md5(data, usedforsecurity=False)
        return Blob(name, len(data), base64.b64encode(digest.digest()).decode())

    async def _store_large(self, name: str, head: bytes, chunks: AsyncIterator[bytes]) -> Blob:
        path = self.path(name)
        draft = path.with_suffix(".part")
        digest = hashlib.md5(usedforsecurity=False)
        size = 0
        await asyncio.to_thread(path.parent.mkdir, parents=True, exist_ok=True)
        try:
            with await asyncio.to_thread(draft.open, "wb") as file:
                async for chunk in in_pieces(head, chunks):
                    size += len(chunk)
                    await asyncio.to_thread(_append, file.write, digest.update, chunk)
            await asyncio.to_thread(draft.rename, path)
        finally:
            draft.unlink(missing_ok=True)
        return Blob(name, size, base64.b64encode(digest.digest()).decode())

    async def join(self, names: Sequence[str]) -> Blob:
        """Write a new blob of the bytes of others, in their order; copied and hashed at once."""
        name = secrets.token_hex(16)
        path = self.path(name)
        draft = path.with_suffix(".part")
        parts = [self.path(part) for part in names]
        try:
            size, md5 = await asyncio.gather(
                asyncio.to_thread(_concatenate, parts, draft), asyncio.to_thread(_md5_of, parts)
            )
            await asyncio.to_thread(draft.rename, path)
        finally:
            draft.unlink(missing_ok=True)
        return Blob(name, size, md5)

    def hold(self, name: str) -> bool:
        """Keep a blob for a reader until `release`. False: it is gone. In the loop."""
        if name in self._removed or not self.path(name).is_file():
            return False
        self._readers[name] += 1
        return True

    async def release(self, name: str) -> None:
        """A reader is done; the last one of a removed blob deletes it."""
        self._readers[name] -= 1
        if not self._readers[name]:
            del self._readers[name]
            if name in self._removed:
                await self._unlink([name])

    async def remove(self, names: Iterable[str]) -> None:
        """Delete blobs, once nobody reads them; those that are gone already are no error."""
        wanted = list(names)
        self._removed.update(wanted)
        await self._unlink([name for name in wanted if name not in self._readers])

    async def _unlink(self, names: Sequence[str]) -> None:
        def unlink_all() -> None:
            for name in names:
                self.path(name).unlink(missing_ok=True)

        await asyncio.to_thread(unlink_all)
        self._removed.difference_update(names)


def _inside(folder: Path) -> list[str]:
    try:
        return [entry.name for entry in folder.iterdir()]
    except FileNotFoundError:
        return []


async def in_pieces(head: bytes, rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Pieces of about a megabyte: servers hand bodies over in small ones."""
    pending = [head]
    size = len(head)
    async for chunk in rest:
        pending.append(chunk)
        size += len(chunk)
        if size >= _PIECE_BYTES:
            yield b"".join(pending)
            pending, size = [], 0
    if pending:
        yield b"".join(pending)


def _concatenate(parts: Sequence[Path], target: Path) -> int:
    target.parent.mkdir(parents=True, exist_ok=True)
    with target.open("xb") as written:
        for part in parts:
            with part.open("rb") as read:
                shutil.copyfileobj(read, written, _PIECE_BYTES)
        return written.tell()


def _md5_of(parts: Sequence[Path]) -> str:
    digest = hashlib.md5(usedforsecurity=False)
    buffer = memoryview(bytearray(_PIECE_BYTES))
    for part in parts:
        with part.open("rb", buffering=0) as file:
            while count := file.readinto(buffer):
                digest.update(buffer[:count])
    return base64.b64encode(digest.digest()).decode()


def _append(write: Callable[[bytes], int], update: Callable[[bytes], None], chunk: bytes) -> None:
    write(chunk)
    update(chunk)
