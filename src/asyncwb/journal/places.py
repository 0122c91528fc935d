"""Where the records of a log are, noted by one reading of it for the next."""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Places", "Window"]

_MOST_RECORDS = 2_000_000


class Window(NamedTuple):
    """Records of one read.

    Attributes:
        stop: Where the next read begins in the file.
        filled: Bytes that were read.
        starts: Where payloads begin in the buffer.
        ends: Where they end.
        apart: Where records of several chunks, which lie behind the window, begin in the file.
        size: End of what is used of the buffer.
        sorted: Whether the payloads lie in the buffer in the order of the log.
    """

    stop: int
    filled: int
    starts: array[int]
    ends: array[int]
    apart: list[int]
    size: int
    sorted: bool


class Places:
    """Places of the records of one file: eight bytes each, of two million at most."""

    def __init__(self) -> None:
        self.file: tuple[int, int] | None = None
        """Device and number of the file that was read."""
        self._windows: dict[int, Window] = {}
        self._left = _MOST_RECORDS

    def note(
        self,
        position: int,
        starts: Sequence[int],
        ends: Sequence[int],
        apart: list[int],
        *,
        stop: int,
        filled: int,
        size: int,
        sorted: bool,  # noqa: A002 - as `Bulk` has it
    ) -> None:
        """Take note of a read that began at a position."""
        self._left -= len(starts)
        if self._left >= 0:
            self._windows[position] = Window(
                stop, filled, array("i", starts), array("i", ends), apart, size, sorted
            )

    def at(self, position: int) -> Window | None:
        """The read that begins at a position, if it is known."""
        return self._windows.get(position)
