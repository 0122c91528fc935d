"""Media of every type, alerts and reports, on runs that the client logged."""

from __future__ import annotations

import base64
import io
from typing import TYPE_CHECKING, Any

import pytest
from page_view import until
from PIL import Image
from seed import post, seed

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from asyncwb.testing import LocalServer


def panel(page: Any, name: str) -> Any:
    found = page.locator(".media").filter(has=page.get_by_role("heading", name=name))
    found.scroll_into_view_if_needed()
    return found


def alone(page: Any, name: str) -> Any:
    """A panel without others beside it, which a machine without graphics needs long to draw."""
    page.get_by_label("Search media").fill(f"^{name}$")
    until(page, lambda: page.locator(".media").count() == 1)
    return panel(page, name)


@pytest.fixture
def media(page: Any, showcase: str) -> Any:
    page.goto(f"{showcase}/runs/run2/media")
    page.locator(".media").first.wait_for()
    return page


@pytest.mark.parametrize(
    ("name", "facts"),
    [
        ("cube", "12 triangles"),
        ("pyramid", "6 triangles"),
        ("model", "1 triangle"),
        ("points", "4,000 points"),
        ("lidar", "500 points, 1 box: car"),
        ("molecule", "5 atoms"),
    ],
)
def test_models_are_shown(media: Any, name: str, facts: str) -> None:
    shown = panel(media, name)
    shown.get_by_text(facts, exact=True).wait_for(timeout=30_000)
    frame = shown.frame_locator("iframe")
    until(media, lambda: colours(frame.locator("canvas")) > 1)


def colours(canvas: Any) -> int:
    """How many colours a picture of the canvas has, at some places."""
    return len(set(canvas.screenshot()[100::997]))


def test_a_figure_is_shown(media: Any, screenshot: Callable[[Any, str], Path]) -> None:
    frame = panel(media, "figure").frame_locator("iframe")
    frame.get_by_text("A figure").wait_for(timeout=30_000)
    assert frame.locator(".bars .point").count() == 3
    screenshot(media, "viewers-light")
    media.keyboard.press("t")
    media.wait_for_timeout(1500)
    screenshot(media, "viewers-dark")


def test_a_figure_in_space_is_shown(media: Any, screenshot: Callable[[Any, str], Path]) -> None:
    frame = alone(media, "surface").frame_locator("iframe")
    frame.get_by_text("A surface").wait_for(timeout=30_000)
    draw = "view => Plotly.toImage(view, { width: 300, height: 200 })"
    drawn = frame.locator("#view").evaluate(draw)
    picture = Image.open(io.BytesIO(base64.b64decode(drawn.partition(",")[2]))).convert("RGB")
    assert len(picture.getcolors(100_000)) > 100  # a shaded surface
    screenshot(media, "viewer-space")


def test_a_plot_of_bokeh_is_shown(media: Any, screenshot: Callable[[Any, str], Path]) -> None:
    frame = alone(media, "plot").frame_locator("iframe")
    canvas = frame.locator("canvas").first
    canvas.wait_for(timeout=30_000)
    until(media, lambda: colours(canvas) > 3)
    assert canvas.bounding_box()["height"] > 200
    screenshot(media, "viewer-bokeh")


def test_what_is_no_model_says_so(page: Any, showcase: str, server: LocalServer) -> None:
    from test_files_and_media import upload

    odd = {"odd.plotly.json": ODD, "old.bokeh.json": OLD, "more.bokeh.json": MORE}
    upload(server, "showcase", "run0", {"broken.gltf": b"{", **odd})
    page.goto(f"{showcase}/runs/run0/files")
    page.get_by_role("button", name="broken.gltf").click()
    page.get_by_text("It cannot be shown:").wait_for(timeout=30_000)
    page.get_by_role("button", name="odd.plotly.json").click()
    page.get_by_text("traces of type sunburst need all of plotly").wait_for(timeout=30_000)
    page.get_by_role("button", name="old.bokeh.json").click()
    page.get_by_text("Bokeh 2.4.3 wrote it").wait_for(timeout=30_000)
    page.get_by_role("button", name="more.bokeh.json").click()
    page.get_by_text("widgets and tables need all of Bokeh").wait_for(timeout=30_000)


