"""The table of runs: one row per run, config and summary as columns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import numpy as np

from asyncwb.columns import Column, Columns, from_rows

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from asyncwb.api.run import Run

__all__ = ["run_row", "runs_columns"]

_TEXTS = ("name", "state", "heartbeat_at", "user", "group", "job_type", "notes", "sweep", "commit")


def run_row(run: Run) -> dict[str, Any]:
    """The row of a run; nested config and summary keys are joined by dots."""
    row: dict[str, Any] = {
        "entity": run.entity,
        "project": run.project,
        "run_id": run.id,
        "name": run.name,
        "state": run.state,
        "created_at": run.created_at,
        "heartbeat_at": run.heartbeat_at,
        "user": run.user.username if run.user is not None else None,
        "group": run.group,
        "job_type": run.job_type,
        "tags": run.tags,
        "notes": run.notes,
        "sweep": run.sweep_name,
        "commit": run.commit,
        "history_rows": run.history_line_count,
        "last_step": run.last_history_step,
    }
    row.update(_flat("config", run.config))
    row.update(_flat("summary", run.summary))
    return row


def runs_columns(rows: Sequence[dict[str, Any]]) -> Columns:
    """The rows of runs as columns; those of texts stay texts where no run has one."""
    columns = from_rows(rows)
    for key in _TEXTS:
        column = columns.columns[key]
        if not column.has().any():
            columns.columns[key] = Column(np.full(len(rows), None, object), column.has())
    return columns


def _flat(prefix: str, values: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for key, value in values.items():
        name = f"{prefix}.{key}"
        if isinstance(value, dict) and value:
            yield from _flat(name, cast("dict[str, Any]", value))
        else:
            yield name, value
