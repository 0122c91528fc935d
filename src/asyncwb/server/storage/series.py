"""One metric of a run over another, as the points of a chart.

Where a segment is settled (see `settling`), its blocks of 32 rows are read, if they are finer than
a chart can show, else its numbers; both are columns of one key. Other segments are read as rows.
"""

from __future__ import annotations

import re
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import msgspec
import numpy as np
from sqlalchemy import bindparam, select

from .chart import Points, within
from .history import lookup
from .ingest import parse_row
from .lines import split
from .rollups import BLOCK, ROWS, read_numbers
from .series_tables import has_columns, rollups, series_blocks, series_values
from .tables import segments

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from typing import TypeAlias

    from numpy.typing import NDArray
    from sqlalchemy import Column, Connection, Select, Table

    Numbers: TypeAlias = NDArray[np.float64]
    Flags: TypeAlias = NDArray[np.bool_]

__all__ = ["View", "points_of"]

_FAR = 2**62
_AT_ONCE = 500  # segments that a statement names
_ESCAPED = re.compile(r'[\x00-\x1f"\\]').search  # what msgspec has no fields for
_Number = float | None


class View(msgspec.Struct, frozen=True):
    """What a chart shows.

    Attributes:
        x: Key of the x axis.
        y: Key of the values.
        stream: Where they are.
        points: Buckets of the chart.
        low: Smallest x.
        high: Largest x.
        logarithmic: Whether buckets are of equal width in the logarithm of x.
    """

    x: str
    y: str
    stream: Literal["history", "events"]
    points: int
    low: float | None = None
    high: float | None = None
    logarithmic: bool = False

    @property
    def by_step(self) -> bool:
        """Whether the x axis is the steps, which are kept beside the rows."""
        return self.stream == "history" and self.x == "_step"

    @property
    def rolled(self) -> bool:
        """Whether settled segments have its keys as columns."""
        return has_columns(self.x) and has_columns(self.y)


def points_of(connection: Connection, run_id: int, view: View) -> Points:
    """The points of a run: every value, or of long stretches the extremes of short ones."""
    place = _Place(connection, run_id, view)
    found = place.segments()
    settled = [segment for segment in found if segment.line_count and view.rolled]
    near, far = _far_blocks(place, settled) if settled else ([], None)
    pieces = place.numbers(near)
    known = {segment.id for segment in settled}
    pieces.update(place.rows([segment.id for segment in found if segment.id not in known]))
    ordered = [pieces[segment.id] for segment in found if segment.id in pieces]
    x = np.concatenate([piece[0] for piece in ordered] or [np.empty(0)])
    y = np.concatenate([piece[1] for piece in ordered] or [np.empty(0)])
    x, y = within(x, y, view.low, view.high, logarithmic=view.logarithmic)
    points = Points.of(x, y)
    return points if far is None else points.with_blocks(far)


class _Segment(NamedTuple):
    id: int
    line_count: int | None  # where it is settled


class _Blocks(NamedTuple):
    """Blocks of one key, in the stored order."""

    owner: NDArray[np.int64]  # which of the segments
    blocks: NDArray[Any]  # of BLOCK

    @property
    def ids(self) -> NDArray[np.int64]:
        return (self.owner << 16) | self.blocks["number"].astype(np.int64)


def _far_blocks(place: _Place, settled: Sequence[_Segment]) -> tuple[list[_Segment], Points | None]:
    """Segments whose numbers have to be read, and the points of the blocks of the others."""
    view = place.view
    of_x, of_y = place.blocks(settled)
    if not len(of_x.owner) or not len(of_y.owner):
        return [], None
    # the x of each block of y
    at = np.searchsorted(of_x.ids, of_y.ids)
    at[at == len(of_x.owner)] = 0
    have_x = of_x.ids[at] == of_y.ids
    x, y, owner = of_x.blocks[at][have_x], of_y.blocks[have_x], of_y.owner[have_x]
    seen = _in_range(x, view)
    x, y, owner = x[seen], y[seen], owner[seen]
    if not len(owner):
        return [], None
    if y["count"].sum() > 8 * view.points:
        lines = np.array([segment.line_count for segment in settled])[owner]
        whole = x["count"] == np.minimum(ROWS, lines - ROWS * x["number"].astype(np.int64))
        coarse = owner[~(whole & _fine(x, view))]
    else:
        coarse = owner
    near = np.unique(coarse)
    far = ~np.isin(owner, near)
    points = _ends(x[far], y[far]) if far.any() else None
    return [settled[i] for i in near], points


