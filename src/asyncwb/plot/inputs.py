"""Labels and scores, checked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from asyncwb.errors import InvalidValueError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = ["Scores"]


class Scores:
    """True classes and the scores of each class, checked.

    Args:
        y_true: The true class of each sample.
        y_probas: Scores (samples, classes): a column for each class that occurs, in their order.
        labels: Names of the classes 0, 1 ...; None: the classes themselves.
        classes_to_plot: Classes that are wanted; None: all.

    Raises:
        InvalidValueError: Nothing in it, NaN, or shapes, names or classes that do not fit.

    Attributes:
        true: The true classes, an array.
        probas: The scores, an array.
        wanted: Column and class of those that are wanted.
    """

    def __init__(
        self,
        y_true: Iterable[Any] | None,
        y_probas: Iterable[Any] | None,
        labels: Sequence[str] | None,
        classes_to_plot: Iterable[Any] | None,
    ) -> None:
        import numpy as np

        if y_true is None or y_probas is None:
            raise InvalidValueError("a curve needs y_true and y_probas")
        self.true: Any = np.asarray(y_true)
        self.probas: Any = np.asarray(y_probas)
        self._labels = labels
        self._check()
        classes = np.unique(self.true)
        if len(classes) > self.probas.shape[1]:
            raise InvalidValueError(
                f"y_true has {len(classes)} classes, y_probas {self.probas.shape[1]} columns"
            )
        chosen = classes if classes_to_plot is None else np.asarray(list(classes_to_plot))
        self.wanted: list[tuple[int, Any]] = [
            (at, one) for at, one in enumerate(classes) if np.isin(one, chosen)
        ]
        if not self.wanted:
            raise InvalidValueError(
                f"none of classes_to_plot occurs in y_true, which has {classes.tolist()}"
            )
        self._is_named = labels is not None and classes.dtype.kind in "iu"
        if self._is_named and (last := self.wanted[-1][1]) >= len(labels or ()):
            raise InvalidValueError(f"there is no name in labels for the class {last}")

    def _check(self) -> None:
        import numpy as np

        true, probas = self.true, self.probas
        if true.ndim != 1 or not true.size:
            raise InvalidValueError(f"y_true is a list of classes, got an array {true.shape}")
        if probas.ndim != 2 or len(probas) != len(true) or probas.dtype.kind not in "biuf":
            raise InvalidValueError(
                f"y_probas is an array of numbers ({len(true)}, classes), got {probas.dtype} "
                f"{probas.shape}"
            )
        for what, array in (("y_true", true), ("y_probas", probas)):
            if array.dtype.kind == "f" and np.isnan(array).any():
                raise InvalidValueError(f"{what} has NaN; leave those samples out")

    def label(self, one: Any) -> Any:
        """What a class is called."""
        if self._is_named and self._labels is not None:
            return self._labels[int(one)]
        return one.item() if hasattr(one, "item") else one
