"""Advisory locks on open files, where the system and the file system have them."""

from __future__ import annotations

import errno
import sys

__all__ = ["lock"]


def lock(descriptor: int, *, shared: bool = False) -> bool:
    """Lock an open file until it is closed, or its process ends. Never waits.

    Args:
        descriptor: The file or folder.
        shared: Beside others who share it.

    Returns:
        Whether it is locked; False where nobody can lock it.

    Raises:
        BlockingIOError: Somebody else has it locked.
    """
    if sys.platform == "win32":
        return False
    import fcntl

    try:
        fcntl.flock(descriptor, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except OSError as exc:
        if exc.errno in (errno.EWOULDBLOCK, errno.EACCES):
            raise BlockingIOError(errno.EWOULDBLOCK, "the file is locked") from exc
        return False
    return True
