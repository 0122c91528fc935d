"""Values that parameters have, after the documentation of W&B's sweep configs."""

from __future__ import annotations

import math
from random import Random
from statistics import fmean, median, pstdev
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asyncwb.errors import InvalidValueError
from asyncwb.searchspace import Space
from asyncwb.searchspace.beta import beta_cdf, beta_quantile
from asyncwb.searchspace.parameters import Choices, read_parameter


def draws(count: int = 4000, **entry: Any) -> list[Any]:
    space, random = Space({"p": entry}), Random(1)
    return [space.draw(random)["p"] for _ in range(count)]


def test_constants_and_lists() -> None:
    assert set(draws(value=None)) == {None}
    assert set(draws(distribution="constant", value=3)) == {3}
    assert set(draws(values=["a", True, 1.5, None])) == {"a", True, 1.5, None}
    weighted = draws(values=["a", "b", "c"], probabilities=[0.7, 0.3, 0])
    assert 0.67 < weighted.count("a") / len(weighted) < 0.73
    assert "c" not in weighted


def test_uniform_numbers() -> None:
    whole = draws(min=2, max=4)
    assert set(whole) == {2, 3, 4}
    assert all(type(value) is int for value in whole)
    assert 0.3 < whole.count(4) / len(whole) < 0.37
    values = draws(min=-1.0, max=3.0)
    assert -1 <= min(values) < -0.99
    assert 2.99 < max(values) <= 3
    assert fmean(values) == pytest.approx(1, abs=0.05)
    assert set(draws(distribution="q_uniform", min=0, max=1, q=0.25)) == {0, 0.25, 0.5, 0.75, 1}
    # Never beyond the ends: 2 * 0.6 is rounded to, and is more than 1.
    assert set(draws(distribution="q_uniform", min=0.0, max=1.0, q=0.6)) == {0.0, 0.6}
    assert set(draws(distribution="q_uniform", min=0, max=10, q=5)) == {0, 5, 10}
    assert 0.3 in draws(
        distribution="q_uniform", min=0.0, max=1.0, q=0.1
    )  # not 0.30000000000000004


@pytest.mark.parametrize(
    ("entry", "low", "middle", "high"),
    [
        ({"distribution": "log_uniform", "min": 0, "max": 4}, 1, math.exp(2), math.exp(4)),
        ({"distribution": "log_uniform_values", "min": 1e-4, "max": 1.0}, 1e-4, 1e-2, 1),
        # log(1/X) is uniform from 0 to 4
        ({"distribution": "inv_log_uniform", "min": 0, "max": 4}, math.exp(-4), math.exp(-2), 1),
        ({"distribution": "inv_log_uniform_values", "min": 1e-4, "max": 1.0}, 1e-4, 1e-2, 1),
        ({"distribution": "q_log_uniform_values", "min": 1, "max": 1024, "q": 1}, 1, 32, 1024),
        ({"distribution": "q_log_uniform", "min": 0, "max": 4, "q": 0.5}, 1, 7.5, 54.5),
    ],
)
def test_logarithmic_numbers(entry: dict[str, Any], low: float, middle: float, high: float) -> None:
    values = draws(**entry)
    assert low * 0.999 <= min(values) <= low * 1.05 + entry.get("q", 0)
    assert high * 0.9 - entry.get("q", 0) <= max(values) <= high * 1.001
    assert median(values) == pytest.approx(middle, rel=0.15)


def test_normal_numbers() -> None:
    values = draws(distribution="normal", mu=5, sigma=2)
    assert fmean(values) == pytest.approx(5, abs=0.15)
    assert pstdev(values) == pytest.approx(2, abs=0.1)
    standard = draws(distribution="normal")
    assert (fmean(standard), pstdev(standard)) == (
        pytest.approx(0, abs=0.05), pytest.approx(1, abs=0.05),
    )  # fmt: skip
    assert median(draws(distribution="log_normal", mu=1)) == pytest.approx(math.e, rel=0.1)
    assert all(value % 2 == 0 for value in draws(distribution="q_normal", mu=10, sigma=9, q=2))
    assert all(value >= 0 for value in draws(distribution="q_log_normal", mu=1, sigma=1, q=3))


