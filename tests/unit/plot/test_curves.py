"""Curves and confusion matrices: the points of scikit-learn, and what is refused."""

from __future__ import annotations

import json
import math
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from asyncwb import plot
from asyncwb.errors import InvalidValueError
from asyncwb.media.tables.table import Table

CASES: list[dict[str, Any]] = json.loads(
    (Path(__file__).parents[2] / "support" / "curve_vectors.json").read_text()
)["cases"]


def by_class(table: Table) -> dict[Any, list[list[float]]]:
    return {key: [row[1:] for row in rows] for key, rows in groupby(table.data, lambda row: row[0])}


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{len(case['true'])} samples")
def test_roc_curves_are_those_of_scikit_learn(case: dict[str, Any]) -> None:
    found = by_class(plot.roc_curve(case["true"], case["scores"]).table)
    assert list(found) == [curve["class"] for curve in case["curves"]]
    for curve in case["curves"]:
        rates = [math.nan if rate is None else rate for rate in curve["fpr"]]
        expected = np.round([rates, curve["tpr"]], 3).T
        assert np.array_equal(np.array(found[curve["class"]]), expected, equal_nan=True)


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{len(case['true'])} samples")
@pytest.mark.parametrize("size", [1, 5, 21])
def test_precision_at_each_recall_is_that_of_scikit_learn(case: dict[str, Any], size: int) -> None:
    chart = plot.pr_curve(case["true"], case["scores"], interp_size=size)
    found = by_class(chart.table)
    for curve in case["curves"]:
        points = found[curve["class"]]
        assert [recall for _, recall in points] == np.linspace(0, 1, size).round(3).tolist()[::-1]
        for precision, recall in points:
            wanted = next(x for x in np.linspace(0, 1, size) if round(x, 3) == recall)
            # The best precision among thresholds that reach the next recall that occurs.
            reached = min(x for x in curve["recall"] if x >= wanted)
            last = max(at for at, x in enumerate(curve["recall"]) if x == reached)
            assert precision == pytest.approx(max(curve["precision"][: last + 1]), abs=5.1e-4)


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{len(case['true'])} samples")
def test_confusion_is_that_of_scikit_learn(case: dict[str, Any]) -> None:
    names = [f"n{at}" for at in range(len(case["confusion"]))]
    chart = plot.confusion_matrix(probs=case["scores"], y_true=case["true"], class_names=names)
    assert [row[2] for row in chart.table.data] == np.ravel(case["confusion"]).tolist()
    assert [tuple(row[:2]) for row in chart.table.data] == [(a, b) for a in names for b in names]


def test_labels_and_the_choice_of_classes() -> None:
    true, scores = [0, 1, 2, 1], np.eye(3)[[0, 1, 2, 1]]
    chart = plot.roc_curve(true, scores, labels=["a", "b", "c"], classes_to_plot=[1, 2, 9])
    assert list(by_class(chart.table)) == ["b", "c"]
    texts = plot.pr_curve(["x", "y"], [[0.9, 0.1], [0.2, 0.8]])
    assert list(by_class(texts.table)) == ["x", "y"]


def test_one_class_has_no_false_positives_to_speak_of() -> None:
    found = plot.roc_curve([1, 1], [[0.2], [0.8]]).table.data
    assert all(math.isnan(row[1]) for row in found)
    assert [row[2] for row in found] == [0.0, 0.5, 1.0]
    assert {row[1] for row in plot.pr_curve([1, 1], [[0.2], [0.8]]).table.data} == {1.0}


def test_many_points_are_thinned_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Table, "MAX_ROWS", 50)
    rng = np.random.default_rng(0)
    true, scores = rng.integers(0, 2, 500), rng.random((500, 2))
    curves = by_class(plot.roc_curve(true, scores).table)
    assert sum(map(len, curves.values())) <= 50
    for points in curves.values():
        assert (points[0], points[-1]) == ([0.0, 0.0], [1.0, 1.0])


@pytest.mark.parametrize("curve", [plot.pr_curve, plot.roc_curve])
@pytest.mark.parametrize(
    ("true", "scores", "more", "message"),
    [
        (None, [[1]], {}, "needs y_true and y_probas"),
        ([], [], {}, "y_true is a list of classes"),
        ([[0]], [[1]], {}, "y_true is a list of classes"),
        ([0, 1], [0.1, 0.2], {}, "y_probas is an array"),
        ([0, 1], [[0.1, 0.2]], {}, "y_probas is an array"),
        ([0, 1], [["a", "b"]] * 2, {}, "y_probas is an array"),
        ([0, 1], [[0.1, math.nan]] * 2, {}, "y_probas has NaN"),
        ([0.0, math.nan], [[0.1, 0.2]] * 2, {}, "y_true has NaN"),
        ([0, 1, 2], [[0.1, 0.2]] * 3, {}, "3 classes, y_probas 2 columns"),
        ([0, 1], [[0.1, 0.2]] * 2, {"classes_to_plot": [7]}, "none of classes_to_plot"),
        ([0, 1], [[0.1, 0.2]] * 2, {"labels": ["a"]}, "no name in labels for the class 1"),
    ],
)
def test_bad_input_of_curves(
    curve: Any, true: Any, scores: Any, more: dict[str, Any], message: str
) -> None:
    with pytest.raises(InvalidValueError, match=message):
        curve(true, scores, **more)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"y_true": [0]}, "either probs or preds"),
        ({"y_true": [0], "preds": [0], "probs": [[1]]}, "either probs or preds"),
        ({"preds": [0]}, "needs y_true"),
        ({"y_true": [0, 1], "preds": [0]}, "lists of one length"),
        ({"y_true": [], "preds": []}, "no samples"),
        ({"y_true": [0], "probs": [[math.nan, 1]]}, "probs has NaN"),
        ({"y_true": [0], "probs": [1]}, r"numbers \(samples, classes\)"),
        ({"y_true": [0.0, math.nan], "preds": [0, 1]}, "y_true has NaN"),
        ({"y_true": [0, 2], "preds": [0, 1], "class_names": ["a", "b"]}, r"\[2\] too"),
    ],
)
def test_bad_input_of_confusion_matrices(given: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidValueError, match=message):
        plot.confusion_matrix(**given)
