"""Which place of blobs an address means."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from .blobs import BlobFolder

if TYPE_CHECKING:
    from .blobs import BlobStore

__all__ = ["open_blobs"]


def open_blobs(place: str) -> BlobStore:
    """The blobs in a folder, or in an object store.

    Args:
        place: A path, or `s3://bucket/prefix` and the like.

    Raises:
        InvalidValueError: The address is none that is known.
        UnsupportedError: The package for the store is not installed.
    """
    if "://" not in place:
        return BlobFolder(Path(place))
    from .object_blobs import ObjectBlobs

    return ObjectBlobs(place)
