"""Where notifications and webhooks of an entity go."""

from __future__ import annotations

from typing import TypeAlias

import msgspec

__all__ = ["Integration", "SlackIntegration", "WebhookIntegration"]


class SlackIntegration(
    msgspec.Struct, frozen=True, rename="camel", tag_field="__typename", tag="SlackIntegration"
):
    """A channel for notifications; of an asyncwb server: the alerts of the entity's projects."""

    id: str
    team_name: str = ""
    channel_name: str = ""


class WebhookIntegration(
    msgspec.Struct,
    frozen=True,
    rename="camel",
    tag_field="__typename",
    tag="GenericWebhookIntegration",
):
    """An address that requests are posted to."""

    id: str
    name: str = ""
    url_endpoint: str = ""


Integration: TypeAlias = SlackIntegration | WebhookIntegration
