"""What is listed of an organization, and how it is asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from asyncwb.api.registries.operations import ADVANCED_SEARCH
from asyncwb.artifacts.organizations import find_organization
from asyncwb.errors import InvalidValueError, RegistryNotFoundError, UnsupportedError
from asyncwb.graphql.paginator import Page

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from asyncwb.api.registries.operations import ListingData, Listings
    from asyncwb.graphql.operation import Operation
    from asyncwb.graphql.service import Service

__all__ = [
    "Scope",
    "ask",
    "chained",
    "organization_name",
    "require_search",
    "searches_advanced",
]

T = TypeVar("T")


class Scope(NamedTuple):
    """Below which registries and collections things are listed: filters, None for all."""

    registry: dict[str, Any] | None = None
    collection: dict[str, Any] | None = None


async def chained(
    scopes: Callable[[int], Awaitable[Scope | None]],
    ask: Callable[[Scope, str | None], Awaitable[Page[T]]],
    cursor: str | None,
) -> Page[T]:
    """A page of what lies below several things, one after the other, in their order.

    Args:
        scopes: The thing at a position; None behind the last one.
        ask: A page of what lies below one.
        cursor: Position and the cursor below it, as an earlier page gave them.

    Raises:
        InvalidValueError: It is no such cursor.
    """
    text, colon, below = (cursor or "0:").partition(":")
    if not (colon and text.isdecimal()):
        raise InvalidValueError(f"start={cursor!r} is no cursor of this listing")
    position = int(text)
    scope = await scopes(position)
    if scope is None:
        return Page([], None, more=False)
    page = await ask(scope, below or None)
    if page.more:
        return Page(page.items, f"{position}:{page.cursor}", more=True)
    following = await scopes(position + 1) is not None
    return Page(page.items, f"{position + 1}:", more=following)


async def organization_name(service: Service, named: str | None) -> str:
    """The organization that is meant. In the loop.

    Raises:
        InvalidValueError: None was named, and the account has none, or several.
        CommError: The server refused or was not reached.
    """
    named = named or service.settings.organization
    if named is not None:
        return named
    return (await find_organization(service, await service.entity(service.settings.entity))).name


async def require_search(service: Service) -> None:
    """See that the server has registries. In the loop.

    Raises:
        UnsupportedError: It has none.
    """
    if not await service.has_feature("ARTIFACT_REGISTRY_SEARCH"):
        raise UnsupportedError(f"the server {service.settings.base_url} has no registries")


async def searches_advanced(service: Service, organization: str) -> bool:
    """Whether the server searches versions the advanced way. In the loop."""
    if not await service.has_feature("ARTIFACT_COLLECTIONS_FILTERING_SORTING"):
        return False
    answer = await service.execute(ADVANCED_SEARCH, {"organization": organization})
    features = answer.organization and answer.organization.advanced_registry_features
    return bool(features and features.advanced_search)


async def ask(
    service: Service, operation: Operation[ListingData], variables: Mapping[str, object]
) -> Listings:
    """Ask for a listing of an organization. In the loop.

    Raises:
        RegistryNotFoundError: There is no such organization.
        CommError: The server refused or was not reached.
    """
    found = (await service.execute(operation, variables)).listings
    if found is None:
        raise RegistryNotFoundError(
            f"Could not find the organization {variables['organization']!r}"
        )
    return found
