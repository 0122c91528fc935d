"""The runs of a project that changed last, without a look at all others."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

from asyncwb.api.runs import Runs
from asyncwb.graphql.api_operations import RECENT_LIGHT_RUNS, RECENT_RUNS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from asyncwb.api.paths import ProjectPath
    from asyncwb.api.run import Run
    from asyncwb.graphql import Operation
    from asyncwb.graphql.api_answers import RunsData
    from asyncwb.graphql.service import Service

__all__ = ["Recent", "RecentRuns"]

_PER_PAGE = 20
_OVERLAP = timedelta(seconds=3)
"""Times of a server have whole seconds, and its processes' clocks may differ a little."""


class Recent(NamedTuple):
    """What changed.

    Attributes:
        runs: Runs that may have changed.
        total: Number of all runs.
        newest: Time of the last change.
    """

    runs: list[Run]
    total: int
    newest: datetime | None


class RecentRuns(Runs):
    """Runs in the order of their last change, newest first; only as many as are asked for."""

    def __init__(
        self, service: Service, path: ProjectPath, *, filters: Mapping[str, Any] | None, lazy: bool
    ) -> None:
        super().__init__(
            service, path, filters=filters, order="-updated_at", per_page=_PER_PAGE,
            include_sweeps=False, lazy=lazy,
        )  # fmt: skip

    def _operation(self) -> Operation[RunsData]:
        return RECENT_LIGHT_RUNS if self._lazy else RECENT_RUNS

    async def since(self, time: datetime | None) -> Recent | None:
        """The runs that changed since a time of the server. In the loop.

        Args:
            time: As an earlier look gave it; None: only that is wanted.

        Returns:
            None where the server does not say when runs changed, or does not order by it.
        """
        found: list[Run] = []
        newest: datetime | None = None
        last: datetime | None = None
        number = 0
        while (page := await self._pages.page(number)) is not None:
            number += 1
            for run in page:
                changed = _time_of(run)
                if changed is None or (last is not None and changed > last):
                    return None
                last = changed
                newest = newest or changed
                if time is None or changed < time - _OVERLAP:
                    return self._recent(found, newest)
                found.append(run)
        return self._recent(found, newest)

    def _recent(self, runs: list[Run], newest: datetime | None) -> Recent | None:
        return None if self._count is None else Recent(runs, self._count, newest)


def _time_of(run: Run) -> datetime | None:
    """When a run changed; None: the server does not say, or does not count heartbeats."""
    node = run._node  # pyright: ignore[reportPrivateUsage]
    changed, beat = _parsed(node.updated_at), _parsed(node.heartbeat_at)
    if changed is None or (beat is not None and beat > changed + _OVERLAP):
        return None
    return changed


def _parsed(text: str | None) -> datetime | None:
    try:
        found = datetime.fromisoformat(text or "")
    except ValueError:
        return None
    return found if found.tzinfo is not None else found.replace(tzinfo=UTC)
