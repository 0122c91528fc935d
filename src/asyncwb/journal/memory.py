"""Records that have no file: bounded, acknowledged ones freed first."""

from __future__ import annotations

import logging
from bisect import bisect_right
from threading import RLock
from typing import TYPE_CHECKING

from asyncwb.journal.framing import HEADER_BYTES, RawRecord

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["MemoryLog"]

log = logging.getLogger("asyncwb.journal")

# Rough cost of one record beyond its payload: two objects and two list slots.
_OVERHEAD_BYTES = 120
# Rows begin with this byte. The few other records, the last one above all, have room of their own.
_ROW = b"\x12"


class MemoryLog:
    """Records behind the point where a journal's file ended. Thread-safe.

    Args:
        limit: Bytes held at most, and an eighth more for records that are no rows.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.size = 0
        self.lost_rows = 0
        self._lock = RLock()
        self._begin = -1  # position of the first record kept
        self._file_end = -1
        self._released = 0
        self._ends: list[int] = []
        self._payloads: list[bytes] = []

    def warn(self, path: Path | None, reason: str) -> None:
        """Say that rows are kept here, and what for."""
        log.warning(
            "cannot write %s (%s): rows are kept in memory, up to %d bytes, and are lost if the "
            "process dies",
            path,
            reason,
            self.limit,
        )

    def append(self, end: int, payload: bytes) -> int:
        """Keep a record that begins at `end`; returns where it ends, `end` if there was no room."""
        with self._lock:
            if self._begin < 0:
                self._begin = self._file_end = end
            cost = len(payload) + _OVERHEAD_BYTES
            limit = self.limit if payload[:1] == _ROW else self.limit + self.limit // 8
            if self.size + cost > limit:
                self._free()
            if self.size + cost > limit:
                self.lost_rows += 1
                if self.lost_rows == 1:
                    log.warning(
                        "rows are lost from now on: %d bytes in memory wait for the server, and "
                        "there is no room for more",
                        self.size,
                    )
                return end
            self.size += cost
            end += HEADER_BYTES + len(payload)
            self._ends.append(end)
            self._payloads.append(payload)
            return end

    def read(
        self, position: int, max_bytes: int, max_records: int
    ) -> tuple[list[RawRecord], int] | None:
        """Records behind a position and where they begin; None: the position is in the file."""
        if self._begin < 0 or position < self._file_end:
            return None
        with self._lock:
            found: list[RawRecord] = []
            taken = 0
            index = bisect_right(self._ends, position)
            while index < len(self._ends) and len(found) < max_records:
                found.append(RawRecord(self._payloads[index], self._ends[index]))
                taken += len(self._payloads[index])
                index += 1
                if taken >= max_bytes:
                    break
            return found, max(position, self._begin)

    def release(self, position: int) -> None:
        """Free the records that end at or before the position, now or at the next release."""
        self._released = max(self._released, position)
        with self._lock:
            # The front of a list is freed in pieces of half of it: each record moves twice at most.
            middle = len(self._ends) // 2
            if self._ends and self._ends[middle] <= self._released:
                self._free()

    def _free(self) -> None:
        count = bisect_right(self._ends, self._released)
        if count:
            self._begin = self._ends[count - 1]
            self.size -= sum(map(len, self._payloads[:count])) + count * _OVERHEAD_BYTES
            del self._ends[:count], self._payloads[:count]
