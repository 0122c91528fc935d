"""Reading lines back: pages of history, samples, tails, console lines."""

from __future__ import annotations

import math
import re
from array import array
from bisect import bisect_left, bisect_right
from heapq import merge
from itertools import islice
from typing import TYPE_CHECKING, Any, cast

from sqlalchemy import bindparam, select

from asyncwb.server.jsontext import is_object, strict_form

from .extremes import pick_extremes
from .ingest import parse_row
from .lines import Stream, split
from .tables import runs, segments

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from sqlalchemy import Connection

__all__ = [
    "console_lines",
    "first_values",
    "last_events",
    "lookup",
    "pick",
    "pieces",
    "rows_between",
    "rows_with_keys",
    "sample",
    "tail",
]

_FAR = 2**62
_PIECE = 100
_END = 2**63
# built once: that costs more than running it
_BETWEEN = (
    select(segments.c.data, segments.c.steps)
    .where(
        segments.c.run_id == bindparam("run"),
        segments.c.stream == "history",
        segments.c.max_step >= bindparam("first"),
        segments.c.min_step <= bindparam("last"),
    )
    .order_by(segments.c.min_step, segments.c.first_line)
)
_PLAIN_KEY = re.compile(r"[A-Za-z0-9_ -]+").fullmatch


def rows_between(
    connection: Connection, run_id: int, low: int | None, high: int | None
) -> list[str]:
    """All history rows with `low <= _step < high`, as stored, in the order of their steps."""
    span = {
        "run": run_id,
        "first": -_END if low is None else low,
        "last": _END - 1 if high is None else max(high - 1, -_END),
    }
    texts: list[str] = []
    order: list[int] = []
    for data, packed in connection.execute(_BETWEEN, span):
        steps = array("q", packed)
        lines = split(data)
        if _ascending(steps):
            first = 0 if low is None else bisect_left(steps, low)
            last = len(steps) if high is None else bisect_left(steps, high)
            texts += lines[first:last]
            order += steps[first:last]
        else:
            for text, step in zip(lines, steps, strict=True):
                if (low is None or step >= low) and (high is None or step < high):
                    texts.append(text)
                    order.append(step)
    if _ascending(order):
        return texts
    return [texts[i] for i in sorted(range(len(texts)), key=order.__getitem__)]


def _ascending(steps: Sequence[int]) -> bool:
    # sorting what is sorted is one comparison per step, and all of it in C
    known = list(steps)
    return known == sorted(known)


