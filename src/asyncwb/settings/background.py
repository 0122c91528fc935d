"""The background embedded server of this user: what it left for clients to find it.

`asyncwb server start` writes its address and key to a file of mode 600 and holds a lock while it
lives. A lock, unlike a process id, cannot be left behind by `kill -9` or be reused.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

from asyncwb.locks import lock
from asyncwb.settings.sources import config_dir

__all__ = ["BackgroundServer", "background_server", "is_locked", "state_path"]


class BackgroundServer(msgspec.Struct, frozen=True, kw_only=True):
    """A running background server."""

    pid: int
    url: str
    api_key: str
    entity: str
    data_dir: str
    started: float
    """Seconds since the epoch."""

    def __repr__(self) -> str:
        """Without the key."""
        return f"BackgroundServer(pid={self.pid}, url={self.url!r}, entity={self.entity!r})"

    __str__ = __repr__


def state_path(environ: Mapping[str, str] | None = None) -> Path:
    """The file that the background server writes; its lock lies beside it."""
    return config_dir(environ) / "asyncwb-server.json"


def background_server(environ: Mapping[str, str] | None = None) -> BackgroundServer | None:
    """The running background server, or None. A file that a killed server left is not believed."""
    path = state_path(environ)
    try:
        server = msgspec.json.decode(path.read_bytes(), type=BackgroundServer)
    except (OSError, msgspec.MsgspecError):
        return None
    return server if is_locked(path.with_suffix(".lock"), server.pid) else None


def is_locked(path: Path, pid: int) -> bool:
    """Whether a living process holds the lock; where locks are missing, whether `pid` lives."""
    try:
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_CLOEXEC", 0))
    except OSError:
        return False
    try:
        return not lock(descriptor, shared=True) and _lives(pid)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except PermissionError:
        return True
    except OSError:
        return False
    return True
