"""The parts in which a large file goes up."""

from __future__ import annotations

import hashlib
import math
from typing import TYPE_CHECKING

from asyncwb.transport import FileSlice

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["hex_md5", "slices"]

_PART_BYTES = 100 * 1024**2
_MOST_PARTS = 10_000
_READ_BYTES = 1024 * 1024


def slices(path: Path, size: int) -> Iterator[FileSlice]:
    """The parts of a large file: 100 MiB each, or as large as at most 10,000 of them need."""
    step = _PART_BYTES
    if size > step * _MOST_PARTS:
        step = math.ceil(size / _MOST_PARTS / 4096) * 4096
    for start in range(0, size, step):
        yield FileSlice(path, start, min(step, size - start))


def hex_md5(part: FileSlice) -> str:
    """The MD5 of a part. Blocks."""
    hasher = hashlib.md5(usedforsecurity=False)
    left = part.size
    with part.path.open("rb") as file:
        file.seek(part.start)
        while left and (piece := file.read(min(_READ_BYTES, left))):
            hasher.update(piece)
            left -= len(piece)
    return hasher.hexdigest()