@pytest.mark.parametrize(("a", "b"), [(0.5, 0.5), (1, 1), (2, 5), (30, 3), (0.2, 40)])
def test_the_beta_distribution_is_that_of_the_standard_library(a: float, b: float) -> None:
    values, random = sorted(draws(600, distribution="beta", a=a, b=b)), Random(2)
    known = sorted(random.betavariate(a, b) for _ in values)
    assert max(abs(x - y) for x, y in zip(values, known, strict=True)) < 0.15
    assert fmean(values) == pytest.approx(a / (a + b), abs=0.05)
    for share in (0.01, 0.3, 0.99):
        assert beta_cdf(beta_quantile(share, a, b), a, b) == pytest.approx(share, abs=1e-6)
    assert set(draws(100, distribution="q_beta", a=a, b=b, q=0.5)) <= {0.0, 0.5, 1.0}


SPACES: list[dict[str, Any]] = [
    {"min": 0.0, "max": 2.0}, {"min": 3, "max": 40}, {"values": ["x", 2, None, True, 1.5]},
    {"distribution": "log_uniform_values", "min": 1e-6, "max": 10},
    {"distribution": "inv_log_uniform", "min": 1, "max": 3},
    {"distribution": "normal", "mu": 3, "sigma": 0.1}, {"distribution": "beta", "a": 2, "b": 3},
]  # fmt: skip


@given(st.sampled_from(SPACES), st.floats(0, 1))
def test_a_position_is_the_inverse_of_a_value(entry: dict[str, Any], share: float) -> None:
    """What an optimiser sees of a run leads back to the run's values."""
    space = Space({"p": entry, "c": {"value": 1}})
    value = read_parameter("p", entry).at_share(share)
    position = space.position({"p": value})
    assert position is not None
    assert set(position) == {"p"}
    again = space.at(position)
    assert again["c"] == 1
    if isinstance(value, float):
        # The beta distribution is flat at its ends: its share says little there.
        assert again["p"] == pytest.approx(value, rel=1e-4, abs=1e-4)
    else:
        assert again["p"] == value
        assert type(again["p"]) is type(value)


def test_a_config_outside_of_the_space_has_no_position() -> None:
    space = Space({"a": {"values": [1, "x"]}, "n": {"parameters": {"b": {"min": 0.0, "max": 1.0}}}})
    assert space.position({"a": "x", "n": {"b": 0.25}}) == {"a": 1, "n.b": 0.25}
    assert space.position({"a": 1.0, "n": {"b": 1}}) == {"a": 0, "n.b": 1}
    for outside in (
        {"a": True, "n": {"b": 0.5}}, {"a": 1, "n": 3}, {"a": 1}, {"a": 1, "n": {"b": "0.5"}},
        {"a": 1, "n": {"b": math.nan}},
    ):  # fmt: skip
        assert space.position(outside) is None


def test_a_grid_has_each_combination_once() -> None:
    space = Space(
        {
            "z": {"values": ["p", "q"]}, "a": {"min": 1, "max": 3},
            "deep": {
                "parameters": {"q": {"distribution": "q_uniform", "min": 0, "max": 1, "q": 0.5}}
            },
        }
    )  # fmt: skip
    assert space.size() == 18
    points = [space.point(number) for number in range(18)]
    assert points[0] == {"a": 1, "deep": {"q": 0.0}, "z": "p"}
    assert points[1] == {"a": 1, "deep": {"q": 0.0}, "z": "q"}
    assert len({repr(point) for point in points}) == 18
    assert [space.number_of(point) for point in points] == list(range(18))
    assert space.number_of({"a": 4, "deep": {"q": 0.0}, "z": "p"}) is None
    assert space.number_of({"a": 1, "deep": {"q": 0.25}, "z": "p"}) is None


