"""Rows of a batch whose values are known places of a buffer, read all at once with numpy.

What lies between the values is overwritten with commas and blanks: the rest is one JSON list of
all values.
"""

from __future__ import annotations

import json
import struct
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, NamedTuple, cast

import msgspec
import numpy as np

from asyncwb import jsonx
from asyncwb.columns import Column, Columns
from asyncwb.columns.column import column_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from asyncwb.types import JSON, Row

__all__ = ["Block", "Keyed", "places_of"]

_decode = msgspec.json.Decoder(list[Any]).decode
_decode_numbers = msgspec.json.Decoder(list[float]).decode
_OPEN, _CLOSE = 0x5B, 0x5D
_PIECE_VALUES = 4096
_PAIRS = tuple((ord(pair[0]), ord(pair[1])) for pair in ('""', "[]", "{}"))
_MINUS = ord("-")
_FAR = 64
_INT_DIGITS = 18


class Keyed(NamedTuple):
    """The items of one key.

    Attributes:
        key: The key.
        first: The first of them.
        items: Which items, of the block's places.
        listed: The same, of values in the order of the buffer.
        rows: int64: their rows; None: one item per row.
    """

    key: str
    first: int
    items: NDArray[np.int64] | slice
    listed: NDArray[np.int64] | slice
    rows: NDArray[np.int64] | None


