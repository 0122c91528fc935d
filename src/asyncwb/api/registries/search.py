"""Collections and versions in the registries of an organization."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from asyncwb.api.batches import closing, each
from asyncwb.api.collections import ArtifactCollection
from asyncwb.api.registries.filters import check_order, checked, of_registry, sent
from asyncwb.api.registries.operations import COLLECTIONS, VERSIONS
from asyncwb.api.registries.scopes import (
    Scope,
    ask,
    chained,
    check_size,
    organization_name,
    require_search,
    searches_advanced,
)
from asyncwb.artifacts.artifact import Artifact
from asyncwb.errors import UnsupportedError
from asyncwb.graphql.paginator import Page, Paginator
from asyncwb.portal import on_loop, on_loop_iter

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping

    from asyncwb.graphql.service import Service

__all__ = ["Collections", "Versions"]


class Collections:
    """Collections in registries; made by `Registries.collections` and `Registry.collections`.

    `async for collection in collections`, `await collections.length()`,
    `await collections.get(0)`. Pages are kept.
    """

    def __init__(
        self,
        service: Service,
        organization: str | None,
        *,
        scopes: Callable[[int], Awaitable[Scope | None]] | None = None,
        registry_filter: dict[str, Any] | None = None,
        filter: Mapping[str, Any] | None = None,
        order: str | None = None,
        per_page: int = 100,
    ) -> None:
        self._service = service
        self._organization = organization
        self._scopes = scopes
        self._registry_filter = registry_filter
        self._filter = checked(filter, "collection")
        self._order = check_order(order, "collection")
        self._per_page = check_size(per_page)
        self._count: int | None = None
        self._pages = Paginator(self._fetch, name="asyncwb collections of registries")

    def __repr__(self) -> str:
        return f"<Collections of registries of {self._organization or 'the default organization'}>"

    def __aiter__(self) -> AsyncGenerator[ArtifactCollection, None]:
        return self.items()

    def items(self) -> AsyncGenerator[ArtifactCollection, None]:
        """Iterate over the collections.

        Raises:
            RegistryNotFoundError: There is no such organization.
            UnsupportedError: The server has no registries.
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
        """Number of the collections; of ordered registries, loads all of them."""
        if self._scopes is None and self._count is None:
            await self._pages.page(0)
        return len(await self._pages.take(None)) if self._count is None else self._count

    @on_loop
    async def get(self, index: int) -> ArtifactCollection:
        """The collection at a position of the listing; negative ones count from the end.

        Raises:
            IndexError: There is none.
        """
        found = await self._pages.take(index + 1 if index >= 0 else None)
        return found[index]

    def versions(
        self,
        filter: Mapping[str, Any] | None = None,
        order: str | None = None,
        per_page: int = 100,
    ) -> Versions:
        """The versions in these collections; of ordered collections, one after the other.

        Args:
            filter: As for `Registries.versions`.
            order: As for `Registries.versions`.
            per_page: Versions asked for at once.

        Raises:
            InvalidValueError: An argument is wrong.
        """
        ordered = self._order is not None or self._scopes is not None
        return Versions(
            self._service,
            self._organization,
            scopes=self._scope if ordered else None,
            scope=Scope(self._registry_filter, self._filter),
            filter=filter,
            order=order,
            per_page=per_page,
        )

    async def _scope(self, index: int) -> Scope | None:
        """One of the collections, to be searched alone."""
        page = await self._pages.take(index + 1)
        if index >= len(page):
            return None
        found = page[index]
        where = of_registry(found.project_internal_id, found.project)
        return Scope(where, {"name": found.name})

    async def _fetch(self, cursor: str | None) -> Page[ArtifactCollection]:
        if self._scopes is not None:
            return await chained(self._scopes, self._page, cursor)
        return await self._page(Scope(self._registry_filter), cursor)

    async def _page(self, scope: Scope, cursor: str | None) -> Page[ArtifactCollection]:
        await require_search(self._service)
        variables = {
            "organization": await organization_name(self._service, self._organization),
            "registryFilter": sent(scope.registry, "registry"),
            "collectionFilter": sent(self._filter, "collection"),
            "cursor": cursor,
            "perPage": self._per_page,
            "order": self._order,
        }
        found = (await ask(self._service, COLLECTIONS, variables)).artifact_collections
        if found is None:
            return Page([], None, more=False)
        if self._scopes is None:
            self._count = found.total_count
        collections = [
            ArtifactCollection(self._service, node.project.entity.name, node.project.name, node)
            for edge in found.edges
            if (node := edge.node) is not None and node.project is not None
            if node.typename != "ArtifactSequence"
        ]
        return Page(collections, found.page_info.end_cursor, found.page_info.has_next_page)


