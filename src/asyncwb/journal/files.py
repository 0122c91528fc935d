"""System calls of the journal's file."""

from __future__ import annotations

import logging
import os
import threading
from typing import TYPE_CHECKING

from asyncwb.errors import JournalError
from asyncwb.locks import lock

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["SharedFile", "open_file", "read_at", "write_all"]

log = logging.getLogger("asyncwb.journal")

_FLAGS = getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)


class SharedFile:
    """The open file of a live journal: one descriptor for its writer and its reader.

    The last one that lets it go closes it. A thousand live runs have a thousand open files, which
    is below what most systems allow; two for each would not be.

    Attributes:
        fd: The descriptor, for appending and reading; -1 once it is closed.
    """

    __slots__ = ("_lock", "_users", "fd")

    def __init__(self, fd: int) -> None:
        self.fd = fd
        self._users = 1
        self._lock = threading.RLock()

    @classmethod
    def create(cls, path: Path, begin: bytes) -> SharedFile:
        """Make a new file and mark it as being written.

        Raises:
            FileExistsError: It exists.
            OSError: It cannot be made; nothing is left of it.
        """
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_APPEND | _FLAGS, 0o644)
        try:
            write_all(fd, begin)
        except OSError:
            os.close(fd)
            path.unlink(missing_ok=True)
            raise
        _lock_file(fd)
        return cls(fd)

    def share(self) -> SharedFile | None:
        """The file for one more user; None where it is closed, or where reading moves the writer.

        Without `pread` a reader moves the position at which another thread writes.
        """
        with self._lock:
            if self.fd < 0 or not hasattr(os, "pread"):
                return None
            self._users += 1
            return self

    def read_at(self, size: int, offset: int) -> bytes:
        """Read `size` bytes at `offset`, fewer at the end of the file.

        Under the lock: `split` leads the number of a descriptor elsewhere, and between looking it
        up and reading from it another thread may do that.

        Raises:
            OSError: The disk failed.
        """
        with self._lock:
            return read_at(self.fd, size, offset)

    def split(self) -> SharedFile:
        """Give the descriptor to the caller alone; the other users get another one of the file.

        Raises:
            OSError: There are no more descriptors; nothing has changed.
        """
        with self._lock:
            fd, others = self.fd, self._users - 1
            self.fd = os.dup(fd) if others else -1
            self._users = others
            return SharedFile(fd)

    def release(self) -> None:
        """Let it go; once per user."""
        with self._lock:
            self._users -= 1
            if not self._users:
                self.close()

    def close(self) -> None:
        """Close it, whoever uses it. Idempotent, and takes no lock."""
        fd, self.fd = self.fd, -1
        if fd >= 0:
            os.close(fd)


def open_file(path: Path) -> int:
    """Open a file for reading.

    Raises:
        JournalError: It cannot be opened.
    """
    try:
        return os.open(path, os.O_RDONLY | _FLAGS)
    except OSError as exc:
        raise JournalError(f"cannot open {path}: {exc.strerror}", exc=exc) from exc


def read_at(fd: int, size: int, offset: int) -> bytes:
    """Read `size` bytes at `offset`, fewer at the end of the file.

    Raises:
        OSError: The disk failed.
    """
    if hasattr(os, "pread"):
        return os.pread(fd, size, offset)
    os.lseek(fd, offset, os.SEEK_SET)
    return os.read(fd, size)


def write_all(fd: int, data: bytes | memoryview) -> None:
    """Write all of `data`, in as many calls as it takes.

    Raises:
        OSError: The disk failed; a part may be written.
    """
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view) :]


def _lock_file(fd: int) -> None:
    """Mark the file as being written; some file systems know no locks."""
    try:
        held = lock(fd)
    except BlockingIOError:
        held = False
    if not held:
        log.debug("the journal cannot be locked")
