"""Lines at offsets: the storage under history, system metrics and console.

A client writes line N of a stream; it may repeat a request after a lost answer, or rewrite an
older line. Writing is therefore idempotent: a line that is there already changes nothing.
"""

from __future__ import annotations

from array import array
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from sqlalchemy import and_, bindparam, case, delete, exists, insert, select, update

from .series_tables import rollups
from .tables import segments

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sqlalchemy import Connection

__all__ = [
    "SEGMENT_BYTES",
    "SEGMENT_LINES",
    "Stream",
    "Written",
    "copy_lines",
    "split",
    "write_lines",
]

Stream = Literal["history", "events", "output"]

# A segment grows until it is worth a row of its own, and is never larger than one page of history
# needs; a line that is larger stands alone.
_GROW_BELOW = 64 * 1024
SEGMENT_BYTES = 256 * 1024
SEGMENT_LINES = 2000


# statements are built once: that costs more than running them
_MINE = and_(
    segments.c.run_id == bindparam("run"),
    segments.c.stream == bindparam("stream"),
    segments.c.writer == bindparam("writer"),
)
_END = segments.c.first_line + segments.c.line_count
_SETTLED = exists().where(rollups.c.segment_id == segments.c.id).label("settled")
_GROWABLE = select(
    segments.c.id,
    segments.c.first_line,
    segments.c.line_count,
    segments.c.steps,
    case((segments.c.byte_count < _GROW_BELOW, segments.c.data), else_=None).label("data"),
    _SETTLED,
).where(_MINE)
_LAST = _GROWABLE.order_by(segments.c.first_line.desc()).limit(1)
_ENDING_AT = _GROWABLE.where(bindparam("line") == _END)
_OVERLAPPING = (
    select(segments, _SETTLED)
    .where(_MINE, segments.c.first_line < bindparam("high"), bindparam("low") < _END)
    .order_by(segments.c.first_line)
)
_REPLACE = (
    update(segments)
    .where(segments.c.id == bindparam("segment"))
    .values(
        {
            column: bindparam(column)
            for column in ("line_count", "byte_count", "data", "steps", "min_step", "max_step")
        }
    )
)
_UNSETTLE = delete(rollups).where(rollups.c.segment_id == bindparam("segment"))


@dataclass(slots=True)
class Written:
    """What a write changed.

    Attributes:
        grown_by: How many line numbers the stream became longer.
        fresh: Indexes into the written lines that were not stored in this form before.
        replaced: Texts that stood in place of some of them.
    """

    grown_by: int
    fresh: Sequence[int]
    replaced: list[str] = field(default_factory=list[str])


def split(data: bytes) -> list[str]:
    """The lines of a segment."""
    return data.decode().split("\n")


def write_lines(
    connection: Connection,
    run_id: int,
    stream: Stream,
    writer: str,
    offset: int,
    lines: list[str],
    steps: Sequence[int] | None = None,
) -> Written:
    """Write `lines` at line number `offset` of a stream of a run.

    Args:
        connection: A connection inside a write transaction.
        run_id: Row id of the run.
        stream: Which stream.
        writer: Numbering of its own, for runs with several writers; "" otherwise.
        offset: Line number of the first line.
        lines: The texts, without newlines.
        steps: `_step` of each line, for history.
    """
    place = _Place(connection, run_id, stream, writer)
    last = place.last()
    end = last.first_line + last.line_count if last else 0
    grown_by = max(0, offset + len(lines) - end)
    if offset >= end:
        place.add(offset, lines, steps, last.data if last and offset == end else None, last)
        return Written(grown_by, range(len(lines)))
    return _overwrite(place, offset, lines, steps, grown_by)


def _overwrite(
    place: _Place, offset: int, lines: list[str], steps: Sequence[int] | None, grown_by: int
) -> Written:
    """Change the lines that differ, then add those that have no segment yet."""
    written = Written(grown_by, fresh := list[int]())
    uncovered = 0  # index of the first line that no segment so far covers
    gaps: list[tuple[int, int]] = []
    for segment in place.overlapping(offset, len(lines)):
        first: int = segment.first_line
        count: int = segment.line_count
        low = max(first, offset) - offset
        high = min(first + count, offset + len(lines)) - offset
        if low > uncovered:
            gaps.append((uncovered, low))
        uncovered = high
        old = split(segment.data)
        shift = offset - first
        changed = [i for i in range(low, high) if old[i + shift] != lines[i]]
        if changed:
            packed: bytes | None = segment.steps
            old_steps = array("q", packed) if packed is not None else None
            for i in changed:
                written.replaced.append(old[i + shift])
                old[i + shift] = lines[i]
                if old_steps is not None and steps is not None:
                    old_steps[i + shift] = steps[i]
            fresh.extend(changed)
            place.replace(segment, old, old_steps)
    if uncovered < len(lines):
        gaps.append((uncovered, len(lines)))
    for low, high in gaps:
        fresh.extend(range(low, high))
        before = place.ending_at(offset + low)
        place.add(
            offset + low,
            lines[low:high],
            steps[low:high] if steps is not None else None,
            before.data if before else None,
            before,
        )
    return written


