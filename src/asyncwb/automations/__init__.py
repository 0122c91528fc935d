"""Automations: what a server does by itself when something happens.

`api.create_automation(event >> action, name="...")`. Nothing here waits or sends.
"""

from asyncwb.automations.actions import (
    Action,
    ActionType,
    DoNothing,
    OtherAction,
    SendNotification,
    SendPromptToAria,
    SendWebhook,
)
from asyncwb.automations.automation import Automation, NewAutomation, SavedEvent
from asyncwb.automations.events import (
    ArtifactEvent,
    Event,
    EventType,
    OnAddArtifactAlias,
    OnAddArtifactTag,
    OnAddCollectionTag,
    OnCreateArtifact,
    OnLinkArtifact,
    OnRemoveArtifactTag,
    OnRemoveCollectionTag,
    OnRunMetric,
    OnRunState,
    OnUnlinkArtifact,
    RunEvent,
    RunStateFilter,
)
from asyncwb.automations.filters import Filter
from asyncwb.automations.integrations import Integration, SlackIntegration, WebhookIntegration
from asyncwb.automations.metrics import (
    MetricChangeFilter,
    MetricThresholdFilter,
    MetricZScoreFilter,
    RunMetricFilter,
)
from asyncwb.automations.scopes import (
    ArtifactCollectionScope,
    EntityScope,
    OrgScope,
    ProjectScope,
    RegistryScope,
    Scope,
    ScopeType,
    TeamScope,
)

__all__ = [
    "Action",
    "ActionType",
    "ArtifactCollectionScope",
    "ArtifactEvent",
    "Automation",
    "DoNothing",
    "EntityScope",
    "Event",
    "EventType",
    "Filter",
    "Integration",
    "MetricChangeFilter",
    "MetricThresholdFilter",
    "MetricZScoreFilter",
    "NewAutomation",
    "OnAddArtifactAlias",
    "OnAddArtifactTag",
    "OnAddCollectionTag",
    "OnCreateArtifact",
    "OnLinkArtifact",
    "OnRemoveArtifactTag",
    "OnRemoveCollectionTag",
    "OnRunMetric",
    "OnRunState",
    "OnUnlinkArtifact",
    "OrgScope",
    "OtherAction",
    "ProjectScope",
    "RegistryScope",
    "RunEvent",
    "RunMetricFilter",
    "RunStateFilter",
    "SavedEvent",
    "Scope",
    "ScopeType",
    "SendNotification",
    "SendPromptToAria",
    "SendWebhook",
    "SlackIntegration",
    "TeamScope",
    "WebhookIntegration",
]
