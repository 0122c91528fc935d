"""The page's own functions, called in the browser: lines of charts, texts, files."""

from __future__ import annotations

import json
import math
import struct
from typing import Any

import pytest

NAN = math.nan  # of a column: no value


@pytest.fixture
def call(page: Any) -> Any:
    """Calls a function of a module of the page."""

    def function(module: str, name: str, *arguments: Any) -> Any:
        return page.evaluate(
            """async ([module, name, given]) => {
              const address = document.querySelector("script[type=module]").src;
              const functions = await import(address.replace("app.js", module));
              return functions[name](...given);
            }""",
            [module, name, list(arguments)],
        )

    return function


def values(*given: float) -> Any:
    return pytest.approx(list(given), nan_ok=True)


def test_smoothing_is_an_average_without_the_pull_of_its_start(call: Any) -> None:
    assert call("lines.js", "smooth", [4, 4, 4], 0.9) == pytest.approx([4, 4, 4])
    # weights 1/3 and 2/3 of the two values, as half of the past counts
    assert call("lines.js", "smooth", [0, NAN, 1], 0.5) == values(0, NAN, 2 / 3)


def lines(call: Any, data: dict[str, Any], members: list[str], **settings: Any) -> dict[str, Any]:
    line = {"name": "g", "label": "g", "color": "#112233", "members": members}
    found: dict[str, Any] = call("lines.js", "linesOf", data, [line], settings)
    # columns that the page makes are of a type of their own
    columns = [list(each.values()) if isinstance(each, dict) else each for each in found["columns"]]
    return {**found, "columns": columns}


def test_a_group_is_its_mean_between_minimum_and_maximum(call: Any) -> None:
    data = {"x": [0, 1, 2], "y": {"a": [0, NAN, 2], "b": [1, 3, 1]}, "mean": None}
    found = lines(call, data, ["a", "b"], grouped=True)
    x, high, low, mean = found["columns"]
    assert x == [0, 1, 2]
    assert high == [1, 3, 2]
    assert low == [0, 1, 1]  # between its neighbours, `a` is taken to be 1
    assert mean == [0.5, 2, 1.5]
    assert found["bands"] == [{"series": [1, 2], "fill": "#1122332e"}]


def test_a_band_of_buckets_reaches_to_their_extremes(call: Any) -> None:
    data = {"x": [0, 1], "y": {"a": [9, -5]}, "mean": {"a": [2, NAN]}}
    _, high, low, mean = lines(call, data, ["a"], grouped=True)["columns"]
    assert (high, low, mean) == (values(9, NAN), values(-5, NAN), values(2, NAN))


def test_a_smoothed_line_keeps_the_raw_one_behind_it(call: Any) -> None:
    data = {"x": [0, 1], "y": {"a": [0, 1]}, "mean": None}
    found = lines(call, data, ["a"], smoothing=0.5)
    assert found["columns"][1] == [0, 1]
    assert found["columns"][2] == [0, pytest.approx(2 / 3)]
    assert [series["color"] for series in found["series"]] == ["#11223340", "#112233"]


def test_a_logarithmic_axis_leaves_out_what_it_has_no_place_for(call: Any) -> None:
    data = {"x": [0, 1, 2], "y": {"a": [0, -1, 5]}, "mean": None}
    assert lines(call, data, ["a"], logY=True)["columns"][1] == values(NAN, NAN, 5)


def test_a_part_in_detail_stands_within_the_whole(page: Any) -> None:
    found = page.evaluate(
        """async () => {
          const address = document.querySelector("script[type=module]").src;
          const { detailed } = await import(address.replace("app.js", "lines.js"));
          const column = (...values) => new Float64Array(values);
          const mean = { a: column(1.5, NaN, 2.5, NaN, 3.5) };
          const whole = { x: column(0, 10, 20, 30, 40), y: { a: column(1, 2, 3, 4, 5) }, mean };
          const part = { x: column(9, 15), y: { a: column(7, 8), b: column(6, 6) }, mean: null };
          const { x, y, mean: means } = detailed(whole, part, [9, 21]);
          return [x, y.a, y.b, means.a, means.b].map((each) => [...each]);
        }"""
    )
    assert found == [
        [0, 9, 15, 30, 40],
        [1, 7, 8, 4, 5],
        values(NAN, 6, 6, NAN, NAN),
        values(1.5, 7, 8, NAN, 3.5),
        values(NAN, 6, 6, NAN, NAN),
    ]


@pytest.mark.parametrize(
    ("name", "given", "text"),
    [
        ("number", 1234567, "1,234,567"),
        ("number", 0.000012345, "1.234e-5"),
        ("number", 0.123456789, "0.12346"),
        ("bytes", 1500, "1.50 KB"),
        ("bytes", 12, "12 B"),
        ("duration", 59.4, "59s"),
        ("duration", 3725, "1h 2m"),
        ("duration", 0.25, "0.25s"),
        ("flatten", {"a": {"b": {"c": 1}}, "d": [1], "e": {}}, {"a.b.c": 1, "d": [1], "e": {}}),
        ("parse", '{"a": NaN, "b": "NaN, -Infinity", "c": -Infinity}',
         {"a": "NaN", "b": "NaN, -Infinity", "c": "-Infinity"}),
        ("config", {"lr": {"value": 1, "desc": None}, "_wandb": {"value": {}}}, {"lr": 1}),
    ],
)  # fmt: skip
def test_values_as_people_read_them(call: Any, name: str, given: Any, text: Any) -> None:
    assert call("format.js", name, given) == text


