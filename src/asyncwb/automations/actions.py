"""What automations do."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, ClassVar

from asyncwb import jsonx
from asyncwb.automations.integrations import SlackIntegration, WebhookIntegration
from asyncwb.errors import InvalidValueError

__all__ = [
    "Action",
    "ActionType",
    "DoNothing",
    "OtherAction",
    "SendNotification",
    "SendPromptToAria",
    "SendWebhook",
]

_LEVELS = ("INFO", "WARN", "ERROR")
_LONGEST_PROMPT = 4000  # bytes


class ActionType(StrEnum):
    """Kinds of actions."""

    NO_OP = "NO_OP"
    QUEUE_JOB = "QUEUE_JOB"
    GENERIC_WEBHOOK = "GENERIC_WEBHOOK"
    NOTIFICATION = "NOTIFICATION"
    ARIA = "ARIA"
    PUSH_NOTIFICATION = "PUSH_NOTIFICATION"


class Action(ABC):
    """Base of all actions."""

    action_type: ActionType

    @abstractmethod
    def to_wire(self) -> dict[str, Any] | None:
        """The configuration, under the name that mutations give it; None: it cannot be sent."""


@dataclass(init=False)
class SendNotification(Action):
    """Send a notification through an integration, see `Api.slack_integrations`.

    Args:
        integration_id: Id of the integration.
        title: Title; of an asyncwb server, empty: the name of the automation.
        text: The message; `message` is another name of it.
        level: INFO, WARN or ERROR; `severity` is another name of it.

    Raises:
        InvalidValueError: An argument is wrong.
    """

    action_type: ClassVar[ActionType] = ActionType.NOTIFICATION  # type: ignore[misc]

    integration_id: str
    title: str
    message: str
    severity: str

    def __init__(
        self,
        integration_id: str,
        title: str | None = "",
        text: str | None = None,
        level: str | None = None,
        *,
        message: str | None = None,
        severity: str | None = None,
    ) -> None:
        self.integration_id = _id(integration_id)
        self.title = title or ""
        self.message = text or message or ""
        self.severity = str(getattr(found := level or severity or "INFO", "value", found)).upper()
        if self.severity not in _LEVELS:
            raise InvalidValueError(f"level is one of {', '.join(_LEVELS)}, not {found!r}")

    @classmethod
    def from_integration(
        cls, integration: SlackIntegration, *, title: str = "", text: str = "", level: str = "INFO"
    ) -> SendNotification:
        """Send through this integration."""
        if not isinstance(integration, SlackIntegration):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise InvalidValueError(f"notifications take a SlackIntegration, not {integration!r}")
        return cls(integration.id, title, text, level)

    def to_wire(self) -> dict[str, Any]:
        """As it is sent."""
        return {
            "notificationActionInput": {
                "integrationID": self.integration_id,
                "title": self.title,
                "message": self.message,
                "severity": self.severity,
            }
        }


@dataclass
class SendWebhook(Action):
    """Post a request to an integration, see `Api.webhook_integrations`."""

    action_type: ClassVar[ActionType] = ActionType.GENERIC_WEBHOOK  # type: ignore[misc]

    integration_id: str
    request_payload: Mapping[str, Any] | None = None

    def __post_init__(self) -> None:
        _id(self.integration_id)
        payload: object = self.request_payload
        if isinstance(payload, str):
            payload = jsonx.decode(payload)
        if payload is not None and not isinstance(payload, Mapping):
            raise InvalidValueError("a payload is a mapping or its JSON text")
        self.request_payload = payload  # pyright: ignore[reportUnknownMemberType]

    @classmethod
    def from_integration(
        cls, integration: WebhookIntegration, *, payload: Mapping[str, Any] | None = None
    ) -> SendWebhook:
        """Post to this integration."""
        if not isinstance(integration, WebhookIntegration):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise InvalidValueError(f"webhooks take a WebhookIntegration, not {integration!r}")
        return cls(integration.id, payload)

    def to_wire(self) -> dict[str, Any]:
        """As it is sent."""
        payload = self.request_payload
        text = None if payload is None else jsonx.encode(dict(payload)).decode()
        return {
            "genericWebhookActionInput": {
                "integrationID": self.integration_id,
                "requestPayload": text,
            }
        }


@dataclass
class DoNothing(Action):
    """Nothing, but the server notes that it happened."""

    action_type: ClassVar[ActionType] = ActionType.NO_OP  # type: ignore[misc]

    no_op: bool = field(default=True, repr=False)

    def to_wire(self) -> dict[str, Any]:
        """As it is sent."""
        return {"noOpActionInput": {"noOp": True}}


@dataclass
class SendPromptToAria(Action):
    """Send a prompt to ARIA, which W&B's own servers have."""

    action_type: ClassVar[ActionType] = ActionType.ARIA  # type: ignore[misc]

    prompt: str

    def __post_init__(self) -> None:
        self.prompt = self.prompt.strip()
        if not 0 < len(self.prompt.encode()) <= _LONGEST_PROMPT:
            raise InvalidValueError(f"a prompt has 1 to {_LONGEST_PROMPT} bytes")

    def to_wire(self) -> dict[str, Any]:
        """As it is sent."""
        return {"ariaActionInput": {"prompt": self.prompt}}


@dataclass(frozen=True)
class OtherAction(Action):
    """An action of an automation that was made elsewhere, which this package cannot make."""

    action_type: ActionType

    def to_wire(self) -> None:
        """Nothing: a change of its automation leaves it as it is."""


def _id(value: object) -> str:
    if not isinstance(value, str) or not value:
        raise InvalidValueError(f"an integration has an id, not {value!r}")
    return value
