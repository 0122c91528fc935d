"""Rows: values to JSON as the protocol has them, and records of any writer to lines."""

from __future__ import annotations

import datetime
import decimal
import json
import math
import struct
import subprocess
import sys
import types

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from asyncwb.errors import InvalidValueError
from asyncwb.journal import wire
from asyncwb.journal.records import HistoryItem, HistoryRecord, HistoryStep, encode
from asyncwb.journal.rows import RowDecoder, RowEncoder


def texts(row, **reserved):
    """The texts of a row's values by path, read with a loop of its own."""
    reserved = {"step": 0, "timestamp": 1.5, "runtime": 0.5, **reserved}
    payload = RowEncoder().encode(row, **reserved)
    (number, _, body), *rest = wire.fields(payload)
    assert number == 2
    assert not rest
    found = {}
    for number, _, item in wire.fields(body):
        if number == 1:
            fields = list(wire.fields(item))
            path = tuple(value.decode() for n, _, value in fields if n == 2)
            [text] = [value for n, _, value in fields if n == 16]
            assert path not in found
            found[path] = text.decode()
        else:
            assert number == 2
            assert [n for n, _, _ in wire.fields(item)] in ([1], [])
    return found


def text_of(value):
    return texts({"v": value})["v",]


class Tensor:
    """What torch offers of a tensor."""

    def __init__(self, array, dtype="torch.float32"):
        self._array = np.asarray(array)
        self.dtype = dtype

    def detach(self):
        return self

    def cpu(self):
        return self

    def numel(self):
        return self._array.size

    def dim(self):
        return self._array.ndim

    def item(self):
        return self._array.item()

    def float(self):
        return Tensor(self._array)

    def numpy(self):
        if "bfloat16" in self.dtype:
            raise TypeError("Got unsupported ScalarType BFloat16")
        return self._array


class Jax:
    """What jax offers of an array."""

    def __init__(self, array):
        self._array = np.asarray(array)

    def __array__(self, dtype=None, copy=None):
        return self._array


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (True, "true"),
        (None, "null"),
        ("s", '"s"'),
        ('a, "b"\n<é>', '"a, \\"b\\"\\n<é>"'),
        (2**63 - 1, "9223372036854775807"),
        (-(2**63), "-9223372036854775808"),
        (0.1, "0.1"),
        (math.nan, "NaN"),
        (math.inf, "Infinity"),
        (-math.inf, "-Infinity"),
        ([1, math.nan, [math.inf]], "[1,NaN,[Infinity]]"),
        ((1, 2), "[1,2]"),
        ({3}, "[3]"),
        ([], "[]"),
        (["a,b", "c"], '["a,b","c"]'),
        (datetime.datetime(2024, 1, 2, 3, 4, 5), '"2024-01-02T03:04:05"'),
        (datetime.date(2024, 1, 2), '"2024-01-02"'),
        (decimal.Decimal("1.50"), '"1.50"'),
        (b"abc", '"abc"'),
        (np.float32(0.1), "0.10000000149011612"),
        (np.float64(0.1), "0.1"),
        (np.float64(math.nan), "NaN"),
        (np.float32(math.inf), "Infinity"),
        (np.int64(7), "7"),
        (np.bool_(True), "true"),
        (np.str_("x"), '"x"'),
        (np.array([1, 2]), "[1,2]"),
        (np.array([[1.5, math.nan], [3, 4]]), "[[1.5,NaN],[3.0,4.0]]"),
        (np.array(2.5), "2.5"),
        (Tensor(2.5), "2.5"),
        (Tensor([1.5, 2.5]), "[1.5,2.5]"),
        (Tensor([1.5, 2.5], "torch.bfloat16"), "[1.5,2.5]"),
        (Jax(3), "3"),
        (Jax([1, 2]), "[1,2]"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_values(value, text):
    assert text_of(value) == text
    assert text_of(value) == text  # once more, with what was learned


@pytest.mark.parametrize("value", [2**70, -(2**64), 2**63, np.uint64(2**64 - 1)])
def test_integers_past_64_bits_become_doubles(value):
    for _ in range(2):
        text = text_of(value)
        assert float(text) == float(value)
        assert "e" in text.lower() or "." in text


def test_a_big_array_becomes_a_histogram():
    array = np.arange(100.0)
    array[3] = math.nan
    found = texts({"h": array})
    assert found["h", "_type"] == '"histogram"'
    counts, bins = json.loads(found["h", "values"]), json.loads(found["h", "bins"])
    assert len(counts) == 32
    assert len(bins) == 33
    assert sum(counts) == 99
    assert (bins[0], bins[-1]) == (0.0, 99.0)


def test_nested_dicts_become_leaves_and_empty_ones_nothing():
    found = texts({"a": {"b": {"c": 1}, "none": {}, 3: "x"}, "a.b": 2, "empty": {}, "l": []})
    del found["_step",], found["_timestamp",], found["_runtime",]
    assert found == {
        ("a", "b", "c"): "1",
        ("a", "3"): '"x"',
        ("a.b",): "2",
        ("l",): "[]",
    }


@pytest.mark.parametrize("more", [{}, {"text": "x"}, {"d": {"e": 1}}], ids=["flat", "text", "deep"])
def test_reserved_keys(more):
    row = {"a": 1.0, "_step": 99, "_runtime": 99.0, "_timestamp": 7.25, **more}
    found = texts(row, step=300)
    assert found["_step",] == "300"
    assert found["_timestamp",] == "7.25"
    assert found["_runtime",] == "0.5"
    assert len(found) == 4 + len(more)


@pytest.mark.parametrize(
    "row",
    [
        {1: 2.0},
        {("a", "b"): 2.0},
        {"v": object()},
        {"v": "\ud800"},
        {"\ud800": 1.0},
        {"v": ["\ud800"]},
        {"v": [object()]},
        {"v": 10**400},
    ],
    ids=["int key", "tuple key", "object", "half", "half key", "half deep", "object deep", "huge"],
)
def test_what_cannot_be_written(row):
    encoder = RowEncoder()
    encoder.encode({"a": {"b": 1}}, step=0, timestamp=1.5, runtime=0.5)
    for _ in range(2):
        with pytest.raises(InvalidValueError):
            encoder.encode(row, step=0, timestamp=1.5, runtime=0.5)


def test_a_dict_that_contains_itself():
    row = {}
    row["row"] = row
    with pytest.raises(InvalidValueError, match="itself"):
        texts(row)


def test_rows_of_many_layouts_and_lengths():
    encoder, decoder = RowEncoder(), RowDecoder()
    for n in range(600):
        row = {f"k{n % 300}": float(n), "text": "é" * n, "wide": list(range(n % 40))}
        line = decoder.to_line(encoder.encode(row, step=n, timestamp=1.5, runtime=0.5))
        assert json.loads(line) == {**row, "_step": n, "_timestamp": 1.5, "_runtime": 0.5}
    wide = {f"key {n}": n / 7 for n in range(5000)}
    line = decoder.to_line(encoder.encode(wide, step=0, timestamp=1.5, runtime=0.5))
    assert json.loads(line) == {**wide, "_step": 0, "_timestamp": 1.5, "_runtime": 0.5}


# Records of other writers, against a decoder of a few plain loops.

names = st.sampled_from(["a", "b", "a.b", "é", "", "%d", '"'])
numbers = st.floats(allow_nan=False, allow_infinity=False)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | numbers | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=5,
)
contents = (
    st.builds(dict, value_json=json_values.map(json.dumps))
    | st.builds(dict, none=st.just(0))
    | st.builds(dict, boolean=st.booleans())
    | st.builds(dict, integer=st.integers(-(2**63), 2**63 - 1))
    | st.builds(dict, number=st.floats(allow_nan=False))
    | st.builds(dict, text=st.text(max_size=5))
    | st.builds(dict, json=json_values.map(json.dumps))
)
places = st.builds(dict, key=names) | st.builds(
    dict, nested_key=st.lists(names, min_size=1, max_size=3)
)
items = st.builds(lambda place, content: HistoryItem(**place, **content), places, contents)
rows = st.builds(
    lambda found, step: HistoryRecord(item=found, step=step),
    st.lists(items, max_size=5),
    st.none() | st.integers(0, 2**40).map(HistoryStep),
)


