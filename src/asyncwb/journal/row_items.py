"""One history or summary record to keys and values, whatever the order of its keys."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, cast

from asyncwb import jsonx
from asyncwb.errors import Error
from asyncwb.journal import records, wire
from asyncwb.journal.rows import record_line

if TYPE_CHECKING:
    from asyncwb.types import Row

__all__ = ["Envelope", "envelope", "item_values", "read_row", "simple_items"]

_ITEM, _KEY, _NUM = 0x0A, 0x12, 0x08
_VALUE = b"\x82\x01"


class Envelope(NamedTuple):
    """The outer message of a record.

    Attributes:
        number: Field number of the body; 0 where the record is unusual or empty.
        start: Where the body begins.
        end: Where it ends.
    """

    number: int
    start: int
    end: int


def envelope(payload: bytes) -> Envelope:
    """Find the body of a record, with an optional record number in front of it.

    Raises:
        JournalError: The bytes are no record.
    """
    at = 0
    size = len(payload)
    if payload[:1] == b"\x08":
        _, at = wire.read_varint(payload, 1, size)
    key, at = wire.read_varint(payload, at, size)
    if key & 7 != wire.LENGTH:
        return Envelope(0, at, at)
    length, at = wire.read_varint(payload, at, size)
    return Envelope(key >> 3, at, at + length) if at + length <= size else Envelope(0, at, at)


def read_row(payload: bytes) -> Row:
    """The row in a history record; nested keys become dicts.

    Raises:
        JournalError: The bytes are no record.
        ProtocolError: A value is not JSON.
    """
    body = envelope(payload)
    items = simple_items(payload, body.start, body.end) if body.number == 2 else None
    if items is None:
        return _general(payload)
    try:
        values = item_values(items)
    except Error:
        return _general(payload)
    row: dict[str, Any] = {}
    for (path, _), value in zip(items, values, strict=True):
        node = row
        for name in path[:-1]:
            child: Any = node.get(name)
            if not isinstance(child, dict):
                child = node[name] = {}
            node = cast("dict[str, Any]", child)
        node[path[-1]] = value
    return row if "_step" in row else _general(payload)


def item_values(items: list[tuple[tuple[str, ...], bytes]]) -> list[Any]:
    """The values of items, decoded at once.

    Raises:
        ProtocolError: One is not JSON.
    """
    values = cast("list[Any]", jsonx.decode(b"[" + b",".join([text for _, text in items]) + b"]"))
    if len(values) != len(items):
        values = [jsonx.decode(text) for _, text in items]
    return values


def _general(payload: bytes) -> Row:
    body = records.decode(payload).body
    record = body if isinstance(body, records.HistoryRecord) else records.HistoryRecord()
    return cast("Row", jsonx.decode(record_line(record)))


def simple_items(
    data: bytes, start: int, end: int, *, whole: bool = False
) -> list[tuple[tuple[str, ...], bytes]] | None:
    """Paths and JSON texts of items that have nested keys and a JSON value; None: others.

    Stops at the first field that is no item: the step of a row. With `whole` there must be none.
    """
    found: list[tuple[tuple[str, ...], bytes]] = []
    at = start
    try:
        while at < end and data[at] == _ITEM:
            size, at = _length(data, at + 1)
            stop = at + size
            path: list[str] = []
            while data[at] == _KEY:
                size, at = _length(data, at + 1)
                path.append(data[at : at + size].decode())
                at += size
            if data[at : at + 2] != _VALUE or not path:
                return None
            size, at = _length(data, at + 2)
            if at + size != stop or size == 0 or stop > end:
                return None
            found.append((tuple(path), data[at:stop]))
            at = stop
    except (IndexError, UnicodeDecodeError):
        return None
    return None if whole and at != end else found


def _length(data: bytes, at: int) -> tuple[int, int]:
    size = data[at]
    if size < 0x80:
        return size, at + 1
    return wire.read_varint(data, at, len(data))