class Versions:
    """Versions in registries; made by the `versions` of registries and their collections.

    `async for artifact in versions`, `await versions.length()`, `await versions.get(0)`. Pages
    are kept. Each version is as it is reached through its link.
    """

    def __init__(
        self,
        service: Service,
        organization: str | None,
        *,
        scopes: Callable[[int], Awaitable[Scope | None]] | None = None,
        scope: Scope,
        filter: Mapping[str, Any] | None = None,
        order: str | None = None,
        per_page: int = 100,
    ) -> None:
        self._service = service
        self._organization = organization
        self._scopes = scopes
        self._scope = scope
        self._filter = checked(filter, "version", searched=True)
        self._order = check_order(order, "version")
        self._per_page = check_size(per_page)
        self._advanced: bool | None = None
        self._pages = Paginator(self._fetch, name="asyncwb versions of registries")

    def __repr__(self) -> str:
        return f"<Versions of registries of {self._organization or 'the default organization'}>"

    def __aiter__(self) -> AsyncGenerator[Artifact, None]:
        return self.items()

    def items(self) -> AsyncGenerator[Artifact, None]:
        """Iterate over the versions.

        Raises:
            RegistryNotFoundError: There is no such organization.
            UnsupportedError: The server has no registries, or cannot search or order so.
            CommError: The server refused or was not reached.
        """
        return each(self.batches())

    @on_loop_iter
    async def batches(self) -> AsyncIterator[list[Artifact]]:
        """Iterate over pages of versions."""
        async with closing(self._pages.batches()) as pages:
            async for page in pages:
                yield page

    @on_loop
    async def length(self) -> int:
        """Number of the versions; loads all of them."""
        return len(await self._pages.take(None))

    @on_loop
    async def get(self, index: int) -> Artifact:
        """The version at a position of the listing; negative ones count from the end.

        Raises:
            IndexError: There is none.
        """
        found = await self._pages.take(index + 1 if index >= 0 else None)
        return found[index]

    async def _fetch(self, cursor: str | None) -> Page[Artifact]:
        if self._scopes is not None:
            return await chained(self._scopes, self._page, cursor)
        return await self._page(self._scope, cursor)

    async def _page(self, scope: Scope, cursor: str | None) -> Page[Artifact]:
        await require_search(self._service)
        organization = await organization_name(self._service, self._organization)
        if self._advanced is None:
            self._advanced = await searches_advanced(self._service, organization)
        advanced = self._advanced
        if self._order is not None and not advanced:
            raise UnsupportedError(f"this server cannot order the versions of {organization!r}")
        variables = {
            "organization": organization,
            "registryFilter": sent(scope.registry, "registry", advanced=advanced),
            "collectionFilter": sent(scope.collection, "collection", advanced=advanced),
            "artifactFilter": sent(self._filter, "version", advanced=advanced),
            "cursor": cursor,
            "perPage": self._per_page,
            "order": self._order,
        }
        found = (await ask(self._service, VERSIONS, variables)).artifact_memberships
        if found is None:
            return Page([], None, more=False)
        nodes = [edge.node for edge in found.edges if edge.node is not None]
        places = [place for node in nodes if (place := node.membership()) is not None]
        artifacts = [
            Artifact._from_version(self._service, place.artifact, place)  # pyright: ignore[reportPrivateUsage]
            for place in places
        ]
        return Page(artifacts, found.page_info.end_cursor, found.page_info.has_next_page)
