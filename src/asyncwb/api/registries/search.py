"""Collections and versions in the registries of an organization."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from asyncwb.api.collections import ArtifactCollection
from asyncwb.api.pages import Listing
from asyncwb.api.registries.filters import check_order, checked, of_registry, sent
from asyncwb.api.registries.operations import COLLECTIONS, VERSIONS
from asyncwb.api.registries.scopes import (
    Scope,
    ask,
    chained,
    organization_name,
    require_search,
    searches_advanced,
)
from asyncwb.artifacts.artifact import Artifact
from asyncwb.errors import UnsupportedError
from asyncwb.graphql.paginator import Page

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from asyncwb.graphql.service import Service

__all__ = ["Collections", "Versions"]


class Collections(Listing["ArtifactCollection"]):
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
        start: str | None = None,
    ) -> None:
        name = "asyncwb collections of registries"
        super().__init__(service, name=name, per_page=per_page, start=start)
        self._organization = organization
        self._scopes = scopes
        self._registry_filter = registry_filter
        self._filter = checked(filter, "collection")
        self._order = check_order(order, "collection")

    def __repr__(self) -> str:
        return f"<Collections of registries of {self._organization or 'the default organization'}>"

    def versions(
        self,
        filter: Mapping[str, Any] | None = None,
        order: str | None = None,
        per_page: int = 100,
        start: str | None = None,
    ) -> Versions:
        """The versions in these collections; of ordered collections, one after the other.

        Args:
            filter: As for `Registries.versions`.
            order: As for `Registries.versions`.
            per_page: Versions asked for at once.
            start: Where to begin: the `cursor` of a listing with the same arguments.

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
            start=start,
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


class Versions(Listing["Artifact"]):
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
        start: str | None = None,
    ) -> None:
        name = "asyncwb versions of registries"
        super().__init__(service, name=name, per_page=per_page, start=start)
        self._organization = organization
        self._scopes = scopes
        self._scope = scope
        self._filter = checked(filter, "version", searched=True)
        self._order = check_order(order, "version")
        self._advanced: bool | None = None

    def __repr__(self) -> str:
        return f"<Versions of registries of {self._organization or 'the default organization'}>"

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
