"""Copies of files: by the file system's own clones where it has them, else byte by byte."""

from __future__ import annotations

import errno
import os
import shutil
import stat
import sys
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from asyncwb.artifacts.digest import Hasher, file_digest, new_hasher, text_digest

if TYPE_CHECKING:
    from collections.abc import Generator
    from io import BufferedReader, BufferedWriter

    from asyncwb.artifacts.digest import DigestAlgorithm

__all__ = ["clone_or_copy", "copy_hashing"]

_PIECE_BYTES = 1024 * 1024
_KERNEL_BYTES = 64 * 1024**2
# The ioctl that makes a file share the blocks of another one (btrfs, XFS, bcachefs).
_FICLONE = 0x40049409


def copy_hashing(
    source: str, target: str, algorithm: DigestAlgorithm, *, read_only: bool = True
) -> tuple[str, int]:
    """Copy a file to a new one and hash what was copied. Blocks.

    The digest is that of the copy, whatever happens to the source meanwhile.

    Returns:
        The digest and the number of bytes.

    Raises:
        OSError: The file cannot be read, or the copy not be written; no part of it is left.
    """
    with open(source, "rb", buffering=0) as read, _new(target) as written:
        if _clone(read.fileno(), written.fileno()):
            found = None
        else:
            found = _copy(read.fileno(), written.fileno(), new_hasher(algorithm))
        if read_only:
            os.fchmod(written.fileno(), stat.S_IRUSR)
        if found is None:
            found = file_digest(target, algorithm)
    return found


def clone_or_copy(source: str, target: str) -> None:
    """Copy a file to a new one, as a clone where the file system has them. Blocks.

    Not as a second name of the same file: whoever writes into one would change the other.

    Raises:
        OSError: The file cannot be read, or the copy not be written; no part of it is left.
    """
    with open(source, "rb") as read, _new(target) as written:
        if not _clone(read.fileno(), written.fileno()) and not _copy_inside(read, written):
            shutil.copyfileobj(read, written, _PIECE_BYTES)


@contextmanager
def _new(path: str) -> Generator[BufferedWriter]:
    """A file that nobody had before; what was not written to its end is removed."""
    with open(path, "xb") as file:
        try:
            yield file
            file.flush()
        except BaseException:
            with suppress(OSError):
                os.unlink(path)
            raise


def _copy(source: int, target: int, hasher: Hasher) -> tuple[str, int]:
    buffer = memoryview(bytearray(_PIECE_BYTES))
    size = 0
    while count := os.readv(source, [buffer]):
        piece = buffer[:count]
        hasher.update(piece)
        while piece:
            piece = piece[os.write(target, piece) :]
        size += count
    return text_digest(hasher), size


def _copy_inside(source: BufferedReader, target: BufferedWriter) -> bool:
    """Let the kernel copy, from where the files are to the end. False: it cannot."""
    if not hasattr(os, "copy_file_range"):
        return False
    try:
        while os.copy_file_range(source.fileno(), target.fileno(), _KERNEL_BYTES):
            continue
    except OSError as exc:
        if exc.errno == errno.ENOSPC:
            raise
        # Between file systems, or of a kind that the kernel does not copy: go on from here.
        source.seek(os.lseek(source.fileno(), 0, os.SEEK_CUR))
        target.seek(os.lseek(target.fileno(), 0, os.SEEK_CUR))
        return False
    return True


def _clone(source: int, target: int) -> bool:
    if sys.platform != "linux":
        return False
    import fcntl

    try:
        fcntl.ioctl(target, _FICLONE, source)
    except OSError:
        # Another file system, or one that has no clones.
        return False
    return True
