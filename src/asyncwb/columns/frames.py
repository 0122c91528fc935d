"""Columns as tables of the data-frame packages."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from asyncwb import jsonx
from asyncwb.errors import UnsupportedError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from asyncwb.columns.column import Column
    from asyncwb.columns.table import Columns

__all__ = ["JSON_MARK", "object_kind", "package", "to_arrow", "to_pandas", "to_polars"]

JSON_MARK = {b"asyncwb": b"json"}
"""Metadata of an Arrow field whose texts are JSON."""


def package(name: str, extra: str, what: str) -> Any:
    """Import a package that an extra installs.

    Raises:
        UnsupportedError: It is not installed.
    """
    try:
        return import_module(name)
    except ImportError as exc:
        raise UnsupportedError(
            f"{what} needs {name.partition('.')[0]}: pip install 'asyncwb[{extra}]'", exc=exc
        ) from exc


def to_pandas(columns: Columns) -> Any:
    """A `pandas.DataFrame`, with the dtypes of the plain arrays."""
    pandas = package("pandas", "pandas", "a DataFrame")
    return pandas.DataFrame(columns.arrays(), copy=False)


def to_arrow(columns: Columns) -> Any:
    """A `pyarrow.Table`: null where a row has no value, nested and mixed values as JSON text."""
    pa = package("pyarrow", "export", "an Arrow table")
    arrays = [arrow_array(pa, column) for column in columns.columns.values()]
    fields = [
        arrow_field(pa, key, column, array.type)
        for (key, column), array in zip(columns.columns.items(), arrays, strict=True)
    ]
    return pa.Table.from_arrays(arrays, schema=pa.schema(fields))


def to_polars(columns: Columns) -> Any:
    """A `polars.DataFrame`: null where a row has no value, nested and mixed values as JSON text."""
    polars = package("polars", "polars", "a polars DataFrame")
    series: list[Any] = []
    for key, column in columns.columns.items():
        values, present = column
        if values.dtype == object:
            series.append(polars.Series(key, object_values(column), dtype=object_dtype(
                column, polars.Boolean, polars.String)))  # fmt: skip
        elif present is None:
            series.append(polars.Series(key, values))
        else:
            held = polars.Series(key, values)
            mask = polars.Series("", present)
            series.append(held.zip_with(mask, polars.Series(key, [None], dtype=held.dtype)))
    return polars.DataFrame(series)


def arrow_array(pa: Any, column: Column) -> Any:
    """The column as an Arrow array."""
    # Of its buffers: `pa.array` imports pandas, to see whether it is given one of its objects.
    values, present = column
    if values.dtype == object:
        listed = object_values(column)
        if object_kind(column) != "bool":
            return _text_array(pa, listed)
        present = np.array([value is not None for value in listed], np.bool_)
        values = np.array([bool(value) for value in listed], np.bool_)
    kinds = {"f": pa.float64, "i": pa.int64, "b": pa.bool_}
    held = _bits(values) if values.dtype == bool else np.ascontiguousarray(values)
    valid = None if present is None else pa.py_buffer(_bits(present))
    kind = kinds[values.dtype.kind]()
    return pa.Array.from_buffers(kind, len(values), [valid, pa.py_buffer(held)])


def _text_array(pa: Any, texts: list[str | None]) -> Any:
    encoded = [b"" if text is None else text.encode() for text in texts]
    offsets = np.zeros(len(texts) + 1, np.int64)
    np.cumsum([len(text) for text in encoded], out=offsets[1:])
    if offsets[-1] > np.iinfo(np.int32).max:
        return pa.array(texts, type=pa.string())  # in several arrays
    valid = None
    if None in texts:
        valid = pa.py_buffer(_bits(np.array([text is not None for text in texts], np.bool_)))
    content = pa.py_buffer(b"".join(encoded))
    buffers = [valid, pa.py_buffer(offsets.astype(np.int32)), content]
    return pa.Array.from_buffers(pa.string(), len(texts), buffers)


def _bits(mask: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """A truth value in each bit, as Arrow has them."""
    return np.packbits(mask, bitorder="little")


def arrow_field(pa: Any, key: str, column: Column, kind: Any) -> Any:
    """Name and type of a column; says so where texts are JSON."""
    json = column.values.dtype == object and object_kind(column) == "json"
    return pa.field(key, kind, metadata=JSON_MARK if json else None)


def object_kind(column: Column) -> Literal["bool", "text", "json"]:
    """What an object column holds: "bool", "text", or "json": anything else."""
    values: list[object] = column.values.tolist()
    kinds = {type(value) for value in values if value is not None}
    if kinds == {bool}:
        return "bool"
    return "text" if kinds <= {str} else "json"


def object_dtype(column: Column, boolean: Any, text: Any) -> Any:
    """One of two types."""
    return boolean if object_kind(column) == "bool" else text


def object_values(column: Column) -> list[Any]:
    """Truth values and texts as they are; of other columns each value as JSON text."""
    values: list[Any] = column.values.tolist()
    if object_kind(column) != "json":
        return values
    return [None if value is None else jsonx.encode(value).decode() for value in values]
