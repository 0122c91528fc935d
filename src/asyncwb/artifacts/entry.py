"""One file or reference of an artifact, as people handle it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from asyncwb.artifacts.digest import hex_id
from asyncwb.artifacts.names import native_path
from asyncwb.errors import InvalidValueError

if TYPE_CHECKING:
    import os

    from asyncwb.artifacts.manifest import ManifestEntry
    from asyncwb.artifacts.reading import ArtifactReading

__all__ = ["ARTIFACT_SCHEME", "CLIENT_SCHEME", "ArtifactEntry", "Named", "Referable"]

ARTIFACT_SCHEME = "wandb-artifact"
CLIENT_SCHEME = "wandb-client-artifact"


class Named(Protocol):
    """What has a path in an artifact."""

    @property
    def path(self) -> str:
        """The path, with `/`."""
        ...


class Referable(Protocol):
    """What another artifact can refer to: the entry of a version, in either face."""

    @property
    def path(self) -> str:
        """The path, with `/`."""
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
        """URI under which other artifacts refer to it."""
        ...


class ArtifactEntry:
    """A file or reference of an artifact; made by `Artifact.get_entry`."""

    def __init__(self, artifact: ArtifactReading, entry: ManifestEntry) -> None:
        self._artifact = artifact
        self._entry = entry

    def __repr__(self) -> str:
        return f"<ArtifactEntry {self.path} of {self._artifact!r}>"

    @property
    def path(self) -> str:
        """Path in the artifact, with `/`."""
        return self._entry.path

    @property
    def digest(self) -> str:
        """Base64 of the content's hash; for references what their store says, e.g. an ETag."""
        return self._entry.digest

    @property
    def ref(self) -> str | None:
        """URI of a reference; None for a stored file."""
        return self._entry.ref

    @property
    def size(self) -> int | None:
        """Bytes; None where unknown."""
        return self._entry.size

    @property
    def extra(self) -> dict[str, Any]:
        """More about it, e.g. the version id in an object store."""
        return self._entry.extra

    @property
    def birth_artifact_id(self) -> str | None:
        """Id of the version whose upload first stored these bytes."""
        return self._entry.birth_artifact_id

    @property
    def local_path(self) -> str | None:
        """Where the bytes lie on this machine, while they are not uploaded."""
        return self._entry.local_path

    @property
    def skip_cache(self) -> bool:
        """Whether the bytes are kept out of the local cache."""
        return self._entry.skip_cache

    def ref_target(self) -> str:
        """The URI of a reference.

        Raises:
            InvalidValueError: It is a stored file.
        """
        if self._entry.ref is None:
            raise InvalidValueError(f"{self.path!r} is a stored file and refers to nothing")
        return self._entry.ref

    def ref_url(self) -> str:
        """The URI under which other artifacts refer to it, for `Artifact.add_reference`."""
        artifact = self._artifact
        if artifact.id is None:
            return f"{CLIENT_SCHEME}://{artifact.client_id}/{self.path}"
        return f"{ARTIFACT_SCHEME}://{hex_id(artifact.id)}/{self.path}"

    async def download(
        self, root: str | os.PathLike[str] | None = None, skip_cache: bool = False
    ) -> Path:
        """Bring a folder to hold this one file, at its path; see `Artifact.download`.

        Args:
            root: The folder; None: that of `Artifact.download`.
            skip_cache: Neither take it from the local cache nor keep it there.

        Returns:
            Where the file is.

        Raises:
            DigestMismatchError: The content is not what the manifest promises.
            UsageError: The artifact is a draft, or the folder cannot be written.
            CommError: The server refused or was not reached.
        """
        folder = await self._artifact._fetch([self._entry], root, skip_cache=skip_cache)  # pyright: ignore[reportPrivateUsage]
        return Path(native_path(folder, self.path))
