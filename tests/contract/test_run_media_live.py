"""Media of live runs against the embedded server: the file is there, and the row says where."""

from __future__ import annotations

import hashlib
import signal
import subprocess
import sys
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from run_files import SECONDS, stored

import asyncwb.sync
from asyncwb.api import Api
from asyncwb.errors import UnsupportedError, UsageError
from asyncwb.media import Audio, Graph, Histogram, Html, Image, JoinedTable, Object3D, Table
from asyncwb.portal import PORTAL
from asyncwb.run import init
from asyncwb.sender.offline import sync_folder
from asyncwb.settings import resolve
from asyncwb.testing import LocalServer, local_server

if TYPE_CHECKING:
    from collections.abc import Iterator

pil = pytest.importorskip("PIL.Image")


@pytest.fixture(scope="module")
def server() -> Iterator[LocalServer]:
    with local_server() as running:
        yield running


@pytest.fixture(autouse=True)
def here(server: LocalServer, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in server.env.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("WANDB_SILENT", "true")


def pixels(seed: int = 0) -> Any:
    return np.random.default_rng(seed).integers(0, 256, (20, 30, 3), dtype=np.uint8)


async def rows_of(path: str) -> list[dict[str, Any]]:
    run = await Api().run(path)
    return [row async for row in run.scan_history()]


async def check(path: str, key: str, expected: Any, files: dict[str, bytes]) -> None:
    """The rows have images of `expected`, in the order of their steps."""
    found = {row["_step"]: row[key] for row in await rows_of(path) if key in row}
    assert sorted(found) == list(range(len(expected)))
    for step, array in enumerate(expected):
        value = found[step]
        data = files[value["path"]]
        assert value["_type"] == "image-file"
        assert (value["sha256"], value["size"]) == (hashlib.sha256(data).hexdigest(), len(data))
        assert np.array_equal(np.asarray(pil.open(BytesIO(data))), array)


async def test_a_flush_means_that_rows_and_files_are_there() -> None:
    arrays = [pixels(n) for n in range(3)]
    async with init("p") as run:
        for array in arrays:
            await run.log({"image": Image(array), "histogram": Histogram(array)})
        run.summary["best"] = Html("<p>x</p>")
        await run.flush(SECONDS)
        await check(run.path, "image", arrays, await stored(run))
    saved = await Api().run(run.path)
    assert saved.summary["best"]["_type"] == "html-file"
    assert saved.summary["image"]["width"] == 30
    histogram = (await rows_of(run.path))[0]["histogram"]
    counts, edges = np.histogram(arrays[0], 64)
    assert histogram == {"_type": "histogram", "values": counts.tolist(), "bins": edges.tolist()}


def test_the_blocking_face() -> None:
    array = pixels()
    with asyncwb.sync.init("p") as run:
        run.log({"nested": {"images": [asyncwb.sync.Image(array, caption="a")]}})
    saved = asyncwb.sync.Api().run(run.path)
    (row,) = saved.scan_history()
    value = row["nested"]["images"]
    (path,) = value["filenames"]
    assert value["captions"] == ["a"]
    data = saved.file(path).read()
    assert np.array_equal(np.asarray(pil.open(BytesIO(data))), array)


async def test_an_offline_run_is_sent_with_its_media() -> None:
    array = pixels()
    run = await init("p", mode="offline")
    await run.log({"image": Image(array, masks={"m": {"mask_data": array[:, :, 0]}})})
    await run.finish()
    await PORTAL.acall(sync_folder, Path(run.sync_dir), resolve({}))
    path = f"p/{run.id}"
    files = await stored(path)
    await check(path, "image", [array], files)
    (row,) = await rows_of(path)
    assert row["image"]["masks"]["m"]["path"] in files
    saved = await Api().run(path)
    labels = saved.rawconfig["_wandb"]["mask/class_labels"]
    assert labels["image_wandb_delimeter_m"]["value"] == {
        str(number): f"class_{number}" for number in np.unique(array[:, :, 0])
    }


async def test_media_are_read_back() -> None:
    arrays = [pixels(n) for n in range(4)]
    async with init("p") as run:
        await run.log({"one": Image(arrays[0], caption="a"), "n": 1})
        await run.log({"many": [Image(array, caption="b") for array in arrays[1:3]]})
        await run.log({"one": Image(arrays[3]), "page": [Html("x"), Html("y")]})
        await run.log({"deep": {"a": {"b": Html("z")}, "c": 1}})
    saved = await Api().run(run.path)
    first, second = await saved.media("one")
    assert (first.key, first.step, first.type, first.caption) == ("one", 0, "image-file", "a")
    assert (second.step, second.caption) == (2, None)
    assert np.array_equal(await first.array(), arrays[0])
    assert (await second.image()).size == (30, 20)
    many = await saved.media("many")
    assert [one.caption for one in many] == ["b", "b"]
    assert np.array_equal(await many[1].array(), arrays[2])
    pages = await saved.media("page")
    assert [(await page.read())[-1:] for page in pages] == [b"x", b"y"]
    target = await pages[0].download("here")
    assert target.read_bytes().endswith(b"x")
    with pytest.raises(UnsupportedError, match="no image"):
        await pages[0].image()
    (deep,) = await saved.media("deep.a.b")
    assert (await deep.read())[-1:] == b"z"
    assert await saved.media("n") == []
    assert await saved.media("nothing") == []


async def test_each_type_comes_back_as_it_was_logged(tmp_path: Path) -> None:
    pytest.importorskip("soundfile")
    array, cloud = pixels(), np.random.default_rng(0).normal(size=(7, 4))
    sound = np.sin(np.arange(800) / 9)
    overlaid = Image(
        array,
        caption="a",
        masks={"m": {"mask_data": array[:, :, 0], "class_labels": {7: "seven"}}},
        boxes={
            "b": {
                "box_data": [
                    {
                        "position": {"minX": 0, "maxX": 0.5, "minY": 0, "maxY": 0.5},
                        "class_id": 7,
                    }
                ],
                "class_labels": {7: "seven"},
            }
        },
    )
    graph = Graph("torch")
    graph.add_edge(graph.add_node(id=1, name="one"), graph.add_node(id=2, name="two"))
    async with init("p") as run:
        await run.log({"image": overlaid, "histogram": Histogram(array, num_bins=4)})
        await run.log({"sound": Audio(sound, 8000), "cloud": Object3D(cloud), "graph": graph})
    saved = await Api().run(run.path)

    (image,) = await saved.media("image")
    back = await image.load()
    assert isinstance(back, Image)
    assert (back.caption, back.width, back.height) == ("a", 30, 20)
    assert np.array_equal(back.to_data_array(), array)
    assert back.boxes["b"].boxes == overlaid.boxes["b"].boxes
    assert back.masks["m"].class_labels == back.boxes["b"].class_labels == {7: "seven"}
    async with init("p") as again:
        await again.log({"image": back, "deep": {"image": back}})
    (copied,) = await (await Api().run(again.path)).media("image")
    (deep,) = await (await Api().run(again.path)).media("deep.image")
    reloaded = await deep.load()
    assert isinstance(reloaded, Image)
    assert reloaded.masks["m"].class_labels == {7: "seven"}
    assert copied.json["sha256"] == image.json["sha256"]
    assert copied.json["masks"]["m"]["sha256"] == image.json["masks"]["m"]["sha256"]

    (histogram,) = await saved.media("histogram")
    counts, edges = np.histogram(array, 4)
    assert np.array_equal(await histogram.array(), counts)
    loaded = await histogram.load()
    assert isinstance(loaded, Histogram)
    assert (loaded.histogram, loaded.bins) == (counts.tolist(), edges.tolist())
    with pytest.raises(UnsupportedError, match="no file"):
        await histogram.read()

    (heard,) = await saved.media("sound")
    assert np.allclose(await heard.array(), sound, atol=1 / 32768)
    assert type(await heard.load(tmp_path)) is Audio
    assert (tmp_path / heard.path).is_file()
    (points,) = await saved.media("cloud")
    assert np.allclose(await points.array(), cloud)
    (drawn,) = await saved.media("graph")
    found = await drawn.load()
    assert isinstance(found, Graph)
    assert [node.name for node in found.nodes] == ["one", "two"]
    assert [(one.id, other.id) for one, other in found.edges] == [(1, 2)]
    with pytest.raises(UnsupportedError, match="array of numbers"):
        await drawn.array()
    with pytest.raises(UnsupportedError, match="no table"):
        await drawn.table()


async def test_tables_come_back_with_their_media() -> None:
    array = pixels()
    async with init("p") as run:
        table = Table(columns=["n", "image"], data=[[1, Image(array)], [2, Image(array[:9])]])
        await run.log({"examples": table, "joined": table.join(table, "n")})
    saved = await Api().run(run.path)
    (examples,) = await saved.media("examples")
    back = await examples.table()
    assert (back.columns, back.get_column("n")) == (["n", "image"], [1, 2])
    assert np.array_equal(back.data[0][1].to_data_array(), array)
    assert list(back.get_dataframe()["n"]) == [1, 2]
    pytest.importorskip("pyarrow")
    arrow = back.to_arrow().to_pydict()
    assert arrow["n"] == [1, 2]
    assert np.array_equal(np.asarray(pil.open(arrow["image"][1])), array[:9])
    shown = await examples.table(whole=False)
    assert shown.get_column("n") == [1, 2]
    assert [type(cell) for cell in shown.data[0]] == [int, str]
    (joined,) = await saved.media("joined")
    both = await joined.load()
    assert isinstance(both, JoinedTable)
    assert both.join_key == "n"


async def test_all_files_of_a_key_are_downloaded_at_once(tmp_path: Path) -> None:
    arrays = [pixels(n) for n in range(3)]
    async with init("p") as run:
        for array in [*arrays, arrays[0]]:
            await run.log({"image": Image(array)})
    saved = await Api().run(run.path)
    places = await saved.download_media("image", tmp_path)
    assert len(places) == 3
    for place, array in zip(places, arrays, strict=True):
        assert np.array_equal(np.asarray(pil.open(place)), array)
    assert await saved.download_media("image", tmp_path) == places
    assert await saved.download_media("nothing", tmp_path) == []
    places[0].unlink()
    places[0].mkdir()
    with pytest.raises(UsageError, match="cannot be written"):
        await saved.download_media("image", tmp_path, replace=True)


def test_the_blocking_face_loads_as_well(tmp_path: Path) -> None:
    array = pixels()
    with asyncwb.sync.init("p") as run:
        run.log({"image": asyncwb.sync.Image(array)})
        run.log({"table": asyncwb.sync.Table(columns=["a"], data=[[1]])})
    saved = asyncwb.sync.Api().run(run.path)
    assert np.array_equal(saved.media("image")[0].load().to_data_array(), array)
    assert saved.media("table")[0].table().data == [[1]]
    (place,) = saved.download_media("image", tmp_path)
    assert place.is_file()


def test_media_are_read_back_by_the_blocking_face() -> None:
    array = pixels()
    with asyncwb.sync.init("p") as run:
        run.log({"image": asyncwb.sync.Image(array)})
    (image,) = asyncwb.sync.Api().run(run.path).media("image")
    assert np.array_equal(image.array(), array)
    assert image.read() == Path(run.dir, image.path).read_bytes()


SCRIPT = """
import os, signal, sys
import numpy as np
import asyncwb.sync as wandb
run = wandb.init(project="p", id=sys.argv[1])
for n in range(5):
    array = np.random.default_rng(n).integers(0, 256, (20, 30, 3), dtype=np.uint8)
    run.log({"image": wandb.Image(array)})
"""


def ends(run_id: str, ending: str, *, code: int = 0) -> None:
    """Run a script that logs five images."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", SCRIPT + ending, run_id],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == code, done.stderr


async def five_images(run_id: str) -> None:
    """All of them are there."""
    files = await stored(f"p/{run_id}")
    await check(f"p/{run_id}", "image", [pixels(n) for n in range(5)], files)


@pytest.mark.parametrize("ending", ["", "raise SystemExit(0)", "run.finish()"])
async def test_the_end_of_a_script_sends_what_is_under_way(ending: str) -> None:
    run_id = f"end{len(ending)}"
    ends(run_id, ending)
    await five_images(run_id)


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs SIGKILL")
async def test_what_was_flushed_survives_kill() -> None:
    ends("killed", "run.flush()\nos.kill(os.getpid(), signal.SIGKILL)", code=-signal.SIGKILL)
    await five_images("killed")


@pytest.mark.skipif(not hasattr(signal, "pause"), reason="needs POSIX signals")
async def test_a_sigterm_handler_finishes_the_media(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASYNCWB_ON_SIGTERM", "finish")
    ends("terminated", "os.kill(os.getpid(), signal.SIGTERM)\nsignal.pause()", code=-signal.SIGTERM)
    await five_images("terminated")
