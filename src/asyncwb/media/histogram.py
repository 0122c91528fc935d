"""Histograms: counts between edges, a value of the row without a file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from asyncwb.errors import InvalidValueError
from asyncwb.media.arrays import as_array
from asyncwb.media.base import Media

if TYPE_CHECKING:
    from collections.abc import Sequence

    from asyncwb.media.base import Place

__all__ = ["Histogram"]

# So many are counted at once, in about a millisecond.
_FEW = 1 << 15


class Histogram(Media):
    """A histogram, as numpy counts it.

    What is given is copied. Up to 32,768 values are counted at once, more when the histogram is
    logged, off the caller's thread, or when somebody asks for `histogram` or `bins`.

    Args:
        sequence: Numbers: a list, or an array of any library and shape. Values that are not finite
            are not counted.
        np_histogram: Counts and edges, as `numpy.histogram` returns them, in place of `sequence`.
        num_bins: Bins of equal width from the lowest to the highest value, 1 to 512.

    Raises:
        InvalidValueError: Nothing to count, no numbers, more than 512 bins, or counts and edges
            that do not belong together.
    """

    json_type = "histogram"
    quick = False
    MAX_LENGTH = 512

    def __init__(
        self,
        sequence: Any = None,
        np_histogram: Sequence[Any] | None = None,
        num_bins: int = 64,
    ) -> None:
        super().__init__(None)
        # What is to be counted, or counts and edges.
        self._values: Any = None
        self._counted: tuple[list[float], list[float]] | None = None
        if np_histogram is not None:
            self._counted = _checked(np_histogram)
            return
        if sequence is None:
            raise InvalidValueError("a histogram is made of a sequence, or of np_histogram")
        if isinstance(num_bins, bool) or not isinstance(num_bins, int):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise InvalidValueError(f"num_bins is an integer, got {num_bins!r}")
        if not 1 <= num_bins <= self.MAX_LENGTH:
            raise InvalidValueError(f"num_bins is 1 to {self.MAX_LENGTH}, got {num_bins}")
        self._bins = num_bins
        values = as_array(sequence, "a histogram").reshape(-1)
        if not values.size:
            raise InvalidValueError("a histogram of no values; give at least one")
        if values.size <= _FEW:
            self._counted = _count(values, num_bins)
        else:
            self._values = values.copy()

    @property
    def histogram(self) -> list[float]:
        """How many values lie in each bin."""
        return self._count()[0]

    @property
    def bins(self) -> list[float]:
        """The edges of the bins, one more than bins."""
        return self._count()[1]

    @property
    def held(self) -> int:
        """Bytes of the values that are still to be counted."""
        return 0 if self._values is None else int(self._values.nbytes)

    def at_once(self) -> dict[str, Any] | None:
        """Its JSON, where it is counted already."""
        return None if self._counted is None else self._json()

    def to_json(self, place: Place) -> dict[str, Any]:
        """Describe it; counts what is not counted yet."""
        del place
        return self._json()

    def _json(self) -> dict[str, Any]:
        counts, edges = self._count()
        return {"_type": self.json_type, "values": counts, "bins": edges}

    def _count(self) -> tuple[list[float], list[float]]:
        # In this order: another thread that counts lets go of the values last.
        values = self._values
        counted = self._counted
        if counted is None:
            counted = self._counted = _count(values, self._bins)
            self._values = None
        return counted


def _count(values: Any, bins: int) -> tuple[list[float], list[float]]:
    import numpy as np

    if values.dtype.kind == "b" or values.dtype == np.float16:
        values = values.astype(np.float32)
    try:
        counts, edges = np.histogram(values, bins)
    except ValueError:
        # Not finite, as numpy finds out by itself; or too close to each other for so many bins.
        finite = values[np.isfinite(values)]
        if not finite.size:
            raise InvalidValueError("a histogram of values none of which is finite") from None
        if finite.size == values.size:
            return [values.size], [values.min().item(), values.max().item()]
        return _count(finite, bins)
    return counts.tolist(), edges.tolist()


def _checked(given: Sequence[Any]) -> tuple[list[float], list[float]]:
    if len(given) != 2:
        raise InvalidValueError(
            f"np_histogram is a pair of counts and edges, got {len(given)} things"
        )
    counts, edges = (as_array(part, "np_histogram") for part in given)
    if counts.ndim != 1 or edges.ndim != 1 or counts.size + 1 != edges.size or not counts.size:
        raise InvalidValueError(
            "np_histogram has one edge more than counts, in one dimension, got "
            f"{counts.shape} counts and {edges.shape} edges"
        )
    if counts.size > Histogram.MAX_LENGTH:
        raise InvalidValueError(
            f"a histogram has at most {Histogram.MAX_LENGTH} bins, got {counts.size}"
        )
    return counts.tolist(), edges.tolist()
