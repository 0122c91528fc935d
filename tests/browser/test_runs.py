"""The table of runs, the page of one, and runs side by side."""

from __future__ import annotations

import csv
import json
from typing import TYPE_CHECKING, Any

import pytest
from page_view import chart, query, until

import asyncwb.sync as wandb

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Executor
    from pathlib import Path

    from asyncwb.testing import LocalServer


def names(page: Any) -> list[str]:
    found: list[str] = page.locator("table.grid tbody td a").all_inner_texts()
    return found


@pytest.fixture
def table(page: Any, server: LocalServer) -> Any:
    page.goto(f"{server.url}/local/digits/table")
    page.get_by_text("5 runs").wait_for()
    return page


@pytest.fixture
def own(
    page: Any,
    server: LocalServer,
    tmp_path: Path,
    elsewhere: Executor,
    request: pytest.FixtureRequest,
) -> Any:
    """A project of this test's with three runs; the page is at its table."""
    project = request.node.name.replace("_", "-")[:60]
    settings = {**server.settings, "root_dir": str(tmp_path), "quiet": True}

    def log() -> None:
        for i in range(3):
            with wandb.init(
                project=project, name=f"run {i}", tags=["old"], config={"i": i}, settings=settings
            ) as run:
                for step in range(5):
                    run.log({"loss": i + step})
                print(f"line of {i}")

    elsewhere.submit(log).result(60)
    page.goto(f"{server.url}/local/{project}/table")
    page.get_by_text("3 runs").wait_for()
    return page


def test_order_by_config_and_summary(table: Any, screenshot: Callable[[Any, str], Path]) -> None:
    page = table
    screenshot(page, "table-light")
    for column, asked in (("momentum", "config.momentum"), ("val/loss", "summary.val/loss")):
        head = page.locator(f'th[title="{asked}"]').get_by_role("button", name=column)
        head.click()
        assert query(page)["order"] == f"-{asked}"
        until(page, lambda: page.locator("table.grid.busy").count() == 0)
        down = names(page)
        head.click()
        until(page, lambda: page.locator("table.grid.busy").count() == 0)
        until(page, lambda down=down: names(page) != down)
        assert query(page)["order"] == f"+{asked}"
    worst = "h64-lr1.0-m0.9"  # diverges
    assert names(page)[-1] == worst


def test_search_group_and_columns(table: Any) -> None:
    page = table
    page.get_by_label("Search runs").fill("^h16")
    until(page, lambda: len(names(page)) == 2)
    page.get_by_label("Search runs").fill("")
    until(page, lambda: len(names(page)) == 5)
    page.get_by_label("Group by").select_option("config.hidden")
    page.get_by_text("hidden: 16").wait_for()
    page.get_by_role("button", name="Columns").click()
    page.get_by_label("Search columns").fill("momentum")
    page.get_by_role("checkbox", name="config.momentum").uncheck()
    assert page.locator('th[title="config.momentum"]').count() == 0
    page.reload()
    page.get_by_text("hidden: 16").wait_for()
    assert page.locator('th[title="config.momentum"]').count() == 0


def test_runs_are_looked_at_for_what_depends_on_what(
    table: Any, screenshot: Callable[[Any, str], Path]
) -> None:
    page = table
    page.get_by_label("Search runs").fill("h64")
    until(page, lambda: len(names(page)) == 3)
    page.get_by_role("link", name="Relations").click()
    page.get_by_text("3 runs", exact=True).wait_for()
    assert query(page)["q"] == "h64"
    page.get_by_label("Search runs").fill("")
    until(page, lambda: page.locator(".parallel polyline").count() == 5)
    page.get_by_label("Metric").select_option("summary.val/loss")
    page.get_by_role("heading", name="Rank correlation with val/loss").wait_for()
    page.get_by_role("button", name="Axes").click()
    page.get_by_label("config.momentum").uncheck()
    page.keyboard.press("Escape")
    assert "config.momentum" not in query(page)["axes"]
    assert page.locator(".scatter").count() == len(query(page)["axes"].split("|"))
    screenshot(page, "relations")


