"""Making a run known to the server: resume or create, then later changes."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import msgspec

from asyncwb import jsonx
from asyncwb.errors import ProtocolError, UsageError
from asyncwb.graphql.run_operations import RESUME_STATUS, REWIND_RUN, UPSERT_BUCKET, Bucket
from asyncwb.sender.ack import Ack
from asyncwb.sender.alignment import align
from asyncwb.sender.resume import ResumePoint, decide, resume_point, wire_object
from asyncwb.sender.target import RunTarget
from asyncwb.settings.remotes import public_remote
from asyncwb.transport import TRANSIENT_OR_CONFLICT_STATUSES, RetryPolicy

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from asyncwb.graphql import GraphQL
    from asyncwb.graphql.run_operations import ResumeBucket, ResumeStatusAnswer
    from asyncwb.sender.fold import Fold
    from asyncwb.transport import RetryState
    from asyncwb.types import Resume

__all__ = ["Opened", "Opener"]


class Opened(msgspec.Struct, frozen=True):
    """What came of opening a run.

    Attributes:
        target: Where it lives.
        ack: Where its lines start.
        resumed: Where the existing run ended, None for a new one.
        inherited: Config in wire form of the run that this one goes on with.
    """

    target: RunTarget
    ack: Ack
    resumed: ResumePoint | None
    inherited: dict[str, object]


class Opener:
    """Sends `UpsertBucket` for one run.

    Args:
        graphql: To the server.
        fold: What the journal says about the run.
        server: Base URL, noted in the ack.
        program: Script shown with the run where the journal names none.
        patience_seconds: How long to try while the server is not there.
        on_retry: Told before each repetition.
    """

    def __init__(
        self,
        graphql: GraphQL,
        fold: Fold,
        *,
        server: str,
        program: str | None,
        patience_seconds: float,
        on_retry: Callable[[RetryState], None],
    ) -> None:
        self._graphql = graphql
        self._fold = fold
        self._server = server
        self._program = program
        self._patience = patience_seconds
        self._start: dict[str, str | None] = {}
        self._policy = RetryPolicy(
            retry_statuses=TRANSIENT_OR_CONFLICT_STATUSES,
            max_attempts=10_000,
            on_retry=on_retry,
        )

    async def open(self, ack: Ack | None, resume: Resume | None, journal: Path | None) -> Opened:
        """Create the run, or continue it.

        Args:
            ack: What an earlier sender of this journal left.
            resume: The user's choice; None: create, whatever is there.
            journal: Without an ack, rows that the server already has are looked for in this
                file, so that they are not sent twice. None: this is a new journal.

        Raises:
            UsageError: `resume` forbids what is there.
            CommError: The server refused, or was not there in time.
        """
        point: ResumePoint | None = None
        inherited: dict[str, object] = {}
        storage_id: str | None = None
        if self._fold.run.rewinds:
            storage_id, inherited = await self._rewind(ack)
            self._fold.config.add_missing(inherited)
        elif resume is not None:
            found = await self._status()
            # A run that this very journal started is there by right.
            mode: Resume = "allow" if ack is not None else resume
            point = decide(mode, found, run_id=self._fold.run.run_id)
        if point is not None:
            storage_id, inherited = point.storage_id, point.config
            self._fold.take_over(point)
        bucket = await self._upsert(storage_id=storage_id)
        target = self._target(bucket)
        if ack is None or not ack.belongs_to(self._server, target):
            ack = await self._starts(target, bucket, point, journal)
        self._fold.shift_rows(ack.resume_step, ack.resume_runtime)
        return Opened(target, ack, point, inherited)

    async def update(self, target: RunTarget) -> None:
        """Send what changed since: the config alone, or all parameters with it.

        Raises:
            CommError: The server refused, or was not there in time.
        """
        if self._fold.parameters_dirty:
            await self._upsert(storage_id=target.storage_id, target=target)
        elif self._fold.config_dirty:
            await self._upsert(target=target, config_only=True)

    async def _status(self) -> ResumeStatusAnswer:
        run = self._fold.run
        return await self._graphql.execute(
            RESUME_STATUS,
            {"name": run.run_id, "project": run.project, "entity": run.entity or None},
            policy=self._policy,
            deadline_seconds=self._patience,
        )

    async def _rewind(self, ack: Ack | None) -> tuple[str, dict[str, object]]:
        """Have the server drop the rows behind the step at which the run goes on.

        Returns:
            Storage id and config of the run.
        """
        run = self._fold.run
        known: Bucket | ResumeBucket | None
        if ack is not None and ack.server == self._server:
            # Done by an earlier sender of this journal; again, its own rows would go.
            model = (await self._status()).model
            known = model.bucket if model is not None else None
        else:
            known = await self._drop_rows()
        if known is None:
            raise UsageError(
                f"resume_from: there is no run {run.run_id!r} to rewind; check the id, the "
                "project and the entity"
            )
        run.display_name = run.display_name or known.display_name or ""
        return known.id, wire_object(known.config)

    async def _drop_rows(self) -> Bucket | None:
        run = self._fold.run
        answer = await self._graphql.execute(
            REWIND_RUN,
            {
                "runName": run.run_id,
                "project": run.project,
                "entity": run.entity or None,
                "metricName": "_step",
                "metricValue": run.branch_step,
            },
            policy=self._policy,
            deadline_seconds=self._patience,
        )
        return answer.rewind_run.rewound_run if answer.rewind_run is not None else None

    async def _upsert(
        self,
        *,
        storage_id: str | None = None,
        target: RunTarget | None = None,
        config_only: bool = False,
    ) -> Bucket:
        fold, run = self._fold, self._fold.run
        variables = _NOTHING.copy()
        variables |= {
            "name": target.run_id if target else run.run_id,
            "project": target.project if target else run.project,
            "entity": (target.entity if target else run.entity) or None,
            "config": jsonx.encode(fold.config.wire()).decode(),
        }
        start: dict[str, str | None] = {}
        if not config_only:
            variables |= {
                "id": storage_id,
                "displayName": run.display_name or None,
                "notes": run.notes or ("" if "notes" in run.emptied else None),
                "tags": list(run.tags) if run.tags or "tags" in run.emptied else None,
                "groupName": run.group or None,
                "jobType": run.job_type or None,
                "sweep": run.sweep_id or None,
                "repo": public_remote(run.git_remote_url) or None,
                "commit": run.git_commit or None,
            }
            # Not twice: a server takes these two for a new start, which ends a stop or preemption.
            start = {"host": run.host or None, "program": fold.program or self._program}
            variables |= {key: one for key, one in start.items() if self._start.get(key) != one}
        fold.config_dirty = False
        fold.parameters_dirty = fold.parameters_dirty and config_only
        try:
            answer = await self._graphql.execute(
                UPSERT_BUCKET,
                variables,
                policy=self._policy,
                deadline_seconds=self._patience if target is None else _UPDATE_SECONDS,
            )
        except BaseException:
            fold.config_dirty = True
            fold.parameters_dirty = fold.parameters_dirty or not config_only
            raise
        self._start |= start
        bucket = answer.upsert_bucket.bucket if answer.upsert_bucket is not None else None
        if bucket is None:
            raise ProtocolError(f"the server did not say how it stored the run {run.run_id!r}")
        return bucket

    def _target(self, bucket: Bucket) -> RunTarget:
        run, project = self._fold.run, bucket.project
        entity = project.entity.name if project is not None and project.entity else None
        return RunTarget(
            entity=entity or run.entity or None,
            project=project.name if project is not None else run.project,
            run_id=bucket.name,
            display_name=bucket.display_name or run.display_name or None,
            storage_id=bucket.id,
        )

    async def _starts(
        self,
        target: RunTarget,
        bucket: Bucket,
        point: ResumePoint | None,
        journal: Path | None,
    ) -> Ack:
        """Fix the line numbers at which this journal begins."""
        ack = Ack(
            server=self._server,
            entity=target.entity,
            project=target.project,
            run_id=target.run_id,
        )
        ack.history_start = bucket.history_line_count or 0
        known = point
        if journal is not None and ack.history_start and point is None:
            # Not asked to resume, yet rows are there: ours, if an ack was lost.
            model = (await self._status()).model
            known = resume_point(model.bucket) if model and model.bucket else None
        if point is not None:
            ack.history_start = point.history_lines
            ack.events_start, ack.console_start = point.events_lines, point.console_lines
            ack.resume_step, ack.resume_runtime = point.starting_step, point.runtime
        if journal is not None and known is not None:
            found = await align(journal, known)
            if found is not None:
                ack.history_start = found.history_start
                ack.resume_step, ack.resume_runtime = found.step_shift, found.runtime_shift
                if not found.history_start:
                    ack.events_start = ack.console_start = 0
        return ack


_UPDATE_SECONDS = 60.0
_NAMES = (
    "id name project entity groupName description displayName notes commit config host debug "
    "program repo jobType state sweep tags summaryMetrics"
)
_NOTHING = cast("dict[str, object]", dict.fromkeys(_NAMES.split()))
"""All variables of the mutation as null, which leaves their fields alone."""
