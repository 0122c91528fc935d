"""Bodies on their way out (always with a length) and their content encodings."""

from __future__ import annotations

import stat
import time
import zlib
from typing import TYPE_CHECKING

import aiofiles
import httpx

from asyncwb.errors import InvalidValueError
from asyncwb.portal import PORTAL
from asyncwb.transport.messages import FileSlice
from asyncwb.transport.offload import offload

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

__all__ = [
    "BodyChangedError",
    "BytesBody",
    "FileBody",
    "gzip_body",
    "open_body",
    "read_small",
    "unpack",
]

_CHUNK = 256 * 1024
# Each read of a file is a visit to a thread.
_FILE_CHUNK = 1024 * 1024
# zlib handles about 50 MB/s going in and 300 MB/s coming out: what takes longer than a few
# milliseconds leaves the loop (zlib releases the interpreter lock).
_INLINE_COMPRESS = 64 * 1024
_INLINE_UNPACK = 256 * 1024


class BodyChangedError(Exception):
    """A file shrank while it was sent; the attempt is repeated with its new size."""


class BytesBody(httpx.AsyncByteStream):
    """Bytes that say when the client began to take them and when it has them all.

    It can be read again: httpx starts over where a connection turns out to be closing.
    """

    def __init__(self, data: bytes) -> None:
        self._data = data
        self.size = len(data)
        self.began: float | None = None
        self.taken = False

    async def __aiter__(self) -> AsyncIterator[bytes]:
        self.began = time.monotonic()
        self.taken = False
        if self.size <= _CHUNK:
            if self._data:
                yield self._data
        else:
            view = memoryview(self._data)
            for start in range(0, self.size, _CHUNK):
                yield bytes(view[start : start + _CHUNK])
        self.taken = True

    def stalled_for(self) -> float:
        """Seconds for which the peer has not let us finish the body, 0 when not sending it."""
        return 0.0 if self.taken or self.began is None else time.monotonic() - self.began


class FileBody(httpx.AsyncByteStream):
    """A file in chunks, read on the portal's threads; its size is fixed when it is opened."""

    def __init__(
        self,
        path: Path,
        size: int,
        start: int = 0,
        on_sent: Callable[[int], None] | None = None,
    ) -> None:
        self._path = path
        self._start = start
        self._on_sent = on_sent
        self.size = size

    async def __aiter__(self) -> AsyncIterator[bytes]:
        left = self.size
        async with aiofiles.open(self._path, "rb", executor=PORTAL.executor) as file:
            if self._start:
                await file.seek(self._start)
            while left:
                chunk = await file.read(min(_FILE_CHUNK, left))
                if not chunk:
                    raise BodyChangedError(f"{self._path} shrank while it was sent")
                left -= len(chunk)
                yield chunk
                if self._on_sent is not None:
                    self._on_sent(len(chunk))


async def open_body(
    source: bytes | Path | FileSlice | None, on_sent: Callable[[int], None] | None = None
) -> BytesBody | FileBody | None:
    """Make the body of one attempt.

    Args:
        source: What it holds.
        on_sent: Called with the size of each piece of a file that the client has taken.

    Raises:
        InvalidValueError: The file cannot be read.
    """
    if source is None:
        return None
    if isinstance(source, bytes):
        return BytesBody(source)
    if isinstance(source, FileSlice):
        return FileBody(source.path, source.size, source.start, on_sent)
    try:
        size = (await offload(source.stat)).st_size
    except OSError as exc:
        raise _unreadable(source, exc) from exc
    return FileBody(source, size, on_sent=on_sent)


async def read_small(path: Path, limit: int) -> bytes | None:
    """The content of a file of at most `limit` bytes; None: it is larger, or no regular file.

    Raises:
        InvalidValueError: The file cannot be read.
    """
    try:
        return await offload(_read_small, path, limit)
    except OSError as exc:
        raise _unreadable(path, exc) from exc


async def gzip_body(data: bytes, *, level: int = 6) -> bytes:
    """Compress a request body as one gzip member, without holding up the loop."""
    if len(data) <= _INLINE_COMPRESS:
        return _compress(data, level)
    return await offload(_compress, data, level)


async def unpack(body: bytes, encoding: str) -> bytes:
    """Undo the content encoding of an answer.

    Raises:
        zlib.error: The data are damaged, end too early or have an unknown encoding.
    """
    encoding = encoding.strip().lower()
    if encoding in ("", "identity") or not body:
        return body
    if encoding not in ("gzip", "x-gzip", "deflate"):
        raise zlib.error(f"unknown content encoding {encoding!r}")
    if len(body) <= _INLINE_UNPACK:
        return _decompress(body)
    return await offload(_decompress, body)


def _read_small(path: Path, limit: int) -> bytes | None:
    found = path.stat()
    if found.st_size > limit or not stat.S_ISREG(found.st_mode):
        return None
    with path.open("rb") as file:
        data = file.read(limit + 1)
    return None if len(data) > limit else data


def _unreadable(path: Path, exc: OSError) -> InvalidValueError:
    return InvalidValueError(f"cannot read {path}: {exc.strerror}", exc=exc)


def _compress(data: bytes, level: int) -> bytes:
    packer = zlib.compressobj(level, zlib.DEFLATED, 31)
    return packer.compress(data) + packer.flush()


def _decompress(body: bytes) -> bytes:
    parts: list[bytes] = []
    while body:
        unpacker = zlib.decompressobj(47)
        parts.append(unpacker.decompress(body))
        if not unpacker.eof:
            raise zlib.error("the compressed answer ends too early")
        body = unpacker.unused_data
    return b"".join(parts)