ODD = b'{"data": [{"type": "sunburst", "labels": ["a"], "parents": [""]}], "layout": {}}'
OLD = b'{"version": "2.4.3", "title": "", "roots": {"references": [], "root_ids": []}}'
MORE = (
    b'{"version": "3.9.2", "title": "", "roots": [{"type": "object", "name": "Slider", "id": "p1",'
    b' "attributes": {"start": 0, "end": 1, "value": 0, "step": 1}}]}'
)


def test_a_viewer_reaches_neither_session_nor_network(media: Any) -> None:
    frame = panel(media, "figure").locator("iframe")
    frame.wait_for()
    assert frame.get_attribute("sandbox") == "allow-scripts"
    panel(media, "figure").frame_locator("iframe").get_by_text("A figure").wait_for(timeout=30_000)
    inside = frame.element_handle().content_frame()
    said = inside.evaluate(
        """async () => {
          const attempts = {
            cookie: () => document.cookie,
            page: () => parent.document.title,
            store: () => localStorage.length,
            network: () => fetch(new URL("/-/session", location.href)),
          };
          const tried = {};
          for (const [name, attempt] of Object.entries(attempts)) {
            try { await attempt(); tried[name] = "open"; } catch { tried[name] = "closed"; }
          }
          return tried;
        }"""
    )
    assert set(said.values()) == {"closed"}, said


def test_a_picture_has_its_masks_and_boxes(media: Any) -> None:
    scene = panel(media, "scene")
    scene.get_by_title("a disc: confidence 0.93").wait_for()
    scene.get_by_text("disc", exact=True).wait_for()  # of the mask, by its class
    painted = """canvas => canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height)
      .data.filter((value, i) => i % 4 === 3 && value > 0).length"""
    assert 1500 < scene.locator("canvas").evaluate(painted) < 2500  # a disc of radius 26
    scene.get_by_label("predictions").uncheck()
    until(media, lambda: scene.locator(".box").count() == 0)
    scene.get_by_label("truth").uncheck()
    until(media, lambda: scene.locator("canvas").count() == 0)
    scene.get_by_label("Step of scene").fill("0")
    scene.get_by_text("scene 0").wait_for()


def test_cells_of_a_table_have_their_pictures(media: Any) -> None:
    samples = panel(media, "samples")
    samples.get_by_alt_text("row 3").wait_for()
    until(media, lambda: samples.locator("img").nth(3).evaluate("img => img.naturalWidth") == 144)
    samples.get_by_role("button", name="score").click()
    samples.get_by_role("button", name="score").click()
    assert samples.locator("tbody tr").first.inner_text().startswith("5")


def test_media_of_several_runs_stand_side_by_side(
    page: Any, server: LocalServer, screenshot: Callable[[Any, str], Path]
) -> None:
    for run, first in (("a", 1), ("b", 2)):
        rows = [
            {"_step": step, "h": {"_type": "histogram", "bins": [0, first], "values": [step]}}
            for step in range(0, 4, first)
        ]
        seed(server, "beside", run, rows=rows, summary={"h": rows[-1]["h"]})
    page.goto(f"{server.url}/local/beside")
    panel = page.get_by_label("Chart of h", exact=True)
    panel.get_by_label("Histogram from 0 to 1").wait_for()
    panel.get_by_label("Histogram from 0 to 2").wait_for()
    headings = panel.locator("h3")
    assert headings.all_inner_texts() == ["run b step 2", "run a"]  # b has none of step 3
    panel.get_by_label("Step of h").fill("0")
    until(page, lambda: headings.all_inner_texts() == ["run b", "run a"])
    screenshot(page, "media-beside")


def test_tables_among_files_are_shown_as_tables(
    page: Any, showcase: str, server: LocalServer
) -> None:
    from test_files_and_media import upload

    text = b'name,score\r\n"a ""b"", c",2.5\r\nd,-1e3\r\n'
    upload(server, "showcase", "run1", {"rows.csv": text})
    page.goto(f"{showcase}/runs/run1/files")
    page.get_by_role("button", name="rows.csv").click()
    rows = page.locator(".data-table tbody tr")
    until(page, lambda: rows.all_inner_texts() == ['a "b", c\t2.5', "d\t-1,000"])
    # the artifact of a table has the pictures beside it
    page.goto(f"{showcase}/artifacts/run_table/run-run2-samples/v0?tab=files")
    page.get_by_role("button", name="samples.table.json").click()
    until(page, lambda: page.locator(".data-table img").count() == 6)


