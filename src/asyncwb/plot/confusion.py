"""How often each class was taken for which."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from asyncwb.errors import InvalidValueError
from asyncwb.media.tables.table import Table
from asyncwb.plot.chart import plot_table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from asyncwb.plot.chart import CustomChart

__all__ = ["confusion_matrix"]

_COLUMNS = ["Actual", "Predicted", "nPredictions"]


def confusion_matrix(
    probs: Sequence[Sequence[float]] | None = None,
    y_true: Sequence[Any] | None = None,
    preds: Sequence[Any] | None = None,
    class_names: Sequence[str] | None = None,
    title: str = "Confusion Matrix Curve",
    split_table: bool = False,
) -> CustomChart:
    """A confusion matrix.

    Args:
        probs: Scores (samples, classes), in place of `preds`: the highest one is the prediction.
        y_true: The true class of each sample.
        preds: The predicted class of each sample.
        class_names: Names of the classes 0, 1 ...; None: `Class_1`, `Class_2` ... of the classes
            that occur, in their order.
        title: Title.
        split_table: Whether the table is shown in a section of its own.

    Raises:
        InvalidValueError: Both or none of `probs` and `preds`, empty or uneven input, NaN, or
            classes without a name.
    """
    import numpy as np

    if (probs is None) == (preds is None):
        raise InvalidValueError("a confusion matrix needs either probs or preds")
    if y_true is None:
        raise InvalidValueError("a confusion matrix needs y_true")
    predicted: Any = _most_likely(probs) if preds is None else np.asarray(preds)
    actual: Any = np.asarray(y_true)
    if predicted.ndim != 1 or predicted.shape != actual.shape:
        raise InvalidValueError(
            f"predictions and y_true are lists of one length, got {predicted.shape} and "
            f"{actual.shape}"
        )
    if not actual.size:
        raise InvalidValueError("a confusion matrix of no samples")
    for what, found in (("y_true", actual), ("preds", predicted)):
        if found.dtype.kind == "f" and np.isnan(found).any():
            raise InvalidValueError(f"{what} has NaN; leave those samples out")
    occur = np.union1d(actual, predicted)
    if class_names is None:
        classes, names = occur, [f"Class_{at + 1}" for at in range(len(occur))]
    else:
        classes, names = np.arange(len(class_names)), list(class_names)
        if strange := [one for one in occur.tolist() if one not in range(len(names))]:
            raise InvalidValueError(
                f"class_names names the classes 0 to {len(names) - 1}, there are {strange[:5]} too"
            )
    size = len(classes)
    places: Any = np.searchsorted(classes, np.stack([actual, predicted]))
    pairs = places[0] * size + places[1]
    counts = np.bincount(pairs, minlength=size * size).astype(float).tolist()
    data = [[names[at // size], names[at % size], count] for at, count in enumerate(counts)]
    return plot_table(
        "wandb/confusion_matrix/v1",
        Table(columns=_COLUMNS, data=data),
        {name: name for name in _COLUMNS},
        {"title": title},
        split_table,
    )


def _most_likely(probs: object) -> Any:
    import numpy as np

    array: Any = np.asarray(probs)
    if array.ndim != 2 or not array.size or array.dtype.kind not in "biuf":
        raise InvalidValueError(f"probs are numbers (samples, classes), got {array.shape}")
    if np.isnan(array.astype(float)).any():
        raise InvalidValueError("probs has NaN; leave those samples out")
    return array.argmax(axis=1)
