"""Charts made of tables: what `log` takes under a key, and draws on the page of the run.

    await run.log({"pr": asyncwb.plot.pr_curve(y_true, y_probas)})

Each function checks its input, makes a `Table` and returns a `CustomChart`. They need numpy and
nothing else.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from asyncwb.plot.chart import CustomChart as CustomChart
    from asyncwb.plot.chart import plot_table as plot_table
    from asyncwb.plot.columns import bar as bar
    from asyncwb.plot.columns import histogram as histogram
    from asyncwb.plot.columns import line as line
    from asyncwb.plot.columns import scatter as scatter
    from asyncwb.plot.confusion import confusion_matrix as confusion_matrix
    from asyncwb.plot.curves import pr_curve as pr_curve
    from asyncwb.plot.curves import roc_curve as roc_curve
    from asyncwb.plot.series import line_series as line_series

__all__ = [
    "CustomChart",
    "bar",
    "confusion_matrix",
    "histogram",
    "line",
    "line_series",
    "plot_table",
    "pr_curve",
    "roc_curve",
    "scatter",
]

_HOMES = {
    "CustomChart": "chart",
    "bar": "columns",
    "confusion_matrix": "confusion",
    "histogram": "columns",
    "line": "columns",
    "line_series": "series",
    "plot_table": "chart",
    "pr_curve": "curves",
    "roc_curve": "curves",
    "scatter": "columns",
}


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'asyncwb.plot' has no attribute {name!r}")
    value = getattr(import_module(f"asyncwb.plot.{home}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
