"""Organizations, whose entities own the registries: which one a path or an account means."""

from __future__ import annotations

from typing import TYPE_CHECKING

from asyncwb.artifacts.names import REGISTRY_PREFIX
from asyncwb.errors import InvalidValueError

if TYPE_CHECKING:
    from asyncwb.graphql.api_answers import OrganizationNode
    from asyncwb.graphql.service import Service

__all__ = ["entity_of", "find_organization", "owner"]

_NAME_ONE = (
    "name it, as in organization/wandb-registry-NAME/collection, or set an organization: "
    'Api({"organization": ...}) or WANDB_ORGANIZATION'
)


def entity_of(organization: OrganizationNode) -> str:
    """Name of the entity that owns an organization's registries."""
    return "" if organization.org_entity is None else organization.org_entity.name


async def find_organization(
    service: Service, entity: str, named: str | None = None
) -> OrganizationNode:
    """The organization that an entity belongs to. In the loop.

    Args:
        service: The way to the server; it keeps the answers.
        entity: A user or team.
        named: Which of several: name of the organization, or of its entity. None: that of the
            settings, else the only one.

    Raises:
        InvalidValueError: There is none, there are several, or none has this name.
        CommError: The server refused or was not reached.
    """
    named = named or service.settings.organization
    found = await service.organizations(entity)
    if named is None:
        if len(found) == 1:
            return found[0]
        have = "belongs to no organization" if not found else "belongs to several organizations"
        raise InvalidValueError(f"{entity!r} {have}; {_NAME_ONE}")
    for one in found:
        if named in (one.name, entity_of(one)):
            return one
    # The entity of an organization that the default entity does not belong to.
    for one in await service.organizations(named):
        if entity_of(one) == named:
            return one
    known = ", ".join(repr(one.name) for one in found) or "none"
    raise InvalidValueError(
        f"registries belong to organizations, and {named!r} is none of those of {entity!r} "
        f"({known}); {_NAME_ONE}"
    )


async def owner(service: Service, named: str | None, project: str) -> str:
    """The entity that owns a project: of a registry, that of the organization. In the loop.

    Args:
        service: The way to the server.
        named: What stands before the project in a path: an entity, or an organization.
        project: The project.

    Raises:
        AuthenticationError: The account has no default entity.
        InvalidValueError: The organization cannot be found out, see `find_organization`.
        CommError: The server refused or was not reached.
    """
    if not project.startswith(REGISTRY_PREFIX):
        return await service.entity(named)
    default = await service.entity(service.settings.entity)
    return entity_of(await find_organization(service, default, named))
