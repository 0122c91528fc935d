"""Settling: small neighbouring segments become one, and charts get their columns.

A segment is settled when it has a row in `rollups`. Everything about it is done in one
transaction, and only if the lines are still those that were looked at: it may be broken off, and
done twice, at any moment. Whatever changes a settled segment takes that row away.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import bindparam, delete, insert, select, update

from .lines import SEGMENT_BYTES, SEGMENT_LINES
from .series_tables import rollups, series_blocks, series_values
from .tables import runs, segments
from .writers import ENDED

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection, Select

    from .rollups import Column

__all__ = ["Plan", "Settled", "changed_streams", "plan", "prepare", "store"]

_REST_SECONDS = 60.0
_MOST_NEW = 5000

_NEW = (
    select(segments.c.id, segments.c.run_id, segments.c.stream)
    .where(segments.c.id > bindparam("after"))
    .order_by(segments.c.id)
    .limit(_MOST_NEW)
)
_RUN = select(runs.c.state, runs.c.heartbeat_at).where(runs.c.id == bindparam("run"))
_UNSETTLED = (
    select(
        segments.c.id,
        segments.c.writer,
        segments.c.first_line,
        segments.c.line_count,
        segments.c.byte_count,
    )
    .outerjoin(rollups, rollups.c.segment_id == segments.c.id)
    .where(
        segments.c.run_id == bindparam("run"),
        segments.c.stream == bindparam("stream"),
        rollups.c.segment_id.is_(None),
    )
    .order_by(segments.c.writer, segments.c.first_line)
)
_MEMBERS = (
    select(segments, rollups.c.line_count.label("settled"))
    .outerjoin(rollups, rollups.c.segment_id == segments.c.id)
    .where(segments.c.id.in_(bindparam("segments", expanding=True)))
    .order_by(segments.c.first_line)
)


class Plan(NamedTuple):
    """What is to be settled of a stream of a run.

    Attributes:
        groups: Ids of segments, each group to become one.
        waiting: Whether the stream has segments that may still grow.
    """

    groups: list[list[int]]
    waiting: bool


class Settled(NamedTuple):
    """A group of segments, ready to be stored as one.

    Attributes:
        members: The segments as they were read.
        columns: What charts read of all of them together.
    """

    members: Sequence[Any]
    columns: list[Column]


def changed_streams(connection: Connection, after: int) -> tuple[set[tuple[int, str]], int]:
    """Streams, as run and name, that got segments with ids above `after`; the last of these ids.

    Looks at some thousand segments; the id is `after` where there are none.
    """
    found = connection.execute(_NEW, {"after": after}).all()
    return {(row.run_id, row.stream) for row in found}, found[-1].id if found else after


def plan(connection: Connection, run_id: int, stream: str) -> Plan:
    """How the unsettled segments of a stream are to be put together.

    The last ones of a run that goes on are left alone: they grow.
    """
    run = connection.execute(_RUN, {"run": run_id}).first()
    if run is None:
        return Plan([], waiting=False)
    rests = run.state in ENDED or run.heartbeat_at < time.time() - _REST_SECONDS
    full: list[list[int]] = []
    open_groups = 0
    group: list[int] = []
    writer, end, size, count = "", 0, 0, 0
    for row in connection.execute(_UNSETTLED, {"run": run_id, "stream": stream}):
        size += 1 + row.byte_count
        count += row.line_count
        follows = group and row.writer == writer
        if not follows or row.first_line != end or size > SEGMENT_BYTES or count > SEGMENT_LINES:
            if group and (rests or follows):
                full.append(group)
            open_groups += bool(group) and not (rests or follows)
            group, size, count = [], row.byte_count, row.line_count
        group.append(row.id)
        writer, end = row.writer, row.first_line + row.line_count
    if group and rests:
        full.append(group)
    open_groups += bool(group) and not rests
    return Plan(full, waiting=open_groups > 0)


def prepare(connection: Connection, group: Sequence[int]) -> Settled | None:
    """Read a group and make its columns; None where it is not as it was planned."""
    members = _members(connection, group, _MEMBERS)
    if members is None:
        return None
    if members[0].stream == "output":
        return Settled(members, [])
    # numpy, which a server that nobody logs to does without
    from .rollups import roll_up

    content = _together(members)
    return Settled(members, roll_up(content["data"], content["steps"]))


def store(connection: Connection, settled: Settled) -> bool:
    """Write a group as one settled segment; False where it has changed meanwhile."""
    members = settled.members
    ids = [member.id for member in members]
    if _members(connection, ids, _MEMBERS.with_for_update(of=segments)) != members:
        return False
    first = members[0]
    content = _together(members)
    if len(members) > 1:
        connection.execute(delete(segments).where(segments.c.id.in_(ids[1:])))
        connection.execute(update(segments).where(segments.c.id == first.id).values(content))
    connection.execute(
        insert(rollups).values(segment_id=first.id, line_count=content["line_count"])
    )
    place = {"run_id": first.run_id, "stream": first.stream, "segment_id": first.id}
    columns = [(place | {"key": column.key}, column) for column in settled.columns]
    if columns:
        connection.execute(
            insert(series_blocks), [key | {"blocks": column.blocks} for key, column in columns]
        )
        connection.execute(
            insert(series_values), [key | {"numbers": column.numbers} for key, column in columns]
        )
    return True


def _members(
    connection: Connection, group: Sequence[int], query: Select[Any]
) -> Sequence[Any] | None:
    """The segments of a group in the order of their lines; None unless all wait to be settled."""
    members = connection.execute(query, {"segments": group}).all()
    if len(members) < len(group) or any(member.settled is not None for member in members):
        return None
    return members


def _together(members: Sequence[Any]) -> dict[str, Any]:
    """The columns of a segment that holds the lines of all."""
    data = b"\n".join([member.data for member in members])
    stepped = members[0].steps is not None
    return {
        "line_count": sum(member.line_count for member in members),
        "byte_count": len(data),
        "data": data,
        "steps": b"".join([member.steps for member in members]) if stepped else None,
        "min_step": min(member.min_step for member in members) if stepped else None,
        "max_step": max(member.max_step for member in members) if stepped else None,
    }
