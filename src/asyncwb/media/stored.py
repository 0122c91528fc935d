"""Values as files of artifacts: what an artifact does for them, and where they came from."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

from asyncwb.media.base import Place

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from asyncwb.media.base import Media

__all__ = ["ObjectPlace", "Origin", "Shelf", "StoredObject", "object_path"]


class StoredObject(NamedTuple):
    """A value that became a file of an artifact.

    Attributes:
        path: Path in the artifact.
        digest: Base64 of its content's hash.
    """

    path: str
    digest: str


class Origin(Protocol):
    """The entry of a version that a value was read from."""

    @property
    def path(self) -> str:
        """Path in the version."""
        ...

    @property
    def digest(self) -> str:
        """Digest of the content."""
        ...

    @property
    def ref(self) -> str | None:
        """URI, if it is a reference itself."""
        ...

    def ref_url(self) -> str:
        """URI under which others refer to it."""
        ...


class ObjectPlace(Place, Protocol):
    """A draft of an artifact, for the values that go into it. All of it blocks."""

    def put(self, value: Media, name: str) -> StoredObject:
        """Write a value as a file of its own; once, however often it is put."""
        ...

    def put_file(self, data: bytes, name: str) -> str:
        """Write a file whose name is made of its content; returns its path.

        Args:
            data: The content.
            name: A path of that folder and suffix.
        """
        ...

    def has(self, path: str) -> bool:
        """Whether a path is in the artifact."""
        ...

    def refer(self, origin: Origin, name: str) -> str:
        """Refer to a file of another version; returns the path."""
        ...


class Shelf(Protocol):
    """Files that are here, of a version or a run, for values that are read. All of it blocks."""

    def file(self, path: str) -> Path:
        """Where a file lies.

        Raises:
            ProtocolError: There is no such file.
        """
        ...

    def origin(self, path: str) -> Origin | None:
        """The entry of a path; None: it is of no version."""
        ...

    def object(self, path: str) -> Media | None:
        """The value of a path; None where there is none."""
        ...

    def below(self, folder: str) -> Sequence[str]:
        """Paths of a version below a folder; all: ""."""
        ...


def object_path(kind: type[Media], name: str) -> str:
    """The path of a value in an artifact: the name with what its type adds.

    Args:
        kind: The class of the value.
        name: The name that it was added under, with or without that.
    """
    suffix = f"{kind.json_type}.json"
    return name if name.endswith(suffix) else f"{name}.{suffix}"
