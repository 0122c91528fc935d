"""What a version holds, and its way to a folder."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from asyncwb.artifacts.building import ArtifactBuilding
from asyncwb.artifacts.digest import file_digest
from asyncwb.artifacts.entry import ArtifactEntry
from asyncwb.artifacts.fetching import Fetching, fetch_manifest
from asyncwb.artifacts.folders import download_root
from asyncwb.artifacts.names import check_path, native_path
from asyncwb.artifacts.targets import is_draft
from asyncwb.errors import DigestMismatchError, InvalidValueError, UsageError
from asyncwb.portal import PORTAL, on_loop

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from asyncwb.artifacts.manifest import Manifest, ManifestEntry
    from asyncwb.artifacts.progress import TransferProgress
    from asyncwb.media.base import Media

__all__ = ["ArtifactReading"]


class ArtifactReading(ArtifactBuilding):
    """The content of an artifact."""

    @property
    def manifest(self) -> Manifest:  # sync: loaded
        """Everything it holds.

        Raises:
            UsageError: It is a version whose manifest was not asked for; await `load()`.
        """
        return self._require_manifest()

    async def load(self) -> Manifest:  # sync: here
        """Ask the server for the manifest of a version, once; what a draft holds is known.

        Raises:
            CommError: The server refused or was not reached.
        """
        return self._manifest or await self._load_manifest()

    @on_loop
    async def _load_manifest(self) -> Manifest:
        service = self._remote("load()")
        node = self._require("load()")
        self._manifest = await fetch_manifest(service, node.id, self.qualified_name)
        return self._manifest

    def get_entry(self, name: str | os.PathLike[str]) -> ArtifactEntry:  # sync: loaded
        """The entry of a path: its digest and size, and a way to download it alone.

        Raises:
            KeyError: The artifact has no such path.
            UsageError: The manifest of a version was not asked for; await `load()`.
        """
        path = check_path(name)
        entry = self._require_manifest().entries.get(path)
        if entry is None:
            raise KeyError(f"the artifact {self.name} has no file {path!r}")
        return ArtifactEntry(self, entry)

    def get_path(self, name: str | os.PathLike[str]) -> ArtifactEntry:  # sync: loaded
        """An older name of `get_entry`."""
        return self.get_entry(name)

    @on_loop
    async def get(self, name: str | os.PathLike[str]) -> Media | None:
        """A value that was added with `add`, with its files; they are downloaded where needed.

        Logged or added elsewhere, it becomes a reference to this version.

        Args:
            name: The name that it was added under, with or without its suffix.

        Returns:
            The value, of the type that was added; None: there is none of that name.

        Raises:
            ProtocolError: What is there cannot be read.
            DigestMismatchError: A file is not what the manifest promises.
            UsageError: It is a draft, or the folder of `download` cannot be written.
            CommError: The server refused or was not reached.
        """
        from asyncwb.artifacts.objects.reading import object_entry, read_object

        self._require("get()")
        entry = object_entry(await self.load(), check_path(name))
        return None if entry is None else await read_object(self, entry)

    async def download(
        self,
        root: str | os.PathLike[str] | None = None,
        allow_missing_references: bool = False,
        skip_cache: bool = False,
        path_prefix: str | os.PathLike[str] | None = None,
        multipart: bool | None = None,
        progress: Callable[[TransferProgress], object] | None = None,
    ) -> Path:
        """Bring a folder to hold the files of the version; what is there and right stays.

        Each file is checked against its digest and appears complete or not at all; what broke off
        is finished by the next call. Other files in the folder are left alone. References are
        fetched from where they point to; those of schemes that nobody knows are left out.

        Args:
            root: The folder; None: `artifacts/<name>:<version>`.
            allow_missing_references: Leave out references to what is gone.
            skip_cache: Neither take files from the local cache nor keep them there.
            path_prefix: Only files whose path begins with this.
            multipart: Fetch files in ranges, several at once; None: those of 2 GiB and more whose
                first connection brings less than 100 MB/s.
            progress: Told how far the stored files are, in threads of asyncwb; must be quick. One
                that raises is logged, and not called again.

        Returns:
            The folder.

        Raises:
            DigestMismatchError: Content is not what the manifest promises.
            FileNotFoundError: What a reference points to is gone.
            UsageError: It is a draft, or the folder cannot be written.
            CommError: The server refused or was not reached.
        """
        self._require("download()")
        manifest = await self.load()
        prefix = "" if path_prefix is None else Path(path_prefix).as_posix()
        return await self._fetch(
            [entry for entry in manifest if entry.path.startswith(prefix)],
            root,
            skip_cache=skip_cache,
            multipart=multipart,
            allow_missing=allow_missing_references,
            whole=not prefix,
            progress=progress,
        )

    @on_loop
    async def _fetch(
        self,
        entries: Sequence[ManifestEntry],
        root: str | os.PathLike[str] | None,
        *,
        skip_cache: bool = False,
        multipart: bool | None = None,
        allow_missing: bool = False,
        whole: bool = False,
        progress: Callable[[TransferProgress], object] | None = None,
    ) -> Path:
        """Bring a folder to hold some entries; returns the folder."""
        service = self._remote("download()")
        self._require("download()")
        folder = self._default_root(service.settings.artifact_dir) if root is None else Path(root)
        fetching = Fetching(
            service,
            folder,
            use_cache=not skip_cache,
            multipart=multipart,
            allow_missing=allow_missing,
            progress=progress,
        )
        await fetching.fetch(self._where, entries, whole=whole)
        return folder

    async def file(self, root: str | os.PathLike[str] | None = None) -> Path:
        """Download the only file of a version.

        Args:
            root: The folder; None: that of `download`.

        Returns:
            Where the file is.

        Raises:
            InvalidValueError: The version has no file, or several.
            UsageError: It is a draft, or the folder cannot be written.
            CommError: The server refused or was not reached.
        """
        self._require("file()")
        entries = list(await self.load())
        if len(entries) != 1:
            raise InvalidValueError(
                f"{self.qualified_name} has {len(entries)} files, not one: use download(), or "
                "get_entry(path).download()"
            )
        return await ArtifactEntry(self, entries[0]).download(root)

    async def checkout(self, root: str | os.PathLike[str] | None = None) -> Path:
        """Make a folder hold exactly the files of the version: every other file is deleted.

        Args:
            root: The folder; None: `artifacts/<name>`.

        Returns:
            The folder.

        Raises:
            UsageError: It is a draft, or the folder cannot be written.
            CommError: The server refused or was not reached.
        """
        service = self._remote("checkout()")
        self._require("checkout()")
        manifest = await self.load()
        if root is None:
            folder = self._default_root(service.settings.artifact_dir, versioned=False)
        else:
            folder = Path(root)
        await PORTAL.in_thread(_remove_others, manifest, folder)
        return await self.download(folder)

    async def verify(self, root: str | os.PathLike[str] | None = None) -> None:
        """Check that a folder holds exactly the files of the version.

        References count as files that may be there; their content is not looked at.

        Args:
            root: The folder; None: where `download` puts it.

        Raises:
            DigestMismatchError: A file has other content.
            InvalidValueError: A file is missing, or one is there that the version does not have.
            UsageError: It is a draft.
            CommError: The server refused or was not reached.
        """
        service = self._remote("verify()")
        self._require("verify()")
        manifest = await self.load()
        folder = self._default_root(service.settings.artifact_dir) if root is None else Path(root)
        await PORTAL.in_thread(_verify, manifest, folder)

    def _default_root(self, artifact_dir: str | None, *, versioned: bool = True) -> Path:
        name = self.source_name
        if not versioned:
            name = name.partition(":")[0]
        return download_root(artifact_dir) / (name if os.name != "nt" else name.replace(":", "-"))


def _verify(manifest: Manifest, folder: Path) -> None:
    """Compare a folder with a manifest; blocks.

    Raises:
        DigestMismatchError: A file has other content.
        InvalidValueError: A file is missing, or one is there that the version does not have.
    """
    found = {
        file.relative_to(folder).as_posix()
        for file in folder.rglob("*")
        # What broke off and may still be finished is not there yet.
        if not file.is_dir() and not is_draft(file)
    }
    extra = sorted(found - manifest.entries.keys())
    if extra:
        raise InvalidValueError(f"{folder} has files that the artifact does not have: {extra[:5]}")
    for entry in manifest:
        if entry.ref is not None:
            continue
        path = native_path(folder, entry.path)
        try:
            digest, _ = file_digest(path, entry.algorithm)
        except OSError as exc:
            raise InvalidValueError(f"{path} cannot be read: {exc}", exc=exc) from exc
        if digest != entry.digest:
            raise DigestMismatchError(entry.path, expected=entry.digest, got=digest)


def _remove_others(manifest: Manifest, folder: Path) -> None:
    """Delete files that the version does not have; blocks.

    Raises:
        UsageError: One cannot be deleted.
    """
    for file in folder.rglob("*"):
        if file.is_dir() and not file.is_symlink():
            continue
        if file.relative_to(folder).as_posix() not in manifest.entries:
            try:
                file.unlink()
            except OSError as exc:
                raise UsageError(f"{file} cannot be deleted: {exc}", exc=exc) from exc
