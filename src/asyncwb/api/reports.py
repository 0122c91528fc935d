"""Reports: views that are kept with a project."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import quote

from asyncwb import jsonx
from asyncwb.api.frames import Page as WebPage
from asyncwb.api.frames import frame
from asyncwb.api.pages import Listing
from asyncwb.api.paths import ProjectPath
from asyncwb.api.query_generator import QueryGenerator
from asyncwb.api.runs import Runs
from asyncwb.api.user import User
from asyncwb.errors import InvalidValueError, NotFoundError, ProtocolError
from asyncwb.graphql.paginator import Page
from asyncwb.graphql.project_operations import DELETE_REPORT, REPORTS, UPSERT_REPORT
from asyncwb.portal import on_loop

if TYPE_CHECKING:
    from collections.abc import Mapping

    from asyncwb.graphql.project_operations import ReportNode
    from asyncwb.graphql.service import Service

__all__ = ["BetaReport", "Reports", "create_report"]

_VIEW_TYPE = "runs"


class BetaReport(WebPage):
    """A report; made by `Api.reports` and `Api.create_report`.

    Attributes are what the server said when it was listed.
    """

    def __init__(self, service: Service, entity: str, project: str, node: ReportNode) -> None:
        self._service = service
        self._entity = entity
        self._project = project
        self._node = node

    def __repr__(self) -> str:
        return f"<BetaReport {self._entity}/{self._project} {self.display_name!r}>"

    @property
    def id(self) -> str:
        """Opaque id."""
        return self._node.id

    @property
    def entity(self) -> str:
        """User or team that owns the project."""
        return self._entity

    @property
    def project(self) -> str:
        """Project."""
        return self._project

    @property
    def name(self) -> str | None:
        """Name in the project; `display_name` is for people."""
        return self._node.name

    @property
    def display_name(self) -> str | None:
        """Title."""
        return self._node.display_name

    @property
    def description(self) -> str | None:
        """Description."""
        return self._node.description

    @property
    def user(self) -> User | None:
        """Who wrote it; names and address only."""
        return None if self._node.user is None else User(self._service, self._node.user)

    @property
    def created_at(self) -> str | None:
        """ISO time, UTC."""
        return self._node.created_at

    @property
    def updated_at(self) -> str | None:
        """ISO time, UTC."""
        return self._node.updated_at

    @property
    def spec(self) -> dict[str, Any]:
        """What it consists of, as a new dict."""
        value = jsonx.decode(self._node.spec) if self._node.spec else None
        return cast("dict[str, Any]", value) if isinstance(value, dict) else {}

    @property
    def sections(self) -> list[dict[str, Any]]:
        """The panel groups of the spec."""
        groups = self.spec.get("panelGroups")
        return cast("list[dict[str, Any]]", groups) if isinstance(groups, list) else []

    @property
    def url(self) -> str | None:
        """Address of the web page; None without a title."""
        if not self.display_name:
            return None
        title = re.sub(r"-+", "-", re.sub(r"\W", "-", self.display_name)).strip("-")
        return "/".join(
            [
                self._service.settings.web_url,
                self._entity,
                self._project,
                "reports",
                f"{quote(title)}--{self.id.replace('=', '')}",
            ]
        )

    def runs(
        self, section: Mapping[str, Any], per_page: int = 50, only_selected: bool = True
    ) -> Runs:
        """The runs that a section shows. Sends nothing before the first one.

        Args:
            section: One of `sections`, with its `runSets`.
            per_page: Runs asked for at once.
            only_selected: Only runs that are ticked in the section.

        Raises:
            InvalidValueError: The section has no run set, or a filter that cannot be read.
        """
        run_set = _run_set(section)
        generator = QueryGenerator()
        sort = run_set.get("sort") or {"key": {"section": "run", "name": "createdAt"}}
        [order] = generator.keys_to_order({"keys": [sort]})
        tree = run_set.get("filters")
        wanted = [generator.filter_to_mongo(tree)] if tree else []
        selections: dict[str, Any] = run_set.get("selections") or {}
        if only_selected and selections.get("tree") is not None:
            wanted.append({"name": {"$in": selections["tree"]}})
        return Runs(
            self._service,
            ProjectPath(self._entity, self._project),
            filters={"$and": wanted} if wanted else None,
            order=order,
            per_page=per_page,
            include_sweeps=False,
            lazy=False,
        )

    @on_loop
    async def update(
        self,
        *,
        display_name: str | None = None,
        description: str | None = None,
        spec: Mapping[str, Any] | None = None,
    ) -> None:
        """Change the report; what is None stays.

        Args:
            display_name: New title.
            description: New description.
            spec: New content, whole.

        Raises:
            InvalidValueError: The spec cannot be written as JSON.
            CommError: The server refused or was not reached.
        """
        wanted = {"id": self.id, "displayName": display_name, "description": description}
        self._node = await _upsert(self._service, wanted, spec)

    @on_loop
    async def delete(self) -> None:
        """Delete the report; cannot be undone.

        Raises:
            CommError: The server refused or was not reached.
        """
        answer = (await self._service.execute(DELETE_REPORT, {"id": self.id})).result
        if answer is None or not answer.success:
            raise ProtocolError(f"the server did not delete the report {self.display_name!r}")

    def to_html(self, height: int = 1024, hidden: bool = False) -> str:
        """The web page as an HTML frame. Never waits.

        Args:
            height: Pixels.
            hidden: Show a button first, and the page when it is pressed.

        Raises:
            InvalidValueError: The height is no positive integer.
        """
        return frame(self.url, "report", height, hidden=hidden)

    def _page_url(self) -> str | None:
        return self.url


class Reports(Listing["BetaReport"]):
    """Reports of a project; made by `Api.reports`. Pages are kept.

    `async for report in reports`; `await reports.length()`, `await reports.get(0)`.
    """

    def __init__(
        self,
        service: Service,
        path: ProjectPath,
        *,
        name: str | None,
        per_page: int,
        limit: int | None,
    ) -> None:
        super().__init__(service, name="asyncwb reports", per_page=per_page, limit=limit)
        self._path = path
        self._name = name

    def __repr__(self) -> str:
        return f"<Reports {self._path.entity or ''}/{self._path.project}>"

    async def _fetch(self, cursor: str | None) -> Page[BetaReport]:
        entity = await self._service.entity(self._path.entity)
        variables = {
            "entity": entity,
            "project": self._path.project,
            "viewType": _VIEW_TYPE,
            "viewName": self._name,
            "perPage": self._per_page,
            "cursor": cursor,
        }
        project = (await self._service.execute(REPORTS, variables)).project
        if project is None:
            raise NotFoundError(f"Could not find project {entity}/{self._path.project}")
        listing = project.all_views
        if listing is None:
            return Page([], None, more=False)
        found = [
            BetaReport(self._service, entity, self._path.project, edge.node)
            for edge in listing.edges
            if edge.node is not None
        ]
        last = listing.edges[-1].cursor if listing.edges else listing.page_info.end_cursor
        return Page(found, last, listing.page_info.has_next_page)


async def create_report(
    service: Service,
    entity: str,
    project: str,
    title: str,
    description: str,
    spec: Mapping[str, Any] | None,
) -> BetaReport:
    """Add a report. In the loop.

    Raises:
        InvalidValueError: The title is empty, or the spec cannot be written as JSON.
        CommError: The server refused or was not reached.
    """
    if not title.strip():
        raise InvalidValueError("a report has a title")
    wanted: dict[str, str | None] = {
        "entityName": entity,
        "projectName": project,
        "type": _VIEW_TYPE,
        "displayName": title,
        "description": description,
    }
    node = await _upsert(service, wanted, spec if spec is not None else {"panelGroups": []})
    return BetaReport(service, entity, project, node)


async def _upsert(
    service: Service, wanted: dict[str, str | None], spec: Mapping[str, Any] | None
) -> ReportNode:
    given: dict[str, object] = {key: value for key, value in wanted.items() if value is not None}
    if spec is not None:
        given["spec"] = jsonx.encode(dict(spec)).decode()
    answer = (await service.execute(UPSERT_REPORT, {"input": given})).result
    if answer is None or answer.view is None:
        raise ProtocolError("the server did not keep the report")
    return answer.view


def _run_set(section: Mapping[str, Any]) -> dict[str, Any]:
    sets = section.get("runSets")
    number = section.get("openRunSet") or 0
    if not isinstance(sets, list) or not isinstance(number, int):
        raise InvalidValueError("a section of a report has runSets; see report.sections")
    known = cast("list[dict[str, Any]]", sets)
    if not 0 <= number < len(known):
        raise InvalidValueError(f"the section has {len(known)} run sets, and no number {number}")
    return known[number]
