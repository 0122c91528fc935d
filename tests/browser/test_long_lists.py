"""Lists that are longer than one page of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from page_view import query, until

import asyncwb.sync as wandb

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Executor

    from asyncwb.testing import LocalServer

MANY = 103  # a page has 100


@pytest.fixture(scope="session")
def many(server: LocalServer, tmp_path_factory: pytest.TempPathFactory, elsewhere: Executor) -> str:
    """The address of a project with a run that made many artifacts and sent many alerts."""
    settings = {
        **server.settings,
        "root_dir": str(tmp_path_factory.mktemp("many")),
        "quiet": True,
    }

    def log() -> None:
        with wandb.init(project="many", id="maker", name="maker", settings=settings) as run:
            for i in range(MANY):
                run.log_artifact(wandb.Artifact(f"part-{i:03}", type="dataset"))
                net = wandb.Artifact("net", type="model")
                with net.new_file("depth") as file:
                    file.write(str(i))
                run.log_artifact(net)
                run.alert(f"alert {i}", f"text {i}")

    elsewhere.submit(log).result(110)
    return f"{server.url}/local/many"


def test_collections_come_by_the_page(
    page: Any, many: str, screenshot: Callable[[Any, str], Any]
) -> None:
    page.goto(f"{many}/artifacts")
    page.get_by_text("104 collections").wait_for()
    rows = page.locator("tbody tr")
    until(page, lambda: rows.count() == 101)  # those of the dataset, and one model
    page.get_by_role("button", name="Show more of 3").click()
    until(page, lambda: rows.count() == 104)
    assert page.locator(".more").count() == 0
    screenshot(page, "collections")
    page.get_by_label("Search artifacts").fill("^part-.*7$")
    page.get_by_text("10 collections").wait_for()
    until(page, lambda: rows.count() == 10)
    assert query(page)["q"] == "^part-.*7$"
    page.get_by_label("Search artifacts").fill("nothing of this name")
    page.get_by_text("No artifact fits.").wait_for()


def test_versions_come_by_the_page_and_each_has_its_address(
    page: Any, many: str, screenshot: Callable[[Any, str], Any]
) -> None:
    page.goto(f"{many}/artifacts/model/net")
    page.get_by_role("heading", name="net:v102").wait_for()
    versions = page.get_by_label("Versions").get_by_role("link")
    assert versions.count() == 100
    page.goto(f"{many}/artifacts/model/net/v1")  # it is on no page that is read yet
    page.get_by_role("heading", name="net:v1", exact=True).wait_for()
    page.get_by_role("button", name="Edit description").click()
    page.get_by_label("description", exact=True).fill("an old one")
    page.keyboard.press("Control+Enter")
    page.get_by_text("an old one").wait_for()
    screenshot(page, "versions")
    page.get_by_role("button", name="Show more of 3").click()
    until(page, lambda: versions.count() == 103)
    assert page.locator('[aria-current="page"] b').inner_text() == "v1"
    page.goto(f"{many}/artifacts/model/net/v103")
    page.get_by_text("There is no version v103.").wait_for()


def test_what_a_run_made_comes_by_the_page(page: Any, many: str) -> None:
    page.goto(f"{many}/runs/maker/artifacts")
    outputs = page.locator(".card").filter(has_text="Outputs")
    outputs.get_by_role("button", name="Show more of 106").click()
    outputs.get_by_role("button", name="Show more of 6").click()
    until(page, lambda: outputs.locator("tbody tr").count() == 206)
    page.locator(".card").filter(has_text="Inputs").get_by_text("None.").wait_for()


def test_alerts_come_by_the_page(page: Any, many: str) -> None:
    page.goto(f"{many}/alerts")
    alerts = page.locator(".alerts li b")
    until(page, lambda: alerts.count() == 100)
    assert alerts.first.inner_text() == "alert 102"
    page.get_by_role("button", name="Show more").click()
    until(page, lambda: alerts.count() == 103)
    assert alerts.last.inner_text() == "alert 0"
    assert page.locator(".more").count() == 0
