"""Listings of automations and integrations."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, TypeVar, cast

from asyncwb import jsonx
from asyncwb.api.automation_nodes import automation_of, features_of, integration_of
from asyncwb.api.pages import Listing
from asyncwb.automations import Automation, Integration, SlackIntegration, WebhookIntegration
from asyncwb.errors import NotFoundError
from asyncwb.graphql.automation_operations import (
    INTEGRATIONS,
    list_automations,
    list_automations_of_projects,
)
from asyncwb.graphql.paginator import Page

if TYPE_CHECKING:
    from types import UnionType

    from asyncwb.graphql.service import Service

__all__ = ["Automations", "Integrations", "SlackIntegrations", "WebhookIntegrations"]

T = TypeVar("T", bound=Integration)


class Automations(Listing["Automation"]):
    """Automations of an entity, or of all projects that the account sees."""

    def __init__(
        self,
        service: Service,
        entity: str | None,
        name: str | None,
        *,
        per_page: int,
        start: str | None,
    ) -> None:
        super().__init__(service, name="asyncwb automations", per_page=per_page, start=start)
        self._entity = entity
        self._name = name

    def __repr__(self) -> str:
        return f"<Automations of {self._entity or 'all projects'}>"

    async def _fetch(self, cursor: str | None) -> Page[Automation]:
        features = await features_of(self._service)
        variables: dict[str, object] = {"cursor": cursor, "perPage": self._per_page}
        if self._entity is not None:
            variables["entity"] = self._entity
            if await self._service.has_feature("QUERY_AUTOMATIONS_ON_ENTITY"):
                return await self._of_entity(variables, features)
        operation = list_automations_of_projects(features, of_entity=self._entity is not None)
        scope = (await self._service.execute(operation, variables)).scope
        if scope is None or scope.projects is None:
            raise self._missing()
        nodes = [
            trigger
            for edge in scope.projects.edges
            if edge.node is not None
            for trigger in edge.node.triggers
            if self._name in (None, trigger.name)
        ]
        info = scope.projects.page_info
        return Page([automation_of(node) for node in nodes], info.end_cursor, info.has_next_page)

    async def _of_entity(
        self, variables: dict[str, object], features: frozenset[str]
    ) -> Page[Automation]:
        if self._name is not None:
            variables["filters"] = jsonx.encode({"name": self._name}).decode()
        scope = (await self._service.execute(list_automations(features), variables)).scope
        if scope is None or scope.triggers is None:
            raise self._missing()
        nodes = [edge.node for edge in scope.triggers.edges if edge.node is not None]
        info = scope.triggers.page_info
        return Page([automation_of(node) for node in nodes], info.end_cursor, info.has_next_page)

    def _missing(self) -> NotFoundError:
        return NotFoundError(f"Could not find entity {self._entity!r}")


class _OfEntity(Listing[T]):
    """Integrations of an entity, those of some kinds."""

    _kind: ClassVar[type | UnionType]

    def __init__(
        self, service: Service, entity: str | None, *, per_page: int, start: str | None
    ) -> None:
        super().__init__(service, name="asyncwb integrations", per_page=per_page, start=start)
        self._entity = entity

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {self._entity or 'the default entity'}>"

    async def _fetch(self, cursor: str | None) -> Page[T]:
        name = await self._service.entity(self._entity)
        variables = {"entity": name, "cursor": cursor, "perPage": self._per_page}
        node = (await self._service.execute(INTEGRATIONS, variables)).entity
        if node is None or node.integrations is None:
            raise NotFoundError(f"Could not find entity {name!r}")
        nodes = [edge.node for edge in node.integrations.edges if edge.node is not None]
        found = [one for one in map(integration_of, nodes) if isinstance(one, self._kind)]
        info = node.integrations.page_info
        return Page(cast("list[T]", found), info.end_cursor, info.has_next_page)


class Integrations(_OfEntity["Integration"]):
    """Integrations of an entity."""

    _kind = Integration


class SlackIntegrations(_OfEntity["SlackIntegration"]):
    """Integrations of an entity that send notifications."""

    _kind = SlackIntegration


class WebhookIntegrations(_OfEntity["WebhookIntegration"]):
    """Integrations of an entity that post requests."""

    _kind = WebhookIntegration
