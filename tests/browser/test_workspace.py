"""Runs over each other: choosing, zooming, smoothing, grouping, following."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from page_view import chart, drawn_colors, query, until
from seed import post, seed

import asyncwb.sync as wandb

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Executor
    from pathlib import Path

    from asyncwb.testing import LocalServer


@pytest.fixture
def workspace(page: Any, server: LocalServer) -> Any:
    page.goto(f"{server.url}/local/digits")
    chart(page, "train/loss")
    return page


def test_every_metric_has_a_chart_with_a_line_for_each_run(
    workspace: Any, screenshot: Callable[[Any, str], Path]
) -> None:
    page = workspace
    for section in ("Charts", "train", "val"):
        page.get_by_role("button", name=section).wait_for()
    until(page, lambda: drawn_colors(page, "train/accuracy") == 5)
    screenshot(page, "workspace-light")
    page.keyboard.press("t")
    page.wait_for_timeout(300)
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"
    screenshot(page, "workspace-dark")


def test_what_is_chosen_is_drawn_and_stands_in_the_address(workspace: Any) -> None:
    page = workspace
    until(page, lambda: drawn_colors(page, "train/accuracy") == 5)
    page.get_by_label("Show h64-lr1.0-m0.9").uncheck()
    until(page, lambda: drawn_colors(page, "train/accuracy") == 4)
    assert len(query(page)["show"].split(",")) == 4
    address = page.url
    page.goto("about:blank")
    page.goto(address)
    until(page, lambda: drawn_colors(page, "train/accuracy") == 4)
    assert not page.get_by_label("Show h64-lr1.0-m0.9").is_checked()


def test_a_run_keeps_its_colour(workspace: Any) -> None:
    page = workspace
    third = "document.querySelectorAll('.run-list .dot')[2]"
    mark = f"getComputedStyle({third}).backgroundColor"
    before = page.evaluate(mark)
    page.get_by_role("button", name="none").click()
    page.get_by_role("button", name="all").click()
    page.reload()
    chart(page, "train/loss")
    assert page.evaluate(mark) == before


def test_charts_may_go_before_they_are_drawn(workspace: Any) -> None:
    """Each is drawn in its turn, by when it may be gone; a fault of a script fails the test."""
    page = workspace
    drawn = "uPlot.sync('x:_step:false').plots.length"
    for wait in range(6):
        page.get_by_role("button", name="none").click()
        page.get_by_role("button", name="all").click()
        page.wait_for_timeout(20 * wait)
    chart(page, "train/loss")
    page.get_by_role("button", name="none").click()
    until(page, lambda: page.evaluate(drawn) == 0)


def test_drag_zooms_all_charts_and_double_click_resets(workspace: Any) -> None:
    page = workspace
    over = chart(page, "train/loss").locator(".u-over")
    over.scroll_into_view_if_needed()
    box = over.bounding_box()
    page.mouse.move(box["x"] + box["width"] * 0.25, box["y"] + 50)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.5, box["y"] + 60, steps=5)
    page.mouse.up()
    until(page, lambda: "zoom" in query(page))
    low, high = map(float, query(page)["zoom"].split("~"))
    assert 0 < low < high
    # another axis drops the range, another setting keeps it
    page.get_by_label("log y").check()
    assert "zoom" in query(page)
    over = chart(page, "train/loss").locator(".u-over")
    over.dblclick()
    until(page, lambda: "zoom" not in query(page))


def test_smoothing_keeps_the_raw_line_and_goes_off(workspace: Any) -> None:
    page = workspace
    page.get_by_role("button", name="off").click()
    assert query(page)["smooth"] == "0.6"
    until(page, lambda: drawn_colors(page, "train/accuracy") >= 5)
    page.get_by_role("button", name="0.60").click()
    assert "smooth" not in query(page)


def test_axes_and_metric_search(workspace: Any) -> None:
    page = workspace
    for axis in ("_runtime", "_timestamp", "epoch"):
        page.get_by_label("X axis").select_option(axis)
        assert query(page)["x"] == axis
        until(page, lambda: drawn_colors(page, "val/loss") >= 3)
    page.get_by_label("Search metrics").fill("val/(loss|acc)")
    until(page, lambda: page.locator(".chart").count() == 2)
    page.get_by_label("Search metrics").fill("(unfinished")  # no pattern yet: taken as text
    page.get_by_text("No metric fits the search.").wait_for()


def test_groups_are_a_line_within_a_band(workspace: Any) -> None:
    page = workspace
    page.get_by_label("Group by").select_option("config.hidden")
    assert query(page)["group"] == "config.hidden"
    chart(page, "train/accuracy").hover()
    tooltip = page.locator(".tooltip:visible")
    tooltip.get_by_text("hidden: 16 (2)").wait_for()
    tooltip.get_by_text("hidden: 64 (3)").wait_for()


def test_a_filter_narrows_the_list(workspace: Any) -> None:
    page = workspace
    page.get_by_role("button", name="Filter", exact=True).click()
    page.get_by_label("Column").select_option("config.hidden")
    page.get_by_label("Comparison").select_option("<")
    page.get_by_label("Value").fill("32")
    page.get_by_role("button", name="Add", exact=True).click()
    until(page, lambda: page.locator(".run-list li").count() == 2)
    assert json.loads(query(page)["filter"]) == [["config.hidden", "<", "32"]]
    page.get_by_label("Remove this filter").click()
    until(page, lambda: page.locator(".run-list li").count() == 5)


def test_a_chart_is_saved(workspace: Any, tmp_path: Path) -> None:
    page = workspace
    panel = chart(page, "val/loss")
    panel.hover()
    with page.expect_download() as saved:
        panel.get_by_title("Save as CSV").click()
    saved.value.save_as(tmp_path / "chart.csv")
    header, *rows = (tmp_path / "chart.csv").read_text().splitlines()
    assert header.split(",")[0] == "_step"
    assert len(header.split(",")) == 6
    assert len(rows) == 3  # an evaluation for each epoch
    with page.expect_download() as saved:
        panel.get_by_title("Save as PNG").click()
    saved.value.save_as(tmp_path / "chart.png")
    assert (tmp_path / "chart.png").read_bytes().startswith(b"\x89PNG")


def test_a_live_run_is_followed_without_reload(
    page: Any, server: LocalServer, tmp_path: Path, elsewhere: Executor
) -> None:
    settings = {**server.settings, "root_dir": str(tmp_path), "quiet": True}

    def begin(name: str) -> wandb.Run:
        return elsewhere.submit(
            lambda: wandb.init(project="live", name=name, settings=settings)
        ).result(30)

    def log(run: wandb.Run, rows: list[dict[str, float]]) -> None:
        elsewhere.submit(lambda: ([run.log(row) for row in rows], run.flush())).result(30)

    first = begin("first")
    log(first, [{"loss": 1.0}])
    elsewhere.submit(first.finish).result(30)
    page.goto(f"{server.url}/local/live")
    chart(page, "loss")
    page.evaluate("window.stayed = true")
    page.get_by_label("Show first").uncheck()
    run = begin("second")
    log(run, [{"loss": 1 / (step + 1), "fresh": step} for step in range(20)])
    page.get_by_role("link", name="second").wait_for()
    # a new run changes nothing of what somebody chose
    assert not page.get_by_label("Show first").is_checked()
    assert not page.get_by_label("Show second").is_checked()
    page.get_by_label("Show second").check()
    chart(page, "fresh")
    page.locator(".dot.running").wait_for()
    log(run, [{"later": step} for step in range(5)])
    chart(page, "later")
    elsewhere.submit(run.finish).result(30)
    until(page, lambda: page.locator(".dot.running").count() == 0)
    assert page.evaluate("window.stayed")


def test_machines_of_several_runs_are_compared(page: Any, server: LocalServer) -> None:
    for run, load in (("a", 20.0), ("b", 70.0)):
        seed(server, "machines", run, rows=[{"_step": 0, "loss": 1}], finished=False)
        lines = [json.dumps({"_runtime": 15 * i, "system.cpu": load + i}) for i in range(4)]
        events = {"files": {"wandb-events.jsonl": {"offset": 0, "content": lines}}}
        post(server, f"/files/local/machines/{run}/file_stream", events)
    page.goto(f"{server.url}/local/machines")
    chart(page, "loss")
    assert page.get_by_label("Chart of system.cpu").count() == 0  # until somebody asks
    page.get_by_role("button", name="System metrics").click()
    cpu = chart(page, "system.cpu")
    cpu.locator(".u-over").hover()
    for shown in ("run a", "run b"):
        cpu.locator(".tooltip:visible").get_by_text(shown, exact=True).wait_for()


def test_it_fits_a_telephone(
    phone: Any, server: LocalServer, screenshot: Callable[[Any, str], Path]
) -> None:
    for name, path in (("workspace", "/local/digits"), ("table", "/local/digits/table")):
        phone.goto(server.url + path)
        phone.get_by_role("link", name="h64-lr0.5-m0.0").wait_for()
        phone.wait_for_timeout(500)
        assert phone.evaluate("document.documentElement.scrollWidth") <= 390
        screenshot(phone, f"phone-{name}")


def test_an_address_may_name_runs_far_down_the_list(page: Any, server: LocalServer) -> None:
    for i in range(105):
        seed(server, "crowd", f"r{i}", rows=[{"_step": s, "loss": s + i} for s in range(3)])
    page.goto(f"{server.url}/local/crowd?show=r0,r1")
    page.get_by_text("2 of 105 shown").wait_for()
    chart(page, "loss").locator(".u-over").hover()
    for drawn in ("run r0", "run r1"):
        page.locator(".tooltip:visible").get_by_text(drawn, exact=True).wait_for()
    page.get_by_role("button", name="Show more of 5").click()
    until(page, lambda: page.locator(".run-list li").count() == 105)
    assert page.get_by_label("Show run r0", exact=True).is_checked()
    # the table, too, goes on where somebody scrolls
    page.goto(f"{server.url}/local/crowd/table")
    page.get_by_text("105 runs").wait_for()
    page.locator(".end").scroll_into_view_if_needed()
    until(page, lambda: page.locator("table.grid tbody tr").count() == 105)
