"""System calls of the journal's file."""

from __future__ import annotations

import logging
import os
from typing import TYPE_CHECKING

from asyncwb.errors import JournalError

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["create_file", "lock_file", "open_file", "read_at", "write_all"]

log = logging.getLogger("asyncwb.journal")

_FLAGS = getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)


def create_file(path: Path) -> int:
    """Open a new file for appending.

    Raises:
        FileExistsError: It exists.
        OSError: It cannot be made.
    """
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_APPEND | _FLAGS, 0o644)


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


def write_all(fd: int, data: bytes) -> None:
    """Write all of `data`, in as many calls as it takes.

    Raises:
        OSError: The disk failed; a part may be written.
    """
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view) :]


def lock_file(fd: int) -> None:
    """Mark the file as being written; some file systems know no locks."""
    try:
        import fcntl

        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (ImportError, OSError) as exc:
        log.debug("the journal cannot be locked: %s", exc)
