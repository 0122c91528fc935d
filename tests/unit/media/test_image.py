"""Images of everything that they can be made of; what becomes of their pixels."""

from __future__ import annotations

import sys
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from media_place import MemoryPlace, encoded

from asyncwb.errors import InvalidValueError, UnsupportedError
from asyncwb.media import BoundingBoxes2D, Classes, Image, ImageMask

pil = pytest.importorskip("PIL.Image")

BOX = {"minX": 0, "maxX": 1, "minY": 0, "maxY": 1}


def pixels_of(image: Image) -> Any:
    return np.asarray(pil.open(BytesIO(encoded(image))))


def random(*shape: int) -> Any:
    return np.random.default_rng(1).integers(0, 256, shape, dtype=np.uint8)


@given(
    shape=st.tuples(st.integers(1, 9), st.integers(1, 9), st.sampled_from([1, 3, 4])),
    kind=st.sampled_from(["uint8", "int16", "uint16", "int64", "float16", "float32", "float64"]),
    data=st.data(),
)
def test_pixels_stay_what_they_are(shape: tuple[int, ...], kind: str, data: Any) -> None:
    array = random(*shape).astype(kind)
    array.flat[0] = 200  # not within [0, 1]
    layout = data.draw(st.sampled_from(["C", "F", "view"]))
    given_ = np.asfortranarray(array) if layout == "F" else array
    if layout == "view":
        given_ = np.repeat(array, 2, axis=0)[::2]
    image = Image(given_)
    assert (image.width, image.height) == (shape[1], shape[0])
    expected = array.astype(np.uint8)
    assert np.array_equal(pixels_of(image), expected[:, :, 0] if shape[2] == 1 else expected)


def test_what_was_given_may_change() -> None:
    array = random(5, 6, 3)
    before = array.copy()
    image = Image(array)
    picture = pil.fromarray(before)
    of_pil = Image(picture)
    array[:] = 0
    picture.paste(0, (0, 0, 6, 5))
    assert np.array_equal(pixels_of(image), before)
    assert np.array_equal(pixels_of(of_pil), before)


def test_channels_may_come_first() -> None:
    array = random(3, 5, 6)
    assert np.array_equal(pixels_of(Image(array)), array.transpose(1, 2, 0))
    assert np.array_equal(pixels_of(Image(array[:1])), array[0])
    # Last where both could be meant.
    assert Image(random(3, 5, 4)).width == 5


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([[0.0, 1.0], [0.5, 0.25]], [[0, 255], [128, 64]]),
        ([[-1.0, 1.0], [0.0, 0.5]], [[0, 255], [128, 191]]),
        ([[-10.0, 30.0], [10.0, 20.0]], [[0, 255], [128, 191]]),
        ([[7.0, 7.0], [7.0, 7.0]], [[0, 0], [0, 0]]),
    ],
)
def test_normalize(values: Any, expected: Any) -> None:
    found = pixels_of(Image(np.array(values), normalize=True))
    assert np.abs(found.astype(int) - np.array(expected)).max() <= 1


def test_values_out_of_range_are_clipped_with_a_warning() -> None:
    with pytest.warns(UserWarning, match="clipped") as seen:
        image = Image(np.array([[-3, 300], [7, 255]]))
    assert seen[0].filename == __file__
    assert pixels_of(image).tolist() == [[0, 255], [7, 255]]


def test_an_image_that_would_be_black_is_told_of() -> None:
    with pytest.warns(UserWarning, match="normalize") as seen:
        Image(np.array([[0.5, 1.0]]))
    assert seen[0].filename == __file__


@pytest.mark.parametrize("file_type", ["png", "jpg", "jpeg", "bmp"])
def test_file_types(file_type: Any) -> None:
    image = Image(random(8, 8, 3), file_type=file_type)
    wanted = {"jpg": "JPEG"}.get(file_type, file_type.upper())
    assert pil.open(BytesIO(encoded(image))).format == wanted
    assert image.format == file_type


def test_a_file_is_kept_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "picture.webp"
    pil.fromarray(random(5, 6, 3)).save(path)
    image = Image(str(path), file_type="png")
    assert (image.format, image.width, image.height) == ("webp", 6, 5)
    assert encoded(image) == path.read_bytes()


@pytest.mark.parametrize("shape", [(4,), (5, 6, 2), (2, 3, 5, 6), (5, 6, 7), (0, 6, 3), ()])
def test_wrong_shapes(shape: tuple[int, ...]) -> None:
    with pytest.raises(InvalidValueError, match="image"):
        Image(np.zeros(shape, np.uint8))


