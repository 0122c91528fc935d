"""Digests of files and manifests, and the other spellings of digests and ids.

A digest of a file is base64 (standard alphabet, padded) of MD5, or of XXH3-128 in big-endian
order. The digest of a version is a hash over its paths and their digests; sizes, metadata and
names are no part of it.
"""

from __future__ import annotations

import hashlib
from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from typing import TYPE_CHECKING, Literal, Protocol, TypeAlias

from asyncwb.errors import InvalidValueError, UnsupportedError

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable

__all__ = [
    "DigestAlgorithm",
    "Hasher",
    "bytes_digest",
    "file_digest",
    "graphql_id",
    "hex_digest",
    "hex_id",
    "manifest_digest",
    "new_hasher",
    "text_digest",
]

DigestAlgorithm: TypeAlias = Literal["MD5", "XXH128"]

_HEADER = b"wandb-artifact-manifest-v1\n"
_READ_BYTES = 1024 * 1024


class Hasher(Protocol):
    """A hash in the making."""

    def update(self, data: bytes | memoryview, /) -> None:
        """Add bytes."""
        ...

    def digest(self) -> bytes:
        """The 16 bytes of the hash."""
        ...


def new_hasher(algorithm: DigestAlgorithm) -> Hasher:
    """Begin a hash.

    Raises:
        UnsupportedError: XXH128 needs the package `xxhash`.
    """
    if algorithm == "MD5":
        return hashlib.md5(usedforsecurity=False)
    try:
        from xxhash import xxh3_128
    except ImportError as exc:
        raise UnsupportedError(
            "digests with XXH128 need the package xxhash: pip install 'asyncwb[xxhash]'", exc=exc
        ) from exc
    return xxh3_128()


def text_digest(hasher: Hasher) -> str:
    """The hash as manifests write it, base64."""
    return b64encode(hasher.digest()).decode()


def bytes_digest(data: bytes | memoryview, algorithm: DigestAlgorithm = "MD5") -> str:
    """The digest of bytes."""
    hasher = new_hasher(algorithm)
    hasher.update(data)
    return text_digest(hasher)


def file_digest(
    path: str | os.PathLike[str], algorithm: DigestAlgorithm = "MD5"
) -> tuple[str, int]:
    """Read a file once. Blocks; the GIL is free while bytes are read and hashed.

    Returns:
        Its digest and the number of bytes that were hashed.

    Raises:
        OSError: The file cannot be read.
    """
    hasher = new_hasher(algorithm)
    buffer = memoryview(bytearray(_READ_BYTES))
    size = 0
    with open(path, "rb", buffering=0) as file:
        while count := file.readinto(buffer):
            hasher.update(buffer[:count])
            size += count
    return text_digest(hasher), size


def manifest_digest(entries: Iterable[tuple[str, str]], algorithm: DigestAlgorithm = "MD5") -> str:
    """The digest of a version, in hex.

    Args:
        entries: Path and digest of each entry, in any order.
        algorithm: Of the version.
    """
    hasher = new_hasher(algorithm)
    hasher.update(_HEADER)
    for path, digest in sorted(entries):
        hasher.update(f"{path}:{digest}\n".encode())
    return hasher.digest().hex()


def hex_digest(digest: str) -> str:
    """A base64 digest in hex, as caches and URLs have it.

    Raises:
        InvalidValueError: The text is no base64.
    """
    return _decoded(digest).hex()


def hex_id(graphql_id: str) -> str:
    """An id of GraphQL in hex, as `wandb-artifact://` references have it.

    Raises:
        InvalidValueError: The text is no base64.
    """
    return _decoded(graphql_id).hex()


def graphql_id(hexadecimal: str) -> str:
    """The other way round.

    Raises:
        InvalidValueError: The text is no hexadecimal number.
    """
    try:
        return b64encode(bytes.fromhex(hexadecimal)).decode()
    except ValueError as exc:
        raise InvalidValueError(f"{hexadecimal!r} is no artifact id in hex", exc=exc) from exc


def _decoded(text: str) -> bytes:
    try:
        return b64decode(text, validate=True)
    except (Base64Error, ValueError) as exc:
        raise InvalidValueError(f"{text!r} is not base64", exc=exc) from exc
