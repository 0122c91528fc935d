"""Listings of artifact types and collections."""

from __future__ import annotations

from typing import TYPE_CHECKING

from asyncwb import jsonx
from asyncwb.api.batches import closing, each
from asyncwb.artifacts.collection_operations import PROJECT_COLLECTIONS, TYPE_COLLECTIONS, TYPES
from asyncwb.artifacts.organizations import owner
from asyncwb.errors import ArtifactNotFoundError, InvalidValueError
from asyncwb.graphql.paginator import Page, Paginator
from asyncwb.portal import on_loop, on_loop_iter

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Mapping
    from typing import Any

    from asyncwb.api.collections import ArtifactCollection, ArtifactType
    from asyncwb.artifacts.collection_operations import Collections
    from asyncwb.graphql.service import Service

__all__ = ["ProjectArtifactCollections", "ProjectArtifactTypes"]


class ProjectArtifactTypes:
    """Types of the artifacts of a project; made by `Api.artifact_types`. Pages are kept.

    `async for kind in types`, `await types.length()`, `await types.get(0)`.
    """

    def __init__(self, service: Service, entity: str | None, project: str, per_page: int) -> None:
        if per_page < 1:
            raise InvalidValueError(f"per_page must be 1 or more, not {per_page}")
        self._service = service
        self._entity = entity
        self._project = project
        self._per_page = per_page
        self._pages = Paginator(self._fetch, name="asyncwb types of artifacts")

    def __repr__(self) -> str:
        return f"<ProjectArtifactTypes {self._project}>"

    def __aiter__(self) -> AsyncGenerator[ArtifactType, None]:
        return self.items()

    def items(self) -> AsyncGenerator[ArtifactType, None]:
        """Iterate over the types.

        Raises:
            ArtifactNotFoundError: There is no such project.
            CommError: The server refused or was not reached.
        """
        return each(self.batches())

    @on_loop_iter
    async def batches(self) -> AsyncIterator[list[ArtifactType]]:
        """Iterate over pages of types."""
        async with closing(self._pages.batches()) as pages:
            async for page in pages:
                yield page

    @on_loop
    async def length(self) -> int:
        """Number of the types; loads all of them."""
        return len(await self._pages.take(None))

    @on_loop
    async def get(self, index: int) -> ArtifactType:
        """The type at a position of the listing; negative ones count from the end.

        Raises:
            IndexError: There is none.
        """
        found = await self._pages.take(index + 1 if index >= 0 else None)
        return found[index]

    async def _fetch(self, cursor: str | None) -> Page[ArtifactType]:
        from asyncwb.api.collections import ArtifactType

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


class ProjectArtifactCollections:
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
    ) -> None:
        if per_page < 1:
            raise InvalidValueError(f"per_page must be 1 or more, not {per_page}")
        self._service = service
        self._entity = entity
        self._project = project
        self._type = type_name
        self._filters = None if filters is None else jsonx.encode(dict(filters)).decode()
        self._order = order
        self._per_page = per_page
        self._count: int | None = None
        self._pages = Paginator(self._fetch, name="asyncwb collections of artifacts")

    def __repr__(self) -> str:
        return f"<ProjectArtifactCollections {self._project} ({self._type or 'all types'})>"

    def __aiter__(self) -> AsyncGenerator[ArtifactCollection, None]:
        return self.items()

    def items(self) -> AsyncGenerator[ArtifactCollection, None]:
        """Iterate over the collections.

        Raises:
            ArtifactNotFoundError: There is no such project or type.
            CommError: The server refused or was not reached.
        """
        return each(self.batches())

    @on_loop_iter
    async def batches(self) -> AsyncIterator[list[ArtifactCollection]]:
        """Iterate over pages of collections."""
        async with closing(self._pages.batches()) as pages:
            async for page in pages:
                yield page

    @on_loop
    async def length(self) -> int:
        """Number of the collections."""
        if self._count is None:
            await self._pages.page(0)
        if self._count is None:
            # A server of old does not count.
            return len(await self._pages.take(None))
        return self._count

    @on_loop
    async def get(self, index: int) -> ArtifactCollection:
        """The collection at a position of the listing; negative ones count from the end.

        Raises:
            IndexError: There is none.
        """
        found = await self._pages.take(index + 1 if index >= 0 else None)
        return found[index]

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
