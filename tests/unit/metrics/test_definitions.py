from __future__ import annotations

from typing import Any

import pytest

from asyncwb.journal.records import MetricControl, MetricRecord
from asyncwb.metrics import (
    MetricDefinition,
    MetricTable,
    definition_of,
    definitions_of_config,
    record_of,
)

# `config._wandb` of the captured request of the wandb package, see run.md 9.4.
CAPTURED: list[dict[str, Any]] = [
    {"1": "epoch", "6": [3], "7": []},
    {"1": "loss", "5": 1, "6": [1, 3], "7": [1, 2, 3, 5, 8]},
    {"1": "hid", "6": [3, 2], "7": []},
    {"1": "nosum", "6": [3], "7": [6]},
    {"1": "nosync", "5": 1, "6": [3], "7": []},
    {"1": "a.b", "6": [3], "7": [2]},
    {"2": "val/*", "5": 1, "6": [1], "7": []},
]


def table(*definitions: MetricDefinition) -> MetricTable:
    made = MetricTable()
    for one in definitions:
        made.define(one, overwrite=False)
    return made


def metric(name: str, **fields: Any) -> MetricDefinition:
    return MetricDefinition(name=name, defined=True, **fields)


def by_name(wire: list[dict[str, Any]]) -> dict[str, Any]:
    """Entries under their names, with names for indices and options in order."""
    return {
        entry.get("1") or entry["2"]: {
            **{key: value for key, value in entry.items() if key in "78"},
            "6": sorted(entry["6"]),
            "step": wire[entry["5"] - 1]["1"] if "5" in entry else None,
        }
        for entry in wire
    }


def test_the_captured_list_is_read_and_written_again() -> None:
    config = {"_wandb": {"value": {"m": CAPTURED}}, "lr": {"value": 1}}
    made = MetricTable()
    made.inherit(definitions_of_config(config))
    assert by_name(made.wire()) == by_name(CAPTURED)
    loss = made.find("loss")
    assert loss is not None
    assert (loss.step_metric, loss.step_sync) == ("epoch", True)
    assert loss.summary == ("min", "max", "mean", "last", "first")


@pytest.mark.parametrize(
    "config",
    [
        {},
        {"_wandb": 3},
        {"_wandb": {"value": {"m": None}}},
        {"_wandb": {"value": {"m": [3, {}, {"1": 5}]}}},
    ],
)
def test_a_config_without_definitions(config: dict[str, Any]) -> None:
    assert definitions_of_config(config) == []


def test_odd_entries_are_read_as_far_as_they_go() -> None:
    entries = [{"1": "x", "5": 9, "6": None, "7": [0, 1, 99, "a"], "8": "no"}, 7]
    (found,) = definitions_of_config({"_wandb": {"value": {"m": entries}}})
    assert found == MetricDefinition(name="x", summary=("min",))


def test_records_both_ways() -> None:
    loss = metric("loss", step_metric="e", step_sync=True, summary=("min", "best"), goal=2)
    assert record_of(loss, overwrite=False) == MetricRecord(
        name="loss", step_metric="e", options=[1, 3], summary=[1, 4], goal=2
    )
    glob = metric("v/*", hidden=True)
    written = record_of(glob, overwrite=True)
    assert written == MetricRecord(
        glob_name="v/*", options=[2, 3], control=MetricControl(overwrite=True)
    )
    for one in (loss, glob):
        assert definition_of(record_of(one, overwrite=True)) == one


def test_copy_is_the_default() -> None:
    assert definition_of(MetricRecord(name="x", summary=[7])).summary == ()


def test_the_very_name_counts_then_the_longest_glob() -> None:
    made = table(
        metric("*", step_metric="all"),
        metric("val/*", step_metric="epoch"),
        metric("val/acc", summary=("max",)),
        metric("val/loss", step_metric="other"),
    )
    found = {
        name: one.name if (one := made.find(name)) else None
        for name in ("val/acc", "val/x", "train", "val/loss", "_step", "_own")
    }
    assert found == {
        "val/acc": "val/acc", "val/x": "val/*", "train": "*", "val/loss": "val/loss",
        "_step": None, "_own": None,
    }  # fmt: skip


def test_a_step_metric_that_is_only_named_leaves_globs_alone() -> None:
    made = table(metric("*", hidden=True))
    made.define(MetricDefinition(name="epoch"), overwrite=False)
    found = made.find("epoch")
    assert found is not None
    assert found.name == "*"


def test_definitions_are_merged_unless_they_overwrite() -> None:
    made = table(
        metric("x", step_metric="e", step_sync=True, summary=("max",)),
        metric("x", hidden=True, summary=("min",), goal=1),
    )
    assert made.find("x") == metric(
        "x", step_metric="e", step_sync=True, hidden=True, summary=("min", "max"), goal=1
    )
    made.define(metric("x", summary=("last",)), overwrite=True)
    assert made.find("x") == metric("x", summary=("last",))
    assert made.step_metrics == {"e"}


def test_a_definition_replaces_the_one_of_the_run_before() -> None:
    made = table(metric("own", summary=("min",)))
    made.inherit([metric("x", summary=("min",)), metric("own", summary=("max",)), metric("y")])
    assert made.get("x") is None
    made.define(metric("x", summary=("max",)), overwrite=False)
    assert (made.find("x"), made.find("own")) == (
        metric("x", summary=("max",)),
        metric("own", summary=("min",)),
    )
    assert by_name(made.wire()).keys() == {"own", "x", "y"}


def test_the_step_metric_is_an_index_into_the_list() -> None:
    made = table(metric("v/*", step_metric="e"), metric("l", step_metric="l"), metric("w"))
    assert made.wire() == [
        {"1": "l", "5": 1, "6": [3], "7": []},
        {"1": "w", "6": [3], "7": []},
        {"2": "v/*", "5": 4, "6": [], "7": []},
        {"1": "e", "6": [], "7": []},
    ]
