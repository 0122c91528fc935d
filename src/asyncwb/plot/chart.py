"""A chart: a table, and which Vega specification draws which of its columns."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast

from asyncwb.errors import InvalidValueError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from asyncwb.media.tables.table import Table

__all__ = ["CustomChart", "plot_table"]

_FOLDER = "Custom Chart Tables/"
_PANEL = "Vega2"


class CustomChart:
    """A chart that `log` takes under a key; made by the functions of `plot`.

    Logged under a key, its table is logged under `<key>_table`, and the config of the run says how
    it is drawn.

    Args:
        table: The data.
        spec_name: Name of the Vega specification: one of `wandb/...`, or `<entity>/<name>`.
        fields: Fields of the specification to columns of the table.
        string_fields: Its texts.
        split_table: Whether the table is shown in a section of its own, "Custom Chart Tables".

    Attributes:
        table: The data.
        spec_name: As given.
        fields: As given.
        string_fields: As given.
        split_table: As given.
    """

    def __init__(
        self,
        table: Table,
        spec_name: str,
        fields: Mapping[str, Any],
        string_fields: Mapping[str, Any] | None = None,
        *,
        split_table: bool = False,
    ) -> None:
        self.table = table
        self.spec_name = spec_name
        self.fields = dict(fields)
        self.string_fields = dict(string_fields or {})
        self.split_table = split_table

    def table_key(self, key: str) -> str:
        """The key of the table of a chart that is logged under a key."""
        return f"{_FOLDER if self.split_table else ''}{key}_table"

    def panel(self, key: str) -> dict[str, Any]:
        """What the config of a run says of it, under `_wandb`, `visualize` and the key."""
        table: dict[str, Any] = {
            "name": "summaryTable",
            "args": [{"name": "tableKey", "value": self.table_key(key)}],
            "fields": [],
        }
        shown: list[dict[str, Any]] = [
            {"name": name, "fields": []} for name in ("id", "name", "_defaultColorIndex")
        ]
        runs: dict[str, Any] = {
            "name": "runSets",
            "args": [{"name": "runSets", "value": "${runSets}"}],
            "fields": [*shown, table],
        }
        return {
            "panel_type": _PANEL,
            "panel_config": {
                "panelDefId": self.spec_name,
                "fieldSettings": self.fields,
                "stringSettings": self.string_fields,
                "transform": {"name": "tableWithLeafColNames"},
                "userQuery": {"queryFields": [runs]},
            },
        }

    def __repr__(self) -> str:
        return f"<asyncwb.plot.CustomChart {self.spec_name} of {self.table!r}>"


def plot_table(
    vega_spec_name: str,
    data_table: Table,
    fields: Mapping[str, Any],
    string_fields: Mapping[str, Any] | None = None,
    split_table: bool = False,
) -> CustomChart:
    """A chart that a Vega specification of the server draws of a table.

    Args:
        vega_spec_name: Name of the specification: one of `wandb/...`, or `<entity>/<name>`.
        data_table: The data.
        fields: Fields of the specification to columns of the table.
        string_fields: Texts of the specification, such as its title.
        split_table: Whether the table is shown in a section of its own, "Custom Chart Tables".

    Returns:
        The chart, for `log`.

    Raises:
        InvalidValueError: The data are no `Table`, the name is no name of a specification, or the
            fields are no dict.
    """
    from asyncwb.media.tables.table import Table

    spec: Any = vega_spec_name
    if not isinstance(spec, str) or not all(part.strip() for part in spec.split("/")):
        raise InvalidValueError(
            f"a Vega specification has a name such as 'wandb/line/v0' or 'team/chart', got {spec!r}"
        )
    if not isinstance(data_table, Table):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise InvalidValueError(f"data_table is a Table, got {type(data_table).__name__}")
    for what, given in (("fields", fields), ("string_fields", string_fields or {})):
        if not isinstance(given, Mapping):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise InvalidValueError(f"{what} is a dict, got {type(given).__name__}")
    return CustomChart(data_table, spec, fields, string_fields, split_table=bool(split_table))


def of_columns(
    table: Table,
    spec_name: str,
    columns: Mapping[str, str | None],
    texts: Mapping[str, Any],
    *,
    split_table: bool,
) -> CustomChart:
    """A chart of columns that must be there.

    Raises:
        InvalidValueError: It is no table, or a column is not in it.
    """
    chart = plot_table(spec_name, table, columns, texts, split_table)
    known = cast("Sequence[object]", table.columns)
    for what, column in columns.items():
        if column is not None and column not in known:
            raise InvalidValueError(f"{what}: the table has no column {column!r}: {table.columns}")
    return chart
