"""What tables are made of: lists, arrays of numpy, dataframes of pandas."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, cast

from asyncwb.errors import InvalidValueError
from asyncwb.media.arrays import is_dataframe
from asyncwb.media.base import Media
from asyncwb.media.tables.celltypes import BOOLEAN, NUMBER

if TYPE_CHECKING:
    from asyncwb.media.tables.celltypes import CellType

__all__ = ["as_column_array", "rows_of"]

_KINDS: dict[str, CellType] = {"i": NUMBER, "u": NUMBER, "f": NUMBER, "b": BOOLEAN}

Found = tuple[list[Any], list[list[Any]], dict[int, "CellType"]]


def rows_of(given: Any, columns: Any, default: Sequence[str]) -> Found:
    """Columns, rows as lists of their own, and types of columns that are known from a dtype.

    Args:
        given: Rows in any form; None: none.
        columns: Names of the columns; those of a dataframe count more.
        default: Names where there are none.

    Raises:
        InvalidValueError: It is nothing like that.
    """
    if is_dataframe(given):
        return _of_dataframe(given)
    if columns is not None and (
        isinstance(columns, (str, bytes)) or not isinstance(columns, Iterable)
    ):
        raise InvalidValueError(f"columns are a list of names, got {columns!r}")
    names = list(default if columns is None else cast("Iterable[object]", columns))
    if given is None:
        return names, [], {}
    if type(given).__module__ == "numpy" and hasattr(given, "ndim"):
        return names, *_of_array(given)
    if isinstance(given, (str, bytes)) or not isinstance(given, Iterable):
        raise InvalidValueError(
            f"data are rows: lists, a numpy array or a pandas dataframe; got {type(given).__name__}"
        )
    rows: list[list[Any]] = []
    for number, row in enumerate(cast("Iterable[object]", given)):
        if isinstance(row, (str, bytes, dict)) or not isinstance(row, Iterable):
            raise InvalidValueError(f"row {number} is a list of cells, got {row!r}")
        rows.append(list(cast("Iterable[object]", row)))
    return names, rows, {}


def _of_array(array: Any) -> tuple[list[list[Any]], dict[int, CellType]]:
    if array.ndim < 2:
        raise InvalidValueError(f"rows are an array with two dimensions, got {array.shape}")
    kind = _KINDS.get(array.dtype.kind)
    if array.ndim > 2 or kind is None:
        return [list(row) for row in array], {}
    return array.tolist(), dict.fromkeys(range(array.shape[1]), kind)


def _of_dataframe(frame: Any) -> Found:
    known: dict[int, CellType] = {}
    cells: list[list[Any]] = []
    for at in range(frame.shape[1]):
        values = frame.iloc[:, at].values
        code = getattr(values.dtype, "kind", "") if type(values).__module__ == "numpy" else ""
        if code in _KINDS:
            known[at] = _KINDS[code]
            cells.append(values.tolist())
        else:
            cells.append(list(values))
    rows = [list(row) for row in zip(*cells, strict=True)]
    return list(frame.columns), rows, known


def as_column_array(cells: Sequence[Any]) -> Any:
    """Cells as a numpy array, images and sounds as arrays of numbers.

    Raises:
        InvalidValueError: They make no array.
    """
    import numpy as np

    plain = [cell.to_data_array() if isinstance(cell, Media) else cell for cell in cells]
    try:
        return np.array(plain)
    except ValueError as exc:
        raise InvalidValueError(f"these cells make no array: {exc}", exc=exc) from exc
