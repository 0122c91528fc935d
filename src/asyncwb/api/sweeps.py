"""Sweeps, as the server keeps them."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import quote

from asyncwb import jsonx
from asyncwb.api.frames import Page as WebPage
from asyncwb.api.paths import DEFAULT_PROJECT, ProjectPath
from asyncwb.api.query_generator import QueryGenerator
from asyncwb.api.runs import DEFAULT_ORDER, Runs
from asyncwb.api.sweep_agents import Agent, SweepAddress
from asyncwb.errors import InvalidValueError, NotFoundError, ProtocolError, UnsupportedError
from asyncwb.graphql.sweep_operations import CREATE_SWEEP, SET_SWEEP_STATE
from asyncwb.graphql.sweep_reading import AGENT, AGENTS, ENQUEUE_RUN, SWEEP
from asyncwb.portal import on_loop

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from asyncwb.api.api import Api
    from asyncwb.api.run import Run
    from asyncwb.graphql.service import Service
    from asyncwb.graphql.sweep_reading import SweepFields

__all__ = ["Sweep", "create_sweep", "fetch_sweep"]

log = logging.getLogger("asyncwb.api")

_RUNS_PER_PAGE = 10


class Sweep(WebPage):
    """A sweep: a search for good parameters; made by `Api.sweep`.

    Attributes are what the server said when it was loaded; `await sweep.load(force=True)` asks
    again.
    """

    def __init__(self, service: Service, address: SweepAddress, node: SweepFields) -> None:
        self._service = service
        self._address = address
        self._node = node

    def __repr__(self) -> str:
        return f"<Sweep {self._address} ({self.state})>"

    @property
    def id(self) -> str:
        """Short id, the last part of the path."""
        return self._address.sweep_id

    @property
    def entity(self) -> str:
        """User or team that owns the project."""
        return self._address.entity

    @property
    def username(self) -> str:
        """An older name of `entity`."""
        return self._address.entity

    @property
    def project(self) -> str:
        """Project."""
        return self._address.project

    @property
    def path(self) -> list[str]:
        """Entity, project and id, percent-encoded."""
        return [quote(part, safe="") for part in self._address]

    @property
    def url(self) -> str:
        """Address of the web page."""
        entity, project, sweep_id = self.path
        return f"{self._service.settings.web_url}/{entity}/{project}/sweeps/{sweep_id}"

    @property
    def storage_id(self) -> str:
        """Opaque id that the server's mutations use."""
        return self._node.id

    @property
    def state(self) -> str:
        """PENDING, RUNNING, PAUSED, FINISHED or CANCELED."""
        return self._node.state or ""

    @property
    def method(self) -> str | None:
        """grid, random, bayes ..."""
        return self._node.method

    @property
    def display_name(self) -> str | None:
        """Name that was given to it after its start."""
        return self._node.display_name

    @property
    def description(self) -> str | None:
        """Description."""
        return self._node.description

    @property
    def best_loss(self) -> float | None:
        """Best value of the metric so far."""
        return self._node.best_loss

    @property
    def run_count(self) -> int | None:
        """Number of its runs."""
        return self._node.run_count

    @property
    def expected_run_count(self) -> int | None:
        """Number of runs it will have in the end; None: no end is known."""
        return self._node.run_count_expected

    @property
    def created_at(self) -> str | None:
        """ISO time, UTC."""
        return self._node.created_at

    @property
    def updated_at(self) -> str | None:
        """ISO time, UTC."""
        return self._node.updated_at

    @property
    def config(self) -> dict[str, Any]:
        """The config of the sweep, as a new dict."""
        import yaml  # few readers of runs look at sweeps

        value = yaml.safe_load(self._node.config or "{}")
        return cast("dict[str, Any]", value) if isinstance(value, dict) else {}

    @property
    def name(self) -> str:
        """Display name, else the name in the config, else the id."""
        return self.display_name or self.config.get("name") or self.id

    @property
    def order(self) -> str | None:
        """Order that puts its best run first, from the metric of the config."""
        metric = self.config.get("metric")
        if not isinstance(metric, dict) or "name" not in metric:
            return None
        known = cast("dict[str, Any]", metric)
        sign = "+" if known.get("goal", "minimize") == "minimize" else "-"
        return QueryGenerator.format_order_key(f"{sign}{known['name']}")

    @property
    def runs(self) -> Runs:
        """Its runs, the first begun first; each time a new listing."""
        return self._runs(DEFAULT_ORDER, _RUNS_PER_PAGE)

    @classmethod
    async def get(
        cls,
        api: Api,
        entity: str | None = None,
        project: str | None = None,
        sid: str | None = None,
    ) -> Sweep:
        """Load a sweep by the parts of its path; `Api.sweep` takes the whole path.

        Args:
            api: Who asks.
            entity: None: the default one.
            project: None: the default one.
            sid: Short id.

        Raises:
            NotFoundError: There is none.
            InvalidValueError: A part is missing.
            CommError: The server refused or was not reached.
        """
        return await api.sweep("/".join(part for part in (entity, project, sid) if part))

    @on_loop
    async def load(self, force: bool = False) -> None:
        """Ask again.

        Args:
            force: Accepted for scripts that pass it: a load always asks.

        Raises:
            NotFoundError: The sweep is gone.
            CommError: The server refused or was not reached.
        """
        self._node = (await fetch_sweep(self._service, self._address))._node

    @on_loop
    async def best_run(self, order: str | None = None) -> Run | None:
        """The first run by the metric of the config.

        Args:
            order: Another order: a metric, or a key such as `config.lr`, with `+` or `-` (the
                default) before it.

        Returns:
            The run; None where the sweep has none. Without a metric and an order: the oldest.

        Raises:
            CommError: The server refused or was not reached.
        """
        if order is None:
            wanted = self.order
        else:
            signed = order if order.startswith(("+", "-")) else f"-{order}"
            wanted = QueryGenerator.format_order_key(order) or signed
        try:
            return await self._runs(wanted or DEFAULT_ORDER, 1).get(0)
        except IndexError:
            return None

    def _runs(self, order: str, per_page: int) -> Runs:
        return Runs(
            self._service,
            ProjectPath(self.entity, self.project),
            filters={"$and": [{"sweep": self.id}]},
            order=order,
            per_page=per_page,
            include_sweeps=False,
            lazy=False,
        )

    @on_loop
    async def agents(self) -> list[Agent]:
        """The agents that worked on it.

        Raises:
            NotFoundError: The sweep is gone.
            CommError: The server refused or was not reached.
        """
        project = (await self._service.execute(AGENTS, self._address.variables)).project
        if project is None or project.sweep is None:
            raise NotFoundError(f"Could not find sweep {self._address}")
        listed = project.sweep.agents
        edges = [] if listed is None else listed.edges
        return [
            Agent(self._service, self._address, edge.node)
            for edge in edges
            if edge.node is not None
        ]

    @on_loop
    async def agent(self, agent_id: str) -> Agent:
        """One agent.

        Args:
            agent_id: Its name.

        Raises:
            NotFoundError: There is none.
            CommError: The server refused or was not reached.
        """
        variables = {**self._address.variables, "agent": agent_id}
        project = (await self._service.execute(AGENT, variables)).project
        if project is None or project.sweep is None or project.sweep.agent is None:
            raise NotFoundError(f"Could not find agent {agent_id!r} of {self._address}")
        return Agent(self._service, self._address, project.sweep.agent)

    @on_loop
    async def enqueue_run(self, config: Mapping[str, Any], display_name: str | None = None) -> str:
        """Have a run with these parameters done, on servers that schedule sweeps locally.

        Args:
            config: Parameters of the run.
            display_name: Its display name.

        Returns:
            Id of the run.

        Raises:
            UnsupportedError: The server does not queue runs of sweeps.
            CommError: The server refused or was not reached.
        """
        if not await self._service.has_feature("SWEEPS_LOCAL_SCHEDULER"):
            raise UnsupportedError("this server does not queue runs of sweeps")
        variables = {
            "id": self.storage_id,
            "config": jsonx.encode(dict(config)).decode(),
            "displayName": display_name,
        }
        queued = (await self._service.execute(ENQUEUE_RUN, variables)).result
        if queued is None:
            raise ProtocolError(f"the server queued no run of {self._address}")
        return queued.id

    async def pause(self) -> None:
        """Give out no more runs for now; running ones go on.

        Raises:
            CommError: The server refused or was not reached.
        """
        await self.update_state("PAUSED")

    async def resume(self) -> None:
        """Give out runs again.

        Raises:
            CommError: The server refused or was not reached.
        """
        await self.update_state("RUNNING")

    async def stop(self) -> None:
        """End the search; running runs go on to their end.

        Raises:
            CommError: The server refused or was not reached.
        """
        await self.update_state("FINISHED")

    async def cancel(self) -> None:
        """End the search and ask running runs to stop.

        Raises:
            CommError: The server refused or was not reached.
        """
        await self.update_state("CANCELED")

    @on_loop
    async def update_state(self, state: str) -> None:
        """Set the state, then load the sweep again.

        Args:
            state: RUNNING, PAUSED, FINISHED or CANCELED.

        Raises:
            InvalidValueError: Another word.
            CommError: The server refused or was not reached.
        """
        if state not in {"RUNNING", "PAUSED", "FINISHED", "CANCELED"}:
            raise InvalidValueError(
                f"a sweep is set to RUNNING, PAUSED, FINISHED or CANCELED, not {state!r}"
            )
        variables = {
            "id": self.storage_id,
            "state": state,
            "entityName": self.entity,
            "projectName": self.project,
        }
        await self._service.execute(SET_SWEEP_STATE, variables)
        await self.load()

    def _page_url(self) -> str:
        return self.url


