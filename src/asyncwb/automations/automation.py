"""Automations: one to be made, and one that a server keeps."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from asyncwb.automations.scopes import Scope, scope_of
from asyncwb.errors import InvalidValueError

if TYPE_CHECKING:
    from asyncwb.automations.actions import Action
    from asyncwb.automations.events import Event, EventType

__all__ = ["Automation", "NewAutomation", "SavedEvent"]


@dataclass(kw_only=True)
class NewAutomation:
    """An automation that `Api.create_automation` makes; `event >> action` gives one."""

    name: str | None = None
    description: str | None = None
    enabled: bool | None = None
    event: Event | None = None
    action: Action | None = None

    @property
    def scope(self) -> Scope | None:
        """Where its event has to happen."""
        return None if self.event is None else self.event.scope

    @scope.setter
    def scope(self, value: object) -> None:
        if self.event is None:
            raise InvalidValueError("an automation without an event has no scope: set event first")
        self.event.scope = scope_of(value)


@dataclass(frozen=True)
class SavedEvent:
    """The event of an automation that a server keeps."""

    event_type: EventType
    filter: str
    """Its filter as JSON text, as mutations take it."""

    def to_wire(self) -> str:
        """The text of its filter, as it is sent."""
        return self.filter


@dataclass(kw_only=True)
class Automation:
    """An automation that a server keeps; change attributes, then `Api.update_automation`."""

    id: str
    """Opaque id."""
    name: str
    description: str | None
    enabled: bool
    """Whether it acts."""
    scope: Scope
    """Where its event has to happen."""
    event: SavedEvent | Event
    action: Action
    created_at: str = field(repr=False)
    """ISO time, UTC."""
    updated_at: str | None = field(default=None, repr=False)
    """ISO time, UTC; None: never changed."""
    last_executed_at: str | None = field(default=None, repr=False)
    """ISO time, UTC, when it acted last; None: never, or the server does not say."""
