"""What agents ask a server. Every method hops into asyncwb's loop and has a deadline."""

from __future__ import annotations

import platform
from typing import TYPE_CHECKING

import msgspec

from asyncwb.errors import CommError, UsageError
from asyncwb.graphql import GraphQL
from asyncwb.graphql.sweep_operations import (
    CREATE_AGENT,
    CREATE_SWEEP,
    GET_SWEEP,
    HEARTBEAT,
    SET_SWEEP_STATE,
)
from asyncwb.portal import PORTAL, on_loop
from asyncwb.sender.access import transport_config
from asyncwb.transport import Transport

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from asyncwb.graphql.sweep_operations import Command, SweepNode
    from asyncwb.settings import Settings
    from asyncwb.sweeps.path import SweepPath
    from asyncwb.transport import TransportConfig

__all__ = ["Service", "SweepGoneError"]


class SweepGoneError(UsageError):
    """The sweep, or its agent, is not known to the server any more."""


class Service:
    """The way to the server.

    Args:
        settings: Where it is; the key is looked up with the first request.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._config: TransportConfig | None = None

    async def _graphql(self) -> GraphQL:
        if self._config is None:
            self._config = await PORTAL.in_thread(transport_config, self._settings)
        transport = await Transport.shared(self._config)
        return GraphQL(transport, deadline_seconds=self._settings.http_timeout)

    @on_loop
    async def create(
        self, config: str, path: SweepPath, prior_runs: Sequence[str] | None
    ) -> tuple[SweepNode, list[str]]:
        """Make a sweep of a YAML text; returns it, and what the server finds odd about it."""
        prior = {"$or": [{"name": run} for run in prior_runs]} if prior_runs else None
        answer = await (await self._graphql()).execute(
            CREATE_SWEEP,
            {
                "config": config,
                "description": None,
                "entityName": path.entity,
                "projectName": path.project,
                "priorRunsFilters": None if prior is None else msgspec.json.encode(prior).decode(),
                "displayName": None,
            },
        )
        made = answer.upsert_sweep
        return made.sweep, made.config_validation_warnings or []

    @on_loop
    async def find(self, path: SweepPath) -> SweepNode:
        """A sweep by its path.

        Raises:
            UsageError: There is none.
        """
        variables = {"entity": path.entity, "project": path.project, "name": path.sweep_id}
        project = (await (await self._graphql()).execute(GET_SWEEP, variables)).project
        if project is None or project.sweep is None:
            raise UsageError(
                f"there is no sweep {path} at {self._settings.base_url}; its path is "
                "entity/project/id, and missing parts come from the settings"
            )
        return project.sweep

    @on_loop
    async def set_state(self, sweep: SweepNode, path: SweepPath, state: str) -> None:
        """Set the state of a sweep: RUNNING, PAUSED, FINISHED or CANCELED."""
        await (await self._graphql()).execute(
            SET_SWEEP_STATE,
            {
                "id": sweep.id,
                "state": state,
                "entityName": path.entity,
                "projectName": path.project,
            },
        )

    @on_loop
    async def register(self, path: SweepPath) -> str:
        """Make an agent known; returns its id."""
        answer = await (await self._graphql()).execute(
            CREATE_AGENT,
            {
                "host": self._settings.host or platform.node(),
                "projectName": path.project,
                "entityName": path.entity,
                "sweep": path.sweep_id,
            },
        )
        return answer.create_agent.agent.id

    @on_loop
    async def heartbeat(self, agent_id: str, running: Iterable[str]) -> list[Command]:
        """Tell what runs, and get what to do.

        Raises:
            SweepGoneError: The sweep is deleted.
            CommError: The server cannot be asked now.
        """
        states = msgspec.json.encode(dict.fromkeys(running, True)).decode()
        variables = {"id": agent_id, "metrics": "{}", "runState": states}
        try:
            answer = await (await self._graphql()).execute(HEARTBEAT, variables)
        except CommError as exc:
            if exc.response is not None and exc.response.status == 404:
                raise SweepGoneError("the sweep was deleted", exc=exc) from exc
            raise
        return answer.agent_heartbeat.decoded()
