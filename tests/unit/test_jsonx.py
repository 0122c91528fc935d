"""Extended JSON, both ways."""

from __future__ import annotations

import json
import math
from datetime import date
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from asyncwb import jsonx
from asyncwb.errors import InvalidValueError, ProtocolError

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=10)
scalars = st.none() | st.booleans() | st.integers() | st.floats() | texts
values = st.recursive(
    scalars, lambda inner: st.lists(inner) | st.dictionaries(texts, inner), max_leaves=20
)


def same(a: Any, b: Any) -> bool:
    if isinstance(a, float) and isinstance(b, float) and math.isnan(a):
        return math.isnan(b)
    if isinstance(a, list):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(same(a[k], b[k]) for k in a)
    return bool(a == b)


@given(values)
def test_what_is_written_is_read_back_here_and_by_the_standard_library(value: Any) -> None:
    text = jsonx.encode(value)
    assert same(value, jsonx.decode(text))
    assert same(value, json.loads(text))


@given(values)
def test_what_the_standard_library_writes_is_read(value: Any) -> None:
    assert same(value, jsonx.decode(json.dumps(value)))


def test_the_tokens() -> None:
    written = jsonx.encode({"a": float("nan"), "b": [None, float("inf"), -math.inf]})
    assert written == b'{"a":NaN,"b":[null,Infinity,-Infinity]}'
    assert jsonx.encode({"a": None}) == b'{"a":null}'
    assert jsonx.encode(["null", 1.0]) == b'["null",1.0]'


def test_huge_numbers() -> None:
    assert jsonx.decode(jsonx.encode(2**70)) == 2**70
    assert jsonx.decode("1e400") == math.inf
    assert jsonx.decode(b"123456789012345678901234567890") == 123456789012345678901234567890


def test_what_msgspec_knows_is_written_beside_the_tokens_too() -> None:
    value = {1: (1, date(2026, 1, 2)), "n": math.nan, "own": 3 + 4j}
    text = jsonx.encode(value, default=str)
    assert text == b'{"1":[1,"2026-01-02"],"n":NaN,"own":"(3+4j)"}'


class Row(msgspec.Struct):
    a: float
    b: list[float] = []


def test_typed() -> None:
    assert jsonx.decode_as(Row, '{"a": 1, "b": [2]}') == Row(1.0, [2.0])
    assert math.isnan(jsonx.decode_as(Row, '{"a": NaN}').a)
    for text in ('{"a": "x"}', "{", "[]", '{"a": NaN, "b": "x"}'):
        with pytest.raises(ProtocolError):
            jsonx.decode_as(Row, text)


@pytest.mark.parametrize("text", ["", "{", "nan", "[1,]", b"\xff\xfe{", "[" * 100_000])
def test_what_is_not_json(text: str | bytes) -> None:
    with pytest.raises(ProtocolError):
        jsonx.decode(text)


cycle: list[Any] = []
cycle.append(cycle)


@pytest.mark.parametrize("value", [object(), {"a": object()}, {(1, 2): 3}, "\ud800", cycle])
def test_what_json_cannot_hold(value: object) -> None:
    with pytest.raises(InvalidValueError):
        jsonx.encode(value)
