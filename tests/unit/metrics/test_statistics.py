from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from asyncwb.metrics import MetricDefinition, MetricTable, Statistics, SummaryStatistics

if TYPE_CHECKING:
    import random

ALL = ("min", "max", "mean", "best", "last", "first")


def of(*values: object, goal: int = 0, earlier: object = None) -> dict[str, object]:
    made = Statistics(MetricDefinition(name="x", summary=ALL, goal=goal), earlier)
    for value in values:
        made.extend([value])
    return made.value()


def summary(**asked: tuple[str, ...]) -> tuple[MetricTable, SummaryStatistics]:
    table = MetricTable()
    made = SummaryStatistics(table)
    for name, one in asked.items():
        table.define(MetricDefinition(name=name, defined=True, summary=one), overwrite=True)
    made.redefined()
    return table, made


LAST = {"x": 1, "y": 1, "all": 1, "_mine": 1, "_step": 1, "n": {"a": 1, "b": 1, "c": 1}}


def shown(made: SummaryStatistics, tree: dict[str, Any] = LAST) -> dict[str, Any]:
    """What a summary that holds these last values is to hold instead of some."""
    return {".".join(path): value for path, value in made.shown(tree)}


def test_the_numbers() -> None:
    assert of(2, 1.0, 3) == {
        "min": 1.0, "max": 3, "mean": 2.0, "best": 1.0, "last": 3, "first": 2,
    }  # fmt: skip
    assert of(2, 1.0, 3, goal=2)["best"] == 3


def test_only_numbers_count_but_anything_is_first_or_last() -> None:
    found = of("s", True, math.nan, 4, math.inf, None)
    assert found == {
        "min": 4, "max": math.inf, "mean": math.inf, "best": 4, "last": None, "first": "s",
    }  # fmt: skip
    assert of("s", [1]) == {"last": [1], "first": "s"}
    assert of(math.nan).keys() == {"last", "first"}
    assert of() == {}


def test_the_numbers_of_a_resumed_run_go_on_but_for_the_mean() -> None:
    earlier = {"min": -1, "max": 9, "mean": 5, "last": 2, "first": 7, "best": -1}
    assert of(2, 4, earlier=earlier) == {
        "min": -1, "max": 9, "mean": 3.0, "best": -1, "last": 4, "first": 7,
    }  # fmt: skip
    assert of(2, goal=2, earlier={"best": 8})["best"] == 8
    assert of(2, earlier={"min": math.nan, "max": "x"})["min"] == 2
    # A first row without a number must not lose what is known.
    assert of("s", earlier={"min": -1}) == {"min": -1, "best": -1, "last": "s", "first": "s"}
    for odd in (None, 3, [1]):
        assert of(2, earlier=odd)["min"] == 2


@settings(max_examples=200, deadline=None)
@given(
    st.lists(
        st.one_of(st.floats(), st.integers(-(2**63), 2**63), st.sampled_from([True, None, "s"])),
        min_size=1,
    ),
    st.randoms(use_true_random=False),
)
def test_it_does_not_matter_when_it_settles(values: list[Any], chance: random.Random) -> None:
    at_once = Statistics(MetricDefinition(name="x", summary=ALL))
    now_and_then = Statistics(MetricDefinition(name="x", summary=ALL))
    for value in values:
        at_once.extend([value])
        now_and_then.extend([value])
        now_and_then.value() if chance.random() < 0.3 else None
    assert repr(now_and_then.value()) == repr(at_once.value())
    numbers = [v for v in values if type(v) in (int, float) and v == v]  # noqa: PLR0124
    if numbers:
        found = at_once.value()
        assert (found["min"], found["max"]) == (min(numbers), max(numbers))
        total = 0.0
        for number in numbers:
            total += number
        assert repr(found["mean"]) == repr(total / len(numbers))


def test_what_waits_has_a_bound() -> None:
    _, made = summary(x=("max",))
    one = made.of(("x",))
    assert one is not None
    for n in range(10_000):
        made.add_row({"x": n, "y": n}, flat=True)
        assert len(one._waiting) + len(made._waiting) <= 256
    assert shown(made) == {"x": {"max": 9999}}


@pytest.mark.parametrize("flat", [True, False])
def test_rows_of_several_key_sets_that_take_turns_count_in_their_order(flat: bool) -> None:
    _, made = summary(x=("first", "last", "mean"), y=("first", "last"))
    for n in range(1000):
        made.add_row({"x": n, "y": -n} if n % 2 else {"other": n, "x": n}, flat=flat)
        if n == 0:
            assert shown(made) == {"x": {"mean": 0, "last": 0, "first": 0}}
    assert shown(made) == {
        "x": {"mean": 499.5, "last": 999, "first": 0},
        "y": {"last": -999, "first": -1},
    }


def test_values_set_by_hand_hide_statistics_until_they_are_defined_again() -> None:
    table, made = summary(x=("min",), **{"n.*": ("max",)})
    made.add_row({"x": 3, "n": {"a": 1, "b": 1}}, flat=False)
    made.set_by_hand(("x",), 9)
    made.set_by_hand(("n",), {"a": 5, "c": 1})
    made.add_row({"x": 2, "n": {"a": 2, "c": 2}}, flat=False)
    assert shown(made) == {}
    table.define(MetricDefinition(name="x", summary=("min", "first")), overwrite=True)
    made.redefined()
    assert shown(made) == {"x": {"min": 2, "first": 3}}


def test_a_removed_key_begins_anew() -> None:
    _, made = summary(x=("min",), **{"n.a": ("max",)})
    made.add_row({"x": 1, "n": {"a": 9}}, flat=False)
    made.remove(("x",))
    made.remove(("n",))
    assert shown(made) == {}
    made.add_row({"x": 4, "n": {"a": 2}}, flat=False)
    assert shown(made) == {"x": {"min": 4}, "n.a": {"max": 2}}


def test_none_leaves_nothing_and_a_lost_definition_lets_go() -> None:
    table, made = summary(x=("none", "min"), y=("min",))
    made.add_row({"x": 1, "y": 1}, flat=True)
    assert shown(made) == {"x": None, "y": {"min": 1}}
    table.define(MetricDefinition(name="y"), overwrite=True)
    made.redefined()
    assert shown(made) == {"x": None}
    assert (made.covers(("x",)), made.covers(("x", "min")), made.covers(("y",))) == (
        True,
        True,
        False,
    )


def test_they_take_the_place_of_values_that_are_there() -> None:
    _, made = summary(**{"n": ("first",), "n.a": ("max",)})
    made.add_row({"n": {"a": 1}}, flat=False)
    made.add_row({"n": 7}, flat=True)
    for tree in ({}, {"n": {}}, {"n": {"_type": "t", "a": 1}}, {"n": 3}):
        assert "n.a" not in shown(made, tree)
    found = made.shown({"n": {"a": 1}})
    assert found == [(("n", "a"), {"max": 1}), (("n",), {"first": 7})]


def test_the_runs_own_values_stay_plain() -> None:
    _, made = summary(_step=("max",), _mine=("max",))
    made.add_row({"_step": 1, "_mine": 2}, flat=True)
    assert shown(made) == {"_mine": {"max": 2}}


@pytest.mark.parametrize("flat", [True, False])
def test_many_key_sets(flat: bool) -> None:
    _, made = summary(all=("mean",))
    for n in range(600):
        made.add_row({"all": n, f"k{n}": n}, flat=flat)
    assert shown(made) == {"all": {"mean": sum(range(600)) / 600}}
