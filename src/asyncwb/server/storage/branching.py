"""Rewinding a run and forking one from another."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, select

from asyncwb.server.jsontext import decode, encode, is_object
from asyncwb.server.problems import invalid

from .ingest import (
    count_keys,
    last_values,
    merge_counts,
    parse_row,
    summary_columns,
    whole_step,
)
from .lines import copy_lines, write_lines
from .runs import set_columns
from .tables import runs, segments

if TYPE_CHECKING:
    from sqlalchemy import Connection

__all__ = ["fork", "rewind"]


def rewind(connection: Connection, run_id: int, metric: str, value: float) -> None:
    """Drop the rows of a run after a step; the kept ones are numbered from 0 again.

    Raises:
        Problem: The metric is not `_step` (400).
    """
    if metric != "_step":
        raise invalid(f"a run can be rewound by _step only, not by {metric!r}")
    mine = (segments.c.run_id == run_id) & (segments.c.stream == "history")
    old = select(segments.c.id).where(mine)
    old_ids = [row[0] for row in connection.execute(old).all()]
    _rebuild(connection, run_id, run_id, whole_step(value), old_ids)


def fork(connection: Connection, run_id: int, project_id: int, config: str) -> None:
    """Give a new run the rows of the run its config names as branch point, up to that step."""
    branch = _branch_point(config)
    if branch is None:
        return
    query = select(runs.c.id).where(runs.c.project_id == project_id, runs.c.name == branch[0])
    parent = connection.execute(query).scalar()
    if parent is not None and parent != run_id:
        _rebuild(connection, parent, run_id, branch[1], [])


def _branch_point(config: str) -> tuple[str, int] | None:
    if "branch_point" not in config:
        return None
    entry: Any = decode(config).get("_wandb")
    inner = entry.get("value") if is_object(entry) else None
    point = inner.get("branch_point") if is_object(inner) else None
    if not is_object(point):
        return None
    name, step = (point.get(key) for key in ("run_id", "step"))
    if isinstance(name, str) and isinstance(step, int | float):
        return name, whole_step(step)
    return None


def _rebuild(
    connection: Connection, source: int, target: int, last_step: int, obsolete: list[int]
) -> None:
    # read before the old segments go, write after: line numbers start again at 0
    lines, steps = copy_lines(connection, source, last_step=last_step)
    if obsolete:
        connection.execute(delete(segments).where(segments.c.id.in_(obsolete)))
    if lines:
        write_lines(connection, target, "history", "", 0, lines, steps)
    rows = [parse_row(line) for line in lines]
    set_columns(
        connection,
        target,
        history_keys=merge_counts("{}", count_keys(rows), count_keys([])),
        history_lines=len(lines),
        last_step=max(steps, default=-1),
        summary_line=-1,
        **summary_columns(encode(last_values(rows))),
    )