def _in_range(x: NDArray[Any], view: View) -> Flags:
    keep = np.ones(len(x), np.bool_)
    if view.logarithmic:
        keep &= x["high"] > 0
    if view.low is not None:
        keep &= x["high"] >= view.low
    if view.high is not None:
        keep &= x["low"] <= view.high
    return keep


def _fine(x: NDArray[Any], view: View) -> Flags:
    """Which blocks are inside the range, and at most half as wide as a bucket."""
    low, high = x["low"], x["high"]
    fine = low > 0 if view.logarithmic else np.ones(len(x), np.bool_)
    if view.low is not None:
        fine &= low >= view.low
    if view.high is not None:
        fine &= high <= view.high
    if not fine.any():
        return fine
    start, end = low[fine].min(), high[fine].max()
    if view.logarithmic:
        with np.errstate(divide="ignore", invalid="ignore"):
            low, high, start, end = np.log(low), np.log(high), np.log(start), np.log(end)
    return np.asarray(fine & ((high - low) * 2 * view.points <= end - start))


def _ends(x: NDArray[Any], y: NDArray[Any]) -> Points:
    """The extremes of blocks, the first of them where the block begins, the other at its end."""
    rising = y["rising"]
    first = np.where(rising, y["low"], y["high"])
    second = np.where(rising, y["high"], y["low"])
    places = np.stack((x["low"], x["high"]), axis=1).ravel()
    values = np.stack((first, second), axis=1).ravel()
    drawn = np.stack((np.ones(len(y), np.bool_), first != second), axis=1).ravel()
    counts = y["count"].astype(np.int64)
    return Points(places[drawn], values[drawn], x["low"], y["sum"], counts, reduced=True)


# statements are built once: that costs more than running them
_MINE = (segments.c.run_id == bindparam("run")) & (segments.c.stream == bindparam("stream"))
_SEGMENTS = (
    select(segments.c.id, rollups.c.line_count)
    .outerjoin(rollups, rollups.c.segment_id == segments.c.id)
    .where(_MINE)
)
_BY_STEP = _SEGMENTS.where(
    segments.c.max_step >= bindparam("low"), segments.c.min_step <= bindparam("high")
).order_by(segments.c.min_step, segments.c.id)
_BY_WRITER = _SEGMENTS.order_by(segments.c.writer, segments.c.first_line)
_ROWS = select(segments.c.id, segments.c.data, segments.c.steps).where(
    segments.c.id.in_(bindparam("segments", expanding=True))
)


def _columns(table: Table, content: Column[Any]) -> Select[int, str, bytes]:
    keys: Any = (bindparam("x"), bindparam("y"))
    return select(table.c.segment_id, table.c.key, content).where(
        table.c.run_id == bindparam("run"),
        table.c.stream == bindparam("stream"),
        table.c.key.in_(keys),
    )


_BLOCKS = _columns(series_blocks, series_blocks.c.blocks)
_ALL_NUMBERS = _columns(series_values, series_values.c.numbers)
_SOME_NUMBERS = _ALL_NUMBERS.where(
    series_values.c.segment_id.in_(bindparam("segments", expanding=True))
)


