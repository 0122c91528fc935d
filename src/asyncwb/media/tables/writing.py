"""A table as it is logged: a copy that nobody changes, and the two files that are made of it."""

from __future__ import annotations

import json
import logging
from io import BytesIO
from typing import TYPE_CHECKING, Any, cast

from asyncwb import jsonx
from asyncwb.media.base import Media
from asyncwb.media.content import Content
from asyncwb.media.tables.cells import owned, shown_rows, stored_cell, stored_rows
from asyncwb.media.tables.celltypes import (
    BOOLEAN,
    NONE,
    NUMBER,
    STRING,
    TIMESTAMP,
    UNKNOWN,
    CellType,
    ListType,
    NDArrayType,
    TypedDictType,
    UnionType,
)
from asyncwb.media.tables.objecttypes import ForeignIndexType, ForeignKeyType, PrimaryKeyType

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from asyncwb.media.stored import ObjectPlace
    from asyncwb.media.tables.table import Table

__all__ = ["frozen", "same_cells", "shown_content", "stored_json", "stored_pieces"]

_log = logging.getLogger("asyncwb.media")

_UNCHANGING = (NUMBER, STRING, BOOLEAN, TIMESTAMP, NONE, UNKNOWN)
# Shorter arrays are lists in the JSON: most are embeddings.
_LONGEST_LIST = 150


def frozen(table: Table) -> Table:
    """A copy of what of a table is to be logged now.

    Raises:
        InvalidValueError: No JSON can be made of a cell.
    """
    state = table.log_state
    made = object.__new__(type(table))
    made.__dict__.update(table.__dict__)
    made._original = table.origin_table  # pyright: ignore[reportPrivateUsage]
    made.columns = table.columns.copy()
    made.first_row = state.rows if table.log_mode == "INCREMENTAL" else 0
    made.version = state.version
    types = {name: _frozen_type(kind) for name, kind in table.column_types.items()}
    made._types = types  # pyright: ignore[reportPrivateUsage]
    odd = [at for at, name in enumerate(table.columns) if not _is_unchanging(types[name])]
    made.total_rows = len(table.rows)
    last = made.first_row + table.MAX_ARTIFACT_ROWS
    if made.total_rows > last:
        _log.warning(
            "a table of %d rows is cut to %d; Table.MAX_ARTIFACT_ROWS says how many are logged",
            made.total_rows - made.first_row,
            table.MAX_ARTIFACT_ROWS,
        )
    made._rows = table.shared(made.first_row, last)  # pyright: ignore[reportPrivateUsage]
    made._is_shared, made._was_handed_out = True, False  # pyright: ignore[reportPrivateUsage]
    for row in made._own() if odd else ():  # pyright: ignore[reportPrivateUsage]
        for at in odd:
            row[at] = owned(row[at])
    return made


def _frozen_type(kind: CellType) -> CellType:
    if isinstance(kind, ForeignKeyType):
        return ForeignKeyType(frozen(kind.table), kind.column)
    return ForeignIndexType(frozen(kind.table)) if isinstance(kind, ForeignIndexType) else kind


def _is_unchanging(kind: CellType) -> bool:
    """Whether cells of a type cannot change by themselves."""
    if isinstance(kind, UnionType):
        return all(map(_is_unchanging, kind.allowed))
    return kind in _UNCHANGING or isinstance(
        kind, PrimaryKeyType | ForeignKeyType | ForeignIndexType
    )


def shown_content(table: Table) -> Content:
    """The file of a row."""

    def encode() -> Iterator[bytes]:
        yield b'{"columns":' + jsonx.encode(table.columns) + b',"data":'
        yield from shown_rows(table.rows[: table.MAX_ROWS])
        yield b"}"

    return Content(encode, ".table.json")


def stored_json(table: Table, place: ObjectPlace) -> dict[str, Any]:
    """The JSON of a table in an artifact, for a cell of another table."""
    head, left_out = _described(table, place)
    head["data"] = [
        [None if at in left_out else stored_cell(cell, place) for at, cell in enumerate(row)]
        for row in table.rows
    ]
    return head


def stored_pieces(table: Table, place: ObjectPlace) -> Iterator[bytes]:
    """The file of a table in an artifact, piece by piece; members in order of their names."""
    head, left_out = _described(table, place)
    before = b"{"
    for name in sorted({*head, "data"}):
        yield before + json.dumps(name).encode() + b": "
        if name == "data":
            yield from stored_rows(table.rows, place, left_out)
        else:
            yield json.dumps(head[name], sort_keys=True).encode()
        before = b", "
    yield b"}"


def _described(table: Table, place: ObjectPlace) -> tuple[dict[str, Any], set[int]]:
    """What stands beside the rows, and which columns are in files of their own."""
    types: dict[Any, CellType] = {}
    left_out: set[int] = set()
    for at, (name, kind) in enumerate(table.column_types.items()):
        array = _array_type(kind)
        if array is None:
            types[name] = kind
        elif len(array.shape) == 1 and array.shape[0] <= _LONGEST_LIST:
            types[name] = ListType(NUMBER, array.shape[0])
        else:
            stored = NDArrayType(array.shape, _store_column(table, at, place))
            types[name] = _replaced(kind, array, stored)
            left_out.add(at)
    if len(set(map(type, cast("dict[str | int, CellType]", types)))) > 1:
        # Texts and integers have no order.
        types = {str(name): kind for name, kind in types.items()}
    head: dict[str, Any] = {
        "_type": table.json_type,
        "column_types": TypedDictType(types).to_json(place),
        "columns": table.columns,
        "log_mode": table.log_mode,
        "ncols": len(table.columns),
        "nrows": len(table.rows),
    }
    if table.log_mode == "INCREMENTAL":
        state = table.log_state
        head["increment_num"] = state.increment or 0
        head["previous_increments_paths"] = list(state.previous)
    return head, left_out


def _array_type(kind: CellType) -> NDArrayType | None:
    if isinstance(kind, UnionType):
        return next(filter(None, map(_array_type, kind.allowed)), None)
    return kind if isinstance(kind, NDArrayType) else None


def _replaced(kind: CellType, old: NDArrayType, new: NDArrayType) -> CellType:
    if not isinstance(kind, UnionType):
        return new
    return UnionType([new if one is old else one for one in kind.allowed])


def _store_column(table: Table, at: int, place: ObjectPlace) -> dict[str, str]:
    import numpy as np

    name = str(table.columns[at])
    file = BytesIO()
    save: Any = np.savez_compressed
    save(file, **{name: np.array([row[at] for row in table.rows])})
    return {
        "path": place.put_file(file.getvalue(), "media/serialized_data/column.npz"),
        "key": name,
    }


def same_cells(mine: Sequence[Sequence[Any]], theirs: Sequence[Sequence[Any]]) -> bool:
    """Whether rows have equal cells; arrays are compared as a whole."""
    if len(mine) != len(theirs):
        return False
    return all(
        len(row) == len(other) and all(map(_is_same, row, other))
        for row, other in zip(mine, theirs, strict=True)
    )


def _is_same(one: Any, other: Any) -> bool:
    if isinstance(one, Media):
        return one is other or (isinstance(other, Media) and one == other)
    found = one == other
    if hasattr(found, "all"):
        return bool(found.all())
    return bool(found) or (one != one and other != other)