def test_a_huge_grid_costs_nothing() -> None:
    space = Space({f"p{i}": {"min": 0, "max": 10**8} for i in range(5)})
    assert space.size() == (10**8 + 1) ** 5
    assert space.point(10**8 + 1)["p3"] == 1
    assert Space({"p": {"min": 0.0, "max": 1.0}}).size() is None
    assert Space({"p": {"min": 0, "max": 10**30}}).size() is None


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        (1, "is a dict such as"),
        ({}, "needs a value, values"),
        ({"vales": [1]}, "needs a value, values"),
        ({"values": []}, "at least one value"),
        ({"values": "abc"}, "at least one value"),
        ({"values": [1, 2], "probabilities": [1]}, "as many numbers"),
        ({"values": [1, 2], "probabilities": [0.5, 0.4]}, "add up to 1, not to 0.9"),
        ({"values": [1, 2], "probabilities": [-1, 2]}, "from 0 to 1"),
        ({"min": 1, "max": 2.0}, "both as integers"),
        ({"min": "1", "max": 2}, "min is a finite number"),
        ({"min": math.nan, "max": 2.0}, "min is a finite number"),
        ({"min": True, "max": 2}, "min is a finite number"),
        ({"min": 3, "max": 2}, "not below max"),
        ({"min": 1.0, "max": 1.0}, "not below max"),
        ({"distribution": "uniform", "min": 1.0}, "uniform needs max"),
        ({"distribution": "int_uniform", "min": 1.5, "max": 3}, "are integers"),
        ({"distribution": "gauss"}, "no distribution 'gauss'; there are constant, categorical"),
        ({"distribution": ["uniform"]}, "no distribution"),
        ({"distribution": "log_uniform", "min": 1, "max": 1000}, "use log_uniform_values"),
        ({"distribution": "log_uniform_values", "min": 0, "max": 1}, "above 0"),
        ({"distribution": "normal", "sigma": 0}, "sigma is above 0"),
        ({"distribution": "q_uniform", "min": 0.1, "max": 0.2, "q": 1}, "no multiple of q=1"),
        ({"distribution": "q_uniform", "min": 0, "max": 1, "q": -1}, "q is above 0"),
        ({"distribution": "beta", "a": -1}, "a is above 0"),
        ({"distribution": "constant"}, "needs a value"),
        ({"min": 0, "max": 10**400}, "max is a finite number"),
        ({"min": -1e308, "max": 1e308}, "too large"),
        ({"distribution": "log_normal", "mu": 800}, "too large"),
        ({"distribution": "q_uniform", "min": 0.0, "max": 1e300, "q": 1e-300}, "too large"),
    ],
)  # fmt: skip
def test_a_bad_parameter_is_named(entry: Any, message: str) -> None:
    with pytest.raises(InvalidValueError, match=r"parameter 'top.p'") as raised:
        Space({"top": {"parameters": {"p": entry}}})
    assert message in str(raised.value)


def test_bad_parameters() -> None:
    for bad in (None, [], {}, "x", {"a": {"parameters": {}}}, {1: {"value": 1}}):
        with pytest.raises(InvalidValueError, match="parameters"):
            Space(bad)
    deep: Any = {"value": 1}
    for _ in range(50):
        deep = {"parameters": {"p": deep}}
    with pytest.raises(InvalidValueError, match="nested more than"):
        Space({"p": deep})
    with pytest.raises(InvalidValueError, match="more than 1000"):
        Space({f"p{i}": {"value": i} for i in range(2000)})
    assert Space({"a": {"value": 1, "vale": 2}}).warnings == [
        "parameter 'a': 'vale' means nothing there"
    ]


def test_choices_of_one_uniform_number() -> None:
    assert [Choices((1, 2)).at_share(share) for share in (0, 0.49, 0.5, 1)] == [1, 1, 2, 2]
