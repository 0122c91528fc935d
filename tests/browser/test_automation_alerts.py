"""What automations did, as the page shows it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import asyncwb.sync as wandb
from asyncwb.automations import OnAddArtifactAlias, OnRunState, RunEvent, SendNotification

if TYPE_CHECKING:
    from concurrent.futures import Executor

    from asyncwb.testing import LocalServer


def act(server: LocalServer) -> None:
    given = {"base_url": server.url, "api_key": server.api_key}
    api = wandb.Api(given)
    api.create_project("watched", "local")
    project = api.project("local/watched")
    channel = api.slack_integrations(entity="local")[0]
    for event, title in (
        (OnRunState(project, RunEvent.state.eq("finished")), "Ended"),
        (OnAddArtifactAlias(project, {"alias": "best"}), "Best"),
    ):
        send = SendNotification.from_integration(channel, title=title, level="WARN")
        api.create_automation(event >> send, name=title)
    with wandb.init(project="watched", id="r", name="one", settings=wandb.Settings(**given)) as run:
        data = wandb.Artifact("data", type="dataset")
        with data.new_file("a.txt") as file:
            file.write("a")
        run.log_artifact(data, aliases=["best"]).wait()


def test_alerts_of_a_run_and_of_none(page: Any, server: LocalServer, elsewhere: Executor) -> None:
    elsewhere.submit(act, server).result()
    page.goto(f"{server.url}/local/watched/alerts")
    page.locator(".alerts").get_by_text("the run is finished").wait_for()
    assert page.locator(".alerts b").all_inner_texts() == ["Ended", "Best"]
    page.locator(".alerts").get_by_text("the artifact data:v0 has the alias best").wait_for()
    assert page.locator(".alerts a").all_inner_texts() == ["one"]
