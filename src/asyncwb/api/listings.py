"""Listings of artifact types and collections."""

from __future__ import annotations

from typing import TYPE_CHECKING

from asyncwb import jsonx
from asyncwb.api.pages import Listing
from asyncwb.artifacts.collection_operations import PROJECT_COLLECTIONS, TYPE_COLLECTIONS, TYPES
from asyncwb.artifacts.organizations import owner
from asyncwb.errors import ArtifactNotFoundError
from asyncwb.graphql.paginator import Page

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from asyncwb.api.artifact_types import ArtifactType
    from asyncwb.api.collections import ArtifactCollection
    from asyncwb.artifacts.collection_operations import Collections
    from asyncwb.graphql.service import Service

__all__ = ["ProjectArtifactCollections", "ProjectArtifactTypes"]


class ProjectArtifactTypes(Listing["ArtifactType"]):
    """Types of the artifacts of a project; made by `Api.artifact_types`. Pages are kept.

    `async for kind in types`, `await types.length()`, `await types.get(0)`.
    """

    def __init__(
        self,
        service: Service,
        entity: str | None,
        project: str,
        per_page: int,
        start: str | None = None,
    ) -> None:
        super().__init__(service, name="asyncwb types of artifacts", per_page=per_page, start=start)
        self._entity = entity
        self._project = project

    def __repr__(self) -> str:
        return f"<ProjectArtifactTypes {self._project}>"

    async def _fetch(self, cursor: str | None) -> Page[ArtifactType]:
        from asyncwb.api.artifact_types import ArtifactType

        entity = await owner(self._service, self._entity, self._project)
        variables = {
            "entity": entity,
            "project": self._project,
            "cursor": cursor,
            "perPage": self._per_page,
        }
        project = (await self._service.execute(TYPES, variables)).project
        if project is None or project.artifact_types is None:
            raise ArtifactNotFoundError(f"Could not find project {entity}/{self._project}")
        listing = project.artifact_types
        found = [
            ArtifactType(self._service, entity, self._project, edge.node)
            for edge in listing.edges
            if edge.node is not None
        ]
        return Page(found, listing.page_info.end_cursor, listing.page_info.has_next_page)


class ProjectArtifactCollections(Listing["ArtifactCollection"]):
    """Collections of a project; made by `Api.artifact_collections`. Pages are kept.

    `async for collection in collections`, `await collections.length()`,
    `await collections.get(0)`.
    """

    def __init__(
        self,
        service: Service,
        entity: str | None,
        project: str,
        type_name: str | None,
        *,
        filters: Mapping[str, Any] | None,
        order: str | None,
        per_page: int,
        start: str | None = None,
    ) -> None:
        name = "asyncwb collections of artifacts"
        super().__init__(service, name=name, per_page=per_page, start=start)
        self._entity = entity
        self._project = project
        self._type = type_name
        self._filters = None if filters is None else jsonx.encode(dict(filters)).decode()
        self._order = order

    def __repr__(self) -> str:
        return f"<ProjectArtifactCollections {self._project} ({self._type or 'all types'})>"

    async def _fetch(self, cursor: str | None) -> Page[ArtifactCollection]:
        from asyncwb.api.collections import ArtifactCollection

        entity = await owner(self._service, self._entity, self._project)
        listing = await self._ask(entity, cursor)
        if listing is None:
            kind = "" if self._type is None else f" or its artifact type {self._type!r}"
            raise ArtifactNotFoundError(f"Could not find project {entity}/{self._project}{kind}")
        self._count = listing.total_count
        found = [
            ArtifactCollection(self._service, entity, self._project, edge.node)
            for edge in listing.edges
            if edge.node is not None
        ]
        return Page(found, listing.page_info.end_cursor, listing.page_info.has_next_page)

    async def _ask(self, entity: str, cursor: str | None) -> Collections | None:
        variables: dict[str, object] = {
            "entity": entity,
            "project": self._project,
            "cursor": cursor,
            "perPage": self._per_page,
            "filters": self._filters,
            "order": self._order,
        }
        if self._type is None:
            return (await self._service.execute(PROJECT_COLLECTIONS, variables)).collections
        variables["type"] = self._type
        return (await self._service.execute(TYPE_COLLECTIONS, variables)).collections
