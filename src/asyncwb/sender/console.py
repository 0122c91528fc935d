r"""Raw console output -> numbered lines, with the rewriting that `\\r` asks for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from asyncwb.filestream import CONSOLE, Block

if TYPE_CHECKING:
    from datetime import datetime

__all__ = ["MAX_LINE_CHARS", "ConsoleLines"]

MAX_LINE_CHARS = 4096


class _OpenLine(msgspec.Struct):
    """The unfinished line of one stream."""

    number: int
    prefix: str
    text: str = ""
    cursor: int = 0


class ConsoleLines:
    """Lines of stdout and stderr in one numbering, as they appeared.

    A line that is not ended yet is sent too, and again at its number when it changes.
    """

    def __init__(self) -> None:
        self._next = 0
        self._open: dict[bool, _OpenLine] = {}
        self._dirty: dict[int, bytes] = {}

    @property
    def dirty(self) -> bool:
        """Whether lines wait to be sent."""
        return bool(self._dirty)

    def feed(self, text: str, at: datetime, *, error: bool) -> None:
        """Add output of one stream.

        Args:
            text: As written, with newlines and carriage returns.
            at: When, in UTC.
            error: Whether it went to stderr.
        """
        pieces = text.split("\n")
        for position, piece in enumerate(pieces):
            ended = position < len(pieces) - 1
            if piece or ended:
                self._write(piece, at, error=error)
            if ended:
                del self._open[error]

    def _write(self, piece: str, at: datetime, *, error: bool) -> None:
        line = self._open.get(error)
        if line is None:
            stamp = at.strftime("%Y-%m-%dT%H:%M:%S.%f")
            line = _OpenLine(self._next, f"ERROR {stamp} " if error else f"{stamp} ")
            self._open[error] = line
            self._next += 1
        for position, part in enumerate(piece.split("\r")):
            if position:
                line.cursor = 0
            end = line.cursor + len(part)
            line.text = line.text[: line.cursor] + part + line.text[end:]
            line.cursor = end
        self._dirty[line.number] = (line.prefix + line.text[:MAX_LINE_CHARS]).encode(
            errors="replace"
        )

    def take(self, offset: int) -> list[Block]:
        """Hand out the changed lines as contiguous blocks, numbered from `offset`."""
        blocks: list[Block] = []
        end = -1
        for number in sorted(self._dirty):
            if number != end:
                blocks.append(Block(CONSOLE, offset + number, []))
            blocks[-1].lines.append(self._dirty[number])
            end = number + 1
        self._dirty = {}
        return blocks
