"""Automations that the unmodified wandb package makes, and ours beside them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

import asyncwb.sync as asyncwb

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
# other tests may have some, too
out["listed"] = [sorted({one.name for one in listed} & {"high", "ended"}) for listed in (
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


PROJECT = ("Project", "UHJvamVjdDox", "p")
SEQUENCE = ("ArtifactSequence", "QzE=", "c")
TEAM = ("Entity", "RTE=", "crew")
EVENTS = [
    *(f"OnRunMetric(scope=P, filter={each})" for each in (
        "M > 0.5", "M.avg(10).gt(1)", "M.max(3) <= 2", "M.mean(2) >= -1.5", "M.min(4).lt(0)",
        "M.changes_by(diff=1)", "M.mean(5).increases_by(frac=0.1)", "M.max(2).decreases_by(diff=3)",
        "M.zscore(30) > 3", "abs(M.zscore(10)) > 2", "M.zscore(7).lt(-3)",
        "(RunEvent.name == 'my') & (M > 1)",
        "(M > 1) & (RunEvent.name.contains('x') | ~RunEvent.name.eq('y'))",
        "((RunEvent.name > 'a') & (RunEvent.name < 'b') & RunEvent.name.ne('c')) & (M > 1)",
        "~(RunEvent.name.exists() | RunEvent.name.not_in(['a', 'b'])) & (M > 1)",
        "MetricThresholdFilter(name='m', cmp='>=', threshold=2, agg='max', window=3)",
        "MetricZScoreFilter(name='m')",
        "MetricChangeFilter(name='m', change_type='relative', change_dir='any', threshold=1, "
        "agg='avg' and 'average', window=2, prior_window=5)",
    )),
    "OnRunMetric(scope=E, filter=M > 1)",
    "OnRunState(scope=P, filter=RunEvent.state.in_(['finished', 'failed']))",
    "OnRunState(scope=P, filter=(RunEvent.state == 'running') & RunEvent.name.matches_regex('a'))",
    "OnLinkArtifact(scope=C, filter=ArtifactEvent.alias.eq('prod'))",
    "OnLinkArtifact(scope=P)", "OnUnlinkArtifact(scope=P)", "OnCreateArtifact(scope=C)",
    "OnAddArtifactAlias(scope=P, filter=ArtifactEvent.alias.matches_regex('a') "
    "| ArtifactEvent.alias.in_(['x']))",
    "OnAddArtifactTag(scope=P, filter=ArtifactEvent.tag.eq('a') & ArtifactEvent.tag.ne('b'))",
    "OnRemoveArtifactTag(scope=P)", "OnAddCollectionTag(scope=C)", "OnRemoveCollectionTag(scope=C)",
]  # fmt: skip
ACTIONS = [
    "DoNothing()", "SendNotification(integration_id='SQ==')",
    "SendNotification(integration_id='SQ==', title='T', text='M', level='warn')",
    "SendNotification(integration_id='SQ==', message='M', severity='ERROR')",
    "SendWebhook(integration_id='SQ==')",
    "SendWebhook(integration_id='SQ==', request_payload={'a': [1, None]})",
    "SendPromptToAria(prompt=' why? ')",
]  # fmt: skip
THEIRS = f"""
import json
from wandb.automations import *
from wandb.automations import _inputs, scopes
def scope(kind, of):
    name, id, title = of
    return kind.model_validate({{"__typename": name, "id": id, "name": title}})
P = scope(ProjectScope, {PROJECT})
C = scope(scopes._ArtifactSequenceScope, {SEQUENCE})
E = TeamScope.model_validate({{
    "__typename": "Entity", "id": {TEAM[1]!r}, "name": "crew", "entityType": "team"}})
M = RunEvent.metric("loss")
out = [_inputs.prepare_to_create(eval(event) >> DoNothing(), name="n").model_dump()
       for event in {EVENTS}]
out += [_inputs.prepare_to_create(OnLinkArtifact(scope=P) >> eval(action), name="n").model_dump()
        for action in {ACTIONS}]
print("RESULT " + json.dumps(out))
"""


def read(given: dict[str, Any]) -> dict[str, Any]:
    """With the texts in it as what they say, and without what is not said."""
    event = json.loads(given["eventFilter"])
    if "run_filter" in event:
        event["run_filter"] = json.loads(event["run_filter"])
    event.pop("metric_filter", None)  # of older servers; always null
    config = {
        kind: {key: value for key, value in inner.items() if value is not None}
        for kind, inner in given["triggeredActionConfig"].items()
    }
    for inner in config.values():
        if "requestPayload" in inner:
            inner["requestPayload"] = json.loads(inner["requestPayload"])
    told = {key: value for key, value in given.items() if key not in ("name", "enabled")}
    return {**told, "eventFilter": event, "triggeredActionConfig": config}


def test_our_expressions_send_what_theirs_do(sdk: Callable[..., Any]) -> None:
    import asyncwb.automations as ours
    from asyncwb.api.automation_nodes import described

    names: dict[str, Any] = {
        **{name: getattr(ours, name) for name in ours.__all__},
        "P": ours.ProjectScope(*PROJECT[1:]),
        "C": ours.ArtifactCollectionScope(*SEQUENCE[1:]),
        "E": ours.TeamScope(*TEAM[1:]),
        "M": ours.RunEvent.metric("loss"),
    }
    theirs = [read(each) for each in sdk(THEIRS)]
    linked = "OnLinkArtifact(scope=P)"
    pairs = [(event, "DoNothing()") for event in EVENTS] + [(linked, each) for each in ACTIONS]
    for (event, action), wanted in zip(pairs, theirs, strict=True):
        made = eval(f"{event} >> {action}", names)
        assert read(described(made.scope, made.event, made.action)) == wanted, (event, action)


BOTH = """
made = api.create_automation(OnRunMetric(
    scope=project, filter=RunEvent.metric("loss").zscore(9).gt(2)) >> DoNothing(), name="theirs")
ours = api.automation("ours", entity="local")
ours.description = "read by them"
api.update_automation(ours)
result([shown(ours), made.event.filter.metric.zscore_filter.window])
"""


def test_each_reads_what_the_other_made(server: LocalServer, sdk: Callable[..., Any]) -> None:
    from asyncwb.automations import DoNothing, OnRunMetric, RunEvent

    api = asyncwb.Api({"base_url": server.url, "api_key": server.api_key})
    api.create_project("auto", "local")
    event = OnRunMetric(api.project("local/auto"), RunEvent.metric("loss").changes_by(frac=0.5))
    made = api.create_automation(event >> DoNothing(), name="ours")
    assert sdk(START + BOTH) == [
        ["ours", True, "read by them", "PROJECT", "auto", "RUN_METRIC_CHANGE", "NO_OP"], 9,
    ]  # fmt: skip
    found = api.automation("ours", entity="local")
    assert found.description == "read by them"
    assert json.loads(read_filter(found)) == json.loads(read_filter(made))
    theirs = api.automation("theirs", entity="local")
    assert theirs.event.event_type == "RUN_METRIC_ZSCORE"
    # and sends it back as it was
    assert read_filter(api.update_automation(theirs, enabled=False)) == read_filter(theirs)


def read_filter(automation: Any) -> str:
    """The condition on the metric, as text."""
    return json.dumps(json.loads(automation.event.filter)["run_metric_filter"])