def test_all_runs_that_fit_are_saved_as_json(table: Any, tmp_path: Path) -> None:
    table.get_by_label("Search runs").fill("^h16")
    until(table, lambda: len(names(table)) == 2)
    with table.expect_download() as saved:
        table.get_by_role("button", name="JSON").click()
    saved.value.save_as(tmp_path / "runs.json")
    found = json.loads((tmp_path / "runs.json").read_text())
    assert {run["config"]["hidden"] for run in found} == {16}
    assert all(isinstance(run["summary"]["val/loss"], float) for run in found)


def test_pinned_columns_stay_at_the_left(table: Any) -> None:
    page = table
    page.set_viewport_size({"width": 700, "height": 700})
    page.get_by_role("button", name="Columns").click()
    page.get_by_role("button", name="Pin config.lr").click()
    page.keyboard.press("Escape")
    assert query(page)["pinned"] == "config.lr"
    pinned = page.locator('th[title="config.lr"]')
    before = pinned.bounding_box()["x"]
    last = page.locator("thead th").last
    last.scroll_into_view_if_needed()
    moved = page.locator(".runs-table .scroll-x").evaluate("box => box.scrollLeft")
    assert moved > 100
    name = page.locator('th[title="displayName"]').bounding_box()
    assert pinned.bounding_box()["x"] <= before
    assert pinned.bounding_box()["x"] == pytest.approx(name["x"] + name["width"], abs=2)
    page.reload()
    page.get_by_text("5 runs").wait_for()
    assert page.locator("thead th").nth(2).get_attribute("title") == "config.lr"


