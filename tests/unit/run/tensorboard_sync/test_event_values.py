"""Values of events, made by TensorBoard's own messages and tensors."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from asyncwb.run.tensorboard.event_file import EventValue
from asyncwb.run.tensorboard.values import (
    as_histogram,
    as_pictures,
    as_scalar,
    as_tensor,
    kind_of,
)

pytest.importorskip("tensorboard")

from tensorboard.compat.proto.summary_pb2 import HistogramProto, Summary
from tensorboard.compat.proto.tensor_pb2 import TensorProto
from tensorboard.util.tensor_util import make_tensor_proto

pytestmark = pytest.mark.torch


def tensor(values: Any, dtype: Any = None) -> EventValue:
    message = make_tensor_proto(values, dtype=dtype).SerializeToString()
    return EventValue("t", "", "tensor", message=message)


def simple(number: float) -> EventValue:
    return EventValue("t", "", "simple_value", number=float(np.float32(number)))


def histo(**fields: Any) -> EventValue:
    return EventValue("t", "", "histo", message=HistogramProto(**fields).SerializeToString())


@pytest.mark.parametrize(
    ("kind", "plugin", "expected"),
    [
        ("simple_value", "", "scalar"),
        ("simple_value", "scalars", "scalar"),
        ("tensor", "scalars", "scalar"),
        ("histo", "", "histogram"),
        ("tensor", "histograms", "histogram"),
        ("image", "", "images"),
        ("tensor", "images", "images"),
        ("tensor", "pr_curves", "pr_curve"),
        ("tensor", "text", ""),
        ("tensor", "hparams", ""),
        ("tensor", "", ""),
        ("", "", ""),
    ],
)
def test_what_a_value_is(kind: str, plugin: str, expected: str) -> None:
    assert kind_of(EventValue("t", "", kind), plugin) == expected


@pytest.mark.parametrize("number", [0.1, 1 / 3, 16777217.0, 1e-40, 3.4e38, -0.0, 5.0])
def test_a_simple_value_has_the_digits_of_a_float32(number: float) -> None:
    found = as_scalar(simple(number))
    assert found is not None
    assert np.float32(found) == np.float32(number)
    assert len(repr(found).strip("-0.e+").split("e")[0].replace(".", "").strip("0")) <= 9


def test_simple_values_that_are_no_numbers() -> None:
    assert as_scalar(simple(float("inf"))) == float("inf")
    assert np.isnan(as_scalar(simple(float("nan"))))


@pytest.mark.parametrize("kind", ["float32", "float64", "int32", "int64"])
@pytest.mark.parametrize("shape", [(), (1,), (7,), (2, 3), (0, 3)])
def test_tensors_of_numbers(kind: str, shape: tuple[int, ...]) -> None:
    values = (np.arange(np.prod(shape, dtype=int)).reshape(shape) - 2.0).astype(kind)
    found = as_tensor(tensor(values).message)
    assert found.tolist() == values.tolist()
    assert found.dtype == "float64"


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"dtype": 1, "float_val": [0.5, -2.0]}, [0.5, -2]),
        ({"dtype": 2, "double_val": [0.1, 0.2]}, [0.1, 0.2]),
        ({"dtype": 3, "int_val": [-1, 300]}, [-1, 300]),
        ({"dtype": 9, "int64_val": [-(2**40), 7]}, [-(2**40), 7]),
        ({"dtype": 1, "float_val": [4.0]}, [4, 4]),
    ],
)
def test_tensors_with_a_list_of_values(fields: dict[str, Any], expected: list[float]) -> None:
    proto = TensorProto(tensor_shape={"dim": [{"size": 2}]}, **fields)
    assert as_tensor(proto.SerializeToString()).tolist() == expected


def test_tensors_that_hold_no_numbers_or_too_few() -> None:
    assert as_tensor(tensor(["text"]).message) is None
    wrong = TensorProto(dtype=1, tensor_shape={"dim": [{"size": 3}]}, float_val=[1.0, 2.0])
    assert as_tensor(wrong.SerializeToString()) is None


def test_scalars_from_tensors() -> None:
    assert as_scalar(tensor(np.float32(0.1))) == float(np.float32(0.1))
    assert as_scalar(tensor(np.int64(3))) == 3
    assert as_scalar(tensor([1.0, 2.0])) is None


def test_a_histogram_message() -> None:
    limits = [1.0, 2.0, 3.0]
    # The first bucket begins at minus infinity: without values it is left out.
    found = as_histogram(histo(min=1.5, bucket_limit=limits, bucket=[0, 4, 5]))
    assert found == {"_type": "histogram", "values": [4, 5], "bins": [1, 2, 3]}
    found = as_histogram(histo(min=0.5, bucket_limit=limits, bucket=[3, 4, 5]))
    assert found == {"_type": "histogram", "values": [3, 4, 5], "bins": [0.5, 1, 2, 3]}


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"bucket_limit": [1.0], "bucket": [1.0, 2.0]},
        {"min": 2.0, "bucket_limit": [1.0], "bucket": [1.0]},
    ],
)
def test_broken_histogram_messages(fields: dict[str, Any]) -> None:
    assert as_histogram(histo(**fields)) is None


def test_a_histogram_tensor() -> None:
    found = as_histogram(tensor([[0.0, 1.0, 5.0], [1.0, 3.0, 7.0]]))
    assert found == {"_type": "histogram", "values": [5, 7], "bins": [0, 1, 3]}
    assert as_histogram(tensor(np.zeros((0, 3)))) is None
    assert as_histogram(tensor([1.0, 2.0, 3.0])) is None


@pytest.mark.parametrize("count", [513, 1000, 1024])
def test_more_than_512_bins_become_512(count: int) -> None:
    counts = np.random.default_rng(0).integers(1, 9, count).astype(float)
    edges = np.concatenate([[0.0], np.cumsum(np.linspace(1, 2, count))])
    table = np.stack([edges[:-1], edges[1:], counts], axis=1)
    found = as_histogram(tensor(table))
    assert found is not None
    assert (len(found["values"]), len(found["bins"])) == (512, 513)
    assert sum(found["values"]) == pytest.approx(counts.sum())
    assert [found["bins"][0], found["bins"][-1]] == pytest.approx([edges[0], edges[-1]])
    if count == 1024:  # two by two
        assert found["values"] == pytest.approx(counts.reshape(512, 2).sum(1))
        assert found["bins"] == pytest.approx(edges[::2])


PNG, JPEG, GIF = b"\x89PNG\r\n\x1a\n...", b"\xff\xd8\xff\xe0...", b"GIF89a..."


def test_an_image_message() -> None:
    image = Summary.Image(width=4, height=3, encoded_image_string=PNG)
    (found,) = as_pictures(EventValue("t", "", "image", message=image.SerializeToString()))
    assert (found.width, found.height, found.format, found.data) == (4, 3, "png", PNG)


def test_an_image_tensor() -> None:
    found = as_pictures(tensor([b"4", b"3", JPEG, JPEG]))
    assert [(p.width, p.height, p.format) for p in found] == [(4, 3, "jpeg")] * 2
    assert as_pictures(tensor([b"1", b"1", GIF]))[0].format == "gif"


@pytest.mark.parametrize(
    "texts", [[b"4"], [b"x", b"3", PNG], [b"4", b"3"], [b"4", b"3", b"?"], [b"4", b"3", PNG, GIF]]
)
def test_images_that_cannot_be_shown(texts: list[bytes]) -> None:
    assert as_pictures(tensor(texts)) == []
