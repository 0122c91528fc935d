"""Custom charts of a run: their name and signature, until charts are there."""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["RunPlots"]


class RunPlots:
    """What a run draws by itself; it raises for now."""

    def plot_table(
        self,
        vega_spec_name: str,
        data_table: object,
        fields: Mapping[str, str],
        string_fields: Mapping[str, str] | None = None,
        split_table: bool = False,
    ) -> NoReturn:
        """Not available yet.

        Raises:
            NotImplementedError: Always.
        """
        raise NotImplementedError(
            "plot_table() comes with charts, which asyncwb lacks yet; log the numbers, and choose "
            "a chart in the web app"
        )
