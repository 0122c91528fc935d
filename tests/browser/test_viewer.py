"""What somebody who may only look sees of the page: everything but the ways to change it."""

from __future__ import annotations

import json
import urllib.request
from typing import TYPE_CHECKING, Any

import pytest
from page_view import chart, until

import asyncwb.sync as wandb

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Executor

    from asyncwb.testing import LocalServer

CHANGES = ("Tag", "Rename", "Delete")


def add(server: LocalServer, path: str, **given: str) -> Any:
    """A request of the administrator."""
    headers = {
        "Authorization": f"Bearer {server.api_key}",
        "Content-Type": "application/json",
    }
    request = urllib.request.Request(server.url + path, json.dumps(given).encode(), headers)
    with urllib.request.urlopen(request, timeout=20) as answer:
        return json.loads(answer.read() or b"{}")


@pytest.fixture(scope="session")
def boss(server: LocalServer, tmp_path_factory: pytest.TempPathFactory, elsewhere: Executor) -> str:
    """The key of a viewer of a team with a run and an artifact."""
    key: str = add(server, "/admin/users", username="boss")["api_key"]
    add(server, "/admin/teams", name="crew", organization="local-org", username=server.entity)
    add(server, "/admin/teams/crew/members", username="boss", role="viewer")
    settings = {
        **server.settings,
        "root_dir": str(tmp_path_factory.mktemp("crew")),
        "quiet": True,
    }

    def log() -> None:
        given = {"entity": "crew", "project": "seen", "settings": settings}
        with wandb.init(name="the run", tags=["good"], notes="a note", **given) as run:
            run.log({"loss": 1.0})
            net = wandb.Artifact("net", type="model", description="the first")
            with net.new_file("a.txt") as file:
                file.write("a")
            run.log_artifact(net, aliases=["best"]).wait()

    elsewhere.submit(log).result(60)
    return key


def sign_in(page: Any, server: LocalServer, key: str, path: str) -> Any:
    page.goto(f"{server.url}/{path}")
    page.get_by_label("Or paste an API key").fill(key)
    page.get_by_role("button", name="Sign in").click()
    return page


def changes(page: Any) -> list[str]:
    """The ways to change something that are on the page."""
    found = [name for name in CHANGES if page.get_by_role("button", name=name, exact=True).count()]
    return found + page.locator("button.pen").evaluate_all("all => all.map(one => one.title)")


def test_a_viewer_sees_runs_and_no_way_to_change_them(
    anonymous: Any, server: LocalServer, boss: str, screenshot: Callable[[Any, str], Any]
) -> None:
    page = sign_in(anonymous, server, boss, "crew/seen/table")
    page.get_by_label("Choose the run").check()
    bulk = page.get_by_role("toolbar", name="Chosen runs")
    bulk.get_by_role("link", name="Compare").wait_for()
    assert changes(page) == []
    page.get_by_role("link", name="the run").click()
    chart(page, "loss")
    page.get_by_role("link", name="Overview").click()
    page.get_by_text("a note").wait_for()
    facts = page.locator(".card", has=page.get_by_role("heading", name="Run", exact=True))
    assert facts.locator("th").all_inner_texts()[:4] == ["State", "Name", "Tags", "Notes"]
    page.get_by_role("button", name="⋯").click()
    assert changes(page) == []
    screenshot(page, "viewer-run")


def test_a_viewer_sees_artifacts_and_no_way_to_change_them(
    anonymous: Any, server: LocalServer, boss: str, screenshot: Callable[[Any, str], Any]
) -> None:
    page = sign_in(anonymous, server, boss, "crew/seen/artifacts/model/net")
    page.get_by_role("heading", name="net:v0").wait_for()
    page.get_by_text("the first", exact=True).wait_for()
    assert {"best", "latest"} <= set(page.locator(".keyvalues .alias").all_inner_texts())
    assert changes(page) == []
    page.get_by_role("button", name="Files").click()
    page.get_by_role("link", name="download").wait_for()
    screenshot(page, "viewer-artifact")


def test_a_member_may_change_the_same(page: Any, server: LocalServer, boss: str) -> None:
    page.goto(f"{server.url}/crew/seen/table")
    page.get_by_label("Choose the run").check()
    page.get_by_role("toolbar", name="Chosen runs").wait_for()
    assert changes(page) == ["Tag", "Rename", "Delete"]
    page.get_by_role("link", name="the run").click()
    page.get_by_role("link", name="Overview").click()
    page.get_by_role("button", name="⋯").click()
    wanted = ["Delete", "Edit name", "Edit name", "Edit tags", "Edit notes", "Edit group"]
    until(page, lambda: changes(page) == wanted)
    page.goto(f"{server.url}/crew/seen/artifacts/model/net")
    until(page, lambda: changes(page) == ["Edit aliases", "Edit description"])
