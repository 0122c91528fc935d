"""Reads TensorBoard's event files while they grow.

A file is a sequence of records, each with its length, a checksum of the length, the bytes and a
checksum of these: https://www.tensorflow.org/tutorials/load_data/tfrecord. The second one is not
computed: in Python it would cost more than everything else here, and take the time from the
training. A record that is not whole yet is read again later.
"""

from __future__ import annotations

import logging
import struct
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

from asyncwb.errors import JournalError
from asyncwb.journal import wire

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["Event", "EventFile", "EventValue", "parse_event"]

_log = logging.getLogger("asyncwb.run")

_READ_BYTES = 1 << 20
_HEADER = struct.Struct("<QI")
_FOOTER_BYTES = 4
_FLOAT = struct.Struct("<f")


class EventValue(NamedTuple):
    """One value of an event.

    Attributes:
        tag: Its name.
        plugin: The TensorBoard plugin that shows it; "" where the event does not say.
        kind: "simple_value", "image", "histo", "tensor", or "" for what is not known here.
        number: The simple value.
        message: The bytes of any other kind.
    """

    tag: str
    plugin: str
    kind: str
    number: float = 0.0
    message: bytes = b""


class Event(NamedTuple):
    """One event: values of one step; none for events of other kinds."""

    wall_time: float
    step: int
    values: list[EventValue]


_KINDS = {2: "simple_value", 4: "image", 5: "histo", 8: "tensor"}


def parse_event(data: bytes) -> Event:
    """Decode an `Event` message.

    Raises:
        JournalError: The bytes are no such message.
    """
    wall_time, step, values = 0.0, 0, list[EventValue]()
    for number, _, content in wire.fields(data):
        if number == 1:
            wall_time = wire.read_double(content)
        elif number == 2 and isinstance(content, int):
            step = wire.signed(content)
        elif number == 5 and isinstance(content, bytes):
            values = [_value(item) for field, _, item in wire.fields(content) if field == 1]
    return Event(wall_time, step, values)


def _value(data: int | bytes) -> EventValue:
    tag, plugin, kind, simple, message = "", "", "", 0.0, b""
    for number, wire_type, item in wire.fields(_message(data)):
        if number == 1:
            tag = wire.read_string(item)
        elif number == 9:
            plugin = _plugin(_message(item))
        elif number in _KINDS:
            kind = _KINDS[number]
            message = _message(item)
            if wire_type == wire.FIXED32:
                (simple,) = _FLOAT.unpack(message)
    return EventValue(tag, plugin, kind, simple, message)


def _plugin(metadata: bytes) -> str:
    for number, _, data in wire.fields(metadata):
        if number == 1:
            for inner, _, name in wire.fields(_message(data)):
                if inner == 1:
                    return wire.read_string(name)
    return ""


def _message(value: Any) -> bytes:
    if not isinstance(value, bytes):
        raise JournalError("malformed event: a number where a message should be")
    return value


class EventFile:
    """One event file, read from its beginning.

    Args:
        path: The file.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._position = 0
        self._damaged = False

    def read(self) -> list[Event]:
        """The next events, about a MiB of them; none at the end, which may move on later.

        What comes behind a damaged record is left out, with a warning.

        Raises:
            OSError: The file cannot be read now.
        """
        if self._damaged:
            return []
        with self.path.open("rb") as file:
            file.seek(self._position)
            data = file.read(_READ_BYTES)
            if len(data) >= _HEADER.size:
                (size, _) = _HEADER.unpack_from(data)
                missing = _HEADER.size + size + _FOOTER_BYTES - len(data)
                if missing > 0 and self._checked(data, 0) is not None:
                    data += file.read(missing)
        return self._parse(data)

    def _parse(self, data: bytes) -> list[Event]:
        events: list[Event] = []
        start = 0
        while (size := self._checked(data, start)) is not None:
            begin = start + _HEADER.size
            end = begin + size + _FOOTER_BYTES
            if end > len(data):
                break
            try:
                events.append(parse_event(data[begin : begin + size]))
            except JournalError as error:
                self._give_up(str(error))
                break
            start = end
        self._position += start
        return events

    def _checked(self, data: bytes, start: int) -> int | None:
        """The length of the record at `start`; None without a whole header."""
        if start + _HEADER.size > len(data):
            return None
        size, checksum = _HEADER.unpack_from(data, start)
        if _masked_crc(data[start : start + 8]) != checksum:
            self._give_up("wrong checksum")
            return None
        length: int = size
        return length

    def _give_up(self, reason: str) -> None:
        if not self._damaged:
            self._damaged = True
            _log.warning("%s: %s; what comes later in it is left out", self.path, reason)


@lru_cache(1024)  # most records of a file have one of a few lengths
def _masked_crc(data: bytes) -> int:
    """CRC-32C, rotated and moved as the format asks."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    crc ^= 0xFFFFFFFF
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF
