"""What an Api says of registries and organizations."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from asyncwb.api.registries.changes import check_name, check_visibility, create, fetch
from asyncwb.api.registries.listings import Registries
from asyncwb.api.registries.registry import Registry
from asyncwb.api.registries.scopes import organization_name, require_search
from asyncwb.artifacts.names import REGISTRY_PREFIX
from asyncwb.automations.scopes import OrgScope
from asyncwb.errors import RegistryNotFoundError
from asyncwb.graphql.api_operations import ORGANIZATION
from asyncwb.portal import on_loop

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from asyncwb.api.registries.changes import Visibility
    from asyncwb.graphql.service import Service

__all__ = ["Organization", "OrganizationEntity", "RegistryQueries"]


class OrganizationEntity(msgspec.Struct, frozen=True, kw_only=True):
    """The hidden entity that owns the registries of an organization.

    Attributes:
        id: Opaque id.
        name: What paths may have in place of the organization.
        entity_type: `organization`.
    """

    id: str | None
    name: str
    entity_type: str = "organization"


class Organization(msgspec.Struct, frozen=True, kw_only=True):
    """An organization of users and teams.

    Attributes:
        id: Opaque id.
        name: Its name.
        org_entity: The entity that owns its registries.
    """

    id: str | None
    name: str
    org_entity: OrganizationEntity

    def _automation_scope(self) -> OrgScope:
        return OrgScope(self.org_entity.id or "", self.org_entity.name)


class RegistryQueries:
    """Registries, and the organizations that have them."""

    _service: Service

    @on_loop
    async def organization(self, name: str | None = None) -> Organization:
        """Load an organization.

        Args:
            name: Its name; None: that of the settings, else the only one of the entity.

        Raises:
            RegistryNotFoundError: There is none of this name (also a ValueError).
            InvalidValueError: None was named, and the entity has none, or several.
            CommError: The server refused or was not reached.
        """
        name = await organization_name(self._service, name)
        node = (await self._service.execute(ORGANIZATION, {"org": name})).organization
        if node is None or node.org_entity is None:
            raise RegistryNotFoundError(f"Could not find the organization {name!r}")
        owner = OrganizationEntity(id=node.org_entity.id, name=node.org_entity.name)
        return Organization(id=node.id, name=node.name, org_entity=owner)

    def registries(
        self,
        organization: str | None = None,
        filter: Mapping[str, Any] | None = None,
        order: str | None = None,
        per_page: int = 100,
        start: str | None = None,
    ) -> Registries:
        """The registries of an organization, and a way to search them.

        `api.registries(filter={"name": {"$regex": "model"}}).versions({"alias": "production"})`

        Sends nothing before the first one is asked for.

        Args:
            organization: Its name; None: that of the settings, else the only one of the entity.
            filter: By `name`, `description`, `created_at`, `updated_at` or `id`, with the
                operators of MongoDB; names with or without `wandb-registry-`, except in `$regex`.
            order: `+` or `-` and `name`, `created_at` or `updated_at`.
            per_page: Registries asked for at once.
            start: Where to begin: the `cursor` of a listing with the same arguments.

        Raises:
            InvalidValueError: An argument is wrong.
        """
        return Registries(
            self._service, organization, filter=filter, order=order, per_page=per_page, start=start
        )

    @on_loop
    async def registry(self, name: str, organization: str | None = None) -> Registry:
        """Load one registry.

        Args:
            name: Its name, with or without `wandb-registry-`.
            organization: Its organization; None: that of the settings, else the only one of the
                entity.

        Raises:
            RegistryNotFoundError: There is none, or no such organization (also a ValueError).
            InvalidValueError: No organization was named, and the entity has none, or several.
            UnsupportedError: The server has no registries.
            CommError: The server refused or was not reached.
        """
        await require_search(self._service)
        found = await self.organization(organization)
        full_name = REGISTRY_PREFIX + check_name(name)
        node = await fetch(self._service, found.name, found.org_entity.name, full_name)
        return Registry(self._service, found.name, node)

    @on_loop
    async def create_registry(
        self,
        name: str,
        visibility: Visibility,
        organization: str | None = None,
        description: str | None = None,
        artifact_types: Sequence[str] | None = None,
    ) -> Registry:
        """Make a registry.

        Args:
            name: Its name, at most 113 characters; one of its kind in the organization.
            visibility: `organization`: everybody there sees it; `restricted`: its members alone.
            organization: Its organization; None: that of the settings, else the only one of the
                entity.
            description: What it is for.
            artifact_types: Types of artifacts that can be linked; None: all. A type that is
                saved cannot be taken away.

        Raises:
            InvalidValueError: An argument is wrong, or there is a registry of this name.
            RegistryNotFoundError: There is no such organization (also a ValueError).
            UnsupportedError: The server cannot make registries.
            CommError: The server refused or was not reached.
        """
        bare, seen_by = check_name(name), check_visibility(visibility)
        found = await self.organization(organization)
        node = await create(
            self._service,
            found.name,
            found.org_entity.name,
            bare,
            seen_by,
            description,
            artifact_types,
        )
        return Registry(self._service, found.name, node)