async def fetch_sweep(service: Service, address: SweepAddress) -> Sweep:
    """Ask for a sweep. In the loop.

    Raises:
        NotFoundError: There is none.
        CommError: The server refused or was not reached.
    """
    project = (await service.execute(SWEEP, address.variables)).project
    if project is None or project.sweep is None:
        raise NotFoundError(f"Could not find sweep {address}")
    return Sweep(service, address, project.sweep)


async def create_sweep(
    service: Service,
    config: Mapping[str, Any],
    project: str | None,
    entity: str | None,
    prior_runs: Sequence[str] | None,
) -> Sweep:
    """Make a sweep. In the loop.

    Raises:
        InvalidValueError: The config cannot be searched; names the parameter.
        CommError: The server refused or was not reached.
    """
    from asyncwb.searchspace import fill_distributions, read_config
    from asyncwb.sender.yamltext import to_yaml

    wanted = dict(config)
    for warning in read_config(wanted).warnings:
        log.warning("new sweep: %s", warning)
    settings = service.settings
    owner = await service.entity(entity or wanted.get("entity") or settings.entity)
    where = project or wanted.get("project") or settings.project or DEFAULT_PROJECT
    prior = {"$or": [{"name": name} for name in prior_runs]} if prior_runs else None
    variables = {
        "config": to_yaml(fill_distributions(wanted)),
        "entityName": owner,
        "projectName": where,
        "priorRunsFilters": None if prior is None else jsonx.encode(prior).decode(),
    }
    made = (await service.execute(CREATE_SWEEP, variables)).upsert_sweep.sweep
    return await fetch_sweep(service, SweepAddress(owner, where, made.name))
