"""One export at a time writes into a folder."""

from __future__ import annotations

import errno
import os
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

from asyncwb.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

__all__ = ["exclusive"]


@contextmanager
def exclusive(folder: Path) -> Generator[bool]:
    """Hold a folder; the lock is on the folder itself and goes with the process.

    Yields:
        Whether it is held: False where the system or the file system cannot lock a folder.

    Raises:
        UsageError: Another export holds it.
        OSError: It cannot be opened.
    """
    if sys.platform == "win32":
        yield False
        return
    import fcntl

    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        held = True
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as exc:
            if exc.errno in (errno.EWOULDBLOCK, errno.EACCES):
                raise UsageError(
                    f"another export is writing into {folder}: wait for its end, or choose "
                    "another place",
                    exc=exc,
                ) from exc
            held = False
        yield held
    finally:
        os.close(descriptor)
