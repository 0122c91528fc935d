"""Agents of a sweep, and their runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from asyncwb.api.history import RunAddress
from asyncwb.api.pages import Listing
from asyncwb.api.run import Run
from asyncwb.api.runs import DEFAULT_ORDER
from asyncwb.errors import NotFoundError
from asyncwb.graphql.paginator import Page
from asyncwb.graphql.sweep_reading import AGENT_RUNS

if TYPE_CHECKING:
    from asyncwb.graphql.service import Service
    from asyncwb.graphql.sweep_reading import AgentNode

__all__ = ["Agent", "AgentRuns", "SweepAddress"]


class SweepAddress(NamedTuple):
    """Entity, project and short id of a sweep."""

    entity: str
    project: str
    sweep_id: str

    def __str__(self) -> str:
        return "/".join(self)

    @property
    def variables(self) -> dict[str, object]:
        """The address as the operations name it."""
        return {"entity": self.entity, "project": self.project, "name": self.sweep_id}


class Agent:
    """A program that carries out runs of a sweep; made by `Sweep.agents`."""

    def __init__(self, service: Service, address: SweepAddress, node: AgentNode) -> None:
        self._service = service
        self._address = address
        self._node = node

    def __repr__(self) -> str:
        return f"<Agent {self.id} ({self.state})>"

    @property
    def id(self) -> str:
        """Opaque id."""
        return self._node.id

    @property
    def name(self) -> str:
        """Name in the sweep."""
        return self._node.name or self._node.id

    @property
    def host(self) -> str | None:
        """Machine."""
        return self._node.host

    @property
    def state(self) -> str | None:
        """RUNNING, FINISHED ..."""
        return self._node.state

    @property
    def total_runs(self) -> int:
        """Number of runs that it was given."""
        return self._node.total_runs or 0

    @property
    def created_at(self) -> str | None:
        """ISO time, UTC."""
        return self._node.created_at

    @property
    def heartbeat_at(self) -> str | None:
        """ISO time, UTC, of the last sign of life."""
        return self._node.heartbeat_at

    def runs(self, per_page: int = 50) -> AgentRuns:
        """The runs it carried out. Sends nothing before the first one.

        Args:
            per_page: Runs asked for at once.

        Raises:
            InvalidValueError: `per_page` is below 1.
        """
        return AgentRuns(
            self._service, self._address, self.name, order=DEFAULT_ORDER, per_page=per_page
        )


class AgentRuns(Listing["Run"]):
    """Runs that an agent carried out, without config and summary; made by `Agent.runs`.

    `async for run in runs`; `await runs.length()`, `await runs.get(0)`.
    """

    def __init__(
        self, service: Service, address: SweepAddress, agent: str, *, order: str, per_page: int
    ) -> None:
        super().__init__(service, name="asyncwb runs of an agent", per_page=per_page)
        self._address = address
        self._agent = agent
        self._order = order

    def __repr__(self) -> str:
        return f"<AgentRuns {self._address} {self._agent}>"

    async def _fetch(self, cursor: str | None) -> Page[Run]:
        variables = {
            **self._address.variables,
            "agent": self._agent,
            "order": self._order,
            "perPage": self._per_page,
            "cursor": cursor,
        }
        project = (await self._service.execute(AGENT_RUNS, variables)).project
        sweep = None if project is None else project.sweep
        if sweep is None or sweep.agent is None:
            raise NotFoundError(f"Could not find agent {self._agent} of {self._address}")
        self._count = sweep.agent.total_runs
        listing = sweep.agent.runs
        if listing is None:
            return Page([], None, more=False)
        entity, project_name, _ = self._address
        runs = [
            Run(self._service, RunAddress(entity, project_name, edge.node.name), edge.node)
            for edge in listing.edges
        ]
        last = listing.edges[-1].cursor if listing.edges else listing.page_info.end_cursor
        return Page(runs, last, listing.page_info.has_next_page)
