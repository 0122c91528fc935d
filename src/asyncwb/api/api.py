"""The door to the read side."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from asyncwb.api.administration import Administration
from asyncwb.api.artifact_queries import ArtifactQueries
from asyncwb.api.automations import AutomationQueries
from asyncwb.api.client import Client
from asyncwb.api.custom_charts import CustomCharts
from asyncwb.api.history import RunAddress
from asyncwb.api.local import EVERY, LocalService
from asyncwb.api.paths import ProjectPath, project_path, run_path
from asyncwb.api.project_queries import ProjectQueries
from asyncwb.api.registries.queries import RegistryQueries
from asyncwb.api.run import Run, fetch
from asyncwb.api.runs import DEFAULT_ORDER, Runs
from asyncwb.api.user import User
from asyncwb.api.watching import RunWatch
from asyncwb.errors import InvalidValueError
from asyncwb.graphql.service import USER_AGENT, Service
from asyncwb.portal import on_loop
from asyncwb.settings import Settings, resolve

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping

    from asyncwb.api.projects import Project
    from asyncwb.api.reports import BetaReport
    from asyncwb.api.sweeps import Sweep

__all__ = ["Api"]

_PATH_FORMS = (
    "project, entity/project, entity/project/run_id, entity/project/runs/run_id, "
    "entity/project/sweeps/sweep_id or entity/project/reports/Title--id"
)


class Api(
    ProjectQueries,
    Administration,
    ArtifactQueries,
    RegistryQueries,
    CustomCharts,
    AutomationQueries,
):
    """Queries what a server keeps: `run = await asyncwb.Api().run("entity/project/run_id")`.

    Making one sends nothing and looks up no key: the first request does. One Api has at most 16
    requests in flight, over all its iterators; it may be used from several tasks and threads.

    Args:
        overrides: Settings that beat environment and files, `base_url`, `entity`, `project` and
            `organization` above all; `username` is an old name of `entity`.
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
        if settings is not None and not isinstance(settings, Settings):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise InvalidValueError(f"settings is a Settings, not {type(settings).__name__}")
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

    @property
    def user_agent(self) -> str:
        """How its requests name themselves."""
        return USER_AGENT

    @property
    def client(self) -> Client:
        """For GraphQL documents of one's own."""
        return Client(self._service)

    @on_loop
    async def api_key(self) -> str | None:  # sync: property
        """The key in use: the argument, else that of environment and netrc; None without one.

        Sends nothing. It is a secret: do not print it.
        """
        return await self._service.api_key()

    @on_loop
    async def viewer(self) -> User:  # sync: property
        """The account of the key; asked for once.

        Raises:
            AuthenticationError: There is no key, or the server does not know it.
            CommError: The server was not reached.
        """
        return User(self._service, await self._service.viewer())

    @on_loop
    async def default_entity(self) -> str | None:  # sync: property
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
        *,
        limit: int | None = None,
    ) -> Runs:
        """The runs of a project: `async for run in api.runs("entity/project")`.

        Sends nothing before the first run is asked for.

        Args:
            path: `entity/project`, `project`, or the address of the project's page; of local runs,
                None means all in the folder.
            filters: MongoDB-style filter: `{"config.lr": {"$gt": 0.1}, "state": "finished"}`.
            order: `+` or `-` and a key: `+created_at`, `-summary_metrics.loss`.
            per_page: Runs asked for at once.
            include_sweeps: Load the sweep of each run with it; every sweep is asked for once.
            lazy: List runs without config and summary, which makes pages of large runs lighter;
                `await run.load()` gets the rest of one.
            limit: Number of runs at most.

        Raises:
            InvalidValueError: An argument is wrong.
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
            limit=limit,
        )

    def watch_runs(
        self,
        path: str | None = None,
        filters: Mapping[str, Any] | None = None,
        *,
        initial: bool = False,
        lazy: bool = True,
        poll_seconds: float = 5.0,
    ) -> RunWatch:
        """Changes of the runs of a project: `async for change in api.watch_runs("project")`.

        A look asks for the runs that changed last; for all that match at the start, every half
        minute, and always where the server does not say when runs changed. The first look only
        takes note, unless `initial` is set.

        Args:
            path: `entity/project`, `project`, or the address of the project's page.
            filters: MongoDB-style filter, as for `runs`.
            initial: Also give the runs of the first look, as "appeared".
            lazy: Look without config and summary; else changes of them are seen, too.
            poll_seconds: Time between two looks.

        Raises:
            InvalidValueError: An argument is wrong.
        """
        return RunWatch(
            self._service,
            project_path(path, self._settings.entity, self._settings.project),
            filters=filters,
            initial=initial,
            lazy=lazy,
            poll_seconds=poll_seconds,
        )

    @on_loop
    async def from_path(self, path: str) -> Project | Run | Sweep | BetaReport:
        """Load what a path names.

        Args:
            path: A project, run, sweep or report: `entity/project`, `entity/project/run_id`, or
                with a word in the middle: `entity/project/sweeps/sweep_id`.

        Raises:
            NotFoundError: It is not there.
            InvalidValueError: The path has another form.
            CommError: The server refused or was not reached.
        """
        parts = path.strip().strip("/").split("/")
        if not all(part.strip() for part in parts):
            raise InvalidValueError(f"Invalid path: {path!r}. Paths are {_PATH_FORMS}")
        match [part.strip() for part in parts]:
            case [_] | [_, _]:
                return await self.project("/".join(parts))
            case [_, _, _]:
                return await self.run(path)
            case [entity, project, word, name] if word.startswith("run"):
                return await self.run(f"{entity}/{project}/{name}")
            case [entity, project, word, name] if word.startswith("sweep"):
                return await self.sweep(f"{entity}/{project}/{name}")
            case [entity, project, word, name] if word.startswith("report"):
                return await self._report(ProjectPath(entity, project), name)
            case _:
                raise InvalidValueError(f"Invalid path: {path!r}. Paths are {_PATH_FORMS}")

    @on_loop
    async def flush(self) -> None:
        """Forget what was asked once and kept: account, organizations, the server's features.

        Runs are never kept: `run` and `runs` ask the server each time.
        """
        self._service.forget()
