"""Rows whose keys come in any order, as the `wandb` package writes them."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np

from asyncwb.journal.block import Block, Keyed
from asyncwb.journal.keys import MAX_KEY_BYTES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from asyncwb.journal.keys import KeyTable
    from asyncwb.types import Row

__all__ = ["MixedBlock"]

_ITEM, _STEP = 0x0A, 0x12
_FIXED = 7
"""Bytes of an item besides key and value: tag, length, tag, length, tag (2), length."""
# The first four bytes of an item, and the four behind its key, as little-endian words: tags that
# must be there, and lengths below 128.
_HEAD_MASK, _HEAD = np.uint32(0x80FF8000), np.uint32(0x00120000)
_TAIL_MASK, _TAIL = np.uint32(0x0080FFFF), np.uint32(0x00000182)


class MixedBlock(Block):
    """Items of records, followed in step: the first of all, the second of all, and so on.

    Args:
        data: The buffer, with a margin at both ends.
        starts: int64, ascending: where bodies begin.
        ends: int64: where they end.
        size: End of what is used of the buffer.
        keys: What is known of keys.
        history: They are history: may end with their step, and have `_step` among their items.
    """

    def __init__(
        self, data: bytearray, starts: NDArray[np.int64], ends: NDArray[np.int64], size: int,
        keys: KeyTable, *, history: bool,
    ) -> None:  # fmt: skip
        super().__init__(data, size, keys.names, np.zeros(0, np.int64))
        self._walk(starts, ends, steps=history)
        self._ids = np.zeros(0, np.int64)
        self._step = -1
        if not len(self.rows):
            return
        self._ids = keys.find(data, self._begins + 4, self._values - self._begins - _FIXED)
        good = np.full(len(self.rows), not history, np.bool_)
        if history:
            self._step = keys.number("_step")
            good[self._row_of()[self._ids == self._step]] = True
        texts = np.array([name is not None for name in keys.names])[self._ids]
        good[self._row_of()[~texts]] = False
        if not good.all():
            self._keep(good)

    def _walk(self, starts: NDArray[np.int64], ends: NDArray[np.int64], *, steps: bool) -> None:
        """Follow the items of all records in step; those that differ fall out."""
        octets = self._octets
        words = np.ndarray((len(self._data) - 3,), "<u4", self._data, 0, (1,))
        done = np.full(len(starts), -1, np.int64)
        index, at, end = np.arange(len(starts)), starts, ends
        found: list[tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64], Any]] = []
        while len(index):
            head = words[at]
            more = (head & 0xFF == _ITEM) & (at < end)
            if not more.all():
                done[index[~more]] = at[~more]
                index, at, end, head = index[more], at[more], end[more], head[more]
            key_size = head >> 24
            behind = at + key_size
            tail = words[behind + 4]
            value_size = tail >> 16 & 0xFF
            good = (head & _HEAD_MASK == _HEAD) & (tail & _TAIL_MASK == _TAIL)
            good &= (head >> 8 & 0xFF) == key_size + value_size + 5
            good &= (key_size > 0) & (key_size <= MAX_KEY_BYTES) & (value_size > 0)
            if not good.all():
                index, at, end = index[good], at[good], end[good]
                behind, value_size = behind[good], value_size[good]
            value = behind + _FIXED
            stop = value + value_size
            found.append((index, at, value, stop))
            at = stop
        left = ends - done
        good = left == 0
        if steps:
            good |= (octets[done] == _STEP) & (octets[done + 1] + np.int64(2) == left)
        good &= done >= 0
        self._assemble(found, good)

    def _assemble(self, found: list[Any], good: NDArray[np.bool_]) -> None:
        """Bring the items of all good records into the order of the buffer."""
        self._counts = np.zeros(len(good), np.int64)
        for index, *_ in found:
            self._counts[index] += 1
        good &= self._counts > 0
        self.rows = np.flatnonzero(good)
        first = np.cumsum(np.where(good, self._counts, 0)) - np.where(good, self._counts, 0)
        self._counts = self._counts[self.rows]
        total = int(self._counts.sum())
        self._begins, self._values, self._stops = (np.zeros(total, np.int64) for _ in range(3))
        whole = bool(good.all())
        for number, (index, *places) in enumerate(found):
            if not whole:
                chosen = good[index]
                index, places = index[chosen], [one[chosen] for one in places]
            to = first[index] + number
            self._begins[to], self._values[to], self._stops[to] = places

    def _keep(self, good: NDArray[np.bool_]) -> None:
        items = good[self._row_of()]
        self._begins, self._values = self._begins[items], self._values[items]
        self._stops, self._ids = self._stops[items], self._ids[items]
        self.rows, self._counts = self.rows[good], self._counts[good]

    def _row_of(self) -> NDArray[np.int64]:
        """The row of each item."""
        return np.repeat(np.arange(len(self._counts)), self._counts)

    def _edges(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        behind = np.cumsum(self._counts)
        return self._begins[behind - self._counts], self._stops[behind - 1]

    def _heads(self) -> Iterator[tuple[int, NDArray[np.int64]]]:
        sizes = self._values - self._begins
        for size in np.flatnonzero(np.bincount(sizes)).tolist():
            yield size, self._begins[sizes == size]

    def _items(self, index: int) -> list[tuple[str, int]]:
        stop = int(self._counts[: index + 1].sum())
        items = range(stop - int(self._counts[index]), stop)
        return [(self._names[int(self._ids[item])], item) for item in items]

    def steps(self) -> NDArray[np.int64] | None:
        """The steps of the rows; None: one is no whole number of up to 18 digits."""
        items = np.flatnonzero(self._ids == self._step)
        return self._integers(items) if len(items) == len(self.rows) else None

    def last(self, places: list[int]) -> dict[int, Row]:
        """The last value of each key, by the place of the row that holds it."""
        order = np.argsort(np.repeat(np.array(places, np.int64), self._counts), kind="stable")
        latest = np.full(len(self._names), -1, np.int64)
        latest[self._ids[order]] = order  # where one comes more than once, the last stays
        edges = np.cumsum(self._counts)
        rows: dict[int, Row] = {}
        items: list[int] = latest[latest >= 0].tolist()
        for item in sorted(items):
            row = rows.setdefault(places[int(np.searchsorted(edges, item, "right"))], {})
            row[self._names[int(self._ids[item])]] = self._value(item)
        return rows

    def _by_key(self) -> Iterator[Keyed]:
        order = np.argsort(self._ids, kind="stable")
        edges = np.flatnonzero(np.diff(self._ids[order])) + 1
        groups = sorted(np.split(order, edges), key=lambda group: int(group[0]))
        row_of, every = self._row_of(), np.arange(len(self.rows))
        for items in groups:
            rows = row_of[items]
            whole = len(rows) == len(every) and bool((rows == every).all())
            first = int(items[0])
            key = self._names[int(self._ids[first])]
            yield Keyed(key, first, items, items, None if whole else rows)

    def _dicts(self, values: list[Any]) -> list[Row]:
        pairs = zip([self._names[key] for key in self._ids.tolist()], values, strict=True)
        return [dict(islice(pairs, count)) for count in self._counts.tolist()]