def test_sections_by_the_first_part_of_a_name(call: Any) -> None:
    metrics = ["val/loss", "loss", "train/b/10", "train/b/9", "/odd"]
    assert call("panels.js", "sectionsOf", metrics) == [
        ["Charts", ["/odd", "loss"]],
        ["train", ["train/b/9", "train/b/10"]],
        ["val", ["val/loss"]],
    ]


def test_columns_come_as_numbers_of_a_few_bytes(call: Any, page: Any) -> None:
    header = json.dumps({"count": 2, "runs": ["a", "b"], "mean": True, "dtype": "f4"}).encode()
    header += b" " * (4 - len(header) % 8 + 8 * (len(header) % 8 > 4))
    body = struct.pack("<I", len(header)) + header + struct.pack("<2d", 0, 2.5)
    body += struct.pack("<8f", 1, NAN, NAN, 4, 0.5, 1.5, NAN, 8)
    found = page.evaluate(
        """async (bytes) => {
          const address = document.querySelector("script[type=module]").src;
          const { columnsOf } = await import(address.replace("app.js", "api.js"));
          const plain = (part) => Object.fromEntries(
            Object.entries(part).map(([name, column]) => [name, [...column]]));
          const { x, y, mean } = columnsOf(new Uint8Array(bytes).buffer);
          return { x: [...x], y: plain(y), mean: plain(mean) };
        }""",
        list(body),
    )
    assert found == {
        "x": [0, 2.5],
        "y": {"a": values(1, NAN), "b": values(NAN, 4)},
        "mean": {"a": values(0.5, 1.5), "b": values(NAN, 8)},
    }


def test_what_was_said_of_metrics(call: Any) -> None:
    # as in the protocol: 5 is the place of the step metric, 6 has 2 for hidden, 8 the goal
    said = [
        {"1": "loss", "5": 2, "6": [1, 3], "8": 1},
        {"1": "epoch", "6": [3, 2]},
        {"2": "val/*", "5": 2, "6": [1]},
        {"1": "val/accuracy", "6": [3], "8": 2},
    ]
    found = call("definitions.js", "definitionsOf", said)

    def of(metric: str) -> list[Any]:
        one = call("definitions.js", "definitionOf", found, metric)
        return [one["step"], one["hidden"], one["goal"]]

    assert of("loss") == ["epoch", False, "minimize"]
    assert of("epoch") == [None, True, None]
    assert of("val/loss") == ["epoch", False, None]
    assert of("val/accuracy") == ["epoch", False, "maximize"]
    assert of("other") == [None, False, None]
    assert call("definitions.js", "definitionsOf", None) == []


@pytest.mark.parametrize(
    ("low", "high", "found"),
    [
        (0, 1, [0, 0.2, 0.4, 0.6, 0.8, 1]),
        (-3, 17, [0, 5, 10, 15]),
        (0.001, 0.0034, [0.001, 0.0015, 0.002, 0.0025, 0.003]),
        (4, 4, [4]),
    ],
)
def test_axes_have_round_numbers(call: Any, low: float, high: float, found: list[float]) -> None:
    assert call("scales.js", "ticks", low, high) == pytest.approx(found)


def test_sections_and_charts_stand_where_somebody_put_them(call: Any) -> None:
    sections = [["Charts", ["a", "b", "c"]], ["train", ["d"]], ["val", ["e"]]]
    layout = {
        "pinned": ["d", "gone"],
        "hidden": ["val"],
        "sections": ["train", "Charts"],
        "charts": {"Charts": ["c", "a"]},
    }
    assert call("layout.js", "arranged", sections, layout) == [
        ["Pinned", ["d"]],
        ["Charts", ["c", "a", "b"]],
    ]
    assert call("layout.js", "moved", ["a", "b", "c"], "c", "a") == ["c", "a", "b"]
    assert call("layout.js", "moved", ["a", "b", "c"], "a", 1) == ["b", "a", "c"]


def test_rank_correlation_shares_places_of_equal_values(call: Any) -> None:
    # scipy.stats.spearmanr([1, 2, 2, 3, 5], [2, 1, 4, 4, 6])
    pairs = [[1, 2], [2, 1], [2, 4], [3, 4], [5, 6]]
    assert call("relations.js", "correlation", pairs) == pytest.approx(0.7631578947368421)
    assert call("relations.js", "correlation", [[1, 3], [2, 2], [9, 1]]) == pytest.approx(-1)
    assert call("relations.js", "correlation", [[1, 1], [1, 2], [1, 3]]) is None


def test_a_matrix_of_very_many_classes_is_left_to_its_table(call: Any) -> None:
    names = ("Actual", "Predicted", "nPredictions")
    chart = {"preset": "wandb/confusion_matrix/v1", "fields": dict(zip(names, names, strict=True))}
    run = {"name": "r", "label": "r", "color": "#000000"}

    def drawn(classes: int) -> Any:
        data = [[f"c{i}", f"c{i}", 1] for i in range(classes)]
        tables = [{"run": run, "columns": list(names), "data": data}]
        return call("presets.js", "drawingOf", {**chart, "texts": {}}, tables)

    assert len(drawn(100)["marks"]) == 100
    assert drawn(101) is None
