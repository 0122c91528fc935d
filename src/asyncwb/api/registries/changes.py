"""How a registry is asked for, made and changed, and what its name may be."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeAlias, get_args

from asyncwb.api.registries.operations import REGISTRY, UPSERT_REGISTRY
from asyncwb.api.registries.types import check_types
from asyncwb.artifacts.names import REGISTRY_PREFIX
from asyncwb.errors import InvalidValueError, ProtocolError, RegistryNotFoundError, UnsupportedError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from asyncwb.api.registries.operations import ChangedData, RegistryNode
    from asyncwb.graphql.operation import Operation
    from asyncwb.graphql.service import Service

__all__ = [
    "ACCESS",
    "Visibility",
    "changed",
    "check_name",
    "check_visibility",
    "create",
    "fetch",
    "require_changes",
    "visibility_of",
]

Visibility: TypeAlias = Literal["organization", "restricted"]
"""Who sees a registry: everybody in the organization, or its members alone."""

ACCESS: Mapping[str, str] = {"organization": "PRIVATE", "restricted": "RESTRICTED"}
"""Visibilities as projects have them."""

_LONGEST = 128 - len(REGISTRY_PREFIX)
_FORBIDDEN = "/\\#?%:\r\n"


def check_name(name: str) -> str:
    """Check the name of a registry, and take `wandb-registry-` from it.

    Raises:
        InvalidValueError: It is empty, too long, or holds characters that names must not have.
    """
    bare = name.removeprefix(REGISTRY_PREFIX)
    if not bare or len(bare) > _LONGEST or any(char in _FORBIDDEN for char in bare):
        raise InvalidValueError(
            f"a registry's name has 1 to {_LONGEST} characters, none of / \\ # ? % : or a line "
            f"break, got {name!r}"
        )
    return bare


def check_visibility(value: str) -> Visibility:
    """Check who is to see a registry.

    Raises:
        InvalidValueError: It is neither `organization` nor `restricted`.
    """
    for known in get_args(Visibility):
        if value == known:
            return known  # type: ignore[no-any-return]
    raise InvalidValueError(f"the visibility is 'organization' or 'restricted', got {value!r}")


def visibility_of(node: RegistryNode) -> Visibility:
    """Who sees a registry; of another access than registries have, everybody does."""
    return "restricted" if node.access == ACCESS["restricted"] else "organization"


async def fetch(service: Service, organization: str, entity: str, full_name: str) -> RegistryNode:
    """Ask for a registry. In the loop.

    Raises:
        RegistryNotFoundError: There is none.
        CommError: The server refused or was not reached.
    """
    found = (await service.execute(REGISTRY, {"name": full_name, "entity": entity})).entity
    if found is None or found.project is None:
        raise RegistryNotFoundError(
            f"Could not find the registry {full_name.removeprefix(REGISTRY_PREFIX)!r} in the "
            f"organization {organization!r}"
        )
    return found.project


async def create(
    service: Service,
    organization: str,
    entity: str,
    name: str,
    visibility: Visibility,
    description: str | None,
    artifact_types: Sequence[str] | None,
) -> RegistryNode:
    """Make a registry; its name and visibility are checked. In the loop.

    Raises:
        InvalidValueError: There is one of this name, or a type is wrong.
        UnsupportedError: The server cannot make registries.
        CommError: The server refused or was not reached.
    """
    types = check_types(artifact_types)
    await require_changes(service)
    full_name = REGISTRY_PREFIX + name
    taken = InvalidValueError(
        f"the organization {organization!r} has a registry {name!r} already; choose another name"
    )
    there = (await service.execute(REGISTRY, {"name": full_name, "entity": entity})).entity
    if there is not None and there.project is not None:
        raise taken
    wanted = {
        "entityName": entity,
        "name": full_name,
        "description": description,
        "access": ACCESS[visibility],
        "allowAllArtifactTypesInRegistry": not types,
        "artifactTypes": [{"name": kind} for kind in types] or None,
    }
    result = (await service.execute(UPSERT_REGISTRY, {"input": wanted})).result
    if result is None or result.project is None:
        raise ProtocolError(f"the server did not make the registry {name!r}")
    if not result.inserted:
        raise taken
    return result.project


async def changed(
    service: Service, operation: Operation[ChangedData], wanted: Mapping[str, object]
) -> RegistryNode:
    """Change a registry; what it is then. In the loop.

    Raises:
        CommError: The server refused or was not reached.
    """
    result = (await service.execute(operation, {"input": wanted})).result
    if result is None or result.project is None:
        raise ProtocolError("the server did not change the registry")
    return result.project


async def require_changes(service: Service) -> None:
    """See that the server makes and changes registries. In the loop.

    Raises:
        UnsupportedError: It does not.
    """
    if not await service.has_feature("INCLUDE_ARTIFACT_TYPES_IN_REGISTRY_CREATION"):
        raise UnsupportedError(
            f"the server {service.settings.base_url} cannot make or change registries"
        )
