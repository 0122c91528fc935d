"""Large files in the middle of their download: what broke off goes on where it was.

The bytes lie beside their target, under the name of their digest, so that the next download finds
them, whichever process makes it. A lock says who writes. Everything here blocks.
"""

from __future__ import annotations

import os
import threading
from contextlib import suppress
from typing import TYPE_CHECKING

from asyncwb.artifacts.digest import hex_digest
from asyncwb.artifacts.targets import draft_of, remove
from asyncwb.locks import lock

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from asyncwb.artifacts.digest import Hasher

__all__ = ["Partial", "open_partial"]

_READ_BYTES = 1024 * 1024
_FLAGS = os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0)


class Partial:
    """One file that is not complete; made by `open_partial`.

    Attributes:
        path: Where its bytes are.
        resumed: Whether an earlier download left some.
    """

    def __init__(self, path: Path, descriptor: int, *, shared: bool) -> None:
        self.path = path
        self._descriptor = descriptor
        self._notes = path.with_suffix(".ranges")
        self._shared = shared
        self._lock = threading.Lock()
        self._open = True
        self._done: set[tuple[int, int]] = _read_notes(self._notes) if shared else set()
        self.resumed = os.fstat(descriptor).st_size > 0

    def prefix(self) -> int:
        """How many bytes from the beginning on are there."""
        if not self._done:
            return os.fstat(self._descriptor).st_size if not self._notes.exists() else 0
        end = 0
        for start, stop in sorted(self._done):
            if start > end:
                break
            end = max(end, stop)
        return end

    def has(self, start: int, end: int) -> bool:
        """Whether a range is there."""
        return (start, end) in self._done

    def note(self, start: int, end: int) -> None:
        """Remember that a range is there."""
        self._done.add((start, end))
        if self._shared:
            with self._notes.open("a") as file:
                file.write(f"{start} {end}\n")

    def begin_ranges(self, ranges: Iterable[tuple[int, int]], size: int) -> None:
        """From now on the file has holes: only the ranges that were noted count.

        Args:
            ranges: Those that will be asked for.
            size: Of the whole file.
        """
        prefix = self.prefix()
        whole = [one for one in ranges if one[1] <= prefix and one not in self._done]
        if self._shared:
            self._notes.touch()
        self.truncate(min(size, os.fstat(self._descriptor).st_size))
        for start, end in whole:
            self.note(start, end)

    def begin_stream(self) -> int:
        """From now on the file grows at its end; returns where that is."""
        end = self.prefix()
        self._notes.unlink(missing_ok=True)
        self._done.clear()
        self.truncate(end)
        return end

    def truncate(self, size: int) -> None:
        """Forget what is behind a position."""
        os.ftruncate(self._descriptor, size)

    def write(self, pieces: list[bytes], position: int) -> int:
        """Write at a position; returns where that ended."""
        for piece in pieces:
            view = memoryview(piece)
            while view:
                written = self._write_at(view, position)
                view = view[written:]
                position += written
        return position

    def hash(self, hasher: Hasher, start: int, end: int) -> None:
        """Add a range to a hash."""
        buffer = memoryview(bytearray(_READ_BYTES))
        with self.path.open("rb", buffering=0) as file:
            file.seek(start)
            while start < end:
                count = file.readinto(buffer[: min(len(buffer), end - start)])
                hasher.update(buffer[:count])
                start += count or end

    def become(self, target: Path) -> None:
        """Give the file its final name."""
        if os.name == "nt":
            self._release()
        os.replace(self.path, target)
        self._notes.unlink(missing_ok=True)

    def discard(self) -> None:
        """Remove it."""
        remove(self.path)
        remove(self._notes)

    def close(self) -> None:
        """Let others have it; a file that only this download knows is removed."""
        if not self._shared:
            self.discard()
        self._release()

    def _release(self) -> None:
        if self._open:
            self._open = False
            os.close(self._descriptor)

    def _write_at(self, view: memoryview, position: int) -> int:
        if hasattr(os, "pwrite"):
            return os.pwrite(self._descriptor, view, position)
        with self._lock:
            os.lseek(self._descriptor, position, os.SEEK_SET)
            return os.write(self._descriptor, view)


def open_partial(target: Path, digest: str) -> Partial:
    """What there is of a file; a new one where there is nothing, or somebody else writes it.

    Raises:
        OSError: The folder cannot be written.
    """
    path = target.with_name(f".asyncwb-{hex_digest(digest)}.part")
    while True:
        descriptor = os.open(path, _FLAGS, 0o666)
        if not _lock(descriptor):
            os.close(descriptor)
            path = draft_of(target)
            return Partial(path, os.open(path, _FLAGS, 0o666), shared=False)
        with suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(descriptor), os.stat(path)):
                return Partial(path, descriptor, shared=True)
        # Whoever had it finished it between our two steps.
        os.close(descriptor)


def _lock(descriptor: int) -> bool:
    try:
        return lock(descriptor)
    except BlockingIOError:
        return False


def _read_notes(path: Path) -> set[tuple[int, int]]:
    found: set[tuple[int, int]] = set()
    with suppress(OSError, UnicodeDecodeError):
        for line in path.read_text().splitlines(keepends=True):
            start, _, end = line.partition(" ")
            # A line without its end was cut off with its writer.
            if line.endswith("\n") and start.isdigit() and end.strip().isdigit():
                found.add((int(start), int(end)))
    return found
