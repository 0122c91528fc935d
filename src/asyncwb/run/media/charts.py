"""Charts in rows: each becomes a table of the row and a panel of the config."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from asyncwb.errors import InvalidValueError
from asyncwb.plot.chart import CustomChart

__all__ = ["without_charts"]

_DEEPEST = 100


def without_charts(
    values: Mapping[str, Any],
) -> tuple[dict[str, Any], dict[str, dict[str, Any]]]:
    """A row with the tables of its charts in their place, and keys to panels.

    Charts in nested dicts are named by all keys on the way, their tables lie on top.

    Raises:
        InvalidValueError: The row is nested too deeply, or contains itself.
    """
    charts: dict[str, CustomChart] = {}
    row = _split(values, "", charts, 0)
    row |= {chart.table_key(key): chart.table for key, chart in charts.items()}
    return row, {key: chart.panel(key) for key, chart in charts.items()}


def _split(
    values: Mapping[str, Any], above: str, charts: dict[str, CustomChart], depth: int
) -> dict[str, Any]:
    if depth > _DEEPEST:
        raise InvalidValueError(f"{above[:50]!r} is nested too deeply, or contains itself")
    row: dict[str, Any] = {}
    for key, value in values.items():
        path = f"{above}{key}"
        if isinstance(value, CustomChart):
            charts[path] = value
        elif isinstance(value, Mapping):
            row[key] = _split(cast("Mapping[str, Any]", value), f"{path}.", charts, depth + 1)
        else:
            row[key] = value
    return row
