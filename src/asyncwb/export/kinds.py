"""What columns hold, and how columns of several batches become one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from asyncwb import jsonx
from asyncwb.columns.frames import object_kind

if TYPE_CHECKING:
    from asyncwb.columns import Column
    from asyncwb.export.manifest import Kind

__all__ = ["arrow_type", "kind_of", "merged", "recast"]


def kind_of(column: Column) -> Kind:
    """What a column holds."""
    kind = column.values.dtype.kind
    if kind == "O":
        return object_kind(column)
    return "int" if kind == "i" else "float" if kind == "f" else "bool"


def merged(earlier: Kind | None, later: Kind) -> Kind:
    """What holds both."""
    if earlier is None or earlier == later:
        return later
    return "float" if {earlier, later} == {"int", "float"} else "json"


def arrow_type(pa: Any, kind: Kind) -> Any:
    """Its Arrow type."""
    types = {"int": pa.int64, "float": pa.float64, "bool": pa.bool_}
    return types.get(kind, pa.string)()


def recast(pa: Any, array: Any, kind: Kind, wanted: Kind) -> Any:
    """An array of one kind as one of a wider kind."""
    if kind == wanted:
        return array
    if wanted == "float":
        return array.cast(pa.float64(), safe=False)
    values = [
        None if value is None else jsonx.encode(value).decode() for value in array.to_pylist()
    ]
    return pa.array(values, type=pa.string())
