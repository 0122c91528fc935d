"""One export at a time writes into a folder."""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

from asyncwb.errors import UsageError
from asyncwb.locks import lock

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
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        try:
            held = lock(descriptor)
        except BlockingIOError as exc:
            raise UsageError(
                f"another export is writing into {folder}: wait for its end, or choose "
                "another place",
                exc=exc,
            ) from exc
        yield held
    finally:
        os.close(descriptor)
