"""Automations that the unmodified wandb package makes, and ours beside them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from asyncwb.testing import LocalServer

pytest.importorskip("wandb")
pytestmark = [pytest.mark.interop, pytest.mark.timeout(240)]

START = """
import json, wandb
from wandb.automations import *
def error_of(call):
    try:
        call()
    except Exception as exc:
        # the package wraps what its calls raise
        return type(exc if isinstance(exc, wandb.errors.UnsupportedError) else
                    getattr(exc, "exc", None) or exc).__name__
def result(out):
    print("RESULT " + json.dumps(out))
def shown(one):
    return [one.name, one.enabled, one.description, one.scope.scope_type.value, one.scope.name,
            one.event.event_type.value, one.action.action_type.value]
with wandb.init(project="auto", id="r", settings=wandb.Settings(silent=True)) as run:
    run.log({"loss": 0})
api = wandb.Api()
project = api.project("auto", entity="local")
"""

CHANGES = """
(slack,) = api.slack_integrations(entity="local")
out = {"slack": [slack.team_name, slack.channel_name, len(list(api.integrations("local"))),
                 len(list(api.webhook_integrations("local")))]}
send = SendNotification.from_integration(slack, title="T", text="M", level="WARN")
metric = OnRunMetric(scope=project, filter=RunEvent.metric("loss").avg(2).gt(1.5))
made = api.create_automation(metric >> send, name="high", description="d")
out["made"] = shown(made)
out["integration"] = made.action.integration.id == slack.id
state = OnRunState(scope=project, filter=RunEvent.state.in_(["finished"]))
api.create_automation(state >> DoNothing(), name="ended")
out["again"] = error_of(lambda: api.create_automation(state >> DoNothing(), name="ended"))
out["existing"] = api.create_automation(
    metric >> DoNothing(), name="ended", fetch_existing=True).event.event_type.value
out["listed"] = [sorted(one.name for one in listed) for listed in (
    api.automations("local"), api.automations(), api.automations("local", name="high"),
    api.automations("local", per_page=1))]
with wandb.init(project="auto", id="s", settings=wandb.Settings(silent=True)) as run:
    for loss in (1, 1, 2.5):
        run.log({"loss": loss})
changed = api.automation("high", entity="local")
out["read"] = [changed.event == made.event, changed.action == made.action]
changed.enabled = False
changed.description = "off"
out["changed"] = shown(api.update_automation(changed))
event = OnLinkArtifact(scope=project, filter=ArtifactEvent.alias.eq("prod"))
out["event"] = shown(api.update_automation(changed, event=event, name="linked"))
out["deleted"] = api.delete_automation(changed)
out["gone"] = [error_of(lambda: api.automation("high", entity="local")),
               error_of(lambda: api.update_automation(changed)),
               error_of(lambda: api.delete_automation(changed.id))]
result(out)
"""


def test_the_package_makes_changes_and_deletes(
    server: LocalServer, sdk: Callable[..., Any]
) -> None:
    found = sdk(START + CHANGES)
    assert found == {
        "slack": ["local", "alerts", 1, 0],
        "made": ["high", True, "d", "PROJECT", "auto", "RUN_METRIC", "NOTIFICATION"],
        "integration": True,
        "again": "ValueError",
        "existing": "RUN_STATE",
        "listed": [["ended", "high"], ["ended", "high"], ["high"], ["ended", "high"]],
        "read": [True, True],
        "changed": ["high", False, "off", "PROJECT", "auto", "RUN_METRIC", "NOTIFICATION"],
        "event": ["linked", False, "off", "PROJECT", "auto", "LINK_MODEL", "NOTIFICATION"],
        "deleted": True,
        "gone": ["ValueError", "ValueError", "WandbApiFailedError"],
    }


REFUSED = """
out = [error_of(lambda: api.create_automation(
    OnRunState(scope=project, filter=RunEvent.state.eq("finished")) >> action, name="x"))
    for action in (SendPromptToAria(prompt="p"), SendWebhook(integration_id="x"))]
result(out)
"""


def test_what_the_server_cannot_do_is_refused(server: LocalServer, sdk: Callable[..., Any]) -> None:
    assert sdk(START + REFUSED) == [
        "UnsupportedError", "WandbApiFailedError",
    ]  # fmt: skip
