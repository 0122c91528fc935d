"""Lines from lists of numbers."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, cast

from asyncwb.errors import InvalidValueError
from asyncwb.media.tables.table import Table
from asyncwb.plot.chart import plot_table

if TYPE_CHECKING:
    from asyncwb.plot.chart import CustomChart

__all__ = ["line_series"]

_COLUMNS = ["step", "lineKey", "lineVal"]


def line_series(
    xs: Iterable[Iterable[Any]] | Iterable[Any],
    ys: Iterable[Iterable[Any]],
    keys: Iterable[str] | None = None,
    title: str = "",
    xname: str = "x",
    split_table: bool = False,
) -> CustomChart:
    """Several lines in one chart.

    Args:
        xs: Values of the x axis, for all lines; or a list of them for each.
        ys: A list of values for each line; a longer one is cut to the length of its x values, and
            the other way round.
        keys: Names of the lines; None: `line_0`, `line_1` ...
        title: Title.
        xname: Name of the x axis.
        split_table: Whether the table is shown in a section of its own.

    Raises:
        InvalidValueError: No lines, or other numbers of x lists, y lists and names.
    """
    lines = [_list(values, "ys") for values in _list(ys, "ys")]
    steps = _list(xs, "xs")
    if not lines or not steps:
        raise InvalidValueError("a line series needs x values, and values of at least one line")
    if _is_list(steps[0]):
        steps = [_list(values, "xs") for values in steps]
    else:
        steps = [steps] * len(lines)
    names = [f"line_{at}" for at in range(len(lines))] if keys is None else list(keys)
    for what, found in (("lists of x values", steps), ("keys", names)):
        if len(found) != len(lines):
            raise InvalidValueError(f"there are {len(found)} {what} for {len(lines)} lines")
    data = [
        [step, name, value]
        for name, row, values in zip(names, steps, lines, strict=True)
        for step, value in zip(row, values, strict=False)
    ]
    return plot_table(
        "wandb/lineseries/v0",
        Table(columns=_COLUMNS, data=data),
        {name: name for name in _COLUMNS},
        {"title": title, "xname": xname},
        split_table,
    )


def _is_list(value: object) -> bool:
    return isinstance(value, Iterable) and not isinstance(value, (str, bytes))


def _list(value: object, what: str) -> list[Any]:
    if not _is_list(value):
        raise InvalidValueError(f"{what} are lists of values, got {value!r}")
    return list(cast("Iterable[Any]", value))
