"""Configs of sweeps: what is read, what is refused."""

from __future__ import annotations

from typing import Any

import pytest

from asyncwb.errors import InvalidValueError
from asyncwb.searchspace import EarlyStop, Metric, fill_distributions, read_config

SPACE = {"lr": {"min": 0.0, "max": 1.0}}
GOOD: dict[str, Any] = {"method": "random", "parameters": SPACE}


def test_everything_a_config_may_say() -> None:
    config = read_config(
        {
            "method": "bayes", "parameters": SPACE, "run_cap": 7, "program": "t.py",
            "command": ["python", "${program}", 3], "name": "n", "description": "d",
            "metric": {"name": "acc", "goal": "maximize", "target": 0.9},
            "early_terminate": {"type": "hyperband", "min_iter": 3, "eta": 2, "max_iter": 20},
            "project": "p", "entity": "e",
        }
    )  # fmt: skip
    assert (config.method, config.run_cap, config.program) == ("bayes", 7, "t.py")
    assert (config.command, config.name, config.description) == (
        ("python", "${program}", "3"), "n", "d",
    )  # fmt: skip
    assert config.metric == Metric("acc", maximize=True, target=0.9)
    assert config.metric is not None
    assert config.metric.loss(2.0) == -2.0
    assert config.early_stop == EarlyStop((3, 6, 12), 2, strict=False)
    assert (config.expected_runs, config.warnings) == (7, ())


@pytest.mark.parametrize(
    ("rule", "brackets"),
    [
        ({"min_iter": 3}, (3, 9, 27, 81)),
        ({"max_iter": 27, "s": 2}, (3, 9)),
        ({"max_iter": 18, "s": 2, "eta": 2}, (4, 9)),
        ({"max_iter": 2, "s": 5}, ()),
    ],
)
def test_brackets_of_hyperband(rule: dict[str, Any], brackets: tuple[int, ...]) -> None:
    """The documentation's own examples: min_iter 3 gives [3, 9, 27, 81], max_iter 27 [9, 3]."""
    config = read_config(
        {**GOOD, "metric": {"name": "x"}, "early_terminate": {"type": "hyperband", **rule}}
    )
    assert config.early_stop is not None
    assert config.early_stop.brackets[:4] == brackets
    assert config.early_stop.eta == rule.get("eta", 3)


def test_how_many_runs_to_expect() -> None:
    grid = {"method": "grid", "parameters": {"a": {"values": [1, 2]}, "b": {"min": 1, "max": 5}}}
    assert read_config(grid).expected_runs == 10
    assert read_config({**grid, "run_cap": 4}).expected_runs == 4
    assert read_config({**grid, "run_cap": 40}).expected_runs == 10
    assert read_config(GOOD).expected_runs is None


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ([], "a sweep's config is a dict, got list"),
        ({}, "method is one of grid, random, bayes, got None"),
        ({**GOOD, "method": "custom"}, "method is one of grid, random, bayes, got 'custom'"),
        ({"method": "random"}, "parameters is a dict"),
        ({**GOOD, "method": "grid"}, "parameter 'lr': a grid needs values that can be counted"),
        ({**GOOD, "method": "bayes"}, "method 'bayes' needs a metric"),
        ({**GOOD, "metric": "loss"}, "metric is a dict"),
        ({**GOOD, "metric": {"goal": "minimize"}}, "metric.name is the name"),
        ({**GOOD, "metric": {"name": "x", "goal": "min"}}, "'minimize' or 'maximize', got 'min'"),
        ({**GOOD, "metric": {"name": "x", "target": "1"}}, "metric.target is a number"),
        ({**GOOD, "run_cap": 0}, "run_cap is an integer from 1, got 0"),
        ({**GOOD, "run_cap": True}, "run_cap is an integer from 1, got True"),
        ({**GOOD, "program": 3}, "program is a text"),
        ({**GOOD, "command": "python"}, "command is a list of words"),
        ({**GOOD, "early_terminate": {"type": "hyperband", "min_iter": 1}}, "needs a metric"),
        ({**GOOD, "early_terminate": "hyperband"}, "early_terminate is a dict"),
    ],
)
def test_what_is_refused(config: Any, message: str) -> None:
    with pytest.raises(InvalidValueError) as raised:
        read_config(config)
    assert message in str(raised.value)


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ({"type": "median"}, "early_terminate.type is 'hyperband', got 'median'"),
        ({"type": "hyperband"}, "needs min_iter, or both max_iter and s"),
        ({"type": "hyperband", "max_iter": 3}, "needs min_iter, or both max_iter and s"),
        ({"type": "hyperband", "min_iter": 0}, "early_terminate.min_iter is an integer from 1"),
        ({"type": "hyperband", "min_iter": 1, "eta": 1}, "eta is a number above 1"),
    ],
)
def test_early_terminate_that_is_refused(rule: Any, message: str) -> None:
    with pytest.raises(InvalidValueError) as raised:
        read_config({**GOOD, "metric": {"name": "x"}, "early_terminate": rule})
    assert message in str(raised.value)


def test_what_is_odd_is_told() -> None:
    config = read_config({**GOOD, "metrics": 1, "parameters": {"p": {"value": 1, "vals": 2}}})
    assert list(config.warnings) == [
        "'metrics' means nothing in the config of a sweep",
        "parameter 'p': 'vals' means nothing there",
    ]


def test_distributions_are_filled_in_a_copy() -> None:
    config = {
        "method": "random",
        "parameters": {
            "a": {"min": 0.0, "max": 1.0}, "b": {"min": 0, "max": 1}, "c": {"value": 1},
            "d": {"values": [1]}, "e": {"distribution": "normal"},
            "f": {"parameters": {"g": {"min": 1, "max": 2}}},
        },
    }  # fmt: skip
    before = repr(config)
    filled = fill_distributions(config)["parameters"]
    assert repr(config) == before
    assert [filled[name].get("distribution") for name in "abcde"] == [
        "uniform", "int_uniform", None, None, "normal",
    ]  # fmt: skip
    assert filled["f"]["parameters"]["g"] == {"min": 1, "max": 2, "distribution": "int_uniform"}
