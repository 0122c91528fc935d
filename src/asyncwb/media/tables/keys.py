"""Cells that refer to a row of a table: they are texts and numbers, and know the table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from asyncwb.media.tables.table import Table

__all__ = ["TableIndex", "TableKey"]


class TableKey(str):
    """A primary key, or a reference to one.

    Attributes:
        table: The table whose rows it names.
        column: The column of that table.
    """

    __slots__ = ("column", "table")

    table: Table
    column: str

    @classmethod
    def to(cls, value: str, table: Table, column: str) -> TableKey:
        """A key of a table's column."""
        made = cls(value)
        made.table, made.column = table, column
        return made


class TableIndex(int):
    """The number of a row.

    Attributes:
        table: The table whose row it is.
    """

    table: Table

    @classmethod
    def to(cls, number: int, table: Table) -> TableIndex:
        """The number of a row of a table."""
        made = cls(number)
        made.table = table
        return made

    def get_row(self) -> dict[str | int, Any]:
        """The row: columns to cells."""
        return dict(zip(self.table.columns, self.table.rows[self : self + 1][0], strict=True))
