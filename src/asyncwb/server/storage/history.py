"""Reading lines back: pages of history, samples, tails, console lines."""

from __future__ import annotations

import re
from array import array
from bisect import bisect_left
from typing import TYPE_CHECKING, Any, cast

from sqlalchemy import select

from asyncwb.server.jsontext import is_object, strict_form

from .ingest import parse_row
from .lines import Stream, split
from .tables import segments

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection

__all__ = ["console_lines", "pick", "rows_between", "rows_with_keys", "sample", "tail"]

_FAR = 2**62
_PLAIN_KEY = re.compile(r"[A-Za-z0-9_ -]+").fullmatch


def rows_between(
    connection: Connection, run_id: int, low: int | None, high: int | None
) -> list[str]:
    """All history rows with `low <= _step < high`, as stored, in the order of their steps."""
    query = (
        select(segments.c.data, segments.c.steps)
        .where(segments.c.run_id == run_id, segments.c.stream == "history")
        .order_by(segments.c.min_step, segments.c.first_line)
    )
    if low is not None:
        query = query.where(segments.c.max_step >= low)
    if high is not None:
        query = query.where(segments.c.min_step < high)
    texts: list[str] = []
    order: list[int] = []
    for data, packed in connection.execute(query).all():
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
    return all(map(int.__le__, steps, steps[1:]))


def pick(count: int, samples: int | None) -> Sequence[int]:
    """Evenly spaced indexes, the first and the last among them."""
    if samples is None or samples >= count:
        return range(count)
    if samples <= 1:
        return [count - 1] if samples == 1 and count else []
    return [i * (count - 1) // (samples - 1) for i in range(samples)]


def sample(connection: Connection, run_id: int, stream: Stream, samples: int | None) -> list[str]:
    """At most `samples` lines of a stream, evenly spread; history is in the order of steps."""
    if stream == "history":
        lines = rows_between(connection, run_id, None, None)
    else:
        query = (
            select(segments.c.data)
            .where(segments.c.run_id == run_id, segments.c.stream == stream)
            .order_by(segments.c.writer, segments.c.first_line)
        )
        lines = [line for (data,) in connection.execute(query).all() for line in split(data)]
    return [lines[i] for i in pick(len(lines), samples)]


def rows_with_keys(
    connection: Connection, run_id: int, spec: dict[str, Any]
) -> list[dict[str, Any]]:
    """Rows that have all keys of a spec, restricted to them.

    With a step range in the spec (both ends inclusive) all rows of the range are returned, else at
    most `samples`. The values are plain JSON: see `jsontext.strict_form`.
    """
    keys = list(dict.fromkeys(cast("list[str]", spec.get("keys") or ["_step"])))
    low, high = spec.get("minStep"), spec.get("maxStep")
    lines = rows_between(
        connection,
        run_id,
        None if low is None else _int64(low),
        None if high is None else _int64(high) + 1,
    )
    needles = [f'"{key}"' for key in keys if _PLAIN_KEY(key)]
    rows: list[dict[str, Any]] = []
    for line in lines:
        if not all(needle in line for needle in needles):
            continue
        row = parse_row(line)
        found = {key: _lookup(row, key) for key in keys}
        if _MISSING not in found.values():
            rows.append(found)
    if low is None and high is None:
        rows = [rows[i] for i in pick(len(rows), spec.get("samples"))]
    return cast("list[dict[str, Any]]", strict_form(rows))


def _int64(value: float) -> int:
    """A step bound, also from NaN, an infinity or a number that is out of range."""
    return int(max(-_FAR, min(value, _FAR))) if value == value else 0


class _Missing:
    """Marks a key that a row lacks; equal to nothing but itself."""


_MISSING = _Missing()


def _lookup(row: dict[str, Any], key: str) -> Any:
    """The value of a literal key, or of a dotted path into nested objects."""
    if key in row:
        return row[key]
    head, dot, rest = key.partition(".")
    while dot:
        inner = row.get(head)
        if is_object(inner):
            found = _lookup(inner, rest)
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


def console_lines(
    connection: Connection, run_id: int, low: int, count: int
) -> list[tuple[int, str]]:
    """Up to `count` console lines from number `low` on, with their numbers."""
    query = (
        select(segments.c.first_line, segments.c.data)
        .where(
            segments.c.run_id == run_id,
            segments.c.stream == "output",
            segments.c.first_line + segments.c.line_count > low,
            segments.c.first_line < low + count,
        )
        .order_by(segments.c.first_line, segments.c.writer)
    )
    lines = [
        (first + i, line)
        for first, data in connection.execute(query).all()
        for i, line in enumerate(split(data))
        if low <= first + i
    ]
    return lines[:count]
