"""Registries of an organization."""

from __future__ import annotations

from typing import TYPE_CHECKING

from asyncwb.api.pages import Listing
from asyncwb.api.registries.filters import check_order, checked, of_registry, sent
from asyncwb.api.registries.operations import REGISTRIES
from asyncwb.api.registries.scopes import (
    Scope,
    ask,
    organization_name,
    require_search,
)
from asyncwb.api.registries.search import Collections, Versions
from asyncwb.graphql.paginator import Page

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from asyncwb.api.registries.registry import Registry
    from asyncwb.graphql.service import Service

__all__ = ["Registries"]


class Registries(Listing["Registry"]):
    """Registries of an organization; made by `Api.registries`. Pages are kept.

    `async for registry in registries`, `await registries.length()`, `await registries.get(0)`.
    """

    def __init__(
        self,
        service: Service,
        organization: str | None,
        *,
        filter: Mapping[str, Any] | None,
        order: str | None,
        per_page: int,
        start: str | None = None,
    ) -> None:
        super().__init__(service, name="asyncwb registries", per_page=per_page, start=start)
        self._organization = organization
        self._filter = checked(filter, "registry")
        self._order = check_order(order, "registry")

    def __repr__(self) -> str:
        return f"<Registries of {self._organization or 'the default organization'}>"

    def collections(
        self,
        filter: Mapping[str, Any] | None = None,
        order: str | None = None,
        per_page: int = 100,
        start: str | None = None,
    ) -> Collections:
        """The collections in these registries; of ordered registries, one after the other.

        Args:
            filter: By `name`, `tag`, `description`, `created_at`, `updated_at` or `id`.
            order: `+` or `-` and `name`, `created_at` or `updated_at`.
            per_page: Collections asked for at once.
            start: Where to begin: the `cursor` of a listing with the same arguments.

        Raises:
            InvalidValueError: An argument is wrong.
        """
        return Collections(
            self._service,
            self._organization,
            scopes=self._scope if self._order else None,
            registry_filter=self._filter,
            filter=filter,
            order=order,
            per_page=per_page,
            start=start,
        )

    def versions(
        self,
        filter: Mapping[str, Any] | None = None,
        order: str | None = None,
        per_page: int = 100,
        start: str | None = None,
    ) -> Versions:
        """The versions in these registries; of ordered registries, one after the other.

        Args:
            filter: By `tag`, `alias`, `version`, `metadata.KEY`, `created_at`, `updated_at`;
                where the server searches the advanced way, by `linked_at` and `artifact_size`
                as well, and not by `updated_at`.
            order: `+` or `-` and `created_at`, `linked_at` or `artifact_size`; where the server
                searches the advanced way.
            per_page: Versions asked for at once.
            start: As for `collections`.

        Raises:
            InvalidValueError: An argument is wrong.
        """
        return Versions(
            self._service,
            self._organization,
            scopes=self._scope if self._order else None,
            scope=Scope(self._filter),
            filter=filter,
            order=order,
            per_page=per_page,
            start=start,
        )

    async def _scope(self, index: int) -> Scope | None:
        """One of the registries, to be searched alone."""
        page = await self._pages.take(index + 1)
        if index >= len(page):
            return None
        return Scope(of_registry(page[index].internal_id, page[index].full_name))

    async def _fetch(self, cursor: str | None) -> Page[Registry]:
        from asyncwb.api.registries.registry import Registry

        await require_search(self._service)
        organization = await organization_name(self._service, self._organization)
        variables = {
            "organization": organization,
            "filters": sent(self._filter, "registry"),
            "cursor": cursor,
            "perPage": self._per_page,
            "order": self._order,
        }
        found = await ask(self._service, REGISTRIES, variables)
        if found.projects is None:
            return Page([], None, more=False)
        registries = [
            Registry(self._service, organization, edge.node)
            for edge in found.projects.edges
            if edge.node is not None
        ]
        info = found.projects.page_info
        return Page(registries, info.end_cursor, info.has_next_page)
