"""A download folder and the files that come to it. Everything here blocks.

A file is written under a name of its own, checked, and renamed: under its final name it is complete
or not there at all.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from asyncwb.artifacts.copying import copy_hashing
from asyncwb.artifacts.digest import bytes_digest, file_digest
from asyncwb.artifacts.names import native_path
from asyncwb.artifacts.partial import Partial, open_partial
from asyncwb.artifacts.receipts import Receipts
from asyncwb.artifacts.targets import draft_of, make_folder, remove, unwritable
from asyncwb.errors import DigestMismatchError, InvalidValueError, UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from asyncwb.artifacts.cache import FileCache
    from asyncwb.artifacts.manifest import ManifestEntry
    from asyncwb.artifacts.progress import Meter

__all__ = ["Placing"]


class Placing:
    """Brings files into one folder. Safe to use from several threads.

    Args:
        root: The folder; made when it is missing.
        cache: Where files are found, and kept.
        use_cache: Whether the cache may serve and keep files.
    """

    def __init__(self, root: Path, cache: FileCache, *, use_cache: bool) -> None:
        self._root = root
        self._cache = cache
        self._use_cache = use_cache
        self._receipts = Receipts(cache.root / "receipts", root)
        self._folders: set[str] = set()

    def open(self) -> None:
        """Read what earlier downloads left word of."""
        self._receipts.load()

    def close(self) -> None:
        """Leave word of what is in the folder."""
        self._receipts.store()

    def settle(self, entries: Sequence[ManifestEntry], meter: Meter) -> list[ManifestEntry]:
        """Those of some entries that are neither in the folder nor in the cache.

        Raises:
            UsageError: The folder cannot be written.
        """
        missing: list[ManifestEntry] = []
        root = f"{self._root}{os.sep}"
        for entry in entries:
            # Paths of manifests are checked; where a file is written, they are once more.
            target = root + entry.path
            if not self._receipts.vouches_for(entry, target):
                if self._is_right(entry, target):
                    self._receipts.note(entry, target)
                elif not self._from_cache(entry):
                    missing.append(entry)
                    continue
            meter.done(entry.size)
        return missing

    def begin(self, entry: ManifestEntry) -> tuple[Path, Path]:
        """Where a file is written first, in a folder that exists, and where it goes then.

        Raises:
            InvalidValueError: The path would leave the folder.
            UsageError: The folder cannot be written.
        """
        target = Path(native_path(self._root, entry.path))
        self._make_folder(target)
        return draft_of(target), target

    def begin_large(self, entry: ManifestEntry) -> tuple[Partial, Path]:
        """What there is of a file already, and where it goes when it is complete.

        Raises:
            InvalidValueError: The path would leave the folder.
            UsageError: The folder cannot be written.
        """
        _, target = self.begin(entry)
        try:
            return open_partial(target, entry.digest), target
        except OSError as exc:
            raise unwritable(target, exc) from exc

    def finish(self, entry: ManifestEntry, partial: Partial, target: Path, digest: str) -> None:
        """Check a large file that was written, and let it have its name.

        Raises:
            DigestMismatchError: It has another digest than the entry.
            UsageError: The folder cannot be written.
        """
        if digest != entry.digest:
            partial.discard()
            raise DigestMismatchError(entry.path, expected=entry.digest, got=digest)
        try:
            partial.become(target)
        except OSError as exc:
            raise unwritable(target, exc) from exc
        if self._use_cache and not entry.skip_cache:
            self._cache.add(target, entry.digest, entry.algorithm)
        self._receipts.note(entry, target)

    def place(self, entry: ManifestEntry, data: bytes | memoryview) -> None:
        """Write a small file.

        Raises:
            DigestMismatchError: It has another digest than the entry.
            InvalidValueError: The path would leave the folder.
            UsageError: The folder cannot be written.
        """
        digest = bytes_digest(data, entry.algorithm)
        if digest != entry.digest:
            raise DigestMismatchError(entry.path, expected=entry.digest, got=digest)
        draft, target = self.begin(entry)
        try:
            with open(draft, "wb") as file:
                file.write(data)
                file.flush()
                written = os.fstat(file.fileno())
            os.replace(draft, target)
        except OSError as exc:
            remove(draft)
            raise unwritable(target, exc) from exc
        if self._use_cache and not entry.skip_cache:
            self._cache.add_bytes(data, entry.digest, entry.algorithm)
        self._receipts.remember(entry, written)

    def place_all(
        self, files: Sequence[tuple[ManifestEntry, memoryview]]
    ) -> list[DigestMismatchError | UsageError | None]:
        """Write small files; what went wrong with each."""
        problems: list[DigestMismatchError | UsageError | None] = []
        for entry, data in files:
            try:
                self.place(entry, data)
            except (DigestMismatchError, UsageError) as exc:
                problems.append(exc)
            else:
                problems.append(None)
        return problems

    def _from_cache(self, entry: ManifestEntry) -> bool:
        if not self._use_cache:
            return False
        found = self._cache.find(entry.digest, entry.algorithm, entry.size)
        if found is None:
            return False
        draft, target = self.begin(entry)
        try:
            digest, _ = copy_hashing(str(found), str(draft), entry.algorithm, read_only=False)
            if digest != entry.digest:
                self._cache.discard(entry.digest, entry.algorithm)
                return False
            draft.replace(target)
        except OSError as exc:
            raise unwritable(target, exc) from exc
        finally:
            with suppress(OSError):
                draft.unlink()
        self._receipts.note(entry, target)
        return True

    def _make_folder(self, target: Path) -> None:
        folder = str(target.parent)
        if folder in self._folders:
            return
        try:
            make_folder(self._root, target)
        except InvalidValueError:
            raise
        except OSError as exc:
            raise unwritable(target, exc) from exc
        self._folders.add(folder)

    def _is_right(self, entry: ManifestEntry, target: str) -> bool:
        """Whether the folder has the file already, by its content."""
        try:
            found = os.stat(target)
            if entry.size is not None and found.st_size != entry.size:
                return False
            return file_digest(target, entry.algorithm)[0] == entry.digest
        except OSError:
            return False
