"""Charts of tables: what is asked of them, and what they become in a row and a config."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import asyncwb.sync
from asyncwb import plot
from asyncwb.errors import InvalidValueError
from asyncwb.media.tables.table import Table
from asyncwb.run import init

if TYPE_CHECKING:
    from collections.abc import Callable

TABLE = Table(columns=["x", "y", "kind"], data=[[1, 2, "a"], [2, 3, "b"]])


def test_the_functions_name_their_specification_and_columns() -> None:
    charts = {
        "wandb/line/v0": plot.line(TABLE, "x", "y", title="t"),
        "wandb/scatter/v0": plot.scatter(TABLE, "x", "y", "t"),
        "wandb/bar/v0": plot.bar(TABLE, "kind", "y", "t"),
        "wandb/histogram/v0": plot.histogram(TABLE, "x", "t"),
    }
    for name, chart in charts.items():
        assert (chart.spec_name, chart.string_fields, chart.table) == (name, {"title": "t"}, TABLE)
    assert charts["wandb/line/v0"].fields == {"x": "x", "y": "y", "stroke": None}
    assert charts["wandb/bar/v0"].fields == {"label": "kind", "value": "y"}


def test_line_series_pairs_values() -> None:
    chart = plot.line_series([1, 2, 3], [[4, 5], np.array([6.5, 7, 8])], ["a", "b"], xname="n")
    rows = [[1, "a", 4], [2, "a", 5], [1, "b", 6.5], [2, "b", 7], [3, "b", 8]]
    assert chart.table.data == rows
    assert chart.string_fields == {"title": "", "xname": "n"}
    own = plot.line_series([[1], [2]], [[3], [4]])
    assert own.table.data == [[1, "line_0", 3], [2, "line_1", 4]]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: plot.line(TABLE, "x", "nope"), "y: the table has no column 'nope'"),
        (lambda: plot.bar([[1]], "x", "y"), "data_table is a Table, got list"),  # type: ignore[arg-type]
        (lambda: plot.plot_table("", TABLE, {}), "has a name such as"),
        (lambda: plot.plot_table("team/", TABLE, {}), "has a name such as"),
        (lambda: plot.plot_table("spec", TABLE, ["x"]), "fields is a dict"),  # type: ignore[arg-type]
        (lambda: plot.line_series([], [[1]]), "needs x values"),
        (lambda: plot.line_series([1], []), "needs x values"),
        (lambda: plot.line_series([[1]], [[1], [2]]), "1 lists of x values for 2 lines"),
        (lambda: plot.line_series([1], [[1]], ["a", "b"]), "2 keys for 1 lines"),
        (lambda: plot.line_series(3, [[1]]), "xs are lists of values"),  # type: ignore[arg-type]
    ],
)
def test_bad_input(make: Callable[[], object], message: str) -> None:
    with pytest.raises(InvalidValueError, match=message):
        make()


async def test_both_faces_make_charts_and_a_chart_in_a_list_is_refused() -> None:
    run = await init("p", mode="offline")
    blocking: Any = asyncwb.sync.Run.from_async(run)
    for face in (run, blocking, asyncwb, asyncwb.sync):
        chart = face.plot_table("spec", TABLE, {"x": "x"}, {"title": "t"}, split_table=True)
        assert chart.table_key("c") == "Custom Chart Tables/c_table"
    assert asyncwb.sync.plot is plot
    with pytest.raises(InvalidValueError, match="key of its own"):
        await run.log({"charts": [chart]})
    await run.log({"goes": "on"})
    await run.finish()
