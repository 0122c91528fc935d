"""Many runs on one x axis.

Their own places while these are few, else buckets, of which each run keeps the smallest and the
largest value, so that no spike is lost.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
import numpy as np

from .rollups import Groups

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from typing import TypeAlias

    from numpy.typing import NDArray

    Numbers: TypeAlias = NDArray[np.float64]

__all__ = ["Chart", "Points", "chart", "within"]

_DIGITS = 7  # of a value on a screen
_FLOAT32 = (1e-37, 3e38)  # what float32 can tell apart, zero aside


class Points(NamedTuple):
    """A run: points with its extremes, and what its means are made of.

    Attributes:
        x: Where the points are, ascending.
        y: Their values.
        starts: Where the parts that the sums are of begin, ascending.
        sums: Sums of their values.
        counts: How many values each has.
        reduced: Whether there are values that are no points.
    """

    x: Numbers
    y: Numbers
    starts: Numbers
    sums: Numbers
    counts: NDArray[np.int64]
    reduced: bool = False

    @classmethod
    def of(cls, x: Numbers, y: Numbers) -> Points:
        """Every value a point."""
        return cls(x, y, x, y, np.ones(len(x), np.int64))

    def with_blocks(self, blocks: Points) -> Points:
        """These and those of another stretch, in the order of x."""
        x, y = _ascending(np.concatenate((self.x, blocks.x)), np.concatenate((self.y, blocks.y)))
        starts, sums, counts = _ascending(
            np.concatenate((self.starts, blocks.starts)),
            np.concatenate((self.sums, blocks.sums)),
            np.concatenate((self.counts, blocks.counts)),
        )
        return Points(x, y, starts, sums, counts, reduced=True)

    def thinned(self, points: int, *, logarithmic: bool) -> Points:
        """A long run in buckets of its own, finer than those of a chart of so many `points`."""
        if len(self.x) <= 8 * points or np.count_nonzero(np.diff(self.x)) < 2 * points:
            return self
        buckets = _Buckets(self.x[0], self.x[-1], 4 * points, logarithmic)
        kept = np.zeros(len(self.x), np.bool_)
        for extremes in Groups(buckets.of(self.x)).extremes(self.y):
            kept[extremes] = True
        groups = Groups(buckets.of(self.starts))
        return Points(
            self.x[kept],
            self.y[kept],
            self.starts[groups.first],
            np.add.reduceat(self.sums, groups.first),
            np.add.reduceat(self.counts, groups.first),
            reduced=True,
        )


class Chart(NamedTuple):
    """Columns of a chart; NaN where a run has no value.

    Attributes:
        x: The places, ascending.
        y: Values of each run, by its name.
        mean: Where values were put into buckets: their mean, at the first place of the bucket.
    """

    x: Numbers
    y: dict[str, Numbers]
    mean: dict[str, Numbers] | None = None

    def as_json(self) -> dict[str, Any]:
        """For JSON: null where a run has no value, no more digits than a screen shows."""
        mean = self.mean
        return {
            "x": self.x.tolist(),
            "y": {name: _plain(values) for name, values in self.y.items()},
            "mean": mean and {name: _plain(values) for name, values in mean.items()},
        }

    def as_bytes(self) -> bytes:
        """In binary, little endian.

        The length of the header as uint32, the header as JSON, `x` as float64, `y` of each run,
        then `mean` of each, as the header says; `x` begins at a multiple of 8.
        """
        columns = [*self.y.values(), *(self.mean or {}).values()]
        dtype = "f4" if all(map(_fits_float32, columns)) else "f8"
        header = msgspec.json.encode(
            {
                "count": len(self.x),
                "runs": list(self.y),
                "mean": self.mean is not None,
                "dtype": dtype,
            }
        )
        header += b" " * (-(4 + len(header)) % 8)
        parts = [len(header).to_bytes(4, "little"), header, self.x.astype("<f8").tobytes()]
        parts += [values.astype(f"<{dtype}").tobytes() for values in columns]
        return b"".join(parts)


def chart(runs: Iterable[tuple[str, Points]], points: int, *, logarithmic: bool = False) -> Chart:
    """Columns of a chart. Of each run no more is kept than the chart needs, while it is read.

    Args:
        runs: Name and points of each run.
        points: Buckets, where the places are more than twice as many.
        logarithmic: Buckets of equal width in the logarithm of x, which is positive then.
    """
    kept = {name: run.thinned(points, logarithmic=logarithmic) for name, run in runs}
    if not any(run.reduced for run in kept.values()):
        places = np.empty(0)
        for run in kept.values():
            places = np.union1d(places, run.x)
            if len(places) > 2 * points:
                break
        else:
            return Chart(places, {name: _at(places, run) for name, run in kept.items()})
    ends = [(run.x[0], run.x[-1]) for run in kept.values() if len(run.x)]
    buckets = _Buckets(min(ends)[0], max(end for _, end in ends), points, logarithmic)
    return _bucketed(kept, buckets)


def within(
    x: Numbers, y: Numbers, low: float | None, high: float | None, *, logarithmic: bool
) -> tuple[Numbers, Numbers]:
    """The points that can be drawn, in the order of x."""
    keep = np.isfinite(x) & np.isfinite(y)
    if logarithmic:
        keep &= x > 0
    if low is not None:
        keep &= x >= low
    if high is not None:
        keep &= x <= high
    x, y = _ascending(x[keep], y[keep])
    return x, y


def _ascending(x: Numbers, *others: NDArray[Any]) -> tuple[NDArray[Any], ...]:
    if len(x) and (np.diff(x) < 0).any():
        order = np.argsort(x, kind="stable")
        return x[order], *(other[order] for other in others)
    return x, *others


class _Buckets:
    """Parts of equal width between two places."""

    def __init__(self, low: float, high: float, number: int, logarithmic: bool) -> None:
        self._forth: Callable[..., Any] = np.log if logarithmic else np.asarray
        self._back: Callable[..., Any] = np.exp if logarithmic else np.asarray
        self.number = number
        self._start = self._forth(low)
        self._width = (self._forth(high) - self._start) / number

    def of(self, x: Numbers) -> NDArray[np.int64]:
        """The bucket of each place."""
        found: Numbers = (self._forth(x) - self._start) / self._width
        return np.clip(found.astype(np.int64), 0, self.number - 1)

    def halves(self) -> Numbers:
        """Two places in each bucket."""
        middle = (np.arange(2 * self.number) + 0.5) / 2
        return np.asarray(self._back(self._start + self._width * middle))


def _at(places: Numbers, run: Points) -> Numbers:
    values = np.full(len(places), np.nan)
    values[np.searchsorted(places, run.x)] = run.y  # of several values at one place, the last
    return values


def _bucketed(runs: Mapping[str, Points], buckets: _Buckets) -> Chart:
    values: dict[str, Numbers] = {}
    means: dict[str, Numbers] = {}
    for name, run in runs.items():
        # at the two places of a bucket: its smallest and its largest value, in the order they came
        drawn, mean = np.full((2, 2 * buckets.number), np.nan)
        if len(run.x):
            groups = Groups(buckets.of(run.x))
            pair = np.sort(groups.extremes(run.y), axis=0)
            drawn[2 * groups.number] = run.y[pair[0]]
            several = pair[0] < pair[1]
            drawn[2 * groups.number[several] + 1] = run.y[pair[1][several]]
            groups = Groups(buckets.of(run.starts))
            total = np.add.reduceat(run.sums, groups.first)
            mean[2 * groups.number] = total / np.add.reduceat(run.counts, groups.first)
        values[name], means[name] = drawn, mean
    used = ~np.isnan([*values.values(), *means.values()]).all(axis=0)
    return Chart(
        buckets.halves()[used],
        {name: y[used] for name, y in values.items()},
        {name: y[used] for name, y in means.items()},
    )


def _fits_float32(values: Numbers) -> bool:
    size = np.abs(values[values != 0])
    return bool(((size >= _FLOAT32[0]) & (size <= _FLOAT32[1]) | np.isnan(size)).all())


def _plain(values: Numbers) -> list[float | None]:
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        scale = 10.0 ** (_DIGITS - 1 - np.floor(np.log10(np.abs(values))))
        rounded = np.round(values * scale) / scale
    rounded = np.where(np.isfinite(rounded), rounded, values)
    return [None if value != value else value for value in rounded.tolist()]
