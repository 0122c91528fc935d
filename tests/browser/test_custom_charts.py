"""Charts that runs made of tables, what `define_metric` said, and the places of charts."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING, Any

import pytest
from page_view import chart, drawn_colors, query, until

import asyncwb.sync as wandb

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Executor
    from pathlib import Path

    from asyncwb.testing import LocalServer

DRAWN = {
    "ROC Curve": "polyline",
    "Precision-Recall Curve": "polyline",
    "Confusion Matrix Curve": ".cell",
    "A line for each kind": "polyline",
    "Points": ".mark-point",
    "Samples of each class": "rect",
    "How y spreads": "rect",
    "Waves": "polyline",
}


def custom(page: Any, title: str) -> Any:
    found = page.get_by_label(f"Chart of {title}", exact=True)
    found.scroll_into_view_if_needed()
    return found


@pytest.mark.parametrize(("title", "mark"), DRAWN.items())
def test_charts_of_a_run_are_drawn(page: Any, showcase: str, title: str, mark: str) -> None:
    page.goto(f"{showcase}/runs/run2")
    marks = custom(page, title).locator(f"svg {mark}")
    wanted = {
        "ROC Curve": 3,
        "Precision-Recall Curve": 3,
        "Confusion Matrix Curve": 9,
        "A line for each kind": 2,
        "Points": 40,
        "Samples of each class": 3,
        "How y spreads": 30,
        "Waves": 3,
    }
    until(page, lambda: marks.count() == wanted[title])


def test_several_runs_share_a_chart(
    page: Any, showcase: str, screenshot: Callable[[Any, str], Path]
) -> None:
    page.set_viewport_size({"width": 1280, "height": 2000})
    page.goto(showcase)
    bars = custom(page, "Samples of each class")
    until(page, lambda: bars.locator("rect").count() == 9)
    assert bars.locator(".legend li").all_inner_texts() == ["try 2", "try 1", "try 0"]
    # what is under the pointer
    bars.locator("rect").first.hover()
    bars.locator(".tooltip").get_by_text("try 2 · cat: 43").wait_for()
    # counts of all runs; those of each in its place
    matrix = custom(page, "Confusion Matrix Curve")
    counts = [int(text) for text in matrix.locator(".cell + text").all_text_contents()]
    assert sum(counts) == 900
    screenshot(page, "custom-charts-light")
    page.keyboard.press("t")
    page.wait_for_timeout(300)
    screenshot(page, "custom-charts-dark")


def test_a_chart_shows_and_saves_its_table(page: Any, showcase: str, tmp_path: Path) -> None:
    page.goto(f"{showcase}/runs/run2")
    bars = custom(page, "Samples of each class")
    bars.hover()
    bars.get_by_role("button", name="table").click()
    bars.get_by_role("cell", name="43").wait_for()
    bars.get_by_role("button", name="table").click()
    for title, suffix in (("Save as CSV", "csv"), ("Save as PNG", "png")):
        with page.expect_download() as saved:
            bars.get_by_title(title).click()
        saved.value.save_as(tmp_path / f"bars.{suffix}")
    with (tmp_path / "bars.csv").open() as file:
        assert list(csv.reader(file))[:2] == [["run", "class", "count"], ["try 2", "cat", "43"]]
    assert (tmp_path / "bars.png").read_bytes().startswith(b"\x89PNG")


def test_a_chart_of_an_unknown_kind_is_its_table(page: Any, showcase: str) -> None:
    page.goto(f"{showcase}/runs/run2")
    own = custom(page, "Our own")
    own.get_by_text("the table of team/mine").wait_for()
    own.get_by_role("cell", name="dog").wait_for()


BARS = {
    "$schema": "https://vega.github.io/schema/vega-lite/v6.json",
    "data": {"name": "wandb"},
    "title": "${string:title}",
    "transform": [{"filter": "datum['${field:y}'] > 1"}],
    "mark": "bar",
    "encoding": {
        "x": {"field": "${field:x}", "type": "ordinal"},
        "y": {"field": "${field:y}", "type": "quantitative"},
    },
}
ARCS = {
    "$schema": "https://vega.github.io/schema/vega/v6.json",
    "data": [{"name": "wandb", "transform": [{"type": "pie", "field": "${field:y}"}]}],
    "marks": [{
        "type": "arc", "from": {"data": "wandb"},
        "encode": {"update": {
            "startAngle": {"field": "startAngle"}, "endAngle": {"field": "endAngle"},
            "outerRadius": {"value": 40}, "x": {"value": 50}, "y": {"value": 50},
            "fill": {"value": "teal"}}},
    }],
}  # fmt: skip
# a preset is what somebody wrote: it loads nothing and reaches nothing
REACHING = {"data": {"url": "http://127.0.0.1:9/x.json"}, "mark": "point", "encoding": {}}


def log_charts(server: LocalServer) -> None:
    api = wandb.Api({"base_url": server.url, "api_key": server.api_key})
    settings = wandb.Settings(base_url=server.url, api_key=server.api_key)
    with wandb.init(project="presets", id="r", settings=settings) as run:
        table = wandb.Table(columns=["kind.of", "n"], data=[["cat", 3], ["dog", 2], ["bee", 1]])
        for name, spec in (("bars", BARS), ("arcs", ARCS), ("reaching", REACHING)):
            preset = api.create_custom_chart("local", name, name, "vega2", "private", spec)
            fields = {"x": "kind.of", "y": "n"}
            run.log({name: wandb.plot_table(preset, table, fields, {"title": f"All {name}"})})


def test_presets_of_the_server_are_drawn(
    page: Any, server: LocalServer, elsewhere: Executor, screenshot: Callable[[Any, str], Path]
) -> None:
    elsewhere.submit(log_charts, server).result()
    page.goto(f"{server.url}/local/presets/runs/r")
    bars = custom(page, "All bars")
    inside = bars.frame_locator("iframe")
    until(page, lambda: inside.locator(".mark-rect path").count() == 2)
    assert inside.get_by_text("All bars").count() == 1
    assert set(inside.locator(".mark-text text").all_text_contents()) >= {"cat", "dog", "kind.of"}
    until(page, lambda: custom(page, "All arcs").frame_locator("iframe").locator(
        ".mark-arc path").count() == 3)  # fmt: skip
    screenshot(page, "presets-light")
    page.keyboard.press("t")
    until(page, lambda: inside.locator(".mark-rect path").count() == 2)
    screenshot(page, "presets-dark")
    bars.hover()
    bars.get_by_role("button", name="table").click()
    bars.get_by_role("cell", name="dog").wait_for()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    custom(page, "All reaching").frame_locator("iframe").locator("svg").wait_for()
    assert not [url for url in asked if ":9/" in url]


def test_metrics_are_drawn_as_they_were_defined(page: Any, showcase: str) -> None:
    page.goto(showcase)
    until(page, lambda: drawn_colors(page, "val/accuracy") >= 3)
    accuracy = chart(page, "val/accuracy")
    accuracy.get_by_text("over epoch · maximize").wait_for()
    assert page.get_by_label("Chart of epoch", exact=True).count() == 0  # hidden
    # a part of that axis is a part of the charts that have it
    box = accuracy.locator(".u-over").bounding_box()
    page.mouse.move(box["x"] + box["width"] * 0.3, box["y"] + 40)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.8, box["y"] + 50, steps=5)
    page.mouse.up()
    until(page, lambda: query(page).get("zoom", "").endswith("~epoch"))
    chart(page, "val/loss").get_by_role("button", name="reset zoom").wait_for()
    assert chart(page, "train/loss").get_by_role("button", name="reset zoom").count() == 0
    # somebody may want the steps all the same
    page.get_by_label("X axis").select_option("_step")
    accuracy.get_by_text("over epoch").wait_for(state="detached")


def titles(page: Any) -> list[str]:
    return [text.split()[0] for text in page.locator(".charts .chart-title").all_inner_texts()]


def test_charts_and_sections_are_arranged(page: Any, showcase: str) -> None:
    page.goto(f"{showcase}/runs/run1")
    chart(page, "val/loss")
    assert titles(page)[:4] == ["train/loss", "train/lr", "val/accuracy", "val/loss"]
    chart(page, "val/loss").hover()
    chart(page, "val/loss").get_by_title("Pin to the top").click()
    page.get_by_role("button", name="Pinned 1").wait_for()
    assert titles(page)[:4] == ["val/loss", "train/loss", "train/lr", "val/accuracy"]
    chart(page, "train/lr").hover()
    chart(page, "train/lr").get_by_title("Earlier").click()
    assert titles(page)[1:3] == ["train/lr", "train/loss"]
    chart(page, "train/loss").locator(".chart-title").drag_to(chart(page, "train/lr"))
    until(page, lambda: titles(page)[1:3] == ["train/loss", "train/lr"])
    page.get_by_role("button", name="Sections").click()
    page.get_by_label("train", exact=True).uncheck()
    page.get_by_label("Custom charts up").click()
    page.keyboard.press("Escape")
    # it is remembered
    page.reload()
    chart(page, "val/loss")
    assert titles(page)[0] == "val/loss"
    assert "train/loss" not in titles(page)
    sections = page.locator(".charts-section > h2 button").all_text_contents()
    assert [text.strip("▾ 1239") for text in sections] == ["Pinned", "Custom charts", "val"]
    page.get_by_role("button", name="Sections").click()
    page.get_by_role("button", name="default").click()
    until(page, lambda: titles(page)[0] == "train/loss")


def test_what_is_drawn_is_saved_as_one_file(page: Any, showcase: str, tmp_path: Path) -> None:
    page.set_viewport_size({"width": 1280, "height": 2600})
    page.goto(showcase)
    drawn = page.locator(".uplot, .plot > svg .axes")
    until(page, lambda: drawn.count() == 12)  # four of metrics, eight of tables
    with page.expect_download() as saved:
        page.get_by_role("button", name="HTML").click()
    saved.value.save_as(tmp_path / "report.html")
    page.goto(f"file://{tmp_path}/report.html")
    assert page.get_by_role("heading").inner_text() == "local/showcase"
    assert page.locator("figure").count() == 12
    for picture in page.locator("img").all():
        assert picture.evaluate("image => image.decode().then(() => image.naturalWidth)") > 100
    assert page.get_by_role("cell", name="try 1").count() == 1
