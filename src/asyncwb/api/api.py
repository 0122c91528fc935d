"""The door to the read side."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from asyncwb.api.artifact_queries import ArtifactQueries
from asyncwb.api.history import RunAddress
from asyncwb.api.local import EVERY, LocalService
from asyncwb.api.paths import ProjectPath, project_path, run_path
from asyncwb.api.run import Run, fetch
from asyncwb.api.runs import DEFAULT_ORDER, Runs
from asyncwb.api.user import User
from asyncwb.errors import InvalidValueError
from asyncwb.graphql.service import Service
from asyncwb.portal import on_loop
from asyncwb.settings import resolve

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping

    from asyncwb.settings import Settings

__all__ = ["Api"]


class Api(ArtifactQueries):
    """Queries what a server keeps: `run = await asyncwb.Api().run("entity/project/run_id")`.

    Making one sends nothing and looks up no key: the first request does. One Api has at most 16
    requests in flight, over all its iterators; it may be used from several tasks and threads.

    Args:
        overrides: Settings that beat environment and files, `base_url`, `entity` and `project`
            above all; `username` is an old name of `entity`.
        timeout: Seconds for one request with its retries; default: the `http_timeout` setting.
        api_key: Beats the key of environment and netrc.
        settings: Complete settings, in place of looking them up.
        local: A folder that holds `wandb`, or that folder: runs are read from the run folders in
            it, finished, crashed and live ones, ours and those of the `wandb` package, and
            nothing is sent anywhere. Such runs cannot be changed.

    Raises:
        InvalidValueError: A setting has a wrong value, or there is no such folder.
    """

    def __init__(
        self,
        overrides: Mapping[str, Any] | None = None,
        timeout: float | None = None,
        api_key: str | None = None,
        *,
        settings: Settings | None = None,
        local: str | os.PathLike[str] | None = None,
    ) -> None:
        given = dict(overrides or {})
        if "username" in given:
            given.setdefault("entity", given.pop("username"))
        if api_key is not None:
            given["api_key"] = api_key
        if settings is None:
            settings = resolve(given)
        elif given:
            raise InvalidValueError("Api takes settings, or overrides and api_key, not both")
        if timeout is not None and timeout <= 0:
            raise InvalidValueError(f"timeout must be above 0, not {timeout}")
        self._settings = settings
        self._service = (
            Service(settings, settings.http_timeout if timeout is None else timeout)
            if local is None
            else LocalService(Path(local), settings)
        )

    def __repr__(self) -> str:
        if isinstance(self._service, LocalService):
            return f"<Api of {self._service.folder}>"
        return f"<Api {self._settings.base_url}>"

    @property
    def settings(self) -> Settings:
        """The settings in use."""
        return self._settings

    @on_loop
    async def viewer(self) -> User:
        """The account of the key; asked for once.

        Raises:
            AuthenticationError: There is no key, or the server does not know it.
            CommError: The server was not reached.
        """
        return User.from_node(await self._service.viewer())

    @on_loop
    async def default_entity(self) -> str | None:
        """Entity of paths that name none: the `entity` setting, else that of the account.

        Raises:
            AuthenticationError: There is no key, or the server does not know it.
            CommError: The server was not reached.
        """
        if self._settings.entity is not None:
            return self._settings.entity
        return (await self._service.viewer()).entity

    @on_loop
    async def run(self, path: str = "") -> Run:
        """Load one run, with config and summary. Asks the server anew each time.

        Args:
            path: `entity/project/run_id`, `project/run_id`, `run_id`, or the address of the
                run's page; missing parts come from the settings and the account.

        Raises:
            RunNotFoundError: No run lives there; the message names the path.
            InvalidValueError: The path has another form.
            CommError: The server refused or was not reached.
        """
        if isinstance(self._service, LocalService):
            local = await self._service.locate(path)
            return Run(self._service, local, await fetch(self._service, local))
        where = run_path(path, self._settings.entity, self._settings.project)
        entity = await self._service.entity(where.entity)
        address = RunAddress(entity, where.project, where.run_id)
        return Run(self._service, address, await fetch(self._service, address))

    def runs(
        self,
        path: str | None = None,
        filters: Mapping[str, Any] | None = None,
        order: str = DEFAULT_ORDER,
        per_page: int = 50,
        include_sweeps: bool = False,
        lazy: bool = False,
    ) -> Runs:
        """The runs of a project: `async for run in api.runs("entity/project")`.

        Sends nothing before the first run is asked for.

        Args:
            path: `entity/project`, `project`, or the address of the project's page; of local runs,
                None means all in the folder.
            filters: MongoDB-style filter: `{"config.lr": {"$gt": 0.1}, "state": "finished"}`.
            order: `+` or `-` and a key: `+created_at`, `-summary_metrics.loss`.
            per_page: Runs asked for at once.
            include_sweeps: Not available yet.
            lazy: List runs without config and summary, which makes pages of large runs lighter;
                `await run.load()` gets the rest of one.

        Raises:
            InvalidValueError: An argument is wrong.
            UnsupportedError: `include_sweeps` is set.
        """
        if isinstance(self._service, LocalService) and path is None:
            where = ProjectPath(None, EVERY)
        else:
            where = project_path(path, self._settings.entity, self._settings.project)
        return Runs(
            self._service,
            where,
            filters=filters,
            order=order,
            per_page=per_page,
            include_sweeps=include_sweeps,
            lazy=lazy,
        )

    @on_loop
    async def flush(self) -> None:
        """Forget what was asked once and kept: the account and the server's features.

        Runs are never kept: `run` and `runs` ask the server each time.
        """
        self._service.forget()
