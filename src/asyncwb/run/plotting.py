"""Custom charts of a run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from asyncwb.media.tables.table import Table
    from asyncwb.plot.chart import CustomChart

__all__ = ["RunPlots"]


class RunPlots:
    """What a run draws of tables."""

    def plot_table(
        self,
        vega_spec_name: str,
        data_table: Table,
        fields: Mapping[str, Any],
        string_fields: Mapping[str, Any] | None = None,
        split_table: bool = False,
    ) -> CustomChart:
        """A chart that a Vega specification of the server draws of a table. Never waits.

        Nothing is logged by it: log what it returns, under a key.

        Args:
            vega_spec_name: Name of the specification: one of `wandb/...`, or `<entity>/<name>`.
            data_table: The data.
            fields: Fields of the specification to columns of the table.
            string_fields: Texts of the specification, such as its title.
            split_table: Whether the table is shown in a section of its own.

        Returns:
            The chart, for `log`.

        Raises:
            InvalidValueError: The data are no `Table`, the name is no name of a specification, or
                the fields are no dict.
        """
        from asyncwb.plot.chart import plot_table

        return plot_table(vega_spec_name, data_table, fields, string_fields, split_table)
