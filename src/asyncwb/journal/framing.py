"""Blocks, chunks and checksums of a `.wandb` log, written and read.

A file is a header of seven bytes and blocks of 32768 bytes counted from offset 0. A record is one
chunk, or several where it crosses a block; a chunk is `crc32 | length | type | payload`, the
checksum taken over the type byte and the payload. Fewer than seven bytes at the end of a block
are zero.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import NamedTuple, TypeAlias
from zlib import crc32

from asyncwb.errors import JournalError

__all__ = [
    "BLOCK_BYTES",
    "FILE_HEADER",
    "FIRST",
    "FULL",
    "HEADER_BYTES",
    "LAST",
    "MIDDLE",
    "TYPE_CRC",
    "Damage",
    "FrameScanner",
    "RawRecord",
    "frame",
    "pack_chunk",
]

BLOCK_BYTES = 32768
FILE_HEADER = b":W&B\xe1\xbe\x00"
HEADER_BYTES = 7
FULL, FIRST, MIDDLE, LAST = 1, 2, 3, 4

# A read is at least a block, so that a torn tail of one block is seen whole, and at most this.
_MAX_READ_BYTES = 1 << 20

_CHUNK = struct.Struct("<IHB")
pack_chunk = _CHUNK.pack
_unpack_chunk = _CHUNK.unpack_from
# The checksum of a chunk starts from that of its type byte.
TYPE_CRC = {kind: crc32(bytes((kind,))) for kind in (FULL, FIRST, MIDDLE, LAST)}

ReadAt: TypeAlias = Callable[[int, int], bytes]
"""Bytes of the log: `(offset, size)`, fewer at its end; never waits."""


class RawRecord(NamedTuple):
    """One record, undecoded.

    Attributes:
        payload: Bytes of the record.
        end_position: Position behind it, from which a reader can go on.
    """

    payload: bytes
    end_position: int


class Damage(NamedTuple):
    """A part of a log that could not be read.

    Attributes:
        offset: Position of its first byte.
        length: Bytes that were skipped.
        reason: What is wrong with it.
    """

    offset: int
    length: int
    reason: str


def frame(payload: bytes | bytearray, position: int) -> bytes:
    """Frame a record for the place where it will stand.

    Args:
        payload: Bytes of the record.
        position: End of the log so far; the result goes exactly there.
    """
    out: list[bytes | memoryview] = []
    view, offset, kind = memoryview(payload), 0, FULL
    while True:
        room = BLOCK_BYTES - position % BLOCK_BYTES
        if room < HEADER_BYTES:
            out.append(bytes(room))
            position += room
            room = BLOCK_BYTES
        left = len(payload) - offset
        size = min(left, room - HEADER_BYTES)
        if size == left:
            kind = FULL if kind == FULL else LAST
        else:
            kind = FIRST if kind == FULL else MIDDLE
        part = view[offset : offset + size]
        out += (pack_chunk(crc32(part, TYPE_CRC[kind]), size, kind), part)
        if kind in (FULL, LAST):
            return b"".join(out)
        offset += size
        position += HEADER_BYTES + size


class FrameScanner:
    """Reads the records of a log from a position on; tolerates a torn tail, steps over damage.

    Holds one read and one unfinished record in memory.

    Args:
        read_at: Where bytes come from.
        position: A chunk's start: 0 or the `end_position` of a record.
    """

    def __init__(self, read_at: ReadAt, position: int = 0) -> None:
        self.position = position
        self.damage: list[Damage] = []
        self._read_at = read_at

    def scan(self, max_bytes: int, max_records: int) -> list[RawRecord]:
        """Read records until a bound is met or the log ends; at least one if there is one.

        Args:
            max_bytes: Payload bytes after which no further record is begun.
            max_records: Most records.

        Raises:
            JournalError: This is no `.wandb` log.
        """
        if self.position < HEADER_BYTES and not self._read_header():
            return []
        found: list[RawRecord] = []
        taken = 0
        window = min(max(max_bytes, BLOCK_BYTES), _MAX_READ_BYTES)
        base = self.position
        data = self._read_at(base, window)
        parts: list[bytes] = []  # chunks of a record that is not complete yet
        start = at = base  # of the record, of the chunk
        while len(found) < max_records and (taken < max_bytes or not found):
            room = BLOCK_BYTES - at % BLOCK_BYTES
            if room < HEADER_BYTES:
                at += room
                if not parts:
                    start = at
                continue
            local = at - base
            if len(data) - local < room and len(data) >= window:
                # The block reaches past this read.
                base, local = at, 0
                data = self._read_at(base, window)
            if len(data) - local < HEADER_BYTES:
                break
            crc, size, kind = _unpack_chunk(data, local)
            if size > room - HEADER_BYTES or kind not in TYPE_CRC:
                at = start = self._skip(start, at + room, "no chunk begins here")
                parts = []
                if at > base + len(data):
                    break
                continue
            body = data[local + HEADER_BYTES : local + HEADER_BYTES + size]
            if len(body) < size:
                break
            if crc32(body, TYPE_CRC[kind]) != crc:
                at = start = self._skip(start, at + room, "wrong checksum")
                parts = []
                if at > base + len(data):
                    break
                continue
            if parts and kind in (FULL, FIRST):
                start = self._skip(start, at, "a record without its end")
                parts = []
            at += HEADER_BYTES + size
            if kind == FULL:
                payload = body
            elif kind == FIRST or parts:
                parts.append(body)
                if kind != LAST:
                    continue
                payload = b"".join(parts)
                parts = []
            else:
                start = self._skip(start, at, "a record without its beginning")
                continue
            found.append(RawRecord(payload, at))
            taken += len(payload)
            self.position = start = at
        return found

    def _read_header(self) -> bool:
        """Check the first bytes; False while they are not all there."""
        data = self._read_at(0, HEADER_BYTES)
        if not FILE_HEADER.startswith(data):
            raise JournalError("this is no .wandb log: its first bytes are wrong")
        if len(data) < HEADER_BYTES:
            return False
        self.position = HEADER_BYTES
        return True

    def _skip(self, start: int, end: int, reason: str) -> int:
        """Note a damaged range, joined with the one before where they touch."""
        if self.damage and sum(self.damage[-1][:2]) == start:
            last = self.damage.pop()
            start, reason = last.offset, last.reason
        self.damage.append(Damage(start, end - start, reason))
        self.position = end
        return end
