"""Columns of the same rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from asyncwb.columns.column import Column, joined

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from numpy.typing import NDArray

__all__ = ["Columns", "concat"]

STEP = "_step"


class Columns:
    """Rows of history, stored by column.

    Args:
        count: Number of rows.
        columns: Each as long as that.
        nulls: Under some keys, the rows that have the key and null as its value. Their column has
            no value there, as for rows without the key; `having` tells them apart.
    """

    def __init__(
        self,
        count: int,
        columns: Mapping[str, Column],
        nulls: Mapping[str, NDArray[np.bool_]] | None = None,
    ) -> None:
        self.count = count
        self.columns = dict(columns)
        self.nulls = dict(nulls or {})

    def __len__(self) -> int:
        """Number of rows."""
        return self.count

    def steps(self, default: int) -> NDArray[Any]:
        """The step of each row; a row without one counts for `default`."""
        column = self.columns.get(STEP)
        if column is None or column.values.dtype.kind not in "if":
            return np.full(self.count, default, np.int64)
        if column.present is None:
            return column.values
        return np.where(column.present, column.values, default)

    def take(self, rows: NDArray[Any] | slice) -> Columns:
        """The rows at some positions, or those that a mask selects."""
        taken = {key: column.take(rows) for key, column in self.columns.items()}
        count = len(np.arange(self.count)[rows])
        return Columns(count, taken, {key: mask[rows] for key, mask in self.nulls.items()})

    def within(self, start: int, stop: int | None) -> Columns:
        """The rows of a range of steps, in their order; those of one step stay as they came."""
        steps = self.steps(start)
        chosen = self
        if self.count and (steps.min() < start or (stop is not None and steps.max() >= stop)):
            inside = steps >= start
            if stop is not None:
                inside &= steps < stop
            chosen, steps = self.take(inside), steps[inside]
        if chosen.count > 1 and (steps[1:] < steps[:-1]).any():
            chosen = chosen.take(np.argsort(steps, kind="stable"))
        return chosen

    def having(self, keys: Sequence[str]) -> Columns:
        """Only these columns, and only the rows that have all of these keys."""
        mask: NDArray[np.bool_] | None = None
        for key in keys:
            column = self.columns.get(key)
            if column is None:
                return Columns(0, {key: Column(np.zeros(0, np.float64)) for key in keys})
            if column.present is not None:
                there = column.present
                if key in self.nulls:
                    there = there | self.nulls[key]
                mask = there if mask is None else mask & there
        chosen = Columns(self.count, {key: self.columns[key] for key in keys})
        return chosen if mask is None else chosen.take(mask)

    def slices(self, rows: int) -> Iterator[Columns]:
        """Pieces of at most so many rows."""
        for start in range(0, self.count, rows):
            yield self.take(slice(start, start + rows))

    def rows(self) -> Iterator[dict[str, Any]]:
        """The rows as dicts, without the keys that a row has no value for."""
        keys = list(self.columns)
        lists: list[list[Any]] = [column.values.tolist() for column in self.columns.values()]
        for column, values in zip(self.columns.values(), lists, strict=True):
            if column.present is not None:
                for row in np.flatnonzero(~column.present).tolist():
                    values[row] = None
        for found in zip(*lists, strict=True):
            yield {key: value for key, value in zip(keys, found, strict=True) if value is not None}

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Plain arrays, as a user gets them."""
        return {key: column.plain() for key, column in self.columns.items()}


def concat(pieces: Iterable[Columns], keys: Sequence[str] = ()) -> Columns:
    """One table of several, one below the other.

    Args:
        pieces: In the order of their rows.
        keys: Columns that the result has in any case, first.
    """
    parts = [piece for piece in pieces if piece.count]
    counts = [piece.count for piece in parts]
    names = dict.fromkeys(keys)
    for piece in parts:
        names.update(dict.fromkeys(piece.columns))
    if len(parts) == 1 and list(names) == list(parts[0].columns):
        return parts[0]
    columns = {name: joined([part.columns.get(name) for part in parts], counts) for name in names}
    nulls = {
        name: np.concatenate(
            [part.nulls.get(name, np.zeros(part.count, np.bool_)) for part in parts]
        )
        for name in {name for part in parts for name in part.nulls}
    }
    return Columns(sum(counts), columns, nulls)
