"""One metric of many runs, as columns for a chart.

Rows are read as numbers only; what is not a number is left out. All runs share one x axis: their
own places while these are few, else buckets, of which each run keeps the smallest and the largest
value, so that no spike is lost.
"""

from __future__ import annotations

from operator import attrgetter
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
import numpy as np
from sqlalchemy import select

from .history import lookup
from .ingest import parse_row
from .lines import Stream, split
from .tables import segments

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from typing import TypeAlias

    from numpy.typing import NDArray
    from sqlalchemy import Connection

    Numbers: TypeAlias = NDArray[np.float64]

__all__ = ["Series", "chart", "columns"]

_DIGITS = 7  # of a value on a screen
_Number = float | None


class Series(msgspec.Struct, frozen=True):
    """Columns of a chart; null where a run has no value.

    Attributes:
        x: The places, ascending.
        y: Values of each run, by its name.
        mean: Where values were put into buckets: their mean, at the first place of the bucket.
    """

    x: list[float]
    y: dict[str, list[float | None]]
    mean: dict[str, list[float | None]] | None = None


def columns(
    connection: Connection,
    run_id: int,
    stream: Stream,
    keys: Sequence[str],
    low: float | None = None,
    high: float | None = None,
) -> list[Numbers]:
    """The values of some keys in the rows of a stream, in the stored order; NaN where none is.

    Args:
        connection: To the database.
        run_id: Row id of the run.
        stream: Which rows.
        keys: What is read of each. The first is the x axis.
        low: Rows below this x may be left out.
        high: Rows above this x may be left out.
    """
    query = select(segments.c.data, segments.c.steps).where(
        segments.c.run_id == run_id, segments.c.stream == stream
    )
    # Steps are kept beside the rows: they need no decoding, and tell which rows are asked for.
    by_step = stream == "history" and keys[0] == "_step"
    if by_step and low is not None:
        query = query.where(segments.c.max_step >= low)
    if by_step and high is not None:
        query = query.where(segments.c.min_step <= high)
    first = segments.c.min_step if stream == "history" else segments.c.writer
    read = _reader(keys[1:] if by_step else keys)
    parts: list[list[Numbers]] = []
    for data, steps in connection.execute(query.order_by(first, segments.c.first_line)):
        part = read(data)
        if by_step:
            part.insert(0, np.frombuffer(steps, dtype=np.int64).astype(np.float64))
        parts.append(part)
    return [np.concatenate([part[i] for part in parts] or [np.empty(0)]) for i in range(len(keys))]


def _reader(keys: Sequence[str]) -> Callable[[bytes], list[Numbers]]:
    """Reads a segment: in one go where all values are numbers under literal keys."""
    names = [f"f{i}" for i in range(len(keys))]
    row: Any = msgspec.defstruct(
        "Row",
        [(name, _Number, None) for name in names],
        rename=dict(zip(names, keys, strict=True)),
        gc=False,
    )
    decode = msgspec.json.Decoder(list[row]).decode
    fields = [attrgetter(name) for name in names]
    nested = [i for i, key in enumerate(keys) if "." in key]

    def read(data: bytes) -> list[Numbers]:
        try:
            rows = decode(b"[" + data.replace(b"\n", b",") + b"]")
        except (msgspec.MsgspecError, RecursionError):
            return _read_slowly(data, keys)
        found = [np.array(list(map(field, rows)), dtype=np.float64) for field in fields]
        if any(np.isnan(found[i]).any() for i in nested):
            return _read_slowly(data, keys)
        return found

    return read


def _read_slowly(data: bytes, keys: Sequence[str]) -> list[Numbers]:
    """Rows of other values, bare NaN tokens, or keys of nested objects."""
    rows = [parse_row(line) for line in split(data)]
    return [np.array([_number(lookup(row, key)) for row in rows]) for key in keys]


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return np.nan
    try:
        return float(value)
    except OverflowError:
        return np.nan


def chart(
    runs: Iterable[tuple[str, Numbers, Numbers]],
    points: int,
    *,
    low: float | None = None,
    high: float | None = None,
    logarithmic: bool = False,
) -> Series:
    """Columns of a chart. Of each run no more is kept than the chart needs, while it is read.

    Args:
        runs: Name, x and y of each run.
        points: Buckets, where the places are more than twice as many.
        low: Smallest x.
        high: Largest x.
        logarithmic: Buckets of equal width in the logarithm of x, which is positive then.
    """
    kept = {
        name: _thinned(*_within(x, y, low, high, logarithmic), points, logarithmic)
        for name, x, y in runs
    }
    places = np.empty(0)
    for run in kept.values():  # ascending, so that those of one run alone may be too many
        places = np.union1d(places, run.x[np.diff(run.x, prepend=-np.inf) > 0])
        if len(places) > 2 * points:
            break
    else:
        values = {name: _at(places, run.x, run.y) for name, run in kept.items()}
        return Series(places.tolist(), {name: _plain(y) for name, y in values.items()})
    ends = [(run.x[0], run.x[-1]) for run in kept.values() if len(run.x)]
    buckets = _Buckets(min(ends)[0], max(end for _, end in ends), points, logarithmic)
    return _bucketed(kept, buckets)


