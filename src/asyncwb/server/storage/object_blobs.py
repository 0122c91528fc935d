"""Bytes of uploaded files in an object store: S3 and what speaks like it, Google's, Azure's.

The package `obstore` knows the stores. An object is visible once it is complete, as stores have
it. Nothing here holds more of a file than a few pieces of it.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import logging
import os
import secrets
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from asyncwb.errors import InvalidValueError, UnsupportedError
from asyncwb.server.problems import Problem

from .blobs import Blob, in_pieces

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Generator, Iterable, Sequence

__all__ = ["ObjectBlobs"]

_log = logging.getLogger("asyncwb.server")
_SMALL_BYTES = 256 * 1024
_PIECE_BYTES = 8 * 1024**2
_PART_BYTES = 16 * 1024**2  # stores take 10,000 parts
_PARTS_AT_ONCE = 2
_SMALL_AT_ONCE = 32
_DELETED_AT_ONCE = 1000
_CLIENT = {"connect_timeout": "10s", "timeout": "120s", "allow_http": True}
_RETRIES = {"max_retries": 4}


class ObjectBlobs:
    """Blobs under a prefix of a bucket, spread over 256 folders as on a disk.

    Args:
        url: `s3://bucket/prefix`, `gs://bucket/prefix` or `az://container/prefix`. Credentials and
            endpoints come from the environment variables that the stores' own tools read.

    Raises:
        UnsupportedError: `obstore` is not installed.
        InvalidValueError: The address is none of these, or the environment lacks something.
    """

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("s3", "gs", "az") or not parts.netloc:
            raise InvalidValueError(
                "blobs are a folder, s3://bucket/prefix, gs://bucket/prefix or "
                f"az://container/prefix, not {url!r}"
            )
        try:
            import obstore
            from obstore.exceptions import BaseError
            from obstore.store import from_url
        except ImportError as exc:
            raise UnsupportedError(
                f"Blobs in {parts.scheme}:// need obstore: pip install 'asyncwb[s3]'.",
                exc=exc,
            ) from exc
        options: dict[str, Any] = {"client_options": _CLIENT, "retry_config": _RETRIES}
        if parts.scheme == "s3":
            endpoint = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL")
            region = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")
            options["region"] = region or "us-east-1"
            if endpoint:
                options["endpoint"] = endpoint
        try:
            self._store: Any = from_url(url.rstrip("/"), **options)
        except BaseError as exc:
            reason = str(exc).strip().partition("\n")[0][:200]
            raise InvalidValueError(f"{url} cannot be used: {reason}", exc=exc) from exc
        self._obstore: Any = obstore
        self._small = asyncio.Semaphore(_SMALL_AT_ONCE)

    @contextmanager
    def _available(self, *, missing: bool = False) -> Generator[None]:
        """Turn what the store refuses into "try again later"; `missing`: not a missing object."""
        try:
            yield
        except (self._obstore.exceptions.BaseError, OSError) as exc:
            if missing and isinstance(exc, FileNotFoundError):
                raise
            # what the store says may hold addresses and ids of its own
            _log.error("the store of files failed: %s", str(exc).partition("\n")[0][:300])
            raise Problem(503, "the store of files is not available") from exc

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
                return await self._store_large(name, in_pieces(b"".join(head), chunks))
        return await self._store_small(b"".join(head), name)

    async def store_small(self, contents: Sequence[bytes | memoryview]) -> list[Blob]:
        """Write several new blobs, many at a time."""
        return list(await asyncio.gather(*map(self._store_small, contents)))

    async def _store_small(self, data: bytes | memoryview, name: str = "") -> Blob:
        name = name or secrets.token_hex(16)
        async with self._small:
            with self._available():
                await self._obstore.put_async(
                    self._store, _key(name), bytes(data), use_multipart=False
                )
        digest = hashlib.md5(data, usedforsecurity=False)
        return Blob(name, len(data), base64.b64encode(digest.digest()).decode())

    async def _store_large(self, name: str, chunks: AsyncIterator[bytes]) -> Blob:
        digest = hashlib.md5(usedforsecurity=False)
        size = 0
        broken: list[BaseException] = []

        async def watched() -> AsyncIterator[bytes]:
            nonlocal size
            try:
                async for chunk in chunks:
                    await asyncio.to_thread(digest.update, chunk)
                    size += len(chunk)
                    yield chunk
            except BaseException as exc:
                broken.append(exc)
                raise

        try:
            with self._available():
                await self._obstore.put_async(
                    self._store,
                    _key(name),
                    watched(),
                    use_multipart=True,
                    chunk_size=_PART_BYTES,
                    max_concurrency=_PARTS_AT_ONCE,
                )
        except Exception as exc:  # noqa: BLE001 - whatever comes of a broken upload
            # The store's package has an error of its own for one of the client's.
            raise (broken or [exc])[0] from None
        return Blob(name, size, base64.b64encode(digest.digest()).decode())

    async def join(self, names: Sequence[str]) -> Blob:
        """Write a new blob of the bytes of others, in their order."""

        async def pieces() -> AsyncIterator[bytes]:
            for name in names:
                async for piece in self.pieces(name):
                    yield piece

        return await self._store_large(secrets.token_hex(16), pieces())

    async def read_small(self, names: Sequence[str]) -> list[bytes | None]:
        """All bytes of small blobs; None for one that is gone."""
        return list(await asyncio.gather(*map(self._read, names)))

    async def _read(self, name: str) -> bytes | None:
        async with self._small:
            try:
                with self._available(missing=True):
                    found = await self._obstore.get_async(self._store, _key(name))
                    return bytes(await found.bytes_async())
            except FileNotFoundError:
                return None

    async def size(self, name: str) -> int | None:
        """Bytes of a blob; None: it is gone."""
        try:
            with self._available(missing=True):
                found: int = (await self._obstore.head_async(self._store, _key(name)))["size"]
        except FileNotFoundError:
            return None
        return found

    async def pieces(
        self, name: str, start: int = 0, end: int | None = None
    ) -> AsyncIterator[bytes]:
        """The bytes from `start` up to `end`, a piece at a time, each by a request of its own.

        A client that takes its time thus keeps no request to the store open.

        Raises:
            FileNotFoundError: The blob is gone.
        """
        if end is None:
            end = await self.size(name)
            if end is None:
                raise FileNotFoundError(name)
        while start < end:
            stop = min(start + _PIECE_BYTES, end)
            piece = await self._obstore.get_range_async(
                self._store, _key(name), start=start, end=stop
            )
            yield bytes(piece)
            start = stop

    async def signed_url(self, name: str, seconds: float) -> str:
        """An address at which the store itself gives the bytes, for a while."""
        found: str = await self._obstore.sign_async(
            self._store, "GET", _key(name), timedelta(seconds=seconds)
        )
        return found

    async def remove(self, names: Iterable[str]) -> None:
        """Delete blobs; those that are gone already are no error."""
        keys = [_key(name) for name in names]
        for start in range(0, len(keys), _DELETED_AT_ONCE):
            try:
                await self._obstore.delete_async(
                    self._store, keys[start : start + _DELETED_AT_ONCE]
                )
            except FileNotFoundError:
                continue  # stores other than S3 say so

    async def names(self) -> AsyncIterator[str]:
        """The names of all blobs."""
        async for page in self._obstore.list(self._store, chunk_size=_DELETED_AT_ONCE):
            for meta in page:
                yield meta["path"].rpartition("/")[2]


def _key(name: str) -> str:
    return f"{name[:2]}/{name}"
