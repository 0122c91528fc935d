"""Automations of an Api: listed, made, changed, deleted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from asyncwb.api.automation_listings import (
    Automations,
    Integrations,
    SlackIntegrations,
    WebhookIntegrations,
)
from asyncwb.api.automation_nodes import automation_of, check_supported, described, features_of
from asyncwb.automations import (
    Action,
    ActionType,
    Automation,
    Event,
    EventType,
    NewAutomation,
    SavedEvent,
    Scope,
)
from asyncwb.automations.scopes import scope_of
from asyncwb.errors import CommError, InvalidValueError, NotFoundError, ProtocolError
from asyncwb.graphql.automation_operations import DELETE_AUTOMATION, change_automation
from asyncwb.portal import on_loop

if TYPE_CHECKING:
    from asyncwb.graphql.service import Service

__all__ = ["AutomationQueries"]

_NOT_MADE = (ActionType.QUEUE_JOB, ActionType.PUSH_NOTIFICATION)


class AutomationQueries:
    """The part of an Api that keeps automations."""

    _service: Service

    def automations(
        self,
        entity: str | None = None,
        *,
        name: str | None = None,
        per_page: int = 50,
        start: str | None = None,
    ) -> Automations:
        """Automations: `async for automation in api.automations("team")`.

        Args:
            entity: User or team; None: those of all projects that the account sees.
            name: Only those of this name.
            per_page: Automations asked for at once; where they are listed by project: projects.
            start: The `cursor` of an earlier listing, to go on from there.

        Raises:
            InvalidValueError: An argument is wrong.
        """
        return Automations(self._service, entity, name, per_page=per_page, start=start)

    @on_loop
    async def automation(self, name: str, *, entity: str | None = None) -> Automation:
        """The only automation of a name.

        Args:
            name: Its name.
            entity: User or team; None: of all projects that the account sees.

        Raises:
            NotFoundError: There is none.
            InvalidValueError: There are several.
            CommError: The server refused or was not reached.
        """
        found = await self.automations(entity, name=name).slice(0, 2)
        if not found:
            raise NotFoundError(f"No automation {name!r} found")
        if len(found) > 1:
            raise InvalidValueError(f"There are several automations {name!r}: name the entity")
        return found[0]

    @on_loop
    async def create_automation(
        self,
        obj: NewAutomation,
        *,
        fetch_existing: bool = False,
        name: str | None = None,
        description: str | None = None,
        enabled: bool | None = None,
        scope: object = None,
        event: Event | None = None,
        action: Action | None = None,
    ) -> Automation:
        """Make an automation: `await api.create_automation(event >> action, name="n")`.

        Args:
            obj: What is to be made; it is not changed.
            fetch_existing: Answer the automation that has this name already, if there is one.
            name: In place of that of `obj`, as all that follow.
            description: A text for people.
            enabled: Whether it acts; by default it does.
            scope: Where: an object of an Api, or a scope.
            event: What it waits for.
            action: What it does.

        Raises:
            InvalidValueError: Something is missing or wrong; the name is taken.
            UnsupportedError: The server has no automations of this kind.
            CommError: The server refused or was not reached.
        """
        if not isinstance(obj, NewAutomation):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise InvalidValueError(f"what is made is `event >> action`, not {obj!r}")
        called = name if name is not None else obj.name
        event, action = event or obj.event, action or obj.action
        if not called or event is None or action is None:
            raise InvalidValueError("an automation has a name, an event and an action")
        text = description if description is not None else obj.description
        active = enabled if enabled is not None else obj.enabled
        place = event.scope if scope is None else scope_of(scope)
        told = {"name": called, "enabled": active is not False}
        if text is not None:
            told["description"] = text
        try:
            return await self._change(place, event, action, told, new=True)
        except CommError as exc:
            if _status(exc) != 409:
                raise
            if fetch_existing:
                return await self.automation(called)
            raise InvalidValueError(f"an automation {called!r} exists already", exc=exc) from exc

    @on_loop
    async def update_automation(
        self,
        obj: Automation,
        *,
        create_missing: bool = False,
        name: str | None = None,
        description: str | None = None,
        enabled: bool | None = None,
        scope: object = None,
        event: Event | None = None,
        action: Action | None = None,
    ) -> Automation:
        """Let the server have an automation as it is here.

        Args:
            obj: The automation, with attributes that were changed; it is not changed.
            create_missing: Make it where it is not there any more.
            name: In place of that of `obj`, as all that follow.
            description: A text for people.
            enabled: Whether it acts.
            scope: Where: an object of an Api, or a scope.
            event: What it waits for; its scope is that of `obj` unless `scope` is given.
            action: What it does.

        Raises:
            InvalidValueError: Something is wrong; the automation is not there, or the name is
                taken.
            UnsupportedError: The server has no automations of this kind.
            CommError: The server refused or was not reached.
        """
        if not isinstance(obj, Automation):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise InvalidValueError(f"what is changed is an Automation, not {obj!r}")
        told: dict[str, Any] = {
            "name": obj.name if name is None else name,
            "description": obj.description if description is None else description,
            "enabled": obj.enabled if enabled is None else enabled,
        }
        place = obj.scope if scope is None else scope_of(scope)
        parts = (place, event or obj.event, action or obj.action)
        try:
            return await self._change(*parts, {**told, "id": obj.id}, new=False)
        except CommError as exc:
            if _status(exc) == 409:
                raise InvalidValueError(
                    f"an automation {told['name']!r} exists already", exc=exc
                ) from exc
            if _status(exc) != 404:
                raise
            if create_missing:
                return await self._change(*parts, told, new=True)
            raise InvalidValueError(
                f"the automation {obj.name!r} is not there any more", exc=exc
            ) from exc

    async def _change(
        self,
        scope: Scope,
        event: Event | SavedEvent,
        action: Action,
        told: dict[str, Any],
        *,
        new: bool,
    ) -> Automation:
        if event.event_type is EventType.UPDATE_ARTIFACT_ALIAS or (
            new and action.action_type in _NOT_MADE
        ):
            raise InvalidValueError("new automations have no such event or action")
        await check_supported(self._service, scope.scope_type, event.event_type, action.action_type)
        operation = change_automation(await features_of(self._service), new=new)
        given = {**told, **described(scope, event, action)}
        result = (await self._service.execute(operation, {"input": given})).result
        if result is None or result.trigger is None:
            raise ProtocolError("the server answered no automation and gave no reason")
        return automation_of(result.trigger)

    @on_loop
    async def delete_automation(self, obj: Automation | str) -> Literal[True]:
        """Delete an automation.

        Args:
            obj: The automation, or its id.

        Raises:
            CommError: The server refused, for example because it is not there, or was not reached.
        """
        known = obj.id if isinstance(obj, Automation) else obj
        result = (await self._service.execute(DELETE_AUTOMATION, {"id": known})).result
        if result is None or not result.success:
            raise ProtocolError(f"the server did not delete the automation {known!r}")
        return True

    def integrations(
        self, entity: str | None = None, *, per_page: int = 50, start: str | None = None
    ) -> Integrations:
        """Where notifications and webhooks of an entity go.

        Args:
            entity: User or team; None: the default one.
            per_page: Integrations asked for at once.
            start: The `cursor` of an earlier listing, to go on from there.

        Raises:
            InvalidValueError: An argument is wrong.
        """
        return Integrations(self._service, entity, per_page=per_page, start=start)

    def slack_integrations(
        self, *, entity: str | None = None, per_page: int = 50, start: str | None = None
    ) -> SlackIntegrations:
        """Where notifications of an entity go; of an asyncwb server: its alerts.

        Args:
            entity: User or team; None: the default one.
            per_page: Integrations asked for at once.
            start: The `cursor` of an earlier listing, to go on from there.

        Raises:
            InvalidValueError: An argument is wrong.
        """
        return SlackIntegrations(self._service, entity, per_page=per_page, start=start)

    def webhook_integrations(
        self, entity: str | None = None, *, per_page: int = 50, start: str | None = None
    ) -> WebhookIntegrations:
        """Where webhooks of an entity go; asyncwb servers have none.

        Args:
            entity: User or team; None: the default one.
            per_page: Integrations asked for at once.
            start: The `cursor` of an earlier listing, to go on from there.

        Raises:
            InvalidValueError: An argument is wrong.
        """
        return WebhookIntegrations(self._service, entity, per_page=per_page, start=start)


def _status(exc: CommError) -> int | None:
    return None if exc.response is None else exc.response.status
