"""Building a draft: what is added to it and taken from it."""

from __future__ import annotations

from contextlib import AbstractContextManager, contextmanager
from pathlib import PurePath
from typing import IO, TYPE_CHECKING, Any, cast

from asyncwb.artifacts.contents import Contents, files_below
from asyncwb.artifacts.fields import ArtifactFields
from asyncwb.artifacts.names import check_path
from asyncwb.errors import InvalidValueError, UsageError
from asyncwb.portal import PORTAL

if TYPE_CHECKING:
    import os
    from collections.abc import Generator

    from asyncwb.artifacts.contents import Policy
    from asyncwb.artifacts.entry import Named, Referable
    from asyncwb.artifacts.manifest import ManifestEntry
    from asyncwb.media.base import Media

__all__ = ["ArtifactBuilding"]

_FILES_PER_JOB = 64
_WRITING_MODES = frozenset({"x", "w", "xb", "wb", "xt", "wt"})


class ArtifactBuilding(ArtifactFields):
    """The building of an artifact; nothing here needs a server."""

    async def add_file(  # sync: here
        self,
        local_path: str | os.PathLike[str],
        name: str | None = None,
        is_tmp: bool = False,
        skip_cache: bool = False,
        policy: Policy = "mutable",
        overwrite: bool = False,
    ) -> ManifestEntry:
        """Add one file. Returns when it is hashed, and copied where it may change.

        Hashing and copying run in a thread: the caller's loop goes on.

        Args:
            local_path: The file.
            name: Its path in the artifact, with `/`; None: the file's own name.
            is_tmp: Name the file after its content instead, its folder and suffixes are kept.
            skip_cache: Keep it out of the local cache.
            policy: "mutable": what is logged is the content of this moment, a copy of it (a clone
                where the file system has them). "immutable": the file stays where it is, and must
                not change until the artifact is logged.
            overwrite: Replace other content of this path.

        Returns:
            The entry in the manifest.

        Raises:
            InvalidValueError: It is no file, cannot be read, the name leads out of the artifact,
                or other content has it.
            UsageError: The artifact is logged already; make a new draft of it.
        """
        contents = self._open_contents("add_file()")
        return await PORTAL.in_thread(
            contents.add_file,
            local_path,
            name,
            is_tmp=is_tmp,
            policy=policy,
            skip_cache=skip_cache,
            overwrite=overwrite,
        )

    async def add_dir(  # sync: here
        self,
        local_path: str | os.PathLike[str],
        name: str | None = None,
        skip_cache: bool = False,
        policy: Policy = "mutable",
        merge: bool = False,
    ) -> None:
        """Add every file below a folder, links followed; several are hashed at once.

        Args:
            local_path: The folder.
            name: Folder in the artifact; None: its root.
            skip_cache: Keep the files out of the local cache.
            policy: See `add_file`.
            merge: Replace files whose content changed since they were added.

        Raises:
            InvalidValueError: It is no folder, or without `merge` other content has a path.
                Files that were hashed before stay added.
            UsageError: The artifact is logged already; make a new draft of it.
        """
        contents = self._open_contents("add_dir()")
        files = await PORTAL.in_thread(files_below, local_path, name)
        options: dict[str, Any] = {
            "policy": policy,
            "skip_cache": skip_cache,
            "overwrite": merge,
        }
        await PORTAL.in_thread(_add_in_threads, contents, files, options)

    async def add_reference(  # sync: here
        self,
        uri: Referable | str,
        name: str | os.PathLike[str] | None = None,
        checksum: bool = True,
        max_objects: int | None = None,
    ) -> list[ManifestEntry]:
        """Add a reference: its bytes stay where they are, the artifact remembers which they were.

        `file:`, `http(s):`, `s3:`, `gs:`, Azure (`https://<account>.blob.core.windows.net/...`)
        and `wandb-artifact:` are known; the stores need `pip install 'asyncwb[references]'`. A
        folder, or a prefix in a store, becomes one entry for each file below it. Other schemes
        can be referred to, and are not downloaded.

        Args:
            uri: What is referred to; or the entry of another artifact, from `get_entry`.
            name: Path in the artifact; None: by the URI.
            checksum: Look at what is there, so that a change is noticed later. False: the URI
                alone is remembered; of folders in stores nothing below them.
            max_objects: How many entries may come of it; default: 10,000,000.

        Returns:
            The new entries.

        Raises:
            InvalidValueError: It is no URI, points to nothing or to too much, or other content
                has a path.
            UnsupportedError: The package that knows the store is not installed.
            UsageError: The artifact is logged already; make a new draft of it.
            CommError: The place refused or was not reached.
        """
        contents = self._open_contents("add_reference()")
        path = None if name is None else check_path(name)
        if not isinstance(uri, str):
            from asyncwb.artifacts.references.versions import known_entry

            entries = [known_entry(uri, path)]
        else:
            entries = await self._reference_entries(uri, path, checksum, max_objects)
        contents.add_entries(entries)
        return entries

    async def add(  # sync: here
        self, obj: Media, name: str | os.PathLike[str], overwrite: bool = False
    ) -> ManifestEntry:
        """Add a table, an image or another value; `get` gives it back as what it was.

        What is added is what it is now: a table may change right afterwards. Its files are
        encoded in a thread. One that came from another version becomes a reference to it, and so
        does a table that an online run has logged as it is now; the same value is added once.

        Args:
            obj: A `Table`, `JoinedTable`, `PartitionedTable`, `Classes`, `Image`, `Audio`,
                `Video`, `Html`, `Molecule`, `Bokeh` or `Object3D` of points.
            name: Its path, to which the suffix of its type is added: "train" becomes
                "train.table.json".
            overwrite: Whether it replaces what has this path, which otherwise stays.

        Returns:
            The entry in the manifest.

        Raises:
            InvalidValueError: It is no such value, its name leads out of the artifact, or it
                cannot be written.
            UsageError: The artifact is logged already; make a new draft of it.
        """
        from asyncwb.artifacts.objects.adding import ObjectWriter, check_addable

        contents = self._open_contents("add()")
        value = check_addable(obj).as_logged()
        if self._objects is None:
            self._objects = ObjectWriter(contents, refers=True)
        stored = await PORTAL.in_thread(
            self._objects.put, value, check_path(name), overwrite=overwrite
        )
        return contents.manifest.entries[stored.path]

    async def _reference_entries(
        self, uri: str, name: str | None, checksum: bool, max_objects: int | None
    ) -> list[ManifestEntry]:
        from asyncwb.artifacts.references.adding import local_entries, remote_entries
        from asyncwb.artifacts.references.places import MAX_OBJECTS, Wanted

        wanted = Wanted(uri, name, checksum, MAX_OBJECTS if max_objects is None else max_objects)
        entries = await PORTAL.in_thread(local_entries, wanted)
        if entries is None:
            entries = await PORTAL.acall(remote_entries, wanted, self._service)
        return entries

    def new_file(
        self,
        name: str,
        mode: str = "x",
        encoding: str | None = None,
        policy: Policy = "mutable",
    ) -> AbstractContextManager[IO[Any]]:
        """Write a new file of the artifact: `with artifact.new_file("notes.txt") as file:`.

        It is added at the end of the block; after an exception it is not. Writing blocks like any
        file does.

        Args:
            name: Path in the artifact, with `/`.
            mode: "x" (default) or "w", with "b" for bytes; "w" replaces what has this path.
            encoding: Of text; UTF-8 by default.
            policy: Accepted for compatibility; the file is the artifact's own.

        Raises:
            InvalidValueError: The name leads out of the artifact, other content has it, or the
                mode is another one.
            UsageError: The artifact is logged already; make a new draft of it.
        """
        contents = self._open_contents("new_file()")
        path = check_path(name)
        if mode not in _WRITING_MODES:
            raise InvalidValueError(f"mode is 'x', 'w', 'xb' or 'wb', got {mode!r}")
        if "x" in mode and path in contents.manifest.entries:
            raise InvalidValueError(f"{path!r} is in the artifact already; mode='w' replaces it")
        return _written(contents, path, mode, encoding)

    def remove(self, item: str | os.PathLike[str] | Named) -> None:
        """Remove a file, a reference, or everything below a folder of the artifact.

        Args:
            item: Its path in the artifact, or its entry.

        Raises:
            FileNotFoundError: The artifact has no such path.
            UsageError: The artifact is logged already; make a new draft of it.
        """
        contents = self._open_contents("remove()")
        named = isinstance(item, str) or hasattr(item, "__fspath__")
        path = check_path(cast("str", item)) if named else cast("Named", item).path
        if not contents.remove(path):
            raise FileNotFoundError(f"the artifact has no file or folder {path!r}")

    def get_added_local_path_name(self, local_path: str | os.PathLike[str]) -> str | None:
        """The path in the artifact of a local file that was added; None for others."""
        return None if self._contents is None else self._contents.added_name(local_path)

    def _open_contents(self, call: str) -> Contents:
        contents = self._contents
        if self._final or contents is None:
            raise UsageError(
                f"{call} of an artifact that is logged or final: its content never changes; "
                "`await artifact.new_draft()` makes the next version"
            )
        return contents


@contextmanager
def _written(contents: Contents, path: str, mode: str, encoding: str | None) -> Generator[IO[Any]]:
    place = contents.staging.place(PurePath(path).name)
    with open(place, mode, encoding=None if "b" in mode else encoding or "utf-8") as file:
        yield file
    contents.add_file(place, path, policy="immutable", skip_cache=True, overwrite="w" in mode)


def _add_in_threads(
    contents: Contents, files: list[tuple[str, str]], options: dict[str, Any]
) -> None:
    """Hash files on the portal's threads; this one works as well, so that it never only waits."""
    jobs = [files[start : start + _FILES_PER_JOB] for start in range(0, len(files), _FILES_PER_JOB)]
    handed = [(PORTAL.executor.submit(contents.add_files, job, **options), job) for job in jobs[1:]]
    if jobs:
        contents.add_files(jobs[0], **options)
    for future, job in reversed(handed):
        # What no other thread has begun is done here.
        if future.cancel():
            contents.add_files(job, **options)
    for future, _ in handed:
        if not future.cancelled():
            future.result()
