"""Charts that draw columns of a table as they are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from asyncwb.plot.chart import of_columns

if TYPE_CHECKING:
    from asyncwb.media.tables.table import Table
    from asyncwb.plot.chart import CustomChart

__all__ = ["bar", "histogram", "line", "scatter"]


def line(
    table: Table,
    x: str,
    y: str,
    stroke: str | None = None,
    title: str = "",
    split_table: bool = False,
) -> CustomChart:
    """A line through the rows of a table.

    Args:
        table: The data.
        x: Column of the x axis.
        y: Column of the y axis.
        stroke: Column that says which line a row belongs to; None: there is one.
        title: Title.
        split_table: Whether the table is shown in a section of its own.

    Raises:
        InvalidValueError: It is no table, or a column is not in it.
    """
    return of_columns(
        table,
        "wandb/line/v0",
        {"x": x, "y": y, "stroke": stroke},
        {"title": title},
        split_table=split_table,
    )


def scatter(
    table: Table, x: str, y: str, title: str = "", split_table: bool = False
) -> CustomChart:
    """A point for each row of a table.

    Args:
        table: The data.
        x: Column of the x axis.
        y: Column of the y axis.
        title: Title.
        split_table: Whether the table is shown in a section of its own.

    Raises:
        InvalidValueError: It is no table, or a column is not in it.
    """
    return of_columns(
        table, "wandb/scatter/v0", {"x": x, "y": y}, {"title": title}, split_table=split_table
    )


def bar(
    table: Table, label: str, value: str, title: str = "", split_table: bool = False
) -> CustomChart:
    """A bar for each row of a table.

    Args:
        table: The data.
        label: Column with the names of the bars.
        value: Column with their lengths.
        title: Title.
        split_table: Whether the table is shown in a section of its own.

    Raises:
        InvalidValueError: It is no table, or a column is not in it.
    """
    return of_columns(
        table,
        "wandb/bar/v0",
        {"label": label, "value": value},
        {"title": title},
        split_table=split_table,
    )


def histogram(table: Table, value: str, title: str = "", split_table: bool = False) -> CustomChart:
    """A histogram of a column of a table.

    Args:
        table: The data.
        value: The column.
        title: Title.
        split_table: Whether the table is shown in a section of its own.

    Raises:
        InvalidValueError: It is no table, or the column is not in it.
    """
    return of_columns(
        table, "wandb/histogram/v0", {"value": value}, {"title": title}, split_table=split_table
    )
