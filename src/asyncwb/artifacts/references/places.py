"""URIs of references, and what adding and fetching one needs to know."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from asyncwb.errors import DigestMismatchError, InvalidValueError

if TYPE_CHECKING:
    from asyncwb.artifacts.manifest import ManifestEntry

__all__ = ["MAX_OBJECTS", "Wanted", "check_digest", "is_http", "is_store", "scheme_of"]

MAX_OBJECTS = 10_000_000
"""References that one call may add unless it says otherwise."""

_AZURE_HOSTS = ".blob.core.windows.net"


@dataclass(frozen=True)
class Wanted:
    """A reference to add.

    Attributes:
        uri: What it points to.
        name: Path in the artifact; None: by the URI.
        checksum: Whether to look at what is there.
        max_objects: How many entries may come of it.
    """

    uri: str
    name: str | None = None
    checksum: bool = True
    max_objects: int = MAX_OBJECTS

    def too_many(self) -> InvalidValueError:
        """The error for more objects than allowed."""
        return InvalidValueError(
            f"{self.uri} has more than {self.max_objects} objects: pass max_objects to allow more"
        )


def scheme_of(uri: str) -> str:
    """Scheme of a URI in lower case, "" where it has none."""
    return urlsplit(uri).scheme


def is_store(uri: str) -> bool:
    """Whether a URI points into an object store."""
    parts = urlsplit(uri)
    if parts.scheme in ("s3", "gs"):
        return True
    return parts.scheme == "https" and (parts.hostname or "").endswith(_AZURE_HOSTS)


def is_http(uri: str) -> bool:
    """Whether a URI is an address of the web; see `is_store` for those that are more."""
    return scheme_of(uri) in ("http", "https")


def check_digest(entry: ManifestEntry, got: str) -> None:
    """Compare what a place says of its content now with what it said when it was added.

    Raises:
        DigestMismatchError: It has other content now.
    """
    # Without a checksum the digest is the URI itself and says nothing of the content.
    if entry.digest not in (got, entry.ref):
        raise DigestMismatchError(entry.path, expected=entry.digest, got=got)
