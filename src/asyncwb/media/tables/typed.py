"""Rows of cells whose columns have types: what fits, and what a new cell makes of a type."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from asyncwb.errors import ColumnTypeError, InvalidValueError
from asyncwb.media.base import Media
from asyncwb.media.tables.celltypes import INVALID, UNKNOWN, CellType, optional
from asyncwb.media.tables.inference import type_of, type_of_dtype, widened
from asyncwb.media.tables.keys import TableIndex, TableKey
from asyncwb.media.tables.objecttypes import ForeignIndexType, ForeignKeyType, PrimaryKeyType
from asyncwb.media.tables.sources import ArrayRows

if TYPE_CHECKING:
    from collections.abc import Sequence

    from asyncwb.media.tables.table import Table

__all__ = ["Column", "TypedRows", "is_key", "with_none"]

Column = str | int
"""The name of a column."""


class TypedRows(Media):
    """The cells of a table and the types of its columns; `Table` is what people handle."""

    columns: list[Column]
    _types: dict[Column, CellType]
    # An array stays one until somebody looks at its rows: lists of a million numbers take long.
    _rows: list[list[Any]] | ArrayRows
    # A copy that is logged has the same lists, until somebody could change them.
    _is_shared = False
    _was_handed_out = False

    @property
    def data(self) -> list[list[Any]]:
        """The rows."""
        self._was_handed_out = True
        return self._own()

    @data.setter
    def data(self, rows: list[list[Any]]) -> None:
        self._was_handed_out, self._is_shared, self._rows = True, False, rows

    @property
    def rows(self) -> Sequence[list[Any]] | ArrayRows:
        """The rows for those who look at some of them at a time, and change none."""
        return self._rows

    def shared(self, first: int, last: int) -> list[list[Any]] | ArrayRows:
        """Some of the rows as they are now, for a copy: what happens to the table leaves them.

        Args:
            first: Number of the first.
            last: Number behind the last; there may be fewer.
        """
        rows = self._rows
        if isinstance(rows, ArrayRows):
            return rows.within(first, last)
        if not self._was_handed_out:
            self._is_shared = True
            # Asked again: another thread says so first, and then looks whether they are shared.
            if not self._was_handed_out:
                return rows[first:last]
        return [row.copy() for row in rows[first:last]]

    def _lists(self) -> list[list[Any]]:
        """The rows as lists, to be read."""
        rows = self._rows
        if isinstance(rows, ArrayRows):
            rows = self._rows = list(rows)
        return rows

    def _own(self) -> list[list[Any]]:
        """The rows as lists that no copy has, to be changed."""
        rows = self._lists()
        if self._is_shared:
            rows = self._rows = [row.copy() for row in rows]
            self._is_shared = False
        return rows

    def __getstate__(self) -> object:
        # A shallow copy has the same lists, and knows nothing of what this table shares.
        self._was_handed_out = True
        self._own()
        return self.__dict__

    @property
    def column_types(self) -> dict[Column, CellType]:
        """Columns to their types."""
        return dict(self._types)

    def restore(self, data: list[list[Any]], types: dict[Column, CellType | None]) -> None:
        """Take rows that an artifact holds, and the types that it says.

        Args:
            data: Rows, the table's own from now on.
            types: Columns to types; None: by the cells.
        """
        if all(types.values()):
            self._types = {name: kind for name, kind in types.items() if kind is not None}
            self._wrap(data, self.columns)
            self._rows = data
        else:
            self._extend(data)

    def _begin_types(self, dtype: Any, optional: bool | Sequence[bool]) -> None:
        count = len(self.columns)
        many: list[Any] = dtype if isinstance(dtype, list) else [dtype] * count  # pyright: ignore[reportUnknownVariableType]
        nones = [optional] * count if isinstance(optional, bool) else list(optional)
        for what, given in (("dtype", many), ("optional", nones)):
            if len(given) != count:
                raise InvalidValueError(f"{what} has {len(given)} entries for {count} columns")
        for name, one, allowed in zip(self.columns, many, nones, strict=True):
            kind = UNKNOWN if one is None else type_of_dtype(one)
            if isinstance(kind, PrimaryKeyType | ForeignKeyType | ForeignIndexType):
                allowed = False
            self._types[name] = with_none(kind, allowed=allowed)

    def _begin(self, rows: list[list[Any]] | ArrayRows, known: dict[int, CellType]) -> None:
        """Take the first rows; an array as it is, where its type is good for all columns."""
        if isinstance(rows, ArrayRows) and len(rows) and rows.width == len(self.columns):
            types = {
                name: self._types[name].takes_type(known[at])
                for at, name in enumerate(self.columns)
                if not self._types[name].looks
            }
            if len(types) == len(self.columns) and INVALID not in types.values():
                self._types, self._rows = types, rows
                return
        self._extend(list(rows), known)

    def _extend(self, rows: list[list[Any]], known: dict[int, CellType] | None = None) -> None:
        """Add rows, all or none of them.

        Args:
            rows: Lists that are the table's own from now on.
            known: Types that all cells of some columns have.
        """
        count = len(self.columns)
        for row in rows:
            if len(row) != count:
                raise InvalidValueError(
                    f"this table has {count} columns, {self.columns}; got a row of {len(row)} cells"
                )
        types = self._types.copy()
        for at, name in enumerate(self.columns if rows else ()):
            cells = [row[at] for row in rows]
            if known and at in known and not types[name].looks:
                wider = types[name].takes_type(known[at])
                types[name] = (
                    wider if wider is not INVALID else self._fitting(name, types[name], cells)
                )
                continue
            link = next((cell for cell in cells if isinstance(cell, TableKey | TableIndex)), None)
            if link is not None and not is_key(types[name]):
                types[name] = self._fitting(name, type_of(link), [row[at] for row in self._lists()])
            types[name] = self._fitting(name, types[name], cells)
        self._types = types
        self._wrap(rows, self.columns)
        self._lists().extend(rows)

    def _fitting(self, name: Column, kind: CellType, cells: list[Any]) -> CellType:
        wider = widened(kind, cells)
        if wider is not INVALID:
            return wider
        for number, cell in enumerate(cells):
            kind, before = widened(kind, [cell]), kind
            if kind is INVALID:
                raise ColumnTypeError(
                    f"column {name!r}, row {number}: {_short(cell)} is {type_of(cell)}, the column "
                    f"takes {before}; allow_mixed_types=True takes anything"
                )
        raise ColumnTypeError(f"column {name!r} has cells that do not belong together")

    def _check_key(self, name: Column, kind: CellType, *, optional: bool) -> None:
        if optional:
            raise InvalidValueError(f"{name!r} is a key: its cells cannot be None")
        if isinstance(kind, PrimaryKeyType):
            others = [key for key, one in self._types.items() if isinstance(one, PrimaryKeyType)]
            if others and others != [name]:
                raise InvalidValueError(f"the table has a primary key already: {others[0]!r}")
        elif isinstance(kind, ForeignKeyType | ForeignIndexType) and kind.table is self:
            raise InvalidValueError("a table cannot refer to itself")

    def _wrap(self, rows: list[list[Any]], columns: Sequence[Column]) -> None:
        """Make cells of key columns know their table."""
        for name in columns:
            kind, at = self._types[name], self.columns.index(name)
            for row in rows if is_key(kind) else ():
                if isinstance(kind, PrimaryKeyType):
                    row[at] = TableKey.to(row[at], cast("Table", self), str(name))
                elif isinstance(kind, ForeignKeyType) and not isinstance(row[at], TableKey):
                    row[at] = TableKey.to(row[at], kind.table, kind.column)
                elif isinstance(kind, ForeignIndexType) and not isinstance(row[at], TableIndex):
                    row[at] = TableIndex.to(row[at], kind.table)

    def _check_new(self, name: object) -> None:
        if type(name) not in (str, int):
            raise InvalidValueError(f"a column has a text or an integer for a name, got {name!r}")
        if name in self.columns:
            raise InvalidValueError(f"there are two columns {name!r}")

    def _index(self, name: Column) -> int:
        if name not in self.columns:
            raise InvalidValueError(f"the table has no column {name!r}: {self.columns}")
        return self.columns.index(name)


def with_none(kind: CellType, *, allowed: bool) -> CellType:
    """A type, or None besides where that is allowed."""
    return optional(kind) if allowed else kind


def is_key(kind: CellType) -> bool:
    """Whether cells of a type refer to rows."""
    return isinstance(kind, PrimaryKeyType | ForeignKeyType | ForeignIndexType)


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
