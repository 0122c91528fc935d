"""Changes of the runs of a project, as they happen."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import anyio

from asyncwb.api.batches import closing, each
from asyncwb.api.following import check_poll
from asyncwb.api.recent_runs import RecentRuns
from asyncwb.api.runs import DEFAULT_ORDER, Runs
from asyncwb.errors import GraphQLError, UnsupportedError
from asyncwb.portal import on_loop_iter

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Mapping
    from datetime import datetime

    from asyncwb.api.paths import ProjectPath
    from asyncwb.api.recent_runs import Recent
    from asyncwb.api.run import Run
    from asyncwb.graphql.service import Service

__all__ = ["RunChange", "RunWatch"]

_PER_PAGE = 200
_WHOLE_SECONDS = 30.0
_WHOLE_POLLS = 5
"""How often all runs are looked at: some change by time alone, as one that counts as crashed."""

# field of the answer -> attribute of a run; the heartbeat is no change by itself
_WATCHED = {
    "state": "state",
    "display_name": "name",
    "notes": "notes",
    "description": "description",
    "tags": "tags",
    "group": "group",
    "job_type": "job_type",
    "sweep_name": "sweep_name",
    "history_line_count": "history_line_count",
    "config": "config",
    "summary_metrics": "summary",
}


class RunChange:
    """One change that `Api.watch_runs` saw.

    A run appeared when it began, or matches the filters now; it left when it was deleted, or
    matches them no more.
    """

    def __init__(
        self, kind: Literal["appeared", "changed", "left"], run: Run, fields: tuple[str, ...] = ()
    ) -> None:
        self.kind: Literal["appeared", "changed", "left"] = kind
        """What happened: appeared, changed or left."""
        self.fields: tuple[str, ...] = fields
        """Attributes of a changed run that are new."""
        self._run = run

    def __repr__(self) -> str:
        what = f" {', '.join(self.fields)}" if self.fields else ""
        return f"<RunChange {self.kind}{what} {self._run!r}>"

    @property
    def run(self) -> Run:
        """The run as it is now; of one that left: as it was last seen."""
        return self._run


class _Known(NamedTuple):
    run: Run
    values: tuple[Any, ...]


class RunWatch:
    """Changes of the runs of a project; made by `Api.watch_runs`.

    `async for change in watch` never ends by itself. Leave it early at once with
    `async with contextlib.aclosing(watch.changes()) as changes`, or with a plain `break`.
    """

    def __init__(
        self,
        service: Service,
        path: ProjectPath,
        *,
        filters: Mapping[str, Any] | None,
        initial: bool,
        lazy: bool,
        poll_seconds: float,
    ) -> None:
        self._service = service
        self._path = path
        self._filters = filters
        self._initial = initial
        self._lazy = lazy
        self._poll_seconds = check_poll(poll_seconds)
        self._whole_seconds = max(_WHOLE_SECONDS, _WHOLE_POLLS * self._poll_seconds)
        self._list()  # says what is wrong with the arguments

    def __aiter__(self) -> AsyncGenerator[RunChange, None]:
        return self.changes()

    def changes(self) -> AsyncGenerator[RunChange, None]:
        """Iterate over the changes.

        Raises:
            RunNotFoundError: There is no such project.
            CommError: The server refused (a filter) or was not reached.
        """
        return each(self.batches())

    @on_loop_iter
    async def batches(self) -> AsyncIterator[list[RunChange]]:
        """Iterate over lists of changes: what one look saw.

        Raises:
            CommError: As for `changes`.
        """
        # the time first: what changes during the look at all runs is seen again
        newest = await self._newest()
        known = await self._look()
        looked = anyio.current_time()
        if self._initial and known:
            yield _compare({}, known)
        while True:
            await anyio.sleep(self._poll_seconds)
            now: dict[str, _Known] | None = None
            if newest is not None and anyio.current_time() - looked < self._whole_seconds:
                now, newest = await self._look_at_recent(known, newest)
            if now is None:
                newest = await self._newest()
                now, looked = await self._look(), anyio.current_time()
            changes = _compare(known, now)
            known = now
            if changes:
                yield changes

    async def _look(self) -> dict[str, _Known]:
        """All runs."""
        found: dict[str, _Known] = {}
        async with closing(self._list().batches()) as pages:
            async for page in pages:
                found.update((run.storage_id, _known(run)) for run in page)
        return found

    async def _newest(self) -> datetime | None:
        """When the server saw a change last; None: it does not say."""
        found = await self._recent(None)
        return found and found.newest

    async def _look_at_recent(
        self, known: dict[str, _Known], newest: datetime
    ) -> tuple[dict[str, _Known] | None, datetime | None]:
        """What is known, with the runs that changed; None: a look at all runs is needed."""
        found = await self._recent(newest)
        if found is None:
            return None, None
        now = known | {run.storage_id: _known(run) for run in found.runs}
        # Others are gone, or match no more.
        return (now if len(now) == found.total else None), found.newest or newest

    async def _recent(self, since: datetime | None) -> Recent | None:
        runs = RecentRuns(self._service, self._path, filters=self._filters, lazy=self._lazy)
        try:
            return await runs.since(since)
        except (GraphQLError, UnsupportedError):
            return None  # a server that does not know the time, or run folders

    def _list(self) -> Runs:
        return Runs(
            self._service,
            self._path,
            filters=self._filters,
            order=DEFAULT_ORDER,
            per_page=_PER_PAGE,
            include_sweeps=False,
            lazy=self._lazy,
        )


def _known(run: Run) -> _Known:
    node = run._node  # pyright: ignore[reportPrivateUsage]
    return _Known(run, tuple(getattr(node, name) for name in _WATCHED))


def _compare(before: dict[str, _Known], now: dict[str, _Known]) -> list[RunChange]:
    changes: list[RunChange] = []
    for key, seen in now.items():
        if key not in before:
            changes.append(RunChange("appeared", seen.run))
            continue
        fields = tuple(
            name
            for name, old, new in zip(
                _WATCHED.values(), before[key].values, seen.values, strict=True
            )
            if old != new
        )
        if fields:
            changes.append(RunChange("changed", seen.run, fields))
    changes += [RunChange("left", gone.run) for key, gone in before.items() if key not in now]
    return changes
