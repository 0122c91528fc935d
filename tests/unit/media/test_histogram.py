"""Histograms: as numpy counts them, whatever they are made of."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from asyncwb.errors import InvalidValueError
from asyncwb.media import Histogram

# Not so large, nor so close to each other, that numpy itself cannot make bins.
_NUMBERS = st.floats(-1e9, 1e9).map(lambda value: round(value, 3))


@given(values=st.lists(_NUMBERS, min_size=1, max_size=200), bins=st.integers(1, 512))
def test_it_is_what_numpy_counts(values: list[float], bins: int) -> None:
    found = Histogram(values, num_bins=bins)
    counts, edges = np.histogram(values, bins)
    assert (found.histogram, found.bins) == (counts.tolist(), edges.tolist())
    assert found.at_once() == {
        "_type": "histogram", "values": counts.tolist(), "bins": edges.tolist(),
    }  # fmt: skip


@given(
    array=arrays.arrays(
        st.sampled_from(["int8", "uint16", "int64", "float32", "float64"]),
        arrays.array_shapes(max_dims=3, max_side=6),
        elements=st.integers(0, 100),
    )
)
def test_arrays_of_any_type_and_shape(array: Any) -> None:
    found = Histogram(array)
    counts, edges = np.histogram(array, 64)
    assert (found.histogram, found.bins) == (counts.tolist(), edges.tolist())
    assert sum(found.histogram) == array.size


@given(values=st.lists(st.floats(width=32), min_size=1, max_size=50))
def test_what_is_not_finite_is_not_counted(values: list[float]) -> None:
    finite = [value for value in values if np.isfinite(value)]
    if not finite:
        with pytest.raises(InvalidValueError, match="finite"):
            Histogram(values)
    else:
        assert sum(Histogram(values).histogram) == len(finite)


def test_many_values_are_counted_later_and_what_was_given_may_change() -> None:
    values = np.random.default_rng(0).normal(size=100_000)
    expected = np.histogram(values, 64)[0].tolist()
    found = Histogram(values)
    assert found.at_once() is None
    assert found.held == values.nbytes
    values[:] = 0
    assert found.histogram == expected
    assert found.held == 0
    assert found.at_once() is not None


def test_values_too_close_for_bins_are_in_one() -> None:
    found = Histogram([2.0**60, 2.0**60 + 256, np.inf])
    assert (found.histogram, found.bins) == ([2], [2.0**60, 2.0**60 + 256])


def test_bools_and_small_floats() -> None:
    assert Histogram([True, False, True], num_bins=2).histogram == [1, 2]
    assert Histogram(np.array([0, 1], np.float16), num_bins=2).histogram == [1, 1]


def test_counts_and_edges() -> None:
    found = Histogram(np_histogram=(np.array([1, 2]), [0, 1, 2.5]))
    assert found.at_once() == {"_type": "histogram", "values": [1, 2], "bins": [0, 1, 2.5]}


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        ({}, "sequence"),
        ({"sequence": []}, "no values"),
        ({"sequence": ["a"]}, "numbers"),
        ({"sequence": [[1], [1, 2]]}, "histogram"),
        ({"sequence": [1], "num_bins": 513}, "1 to 512"),
        ({"sequence": [1], "num_bins": 0}, "1 to 512"),
        ({"sequence": [1], "num_bins": 2.5}, "integer"),
        ({"np_histogram": ([1, 2], [1, 2])}, "one edge more"),
        ({"np_histogram": ([1], [1, 2], 3)}, "pair"),
        ({"np_histogram": (np.ones(513), np.ones(514))}, "at most 512"),
        ({"np_histogram": ([[1]], [1, 2])}, "one dimension"),
    ],
)
def test_bad_input(arguments: dict[str, Any], why: str) -> None:
    with pytest.raises(InvalidValueError, match=why):
        Histogram(**arguments)
