"""Files of artifacts by their content, shared by all processes of a user, bounded in size.

The layout is that of the `wandb` package, so both find what the other one left:
`obj/md5/<2 hex>/<30 hex>`. A file appears complete or not at all. Everything here blocks.
"""

from __future__ import annotations

import os
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from asyncwb.artifacts.copying import clone_or_copy
from asyncwb.artifacts.digest import hex_digest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from asyncwb.artifacts.digest import DigestAlgorithm

__all__ = ["DEFAULT_CACHE_BYTES", "FileCache"]

DEFAULT_CACHE_BYTES = 50 * 1024**3
"""How large the cache may become unless a setting says otherwise."""

_FOLDERS: dict[DigestAlgorithm, str] = {"MD5": "md5", "XXH128": "xxh128"}
_LOOK_SECONDS = 60.0
# Below the limit by this share after a clean-up, so that not every file brings the next one.
_ROOM = 0.9
_STALE_SECONDS = 24 * 3600.0


class FileCache:
    """A content-addressed cache. Safe to use from several threads and processes.

    Args:
        root: Its folder; made when the first file is added.
        limit_bytes: How large it may become; the files that were not used for the longest time
            go first. 0: nothing is kept.
    """

    def __init__(self, root: Path, limit_bytes: int = DEFAULT_CACHE_BYTES) -> None:
        self._root = root
        self._limit = limit_bytes
        self._added = 0
        self._next_look = 0.0
        self._mark = os.path.join(root, "trimmed")
        self._lock = threading.Lock()

    @property
    def root(self) -> Path:
        """The folder of the cache."""
        return self._root

    def path(self, digest: str, algorithm: DigestAlgorithm) -> Path:
        """Where the content of a digest lies, if it does."""
        hexadecimal = hex_digest(digest)
        return self._root / "obj" / _FOLDERS[algorithm] / hexadecimal[:2] / hexadecimal[2:]

    def find(self, digest: str, algorithm: DigestAlgorithm, size: int | None) -> Path | None:
        """The cached file of a digest; None: there is none, or one of another size."""
        path = self.path(digest, algorithm)
        try:
            found = path.stat()
        except OSError:
            return None
        if size is not None and found.st_size != size:
            return None
        with suppress(OSError):
            # What was used last goes last; the time of change stays that of the content.
            os.utime(path, ns=(time.time_ns(), found.st_mtime_ns))
        return path

    def add(self, source: Path, digest: str, algorithm: DigestAlgorithm) -> None:
        """Keep a copy of a file whose digest was checked; without harm where it cannot be kept."""
        size = 0
        with suppress(OSError):
            size = source.stat().st_size
        if size > self._limit:
            return
        self._keep(digest, algorithm, size, lambda draft: clone_or_copy(str(source), draft))

    def add_bytes(self, data: bytes | memoryview, digest: str, algorithm: DigestAlgorithm) -> None:
        """Keep a small file whose digest was checked; without harm where it cannot be kept."""

        def write(draft: str) -> None:
            with open(draft, "xb") as file:
                file.write(data)

        if len(data) <= self._limit:
            self._keep(digest, algorithm, len(data), write)

    def _keep(
        self, digest: str, algorithm: DigestAlgorithm, size: int, write: Callable[[str], None]
    ) -> None:
        path = str(self.path(digest, algorithm))
        folder, name = os.path.split(path)
        draft = os.path.join(folder, f".{name}.{os.getpid()}-{time.monotonic_ns():x}")
        try:
            if not os.path.isdir(folder):
                os.makedirs(folder, exist_ok=True)
            write(draft)
            os.replace(draft, path)
        except OSError:
            # A full disk, or a folder of somebody else: a cache must never be what fails.
            with suppress(OSError):
                os.unlink(draft)
            return
        self._added += size
        self._trim_sometimes()

    def discard(self, digest: str, algorithm: DigestAlgorithm) -> None:
        """Forget a file that turned out to be damaged."""
        with suppress(OSError):
            self.path(digest, algorithm).unlink()

    def size(self) -> tuple[int, int]:
        """How many files it holds, and their bytes."""
        files, total = self._files()
        return len(files), total

    def trim(self, limit: int | None = None) -> int:
        """Remove files until the cache is within its limit; the bytes removed.

        Args:
            limit: How large it may be now; None: what it was made with, and some room.
        """
        with suppress(OSError), open(self._mark, "wb"):
            os.utime(self._mark)
        files, total = self._files()
        if total <= (self._limit if limit is None else limit):
            return 0
        wanted = self._limit * _ROOM if limit is None else limit
        removed = 0
        for _, size, place in sorted(files):
            if total - removed <= wanted:
                break
            with suppress(OSError):
                os.unlink(place)
                removed += size
        return removed

    def _files(self) -> tuple[list[tuple[float, int, str]], int]:
        """Time of the last use, size and place of each file, and all sizes together."""
        files: list[tuple[float, int, str]] = []
        total = 0
        now = time.time()
        for folder, _, names in os.walk(self._root / "obj"):
            for name in names:
                place = os.path.join(folder, name)
                try:
                    found = os.stat(place)
                except OSError:
                    continue
                if name.startswith(".") and now - found.st_mtime > _STALE_SECONDS:
                    # The rest of a process that was killed.
                    with suppress(OSError):
                        os.unlink(place)
                    continue
                files.append((found.st_atime, found.st_size, place))
                total += found.st_size
        return files, total

    def _trim_sometimes(self) -> None:
        """Look at the whole cache after a while, or after much was added."""
        with self._lock:
            much = self._added > self._limit * (1 - _ROOM)
            if not much and time.monotonic() < self._next_look:
                return
            self._added = 0
            self._next_look = time.monotonic() + _LOOK_SECONDS
        if much or self._look_is_due():
            self.trim()

    def _look_is_due(self) -> bool:
        """Whether no process has looked for a while; it costs a visit to every file."""
        try:
            return abs(time.time() - os.stat(self._mark).st_mtime) > _LOOK_SECONDS
        except OSError:
            return True