def test_the_table_is_saved(table: Any, tmp_path: Path) -> None:
    with table.expect_download() as saved:
        table.get_by_role("button", name="CSV").click()
    saved.value.save_as(tmp_path / "runs.csv")
    with (tmp_path / "runs.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 5
    assert {row["config.hidden"] for row in rows} == {"16", "64"}
    assert {row["Tags"] for row in rows} == {"example async"}


def test_tables_are_saved_as_parquet(table: Any, tmp_path: Path) -> None:
    read: Any = pytest.importorskip("pyarrow.parquet", reason="needs the export extra").read_table
    page = table
    page.get_by_label("Search runs").fill("^h16")
    until(page, lambda: len(names(page)) == 2)
    with page.expect_download() as saved:
        page.get_by_role("link", name="Parquet").click()
    assert saved.value.suggested_filename == "digits-runs.parquet"
    saved.value.save_as(tmp_path / "runs.parquet")
    runs = read(tmp_path / "runs.parquet").to_pylist()
    assert {run["config.hidden"] for run in runs} == {16}
    page.get_by_role("link", name=runs[0]["name"]).click()
    page.get_by_role("button", name="⋯").click()
    with page.expect_download() as saved:
        page.get_by_role("link", name="History as Parquet").click()
    saved.value.save_as(tmp_path / "history.parquet")
    history = read(tmp_path / "history.parquet").to_pylist()
    assert len(history) == runs[0]["history_rows"] > 0
    assert history[-1]["val/loss"] == runs[0]["summary.val/loss"]


def test_without_pyarrow_there_is_no_such_button(page: Any, server: LocalServer) -> None:
    def without(route: Any) -> None:
        answer = route.fetch()
        route.fulfill(response=answer, json={**answer.json(), "parquet": False})

    page.route("**/-/session", without)
    page.goto(f"{server.url}/local/digits/table")
    page.get_by_text("5 runs").wait_for()
    page.get_by_role("button", name="JSON").wait_for()
    assert page.get_by_role("link", name="Parquet").count() == 0


def test_many_are_tagged_renamed_and_deleted(own: Any) -> None:
    page = own
    page.get_by_label("Choose all of these runs").check()
    bulk = page.get_by_role("toolbar", name="Chosen runs")
    bulk.get_by_role("button", name="Tag").click()
    page.get_by_label("Add").fill("good, new")
    page.get_by_label("Remove").fill("old")
    page.get_by_role("button", name="Change").click()
    until(page, lambda: page.locator("td .tag").all_inner_texts() == ["good", "new"] * 3)
    page.get_by_label("Choose run 1").check()
    page.get_by_label("Choose run 2").check()
    bulk.get_by_role("button", name="Rename").click()
    page.get_by_label("Name", exact=True).fill("the {name} ({n})")
    page.get_by_role("dialog").get_by_role("button", name="Rename").click()
    until(page, lambda: sorted(names(page)) == ["run 0", "the run 1 (2)", "the run 2 (1)"])
    page.get_by_label("Choose run 0").check()
    bulk.get_by_role("button", name="Delete").click()
    page.get_by_role("dialog").get_by_role("button", name="Cancel").click()
    assert len(names(page)) == 3
    bulk.get_by_role("button", name="Delete").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    until(page, lambda: len(names(page)) == 2)


def test_the_page_of_a_run(own: Any, server: LocalServer, elsewhere: Executor) -> None:
    page = own
    page.get_by_role("link", name="run 1").click()
    chart(page, "loss")
    # that is the address that clients print
    path = "/".join(page.url.split("/")[3:5])
    runs = elsewhere.submit(lambda: list(wandb.Api(server.settings).runs(path))).result(30)
    (saved,) = [run for run in runs if run.name == "run 1"]
    assert page.url == saved.url
    page.get_by_role("link", name="Console").click()
    page.get_by_text("line of 1").wait_for()
    page.get_by_role("link", name="Files").click()
    page.get_by_role("button", name="config.yaml").click()
    page.get_by_label("Preview of config.yaml").get_by_text("value: 1").wait_for()
    page.get_by_role("link", name="Overview").click()
    page.get_by_role("button", name="Edit notes").click()
    page.get_by_label("notes", exact=True).fill("what I <b>saw</b>")
    page.keyboard.press("Control+Enter")
    page.get_by_text("what I <b>saw</b>").wait_for()  # text stays text
    page.get_by_role("button", name="Edit tags").click()
    page.get_by_label("tags", exact=True).fill("a, b")
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="run 1").get_by_role("button", name="Edit name").click()
    page.get_by_label("name", exact=True).fill("renamed")
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="renamed").wait_for()
    until(page, lambda: page.locator(".run-head .tag").all_inner_texts() == ["a", "b"])
    changed = elsewhere.submit(lambda: wandb.Api(server.settings).run("/".join(saved.path))).result(
        30
    )
    assert (changed.name, changed.notes, changed.tags) == (
        "renamed",
        "what I <b>saw</b>",
        ["a", "b"],
    )


def test_runs_side_by_side(table: Any) -> None:
    page = table
    page.get_by_label("Choose h64-lr1.0-m0.9").check()
    page.get_by_label("Choose h64-lr0.05-m0.9").check()
    page.get_by_role("link", name="Compare").click()
    page.get_by_role("row", name="momentum").wait_for()
    page.get_by_label("differences only").check()
    until(page, lambda: page.get_by_role("row", name="momentum").count() == 0)
    page.get_by_role("row", name="lr").first.wait_for()
    assert "diff" in query(page)


def test_keys_move_between_views(table: Any) -> None:
    page = table
    page.keyboard.press("g")
    page.keyboard.press("w")
    chart(page, "train/loss")
    page.keyboard.press("/")
    page.keyboard.type("acc")
    until(page, lambda: query(page).get("metrics") == "acc")
    page.get_by_label("Search metrics").blur()
    page.keyboard.press("?")
    page.get_by_role("dialog", name="Keys").wait_for()
    page.keyboard.press("Escape")
    until(page, lambda: page.get_by_role("dialog").count() == 0)
