"""A run of this machine: one folder, or several where it was resumed."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from asyncwb import jsonx
from asyncwb.api.address import RunAddress
from asyncwb.api.local.history import last_values
from asyncwb.api.local.node import ENTITY, LocalNode
from asyncwb.api.local.parts import Part
from asyncwb.api.local.survey import Survey
from asyncwb.graphql.api_answers import UserNode
from asyncwb.sender.locking import writer_of

if TYPE_CHECKING:
    from pathlib import Path

    from asyncwb.sender.folders import RunDir

__all__ = ["LocalRun", "load"]


class LocalRun(NamedTuple):
    """What the folders of a run say.

    Attributes:
        node: As a server would answer.
        folders: Its folders, oldest first.
        parts: Where its rows are.
        ascending: Whether the rows lie in the order of their steps.
    """

    node: LocalNode
    folders: list[Path]
    parts: list[Part]
    ascending: bool

    @property
    def address(self) -> RunAddress:
        """Where the run is."""
        return RunAddress(self.node.entity, self.node.project, self.node.name)


def load(folders: list[RunDir]) -> LocalRun:
    """Read a run from its folders, oldest first.

    Raises:
        JournalError: A journal cannot be read at all.
    """
    survey: Survey | None = None
    parts: list[Part] = []
    used: list[RunDir] = []
    rows, ascending = 0, True
    for folder in folders:
        earlier = survey
        survey = Survey.of(folder.journal, earlier, partial(last_values, parts))
        if earlier is None or not survey.goes_on:
            parts, used, rows, ascending = [], [], 0, True
        elif survey.fold.run.rewinds:
            stop = survey.fold.run.branch_step + 1
            parts = [part._replace(stop=_lower(part.stop, stop)) for part in parts]
            rows = min(rows, stop)
        elif survey.rows and survey.last_step < earlier.last_step:
            ascending = False
        shifts = survey.step_shift, survey.runtime_shift
        parts.append(Part(folder.journal, *shifts, None, survey.places))
        used.append(folder)
        rows += survey.rows
        ascending = ascending and survey.ascending
    assert survey is not None
    return LocalRun(_node(used, survey, rows), [folder.path for folder in used], parts, ascending)


def _lower(a: int | None, b: int) -> int:
    return b if a is None else min(a, b)


def _node(folders: list[RunDir], survey: Survey, rows: int) -> LocalNode:
    fold, first, last = survey.fold, folders[0], folders[-1]
    run = fold.run
    summary = survey.summary()
    last_step = summary.get("_step", survey.last_step)
    environment = fold.environment
    account = environment.username if environment is not None else ""
    return LocalNode(
        id=str(last.path),
        name=run.run_id or last.run_id,
        entity=run.entity or ENTITY,
        project=run.project,
        created_at=_iso(run.started_at if run.started_at is not None else first.started),
        heartbeat_at=_iso(last.journal.stat().st_mtime),
        display_name=run.display_name or run.run_id or last.run_id,
        notes=run.notes or None,
        tags=list(run.tags),
        state=_state(survey, last.journal),
        group=run.group or None,
        job_type=run.job_type or None,
        sweep_name=run.sweep_id or None,
        commit=run.git_commit or None,
        read_only=True,
        history_line_count=rows,
        user=UserNode(username=account, name=account) if account else None,
        config=jsonx.encode(fold.config.wire()).decode(),
        summary_metrics=jsonx.encode(summary).decode(),
        system_metrics=jsonx.encode(survey.system_metrics).decode(),
        history_keys={
            "lastStep": last_step if rows else -1,
            "keys": {key: {"typeCounts": [{"type": _kind(v)}]} for key, v in survey.kinds.items()},
        },
    )


def _state(survey: Survey, journal: Path) -> str:
    if survey.fold.exit is not None:
        return "finished" if survey.fold.exit.exit_code == 0 else "failed"
    return "running" if writer_of(journal) is not None else "crashed"


def _kind(value: Any) -> str:
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, (int, float)):
        return "number"
    return "string" if isinstance(value, str) else "map" if isinstance(value, dict) else "list"


def _iso(seconds: float) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%SZ}"
