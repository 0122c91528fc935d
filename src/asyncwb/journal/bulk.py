"""Reading many records of a log at once, without a Python object for each.

A window of the file stays in one buffer, and records are places in it. What is unusual (a record
of several chunks, damage, a torn end) is left to `FrameScanner`, whose rules are the only ones.
"""

from __future__ import annotations

import os
import struct
from typing import TYPE_CHECKING, NamedTuple
from zlib import crc32

from asyncwb.errors import JournalError
from asyncwb.journal.framing import BLOCK_BYTES, FULL, HEADER_BYTES, Damage, FrameScanner
from asyncwb.journal.places import Places

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType
    from typing import Self

__all__ = ["MARGIN", "Bulk", "BulkReader"]

WINDOW_BYTES = 2 << 20
_EXTRA_BYTES = 512 << 10
ROOM_BYTES = 8
"""Between two records there are as many unused bytes at least, as between two of a file."""
MARGIN = 512
"""Unused bytes at both ends of the buffer, so that looking a little too far is harmless."""

_unpack = struct.Struct("<IHB").unpack_from


class Bulk(NamedTuple):
    """Records in a buffer, valid until the next read.

    Attributes:
        data: The buffer; the reader does not look at it again, so it may be changed.
        starts: Where each payload begins, in the order of the log.
        ends: Where each ends.
        size: End of what is used of the buffer.
        sorted: Whether the payloads lie in the buffer in the order of the log.
    """

    data: bytearray
    starts: list[int]
    ends: list[int]
    size: int
    sorted: bool

    def payload(self, index: int) -> bytes:
        """A copy of one payload."""
        return bytes(memoryview(self.data)[self.starts[index] : self.ends[index]])


