"""Sweeps of a project."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from asyncwb.api.pages import Listing
from asyncwb.api.runs import check_order, filter_text
from asyncwb.api.sweep_agents import SweepAddress
from asyncwb.errors import NotFoundError, UnsupportedError
from asyncwb.graphql.paginator import Page
from asyncwb.graphql.sweep_reading import sweeps_operation

if TYPE_CHECKING:
    from collections.abc import Mapping

    from asyncwb.api.paths import ProjectPath
    from asyncwb.api.sweeps import Sweep
    from asyncwb.graphql.service import Service

__all__ = ["Sweeps"]


class Sweeps(Listing["Sweep"]):
    """Sweeps of a project; made by `Api.sweeps` and `Project.sweeps`. Pages are kept.

    `async for sweep in sweeps`; `await sweeps.length()`, `await sweeps.get(0)`.
    """

    def __init__(
        self,
        service: Service,
        path: ProjectPath,
        *,
        filters: Mapping[str, Any] | None,
        order: str | None,
        per_page: int,
        limit: int | None,
    ) -> None:
        super().__init__(service, name="asyncwb sweeps", per_page=per_page, limit=limit)
        self._path = path
        self._filters = filter_text(filters) if filters else None
        self._order = check_order(order) if order else None

    def __repr__(self) -> str:
        return f"<Sweeps {self._path.entity or ''}/{self._path.project}>"

    async def _fetch(self, cursor: str | None) -> Page[Sweep]:
        from asyncwb.api.sweeps import Sweep

        if self._filters and not await self._service.has_feature("SWEEPS_QUERY_FILTERING"):
            raise UnsupportedError("this server does not filter sweeps: list them all")
        entity = await self._service.entity(self._path.entity)
        variables: dict[str, object] = {
            "entity": entity,
            "project": self._path.project,
            "cursor": cursor,
            "perPage": self._per_page,
        }
        if self._filters:
            variables["filters"] = self._filters
        if self._order:
            variables["order"] = self._order
        operation = sweeps_operation(filtered=bool(self._filters), ordered=bool(self._order))
        project = (await self._service.execute(operation, variables)).project
        if project is None:
            raise NotFoundError(f"Could not find project {entity}/{self._path.project}")
        # The server counts all sweeps of the project, whatever the filters.
        self._count = None if self._filters else project.total_sweeps
        if project.sweeps is None:
            return Page([], None, more=False)
        found = [
            Sweep(
                self._service,
                SweepAddress(entity, self._path.project, edge.node.name),
                edge.node,
            )
            for edge in project.sweeps.edges
            if edge.node is not None
        ]
        info = project.sweeps.page_info
        return Page(found, info.end_cursor, info.has_next_page)
