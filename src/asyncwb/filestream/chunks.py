"""Bodies of file-stream requests. Pure: no clock, no network.

A body writes lines *at offsets* (line numbers per file), so posting it twice does no harm: that
is what makes every retry exactly-once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = [
    "CONSOLE",
    "EVENTS",
    "HISTORY",
    "MAX_BODY_BYTES",
    "MAX_LINE_BYTES",
    "SUMMARY",
    "Block",
    "Chunk",
]

HISTORY = "wandb-history.jsonl"
EVENTS = "wandb-events.jsonl"
SUMMARY = "wandb-summary.json"
CONSOLE = "output.log"

MAX_LINE_BYTES = 10_383_360
"""Longest line a server takes: 10 MiB less 100 KiB."""

MAX_BODY_BYTES = 10 * 1024 * 1024
"""Line data of one request; a single longest line still fits."""

_encode = msgspec.json.Encoder().encode


class Block(msgspec.Struct):
    """Consecutive lines of one file.

    Attributes:
        file: One of the four file-stream names.
        offset: 0-based number of the first line.
        lines: UTF-8 without newlines.
    """

    file: str
    offset: int
    lines: list[bytes]


class Chunk(msgspec.Struct, kw_only=True):
    """What one call of `FileStream.send` delivers; empty: a heartbeat.

    Attributes:
        blocks: Lines, in the order in which they go out. A file may occur several times.
        uploaded: Run-relative paths of files whose upload succeeded.
        preempting: Announces that the machine may go away.
        exit_code: Ends the run on the server; None while it goes on.
    """

    blocks: list[Block] = []
    uploaded: list[str] = []
    preempting: bool = False
    exit_code: int | None = None

    @property
    def size(self) -> int:
        """Bytes of line data."""
        return sum(len(line) for block in self.blocks for line in block.lines)

    def bodies(self, max_bytes: int = MAX_BODY_BYTES) -> Iterator[bytes]:
        """Yield the request bodies, each with at most `max_bytes` of line data.

        A body holds one contiguous block per file, as the protocol wants. `preempting` travels
        in the first body; `uploaded` and the exit code in the last one, after every line.
        """
        groups = list(_grouped(self.blocks, max_bytes)) or [[]]
        for number, group in enumerate(groups):
            members: list[bytes] = []
            if group:
                files = b",".join(_file_member(block) for block in group)
                members.append(b'"files":{' + files + b"}")
            if number == len(groups) - 1:
                if self.uploaded:
                    members.append(b'"uploaded":' + _encode(self.uploaded))
                if self.exit_code is not None:
                    members.append(b'"complete":true,"exitcode":%d' % self.exit_code)
            if number == 0 and self.preempting:
                members.append(b'"preempting":true')
            yield b"{" + b",".join(members) + b"}"


def _file_member(block: Block) -> bytes:
    # msgspec escapes a list of str in C at several hundred MB/s; bytes would become base64.
    content = _encode([line.decode() for line in block.lines])
    return b'%b:{"offset":%d,"content":%b}' % (_encode(block.file), block.offset, content)


def _grouped(blocks: list[Block], max_bytes: int) -> Iterator[list[Block]]:
    """Cut blocks so that each group is one body."""
    group: list[Block] = []
    names: set[str] = set()
    room = max_bytes
    for block in blocks:
        start = 0
        while start < len(block.lines):
            end, used = _fitting(block.lines, start, room)
            if block.file in names or (end == start and group):
                yield group
                group, names, room = [], set[str](), max_bytes
                continue
            end = max(end, start + 1)  # a line longer than a body travels alone
            group.append(Block(block.file, block.offset + start, block.lines[start:end]))
            names.add(block.file)
            room -= used
            start = end
    if group:
        yield group


def _fitting(lines: list[bytes], start: int, room: int) -> tuple[int, int]:
    """End of the longest run of lines from `start` that fits, and its size."""
    used = 0
    for index in range(start, len(lines)):
        size = len(lines[index])
        if used + size > room:
            return index, used
        used += size
    return len(lines), used