@dataclass(slots=True, frozen=True)
class _Place:
    """One stream of one run, inside a transaction."""

    connection: Connection
    run_id: int
    stream: Stream
    writer: str

    def _me(self) -> dict[str, Any]:
        return {"run": self.run_id, "stream": self.stream, "writer": self.writer}

    def last(self) -> Any:
        return self.connection.execute(_LAST, self._me()).first()

    def ending_at(self, line: int) -> Any:
        return self.connection.execute(_ENDING_AT, {**self._me(), "line": line}).first()

    def overlapping(self, offset: int, count: int) -> Sequence[Any]:
        bounds = {"low": offset, "high": offset + count}
        return self.connection.execute(_OVERLAPPING, {**self._me(), **bounds}).all()

    def replace(self, segment: Any, lines: list[str], steps: array[int] | None) -> None:
        """Other lines for a segment; what charts read of the old ones goes."""
        self.connection.execute(_REPLACE, {"segment": segment.id, **_content(lines, steps)})
        if segment.settled:
            self.connection.execute(_UNSETTLE, {"segment": segment.id})

    def add(
        self,
        offset: int,
        lines: list[str],
        steps: Sequence[int] | None,
        head: bytes | None,
        before: Any,
    ) -> None:
        """Store lines that have no segment, letting a small segment right before them grow."""
        if head is not None:
            taken = _fitting(lines, 0, len(head), before.line_count)
            if taken:
                merged = split(head) + lines[:taken]
                merged_steps = None
                if steps is not None:
                    merged_steps = array("q", before.steps)
                    merged_steps.extend(steps[:taken])
                self.replace(before, merged, merged_steps)
                offset += taken
                lines = lines[taken:]
                steps = steps[taken:] if steps is not None else None
        rows = [
            {
                "run_id": self.run_id,
                "stream": self.stream,
                "writer": self.writer,
                "first_line": offset + low,
                **_content(
                    lines[low:high], array("q", steps[low:high]) if steps is not None else None
                ),
            }
            for low, high in _cut(lines)
        ]
        if rows:
            self.connection.execute(insert(segments), rows)


def _content(lines: list[str], steps: array[int] | None) -> dict[str, Any]:
    data = "\n".join(lines).encode()
    return {
        "line_count": len(lines),
        "byte_count": len(data),
        "data": data,
        "steps": steps.tobytes() if steps is not None else None,
        "min_step": min(steps) if steps else None,
        "max_step": max(steps) if steps else None,
    }


def _cut(lines: list[str]) -> Iterator[tuple[int, int]]:
    low = 0
    while low < len(lines):
        high = max(low + 1, _fitting(lines, low, 0, 0))
        yield low, high
        low = high


def _fitting(lines: list[str], low: int, size: int, count: int) -> int:
    """How far the lines from `low` on fit into a segment that already holds `size` bytes."""
    high = low
    while high < len(lines) and count < SEGMENT_LINES:
        size += len(lines[high]) + 1  # characters: a bound on purpose, not an exact size
        if size > SEGMENT_BYTES:
            break
        high += 1
        count += 1
    return high


def copy_lines(
    connection: Connection, run_id: int, *, last_step: int
) -> tuple[list[str], array[int]]:
    """The history lines of a run up to a step, in the order they were written, with their steps."""
    query = (
        select(segments.c.data, segments.c.steps)
        .where(
            segments.c.run_id == run_id,
            segments.c.stream == "history",
            segments.c.min_step <= last_step,
        )
        .order_by(segments.c.writer, segments.c.first_line)
    )
    lines: list[str] = []
    steps = array("q")
    for data, packed in connection.execute(query).all():
        for text, step in zip(split(data), array("q", packed), strict=True):
            if step <= last_step:
                lines.append(text)
                steps.append(step)
    return lines, steps