class _Place:
    """The segments of one run that a chart is about."""

    def __init__(self, connection: Connection, run_id: int, view: View) -> None:
        self.view = view
        self._connection = connection
        self._me = {"run": run_id, "stream": view.stream}
        self._keys = {**self._me, "x": view.x, "y": view.y}
        self._count = 0

    def segments(self) -> list[_Segment]:
        """Those that may have a place of the chart, in the stored order."""
        view = self.view
        if view.stream == "events":
            rows = self._connection.execute(_BY_WRITER, self._me)
        else:
            low = _bound(view.low, -_FAR) if view.by_step else -(2**63)
            high = _bound(view.high, _FAR) if view.by_step else 2**63 - 1
            rows = self._connection.execute(_BY_STEP, {**self._me, "low": low, "high": high})
        found = [_Segment(number, line_count) for number, line_count in rows.all()]
        self._count = len(found)
        return found

    def blocks(self, settled: Sequence[_Segment]) -> tuple[_Blocks, _Blocks]:
        """The blocks of x and of y in some segments."""
        position = {segment.id: i for i, segment in enumerate(settled)}
        found: dict[str, list[tuple[int, bytes]]] = {self.view.x: [], self.view.y: []}
        for number, key, blocks in self._connection.execute(_BLOCKS, self._keys).all():
            if number in position:
                found[key].append((position[number], blocks))
        return _joined(found[self.view.x]), _joined(found[self.view.y])

    def numbers(self, near: Sequence[_Segment]) -> dict[int, tuple[Numbers, Numbers]]:
        """X and y of every row of some settled segments that have both."""
        lines = {segment.id: segment.line_count or 0 for segment in near}
        columns: dict[str, dict[int, Numbers]] = {self.view.x: {}, self.view.y: {}}
        for number, key, numbers in self._numbers(list(lines)):
            if number in lines:
                columns[key][number] = read_numbers(numbers, lines[number])
        of_x, of_y = columns[self.view.x], columns[self.view.y]
        return {number: (x, of_y[number]) for number, x in of_x.items() if number in of_y}

    def _numbers(self, ids: Sequence[int]) -> Iterable[Any]:
        if 2 * len(ids) > self._count:
            yield from self._connection.execute(_ALL_NUMBERS, self._keys)
            return
        for some in _batches(ids):
            yield from self._connection.execute(_SOME_NUMBERS, {**self._keys, "segments": some})

    def rows(self, ids: Sequence[int]) -> dict[int, tuple[Numbers, Numbers]]:
        """X and y of every row of some segments, from the rows themselves."""
        view = self.view
        keys = list(dict.fromkeys((view.x, view.y)))
        read = _reader(keys[1:] if view.by_step else keys)
        found: dict[int, tuple[Numbers, Numbers]] = {}
        for some in _batches(ids):
            for number, data, steps in self._connection.execute(_ROWS, {"segments": some}):
                columns = read(data)
                if view.by_step:
                    columns.insert(0, np.frombuffer(steps, dtype=np.int64).astype(np.float64))
                found[number] = (columns[0], columns[-1])
        return found


def _batches(ids: Sequence[int]) -> Iterator[Sequence[int]]:
    return (ids[i : i + _AT_ONCE] for i in range(0, len(ids), _AT_ONCE))


def _bound(value: float | None, default: int) -> int:
    """A step bound as the database compares it, also from an infinity or a number out of range."""
    if value is None or value != value:
        return default
    return int(max(-_FAR, min(value, _FAR)))


def _joined(parts: list[tuple[int, bytes]]) -> _Blocks:
    parts.sort()
    counts = [len(blocks) // BLOCK.itemsize for _, blocks in parts]
    owner = np.repeat(np.array([i for i, _ in parts], np.int64), counts)
    return _Blocks(owner, np.frombuffer(b"".join([blocks for _, blocks in parts]), BLOCK))


def _reader(keys: Sequence[str]) -> Callable[[bytes], list[Numbers]]:
    """Reads a segment: in one go where all values are numbers under literal keys."""
    if any(_ESCAPED(key) for key in keys):
        return lambda data: _read_slowly(data, keys)
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
