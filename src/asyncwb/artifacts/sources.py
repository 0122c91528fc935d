"""The local files of a draft when they are sent: they have to be what they were when added.

Everything here but `refusal` blocks.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from asyncwb.artifacts.digest import file_digest
from asyncwb.errors import CommError, InvalidValueError
from asyncwb.transport.offload import offload

if TYPE_CHECKING:
    from collections.abc import Sequence

    from asyncwb.artifacts.manifest import ManifestEntry

__all__ = ["check_sizes", "local_file", "read_all", "refusal"]


def local_file(entry: ManifestEntry) -> Path:
    """Where the bytes of an entry lie.

    Raises:
        InvalidValueError: Not on this machine.
    """
    if entry.local_path is None:
        raise InvalidValueError(f"the bytes of {entry.path!r} are not on this machine")
    return Path(entry.local_path)


def check_sizes(entries: Sequence[ManifestEntry]) -> None:
    """Look whether files are there, as long as they were.

    Raises:
        InvalidValueError: One is not.
    """
    for entry in entries:
        try:
            size = os.stat(local_file(entry)).st_size
        except OSError as exc:
            raise _unreadable(entry, exc) from exc
        _check_size(entry, size)


def read_all(entries: Sequence[ManifestEntry]) -> list[bytes]:
    """The contents of small files.

    Raises:
        InvalidValueError: One cannot be read, or is not as long as it was.
    """
    contents: list[bytes] = []
    for entry in entries:
        try:
            data = local_file(entry).read_bytes()
        except OSError as exc:
            raise _unreadable(entry, exc) from exc
        _check_size(entry, len(data))
        contents.append(data)
    return contents


async def refusal(entry: ManifestEntry, error: CommError) -> CommError | InvalidValueError:
    """Why a server did not take a file: it may have changed, and be as long as before."""
    if type(error) is not CommError:
        return error
    try:
        digest, _ = await offload(file_digest, local_file(entry), entry.algorithm)
    except OSError as exc:
        return _unreadable(entry, exc)
    if digest == entry.digest:
        return error
    return InvalidValueError(
        f"{entry.local_path!r} changed since it was added to the artifact; add files that change "
        "with policy='mutable'",
        exc=error,
    )


def _check_size(entry: ManifestEntry, size: int) -> None:
    if size != entry.size:
        raise InvalidValueError(
            f"{entry.local_path!r} has {size} bytes and had {entry.size} when it was added to the "
            "artifact; add files that change with policy='mutable'"
        )


def _unreadable(entry: ManifestEntry, exc: OSError) -> InvalidValueError:
    return InvalidValueError(
        f"{entry.local_path!r}, the file of the entry {entry.path!r}, cannot be read: {exc}",
        exc=exc,
    )
