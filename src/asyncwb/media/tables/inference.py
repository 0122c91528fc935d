"""Which type a cell has, and what type a whole column comes to."""

from __future__ import annotations

import operator
from datetime import date, datetime
from functools import cache
from typing import TYPE_CHECKING, Any, cast

from asyncwb.media.base import Media
from asyncwb.media.tables.celltypes import (
    ANY,
    BOOLEAN,
    INVALID,
    NONE,
    NUMBER,
    STRING,
    TIMESTAMP,
    UNKNOWN,
    CellType,
    ConstType,
    ListType,
    NDArrayType,
    PlainType,
    PythonObjectType,
    TypedDictType,
    UnionType,
)

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Sequence

__all__ = ["by_class", "type_of", "type_of_dtype", "widened"]

_BY_CLASS: dict[type, CellType] = {
    bool: BOOLEAN,
    int: NUMBER,
    type(None): NONE,
    datetime: TIMESTAMP,
    date: TIMESTAMP,
}
_NUMPY_KINDS = {"i": NUMBER, "u": NUMBER, "f": NUMBER, "c": NUMBER, "b": BOOLEAN, "M": TIMESTAMP}
_SEQUENCES = (list, tuple, set, frozenset)
# Of media whose type says no more than its name.
_MEDIA = frozenset(
    {
        "audio-file", "video-file", "html-file", "object3D-file", "bokeh-file", "joined-table",
        "partitioned-table",
    }
)  # fmt: skip
_ARTIFACT = "wandb-artifact://"


@cache
def by_class(kind: Any) -> CellType | None:
    """The type of all objects of a class; None where it takes a look at each of them."""
    found = _BY_CLASS.get(kind)
    if found is not None:
        return found
    if kind.__module__ == "numpy":
        import numpy as np

        scalar = issubclass(kind, np.generic) and not issubclass(kind, np.flexible)
        code: str = np.dtype(cast("Any", kind)).kind if scalar else ""
        return _NUMPY_KINDS.get(code)
    if issubclass(kind, Media) and kind.json_type in _MEDIA:
        return PlainType(kind.json_type)
    return None


def type_of(value: object) -> CellType:
    """The type of one cell; NaN counts as None."""
    kind = type(value)
    if kind is float:
        return NUMBER if value == value else NONE
    if isinstance(value, str) and value.startswith(_ARTIFACT):
        return PlainType("artifactVersion")
    if kind is str:
        return STRING
    found: CellType | None = by_class(cast("Hashable", kind))
    return found or _special(value, kind)


def _special(value: Any, kind: type) -> CellType:
    if kind in _SEQUENCES:
        return ListType.of(list(value))
    if kind is dict:
        items = cast("dict[Any, Any]", value)
        if items.get("_type") == "artifactVersion":
            return PlainType("artifactVersion")
        return TypedDictType({key: type_of(item) for key, item in items.items()})
    if kind.__module__ == "numpy" and kind.__name__ == "ndarray":
        return NDArrayType(value.shape)
    from asyncwb.media.tables.objecttypes import type_of_object

    return type_of_object(value) or PythonObjectType(kind.__name__)


def widened(column: CellType, values: Sequence[Any]) -> CellType:
    """The type of a column with more cells in it; `INVALID` where one does not fit.

    Of classes whose objects all have one type, one cell is looked at.
    """
    kinds: set[Any] = set(map(type, values))
    classes: list[Any] = [] if column.looks else list(kinds)
    alike: list[CellType] = []
    for kind in classes:
        found = by_class(kind)
        if kind is float:
            alike += _floats(values)
        elif kind is str:
            alike += _strings(values)
        elif found is not None:
            alike.append(found)
        else:
            continue
        kinds.discard(kind)
    for one in alike:
        column = column.takes_type(one)
    if kinds:
        for value in values:
            if type(value) in kinds and column is not INVALID:
                column = column.takes(value)
    return column


def _floats(values: Sequence[Any]) -> list[CellType]:
    floats: Iterable[Any] = [value for value in values if type(value) is float]
    if not any(map(operator.ne, floats, floats)):
        return [NUMBER]
    return [NUMBER, NONE] if any(map(operator.eq, floats, floats)) else [NONE]


def _strings(values: Sequence[Any]) -> list[CellType]:
    special = [value for value in values if type(value) is str and value.startswith(_ARTIFACT)]
    if not special:
        return [STRING]
    found = [PlainType("artifactVersion")]
    plain = any(type(value) is str and not value.startswith(_ARTIFACT) for value in values)
    return [STRING, *found] if plain else [*found]


def type_of_dtype(dtype: Any) -> CellType:
    """The type that a caller means by a type, an example, or a list or dict of them."""
    if isinstance(dtype, CellType):
        return dtype
    if isinstance(dtype, type):
        return _of_class(dtype)
    if isinstance(dtype, list):
        inner = [type_of_dtype(one) for one in cast("list[object]", dtype)]
        return ListType(inner[0] if inner else UNKNOWN) if len(inner) < 2 else UnionType(inner)
    if isinstance(dtype, dict):
        items = cast("dict[object, Any]", dtype).items()
        return TypedDictType({key: type_of_dtype(one) for key, one in items})
    return ConstType(dtype)


def _of_class(kind: type) -> CellType:
    if kind is float:
        return NUMBER
    if kind is str:
        return STRING
    if kind is object:
        return ANY
    if kind in _SEQUENCES:
        return ListType()
    if kind is dict:
        return TypedDictType()
    from asyncwb.media.tables.objecttypes import type_of_class

    return by_class(kind) or type_of_class(kind) or PythonObjectType(kind.__name__)
