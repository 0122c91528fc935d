"""How far a transfer is."""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING, Literal

import msgspec

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["FileMeter", "Meter", "TransferProgress"]

logger = logging.getLogger("asyncwb.artifacts")


class TransferProgress(msgspec.Struct, frozen=True, kw_only=True):
    """The state of an upload or download of a version, as callbacks get it.

    Attributes:
        direction: "up" or "down".
        files_total: Files of the transfer, those included that need not be moved.
        files_done: How many of them are in their place.
        bytes_total: Their bytes.
        bytes_done: Bytes that are there already, or were moved; of files in the middle as well.
    """

    direction: Literal["up", "down"]
    files_total: int
    files_done: int
    bytes_total: int
    bytes_done: int


class Meter:
    """Counts one transfer and tells a callback. Safe to use from several threads.

    Args:
        direction: Of the transfer.
        tell: Called after each change, in the thread that made it. One that raises is not called
            again: a transfer does not fail of its display.
        files: Files of the transfer.
        size: Their bytes.
    """

    def __init__(
        self,
        direction: Literal["up", "down"],
        tell: Callable[[TransferProgress], object] | None,
        *,
        files: int,
        size: int,
    ) -> None:
        self._direction: Literal["up", "down"] = direction
        self._tell = tell
        self._files_total = files
        self._bytes_total = size
        self._files_done = 0
        self._bytes_done = 0
        self._lock = threading.Lock()

    def file(self, size: int | None) -> FileMeter:
        """The part of one file."""
        return FileMeter(self, size or 0)

    def done(self, size: int | None) -> None:
        """Count a whole file."""
        self.count(size or 0, files=1)

    def count(self, size: int, files: int = 0) -> None:
        """Count bytes, and files that are complete."""
        if self._tell is None:
            return
        with self._lock:
            self._files_done += files
            # A file that had to begin anew would count twice.
            self._bytes_done = min(self._bytes_done + size, self._bytes_total)
            try:
                self._tell(
                    TransferProgress(
                        direction=self._direction,
                        files_total=self._files_total,
                        files_done=self._files_done,
                        bytes_total=self._bytes_total,
                        bytes_done=self._bytes_done,
                    )
                )
            except Exception:
                self._tell = None
                logger.exception("a progress callback failed and is not called again")


class FileMeter:
    """The part of one file in a transfer; what is sent twice counts once."""

    def __init__(self, meter: Meter, size: int) -> None:
        self._meter = meter
        self._left = size

    def moved(self, size: int) -> None:
        """Count bytes that were moved."""
        size = min(size, self._left)
        if size:
            self._left -= size
            self._meter.count(size)

    def done(self) -> None:
        """The file is in its place."""
        left, self._left = self._left, 0
        self._meter.count(left, files=1)
