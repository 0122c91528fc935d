"""History rows of a log, batch by batch: simple ones at once, the others one by one."""

from __future__ import annotations

import logging
from functools import partial
from itertools import compress
from operator import itemgetter
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from asyncwb.columns import Columns, concat, from_rows
from asyncwb.errors import Error
from asyncwb.journal.bodies import bodies_of
from asyncwb.journal.even_block import EvenBlock, Layout, layout_of
from asyncwb.journal.keys import KeyTable
from asyncwb.journal.mixed_block import MixedBlock
from asyncwb.journal.row_items import read_row

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from asyncwb.journal.block import Block
    from asyncwb.journal.bodies import Bodies
    from asyncwb.journal.bulk import Bulk
    from asyncwb.types import Row

__all__ = ["HISTORY", "RowBlocks", "Sorted"]

log = logging.getLogger("asyncwb.journal")

HISTORY = 2


class Sorted(NamedTuple):
    """Records of one kind of a batch.

    Attributes:
        block: The simple ones; None: there are none.
        places: Their places in the batch.
        others: Places of the rest.
    """

    block: Block | None
    places: list[int]
    others: list[int]


class RowBlocks:
    """Decodes batches of records. Not thread-safe; remembers the keys it has seen.

    Attributes:
        lost: Rows that could not be read so far.
    """

    def __init__(self) -> None:
        self.lost = 0
        self._keys = KeyTable()
        self._layout: Layout | None = None

    def read_columns(self, bulk: Bulk) -> Columns:
        """The rows of a batch as columns, in the order of the log. Overwrites the batch.

        Other records are passed over; a row that cannot be read is left out, with a warning.
        """
        found = self.sort(bulk, bodies_of(bulk), HISTORY)
        unusual = self._read_others(bulk, found)
        parts: list[Columns] = []
        places: list[int] = []
        if found.block is not None:
            columns = found.block.columns()
            if columns is None:
                unusual += self._each(found)
            else:
                parts, places = [columns], found.places
        if unusual:
            parts.append(_columns_of([row for _, row in unusual]))
            places = places + [place for place, _ in unusual]
        whole, order = concat(parts), np.array(places, np.int64)
        return whole if (order[1:] > order[:-1]).all() else whole.take(np.argsort(order))

    def read_rows(self, bulk: Bulk) -> list[Row]:
        """The same as dicts."""
        found = self.sort(bulk, bodies_of(bulk), HISTORY)
        placed = self._read_others(bulk, found)
        if found.block is not None:
            rows = found.block.dicts()
            placed += self._each(found) if rows is None else zip(found.places, rows, strict=True)
        placed.sort(key=itemgetter(0))
        return [row for _, row in placed]

    def sort(self, bulk: Bulk, bodies: Bodies, number: int) -> Sorted:
        """Find the simple ones among the records with some field number."""
        places = np.flatnonzero(bodies.numbers == number)
        if not bulk.sorted:
            places = places[np.argsort(bodies.starts[places])]
        if not len(places):
            return Sorted(None, [], [])
        starts, ends = bodies.starts[places], bodies.ends[places]
        block = self._even(bulk, starts, ends) if number == HISTORY else None
        if block is None:
            block = MixedBlock(
                bulk.data, starts, ends, bulk.size, self._keys, history=number == HISTORY
            )
        if len(block) == len(places):
            return Sorted(block, places.tolist(), [])
        others = np.ones(len(places), np.bool_)
        others[block.rows] = False
        listed = places.tolist()
        return Sorted(
            block if len(block) else None,
            list(compress(listed, ~others)),
            list(compress(listed, others)),
        )

    def _even(self, bulk: Bulk, starts: NDArray[np.int64], ends: NDArray[np.int64]) -> Block | None:
        """The rows, where all have the layout of the first; else None."""
        # the layout of the batch before, or of the first row
        for again in (False, True):
            if again:
                self._layout = layout_of(bytes(memoryview(bulk.data)[starts[0] : ends[0]]))
            if self._layout is not None:
                block = EvenBlock.match(bulk.data, starts, ends, bulk.size, self._layout)
                if block is not None:
                    return block
        return None

    def _read_others(self, bulk: Bulk, found: Sorted) -> list[tuple[int, Row]]:
        rows: list[tuple[int, Row]] = []
        for place in found.others:
            self._add(rows, place, partial(read_row, bulk.payload(place)))
        return rows

    def _each(self, found: Sorted) -> list[tuple[int, Row]]:
        rows: list[tuple[int, Row]] = []
        if found.block is not None:
            for index, place in enumerate(found.places):
                self._add(rows, place, partial(found.block.row, index))
        return rows

    def _add(self, rows: list[tuple[int, Row]], place: int, read: Callable[[], Row]) -> None:
        try:
            rows.append((place, read()))
        except Error as exc:
            self.lost += 1
            log.warning("a row of history cannot be read and is left out: %s", exc)


def _columns_of(rows: list[Row]) -> Columns:
    columns = from_rows(rows)
    for key in columns.columns:
        if any(row.get(key, 0) is None for row in rows):
            columns.nulls[key] = np.array([row.get(key, 0) is None for row in rows])
    return columns
