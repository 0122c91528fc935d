"""Bytes of uploaded files, in a folder.

A blob's name is made here and never holds anything a client chose.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import secrets
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterable, Sequence
    from pathlib import Path

__all__ = ["Blob", "BlobFolder"]

_PIECE_BYTES = 1024 * 1024


class Blob(msgspec.Struct, frozen=True):
    """A stored blob: its name, size in bytes and MD5 (base64)."""

    name: str
    size: int
    md5: str


class BlobFolder:
    """Blobs under one folder, spread over 256 sub-folders."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def path(self, name: str) -> Path:
        """Where a blob lies."""
        return self._root / name[:2] / name

    async def store(self, chunks: AsyncIterator[bytes]) -> Blob:
        """Write a new blob; it appears complete or not at all."""
        name = secrets.token_hex(16)
        path = self.path(name)
        draft = path.with_suffix(".part")
        digest = hashlib.md5(usedforsecurity=False)
        size = 0
        await asyncio.to_thread(path.parent.mkdir, parents=True, exist_ok=True)
        try:
            with draft.open("wb") as file:
                async for chunk in chunks:
                    if chunk:
                        size += len(chunk)
                        await asyncio.to_thread(_append, file.write, digest.update, chunk)
            draft.rename(path)
        finally:
            draft.unlink(missing_ok=True)
        return Blob(name, size, base64.b64encode(digest.digest()).decode())

    async def join(self, names: Sequence[str]) -> Blob:
        """Write a new blob of the bytes of others, in their order."""

        async def pieces() -> AsyncIterator[bytes]:
            for name in names:
                file = await asyncio.to_thread(self.path(name).open, "rb")
                try:
                    while piece := await asyncio.to_thread(file.read, _PIECE_BYTES):
                        yield piece
                finally:
                    file.close()

        return await self.store(pieces())

    async def remove(self, names: Iterable[str]) -> None:
        """Delete blobs; those that are gone already are no error."""

        def unlink_all() -> None:
            for name in names:
                self.path(name).unlink(missing_ok=True)

        await asyncio.to_thread(unlink_all)


def _append(write: Callable[[bytes], int], update: Callable[[bytes], None], chunk: bytes) -> None:
    write(chunk)
    update(chunk)
