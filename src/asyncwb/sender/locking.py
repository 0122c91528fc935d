"""Is somebody else at work on a journal?"""

from __future__ import annotations

import os
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from asyncwb.errors import UsageError
from asyncwb.locks import lock

if TYPE_CHECKING:
    from collections.abc import Generator

__all__ = ["exclusive", "writer_of"]

_PROC = Path("/proc")
_ACCESS_MODE = 0o3


@contextmanager
def exclusive(journal: Path) -> Generator[None]:
    """Hold a journal while sending it, so that no second sync of it runs at the same time.

    Raises:
        UsageError: Another sync has it.
    """
    with journal.open("rb") as file:
        try:
            lock(file.fileno())  # file systems without locks do not stop a sync
        except BlockingIOError as exc:
            raise UsageError(f"{journal.parent} is being synced already", exc=exc) from exc
        yield


def writer_of(journal: Path) -> int | None:
    """Id of a living process that has the journal open for writing; None: none is known.

    Works on Linux, for processes that this user may look at, whichever package they use.
    """
    try:
        wanted = journal.stat()
    except OSError:
        return None
    for process in _PROC.glob("[0-9]*"):
        # Processes end and files close while we look.
        with suppress(OSError, ValueError):
            for handle in (process / "fd").iterdir():
                with suppress(OSError, ValueError):
                    found = handle.stat()
                    if (found.st_dev, found.st_ino) == (wanted.st_dev, wanted.st_ino) and _writes(
                        process / "fdinfo" / handle.name
                    ):
                        return int(process.name)
    return None


def _writes(info: Path) -> bool:
    for line in info.read_text().splitlines():
        if line.startswith("flags:"):
            return int(line.split()[1], 8) & _ACCESS_MODE != os.O_RDONLY
    return False
