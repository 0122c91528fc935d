"""Logs the same tables and charts with either package: `python table_cases.py wandb FOLDER`."""

from __future__ import annotations

import datetime as dt
import decimal
import importlib
import sys
from typing import Any

import numpy as np
import pandas as pd

PICTURE = np.arange(48, dtype=np.uint8).reshape(4, 4, 3)
BOX = {
    "position": {"minX": 0.1, "maxX": 0.2, "minY": 0.3, "maxY": 0.4},
    "class_id": 1,
    "scores": {"s": 0.5},
    "box_caption": "b",
}


def tables(api: Any) -> dict[str, Any]:
    classes = api.Classes([{"id": 1, "name": "cat"}, {"id": 2, "name": "dog"}])
    overlaid = api.Image(
        PICTURE,
        caption="over",
        classes=classes,
        boxes={"p": {"box_data": [BOX], "class_labels": {1: "cat"}}},
        masks={"m": {"mask_data": np.ones((4, 4), np.uint8), "class_labels": {1: "cat"}}},
    )
    times = [
        dt.datetime(2020, 1, 2, 3, 4, 5, 678901),
        dt.datetime(2020, 1, 2, 3, 4, 5, tzinfo=dt.UTC),
        dt.date(2020, 1, 2),
        np.datetime64("2020-01-02"),
        np.datetime64("2020-01-02T03:04:05.5", "ns"),
    ]
    frame = pd.DataFrame(
        {
            "i": [1, 2],
            "f": [1.5, float("nan")],
            "s": ["é", "b"],
            "t": pd.to_datetime(["2020-01-01", "2021-01-01"]),
            "o": [True, None],
        }
    )
    people = api.Table(columns=["id", "v"], data=[["a", 1], ["b", 2]])
    people.set_pk("id")
    linked = api.Table(columns=["k", "r"], data=[["a", people.index_ref(0)]])
    linked.set_fk("k", people, "id")
    nan = float("nan")
    nested = [[[1, 2], {"x": 1, "y": [1]}], [[1, 2, 3], {"x": 2, "y": [2, 3]}]]
    return {
        "plain": api.Table(columns=["a", "b"], data=[[1, "x"], [2.5, None]]),
        "times": api.Table(columns=list("abcde"), data=[times]),
        "nan": api.Table(columns=["a", "b"], data=[[nan, np.float32("nan")], [float("inf"), 0.1]]),
        "numbers": api.Table(
            columns=["a"], data=[[-0.0], [123456789.25], [np.float32(0.1)], [2**62]]
        ),
        "frame": api.Table(dataframe=frame),
        "bare": frame,
        "numpy": api.Table(columns=["a", "b"], data=np.array([[1, 2], [3, 4]])),
        "floats": api.Table(columns=["a"], data=np.array([[nan], [0.5]], np.float32)),
        "texts": api.Table(columns=["a"], data=np.array([["x"], ["y"]])),
        "vectors": api.Table(columns=["a"], data=[[np.arange(3)], [np.arange(3)]]),
        "arrays": api.Table(columns=["a"], data=[[PICTURE[0]], [PICTURE[1]]]),
        "nested": api.Table(columns=["a", "b"], data=nested),
        "mixed": api.Table(columns=["a"], data=[[1], ["s"], [None]], allow_mixed_types=True),
        "odd": api.Table(columns=list("abc"), data=[[decimal.Decimal("1.5"), b"abc", (1, 2)]]),
        "typed": api.Table(
            columns=["a", "b"], data=[[1, 2]], optional=[False, True], dtype=[int, float]
        ),
        "const": api.Table(columns=["a"], data=[["x"]], dtype=["x"]),
        "integers": api.Table(columns=[10, 2], data=[[1, 2]]),
        "empty": api.Table(columns=["a"]),
        "reference": api.Table(columns=["a"], data=[["wandb-artifact://x/y"]]),
        "image": api.Table(columns=["a"], data=[[api.Image(PICTURE, caption="c")], [None]]),
        "overlaid": api.Table(columns=["a", "n"], data=[[overlaid, 1]]),
        "html": api.Table(columns=["a"], data=[[api.Html("<p>x</p>")]]),
        "points": api.Table(columns=["a"], data=[[api.Object3D(np.zeros((3, 3)))]]),
        "table": api.Table(columns=["a"], data=[[api.Table(columns=["q"], data=[[1]])]]),
        "keys": linked,
        "slash/and space": api.Table(columns=["a"], data=[["slash"]]),
    }


def charts(api: Any) -> dict[str, Any]:
    table = api.Table(columns=["x", "y"], data=[[1, 2], [3, 4]])
    true, scores = [0, 1, 1, 0, 2, 2, 1], np.random.default_rng(0).dirichlet(np.ones(3), 7)
    names, plot = ["a", "b", "c"], api.plot
    return {
        "line": plot.line(table, "x", "y", stroke=None, title="T"),
        "scatter": plot.scatter(table, "x", "y", title="T"),
        "bar": plot.bar(table, "x", "y", title="T", split_table=True),
        "histogram": plot.histogram(table, "x"),
        "series": plot.line_series([1, 2], [[1, 2], [3, 4]], title="T", xname="n"),
        "own": plot.plot_table("team/chart", table, {"x": "x"}, {"title": "T"}),
        "pr": plot.pr_curve(true, scores, labels=names),
        "roc": plot.roc_curve(true, scores),
        "confusion": plot.confusion_matrix(probs=scores, y_true=true, class_names=names),
    }


def main(package: str) -> None:
    api = importlib.import_module("wandb" if package == "wandb" else "asyncwb.sync")
    run = api.init(project="p", mode="offline", id="same")
    for key, table in tables(api).items():
        run.log({key: table})
    # One after another: increments are counted as they come.
    for mode in ("MUTABLE", "IMMUTABLE", "INCREMENTAL"):
        table = api.Table(columns=["mode"], log_mode=mode)
        for number in range(3):
            table.add_data(f"{mode} {number}")
            run.log({mode: table, "again": number})
        run.log({mode: table})
    for key, chart in charts(api).items():
        run.log({key: chart})
    run.log({"nested": {"line": charts(api)["line"]}})
    run.finish()


if __name__ == "__main__":
    main(sys.argv[1])
