"""One column: values of one type, and which rows have one."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any, NamedTuple, cast

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

__all__ = ["EXACT", "Column", "column_of", "float_column", "joined"]

_NUMBERS = frozenset({float, int})
EXACT = 2**53
"""Up to here every whole number is a double."""


class Column(NamedTuple):
    """Values under one key.

    Attributes:
        values: int64, float64, bool, or object (texts, nested values, mixtures); any value where
            there is none.
        present: bool per row; None: all rows have a value.
    """

    values: NDArray[Any]
    present: NDArray[np.bool_] | None = None

    def __len__(self) -> int:
        """Number of rows."""
        return len(self.values)

    def take(self, rows: NDArray[Any] | slice) -> Column:
        """The rows at some positions, or those that a mask selects."""
        present = None if self.present is None else self.present[rows]
        return Column(self.values[rows], present)

    def spread(self, rows: NDArray[np.int64], count: int) -> Column:
        """The same values at some of `count` rows; the others have none."""
        values = _empty(count, self.values.dtype)
        values[rows] = self.values
        present = np.zeros(count, np.bool_)
        present[rows] = True if self.present is None else self.present
        return Column(values, present)

    def has(self) -> NDArray[np.bool_]:
        """Which rows have a value."""
        return np.ones(len(self.values), np.bool_) if self.present is None else self.present

    def plain(self) -> NDArray[Any]:
        """The column as a user gets it: NaN or None where there is no value.

        Whole numbers become float64 where some are missing, truth values object.
        """
        values, present = self
        if present is None or present.all():
            return values
        kind = values.dtype.kind
        if kind in "iu":
            values = values.astype(np.float64)
        elif kind == "f":
            values = values.copy()
        else:
            values = values.astype(object)
        filler: Any = np.nan if kind in "iuf" else None
        values[~present] = filler
        return values


def column_of(values: Sequence[Any]) -> Column:
    """Make a column of JSON values; None where a row has none, or a null.

    float64 for numbers, int64 where all are whole and fit, bool where all are truth values,
    object otherwise: also for numbers of which a whole one is none as a double.
    """
    kinds = set(map(type, values))
    present = None
    if type(None) in kinds:
        kinds.discard(type(None))
        present = np.fromiter((value is not None for value in values), np.bool_, len(values))
        if kinds <= _NUMBERS or kinds == {bool}:
            filler = False if kinds == {bool} else 0
            values = [filler if value is None else value for value in values]
    try:
        if not kinds:
            return Column(np.zeros(len(values), np.float64), np.zeros(len(values), np.bool_))
        if kinds == {bool}:
            return Column(np.array(values, np.bool_), present)
        if kinds == {int}:
            return Column(np.array(values, np.int64), present)
        if kinds <= _NUMBERS:
            numbers = np.array(values, np.float64)
            if not (np.abs(numbers) >= EXACT).any() or not any(map(_is_inexact, values)):
                return Column(numbers, present)
    except OverflowError:
        pass  # a whole number beyond 64 bits, or beyond the range of a double, stays as it is
    if present is not None:
        values = [value if there else None for value, there in zip(values, present, strict=True)]
    return Column(_objects(values), present)


def float_column(values: Sequence[float]) -> Column | None:
    """A float64 column of numbers read as floats; None: one may have been a larger whole number."""
    numbers = np.empty(len(values), np.float64)
    struct.pack_into(f"{len(values)}d", numbers.data, 0, *values)  # faster than numpy's own way
    return None if (np.abs(numbers) >= EXACT).any() else Column(numbers)


def _is_inexact(value: Any) -> bool:
    """Whether a number would be another one as a double."""
    return type(value) is int and int(float(value)) != value


def joined(parts: Sequence[Column | None], counts: Sequence[int]) -> Column:
    """One column of the columns of several batches; None: that batch has none of it."""
    kinds = {
        part.values.dtype.kind
        for part in parts
        if part is not None and (part.present is None or part.present.any())
    }
    if kinds == {"i"}:
        dtype: Any = np.int64
    elif kinds <= {"i", "f"} and all(map(_fits_double, parts)):
        dtype = np.float64
    else:
        dtype = np.bool_ if kinds == {"b"} else object
    whole = all(part is not None and part.present is None for part in parts)
    total = sum(counts)
    values = _empty(total, dtype)
    present = None if whole else np.zeros(total, np.bool_)
    start = 0
    for part, count in zip(parts, counts, strict=True):
        stop = start + count
        if part is not None:
            has = part.present
            if has is None:
                values[start:stop] = part.values
            else:
                values[start:stop][has] = part.values[has]
            if present is not None:
                present[start:stop] = True if has is None else has
        start = stop
    return Column(values, present)


def _fits_double(part: Column | None) -> bool:
    """Whether its numbers are the same as doubles."""
    if part is None or part.values.dtype.kind != "i":
        return True
    large = part.values[(part.values > EXACT) | (part.values < -EXACT)]
    return not any(map(_is_inexact, large.tolist()))


def _empty(count: int, dtype: Any) -> NDArray[Any]:
    nothing: Any = None if np.dtype(dtype).hasobject else 0
    return np.full(count, nothing, dtype)


def _objects(values: Sequence[Any]) -> NDArray[Any]:
    # assigned by slice, numpy would read lists of one length as a second dimension
    result = np.empty(len(values), object)
    for index, value in enumerate(values):
        result[index] = value
    return cast("NDArray[Any]", result)
