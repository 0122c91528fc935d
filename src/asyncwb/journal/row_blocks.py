"""History rows of a log, batch by batch: those of a layout at once, the others one by one."""

from __future__ import annotations

import logging
from functools import partial
from operator import itemgetter
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from asyncwb.columns import Columns, concat, from_rows
from asyncwb.errors import Error
from asyncwb.journal.layout import Layout, Matched, Text, layout_of
from asyncwb.journal.row_items import envelope, read_row

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

    from asyncwb.journal.bulk import Bulk
    from asyncwb.types import Row

__all__ = ["HISTORY", "RowBlocks", "Unusual"]

log = logging.getLogger("asyncwb.journal")

HISTORY = 2
_OURS = 0x12
_MAX_LAYOUTS = 16


class Unusual(NamedTuple):
    """Rows that have no simple layout."""

    places: list[int]
    rows: list[Row]


class RowBlocks:
    """Decodes batches of records. Not thread-safe; remembers at most 16 layouts.

    Attributes:
        lost: Rows that could not be read so far.
    """

    def __init__(self) -> None:
        self.lost = 0
        self._layouts: list[Layout] = []

    def read_columns(self, bulk: Bulk) -> Columns:
        """The rows of a batch as columns, in the order of the log. Overwrites the batch.

        Other records are passed over; a row that cannot be read is left out, with a warning.
        """
        unusual = Unusual([], [])
        parts: list[Columns] = []
        places: list[int] = []
        for found, where in self.matches(bulk, unusual):
            # The others must stay as they are: where there are any, these are read from a copy.
            taken = found if found.is_all else found.copy()
            columns = taken.columns()
            if columns is None:
                self._add_each(unusual, taken, where)
            else:
                parts.append(columns)
                places += where
        if unusual.rows:
            parts.append(from_rows(unusual.rows))
            places += unusual.places
        whole, order = concat(parts), np.array(places, np.int64)
        return whole if (order[1:] > order[:-1]).all() else whole.take(np.argsort(order))

    def read_rows(self, bulk: Bulk) -> list[Row]:
        """The same as dicts."""
        unusual = Unusual([], [])
        placed: list[tuple[int, Row]] = []
        for found, where in self.matches(bulk, unusual):
            taken = found if found.is_all else found.copy()
            values = taken.values()
            if values is None:
                self._add_each(unusual, taken, where)
                continue
            keys = taken.layout.keys
            groups = zip(*[iter(values)] * len(keys), strict=True)
            placed += zip(where, (dict(zip(keys, row, strict=True)) for row in groups), strict=True)
        placed += zip(unusual.places, unusual.rows, strict=True)
        placed.sort(key=itemgetter(0))
        return [row for _, row in placed]

    def _add_each(self, unusual: Unusual, found: Matched, places: list[int]) -> None:
        for index, place in enumerate(places):
            self._add(unusual, place, partial(found.row, index))

    def matches(self, bulk: Bulk, unusual: Unusual) -> Iterator[tuple[Matched, list[int]]]:
        """The rows of a batch, those of a layout together, with their places in the batch.

        Those without one go to `unusual`. What is yielded may be overwritten where it `is_all`.
        """
        octets = np.frombuffer(bulk.data, np.uint8)
        starts = np.array(bulk.starts, np.int64)
        ours = octets[starts] == _OURS
        for place in np.flatnonzero(~ours).tolist():
            payload = bulk.payload(place)
            if envelope(payload).number == HISTORY:
                self._add(unusual, place, partial(read_row, payload))
        places = np.flatnonzero(ours)
        if not bulk.sorted:
            places = places[np.argsort(starts[places])]
        text = Text(bulk.data, starts[places], np.array(bulk.ends, np.int64)[places], bulk.size)
        while len(places):
            found = self._known(text)
            if found is None:
                skipped = self._learn(text, places, unusual)
                rest = np.arange(skipped, len(places))
            else:
                rest = found.others()
            payloads = [text.payload(index) for index in rest.tolist()]
            if found is not None:
                yield found, places[found.rows].tolist()
            places, text = places[rest], Text.of(payloads)

    def _known(self, text: Text) -> Matched | None:
        """The rows of the first layout that some of them have, the most recent one first."""
        for index, layout in enumerate(self._layouts):
            found = Matched(layout, text)
            if len(found.rows):
                self._layouts.insert(0, self._layouts.pop(index))
                return found
        return None

    def _learn(self, text: Text, places: NDArray[np.int64], unusual: Unusual) -> int:
        """Read rows without a simple layout, up to the first that has one; how many these are."""
        for index, place in enumerate(places.tolist()):
            payload = text.payload(index)
            layout = layout_of(payload)
            if layout is not None and layout not in self._layouts:
                self._layouts.insert(0, layout)
                del self._layouts[_MAX_LAYOUTS:]
                return index
            self._add(unusual, place, partial(read_row, payload))
        return len(places)

    def _add(self, unusual: Unusual, place: int, read: Callable[[], Row]) -> None:
        try:
            row = read()
        except Error as exc:
            self.lost += 1
            log.warning("a row of history cannot be read and is left out: %s", exc)
            return
        unusual.places.append(place)
        unusual.rows.append(row)