def pick(count: int, samples: int | None) -> Sequence[int]:
    """Evenly spaced indexes, the first and the last among them."""
    if samples is None or samples >= count:
        return range(count)
    if samples <= 1:
        return [count - 1] if samples == 1 and count else []
    return [i * (count - 1) // (samples - 1) for i in range(samples)]


class _Index:
    """Where every line of a stream stands, without the lines: runs have millions of them.

    Positions count in the stored order: by step for history, as written for the others.
    """

    def __init__(self, connection: Connection, run_id: int, stream: Stream) -> None:
        self._connection = connection
        first = segments.c.min_step if stream == "history" else segments.c.writer
        query = (
            select(segments.c.id, segments.c.line_count, segments.c.steps)
            .where(segments.c.run_id == run_id, segments.c.stream == stream)
            .order_by(first, segments.c.first_line)
        )
        self._ids: list[int] = []
        self._starts: list[int] = []
        self._steps = array("q")
        self.count = 0
        for segment_id, line_count, packed in connection.execute(query):
            self._ids.append(segment_id)
            self._starts.append(self.count)
            self.count += line_count
            if packed is not None:
                self._steps.frombytes(packed)

    def in_order(self, positions: Sequence[int]) -> Sequence[int]:
        """Ascending positions in the order of their steps."""
        if _ascending(self._steps):
            return positions
        return sorted(positions, key=self._steps.__getitem__)

    def __iter__(self) -> Iterator[tuple[int, list[str]]]:
        """The lines, a segment at a time, each with the position of its first line."""
        for segment_id, start in zip(self._ids, self._starts, strict=True):
            yield start, self._load(segment_id)

    def lines(self, positions: Sequence[int]) -> list[str]:
        """The lines at some positions; holds no others but those of one segment."""
        found: dict[int, str] = {}
        loaded, lines = -1, list[str]()
        for position in sorted(positions):
            number = bisect_right(self._starts, position) - 1
            if number != loaded:
                loaded, lines = number, self._load(self._ids[number])
            found[position] = lines[position - self._starts[number]]
        return [found[position] for position in positions]

    def _load(self, segment_id: int) -> list[str]:
        query = select(segments.c.data).where(segments.c.id == bindparam("segment"))
        return split(self._connection.execute(query, {"segment": segment_id}).scalar_one())


def sample(connection: Connection, run_id: int, stream: Stream, samples: int | None) -> list[str]:
    """At most `samples` lines of a stream, evenly spread; history is in the order of steps."""
    index = _Index(connection, run_id, stream)
    order = index.in_order(range(index.count))
    return index.lines([order[i] for i in pick(index.count, samples)])


def pieces(connection: Connection, run_id: int, stream: Stream) -> Iterator[list[str]]:
    """All lines of a stream, some at a time; history is in the order of steps."""
    index = _Index(connection, run_id, stream)
    every = range(index.count)
    order = index.in_order(every)
    if order is every:
        yield from (lines for _, lines in index)
        return
    for start in range(0, index.count, _PIECE):
        yield index.lines(order[start : start + _PIECE])


def rows_with_keys(
    connection: Connection, run_id: int, spec: dict[str, Any], *, spikes: bool = False
) -> list[dict[str, Any]]:
    """Rows that have all keys of a spec, restricted to them.

    With a step range in the spec (both ends inclusive) all rows of the range are returned, else at
    most `samples`, with `spikes` the extremes of each stretch among them. The values are plain
    JSON: see `jsontext.strict_form`.
    """
    keys = list(dict.fromkeys(cast("list[str]", spec.get("keys") or ["_step"])))
    needles = [f'"{key}"' for key in keys if _PLAIN_KEY(key)]

    def restricted(line: str) -> dict[str, Any] | None:
        if not all(needle in line for needle in needles):
            return None
        row = parse_row(line)
        found = {key: lookup(row, key) for key in keys}
        return None if _MISSING in found.values() else found

    low, high = spec.get("minStep"), spec.get("maxStep")
    if low is None and high is None:
        tracked = [key for key in keys if key != "_step"] if spikes else []
        lines = _sample_of(connection, run_id, restricted, spec.get("samples"), tracked)
    else:
        lines = rows_between(
            connection,
            run_id,
            None if low is None else _int64(low),
            None if high is None else _int64(high) + 1,
        )
    rows = [row for line in lines if (row := restricted(line)) is not None]
    return cast("list[dict[str, Any]]", strict_form(rows))


def first_values(connection: Connection, run_id: int, key: str, count: int) -> list[float]:
    """The first `count` numbers under a key, in the order of steps; loads no more than it needs."""
    found: list[float] = []
    for _, lines in _Index(connection, run_id, "history"):
        for line in lines:
            value = lookup(parse_row(line), key)
            if isinstance(value, int | float) and not isinstance(value, bool):
                found.append(value)
                if len(found) == count:
                    return found
    return found


def _sample_of(
    connection: Connection,
    run_id: int,
    fits: Callable[[str], dict[str, Any] | None],
    samples: int | None,
    tracked: Sequence[str],
) -> list[str]:
    """At most `samples` of the history rows that fit; two looks, little memory.

    Evenly spread, or with `tracked` keys those with the extremes of them.
    """
    index = _Index(connection, run_id, "history")
    fitting = array("q")
    values = [array("d") for _ in tracked]
    for start, lines in index:
        for i, line in enumerate(lines):
            row = fits(line)
            if row is not None:
                fitting.append(start + i)
                for column, key in zip(values, tracked, strict=True):
                    column.append(_number(row[key]))
    order = index.in_order(fitting)
    if not tracked:
        return index.lines([order[i] for i in pick(len(order), samples)])
    if order is not fitting:
        places = {position: i for i, position in enumerate(fitting)}
        by_step = [places[position] for position in order]
        values = [array("d", (column[i] for i in by_step)) for column in values]
    return index.lines([order[i] for i in pick_extremes(values, samples)])


def _number(value: Any) -> float:
    """The number in a row, NaN for anything else."""
    return float(value) if type(value) in (int, float) else math.nan


def _int64(value: float) -> int:
    """A step bound, also from NaN, an infinity or a number that is out of range."""
    return int(max(-_FAR, min(value, _FAR))) if value == value else 0


class _Missing:
    """Marks a key that a row lacks; equal to nothing but itself."""


_MISSING = _Missing()


def lookup(row: dict[str, Any], key: str) -> Any:
    """The value of a literal key, or of a dotted path into nested objects; not None if missing."""
    if key in row:
        return row[key]
    head, dot, rest = key.partition(".")
    while dot:
        inner = row.get(head)
        if is_object(inner):
            found = lookup(inner, rest)
            if found is not _MISSING:
                return found
        more, dot, rest = rest.partition(".")
        head = f"{head}.{more}"
    return _MISSING


def tail(connection: Connection, run_id: int, stream: Stream) -> str | None:
    """The last line of a stream; for history the one with the highest step."""
    query = select(segments.c.data, segments.c.steps).where(
        segments.c.run_id == run_id, segments.c.stream == stream
    )
    if stream == "history":
        query = query.order_by(segments.c.max_step.desc(), segments.c.first_line.desc())
    else:
        query = query.order_by(segments.c.first_line.desc())
    row = connection.execute(query.limit(1)).first()
    if row is None:
        return None
    lines = split(row.data)
    if row.steps is None:
        return lines[-1]
    steps = array("q", row.steps)
    return lines[max(range(len(steps)), key=lambda i: (steps[i], i))]


def last_events(connection: Connection, run_ids: Sequence[int]) -> dict[int, str]:
    """The last line of system metrics of each of these runs that has one, by row id."""
    mine = segments.alias()
    last = (
        select(mine.c.id)
        .where(mine.c.run_id == runs.c.id, mine.c.stream == "events")
        .order_by(mine.c.first_line.desc())
        .limit(1)
        .correlate(runs)
        .scalar_subquery()
    )
    query = (
        select(runs.c.id, segments.c.data)
        .select_from(runs)
        .join(segments, segments.c.id == last)
        .where(runs.c.id.in_(run_ids))
    )
    return {run_id: split(data)[-1] for run_id, data in connection.execute(query)}


def console_lines(
    connection: Connection, run_id: int, low: int, count: int
) -> list[tuple[int, str]]:
    """Up to `count` console lines from number `low` on, with their numbers.

    Lines of several writers are numbered in the order of their times.
    """
    query = (
        select(segments.c.writer)
        .where(segments.c.run_id == run_id, segments.c.stream == "output")
        .distinct()
    )
    writers = list(connection.execute(query).scalars())
    if len(writers) > 1:
        streams = [_console_of(connection, run_id, writer) for writer in writers]
        return list(islice(enumerate(merge(*streams, key=_written_at)), low, low + count))
    query = (
        select(segments.c.first_line, segments.c.data)
        .where(
            segments.c.run_id == run_id,
            segments.c.stream == "output",
            segments.c.first_line + segments.c.line_count > low,
            segments.c.first_line < low + count,
        )
        .order_by(segments.c.first_line)
    )
    lines = [
        (first + i, line)
        for first, data in connection.execute(query).all()
        for i, line in enumerate(split(data))
        if low <= first + i
    ]
    return lines[:count]


def _console_of(connection: Connection, run_id: int, writer: str) -> Iterator[str]:
    """The console lines of one writer, a segment in memory at a time."""
    mine = (segments.c.run_id == run_id, segments.c.stream == "output", segments.c.writer == writer)
    query = select(segments.c.id).where(*mine).order_by(segments.c.first_line)
    for number in connection.execute(query).scalars().all():
        data = select(segments.c.data).where(segments.c.id == number)
        yield from split(connection.execute(data).scalar_one())


_STRUCTURED_TIME = re.compile(r'"ts":\s*"([^"]*)"').search


def _written_at(line: str) -> str:
    """The time in a console line of either form; texts of one zone sort like times."""
    if line.startswith("{"):
        found = _STRUCTURED_TIME(line)
        return found[1] if found else ""
    return line.removeprefix("ERROR ").partition(" ")[0]