@pytest.mark.parametrize(
    ("data", "arguments", "why"),
    [
        ("nowhere.png", {}, "does not exist"),
        (Path(__file__), {}, "no image"),
        (Path(__file__).parent, {}, "folder"),
        (np.array([["a"]]), {}, "numbers"),
        (np.array([[1 + 2j]]), {}, "numbers"),
        (np.array([[np.nan, 1]]), {}, "finite"),
        (np.array([[np.inf, 1]]), {"normalize": True}, "finite"),
        (object(), {}, "numbers"),
        (np.zeros((2, 2), np.uint8), {"file_type": "webp"}, "file_type"),
        (np.zeros((2, 2), np.uint8), {"caption": 5}, "caption"),
        (np.zeros((2, 2), np.uint8), {"mode": "HSL"}, "mode|convert|become"),
        (np.zeros((2, 2, 3), np.uint8), {"mode": "CMYK"}, "CMYK"),
        (np.zeros((2, 2, 3), np.uint8), {"boxes": [1]}, "dict"),
        (np.zeros((2, 2, 3), np.uint8), {"masks": {"m": 5}}, "dict"),
        (np.zeros((2, 2, 3), np.uint8), {"classes": [{"id": 1}]}, "name"),
    ],
)
def test_bad_input(data: Any, arguments: dict[str, Any], why: str) -> None:
    with pytest.raises(InvalidValueError, match=why):
        Image(data, **arguments)


def test_a_picture_that_the_format_cannot_hold() -> None:
    with pytest.raises(InvalidValueError, match="RGBA"):
        Image(pil.fromarray(random(4, 4, 4)), file_type="jpg")
    Image(pil.fromarray(random(4, 4, 4)), file_type="png")


@pytest.mark.parametrize(
    ("box", "why"),
    [
        ({}, "position"),
        ({"position": {"minX": 0, "maxX": 1, "minY": 0}}, "position"),
        ({"position": {"middle": [1], "width": 1, "height": 2}}, "position"),
        ({"position": BOX, "class_id": "a"}, "class_id"),
        ({"position": BOX, "class_id": 1.5}, "class_id"),
        ({"position": BOX, "scores": {"a": "b"}}, "score"),
        ({"position": BOX, "box_caption": 1}, "box_caption"),
        (5, "dict"),
    ],
)
def test_bad_boxes(box: Any, why: str) -> None:
    with pytest.raises(InvalidValueError, match=why):
        BoundingBoxes2D({"box_data": [box]}, "p")


def test_boxes_are_copied_and_get_labels() -> None:
    box = {"position": {"middle": np.array([1, 2]), "width": np.float32(3), "height": 4},
           "class_id": np.int64(7)}  # fmt: skip
    found = BoundingBoxes2D({"box_data": [box]}, "p")
    box["class_id"] = 8
    assert found.boxes == [
        {"position": {"middle": [1, 2], "width": 3.0, "height": 4}, "class_id": 7}
    ]
    assert found.class_labels == {7: "class_7"}


@pytest.mark.parametrize(
    ("val", "why"),
    [
        ({}, "mask_data"),
        ({"mask_data": np.zeros((2, 2, 3))}, "height, width"),
        ({"mask_data": np.array([[256]])}, "0 to 255"),
        ({"mask_data": np.array([[-1]])}, "0 to 255"),
        ({"mask_data": np.array([[np.nan]])}, "0 to 255"),
        ({"mask_data": np.zeros((2, 2)), "class_labels": {"a": "b"}}, "class_labels"),
        ({"mask_data": np.zeros((2, 2)), "class_labels": {1: 2}}, "class_labels"),
        ({"path": "nowhere.png"}, "does not exist"),
    ],
)
def test_bad_masks(val: Any, why: str) -> None:
    with pytest.raises(InvalidValueError, match=why):
        ImageMask(val, "m")


def test_a_mask_keeps_every_class() -> None:
    mask = np.arange(256).reshape(16, 16)
    image = Image(random(16, 16, 3), masks={"m": {"mask_data": mask}})
    place = MemoryPlace()
    found = image.to_json(place)
    written = place.files[found["masks"]["m"]["path"]]
    assert np.array_equal(np.asarray(pil.open(BytesIO(written))), mask)
    assert place.labels["mask/class_labels", "m"][255] == "class_255"


def test_a_mask_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "mask.png"
    pil.fromarray(np.eye(4, dtype=np.uint8)).save(path)
    mask = ImageMask({"path": str(path), "class_labels": {1: "cat"}}, "m")
    assert encoded(mask) == path.read_bytes()


def test_classes() -> None:
    classes = Classes([{"id": 1, "name": "cat"}])
    assert classes.labels == {1: "cat"}
    assert Image(random(2, 2), classes=classes).classes is classes
    assert Image(random(2, 2), classes=[{"id": 1, "name": "cat"}]).classes is not None


def test_without_pillow_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "PIL.Image", None)
    with pytest.raises(UnsupportedError, match=r"pip install 'asyncwb\[media\]'"):
        Image(random(2, 2))
