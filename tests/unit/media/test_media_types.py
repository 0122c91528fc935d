"""Audio, video, HTML, molecules, objects in space, figures: what is written, and bad input."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from media_place import MemoryPlace, encoded

from asyncwb import media
from asyncwb.errors import InvalidValueError, UnsupportedError
from asyncwb.media import Audio, Bokeh, Graph, Html, Molecule, Object3D, Plotly, Video, box3d
from asyncwb.media.jsontext import json_in_pieces


def frames(*shape: int) -> Any:
    return np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)


@pytest.mark.parametrize(("format_", "codec"), [("mp4", "h264"), ("webm", "vp9"), ("ogg", "vp8")])
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_videos_are_encoded(format_: Any, codec: str, channels: int) -> None:
    av = pytest.importorskip("av")
    # A film whose frames get brighter, of odd size.
    array = np.repeat(np.arange(5, dtype=np.uint8) * 50, channels * 21 * 31)
    video = Video(array.reshape(5, channels, 21, 31), fps=5, format=format_)
    with av.open(io.BytesIO(encoded(video))) as container:
        stream = container.streams.video[0]
        assert stream.codec_context.name == codec
        # The header of an ogg says nothing of it.
        assert stream.average_rate == 5 or format_ == "ogg"
        shown = [frame.to_ndarray(format="gray").mean() for frame in container.decode(video=0)]
    assert np.allclose(shown, [0, 50, 100, 150, 200], atol=8)
    assert (video.width, video.height) == (31, 21)


def test_a_gif_has_its_frames() -> None:
    pil = pytest.importorskip("PIL.Image")
    with pil.open(io.BytesIO(encoded(Video(frames(3, 3, 8, 9), format="gif", fps=10)))) as gif:
        assert (gif.n_frames, gif.size, gif.info["duration"]) == (3, (9, 8), 100)


def test_a_batch_of_videos_is_side_by_side() -> None:
    pil = pytest.importorskip("PIL.Image")
    batch = np.zeros((3, 2, 3, 4, 6), np.uint8)
    for number in range(3):
        batch[number] = 80 * (number + 1)
    video = Video(batch, format="gif")
    with pil.open(io.BytesIO(encoded(video))) as gif:
        grid = np.asarray(gif.convert("L"))
    # Padded to four: one row of four.
    assert grid.shape == (4, 24)
    assert grid[0, ::6].tolist() == [80, 160, 240, 0]


@pytest.mark.parametrize(
    ("data", "arguments", "why"),
    [
        ("nowhere.mp4", {}, "does not exist"),
        (Path(__file__), {}, "formats"),
        (frames(2, 3, 4, 4), {}, "formats"),
        (frames(2, 3, 4, 4), {"format": "avi"}, "avi"),
        (frames(3, 4, 4), {"format": "gif"}, "time, channel"),
        (frames(2, 5, 4, 4), {"format": "gif"}, "channels"),
        (frames(0, 3, 4, 4), {"format": "gif"}, "channels"),
        (frames(2, 3, 4, 4), {"format": "gif", "fps": 0}, "fps"),
        (frames(2, 3, 4, 4), {"format": "gif", "fps": 2.5}, "fps"),
        (io.BytesIO(b"x"), {}, "formats"),
        (io.StringIO("x"), {"format": "mp4"}, "binary"),
    ],
)
def test_bad_videos(data: Any, arguments: dict[str, Any], why: str) -> None:
    with pytest.raises(InvalidValueError, match=why):
        Video(data, **arguments)


def test_audio_is_written_as_wav() -> None:
    soundfile = pytest.importorskip("soundfile")
    wave = np.sin(np.arange(800) / 9)
    sound = Audio(np.stack([wave, -wave], 1), sample_rate=8000)
    given = wave.copy()
    wave[:] = 0
    samples, rate = soundfile.read(io.BytesIO(encoded(sound)))
    assert rate == 8000
    assert np.abs(samples[:, 0] - given).max() < 1e-3
    assert sound.duration == 0.1


@pytest.mark.parametrize(
    ("data", "rate", "why"),
    [
        ("nowhere.wav", None, "does not exist"),
        ([0.0, 1.0], None, "sample_rate"),
        ([0.0, 1.0], 0, "sample_rate"),
        ([0.0, 1.0], True, "sample_rate"),
        ([1, 2], 8000, "int64"),
        (np.zeros((2, 16000)), 16000, "samples, channels"),
        (np.zeros((2, 2, 2)), 16000, "samples, channels"),
        (["a"], 8000, "numbers"),
    ],
)
def test_bad_audio(data: Any, rate: Any, why: str) -> None:
    pytest.importorskip("soundfile")
    with pytest.raises(InvalidValueError, match=why):
        Audio(data, sample_rate=rate)


def test_html_paths_and_texts(tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    page.write_text("<p>ü</p>")
    assert encoded(Html(page, inject=False)) == page.read_bytes()
    assert encoded(Html(str(page), inject=False)) == page.read_bytes()
    assert Html(str(page), inject=False, data_is_not_path=True).html == str(page)
    assert encoded(Html("x.html", inject=False)) == b"x.html"
    assert encoded(Html("<p>" * 100_000, inject=False)) == b"<p>" * 100_000
    assert Html("<html></html>").html.startswith('<html><head><base target="_blank">')


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (Path("nowhere.html"), "does not exist"),
        (Path(__file__), "end with .html"),
        (5, "got int"),
        ("\ud800", "Unicode"),
        (io.BytesIO(b"\xff\xfe"), "UTF-8"),
    ],
)
def test_bad_html(data: Any, why: str) -> None:
    with pytest.raises(InvalidValueError, match=why):
        Html(data)


def test_a_point_cloud_is_written_as_json() -> None:
    points = np.random.default_rng(0).normal(size=(5000, 3))
    points[0, 0] = np.nan
    expected = points.tolist()
    cloud = Object3D(points)
    points[:] = 0
    written = json.loads(encoded(cloud))
    assert np.isnan(written[0].pop(0))
    assert expected[0].pop(0) != 0
    assert written == expected


def test_a_scene() -> None:
    box = box3d(center=[0, 0, 0], size=[2, 4, 6], orientation=[1, 0, 0, 0], color=(1, 2, 3))
    assert min(box["corners"]) == (-1, -2, -3)
    # A quarter turn around z: x and y change places.
    turned = box3d(center=[0, 0, 0], size=[2, 4, 6], orientation=[1, 0, 0, 1], color=(1, 2, 3))
    assert np.allclose(np.ptp(np.array(turned["corners"]), axis=0), [4, 2, 6])
    scene = Object3D.from_point_cloud([[1, 2, 3]], [box], [{"start": [0, 0, 0], "end": [1, 0, 0]}])
    written = json.loads(encoded(scene))
    assert written["type"] == "lidar/beta"
    assert written["points"] == [[1, 2, 3]]
    assert len(written["boxes"][0]["corners"]) == 8
    assert written["vectors"] == [{"start": [0, 0, 0], "end": [1, 0, 0]}]
    assert json.loads(encoded(Object3D({"type": "lidar/beta"})))["points"] == []


@pytest.mark.parametrize(
    ("data", "why"),
    [
        ("nowhere.obj", "does not exist"),
        (Path(__file__), "types are"),
        (np.zeros((4, 5)), r"\(n, 3\)"),
        (np.zeros(3), r"\(n, 3\)"),
        ({"type": "other"}, "lidar/beta"),
        ({"type": "lidar/beta", "points": [[1, 2]]}, r"\(n, 3\)"),
        (io.StringIO("v 0"), "file_type"),
    ],
)
def test_bad_objects(data: Any, why: str) -> None:
    with pytest.raises(InvalidValueError, match=why):
        Object3D(data)


@pytest.mark.parametrize(
    ("change", "why"),
    [({"center": [1, 2]}, "center"), ({"orientation": [0, 0, 0, 0]}, "other than zero")],
)
def test_bad_boxes_in_space(change: dict[str, Any], why: str) -> None:
    arguments = {"center": [0] * 3, "size": [1] * 3, "orientation": [1, 0, 0, 0], "color": (0,) * 3}
    with pytest.raises(InvalidValueError, match=why):
        box3d(**{**arguments, **change})


@pytest.mark.parametrize(
    ("data", "arguments", "why"),
    [
        ("nowhere.pdb", {}, "does not exist"),
        (Path(__file__), {}, "types"),
        (io.StringIO("ATOM"), {}, "file_type"),
        (io.StringIO("ATOM"), {"file_type": "xyz"}, "xyz"),
        (5, {}, "got int"),
    ],
)
def test_bad_molecules(data: Any, arguments: dict[str, Any], why: str) -> None:
    with pytest.raises(InvalidValueError, match=why):
        Molecule(data, **arguments)


def test_molecules_of_rdkit(tmp_path: Path) -> None:
    chem = pytest.importorskip("rdkit.Chem")
    assert encoded(Molecule.from_smiles("CCO")).count(b"HETATM") == 9  # with hydrogen
    flat = Molecule.from_rdkit(chem.MolFromSmiles("CCO"), convert_to_3d_and_optimize=False)
    assert encoded(flat).count(b"HETATM") == 3
    path = tmp_path / "ethanol.mol"
    path.write_text(chem.MolToMolBlock(chem.MolFromSmiles("CCO")))
    assert b"HETATM" in encoded(Molecule.from_rdkit(path))
    with pytest.raises(InvalidValueError, match="SMILES"):
        Molecule.from_smiles("no molecule")
    with pytest.raises(InvalidValueError, match=r"\.mol"):
        Molecule.from_rdkit(Path(__file__))


def test_figures_are_copied() -> None:
    graph_objects = pytest.importorskip("plotly.graph_objects")
    figure = graph_objects.Figure(data=[graph_objects.Scatter(y=[1, 2])])
    plot = Plotly(figure)
    figure.data[0].y = [5]
    assert json.loads(encoded(plot))["data"][0]["y"] == [1, 2]
    with pytest.raises(InvalidValueError, match="plotly"):
        Plotly(5)


def test_a_graph() -> None:
    graph = Graph("torch")
    one, other = graph.add_node(id=1, name="a"), graph.add_node(id=2, name="b", size=(3, 4))
    graph.add_edge(one, other)
    written = json.loads(encoded(graph))
    assert written == {
        "format": "torch",
        "nodes": [{"name": "a", "id": 1}, {"name": "b", "id": 2, "size": [3, 4]}],
        "edges": [[1, 2]],
    }
    with pytest.raises(InvalidValueError, match="both"):
        graph.add_node(one, name="c")


@pytest.mark.parametrize(
    ("module", "make", "install"),
    [
        ("soundfile", lambda: Audio([0.0], 8000), r"asyncwb\[media\]"),
        ("av", lambda: Video(frames(1, 3, 4, 4), format="mp4"), r"asyncwb\[media\]"),
        ("PIL.Image", lambda: Video(frames(1, 3, 4, 4), format="gif"), r"asyncwb\[media\]"),
        ("rdkit.Chem", lambda: Molecule.from_smiles("C"), "rdkit"),
        ("bokeh.document", lambda: Bokeh(object()), "bokeh"),
    ],
)
def test_a_missing_library_is_named_with_what_installs_it(
    module: str, make: Any, install: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(UnsupportedError, match=f"pip install '{install}'"):
        make()


def test_lists_describe_their_items() -> None:
    place = MemoryPlace()
    found = Html.list_to_json([Html("a"), Html("b")], place)
    assert found["count"] == 2
    assert {one["path"] for one in found["html"]} == set(place.files)


@pytest.mark.parametrize(
    "value",
    [
        {},
        [],
        [[]],
        {"a": [], "b": {}, "c": [1, None, True, "x", 2.5], "ü": "ä"},
        [[1, 2], [3, "a"], (4,)],
        [list(range(10_000)), {"deep": [[{"a": 1}]]}],
        list(range(10_000)),
        [[float(n)] * 3 for n in range(5000)],
        "text",
        None,
    ],
)
def test_json_in_pieces_is_json(value: Any) -> None:
    text = b"".join(json_in_pieces(value))
    assert json.loads(text) == json.loads(json.dumps(value))
    assert b", " not in text


@pytest.mark.parametrize("shape", [(0,), (3,), (10_000,), (5000, 2), (2, 3, 4), (0, 3), (1, 9000)])
def test_arrays_in_pieces(shape: tuple[int, ...]) -> None:
    array = np.random.default_rng(0).normal(size=shape)
    assert json.loads(b"".join(json_in_pieces({"a": array})))["a"] == array.tolist()


def test_every_name_is_there_and_shown() -> None:
    for name in media.__all__:
        assert getattr(media, name).__name__ == name
    assert repr(Html("x")) == "<asyncwb.Html>"
    with pytest.raises(AttributeError, match="nothing"):
        media.nothing  # noqa: B018
