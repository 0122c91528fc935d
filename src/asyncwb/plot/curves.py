"""Precision and recall, and receiver operating characteristics, of every class against the rest.

The points are those of scikit-learn's `precision_recall_curve` and `roc_curve`.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from asyncwb.errors import InvalidValueError
from asyncwb.media.tables.table import Table
from asyncwb.plot.chart import plot_table
from asyncwb.plot.inputs import Scores

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from asyncwb.plot.chart import CustomChart

__all__ = ["pr_curve", "roc_curve"]

_log = logging.getLogger("asyncwb.plot")

_SPEC = "wandb/area-under-curve/v0"
_DIGITS = 3


def pr_curve(
    y_true: Iterable[Any] | None = None,
    y_probas: Iterable[Any] | None = None,
    labels: Sequence[str] | None = None,
    classes_to_plot: Iterable[Any] | None = None,
    interp_size: int = 21,
    title: str = "Precision-Recall Curve",
    split_table: bool = False,
) -> CustomChart:
    """Precision over recall, a curve for each class.

    Args:
        y_true: The true class of each sample.
        y_probas: Scores (samples, classes): a column for each class that occurs in `y_true`, in
            their order.
        labels: Names of the classes 0, 1 ...; None: the classes themselves.
        classes_to_plot: Classes that are drawn; None: all that occur.
        interp_size: Number of points, at equal distances of recall.
        title: Title.
        split_table: Whether the table is shown in a section of its own.

    Raises:
        InvalidValueError: Empty input, NaN, or shapes, names or classes that do not fit.
    """
    import numpy as np

    if interp_size < 1:
        raise InvalidValueError(f"interp_size is 1 or more, got {interp_size}")
    scores = Scores(y_true, y_probas, labels, classes_to_plot)
    wanted = np.linspace(0, 1, interp_size)[::-1]
    rows: list[list[Any]] = []
    for at, one in scores.wanted:
        precision, recall = _precision_recall(scores.true == one, scores.probas[:, at])
        # Never less precise at less recall, as curves of this kind are drawn.
        precision = np.maximum.accumulate(precision)[::-1]
        precision = precision[np.searchsorted(recall[::-1], wanted, side="left")]
        name = scores.label(one)
        rows += [
            [name, *pair]
            for pair in zip(
                precision.round(_DIGITS).tolist(), wanted.round(_DIGITS).tolist(), strict=True
            )
        ]
    return _chart(
        ["class", "precision", "recall"], rows, ("recall", "precision"), ("Recall", "Precision"),
        title, split_table=split_table,
    )  # fmt: skip


def roc_curve(
    y_true: Iterable[Any] | None = None,
    y_probas: Iterable[Any] | None = None,
    labels: Sequence[str] | None = None,
    classes_to_plot: Iterable[Any] | None = None,
    title: str = "ROC Curve",
    split_table: bool = False,
) -> CustomChart:
    """The true positive rate over the false positive rate, a curve for each class.

    With one class only there are no negatives: the false positive rate is NaN then.

    Args:
        y_true: The true class of each sample.
        y_probas: Scores (samples, classes): a column for each class that occurs in `y_true`, in
            their order.
        labels: Names of the classes 0, 1 ...; None: the classes themselves.
        classes_to_plot: Classes that are drawn; None: all that occur.
        title: Title.
        split_table: Whether the table is shown in a section of its own.

    Raises:
        InvalidValueError: Empty input, NaN, or shapes, names or classes that do not fit.
    """
    scores = Scores(y_true, y_probas, labels, classes_to_plot)
    rows: list[list[Any]] = []
    for at, one in scores.wanted:
        false_rate, true_rate = _roc(scores.true == one, scores.probas[:, at])
        name = scores.label(one)
        rows += [
            [name, *pair]
            for pair in zip(
                false_rate.round(_DIGITS).tolist(), true_rate.round(_DIGITS).tolist(), strict=True
            )
        ]
    return _chart(
        ["class", "fpr", "tpr"], rows, ("fpr", "tpr"),
        ("False positive rate", "True positive rate"), title, split_table=split_table,
    )  # fmt: skip


def _counts(positive: Any, score: Any) -> tuple[Any, Any]:
    """How many negatives and positives have at least each score that occurs, falling."""
    import numpy as np

    order = np.argsort(score, kind="stable")[::-1]
    score, positive = score[order], positive[order]
    last = np.r_[np.nonzero(np.diff(score))[0], score.size - 1]
    hits = np.cumsum(positive, dtype=np.float64)[last]
    return 1 + last - hits, hits


def _precision_recall(positive: Any, score: Any) -> tuple[Any, Any]:
    """Precision and falling recall at each score that occurs, rising, and (1, 0) at the end."""
    import numpy as np

    misses, hits = _counts(positive, score)
    precision, recall = hits / (hits + misses), hits / hits[-1]
    return np.r_[precision[::-1], 1.0], np.r_[recall[::-1], 0.0]


def _roc(positive: Any, score: Any) -> tuple[Any, Any]:
    """False and true positive rates from (0, 0), without points inside of straight lines."""
    import numpy as np

    misses, hits = _counts(positive, score)
    if len(misses) > 2:
        bends = np.logical_or(np.diff(misses, 2), np.diff(hits, 2))
        kept = np.nonzero(np.r_[True, bends, True])[0]
        misses, hits = misses[kept], hits[kept]
    misses, hits = np.r_[0.0, misses], np.r_[0.0, hits]
    with np.errstate(invalid="ignore"):
        return misses / misses[-1] if misses[-1] else misses * np.nan, hits / hits[-1]


def _chart(
    columns: list[str],
    rows: list[list[Any]],
    axes: tuple[str, str],
    titles: tuple[str, str],
    title: str,
    *,
    split_table: bool,
) -> CustomChart:
    return plot_table(
        _SPEC,
        Table(columns=columns, data=_thinned(rows)),
        {"x": axes[0], "y": axes[1], "class": "class"},
        {"title": title, "x-axis-title": titles[0], "y-axis-title": titles[1]},
        split_table,
    )


def _thinned(rows: list[list[Any]]) -> list[list[Any]]:
    """At most as many points as the file of a row holds, of each curve its share and its ends."""
    import numpy as np

    most = Table.MAX_ROWS
    if len(rows) <= most:
        return rows
    _log.warning("a chart of %d points is thinned out to %d", len(rows), most)
    curves: dict[Any, list[list[Any]]] = {}
    for row in rows:
        curves.setdefault(row[0], []).append(row)
    found: list[list[Any]] = []
    for points in curves.values():
        share = max(2, len(points) * most // len(rows))
        kept = np.linspace(0, len(points) - 1, min(share, len(points))).astype(int)
        found += [points[at] for at in dict.fromkeys(kept.tolist())]
    return found[:most]
