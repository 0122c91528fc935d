"""What tables are made of: lists, arrays of numpy, dataframes; and columns of their cells."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, cast

from asyncwb.errors import InvalidValueError
from asyncwb.media.arrays import is_dataframe
from asyncwb.media.base import Media
from asyncwb.media.tables.celltypes import BOOLEAN, NUMBER

if TYPE_CHECKING:
    from asyncwb.columns.table import Columns
    from asyncwb.media.tables.celltypes import CellType

__all__ = ["ArrayRows", "as_column_array", "columns_of", "rows_of"]

_KINDS: dict[str, CellType] = {"i": NUMBER, "u": NUMBER, "f": NUMBER, "b": BOOLEAN}

Found = tuple[list[Any], "list[list[Any]] | ArrayRows", dict[int, "CellType"]]


class ArrayRows:
    """Rows of an array of numbers, which become lists when somebody looks at them.

    Args:
        array: With two dimensions; nobody changes it.
    """

    __slots__ = ("_array",)

    def __init__(self, array: Any) -> None:
        self._array = array

    def __len__(self) -> int:
        return len(self._array)

    def __iter__(self) -> Iterator[list[Any]]:
        return iter(self._array.tolist())

    def __getitem__(self, at: slice) -> list[list[Any]]:
        found: list[list[Any]] = self._array[at].tolist()
        return found

    @property
    def width(self) -> int:
        """Cells of each row."""
        return int(self._array.shape[1])

    def within(self, first: int, last: int) -> ArrayRows:
        """Some of the rows, without a copy."""
        return ArrayRows(self._array[first:last])


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
        return _of_dataframe(given) if hasattr(given, "iloc") else _of_polars(given)
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
            f"data are rows: lists, a numpy array or a dataframe; got {type(given).__name__}"
        )
    rows: list[list[Any]] = []
    for number, row in enumerate(cast("Iterable[object]", given)):
        if isinstance(row, (str, bytes, dict)) or not isinstance(row, Iterable):
            raise InvalidValueError(f"row {number} is a list of cells, got {row!r}")
        rows.append(list(cast("Iterable[object]", row)))
    return names, rows, {}


def _of_array(array: Any) -> tuple[list[list[Any]] | ArrayRows, dict[int, CellType]]:
    if array.ndim < 2:
        raise InvalidValueError(f"rows are an array with two dimensions, got {array.shape}")
    kind = _KINDS.get(array.dtype.kind)
    if array.ndim > 2 or kind is None:
        return [list(row) for row in array], {}
    return ArrayRows(array.copy()), dict.fromkeys(range(array.shape[1]), kind)


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


def _of_polars(frame: Any) -> Found:
    known: dict[int, CellType] = {}
    for at, kind in enumerate(frame.dtypes):
        # A column with nulls gets its type from its cells.
        if not frame.to_series(at).null_count() and (kind.is_numeric() or str(kind) == "Boolean"):
            known[at] = NUMBER if kind.is_numeric() else BOOLEAN
    return list(frame.columns), [list(row) for row in frame.iter_rows()], known


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


def columns_of(names: Sequence[Any], rows: Sequence[Sequence[Any]]) -> Columns:
    """Rows as typed columns: media are the paths of their files, times are ISO texts."""
    from asyncwb.columns import from_values

    return from_values(
        len(rows), {str(name): [_flat(row[at]) for row in rows] for at, name in enumerate(names)}
    )


def _flat(cell: Any) -> Any:
    """A cell in JSON's types."""
    if cell is None or isinstance(cell, (bool, int, float, str)):
        return cell
    if isinstance(cell, Media):
        paths = (content.path for content in cell.contents())
        return next((str(path) for path in paths if path is not None), None)
    if isinstance(cell, dict):
        return {str(key): _flat(item) for key, item in cast("dict[object, Any]", cell).items()}
    if isinstance(cell, (list, tuple, set)):
        return [_flat(item) for item in cast("list[Any]", cell)]
    if hasattr(cell, "isoformat"):
        return cell.isoformat()
    return _flat(cell.tolist()) if hasattr(cell, "tolist") else str(cell)
