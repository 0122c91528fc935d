"""The page's own functions, called in the browser: lines of charts, texts, files."""

from __future__ import annotations

from typing import Any

import pytest


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


def test_smoothing_is_an_average_without_the_pull_of_its_start(call: Any) -> None:
    assert call("lines.js", "smooth", [4, 4, 4], 0.9) == pytest.approx([4, 4, 4])
    # weights 1/3 and 2/3 of the two values, as half of the past counts
    assert call("lines.js", "smooth", [0, None, 1], 0.5) == [0, None, pytest.approx(2 / 3)]


def lines(call: Any, data: dict[str, Any], members: list[str], **settings: Any) -> dict[str, Any]:
    line = {"name": "g", "label": "g", "color": "#112233", "members": members}
    found: dict[str, Any] = call("lines.js", "linesOf", data, [line], settings)
    return found


def test_a_group_is_its_mean_between_minimum_and_maximum(call: Any) -> None:
    data = {"x": [0, 1, 2], "y": {"a": [0, None, 2], "b": [1, 3, 1]}, "mean": None}
    found = lines(call, data, ["a", "b"], grouped=True)
    x, high, low, mean = found["columns"]
    assert x == [0, 1, 2]
    assert high == [1, 3, 2]
    assert low == [0, 1, 1]  # between its neighbours, `a` is taken to be 1
    assert mean == [0.5, 2, 1.5]
    assert found["bands"] == [{"series": [1, 2], "fill": "#1122332e"}]


def test_a_band_of_buckets_reaches_to_their_extremes(call: Any) -> None:
    data = {"x": [0, 1], "y": {"a": [9, -5]}, "mean": {"a": [2, None]}}
    _, high, low, mean = lines(call, data, ["a"], grouped=True)["columns"]
    assert (high, low, mean) == ([9, None], [-5, None], [2, None])


def test_a_smoothed_line_keeps_the_raw_one_behind_it(call: Any) -> None:
    data = {"x": [0, 1], "y": {"a": [0, 1]}, "mean": None}
    found = lines(call, data, ["a"], smoothing=0.5)
    assert found["columns"][1] == [0, 1]
    assert found["columns"][2] == [0, pytest.approx(2 / 3)]
    assert [series["color"] for series in found["series"]] == ["#11223340", "#112233"]


def test_a_logarithmic_axis_leaves_out_what_it_has_no_place_for(call: Any) -> None:
    data = {"x": [0, 1, 2], "y": {"a": [0, -1, 5]}, "mean": None}
    assert lines(call, data, ["a"], logY=True)["columns"][1] == [None, None, 5]


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
