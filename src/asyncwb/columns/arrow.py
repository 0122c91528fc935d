"""Arrow arrays as columns."""

from __future__ import annotations

from typing import Any, cast

import numpy as np

from asyncwb.columns.column import Column, column_of
from asyncwb.columns.table import Columns

__all__ = ["from_arrow"]


def from_arrow(batch: Any) -> Columns:
    """Make columns of a record batch; null is no value."""
    arrays = zip(batch.schema.names, batch.columns, strict=True)
    return Columns(batch.num_rows, {name: _column(array) for name, array in arrays})


def _column(array: Any) -> Column:
    name = str(array.type)
    if name not in ("int64", "int32", "double", "float", "bool"):
        return column_of([_without_nulls(value) for value in array.to_pylist()])
    present = None
    if array.null_count:
        present = ~np.asarray(array.is_null())
        array = array.fill_null(False if name == "bool" else 0)
    dtype: Any = np.bool_ if name == "bool" else np.int64 if "int" in name else np.float64
    return Column(np.asarray(array.to_numpy(zero_copy_only=False), dtype), present)


def _without_nulls(value: Any) -> Any:
    """A nested value without the members that its row does not have."""
    if isinstance(value, dict):
        members = cast("dict[str, Any]", value).items()
        return {key: _without_nulls(item) for key, item in members if item is not None}
    return value