def plain_decode(payload):
    row, step = {}, None
    for number, _, body in wire.fields(payload):
        assert number == 2
        for field, _, part in wire.fields(body):
            if field == 2:
                step = 0
                for _, _, value in wire.fields(part):
                    step = value
            else:
                plain_item(row, part)
    if "_step" not in row and step is not None:
        row["_step"] = step
    return row


def plain_item(row, data):
    path, value = [], None
    for number, _, raw in wire.fields(data):
        if number in (1, 2):
            path.append(raw.decode())
        elif number == 4:
            value = bool(raw)
        elif number == 5:
            value = -(raw + 1) // 2 if raw % 2 else raw // 2
        elif number == 6:
            [value] = struct.unpack("<d", raw)
        elif number == 7:
            value = raw.decode()
        elif number in (8, 16):
            value = json.loads(raw) if raw else None
    for name in path[:-1] or []:
        if not isinstance(row.get(name), Node):
            row[name] = Node()
        row = row[name]
    row[path[-1] if path else ""] = value


class Node(dict):
    """An object made of nested keys; one in a value is replaced as a whole."""


@settings(max_examples=400, deadline=None)
@given(rows)
def test_records_of_any_writer(record):
    payload = encode(record)
    expected = plain_decode(payload)
    decoder = RowDecoder()
    for _ in range(2):  # the second time with a template where there is one
        assert json.loads(decoder.to_line(payload)) == expected


STEPLESS = HistoryRecord(item=[HistoryItem(nested_key=["a"], value_json="1")])


@settings(max_examples=100, deadline=None)
@given(st.lists(rows, min_size=2, max_size=6))
@example([STEPLESS, HistoryRecord(item=STEPLESS.item, step=HistoryStep(num=3))])
def test_one_decoder_for_many_layouts(found):
    decoder = RowDecoder()
    for record in found * 2:
        payload = encode(record)
        assert json.loads(decoder.to_line(payload)) == plain_decode(payload)


def test_tokens_of_other_writers_pass():
    record = HistoryRecord(
        item=[
            HistoryItem(nested_key=["nan"], value_json="NaN"),
            HistoryItem(nested_key=["inf"], number=-math.inf),
            HistoryItem(nested_key=["x"], value_json="1.795224006862395e+09"),
        ],
        step=HistoryStep(5),
    )
    line = b'{"nan":NaN,"inf":-Infinity,"x":1.795224006862395e+09,"_step":5}'
    decoder = RowDecoder()
    assert decoder.to_line(encode(record)) == line
    assert decoder.to_line(encode(record)) == line


def test_nothing_is_imported_to_look_at_a_value():
    program = (
        "import sys; from asyncwb.journal.rows import RowEncoder\n"
        "RowEncoder().encode({'a': 1.0, 'b': [1], 'c': {'d': 'x'}},"
        " step=0, timestamp=1.5, runtime=0.5)\n"
        "print([name for name in ('numpy', 'torch', 'asyncio', 'ssl') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    assert done.stdout.strip() == b"[]"


def test_a_module_that_only_looks_like_numpy_is_refused():
    with pytest.raises(InvalidValueError):
        texts({"v": types.SimpleNamespace(shape=(2,))})