class _Points(NamedTuple):
    """A run: points with its extremes, and what its means are made of."""

    x: Numbers
    y: Numbers
    starts: Numbers  # x of the sums
    sums: Numbers
    counts: NDArray[np.int64]


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


class _Parts:
    """Ascending values of one run that fall into the same buckets."""

    def __init__(self, bucket: NDArray[np.int64]) -> None:
        self.first = np.flatnonzero(np.diff(bucket, prepend=-1))
        self.counts = np.diff(self.first, append=len(bucket))
        self.bucket = bucket[self.first]

    def extremes(self, y: Numbers) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Where each bucket has its smallest and its largest value for the first time."""
        least, most = np.minimum.reduceat(y, self.first), np.maximum.reduceat(y, self.first)
        return self._first_of(y, least), self._first_of(y, most)

    def _first_of(self, y: Numbers, wanted: Numbers) -> NDArray[np.int64]:
        places = np.where(y == np.repeat(wanted, self.counts), np.arange(len(y)), len(y))
        return np.minimum.reduceat(places, self.first)


def _thinned(x: Numbers, y: Numbers, points: int, logarithmic: bool) -> _Points:
    """A long run in buckets of its own, finer than those of the chart."""
    whole = _Points(x, y, x, y, np.ones(len(x), np.int64))
    if len(x) <= 8 * points or np.count_nonzero(np.diff(x)) < 2 * points:
        return whole
    parts = _Parts(_Buckets(x[0], x[-1], 4 * points, logarithmic).of(x))
    kept = np.unique(np.concatenate(parts.extremes(y)))
    return _Points(x[kept], y[kept], x[parts.first], np.add.reduceat(y, parts.first), parts.counts)


def _within(
    x: Numbers, y: Numbers, low: float | None, high: float | None, logarithmic: bool
) -> tuple[Numbers, Numbers]:
    """The points that can be drawn, in the order of x."""
    keep = np.isfinite(x) & np.isfinite(y)
    if logarithmic:
        keep &= x > 0
    if low is not None:
        keep &= x >= low
    if high is not None:
        keep &= x <= high
    x, y = x[keep], y[keep]
    if len(x) and (np.diff(x) < 0).any():
        order = np.argsort(x, kind="stable")
        x, y = x[order], y[order]
    return x, y


def _at(places: Numbers, x: Numbers, y: Numbers) -> Numbers:
    values = np.full(len(places), np.nan)
    values[np.searchsorted(places, x)] = y  # of several values at one place, the last
    return values


def _bucketed(runs: Mapping[str, _Points], buckets: _Buckets) -> Series:
    values: dict[str, Numbers] = {}
    means: dict[str, Numbers] = {}
    for name, run in runs.items():
        # at the two places of a bucket: its smallest and its largest value, in the order they came
        drawn, mean = np.full((2, 2 * buckets.number), np.nan)
        if len(run.x):
            parts = _Parts(buckets.of(run.x))
            pair = np.sort(parts.extremes(run.y), axis=0)
            drawn[2 * parts.bucket] = run.y[pair[0]]
            several = pair[0] < pair[1]
            drawn[2 * parts.bucket[several] + 1] = run.y[pair[1][several]]
            parts = _Parts(buckets.of(run.starts))
            total = np.add.reduceat(run.sums, parts.first)
            mean[2 * parts.bucket] = total / np.add.reduceat(run.counts, parts.first)
        values[name], means[name] = drawn, mean
    used = ~np.isnan([*values.values(), *means.values()]).all(axis=0)
    return Series(
        buckets.halves()[used].tolist(),
        {name: _plain(y[used]) for name, y in values.items()},
        {name: _plain(y[used]) for name, y in means.items()},
    )


def _plain(values: Numbers) -> list[float | None]:
    """For JSON: null for NaN, no more digits than a screen shows."""
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        scale = 10.0 ** (_DIGITS - 1 - np.floor(np.log10(np.abs(values))))
        rounded = np.round(values * scale) / scale
    rounded = np.where(np.isfinite(rounded), rounded, values)
    return [None if value != value else value for value in rounded.tolist()]
