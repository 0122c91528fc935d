from __future__ import annotations

import argparse
import copy
import datetime
import json
import math
import pickle
from pathlib import Path
from threading import RLock, Thread
from typing import Any

import numpy as np
import pytest

from asyncwb.errors import ConfigError
from asyncwb.run.config import Config
from asyncwb.run.config_sources import wire_config


class Recorded:
    def __init__(self, *, allow_val_change: bool = True) -> None:
        self.records: list[tuple[dict[str, Any], list[str]]] = []
        self.config = Config(
            lambda changed, removed: self.records.append((changed, removed)),
            allow_val_change=allow_val_change,
            lock=RLock(),
        )


def test_item_and_attribute_access_record_each_change() -> None:
    made = Recorded()
    made.config["lr"] = 0.1
    made.config.epochs = 3
    assert made.config.lr == 0.1
    assert made.config["epochs"] == 3
    assert made.records == [({"lr": 0.1}, []), ({"epochs": 3}, [])]
    with pytest.raises(AttributeError, match="batch"):
        _ = made.config.batch
    assert not hasattr(made.config, "batch")
    with pytest.raises(KeyError):
        made.config["batch"]


def test_an_equal_value_is_no_change_but_another_type_is() -> None:
    made = Recorded()
    made.config["a"] = 1
    made.config["a"] = 1
    made.config["a"] = True
    assert [changed for changed, _ in made.records] == [{"a": 1}, {"a": True}]


def test_dots_in_a_key_are_literal() -> None:
    made = Recorded()
    made.config["x.y"] = "dotted"
    made.config["x"] = {"y": 1}
    assert made.config.as_dict() == {"x.y": "dotted", "x": {"y": 1}}


def test_nested_changes_write_the_whole_top_level_value() -> None:
    made = Recorded()
    made.config["opt"] = {"name": "adam", "betas": {"one": 0.9}}
    made.config["opt"]["betas"]["two"] = 0.99
    made.config["opt"].update(name="sgd")
    del made.config["opt"]["betas"]["one"]
    assert made.records[-1] == ({"opt": {"name": "sgd", "betas": {"two": 0.99}}}, [])
    assert json.loads(json.dumps(made.config["opt"])) == {"name": "sgd", "betas": {"two": 0.99}}
    plain = copy.deepcopy(made.config["opt"])
    plain["name"] = "other"
    assert made.config["opt"]["name"] == "sgd"
    assert type(pickle.loads(pickle.dumps(made.config["opt"]))) is dict


def test_update_takes_mappings_namespaces_pairs_and_keywords() -> None:
    made = Recorded()
    made.config.update({"a": 1}, b=2)
    made.config.update(argparse.Namespace(c=3, _hidden=4))
    made.config.update([("d", 5)])
    assert made.config.as_dict() == {"a": 1, "b": 2, "c": 3, "d": 5}
    assert made.records[0] == ({"a": 1, "b": 2}, [])
    for wrong in ("file.yaml", 3, [1]):
        with pytest.raises(ConfigError):
            made.config.update(wrong)


def test_update_is_all_or_nothing() -> None:
    made = Recorded()
    with pytest.raises(ConfigError, match="'bad'"):
        made.config.update({"good": 1, "bad": object()})
    with pytest.raises(ConfigError, match="key"):
        made.config.update({1: 2})
    assert made.config.as_dict() == {}
    assert made.records == []


def test_a_locked_config_keeps_values_and_takes_new_keys() -> None:
    made = Recorded(allow_val_change=False)
    made.config["a"] = {"b": 1}
    made.config["c"] = 2
    made.config["c"] = 2
    for change in (
        lambda: made.config.update(c=3),
        lambda: made.config.__setitem__("c", 3),
        lambda: made.config["a"].__setitem__("b", 2),
        lambda: made.config.__delitem__("c"),
    ):
        with pytest.raises(ConfigError, match="allow_val_change"):
            change()
    assert made.config.as_dict() == {"a": {"b": 1}, "c": 2}
    made.config.update({"c": 3}, allow_val_change=True)
    assert made.config["c"] == 3


def test_deletion_is_a_record_of_its_own() -> None:
    made = Recorded()
    made.config["a"] = 1
    del made.config["a"]
    assert made.records[-1] == ({}, ["a"])
    made.config.b = 2
    del made.config.b
    assert made.config.as_dict() == {}
    assert made.config.setdefault("a", 7) == 7
    assert made.config.setdefault("a", 8) == 7


@pytest.mark.parametrize(
    ("value", "stored"),
    [
        (float("nan"), None),
        (math.inf, math.inf),
        ((1, 2), [1, 2]),
        ({3}, [3]),
        (np.float32(0.5), 0.5),
        (np.int64(7), 7),
        (np.array([[1, 2], [3, 4]]), [[1, 2], [3, 4]]),
        (np.bool_(True), True),
        (Path("a/b"), "a/b"),
        (datetime.date(2024, 1, 2), "2024-01-02"),
        (2**70, 1.1805916207174113e21),
        (2**63 - 1, 2**63 - 1),
        (b"bytes", "bytes"),
        ({1: {None: 2}}, {"1": {"None": 2}}),
    ],
)
def test_values_are_stored_as_the_protocol_has_them(value: Any, stored: Any) -> None:
    made = Recorded()
    made.config["k"] = value
    assert made.config["k"] == stored
    assert type(made.config.as_dict()["k"]) is type(stored)


def test_what_the_caller_changes_later_does_not_reach_the_config() -> None:
    made = Recorded()
    given = {"list": [1]}
    made.config["k"] = given
    given["list"].append(2)
    assert made.config.as_dict() == {"k": {"list": [1]}}
    given["self"] = given  # type: ignore[assignment]
    with pytest.raises(ConfigError, match="cycle"):
        made.config["k"] = given


def test_threads_lose_no_key() -> None:
    made = Recorded()

    def work(thread: int) -> None:
        for n in range(200):
            made.config[f"{thread}-{n}"] = n

    threads = [Thread(target=work, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made.config) == len(made.records) == 800


def test_the_wire_form_is_read_with_and_without_wrappers() -> None:
    wire = {"lr": {"value": 0.1, "desc": None}, "_wandb": {"value": {"t": {}}}, "wandb_version": 1}
    assert wire_config(wire) == {"lr": 0.1}


def test_what_a_finished_run_refuses_changes_nothing() -> None:
    def refuse(changed: dict[str, Any], removed: list[str]) -> None:
        raise ConfigError("finished")

    config = Config(refuse, allow_val_change=True, lock=RLock())
    config.load({"kept": 1})
    for change in (lambda: config.update(new=1), lambda: config.__delitem__("kept")):
        with pytest.raises(ConfigError, match="finished"):
            change()
    assert config.as_dict() == {"kept": 1}


def test_a_value_that_detaches_into_its_own_kind_is_read_once() -> None:
    class Tensor:
        def detach(self) -> Tensor:
            return Tensor()

        def tolist(self) -> list[float]:
            return [0.5, 1.0]

    made = Recorded()
    made.config["x"] = Tensor()
    assert made.records == [({"x": [0.5, 1.0]}, [])]
