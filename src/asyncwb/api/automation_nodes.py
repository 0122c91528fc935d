"""Automations of answers, and the inputs of mutations."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from asyncwb import jsonx
from asyncwb.automations import (
    Action,
    ActionType,
    ArtifactCollectionScope,
    Automation,
    DoNothing,
    EntityScope,
    EventType,
    OrgScope,
    OtherAction,
    ProjectScope,
    RegistryScope,
    SavedEvent,
    Scope,
    ScopeType,
    SendNotification,
    SendPromptToAria,
    SendWebhook,
    SlackIntegration,
    TeamScope,
    WebhookIntegration,
)
from asyncwb.errors import ProtocolError, UnsupportedError

if TYPE_CHECKING:
    from asyncwb.automations import Event, Integration
    from asyncwb.graphql.automation_operations import (
        ActionNode,
        EventNode,
        IntegrationNode,
        ScopeNode,
        TriggerNode,
    )
    from asyncwb.graphql.service import Service

__all__ = ["automation_of", "check_supported", "described", "features_of", "integration_of"]

_REGISTRY = "wandb-registry-"
_ACTIONS = {
    "PushNotificationTriggeredAction": ActionType.PUSH_NOTIFICATION,
    "QueueJobTriggeredAction": ActionType.QUEUE_JOB,
}
# what the package's documentation calls by a feature; servers of today have all others
_GATES = {
    ScopeType.ENTITY: "AUTOMATION_SCOPE_ENTITY",
    EventType.RUN_METRIC_ZSCORE: "AUTOMATION_EVENT_RUN_METRIC_ZSCORE",
    EventType.ADD_ARTIFACT_TAG: "AUTOMATION_EVENT_ADD_ARTIFACT_TAG",
    EventType.REMOVE_ARTIFACT_TAG: "AUTOMATION_EVENT_REMOVE_ARTIFACT_TAG",
    EventType.ADD_COLLECTION_TAG: "AUTOMATION_EVENT_ADD_COLLECTION_TAG",
    EventType.REMOVE_COLLECTION_TAG: "AUTOMATION_EVENT_REMOVE_COLLECTION_TAG",
    EventType.UNLINK_ARTIFACT: "AUTOMATION_EVENT_UNLINK_ARTIFACT",
    ActionType.ARIA: "AUTOMATION_ACTION_ARIA",
    ActionType.PUSH_NOTIFICATION: "AUTOMATION_ACTION_PUSH_NOTIFICATION",
}
_SEEN = ("AUTOMATION_SCOPE_ENTITY", "AUTOMATION_ACTION_ARIA", "AUTOMATION_LAST_EXECUTED_AT")


async def features_of(service: Service) -> frozenset[str]:
    """The features that change what can be asked of automations."""
    return frozenset([name for name in _SEEN if await service.has_feature(name)])


async def check_supported(service: Service, *kinds: ScopeType | EventType | ActionType) -> None:
    """Refuse what a server does not know.

    Raises:
        UnsupportedError: One of the kinds is not there.
    """
    for kind in kinds:
        gate = _GATES.get(kind)
        if gate is not None and not await service.has_feature(gate):
            raise UnsupportedError(f"this server has no automations with {kind.value}")


def automation_of(node: TriggerNode) -> Automation:
    """An automation of an answer."""
    return Automation(
        id=node.id,
        name=node.name,
        description=node.description,
        enabled=node.enabled,
        scope=_scope(node.scope),
        event=_event(node.event),
        action=_action(node.action),
        created_at=node.created_at,
        updated_at=node.updated_at,
        last_executed_at=node.last_executed_at,
    )


def _scope(node: ScopeNode) -> Scope:
    kind: type[Scope]
    match node.kind:
        case "Project":
            kind = RegistryScope if node.name.startswith(_REGISTRY) else ProjectScope
        case "Entity":
            kinds = {"team": TeamScope, "organization": OrgScope}
            kind = kinds.get(node.entity_type or "", EntityScope)
        case _:
            kind = ArtifactCollectionScope
    return kind(node.id, node.name)


def _event(node: EventNode) -> SavedEvent:
    try:
        kind = EventType(node.event_type)
    except ValueError:
        raise ProtocolError(f"an automation waits for an unknown {node.event_type}") from None
    text = node.filter
    if not kind.value.startswith("RUN_"):
        # answers have a level around what mutations take
        tree = jsonx.decode(text)
        inner = cast("dict[str, Any]", tree).get("filter", tree) if isinstance(tree, dict) else tree
        text = inner if isinstance(inner, str) else jsonx.encode(inner).decode()
    return SavedEvent(kind, text)


def _action(node: ActionNode) -> Action:
    target = "" if node.integration is None else node.integration.id or ""
    match node.kind:
        case "NoOpTriggeredAction":
            return DoNothing()
        case "NotificationTriggeredAction" if target:
            return SendNotification(target, node.title, node.message, node.severity)
        case "GenericWebhookTriggeredAction" if target:
            text = node.request_payload
            payload = None if text is None else cast("dict[str, Any]", jsonx.decode(text))
            return SendWebhook(target, payload)
        case "ARIATriggeredAction" if node.prompt:
            return SendPromptToAria(node.prompt)
        case _:
            return OtherAction(_ACTIONS.get(node.kind, ActionType.NOTIFICATION))


def integration_of(node: IntegrationNode) -> Integration | None:
    """An integration of an answer; None: one of another kind."""
    if node.id is None:
        return None
    if node.kind == "SlackIntegration":
        return SlackIntegration(node.id, node.team_name or "", node.channel_name or "")
    if node.kind == "GenericWebhookIntegration":
        return WebhookIntegration(node.id, node.name or "", node.url_endpoint or "")
    return None


def described(scope: Scope, event: Event | SavedEvent, action: Action) -> dict[str, object]:
    """What mutations are told of scope, event and action."""
    told: dict[str, object] = {
        "scopeType": scope.scope_type.value,
        "scopeID": scope.id,
        "triggeringEventType": event.event_type.value,
        "eventFilter": event.to_wire(),
    }
    config = action.to_wire()
    if config is not None:
        told["triggeredActionType"] = action.action_type.value
        told["triggeredActionConfig"] = config
    return told