def test_media_that_make_no_sense_leave_the_page_alone(page: Any, server: LocalServer) -> None:
    odd: dict[str, Any] = {
        "a": {"_type": "histogram", "bins": 3, "values": None},
        "b": {"_type": "image-file", "path": 7, "masks": {"m": None}},
        "c": {"_type": "images/separated", "filenames": [1], "captions": 0},
        "d": {"_type": "table-file", "path": ["x"]},
        "e": {"_type": "unheard of", "text": "<script>throw 1</script>"},
        "f": {"_type": "histogram", "bins": [0, 1, 2], "values": [3, 4]},
    }
    config = {
        "_wandb": {"visualize": {"x": None, "y": {"panel_type": "Vega2", "panel_config": 3}},
                   "viz": {"z": None}, "m": [None, 3, {"5": "x"}]}
    }  # fmt: skip
    seed(server, "odd", "odd", rows=[{"_step": 0, **odd}, {"_step": 1, "loss": 1}], config=config)
    page.goto(f"{server.url}/local/odd/runs/odd/media")
    page.get_by_label("Histogram from 0 to 2").wait_for()
    assert page.locator(".media").count() == 6
    page.goto(f"{server.url}/local/odd/runs/odd")
    page.get_by_label("Chart of loss", exact=True).wait_for()


def test_tables_of_charts_are_not_media(media: Any) -> None:
    names = media.locator(".media h2").all_inner_texts()
    assert not [name for name in names if name.startswith(("roc", "bars"))]


def test_alerts_of_a_project_and_of_a_run(
    page: Any, showcase: str, screenshot: Callable[[Any, str], Path]
) -> None:
    page.goto(f"{showcase}/alerts")
    page.get_by_text("5 % are left on /data.").wait_for()
    assert page.locator(".alerts b").all_inner_texts() == ["Disk is nearly full", "Loss is low"]
    screenshot(page, "alerts")
    page.locator(".alerts").get_by_role("link", name="try 2").first.click()
    page.get_by_role("link", name="Overview").click()
    page.locator(".alerts .warn").get_by_text("Disk is nearly full").wait_for()


REPORT = """{"blocks": [
  {"type": "heading", "level": 2, "children": [{"text": "What we found"}]},
  {"type": "paragraph", "children": [{"text": "It "}, {"text": "works", "bold": true},
    {"type": "link", "url": "javascript:alert(1)", "children": [{"text": ", here"}]}]},
  {"type": "list", "children": [{"type": "list-item", "children": [
    {"type": "paragraph", "children": [{"text": "a point"}]}]}]},
  {"type": "panel-grid", "children": [{"text": ""}]}]}"""
KEEP = "mutation($i: UpsertViewInput!) { upsertView(input: $i) { view { id } } }"


def test_reports_are_listed_and_read(page: Any, showcase: str, server: LocalServer) -> None:
    given = {
        "entityName": "local",
        "projectName": "showcase",
        "type": "runs",
        "name": "found",
        "displayName": "Findings",
        "description": "of the week",
        "spec": REPORT,
    }
    post(server, "/graphql", {"query": KEEP, "variables": {"i": given}})
    page.goto(f"{showcase}/reports")
    page.get_by_role("cell", name="of the week").wait_for()
    page.get_by_role("link", name="Findings").click()
    page.get_by_role("heading", name="What we found").wait_for()
    assert page.locator(".report b").inner_text() == "works"
    assert page.locator(".report li").inner_text() == "a point"
    assert page.locator(".report a[href^=javascript]").count() == 0


def test_a_telephone_shows_all_of_it(
    phone: Any, showcase: str, screenshot: Callable[[Any, str], Path]
) -> None:
    for name in ("", "/runs/run2", "/runs/run2/media", "/alerts", "/reports"):
        phone.goto(showcase + name)
        phone.locator(".chart, .card, .notice").first.wait_for()
        phone.wait_for_timeout(600)
        assert phone.evaluate("document.documentElement.scrollWidth") <= 390, name
        screenshot(phone, f"phone-showcase{name.replace('/', '-')}")
