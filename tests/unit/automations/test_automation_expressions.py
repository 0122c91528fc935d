"""Automations as Python expressions: what they say, and what is refused at once.

The texts that they send are compared with those of the wandb package in
`tests/interop/test_automations_interop.py`.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from asyncwb import InvalidValueError
from asyncwb.automations import (
    ArtifactCollectionScope,
    ArtifactEvent,
    DoNothing,
    EventType,
    Filter,
    MetricChangeFilter,
    MetricThresholdFilter,
    NewAutomation,
    OnCreateArtifact,
    OnLinkArtifact,
    OnRunMetric,
    OnRunState,
    ProjectScope,
    RegistryScope,
    RunEvent,
    ScopeType,
    SendNotification,
    SendPromptToAria,
    SendWebhook,
    SlackIntegration,
    TeamScope,
    WebhookIntegration,
)

if TYPE_CHECKING:
    from collections.abc import Callable

PROJECT = ProjectScope("UDE=", "demo")
COLLECTION = ArtifactCollectionScope("QzE=", "data")
LOSS = RunEvent.metric("loss")


def test_operators_and_methods_say_the_same() -> None:
    assert LOSS.avg(5).gt(0.5) == (LOSS.mean(5) > 0.5)
    assert LOSS.gte(1) == (LOSS >= 1)
    assert LOSS.max(2).lte(1) == (LOSS.max(2) <= 1)
    assert (LOSS.zscore(9) > 3) == LOSS.zscore(9).gt(3)
    assert (abs(LOSS.zscore(9)) > 3) == LOSS.zscore(9).abs().gt(3)
    assert (RunEvent.state == "finished") == RunEvent.state.in_(["FINISHED", "finished"])
    assert (RunEvent.name == "x") == RunEvent.name.eq("x")
    assert RunEvent.state.eq("crashed").states == RunEvent.state.eq("failed").states
    assert MetricThresholdFilter(name="loss", cmp=">", threshold=1) == (LOSS > 1)


def test_filters_are_joined() -> None:
    a, b = RunEvent.name.contains("a"), RunEvent.name.ne("b")
    assert (a & b).tree == {"$and": [a.tree, b.tree]}
    assert (~(a | b)).tree == {"$nor": [a.tree, b.tree]}
    assert ~~a == a
    condition = LOSS > 1
    assert (a & condition) == (condition & a)


def test_an_event_and_an_action_are_an_automation() -> None:
    event, action = OnLinkArtifact(PROJECT, ArtifactEvent.alias == "prod"), DoNothing()
    made = event >> action
    assert made == NewAutomation(event=event, action=action)
    assert made.scope == PROJECT
    made.scope = COLLECTION
    assert event.scope == COLLECTION
    assert event.scope.scope_type == ScopeType.ARTIFACT_COLLECTION


def test_the_kind_of_a_metric_event_is_that_of_its_condition() -> None:
    kinds = [
        OnRunMetric(PROJECT, condition).event_type
        for condition in (LOSS > 1, LOSS.changes_by(diff=1), LOSS.zscore(3) < -2)
    ]
    assert kinds == [
        EventType.RUN_METRIC_THRESHOLD, EventType.RUN_METRIC_CHANGE, EventType.RUN_METRIC_ZSCORE,
    ]  # fmt: skip


def test_a_plain_dict_is_a_filter() -> None:
    event = OnLinkArtifact(PROJECT, {"alias": {"$in": ["a"]}})
    assert event.filter == Filter({"alias": {"$in": ["a"]}})
    assert json.loads(event.to_wire()) == {"$or": [{"$and": [{"alias": {"$in": ["a"]}}]}]}


def test_actions_of_integrations() -> None:
    slack, hook = SlackIntegration("S", "t", "c"), WebhookIntegration("W", "n", "https://x")
    send = SendNotification.from_integration(slack, title="T", text="M", level="warn")
    assert send == SendNotification("S", "T", message="M", severity="WARN")
    assert SendWebhook.from_integration(hook, payload={"a": 1}) == SendWebhook("W", '{"a": 1}')  # type: ignore[arg-type]


WRONG: dict[str, Callable[[], Any]] = {
    "nan": lambda: float("nan") < LOSS,
    "text": lambda: LOSS.gt("1"),  # type: ignore[arg-type]
    "bool": lambda: LOSS.gt(True),
    "window": lambda: LOSS.avg(0),
    "name": lambda: RunEvent.metric("").gt(1),
    "no change": lambda: LOSS.changes_by(),
    "two changes": lambda: LOSS.changes_by(diff=1, frac=1),
    "negative change": lambda: LOSS.increases_by(diff=-1),
    "zscore up": lambda: LOSS.zscore(3).gt(-1),
    "zscore down": lambda: LOSS.zscore(3).lt(1),
    "zscore abs": lambda: abs(LOSS.zscore(3)) < -1,
    "state": lambda: RunEvent.state.in_(["asleep"]),
    "no state": lambda: RunEvent.state.in_([]),
    "direction": lambda: MetricChangeFilter(
        name="x", change_type="ABSOLUTE", change_dir="UP", threshold=1),  # type: ignore[arg-type]
    "cmp": lambda: MetricThresholdFilter(name="x", cmp="==", threshold=1),
    "in text": lambda: RunEvent.name.in_("abc"),
    "value": lambda: RunEvent.name == ["a"],
    "scope": lambda: OnRunMetric("demo", LOSS > 1),
    "scope of a collection": lambda: OnRunMetric(COLLECTION, LOSS > 1),
    "scope of a registry": lambda: OnRunState(RegistryScope("R", "r"), RunEvent.state.eq("failed")),
    "scope of a project": lambda: OnCreateArtifact(PROJECT),
    "filter": lambda: OnLinkArtifact(PROJECT, "prod"),  # type: ignore[arg-type]
    "metric": lambda: OnRunMetric(PROJECT, RunEvent.state.eq("failed")),  # type: ignore[arg-type]
    "states": lambda: OnRunState(PROJECT, LOSS > 1),  # type: ignore[arg-type]
    "action": lambda: OnLinkArtifact(PROJECT) >> "stop",  # type: ignore[operator]
    "level": lambda: SendNotification("S", level="loud"),
    "integration": lambda: SendNotification.from_integration("S"),  # type: ignore[arg-type]
    "no integration": lambda: SendNotification(""),
    "payload": lambda: SendWebhook("W", 3),  # type: ignore[arg-type]
    "prompt": lambda: SendPromptToAria(" "),
    "no event": lambda: setattr(NewAutomation(), "scope", PROJECT),
}  # fmt: skip


@pytest.mark.parametrize("call", WRONG.values(), ids=WRONG)
def test_bad_input_is_refused_at_the_call(call: Callable[[], Any]) -> None:
    with pytest.raises(InvalidValueError) as caught:
        call()
    assert len(str(caught.value)) > 10


def test_scopes_know_their_kind() -> None:
    assert OnRunMetric(TeamScope("E", "crew"), LOSS > 1).scope.scope_type == ScopeType.ENTITY
