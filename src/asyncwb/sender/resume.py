"""Continuing a run that the server already has."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import msgspec

from asyncwb import jsonx
from asyncwb.errors import ProtocolError, UsageError
from asyncwb.sender.tree import Tree, get_path

if TYPE_CHECKING:
    from asyncwb.graphql.run_operations import ResumeBucket, ResumeStatusAnswer
    from asyncwb.types import Resume

__all__ = ["ResumePoint", "decide", "resume_point", "wire_object"]


class ResumePoint(msgspec.Struct, frozen=True, kw_only=True):
    """Where an existing run ends.

    Attributes:
        storage_id: The server's own id of the run.
        history_lines: Rows that the server has.
        events_lines: System-metrics rows that it has.
        console_lines: Console lines that it has.
        starting_step: First step that is free.
        runtime: Seconds that the run took so far.
        config: Its config in wire form.
        summary: Its summary.
        tags: Its tags.
        notes: Its notes.
        display_name: Its name for people.
        last_row: The latest history row, None without rows.
    """

    storage_id: str
    history_lines: int
    events_lines: int
    console_lines: int
    starting_step: int
    runtime: float
    config: dict[str, object]
    summary: dict[str, object]
    tags: tuple[str, ...] = ()
    notes: str | None = None
    display_name: str | None = None
    last_row: dict[str, object] | None = None


def decide(mode: Resume, answer: ResumeStatusAnswer, *, run_id: str) -> ResumePoint | None:
    """Continue the run, or create it (None).

    A run exists for this purpose when it was started: telemetry is in its config.

    Raises:
        UsageError: The mode forbids what is there: "must" without, "never" with a run.
        ProtocolError: The answer lacks the counts.
    """
    bucket = answer.model.bucket if answer.model is not None else None
    if bucket is None or "t" not in wire_object(bucket.wandb_config):
        if mode == "must":
            raise UsageError(
                f"resume='must', but there is no run {run_id!r} to resume; check the id, the "
                "project and the entity, or use resume='allow'"
            )
        return None
    if mode == "never":
        raise UsageError(
            f"resume='never', but the run {run_id!r} exists; choose another id or resume='allow'"
        )
    return resume_point(bucket)


def resume_point(bucket: ResumeBucket) -> ResumePoint:
    """Read where a run ends.

    Raises:
        ProtocolError: The answer lacks the counts.
    """
    counts = (bucket.history_line_count, bucket.events_line_count, bucket.log_line_count)
    if None in counts:
        raise ProtocolError(f"the server does not say how many lines the run {bucket.name!r} has")
    history_lines, events_lines, console_lines = cast("tuple[int, int, int]", counts)
    row, event = _last_row(bucket.history_tail), _last_row(bucket.events_tail)
    summary = wire_object(bucket.summary_metrics)
    step = row.get("_step", summary.get("_step"))
    runtimes = [
        row.get("_runtime"),
        event.get("_runtime"),
        get_path(summary, ("_wandb", "runtime")) or summary.get("_runtime"),
    ]
    return ResumePoint(
        storage_id=bucket.id,
        history_lines=history_lines,
        events_lines=events_lines,
        console_lines=console_lines,
        starting_step=(int(step) if isinstance(step, int | float) else 0) + (history_lines > 0),
        runtime=float(max((r for r in runtimes if isinstance(r, int | float)), default=0.0)),
        config=wire_object(bucket.config),
        summary=summary,
        tags=tuple(bucket.tags or ()),
        notes=bucket.notes,
        display_name=bucket.display_name,
        last_row=row or None,
    )


def wire_object(text: str | None) -> Tree:
    """Read a JSON text of an object; {} for anything else."""
    value = jsonx.decode(text) if text else None
    return cast("Tree", value) if isinstance(value, dict) else {}


def _last_row(tail: str | None) -> Tree:
    """The tail is JSON text of a list of JSON texts."""
    rows = jsonx.decode(tail) if tail else None
    if not isinstance(rows, list) or not rows:
        return {}
    last: object = cast("list[object]", rows)[-1]
    return wire_object(last) if isinstance(last, str) else {}
