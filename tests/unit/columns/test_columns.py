"""Columns of rows: dtypes, what is missing, several batches as one."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from asyncwb.columns import Columns, concat, from_rows, from_texts
from asyncwb.columns.frames import to_pandas
from asyncwb.errors import ProtocolError, UnsupportedError


def texts(rows: list[dict[str, Any]]) -> list[str]:
    return [json.dumps(row) for row in rows]


@pytest.mark.parametrize(
    ("values", "dtype", "expected"),
    [
        ([1, 2, 3], "int64", [1, 2, 3]),
        ([1, 2.5], "float64", [1.0, 2.5]),
        ([True, False], "bool", [True, False]),
        (["a", "b"], "object", ["a", "b"]),
        ([1, "b"], "object", [1, "b"]),
        ([True, 2], "object", [True, 2]),
        ([2**63 - 1, -(2**63)], "int64", [2**63 - 1, -(2**63)]),
        ([2**70, 1], "object", [2**70, 1]),
        ([[1, 2], [3, 4]], "object", [[1, 2], [3, 4]]),
        ([{"x": 1}, {"x": 2}], "object", [{"x": 1}, {"x": 2}]),
        ([10**400, 0.5], "object", [10**400, 0.5]),
        ([0.5, 2**53 + 1], "object", [0.5, 2**53 + 1]),
        ([0.5, 2**53 - 1, 1e300], "float64", [0.5, 2.0**53 - 1, 1e300]),
        ([0.5, True], "object", [0.5, True]),
        ([0.5, "b"], "object", [0.5, "b"]),
        ([1, 2**70], "object", [1, 2**70]),
    ],
)
def test_dtypes_where_all_rows_have_a_value(values: list[Any], dtype: str, expected: Any) -> None:
    for columns in (
        from_rows([{"k": v} for v in values]),
        from_texts(texts([{"k": v} for v in values])),
    ):
        array = columns.arrays()["k"]
        assert array.dtype == dtype
        assert array.shape == (len(values),)
        assert array.tolist() == expected
        assert [type(value) for value in array.tolist()] == [type(value) for value in expected]


@pytest.mark.parametrize(
    ("values", "dtype", "missing"),
    [([1, 2], "float64", "nan"), ([0.5, 2], "float64", "nan"), ([True, False], "object", None),
     (["a", "b"], "object", None), ([{"x": 1}, {}], "object", None)],
)  # fmt: skip
@pytest.mark.parametrize("null", [True, False])
def test_what_is_missing(values: list[Any], dtype: str, missing: Any, null: bool) -> None:
    gap: dict[str, Any] = {"other": 1, "k": None} if null else {"other": 1}
    rows = [{"k": values[0]}, gap, {"k": values[1]}]
    for columns in (from_rows(rows), from_texts(texts(rows))):
        array = columns.arrays()["k"]
        assert array.dtype == dtype
        assert [array[0], array[2]] == values
        assert math.isnan(array[1]) if missing == "nan" else array[1] is None


def test_nan_and_infinities_are_values() -> None:
    columns = from_texts(['{"k":NaN}', '{"k":-Infinity}', '{"k":1e0}'])
    array = columns.arrays()["k"]
    assert array.dtype == "float64"
    assert math.isnan(array[0])
    assert array.tolist()[1:] == [-math.inf, 1.0]
    assert columns.columns["k"].has().all()


VALUES = st.one_of(
    st.integers(-(2**64), 2**64), st.floats(), st.booleans(), st.text(max_size=5), st.none(),
    st.lists(st.integers(0, 3), max_size=2), st.dictionaries(st.text(max_size=2), st.integers()),
)  # fmt: skip
ROWS = st.lists(st.dictionaries(st.sampled_from(["a", "b", 'c,"}', "_step"]), VALUES), max_size=12)


def same(a: Any, b: Any) -> bool:
    return a == b or (a != a and b != b)


@settings(max_examples=200, deadline=None)
@given(batches=st.lists(ROWS, max_size=4))
@example(batches=[[{"n": 2**53 + 1}, {"n": 0.0}]])
@example(batches=[[{"n": -(2**53) - 1}], [{"n": 0.5}, {"n": None}]])
@example(batches=[[{"n": 0.5, "m": 1}, {"n": None, "m": 1}, {"n": 0.5}, {"n": 1, "m": 2, "k": 3}]])
def test_any_rows_come_back(batches: list[list[dict[str, Any]]]) -> None:
    rows = [row for batch in batches for row in batch]
    for columns in (
        concat(map(from_rows, batches)),
        concat(from_texts(texts(batch)) for batch in batches),
    ):
        assert columns.count == len(rows)
        for key in {key for row in rows for key in row}:
            column = columns.columns[key]
            has = column.has().tolist()
            assert has == [row.get(key) is not None for row in rows]
            for row, value, there in zip(rows, column.values.tolist(), has, strict=True):
                if there:
                    assert same(value, row[key])


def test_batches_of_other_types_become_one_column() -> None:
    one = from_rows([{"a": 1, "b": 1}])
    two = from_rows([{"a": 0.5, "c": "x"}])
    arrays = concat([one, two]).arrays()
    assert arrays["a"].tolist() == [1.0, 0.5]
    assert arrays["a"].dtype == "float64"
    assert arrays["b"][0] == 1
    assert math.isnan(arrays["b"][1])
    assert arrays["c"].tolist() == [None, "x"]


def test_rows_of_a_range_in_the_order_of_their_steps() -> None:
    rows = [{"_step": s, "n": n} for n, s in enumerate([5, 1, 3, 1, 9])]
    found = from_rows(rows).within(1, 6).arrays()
    assert found["_step"].tolist() == [1, 1, 3, 5]
    assert found["n"].tolist() == [1, 3, 2, 0]


def test_only_rows_that_have_all_keys() -> None:
    rows = [{"_step": 0, "a": 1}, {"_step": 1, "a": 2, "b": 3}, {"_step": 2, "b": None, "a": 1}]
    found = from_rows(rows).having(["a", "b"]).arrays()
    assert {key: array.tolist() for key, array in found.items()} == {"a": [2], "b": [3]}
    assert from_rows(rows).having(["a", "nowhere"]).count == 0


def test_no_rows() -> None:
    arrays = concat([], ("_step", "loss")).arrays()
    assert {key: array.shape for key, array in arrays.items()} == {"_step": (0,), "loss": (0,)}


@pytest.mark.parametrize("bad", ["[1]", "{", '{"a":1},{"a":2}'])
def test_texts_that_are_no_rows(bad: str) -> None:
    with pytest.raises(ProtocolError):
        from_texts(['{"a":1}', bad])


def test_a_missing_package_is_named_with_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(UnsupportedError, match=r"asyncwb\[pandas\]"):
        to_pandas(Columns(0, {}))


def test_pandas_and_arrow_and_polars_agree() -> None:
    pa = pytest.importorskip("pyarrow")
    pytest.importorskip("polars")
    from asyncwb.columns.frames import to_arrow, to_polars

    columns = from_rows(
        [
            {
                "_step": 0,
                "n": 2**53 + 1,
                "f": math.nan,
                "t": "a",
                "b": True,
                "d": {"x": [1, math.inf]},
            },
            {"_step": 1, "f": 2},
        ]
    )
    expected = {
        "_step": [0, 1], "n": [2**53 + 1, None], "t": ["a", None], "b": [True, None],
        "d": ['{"x":[1,Infinity]}', None],
    }  # fmt: skip
    table, frame = to_arrow(columns), to_polars(columns)
    for key, values in expected.items():
        assert table[key].to_pylist() == values
        assert frame[key].to_list() == values
    for values in (table["f"].to_pylist(), frame["f"].to_list()):
        assert math.isnan(values[0])
        assert values[1] == 2.0
    assert [str(field.type) for field in table.schema] == [
        "int64", "int64", "double", "string", "bool", "string",
    ]  # fmt: skip
    assert table.schema.field("d").metadata == {b"asyncwb": b"json"}
    assert table.schema.field("t").metadata is None
    assert isinstance(table, pa.Table)
    assert np.isnan(to_pandas(columns)["n"][1])
