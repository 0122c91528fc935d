"""The description of a line chart over a logged table, as a W&B server reads it in the config."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from asyncwb.types import JSON

__all__ = ["line_chart"]


def line_chart(table_key: str, title: str, *, x: str, y: str) -> JSON:
    """Describe a chart.

    Args:
        table_key: Key of the table in the history.
        title: Shown above the chart.
        x: Column of the table.
        y: Column of the table.
    """
    table: JSON = {"name": "summaryTable", "args": [{"name": "tableKey", "value": table_key}]}
    names: list[JSON] = [{"name": name} for name in ("id", "name", "_defaultColorIndex")]
    runs: JSON = [{"name": "runSets", "value": "${runSets}"}]
    return {
        "panel_type": "Vega2",
        "panel_config": {
            "panelDefId": "wandb/line/v0",
            "fieldSettings": {"x": x, "y": y},
            "stringSettings": {"title": title},
            "transform": {"name": "tableWithLeafColNames"},
            "userQuery": {
                "queryFields": [{"name": "runSets", "args": runs, "fields": [*names, table]}]
            },
        },
    }
