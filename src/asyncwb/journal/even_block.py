"""Rows that log the same keys in the same order, as ours do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from asyncwb.journal.block import Block, Keyed, places_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from asyncwb.types import Row

__all__ = ["EvenBlock", "Layout", "layout_of"]

_ITEM, _KEY, _STEP = 0x0A, 0x12, 0x12
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


def layout_of(body: bytes) -> Layout | None:
    """The layout of a row; None: it has no simple one.

    Simple: one nested key and a JSON value per item, lengths below 128, `_step` among the keys,
    none twice.
    """
    at = 0
    keys: list[str] = []
    items: list[_Item] = []
    try:
        while at < len(body) and body[at] == _ITEM:
            key_size = body[at + 3]
            value = at + _FIXED + key_size
            head = body[at:value]
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


class EvenBlock(Block):
    """Rows of one layout; made by `match`. Its items are stored key by key."""

    _layout: Layout

    @classmethod
    def match(
        cls,
        data: bytearray,
        starts: NDArray[np.int64],
        ends: NDArray[np.int64],
        size: int,
        layout: Layout,
    ) -> EvenBlock | None:
        """The rows; None: one of them has another layout.

        The bytes between the values are compared with those of the layout.
        """
        octets = np.frombuffer(data, np.uint8)
        at = starts
        begins: list[NDArray[np.int64]] = []
        values: list[NDArray[np.int64]] = []
        for item in layout.items:
            width = 8 * len(item.words)
            value = at + item.size
            head = places_of(data, width)[value - width]
            words = head.view("<u8").reshape(len(at), -1)
            lengths = head.view(np.uint8).reshape(len(at), width)
            # The two lengths in the head depend on the value, and agree.
            inner, length = lengths[:, 1 - item.size], lengths[:, -1]
            good = ((inner | length) < 0x80) & (inner - length == item.difference) & (length > 0)
            for index, (expected, mask) in enumerate(item.words):
                good &= words[:, index] & mask == expected
            if not good.all():
                return None
            begins.append(at)
            values.append(value)
            at = value + length
        # Nothing follows the items, or the step of the row.
        left = ends - at
        good = (left == 0) | ((octets[at] == _STEP) & (octets[at + 1].astype(np.int64) + 2 == left))
        if not good.all():
            return None
        block = cls(data, size, list(layout.keys), np.arange(len(starts)))
        block._layout = layout
        block._begins = np.concatenate(begins)
        block._values = np.concatenate(values)
        block._stops = np.concatenate([*begins[1:], at])
        return block

    def _slice(self, number: int) -> slice:
        return slice(number * len(self), (number + 1) * len(self))

    def _edges(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        return self._begins[: len(self)], self._stops[-len(self) :]

    def _heads(self) -> Iterator[tuple[int, NDArray[np.int64]]]:
        for number, item in enumerate(self._layout.items):
            yield item.size, self._begins[self._slice(number)]

    def _items(self, index: int) -> list[tuple[str, int]]:
        return [(key, n * len(self) + index) for n, key in enumerate(self._layout.keys)]

    def steps(self) -> NDArray[np.int64] | None:
        """The steps of the rows; None: one is no whole number of up to 18 digits."""
        return self._integers(self._slice(self._layout.keys.index("_step")))

    def last(self, places: list[int]) -> dict[int, Row]:
        """The last value of each key, by the place of the row that holds it: the last row."""
        index = int(np.argmax(places))
        return {places[index]: self.row(index)}

    def _by_key(self) -> Iterator[Keyed]:
        width = len(self._layout.keys)
        for number, key in enumerate(self._layout.keys):
            items = self._slice(number)
            yield Keyed(key, items.start, items, slice(number, None, width), None)

    def _dicts(self, values: list[Any]) -> list[Row]:
        keys = self._layout.keys
        groups = zip(*[iter(values)] * len(keys), strict=True)
        return [dict(zip(keys, row, strict=True)) for row in groups]
