"""Media with their steps, documents in frames, artifacts, sweeps."""

from __future__ import annotations

import base64
import json
import urllib.request
from typing import TYPE_CHECKING, Any

import pytest
from page_view import until
from seed import post, seed

import asyncwb.sync as wandb

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Executor
    from pathlib import Path

    from asyncwb.testing import LocalServer

PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
# what a document would do to whoever looks at it
HOSTILE = b"""<h1>shown</h1><p id="said">nothing ran</p><script>
const tried = [];
const reach = [() => document.cookie, () => parent.document.title, () => localStorage.length];
for (const attempt of reach) {
  try { attempt(); tried.push("open"); } catch { tried.push("closed"); }
}
fetch("/-/session").then(() => tried.push("open"), () => tried.push("closed"))
  .finally(() => { document.getElementById("said").textContent = tried.join(" "); });
</script>"""
CREATE = """mutation($p: String!, $r: String!, $f: [String!]!) { createRunFiles(input: {
  entityName: "local", projectName: $p, runName: $r, files: $f}) { files { name uploadUrl } } }"""


def upload(server: LocalServer, project: str, run: str, files: dict[str, bytes]) -> None:
    variables = {"p": project, "r": run, "f": list(files)}
    made = post(server, "/graphql", {"query": CREATE, "variables": variables})
    for file in made["data"]["createRunFiles"]["files"]:
        request = urllib.request.Request(
            file["uploadUrl"], files[file["name"]], {"Content-Type": "x/y"}, method="PUT"
        )
        urllib.request.urlopen(request, timeout=20).close()


@pytest.fixture(scope="session")
def gallery(server: LocalServer) -> str:
    """A run with media as the `wandb` package logs them."""
    rows: list[dict[str, Any]] = [
        {
            "_step": step,
            "img": {"_type": "image-file", "path": f"media/{step}.png", "caption": f"at {step}"},
            "doc": {"_type": "html-file", "path": "media/doc.html"},
            "hist": {"_type": "histogram", "bins": [0, 1, 2], "values": [step, 5]},
            "rows": {"_type": "table-file", "path": "media/rows.table.json"},
        }
        for step in range(3)
    ]
    seed(server, "media", "gallery", rows=rows)
    table = {"columns": ["x", "who"], "data": [[i, f"name {i}"] for i in range(30)]}
    upload(
        server,
        "media",
        "gallery",
        {
            **{f"media/{step}.png": PIXEL for step in range(3)},
            "media/doc.html": HOSTILE,
            "media/rows.table.json": json.dumps(table).encode(),
        },
    )
    return f"{server.url}/local/media/runs/gallery"


def test_media_move_with_the_step(
    page: Any, gallery: str, screenshot: Callable[[Any, str], Path]
) -> None:
    page.goto(f"{gallery}/media")
    page.get_by_alt_text("at 2").wait_for()
    picture = "document.querySelector('.images img')"
    until(page, lambda: page.evaluate(f"{picture}.naturalWidth") == 1)
    screenshot(page, "media")
    page.get_by_label("Step of img").fill("0")
    page.get_by_alt_text("at 0").wait_for()
    # one step for all panels
    assert page.get_by_label("Step of hist").input_value() == "0"
    page.get_by_label("Histogram from 0 to 2").wait_for()
    page.get_by_label("Search rows").fill("name 7")
    until(page, lambda: page.locator(".data-table tbody tr").count() == 1)


def test_a_logged_document_reaches_nothing(page: Any, gallery: str) -> None:
    page.goto(f"{gallery}/media")
    frame = page.frame_locator("iframe")
    frame.get_by_text("shown").wait_for()
    frame.get_by_text("closed closed closed closed").wait_for()


def test_a_logged_document_reaches_nothing_on_its_own_address(page: Any, gallery: str) -> None:
    """Somebody may be sent to a file's address, outside the page and its frames."""
    for path in ("-/frame", "files"):
        page.goto(gallery.replace("/local/media/runs", f"/{path}/local/media") + "/media/doc.html")
        page.get_by_text("shown").wait_for()
        page.wait_for_timeout(300)
        # its parent is itself here; where no script may run, none did
        said = page.locator("#said").inner_text()
        assert said == ("nothing ran" if path == "files" else "closed open closed closed")


