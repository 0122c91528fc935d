"""The end of a journal: records that were read and not taken yet, and the wait for more."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from asyncwb.journal import JournalReader, RawRecord
    from asyncwb.portal.alarm import Alarm

__all__ = ["Tail"]

_SLICE_BYTES, _SLICE_RECORDS = 256 * 1024, 256
_IDLE_SECONDS, _LOOK_SECONDS = 3600.0, 0.5


class Tail:
    """Reads a journal in slices.

    Args:
        reader: At the start of the journal.
        alarm: Rung when the journal grew.

    Attributes:
        waiting: Records that nobody took yet, at most a slice.
    """

    __slots__ = ("_alarm", "_reader", "waiting")

    def __init__(self, reader: JournalReader, alarm: Alarm) -> None:
        self._reader = reader
        self._alarm = alarm
        # A list: an empty deque would be 700 bytes per idle run.
        self.waiting: list[RawRecord] = []

    def read(self) -> bool:
        """Read a slice; False: the journal has no more for now."""
        batch = self._reader.read_batch(_SLICE_BYTES, _SLICE_RECORDS)
        self.waiting.extend(batch)
        return bool(batch)

    def take(self) -> RawRecord:
        """Take the next record."""
        return self.waiting.pop(0)

    async def sleep(self, seconds: float = _IDLE_SECONDS, *, asleep: bool = True) -> None:
        """Sleep until the alarm rings, at most so long; `asleep`: new records ring it."""
        if asleep and not self._reader.sleep():
            self.read()
            if self.waiting:
                return
            # Another process writes this journal, and nobody tells.
            seconds = min(seconds, _LOOK_SECONDS)
        await self._alarm.sleep(seconds)
