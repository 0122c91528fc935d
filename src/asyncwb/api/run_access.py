"""What belongs to a run besides its fields: sweep, console, live rows; and making one."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any, Literal

from asyncwb import jsonx
from asyncwb.api.console_logs import ConsoleLogs
from asyncwb.api.fields import RESERVED, RunFields
from asyncwb.api.following import HistoryFollow
from asyncwb.api.frames import Page as WebPage
from asyncwb.api.history import RunAddress
from asyncwb.api.paths import DEFAULT_PROJECT
from asyncwb.errors import InvalidValueError, NotFoundError
from asyncwb.graphql.project_operations import CREATE_RUN
from asyncwb.portal import on_loop

if TYPE_CHECKING:
    from collections.abc import Sequence

    from asyncwb.api.api import Api
    from asyncwb.api.run import Run
    from asyncwb.api.sweeps import Sweep
    from asyncwb.graphql.service import Service

__all__ = ["RunAccess", "create_run"]

_ID_ALPHABET = "0123456789abcdefghijklmnopqrstuvwxyz"


class RunAccess(RunFields, WebPage):
    """Doors from a run to what belongs to it."""

    _sweep: Sweep | None = None

    @property
    def username(self) -> str:
        """An older name of `entity`."""
        return self._address.entity

    @property
    def json_config(self) -> str:  # sync: lazy
        """The config as `update` sends it: JSON text of `{key: {"value": ..., "desc": null}}`.

        Raises:
            UsageError: The run is lazy; `await run.load()` first.
            InvalidValueError: A value cannot be written as JSON.
        """
        return jsonx.encode(self._wrapped_config()).decode()

    def _wrapped_config(self) -> dict[str, Any]:
        reserved = {key: value for key, value in self.rawconfig.items() if key in RESERVED}
        config = {**reserved, **self.config}
        return {key: {"value": value, "desc": None} for key, value in config.items()}

    @classmethod
    @on_loop
    async def create(
        cls,
        api: Api,
        run_id: str | None = None,
        project: str | None = None,
        entity: str | None = None,
        state: Literal["running", "pending"] = "running",
    ) -> Run:
        """The same as `Api.create_run`, which always makes running ones.

        Args:
            api: Who asks.
            run_id: Id; None: a random one.
            project: None: that of the settings, else "uncategorized".
            entity: None: the default one.
            state: State of a run that is new.

        Raises:
            InvalidValueError: Another state.
            CommError: The server refused or was not reached.
        """
        found = api._service  # pyright: ignore[reportPrivateUsage]
        return await create_run(found, run_id, project, entity, state)

    @on_loop
    async def sweep(self) -> Sweep | None:  # sync: property
        """The sweep it belongs to; None for other runs, and where the sweep is deleted.

        Asks once.

        Raises:
            CommError: The server refused or was not reached.
        """
        from asyncwb.api.sweep_agents import SweepAddress
        from asyncwb.api.sweeps import fetch_sweep

        name = self.sweep_name
        if name is not None and self._sweep is None:
            entity, project, _ = self._address
            try:
                self._sweep = await fetch_sweep(self._service, SweepAddress(entity, project, name))
            except NotFoundError:
                return None
        return self._sweep

    def console_logs(self, *, per_page: int = 1000, last: int | None = None) -> ConsoleLogs:
        """Lines that the run printed: `async for line in run.console_logs()`.

        Sends nothing before the first line is asked for.

        Args:
            per_page: Lines asked for at once.
            last: Only so many lines from the end, in one request.

        Raises:
            InvalidValueError: An argument is wrong.
        """
        return ConsoleLogs(self._service, self._address, per_page=per_page, last=last)

    def follow(
        self,
        keys: Sequence[str] | None = None,
        from_step: int | None = 0,
        *,
        poll_seconds: float = 1.0,
    ) -> HistoryFollow:
        """Rows as they land: `async for row in run.follow()`.

        Gives the rows that are there, then every new one soon after the server has it, and ends
        when the run is finished, failed, crashed or killed. Rows that land late, under a step
        that is passed, are given, too: with `keys` or a `from_step` above 0 at the end.

        Args:
            keys: Only these (and `_step`), and only rows that have all of them.
            from_step: First step; None: only rows behind the last step of now.
            poll_seconds: Time between two looks at the server.

        Raises:
            InvalidValueError: An argument is wrong.
        """
        return HistoryFollow(
            self._service,
            self._address,
            keys=keys,
            from_step=from_step,
            poll_seconds=poll_seconds,
        )

    def _page_url(self) -> str:
        return self.url


async def create_run(
    service: Service, run_id: str | None, project: str | None, entity: str | None, state: str
) -> Run:
    """Make a run without a process. In the loop.

    Raises:
        InvalidValueError: The state is neither running nor pending.
        CommError: The server refused or was not reached.
    """
    from asyncwb.api.run import Run, fetch

    if state not in ("running", "pending"):
        raise InvalidValueError(f"a run is made running or pending, not {state!r}")
    name = run_id or "".join(secrets.choice(_ID_ALPHABET) for _ in range(8))
    owner = await service.entity(entity or service.settings.entity)
    address = RunAddress(owner, project or service.settings.project or DEFAULT_PROJECT, name)
    await service.execute(CREATE_RUN, {**address.variables, "state": state})
    return Run(service, address, await fetch(service, address))
