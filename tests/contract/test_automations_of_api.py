"""Automations made by an Api, in both faces, and what they lead to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

import asyncwb
import asyncwb.sync as wandb
from asyncwb.automations import (
    ArtifactEvent,
    DoNothing,
    EventType,
    OnAddArtifactAlias,
    OnCreateArtifact,
    OnLinkArtifact,
    OnRunMetric,
    OnRunState,
    RunEvent,
    SendNotification,
    SendPromptToAria,
    SendWebhook,
    SlackIntegration,
)
from asyncwb.testing import local_server

if TYPE_CHECKING:
    from collections.abc import Iterator

    from asyncwb.testing import LocalServer

ALERTS = "query($p: String) { project(name: $p) { alerts { title text severity runName } } }"


@pytest.fixture(scope="module")
def server() -> Iterator[LocalServer]:
    with local_server() as running:
        yield running


@pytest.fixture
def overrides(server: LocalServer) -> dict[str, str]:
    return {"base_url": server.url, "api_key": server.api_key}


@pytest.fixture
async def api(overrides: dict[str, str]) -> asyncwb.Api:
    return asyncwb.Api(overrides)


async def run_of(api: asyncwb.Api, project: str, losses: list[float]) -> None:
    settings = asyncwb.Settings(base_url=api.settings.base_url, api_key=api.settings.api_key)
    async with asyncwb.init(project=project, settings=settings) as run:
        for loss in losses:
            await run.log({"loss": loss})


async def test_from_an_event_to_an_alert(api: asyncwb.Api) -> None:
    await api.create_project("acting", "local")
    project = await api.project("local/acting")
    slack = await api.slack_integrations().get(0)
    assert slack == SlackIntegration(slack.id, "local", "alerts")
    assert await api.integrations("local").length() == 1
    assert await api.webhook_integrations("local").length() == 0
    high = OnRunMetric(project, RunEvent.metric("loss").avg(2).gt(1))
    send = SendNotification.from_integration(slack, title="High", text="Look.", level="WARN")
    made = await api.create_automation(high >> send, name="high", description="d")
    ended = OnRunState(project, RunEvent.state.eq("finished"))
    await api.create_automation(ended >> DoNothing(), name="ended")
    assert (made.name, made.description, made.enabled) == ("high", "d", True)
    assert (made.scope.id, made.scope.name) == (project.id, "acting")
    assert made.action == send
    assert made.event.event_type is EventType.RUN_METRIC_THRESHOLD
    assert (made.updated_at, made.last_executed_at) == (None, None)
    await run_of(api, "acting", [0, 1, 2])
    (told,) = (await api.client.execute(ALERTS, {"p": "acting"}))["project"]["alerts"]
    assert told["title"] == "High"
    assert told["text"] == "Look.\naverage(loss) > 1: 1.5 at step 2"
    assert told["severity"] == "WARN"
    for name in ("high", "ended"):
        assert (await api.automation(name, entity="local")).last_executed_at is not None


async def test_listing_changing_deleting(api: asyncwb.Api) -> None:
    await api.create_project("changing", "local")
    project = await api.project("local/changing")
    event = OnLinkArtifact(project, ArtifactEvent.alias.eq("prod"))
    made = [await api.create_automation(event >> DoNothing(), name=name) for name in "abc"]
    with pytest.raises(asyncwb.InvalidValueError, match="exists already"):
        await api.create_automation(event >> DoNothing(), name="a")
    same = await api.create_automation(event >> DoNothing(), name="a", fetch_existing=True)
    assert same == made[0]
    listed = [one async for one in api.automations("local", per_page=2)]
    assert [one for one in listed if one.scope == made[0].scope] == made
    assert [one async for one in api.automations(name="b")] == [made[1]]
    # what is saved is sent back as it is
    made[0].enabled = False
    changed = await api.update_automation(made[0], description="off")
    assert (changed.enabled, changed.description) == (False, "off")
    assert (changed.event, changed.action, changed.scope) == (
        made[0].event, made[0].action, made[0].scope,
    )  # fmt: skip
    tagged = OnAddArtifactAlias(project)
    changed = await api.update_automation(made[0], event=tagged, name="d")
    assert (changed.name, changed.event.event_type) == ("d", EventType.ADD_ARTIFACT_ALIAS)
    with pytest.raises(asyncwb.InvalidValueError, match="exists already"):
        await api.update_automation(made[1], name="c")
    assert await api.delete_automation(made[1]) is True
    assert await api.delete_automation(made[2].id) is True
    with pytest.raises(asyncwb.InvalidValueError, match="not there any more"):
        await api.update_automation(made[1])
    again = await api.update_automation(made[1], create_missing=True)
    assert (again.name, again.id != made[1].id) == ("b", True)
    with pytest.raises(asyncwb.CommError):
        await api.delete_automation(made[2])
    with pytest.raises(asyncwb.NotFoundError, match="'c'"):
        await api.automation("c", entity="local")


async def test_of_a_collection_and_an_entity(api: asyncwb.Api, overrides: dict[str, str]) -> None:
    settings = asyncwb.Settings(**overrides)  # type: ignore[arg-type]
    async with asyncwb.init(project="places", settings=settings) as run:
        data = asyncwb.Artifact("data", type="dataset")
        with data.new_file("a.txt") as file:
            file.write("a")
        await (await run.log_artifact(data)).wait()
    collection = await api.artifact_collection("dataset", "local/places/data")
    made = await api.create_automation(OnCreateArtifact(collection) >> DoNothing(), name="new")
    assert made.scope.name == "data"
    await api.create_team("crew")
    team = await api.team("crew")
    failed = OnRunState(team, RunEvent.state.eq("failed") & RunEvent.name.contains("x"))
    made = await api.create_automation(failed >> DoNothing(), name="of crew")
    assert made.scope == type(made.scope)(team.id, "crew")
    assert [one.name async for one in api.automations("crew")] == ["of crew"]


async def test_what_the_server_has_not_is_refused_before(api: asyncwb.Api) -> None:
    project = await api.create_project("refused", "local") or await api.project("local/refused")
    event = OnRunState(project, RunEvent.state.eq("failed"))
    with pytest.raises(asyncwb.UnsupportedError, match="ARIA"):
        await api.create_automation(event >> SendPromptToAria("p"), name="x")
    with pytest.raises(asyncwb.CommError, match="GENERIC_WEBHOOK"):
        await api.create_automation(event >> SendWebhook("x"), name="x")
    for wrong in ({"name": ""}, {"name": "x", "scope": "demo"}):
        with pytest.raises(asyncwb.InvalidValueError):
            await api.create_automation(event >> DoNothing(), **wrong)  # type: ignore[arg-type]
    bad: Any = "event"
    with pytest.raises(asyncwb.InvalidValueError):
        await api.create_automation(bad, name="x")
    with pytest.raises(asyncwb.InvalidValueError):
        await api.update_automation(bad)


def test_in_the_blocking_face(overrides: dict[str, str]) -> None:
    api = wandb.Api(overrides)
    api.create_project("blocking", "local")
    project = api.project("local/blocking")
    slack = next(iter(api.slack_integrations(entity="local")))
    event = OnRunState(scope=project, filter=RunEvent.state == "finished")
    made = api.create_automation(event >> SendNotification(slack.id), name="blocking")
    assert api.automation("blocking", entity="local") == made
    assert made in list(api.automations("local"))
    assert api.update_automation(made, enabled=False).enabled is False
    assert api.delete_automation(made) is True
    assert len(api.integrations("local")) == 1
    assert len(api.webhook_integrations("local")) == 0
