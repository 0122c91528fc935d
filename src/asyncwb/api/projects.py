"""Projects of an entity."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from asyncwb.api.frames import Page as WebPage
from asyncwb.api.listings import ProjectArtifactCollections, ProjectArtifactTypes
from asyncwb.api.pages import Listing
from asyncwb.api.paths import ProjectPath
from asyncwb.api.reports import Reports
from asyncwb.api.runs import DEFAULT_ORDER, Runs
from asyncwb.api.sweep_listing import Sweeps
from asyncwb.api.user import User
from asyncwb.automations.scopes import ProjectScope
from asyncwb.errors import NotFoundError, ProtocolError
from asyncwb.graphql.paginator import Page
from asyncwb.graphql.project_operations import (
    DELETE_PROJECT,
    PROJECT,
    PROJECTS,
    UPSERT_PROJECT,
)
from asyncwb.portal import on_loop

if TYPE_CHECKING:
    from collections.abc import Mapping

    from asyncwb.graphql.project_operations import ProjectNode
    from asyncwb.graphql.service import Service

__all__ = ["Project", "Projects", "create_project", "fetch_project"]


class Project(WebPage):
    """A project: a namespace of runs, sweeps, reports and artifacts; made by `Api.project`."""

    def __init__(self, service: Service, entity: str, node: ProjectNode) -> None:
        self._service = service
        self._entity = entity
        self._node = node

    def __repr__(self) -> str:
        return f"<Project {self._entity}/{self.name}>"

    def _automation_scope(self) -> ProjectScope:
        return ProjectScope(self.id, self.name)

    @property
    def id(self) -> str:
        """Opaque id."""
        return self._node.id

    @property
    def name(self) -> str:
        """Name."""
        return self._node.name

    @property
    def entity(self) -> str:
        """User or team that owns it."""
        return self._entity

    @property
    def entity_name(self) -> str:
        """Another name of `entity`."""
        return self._entity

    @property
    def path(self) -> list[str]:
        """Entity and name."""
        return [self._entity, self.name]

    @property
    def url(self) -> str:
        """Address of the web page."""
        entity, name = (quote(part, safe="") for part in self.path)
        return f"{self._service.settings.web_url}/{entity}/{name}/workspace"

    @property
    def description(self) -> str:
        """Description."""
        return self._node.description or ""

    @property
    def created_at(self) -> str | None:
        """ISO time, UTC."""
        return self._node.created_at

    @property
    def is_benchmark(self) -> bool:
        """Whether a public benchmark."""
        return bool(self._node.is_benchmark)

    @property
    def owner(self) -> User:
        """Who made it.

        Raises:
            NotFoundError: The server does not know.
        """
        if self._node.user is None:
            raise NotFoundError(f"the server knows no owner of {self._entity}/{self.name}")
        return User(self._service, self._node.user)

    def runs(
        self,
        filters: Mapping[str, Any] | None = None,
        order: str = DEFAULT_ORDER,
        per_page: int = 50,
        lazy: bool = False,
        *,
        limit: int | None = None,
    ) -> Runs:
        """Its runs; see `Api.runs`.

        Args:
            filters: MongoDB-style filter.
            order: `+` or `-` and a key.
            per_page: Runs asked for at once.
            lazy: List runs without config and summary.
            limit: Number of runs at most.

        Raises:
            InvalidValueError: An argument is wrong.
        """
        return Runs(
            self._service,
            ProjectPath(self._entity, self.name),
            filters=filters,
            order=order,
            per_page=per_page,
            include_sweeps=False,
            lazy=lazy,
            limit=limit,
        )

    def sweeps(
        self,
        per_page: int = 50,
        filters: Mapping[str, Any] | None = None,
        order: str | None = None,
        *,
        limit: int | None = None,
    ) -> Sweeps:
        """Its sweeps. Sends nothing before the first one.

        Args:
            per_page: Sweeps asked for at once.
            filters: MongoDB-style filter, e.g. `{"state": "RUNNING"}`.
            order: `+` or `-` and a key, for servers that order sweeps.
            limit: Number of sweeps at most.

        Raises:
            InvalidValueError: An argument is wrong.
        """
        return Sweeps(
            self._service,
            ProjectPath(self._entity, self.name),
            filters=filters,
            order=order,
            per_page=per_page,
            limit=limit,
        )

    def reports(
        self, name: str | None = None, per_page: int = 50, *, limit: int | None = None
    ) -> Reports:
        """Its reports. Sends nothing before the first one.

        Args:
            name: Only the report of this name.
            per_page: Reports asked for at once.
            limit: Number of reports at most.

        Raises:
            InvalidValueError: An argument is wrong.
        """
        where = ProjectPath(self._entity, self.name)
        return Reports(self._service, where, name=name, per_page=per_page, limit=limit)

    def artifacts_types(self, per_page: int = 50) -> ProjectArtifactTypes:
        """The types of its artifacts. Sends nothing before the first one.

        Args:
            per_page: Types asked for at once.

        Raises:
            InvalidValueError: `per_page` is below 1.
        """
        return ProjectArtifactTypes(self._service, self._entity, self.name, per_page)

    def collections(
        self,
        filters: Mapping[str, Any] | None = None,
        order: str | None = None,
        per_page: int = 50,
    ) -> ProjectArtifactCollections:
        """The collections of its artifacts. Sends nothing before the first one.

        Args:
            filters: MongoDB-style filter, e.g. `{"name": {"$regex": "^train"}}`.
            order: `+` or `-` and a key, for example `+created_at`.
            per_page: Collections asked for at once.

        Raises:
            InvalidValueError: An argument is wrong.
        """
        return ProjectArtifactCollections(
            self._service,
            self._entity,
            self.name,
            None,
            filters=filters,
            order=order,
            per_page=per_page,
        )

    @on_loop
    async def load(self, force: bool = False) -> None:
        """Ask again.

        Args:
            force: Accepted for scripts that pass it: a load always asks.

        Raises:
            NotFoundError: The project is gone.
            CommError: The server refused or was not reached.
        """
        self._node = (await fetch_project(self._service, self._entity, self.name))._node

    @on_loop
    async def delete(self) -> None:
        """Delete the project with its runs, sweeps, reports and artifacts; cannot be undone.

        Raises:
            CommError: The server refused or was not reached.
        """
        answer = (await self._service.execute(DELETE_PROJECT, {"id": self.id})).result
        if answer is None or not answer.success:
            raise ProtocolError(f"the server did not delete {self._entity}/{self.name}")

    def _page_url(self) -> str:
        return self.url


class Projects(Listing["Project"]):
    """Projects of an entity; made by `Api.projects`. Pages are kept.

    `async for project in projects`; `await projects.length()`, `await projects.get(0)`. An
    entity that is not there has no projects.
    """

    def __init__(
        self, service: Service, entity: str | None, *, per_page: int, limit: int | None
    ) -> None:
        super().__init__(service, name="asyncwb projects", per_page=per_page, limit=limit)
        self._entity = entity

    def __repr__(self) -> str:
        return f"<Projects {self._entity or ''}>"

    async def _fetch(self, cursor: str | None) -> Page[Project]:
        entity = await self._service.entity(self._entity)
        variables = {"entity": entity, "cursor": cursor, "perPage": self._per_page}
        listing = (await self._service.execute(PROJECTS, variables)).models
        if listing is None:
            return Page([], None, more=False)
        found = [
            Project(self._service, entity, edge.node)
            for edge in listing.edges
            if edge.node is not None
        ]
        return Page(found, listing.page_info.end_cursor, listing.page_info.has_next_page)


async def fetch_project(service: Service, entity: str, name: str) -> Project:
    """Ask for a project. In the loop.

    Raises:
        NotFoundError: There is none.
        CommError: The server refused or was not reached.
    """
    node = (await service.execute(PROJECT, {"entity": entity, "project": name})).project
    if node is None:
        raise NotFoundError(f"Could not find project {entity}/{name}")
    return Project(service, entity, node)


async def create_project(service: Service, entity: str, name: str) -> Project:
    """Make a project, or find the one of that name. In the loop.

    Raises:
        CommError: The server refused or was not reached.
    """
    await service.execute(UPSERT_PROJECT, {"input": {"entityName": entity, "name": name}})
    return await fetch_project(service, entity, name)
