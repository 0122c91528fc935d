"""Operations of automations and integrations.

Servers know different kinds of scopes and actions: what one does not know is left out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from asyncwb.graphql.account_operations import SuccessAnswer
from asyncwb.graphql.operation import Operation
from asyncwb.graphql.paginator import PageInfo  # noqa: TC001 - msgspec reads it

if TYPE_CHECKING:
    from collections.abc import Collection

__all__ = [
    "DELETE_AUTOMATION",
    "INTEGRATIONS",
    "TriggerAnswer",
    "TriggerNode",
    "TriggersAnswer",
    "change_automation",
    "list_automations",
    "list_automations_of_projects",
]


class _Answer(msgspec.Struct, frozen=True, rename="camel"):
    """Base of the answers: camel case on the wire."""


class ScopeNode(_Answer, frozen=True):
    """The place of an automation."""

    kind: str = msgspec.field(name="__typename")
    id: str = ""
    name: str = ""
    entity_type: str | None = None


class EventNode(_Answer, frozen=True):
    """The event of an automation; the filter is JSON text."""

    event_type: str
    filter: str


class IntegrationNode(_Answer, frozen=True):
    """An integration of either kind."""

    kind: str | None = msgspec.field(name="__typename", default=None)
    id: str | None = None
    team_name: str | None = None
    channel_name: str | None = None
    name: str | None = None
    url_endpoint: str | None = None


class ActionNode(_Answer, frozen=True):
    """An action of any kind."""

    kind: str = msgspec.field(name="__typename")
    integration: IntegrationNode | None = None
    title: str | None = None
    message: str | None = None
    severity: str | None = None
    request_payload: str | None = None
    prompt: str | None = None


class TriggerNode(_Answer, frozen=True):
    """An automation."""

    id: str
    name: str
    enabled: bool
    created_at: str
    scope: ScopeNode
    event: EventNode
    action: ActionNode
    description: str | None = None
    updated_at: str | None = None
    last_executed_at: str | None = None


class _Trigger(_Answer, frozen=True):
    trigger: TriggerNode | None = None


class TriggerAnswer(_Answer, frozen=True):
    """Answer of the mutations that make or change an automation."""

    result: _Trigger | None = None


class _Edge(_Answer, frozen=True):
    node: TriggerNode | None = None


class _Triggers(_Answer, frozen=True):
    page_info: PageInfo
    edges: list[_Edge] = []


class _ProjectTriggers(_Answer, frozen=True):
    triggers: list[TriggerNode] = []


class _ProjectEdge(_Answer, frozen=True):
    node: _ProjectTriggers | None = None


class _Projects(_Answer, frozen=True):
    page_info: PageInfo
    edges: list[_ProjectEdge] = []


class _Scope(_Answer, frozen=True):
    triggers: _Triggers | None = None
    projects: _Projects | None = None


class TriggersAnswer(_Answer, frozen=True):
    """Answer of the listings."""

    scope: _Scope | None = None


class _IntegrationEdge(_Answer, frozen=True):
    node: IntegrationNode | None = None


class _Integrations(_Answer, frozen=True):
    page_info: PageInfo
    edges: list[_IntegrationEdge] = []


class _Entity(_Answer, frozen=True):
    integrations: _Integrations | None = None


class IntegrationsAnswer(_Answer, frozen=True):
    """Answer of `INTEGRATIONS`."""

    entity: _Entity | None = None


def _fields(features: Collection[str]) -> str:
    entity = "... on Entity { id name entityType }"
    aria = "... on ARIATriggeredAction { prompt }"
    return f"""id name description enabled createdAt updatedAt
    {"lastExecutedAt" if "AUTOMATION_LAST_EXECUTED_AT" in features else ""}
    scope {{
      __typename
      ... on Project {{ id name }}
      ... on ArtifactSequence {{ id name }}
      ... on ArtifactPortfolio {{ id name }}
      {entity if "AUTOMATION_SCOPE_ENTITY" in features else ""}
    }}
    event: triggeringCondition {{ ... on FilterEventTriggeringCondition {{ eventType filter }} }}
    action: triggeredAction {{
      __typename
      ... on NotificationTriggeredAction {{
        title message severity
        integration {{ __typename ... on SlackIntegration {{ id teamName channelName }} }}
      }}
      ... on GenericWebhookTriggeredAction {{
        requestPayload
        integration {{ __typename ... on GenericWebhookIntegration {{ id name urlEndpoint }} }}
      }}
      {aria if "AUTOMATION_ACTION_ARIA" in features else ""}
    }}"""


def list_automations(features: Collection[str]) -> Operation[TriggersAnswer]:
    """The listing of an entity, of servers with `QUERY_AUTOMATIONS_ON_ENTITY`."""
    return Operation(
        "Automations",
        f"""query Automations($entity: String!, $cursor: String, $perPage: Int,
  $filters: JSONString) {{
  scope: entity(name: $entity) {{
    triggers(after: $cursor, first: $perPage, filters: $filters) {{
      pageInfo {{ hasNextPage endCursor }}
      edges {{ node {{ {_fields(features)} }} }}
    }}
  }}
}}""",
        TriggersAnswer,
    )


def list_automations_of_projects(
    features: Collection[str], *, of_entity: bool
) -> Operation[TriggersAnswer]:
    """The listing project by project, of one entity or of all that the account sees."""
    declared = "$entity: String!, " if of_entity else ""
    scope = "entity(name: $entity)" if of_entity else "viewer"
    return Operation(
        "AutomationsOfProjects",
        f"""query AutomationsOfProjects({declared}$cursor: String, $perPage: Int) {{
  scope: {scope} {{
    projects(after: $cursor, first: $perPage) {{
      pageInfo {{ hasNextPage endCursor }}
      edges {{ node {{ triggers {{ {_fields(features)} }} }} }}
    }}
  }}
}}""",
        TriggersAnswer,
    )


def change_automation(features: Collection[str], *, new: bool) -> Operation[TriggerAnswer]:
    """The mutation that makes an automation, or changes one."""
    verb = "create" if new else "update"
    return Operation(
        f"{verb.capitalize()}Automation",
        f"""mutation {verb.capitalize()}Automation(
  $input: {verb.capitalize()}FilterTriggerInput!
) {{
  result: {verb}FilterTrigger(input: $input) {{ trigger {{ {_fields(features)} }} }}
}}""",
        TriggerAnswer,
    )


DELETE_AUTOMATION = Operation(
    "DeleteAutomation",
    """mutation DeleteAutomation($id: ID!) {
  result: deleteTrigger(input: {triggerID: $id}) { success }
}""",
    SuccessAnswer,
)
INTEGRATIONS = Operation(
    "Integrations",
    """query Integrations($entity: String!, $cursor: String, $perPage: Int) {
  entity(name: $entity) {
    integrations(after: $cursor, first: $perPage) {
      pageInfo { hasNextPage endCursor }
      edges { node {
        __typename
        ... on SlackIntegration { id teamName channelName }
        ... on GenericWebhookIntegration { id name urlEndpoint }
      } }
    }
  }
}""",
    IntegrationsAnswer,
)
