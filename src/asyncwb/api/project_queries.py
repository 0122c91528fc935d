"""What an Api says of projects, and of the sweeps and reports in them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from asyncwb.api.paths import ProjectPath, project_path, run_path
from asyncwb.api.projects import Project, Projects, create_project, fetch_project
from asyncwb.api.reports import BetaReport, Reports, create_report
from asyncwb.api.run_access import create_run
from asyncwb.api.sweep_agents import SweepAddress
from asyncwb.api.sweep_listing import Sweeps
from asyncwb.api.sweeps import Sweep, create_sweep, fetch_sweep
from asyncwb.errors import NotFoundError
from asyncwb.portal import on_loop

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from asyncwb.api.run import Run
    from asyncwb.graphql.service import Service
    from asyncwb.settings import Settings

__all__ = ["ProjectQueries"]


class ProjectQueries:
    """Projects, sweeps, reports."""

    _settings: Settings
    _service: Service

    @on_loop
    async def project(self, name: str, entity: str | None = None) -> Project:
        """Load a project.

        Args:
            name: Its name, or `entity/project`.
            entity: Its owner; None: the default one.

        Raises:
            NotFoundError: There is none.
            InvalidValueError: The name has another form.
            CommError: The server refused or was not reached.
        """
        where = project_path(name, entity or self._settings.entity, None)
        return await fetch_project(
            self._service, await self._service.entity(where.entity), where.project
        )

    def projects(
        self, entity: str | None = None, per_page: int = 200, *, limit: int | None = None
    ) -> Projects:
        """The projects of an entity: `async for project in api.projects()`.

        Sends nothing before the first one is asked for.

        Args:
            entity: User or team; None: the default one.
            per_page: Projects asked for at once.
            limit: Number of projects at most.

        Raises:
            InvalidValueError: An argument is wrong.
        """
        owner = entity or self._settings.entity
        return Projects(self._service, owner, per_page=per_page, limit=limit)

    @on_loop
    async def create_project(self, name: str, entity: str | None = None) -> Project:
        """Make a project, or find the one of that name.

        Args:
            name: Name.
            entity: Its owner; None: the default one.

        Raises:
            CommError: The server refused (a name, an entity) or was not reached.
        """
        owner = await self._service.entity(entity or self._settings.entity)
        return await create_project(self._service, owner, name)

    @on_loop
    async def create_run(
        self,
        *,
        run_id: str | None = None,
        project: str | None = None,
        entity: str | None = None,
    ) -> Run:
        """Make a run without a process that logs to it.

        Args:
            run_id: Id; None: a random one.
            project: None: that of the settings, else "uncategorized".
            entity: None: the default one.

        Raises:
            CommError: The server refused or was not reached.
        """
        return await create_run(self._service, run_id, project, entity, "running")

    @on_loop
    async def sweep(self, path: str = "") -> Sweep:
        """Load a sweep.

        Args:
            path: `entity/project/sweep_id`, `project/sweep_id`, `sweep_id`, or the address of the
                sweep's page.

        Raises:
            NotFoundError: There is none.
            InvalidValueError: The path has another form.
            CommError: The server refused or was not reached.
        """
        where = run_path(path, self._settings.entity, self._settings.project, "sweep")
        entity = await self._service.entity(where.entity)
        return await fetch_sweep(self._service, SweepAddress(entity, where.project, where.run_id))

    def sweeps(
        self,
        path: str | None = None,
        filters: Mapping[str, Any] | None = None,
        order: str | None = None,
        per_page: int = 50,
        *,
        limit: int | None = None,
    ) -> Sweeps:
        """The sweeps of a project. Sends nothing before the first one is asked for.

        Args:
            path: `entity/project`, `project`, or the address of the project's page.
            filters: MongoDB-style filter, e.g. `{"state": "RUNNING"}`.
            order: `+` or `-` and a key, for servers that order sweeps.
            per_page: Sweeps asked for at once.
            limit: Number of sweeps at most.

        Raises:
            InvalidValueError: An argument is wrong.
        """
        return Sweeps(
            self._service,
            project_path(path, self._settings.entity, self._settings.project),
            filters=filters,
            order=order,
            per_page=per_page,
            limit=limit,
        )

    @on_loop
    async def create_sweep(
        self,
        config: Mapping[str, Any],
        project: str | None = None,
        entity: str | None = None,
        prior_runs: Sequence[str] | None = None,
    ) -> Sweep:
        """Make a sweep, which `asyncwb.agent` carries out.

        The config is checked before anything is sent.

        Args:
            config: The config, as for `asyncwb.sweep`.
            project: None: that of the config, else of the settings, else "uncategorized".
            entity: None: that of the config, else the default one.
            prior_runs: Ids of runs of the project that become part of the sweep.

        Raises:
            InvalidValueError: The config cannot be searched; names the parameter.
            CommError: The server refused or was not reached.
        """
        return await create_sweep(self._service, config, project, entity, prior_runs)

    def reports(
        self,
        path: str = "",
        name: str | None = None,
        per_page: int = 50,
        *,
        limit: int | None = None,
    ) -> Reports:
        """The reports of a project. Sends nothing before the first one is asked for.

        Args:
            path: `entity/project` or `project`; empty: those of the settings.
            name: Only the report of this name; percent-encoding is taken off.
            per_page: Reports asked for at once.
            limit: Number of reports at most.

        Raises:
            InvalidValueError: An argument is wrong.
        """
        where = project_path(path or None, self._settings.entity, self._settings.project)
        wanted = None if name is None else unquote(name)
        return Reports(self._service, where, name=wanted, per_page=per_page, limit=limit)

    @on_loop
    async def create_report(
        self,
        path: str,
        title: str,
        description: str = "",
        spec: Mapping[str, Any] | None = None,
    ) -> BetaReport:
        """Keep a report with a project.

        Args:
            path: `entity/project` or `project`.
            title: Title.
            description: Description.
            spec: Content, in the form of the web app: `{"panelGroups": [...], ...}`.

        Raises:
            InvalidValueError: The path has another form, the title is empty, or the spec cannot
                be written as JSON.
            CommError: The server refused or was not reached.
        """
        where = project_path(path, self._settings.entity, self._settings.project)
        entity = await self._service.entity(where.entity)
        return await create_report(self._service, entity, where.project, title, description, spec)

    async def _report(self, where: ProjectPath, name: str) -> BetaReport:
        _, _, wanted = name.rpartition("--")
        reports = Reports(self._service, where, name=None, per_page=50, limit=None)
        async for report in reports.items():
            if report.id.replace("=", "") == wanted:
                return report
        raise NotFoundError(f"Could not find report {where.entity}/{where.project}/{name}")
