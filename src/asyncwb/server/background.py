"""The background server's side of `asyncwb.settings.background`: claim, remember, forget."""

from __future__ import annotations

import os
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

import msgspec

from asyncwb.errors import UsageError
from asyncwb.locks import lock
from asyncwb.settings.background import BackgroundServer, state_path

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

__all__ = ["claim", "forget", "one_at_a_time", "remember"]

_CLAIM_SECONDS = 2.0


def claim() -> None:
    """Hold the lock that tells clients that the server lives; the system frees it at any exit.

    Raises:
        UsageError: Another background server holds it.
    """
    path = state_path().with_suffix(".lock")
    path.parent.mkdir(parents=True, exist_ok=True)
    # Never closed, so that the lock lasts as long as the process.
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    deadline = time.monotonic() + _CLAIM_SECONDS
    while not _is_ours(descriptor):
        # A client that looks whether a server lives holds the lock for an instant.
        if time.monotonic() > deadline:
            raise UsageError("Another background server of this user is running.")
        time.sleep(0.01)


def remember(server: BackgroundServer) -> None:
    """Write down where the server is, in one step, readable by its owner alone."""
    path = state_path()
    draft = path.with_suffix(f".{os.getpid()}.tmp")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with open(descriptor, "wb") as file:
        file.write(msgspec.json.encode(server))
    draft.replace(path)


def forget() -> None:
    """Remove what `remember` wrote, at a clean end."""
    with suppress(OSError):
        state_path().unlink()


@contextmanager
def one_at_a_time() -> Generator[None]:
    """Let only one process of this user start or stop the background server at a time."""
    path: Path = state_path().with_suffix(".starting")
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        while not _is_ours(descriptor):
            time.sleep(0.02)
        yield
    finally:
        os.close(descriptor)


def _is_ours(descriptor: int) -> bool:
    try:
        lock(descriptor)
    except BlockingIOError:
        return False
    return True  # also where there are no locks: clients look at the process id instead