class BulkReader:
    """Reads the records of a file in order, checksums and all. Not thread-safe.

    Args:
        path: The `.wandb` file.
        position: 0 or the end of a record.
        known: What `places` of an earlier reader of the file noted: most records are then neither
            looked for nor checked again.

    Attributes:
        places: Where the records are that were read.

    Raises:
        JournalError: The file cannot be opened.
    """

    def __init__(self, path: Path, position: int = 0, *, known: Places | None = None) -> None:
        self.places = Places()
        try:
            self._file = path.open("rb", buffering=0)
        except OSError as exc:
            raise JournalError(f"cannot open {path}: {exc.strerror}", exc=exc) from exc
        self._path = path
        found = os.fstat(self._file.fileno())
        self.places.file = found.st_dev, found.st_ino
        same = known is not None and known.file == self.places.file
        self._known = known if same else None
        self._data = bytearray(MARGIN + WINDOW_BYTES + _EXTRA_BYTES + MARGIN)
        self._base: int = 0
        self._filled: int = 0
        self._scanner = FrameScanner(self._read_at, position)

    @property
    def position(self) -> int:
        """Where the next record begins."""
        return self._scanner.position

    @property
    def damage(self) -> list[Damage]:
        """What could not be read so far; a record cut off at the end is not damage."""
        return list(self._scanner.damage)

    def read(self) -> Bulk | None:
        """Read the next records; None at the end so far.

        Raises:
            JournalError: The file is no `.wandb` log, or the disk failed.
        """
        again = self._read_again()
        if again is not None:
            return again
        scanner, data = self._scanner, self._data
        starts: list[int] = []
        apart: list[int] = []
        ends: list[int] = []
        ordered = True
        self._empty()
        if self.position < HEADER_BYTES:
            # The header is checked with the first record.
            found = scanner.scan(1, 1)
            if not found:
                return None
            payload = found[0].payload
            if len(payload) > _EXTRA_BYTES:
                return self._alone(payload)
            extra = self._keep(payload, MARGIN + WINDOW_BYTES, starts, ends)
            ordered = False
            apart.append(0)
        else:
            extra = MARGIN + WINDOW_BYTES
        begin = self.position
        self._fill(begin)
        view = memoryview(data)
        add_start, add_end = starts.append, ends.append
        # All places are of the buffer: `shift` is what lies between them and those of the file.
        shift = MARGIN - self._base
        at, last = MARGIN, MARGIN + self._filled
        block_end = at + BLOCK_BYTES - self._base % BLOCK_BYTES
        while True:
            if block_end - at < HEADER_BYTES:
                at = block_end
                block_end += BLOCK_BYTES
                continue
            if at + HEADER_BYTES > last:
                break
            crc, size, kind = _unpack(data, at)
            body = at + HEADER_BYTES
            end = body + size
            if kind == FULL and end <= block_end and end <= last:
                # The checksum is taken over the type byte and the payload.
                if crc32(view[body - 1 : end]) == crc:
                    add_start(body)
                    add_end(end)
                    at = end
                    continue
            elif last < block_end and self._filled == WINDOW_BYTES and at > MARGIN:
                break  # the rest of this block is in the next window
            place = at - shift
            scanner.position, damage = place, list(scanner.damage)
            found = scanner.scan(1, 1)
            if not found:
                at = scanner.position + shift
                break
            payload = found[0].payload
            if extra + len(payload) > MARGIN + WINDOW_BYTES + _EXTRA_BYTES:
                if starts:
                    scanner.damage = damage
                    break  # it comes first in the next window
                return self._alone(payload)
            extra = self._keep(payload, extra, starts, ends)
            apart.append(place)
            ordered = False
            at = scanner.position + shift
            block_end = at + BLOCK_BYTES - scanner.position % BLOCK_BYTES
            if at >= last:
                break
        scanner.position = at - shift
        view.release()
        if not starts:
            return None
        if 0 not in apart:
            self.places.note(
                begin, starts, ends, apart, stop=scanner.position, filled=self._filled,
                size=extra, sorted=ordered,
            )  # fmt: skip
        return Bulk(data, starts, ends, extra, ordered)

    def _read_again(self) -> Bulk | None:
        """What an earlier reader found here; None: it did not read here, or the file is shorter."""
        window = None if self._known is None else self._known.at(self.position)
        if window is None:
            return None
        begin = self.position
        self._fill(begin)
        extra = MARGIN + WINDOW_BYTES
        for place in window.apart:
            self._scanner.position = place
            found = self._scanner.scan(1, 1)
            payload = found[0].payload if found else b""
            self._data[extra : extra + len(payload)] = payload
            extra += len(payload) + ROOM_BYTES
        if self._filled < window.filled or extra != window.size:
            self._known, self._scanner.position = None, begin
            return None
        self._scanner.position = window.stop
        starts, ends = window.starts.tolist(), window.ends.tolist()
        return Bulk(self._data, starts, ends, extra, window.sorted)

    def _keep(self, payload: bytes, extra: int, starts: list[int], ends: list[int]) -> int:
        """Put a record that is not in one piece in the file behind the window."""
        stop = extra + len(payload)
        self._data[extra:stop] = payload
        starts.append(extra)
        ends.append(stop)
        return stop + ROOM_BYTES

    def _alone(self, payload: bytes) -> Bulk:
        """A record that is longer than all the room there is."""
        data = bytearray(MARGIN) + payload + bytes(MARGIN)
        return Bulk(data, [MARGIN], [MARGIN + len(payload)], MARGIN + len(payload), sorted=True)

    def _empty(self) -> None:
        self._filled = 0

    def _fill(self, base: int) -> None:
        self._base = base
        with memoryview(self._data) as view:
            try:
                self._file.seek(base)
                self._filled = self._file.readinto(view[MARGIN : MARGIN + WINDOW_BYTES]) or 0
            except OSError as exc:
                raise JournalError(f"cannot read {self._path}: {exc.strerror}", exc=exc) from exc

    def _read_at(self, offset: int, size: int) -> bytes:
        if self._base <= offset and offset + size <= self._base + self._filled:
            start = offset - self._base + MARGIN
            return bytes(memoryview(self._data)[start : start + size])
        try:
            self._file.seek(offset)
            return self._file.read(size) or b""
        except OSError as exc:
            raise JournalError(f"cannot read {self._path}: {exc.strerror}", exc=exc) from exc

    def close(self) -> None:
        """Close the file. Idempotent."""
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        exc: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
