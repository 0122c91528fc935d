"""Console lines in the two forms that servers take."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from asyncwb.console.lines import ConsoleLines
from asyncwb.filestream import CONSOLE, Block

if TYPE_CHECKING:
    from asyncwb.console.screen import Line

__all__ = ["ConsoleStream"]


class ConsoleStream(ConsoleLines):
    """Console lines on their way to a server.

    Args:
        label: Names this writer in each line; "" for none.

    Attributes:
        structured: Whether lines go as JSON objects, to servers that say that they take them.
    """

    def __init__(self, label: str = "") -> None:
        super().__init__()
        self._label = label
        self.structured = False

    def take(self, offset: int) -> list[Block]:
        """Hand out the changed lines as contiguous blocks, numbered from `offset`."""
        form = self._as_object if self.structured else self._as_text
        blocks: list[Block] = []
        end = -1
        for line in self.take_changed():
            if line.number != end:
                blocks.append(Block(CONSOLE, offset + line.number, []))
            blocks[-1].lines.append(form(line))
            end = line.number + 1
        return blocks

    def _as_text(self, line: Line) -> bytes:
        level = "ERROR " if line.error else ""
        label = f"[{self._label}] " if self._label else ""
        return f"{level}{line.stamp} {label}{line.shown()}".encode(errors="replace")

    def _as_object(self, line: Line) -> bytes:
        # In the order of the `wandb` package.
        parts = {"level": "error"} if line.error else {}
        parts["ts"] = line.stamp
        if self._label:
            parts["label"] = self._label
        parts["content"] = line.shown()
        return msgspec.json.encode(parts)