def test_artifacts(page: Any, server: LocalServer, tmp_path: Path, elsewhere: Executor) -> None:
    settings = {**server.settings, "root_dir": str(tmp_path), "quiet": True}

    def log() -> None:
        for i in range(2):
            with wandb.init(project="models", name=f"train {i}", settings=settings) as run:
                if i:
                    run.use_artifact("net:latest").wait()
                net = wandb.Artifact("net", type="model", metadata={"depth": i})
                with net.new_file("inner/notes.txt") as file:
                    file.write(f"version {i}")
                run.log_artifact(net).wait()

    elsewhere.submit(log).result(60)
    page.goto(f"{server.url}/local/models/artifacts")
    page.get_by_role("link", name="net").click()
    page.get_by_role("heading", name="net:v1").wait_for()
    page.get_by_role("link", name="v0").click()
    page.get_by_role("heading", name="net:v0").wait_for()
    page.get_by_role("button", name="Edit description").click()
    page.get_by_label("description", exact=True).fill("the first")
    page.keyboard.press("Control+Enter")
    page.get_by_text("the first").first.wait_for()
    names = page.locator(".keyvalues .alias")
    for text, wanted in (("best, good", ["best", "good"]), ("good", ["good"])):
        page.get_by_role("button", name="Edit aliases").click()
        page.get_by_label("aliases", exact=True).fill(text)
        page.keyboard.press("Enter")
        until(page, lambda wanted=wanted: names.all_inner_texts() == wanted)
    page.get_by_role("button", name="Files").click()
    page.get_by_role("button", name="inner").click()
    page.get_by_role("button", name="notes.txt").click()
    page.get_by_text("version 0").wait_for()
    page.get_by_role("button", name="Lineage").click()
    lineage = page.locator(".lineage")
    for node in ("train 0", "train 1", "net:v1"):
        lineage.get_by_role("link", name=node).wait_for()
    lineage.get_by_role("link", name="train 1").click()
    page.get_by_role("heading", name="train 1").wait_for()
    page.get_by_role("link", name="Artifacts").last.click()
    page.get_by_role("link", name="net:v0").wait_for()


def test_a_sweep(
    page: Any,
    server: LocalServer,
    tmp_path: Path,
    elsewhere: Executor,
    screenshot: Callable[[Any, str], Path],
) -> None:
    settings = {**server.settings, "root_dir": str(tmp_path), "quiet": True}
    config = {
        "method": "grid",
        "metric": {"name": "loss", "goal": "minimize"},
        "parameters": {"lr": {"values": [0.1, 0.2, 0.4]}, "kind": {"values": ["a", "b"]}},
    }

    def train() -> None:
        with wandb.init(settings=settings) as run:
            run.log({"loss": run.config["lr"] * 2})

    def log() -> str:
        sweep = wandb.sweep(config, project="tuned", settings=settings)
        wandb.agent(sweep, train, project="tuned", count=6, settings=settings)
        return sweep

    name = elsewhere.submit(log).result(100)
    page.goto(f"{server.url}/local/tuned/sweeps")
    page.get_by_role("link", name=name).click()
    lines = page.locator(".parallel polyline")
    until(page, lambda: lines.count() == 6)
    page.get_by_text("1.00").wait_for()  # loss rises with lr, in perfect order
    screenshot(page, "sweep")
    # choose the upper part of an axis
    axis = page.locator(".parallel g").filter(has=page.get_by_text("kind", exact=True))
    grab = axis.locator(".grab").bounding_box()
    page.mouse.move(grab["x"] + 5, grab["y"] + 2)
    page.mouse.down()
    page.mouse.move(grab["x"] + 5, grab["y"] + grab["height"] * 0.4, steps=4)
    page.mouse.up()
    page.get_by_text("3 of 6 runs").wait_for()
