"""The contents of a draft: files are hashed, and copied where they may change, as they are added.

Everything here blocks for files and for nothing else; `Artifact` calls it from a thread.
"""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeAlias

from asyncwb.artifacts.copying import copy_hashing
from asyncwb.artifacts.digest import file_digest, hex_digest
from asyncwb.artifacts.manifest import Manifest, ManifestEntry
from asyncwb.artifacts.names import check_path
from asyncwb.errors import InvalidValueError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from asyncwb.artifacts.staging import Staging

__all__ = ["Contents", "Policy", "files_below"]

Policy: TypeAlias = Literal["mutable", "immutable"]

_TEMPORARY_NAME = 20


class Contents:
    """Manifest and local files of one draft. Safe to use from several threads.

    Args:
        manifest: What is in it so far.
        staging: Where copies go.
    """

    def __init__(self, manifest: Manifest, staging: Staging) -> None:
        self.manifest = manifest
        self.staging = staging
        self._lock = threading.Lock()
        self._names: dict[str, str] = {}

    def add_file(
        self,
        source: str | os.PathLike[str],
        name: str | os.PathLike[str] | None = None,
        *,
        is_tmp: bool = False,
        policy: Policy | None = None,
        skip_cache: bool = False,
        overwrite: bool = False,
    ) -> ManifestEntry:
        """Hash one file and add it.

        Raises:
            InvalidValueError: It is no file, cannot be read, its name cannot be one, or other
                content has the name.
        """
        local = os.fspath(source)
        if not os.path.isfile(local):
            raise InvalidValueError(f"{local!r} is no file")
        mutable = _is_mutable(policy)
        path = check_path(os.path.basename(local) if name is None else name)
        entry = self._read(local, path, mutable=mutable, skip_cache=skip_cache)
        if is_tmp:
            folder, _, last = path.rpartition("/")
            suffixes = last.partition(".")[2]
            short = hex_digest(entry.digest)[:_TEMPORARY_NAME]
            entry.path = "/".join(filter(None, (folder, f"{short}.{suffixes}".rstrip("."))))
        self._add([(local, entry)], overwrite=overwrite)
        return entry

    def add_files(
        self,
        files: Iterable[tuple[str, str]],
        *,
        policy: Policy | None = None,
        skip_cache: bool = False,
        overwrite: bool = False,
    ) -> None:
        """Hash several files and add them.

        Args:
            files: Where each is, and its path in the artifact.
            policy: See `Artifact.add_file`.
            skip_cache: See `Artifact.add_file`.
            overwrite: Whether they replace other content of the same paths.

        Raises:
            InvalidValueError: As for `add_file`; none of them is added then.
        """
        mutable = _is_mutable(policy)
        found = [
            (local, self._read(local, check_path(path), mutable=mutable, skip_cache=skip_cache))
            for local, path in files
        ]
        self._add(found, overwrite=overwrite)

    def added_name(self, local: str | os.PathLike[str]) -> str | None:
        """The path in the artifact of a file that was added; None for others."""
        return self._names.get(os.fspath(local))

    def add_entries(self, entries: Sequence[ManifestEntry]) -> None:
        """Add references.

        Raises:
            InvalidValueError: Other content has the path of one; none of them is added then.
        """
        with self._lock:
            for entry in entries:
                self.manifest.check(entry)
            for entry in entries:
                self.manifest.add(entry)

    def remove(self, path: str) -> list[ManifestEntry]:
        """Remove an entry or a folder; see `Manifest.remove`."""
        with self._lock:
            return self.manifest.remove(path)

    def _read(self, local: str, path: str, *, mutable: bool, skip_cache: bool) -> ManifestEntry:
        algorithm = self.manifest.algorithm
        place = local
        try:
            if mutable:
                place = self.staging.place(local)
                digest, size = copy_hashing(local, place, algorithm)
            else:
                place = os.path.abspath(local)
                digest, size = file_digest(local, algorithm)
        except OSError as exc:
            raise InvalidValueError(f"{local!r} cannot be read or copied: {exc}", exc=exc) from exc
        return ManifestEntry(
            path=path,
            digest=digest,
            size=size,
            extra={"alg": "XXH128"} if algorithm == "XXH128" else {},
            local_path=place,
            skip_cache=skip_cache,
        )

    def _add(self, found: list[tuple[str, ManifestEntry]], *, overwrite: bool) -> None:
        with self._lock:
            if not overwrite:
                for _, entry in found:
                    self.manifest.check(entry)
            for local, entry in found:
                self.manifest.add(entry, overwrite=True)
                self._names[local] = entry.path


def files_below(folder: str | os.PathLike[str], name: str | None) -> list[tuple[str, str]]:
    """Every file below a folder, links followed, each folder once: place and path in the artifact.

    Raises:
        InvalidValueError: It is no folder, or the name cannot be one.
    """
    top = os.fspath(folder)
    if not os.path.isdir(top):
        raise InvalidValueError(f"{top!r} is no folder")
    prefix = "" if not name or name.strip("/") in {"", "."} else check_path(name) + "/"
    found: list[tuple[str, str]] = []
    # A link to a folder above would have no end.
    seen: set[tuple[int, int]] = set()
    for where, folders, files in os.walk(top, followlinks=True):
        state = os.stat(where)
        if (state.st_dev, state.st_ino) in seen:
            folders.clear()
            continue
        seen.add((state.st_dev, state.st_ino))
        folders.sort()
        relative = Path(where).relative_to(top).as_posix()
        below = prefix if relative == "." else f"{prefix}{relative}/"
        found += [(os.path.join(where, file), below + file) for file in sorted(files)]
    return found


def _is_mutable(policy: Policy | None) -> bool:
    if policy not in (None, "mutable", "immutable"):
        raise InvalidValueError(f"policy is 'mutable' or 'immutable', got {policy!r}")
    return policy != "immutable"
