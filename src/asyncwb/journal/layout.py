"""Rows of one layout, read all at once with numpy.

Rows that log the same keys in the same order differ in the lengths and texts of their values
alone. The bytes between the values are compared with those of the first such row and then
overwritten with commas and blanks: what is left is one JSON list of all values.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple, cast

import msgspec
import numpy as np

from asyncwb import jsonx
from asyncwb.columns import Column, Columns, from_values
from asyncwb.columns.column import column_of
from asyncwb.journal.bulk import MARGIN

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from asyncwb.types import JSON, Row

__all__ = ["Layout", "Matched", "Text", "layout_of"]

_decode = msgspec.json.Decoder(list[Any]).decode
_decode_numbers = msgspec.json.Decoder(list[float]).decode
_HISTORY, _ITEM, _KEY, _STEP = 0x12, 0x0A, 0x12, 0x12
_BLANK, _OPEN, _CLOSE = 0x20, 0x5B, 0x5D
_PAIRS = tuple((ord(pair[0]), ord(pair[1])) for pair in ('""', "[]", "{}"))
_MINUS = ord("-")
_ROOM = 8
_FAR = 64
_INT_DIGITS = 18
_MAX_KEYS = 2_000
_FIXED = 7
"""Bytes of an item besides key and value: tag, length, tag, length, tag (2), length."""


class _Item(NamedTuple):
    """One key: the bytes before its value, as the last words before the value."""

    size: int
    words: tuple[tuple[np.uint64, np.uint64], ...]
    difference: np.uint8


class Layout(NamedTuple):
    """Keys of a row in their order."""

    keys: tuple[str, ...]
    items: tuple[_Item, ...]


class Text(NamedTuple):
    """Records in a buffer with a margin at both ends.

    Attributes:
        data: The buffer.
        starts: int64, ascending: where payloads begin.
        ends: int64: where they end.
        size: End of what is used.
    """

    data: bytearray
    starts: NDArray[np.int64]
    ends: NDArray[np.int64]
    size: int

    @classmethod
    def of(cls, payloads: list[bytes]) -> Text:
        """Payloads in a new buffer, with room between them: blanks are written eight at a time."""
        margin = bytes(MARGIN)
        data = bytearray(bytes(_ROOM).join([margin, *payloads, margin]))
        lengths = np.fromiter(map(len, payloads), np.int64, len(payloads))
        ends = np.cumsum(lengths + _ROOM) + MARGIN
        return cls(data, ends - lengths, ends, len(data) - MARGIN)

    def payload(self, index: int) -> bytes:
        """A copy of one payload."""
        return bytes(self.data[int(self.starts[index]) : int(self.ends[index])])


def layout_of(payload: bytes) -> Layout | None:
    """The layout of a history record of our own kind; None: it has no simple one.

    Simple: no record number, one nested key and a JSON value per item, lengths below 128, `_step`
    among the keys, none twice.
    """
    if payload[:1] != b"\x12":
        return None
    at = 1
    while at < len(payload) and payload[at] >= 0x80:
        at += 1
    at += 1
    keys: list[str] = []
    items: list[_Item] = []
    try:
        while at < len(payload) and payload[at] == _ITEM:
            key_size = payload[at + 3]
            value = at + _FIXED + key_size
            head = payload[at:value]
            simple = head[2] == _KEY and 0 < key_size < 0x80 and head[-3:-1] == b"\x82\x01"
            if not simple or head[1] >= 0x80 or head[-1] == 0 or len(keys) >= _MAX_KEYS:
                return None
            keys.append(head[4:-3].decode())
            items.append(_item(head))
            at = value + head[-1]
    except (IndexError, UnicodeDecodeError):
        return None
    if "_step" not in keys or len(set(keys)) != len(keys):
        return None
    return Layout(tuple(keys), tuple(items))


def _item(head: bytes) -> _Item:
    size = len(head)
    width = -(-size // 8) * 8
    known = bytearray(b"\xff" * size)
    known[1] = known[-1] = 0  # the two lengths depend on the value
    mask = bytes(width - size) + bytes(known)
    expected = bytes(a & b for a, b in zip(bytes(width - size) + head, mask, strict=True))
    words = zip(np.frombuffer(expected, "<u8"), np.frombuffer(mask, "<u8"), strict=True)
    return _Item(size, tuple((value, of) for value, of in words), np.uint8(size - 2))


class Matched:
    """The rows of a text that have one layout, and where their values are.

    Attributes:
        layout: The layout.
        rows: int64: indexes of the rows that have it.
    """

    def __init__(self, layout: Layout, text: Text) -> None:
        self.layout = layout
        self._text = text
        self._data = np.frombuffer(text.data, np.uint8)
        self._windows: dict[int, NDArray[np.void]] = {}
        self._begins: list[NDArray[np.int64]] = []
        self._values: list[NDArray[np.int64]] = []
        self.rows = np.arange(len(text.starts))
        self._walk()

    @property
    def is_all(self) -> bool:
        """Whether every row of the text has the layout."""
        return len(self.rows) == len(self._text.starts)

    def _walk(self) -> None:
        """Follow the items of all rows in step; rows that differ fall out."""
        octets = self._data
        starts = self._text.starts
        at = starts + 1
        for _ in range(4):
            more = octets[at] >= 0x80
            if not more.any():
                break
            at += more
        at += 1
        at = self._keep(octets[starts] == _HISTORY, at)
        for item in self.layout.items:
            width = 8 * len(item.words)
            value = at + item.size
            head = self._places(width)[value - width]
            words = head.view("<u8").reshape(len(at), -1)
            # The two lengths in the head depend on the value, and agree.
            inner, length = head.view(np.uint8).reshape(len(at), width)[:, [-item.size + 1, -1]].T
            good = ((inner | length) < 0x80) & (inner - length == item.difference) & (length > 0)
            for index, (expected, mask) in enumerate(item.words):
                good &= words[:, index] & mask == expected
            self._begins.append(at)
            self._values.append(value)
            at = self._keep(good, value + length)
            if not len(self.rows):
                return
        # Nothing follows the items, or the step of the row.
        left = self._text.ends[self.rows] - at
        good = (left == 0) | ((octets[at] == _STEP) & (octets[at + 1].astype(np.int64) + 2 == left))
        self._begins.append(at)
        self._keep(good, at)

    def _keep(self, good: NDArray[np.bool_], at: NDArray[np.int64]) -> NDArray[np.int64]:
        if good.all():
            return at
        self.rows = self.rows[good]
        self._begins = [places[good] for places in self._begins]
        self._values = [places[good] for places in self._values]
        return at[good]

    def _places(self, width: int) -> NDArray[np.void]:
        """Every place of the buffer as a value of that many bytes."""
        found = self._windows.get(width)
        if found is None:
            shape = (len(self._text.data) - width + 1,)
            found = np.ndarray(shape, f"V{width}", self._text.data, 0, (1,))
            self._windows[width] = found
        return found

    def others(self) -> NDArray[np.int64]:
        """Indexes of the rows that have another layout."""
        rest = np.ones(len(self._text.starts), np.bool_)
        rest[self.rows] = False
        return np.flatnonzero(rest)

    def copy(self) -> Matched:
        """The rows that have the layout in a buffer of their own."""
        payloads = [self._text.payload(index) for index in self.rows.tolist()]
        return Matched(self.layout, Text.of(payloads))

    def row(self, index: int) -> Row:
        """One of the rows, also after `values`.

        Raises:
            ProtocolError: A value is no JSON.
        """
        data = self._text.data
        row: Row = {}
        for number, key in enumerate(self.layout.keys):
            start, stop = self._values[number][index], self._begins[number + 1][index]
            row[key] = cast("JSON", jsonx.decode(bytes(data[int(start) : int(stop)])))
        return row

    def steps(self) -> NDArray[np.int64] | None:
        """The steps of the rows; None: one is no whole number of up to 18 digits."""
        return self._integers(self.layout.keys.index("_step"))

    def _integers(self, number: int) -> NDArray[np.int64] | None:
        """The values under one key; None: one is no whole number of up to 18 digits."""
        at, stop = self._values[number], self._begins[number + 1]
        negative = self._data[at] == _MINUS
        at = at + negative
        longest = int((stop - at).max())
        if longest > _INT_DIGITS or (at == stop).any():
            return None
        result = np.zeros(len(at), np.int64)
        for offset in range(longest):
            here = at + offset
            more = here < stop
            digit = self._data[here] - np.uint8(ord("0"))
            if (digit[more] > 9).any():
                return None
            result = np.where(more, result * 10 + digit, result)
        return np.where(negative, -result, result)

    def columns(self) -> Columns | None:
        """The rows as columns, where every row has the layout; overwrites the buffer.

        None: a value is no JSON.
        """
        text = self._blanked()
        keys, count = self.layout.keys, len(self.rows)
        try:
            listed = _decode_numbers(text)
            numbers = np.fromiter(listed, np.float64, len(listed))
        except msgspec.MsgspecError:
            values = self._values_of(text)
            if values is None:
                return None
            width = len(keys)
            return from_values(count, {k: values[i::width] for i, k in enumerate(keys)})
        if len(numbers) != count * len(keys):
            return None
        table = numbers.reshape(count, -1)
        columns: dict[str, Column] = {}
        for index, key in enumerate(keys):
            columns[key] = Column(table[:, index])
            if self._begins_whole(index):
                # They were read as floats: whole numbers are read again, exactly.
                whole = self._integers(index)
                if whole is not None:
                    columns[key] = Column(whole)
                elif (values := self._values_of(text)) is not None:
                    columns[key] = column_of(values[index :: len(keys)])
        return Columns(count, columns)

    def _begins_whole(self, number: int) -> bool:
        """Whether the first value under a key is a whole number."""
        start, stop = int(self._values[number][0]), int(self._begins[number + 1][0])
        return self._text.data[start:stop].lstrip(b"-").isdigit()

    def values(self) -> list[Any] | None:
        """All values, row by row, where every row has the layout; overwrites the buffer.

        Returns:
            `len(rows) * len(keys)` values; None: a value is no JSON.
        """
        return self._values_of(self._blanked())

    def _values_of(self, text: bytearray) -> list[Any] | None:
        try:
            values = _decode(text)
        except msgspec.MsgspecError:
            try:
                # NaN, infinities and large numbers
                values = cast("list[Any]", json.loads(bytes(text)))
            except (ValueError, RecursionError):
                return None
        fits = len(values) == len(self.rows) * len(self.layout.keys)
        return values if fits and self._closed() else None

    def _closed(self) -> bool:
        """Whether every value that begins like a text, list or object also ends like one.

        Values that are JSON only together with their neighbours must not be taken for theirs.
        """
        octets = self._data
        for begin, stop in zip(self._values, self._begins[1:], strict=True):
            first, last = octets[begin], octets[stop - 1]
            for opening, closing in _PAIRS:
                if ((first == opening) & (last != closing)).any():
                    return False
        return True

    def _blanked(self) -> bytearray:
        """The JSON list of all values: everything else becomes commas and blanks."""
        data, size = self._text.data, self._text.size
        for item, at in zip(self.layout.items, self._begins, strict=False):
            self._places(item.size)[at] = _void(b"," + b" " * (item.size - 1))
        # From the last value of a row to the first item of the next one; the margin is before all.
        first, last = self._begins[0], self._begins[-1]
        begin = np.empty_like(first)
        begin[0], begin[1:] = MARGIN - 8, last[:-1]
        gap = first - begin
        eight, blanks = self._places(8), _void(b" " * 8)
        for offset in range(0, int(np.minimum(gap, _FAR).max()), 8):
            eight[np.minimum(begin + offset, first - 8)] = blanks
        for index in np.flatnonzero(gap > _FAR).tolist():
            low, high = int(begin[index]), int(first[index])
            data[low:high] = b" " * (high - low)
        tail = int(last[-1])
        data[tail : size + 1] = b" " * (size + 1 - tail)
        data[MARGIN - 8] = _OPEN
        data[int(first[0])] = _BLANK
        data[size] = _CLOSE
        return data[MARGIN - 8 : size + 1]


def _void(text: bytes) -> Any:
    """Bytes as one value that numpy stores in one go."""
    return np.frombuffer(text, f"V{len(text)}")[0]