class Block(ABC):
    """Rows that hold nothing but simple items: one nested key, a JSON value, both short.

    Its kinds know where the items of a row are: those of `EvenBlock` have the same keys in the
    same order, those of `MixedBlock` any.

    Args:
        data: The buffer, with a margin at both ends.
        size: End of what is used of it.
        names: Keys by number; those of items are texts.
        rows: int64: indexes of the rows among the records that were looked at.

    Attributes:
        rows: The same.
    """

    _begins: NDArray[np.int64]
    """Where items begin."""
    _values: NDArray[np.int64]
    """Where their values begin."""
    _stops: NDArray[np.int64]
    """Where they end."""

    def __init__(
        self, data: bytearray, size: int, names: list[str | None], rows: NDArray[np.int64]
    ) -> None:
        self.rows = rows
        self._data = data
        self._octets = np.frombuffer(data, np.uint8)
        self._size = size
        self._names = cast("list[str]", names)
        self._list: list[Any] | None = None

    def __len__(self) -> int:
        """Number of rows."""
        return len(self.rows)

    @abstractmethod
    def _by_key(self) -> Iterator[Keyed]:
        """The keys of the block, each with its items."""

    @abstractmethod
    def _edges(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Where the first item of each row begins, and the last one ends."""

    @abstractmethod
    def _heads(self) -> Iterator[tuple[int, NDArray[np.int64]]]:
        """Lengths from the beginning of items to their values, and where these items begin."""

    @abstractmethod
    def _items(self, index: int) -> list[tuple[str, int]]:
        """Keys and items of a row."""

    @abstractmethod
    def _dicts(self, values: list[Any]) -> list[Row]:
        """The rows of all values in the order of the buffer."""

    @abstractmethod
    def steps(self) -> NDArray[np.int64] | None:
        """The steps of the rows; None: one is no whole number of up to 18 digits."""

    @abstractmethod
    def last(self, places: list[int]) -> dict[int, Row]:
        """The last value of each key, by the place of the row that holds it.

        Args:
            places: Of the rows in their log.

        Raises:
            ProtocolError: A value is no JSON.
        """

    def row(self, index: int) -> Row:
        """One of the rows, also after the others have been read.

        Raises:
            ProtocolError: A value is no JSON.
        """
        return {key: self._value(item) for key, item in self._items(index)}

    def _value(self, item: int) -> JSON:
        text = bytes(self._data[int(self._values[item]) : int(self._stops[item])])
        return cast("JSON", jsonx.decode(text))

    def columns(self) -> Columns | None:
        """The rows as columns; overwrites the buffer. None: a value is no JSON."""
        count = len(self.rows)
        texts = self._blanked()
        numbers = self._numbers(texts)
        if numbers is None and self._listed(texts) is None:
            return None
        columns: dict[str, Column] = {}
        nulls: dict[str, NDArray[np.bool_]] = {}
        for keyed in self._by_key():
            column = self._column(keyed, numbers, texts)
            if column is None:
                return None
            if column.present is not None:
                # every item is there: what has no value is null
                nulls[keyed.key] = np.zeros(count, np.bool_)
                rows = slice(None) if keyed.rows is None else keyed.rows
                nulls[keyed.key][rows] = ~column.present
            spread = column if keyed.rows is None else column.spread(keyed.rows, count)
            columns[keyed.key] = spread
        return Columns(count, columns, nulls)

    def _column(
        self, keyed: Keyed, numbers: NDArray[np.float64] | None, texts: list[memoryview]
    ) -> Column | None:
        if numbers is not None:
            first = self._data[int(self._values[keyed.first]) : int(self._stops[keyed.first])]
            if not first.lstrip(b"-").isdigit():
                return Column(numbers[keyed.listed])
            # They were read as floats: whole numbers are read again, exactly.
            whole = self._integers(keyed.items)
            if whole is not None:
                return Column(whole)
        values = self._listed(texts)
        if values is None:
            return None
        if isinstance(keyed.listed, slice):
            return column_of(values[keyed.listed])
        return column_of([values[item] for item in keyed.listed.tolist()])

    def _integers(self, items: NDArray[np.int64] | slice) -> NDArray[np.int64] | None:
        """Some values; None: one is no whole number of up to 18 digits."""
        at, stop = self._values[items], self._stops[items]
        negative = self._octets[at] == _MINUS
        at = at + negative
        longest = int((stop - at).max())
        if longest > _INT_DIGITS or (at == stop).any():
            return None
        result = np.zeros(len(at), np.int64)
        for offset in range(longest):
            here = at + offset
            more = here < stop
            digit = self._octets[here] - np.uint8(ord("0"))
            if (digit[more] > 9).any():
                return None
            result = np.where(more, result * 10 + digit, result)
        return np.where(negative, -result, result)

    def dicts(self) -> list[Row] | None:
        """The rows as dicts; overwrites the buffer. None: a value is no JSON."""
        values = self._listed(self._blanked())
        return None if values is None else self._dicts(values)

    def _numbers(self, texts: list[memoryview]) -> NDArray[np.float64] | None:
        """All values as floats; None: some are no numbers."""
        numbers = np.empty(len(self._values), np.float64)
        at = 0
        for text in texts:
            try:
                listed = _decode_numbers(text)
            except msgspec.MsgspecError:
                return None
            if at + len(listed) > len(numbers):
                return None
            struct.pack_into(f"{len(listed)}d", numbers.data, 8 * at, *listed)
            at += len(listed)
        return numbers if at == len(numbers) else None

    def _listed(self, texts: list[memoryview]) -> list[Any] | None:
        """All values; None: one is no JSON."""
        if self._list is None:
            values: list[Any] = []
            for text in texts:
                try:
                    values += _decode(text)
                except msgspec.MsgspecError:
                    try:
                        # NaN, infinities and large numbers
                        values += cast("list[Any]", json.loads(bytes(text)))
                    except (ValueError, RecursionError):
                        return None
            if len(values) != len(self._values) or not self._closed():
                return None
            self._list = values
        return self._list

    def _closed(self) -> bool:
        """Whether every value that begins like a text, list or object also ends like one.

        Values that are JSON only together with their neighbours must not be taken for theirs.
        """
        first, last = self._octets[self._values], self._octets[self._stops - 1]
        return not any(
            ((first == opening) & (last != closing)).any() for opening, closing in _PAIRS
        )

    def _blanked(self) -> list[memoryview]:
        """JSON lists of all values: everything else becomes commas and blanks."""
        data = self._data
        for size, begins in self._heads():
            places_of(data, size)[begins] = _void(b"," + b" " * (size - 1))
        # From the last value of a row to the first item of the next one.
        first, last = self._edges()
        begin, end = last[:-1], first[1:]
        gap = end - begin
        eight, blanks = places_of(data, 8), _void(b" " * 8)
        for offset in range(0, int(np.minimum(gap, _FAR).max(initial=0)), 8):
            eight[np.minimum(begin + offset, end - 8)] = blanks
        for index in np.flatnonzero(gap > _FAR).tolist():
            low, high = int(begin[index]), int(end[index])
            data[low:high] = b" " * (high - low)
        # Pieces that fit into a cache with what is made of them.
        rows = max(1, _PIECE_VALUES * len(first) // len(self._values))
        view = memoryview(data)
        texts: list[memoryview] = []
        for low, high in zip(first[::rows].tolist(), _ends(last, rows), strict=True):
            data[low], data[high] = _OPEN, _CLOSE
            texts.append(view[low : high + 1])
        return texts


def _ends(last: NDArray[np.int64], rows: int) -> list[int]:
    """Where pieces of so many rows end."""
    ends: list[int] = last[rows - 1 :: rows].tolist()
    return ends if len(last) % rows == 0 else [*ends, int(last[-1])]


def places_of(data: bytearray, width: int) -> NDArray[np.void]:
    """Every place of a buffer as a value of that many bytes."""
    return np.ndarray((len(data) - width + 1,), f"V{width}", data, 0, (1,))


def _void(text: bytes) -> Any:
    """Bytes as one value that numpy stores in one go."""
    return np.frombuffer(text, f"V{len(text)}")[0]
