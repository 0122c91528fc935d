"""Filters and orders of the web app and of Python expressions, by recorded vectors and by rules."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asyncwb.api import PanelMetricsHelper, PythonMongoishQueryGenerator, QueryGenerator
from asyncwb.errors import InvalidValueError

VECTORS: dict[str, list[dict[str, Any]]] = json.loads(
    (Path(__file__).parents[2] / "support/query_vectors.json").read_text()
)
CONFIG_KEYS = {"lr", "model"}


def vectors(name: str) -> list[Any]:
    return [pytest.param(case["in"], case["out"], id=str(case["in"])) for case in VECTORS[name]]


@pytest.mark.parametrize(("given", "expected"), vectors("format_order_key"))
def test_orders_of_metrics(given: str, expected: str | None) -> None:
    assert QueryGenerator.format_order_key(given) == expected


@pytest.mark.parametrize(("given", "expected"), vectors("filter_to_mongo"))
def test_filters_of_the_app(given: dict[str, Any], expected: dict[str, Any] | None) -> None:
    assert QueryGenerator().filter_to_mongo(given) == expected


@pytest.mark.parametrize(("given", "expected"), vectors("mongo_to_filter"))
def test_filters_for_the_app(given: dict[str, Any], expected: dict[str, Any]) -> None:
    assert QueryGenerator().mongo_to_filter(given) == expected


@pytest.mark.parametrize(("given", "expected"), vectors("keys_to_order"))
def test_sort_keys_of_the_app(given: dict[str, Any], expected: list[str]) -> None:
    assert QueryGenerator().keys_to_order(given) == expected


@pytest.mark.parametrize(("given", "expected"), vectors("python_to_mongo"))
def test_expressions(given: str, expected: dict[str, Any]) -> None:
    assert PythonMongoishQueryGenerator(CONFIG_KEYS).python_to_mongo(given) == expected


@pytest.mark.parametrize(
    ("text", "inner"),
    [
        ("model.depth == 3", {"$and": [{"config.model.value.depth": 3}]}),
        ("0.1 < lr <= 1", {"$and": [
            {"config.lr.value": {"$gt": 0.1}}, {"config.lr.value": {"$lte": 1}},
        ]}),
        ("'finished' == State", {"$and": [{"state": "finished"}]}),
        ("not (loss > 1)", {"$and": [{"$nor": [{"summary_metrics.loss": {"$gt": 1}}]}]}),
        ("a == 1 and (b == 2 or c == -3)", {"$and": [
            {"summary_metrics.a": 1},
            {"$or": [{"summary_metrics.b": 2}, {"summary_metrics.c": -3}]},
        ]}),
        ("config.new == 'x'", {"$and": [{"config.new": "x"}]}),
        ("Group in ('a', 'b')", {"$and": [{"group": {"$in": ["a", "b"]}}]}),
        ("best is None", {"$and": [{"summary_metrics.best": None}]}),
    ],
)  # fmt: skip
def test_expressions_that_the_package_cannot_read(text: str, inner: dict[str, Any]) -> None:
    found = PythonMongoishQueryGenerator(CONFIG_KEYS).python_to_mongo(text)
    assert found == {"$or": [inner]}


@pytest.mark.parametrize(
    "text",
    ["", "lr >", "lr", "1 == 2", "lr == other", "f(lr) > 1", "lr + 1 > 2", "lr = 1", "'a' in Tags",
     "lr == open('x')", "import os", "lr > 1; loss > 2"],
)  # fmt: skip
def test_what_is_no_expression_is_said_so(text: str) -> None:
    with pytest.raises(InvalidValueError):
        PythonMongoishQueryGenerator(CONFIG_KEYS).python_to_mongo(text)


def test_the_keys_of_the_config_may_come_from_a_run_set() -> None:
    class RunSet:
        _runs_config = {"lr": 1}  # noqa: RUF012 - as report tooling has it

    made = PythonMongoishQueryGenerator(RunSet())
    assert made.front_to_back("lr") == "config.lr.value"
    assert made.front_to_back("loss") == "summary_metrics.loss"
    for wrong in ("lr", 3, None):
        with pytest.raises(InvalidValueError):
            PythonMongoishQueryGenerator(wrong)


@pytest.mark.parametrize(
    ("name", "key", "parallel"),
    [
        ("State", "state", "state"),
        ("Runtime", "duration", "duration"),
        ("lr", "config.lr.value", "config:lr.value"),
        ("lr.low", "config.lr.value.low", "config:lr.value.low"),
        ("loss", "summary_metrics.loss", "summary:loss"),
        ("a.b", "summary_metrics.a.b", "summary:a.b"),
    ],
)
def test_names_there_and_back(name: str, key: str, parallel: str) -> None:
    made = PythonMongoishQueryGenerator(CONFIG_KEYS)
    assert (made.front_to_back(name), made.pc_front_to_back(name)) == (key, parallel)
    assert (made.back_to_front(key), made.pc_back_to_front(parallel)) == (name, name)
    assert made.front_to_back(key.split(".")[0]) is not None


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("c::lr", "config:lr.value"),
        ("c::lr.low", "config:lr.value.low"),
        ("s::loss", "summary:loss"),
        ("Created Timestamp", "run:createdAt"),
        ("Index", "Index"),
        (None, None),
    ],
)
def test_names_of_plots(name: str | None, key: str | None) -> None:
    helper = PanelMetricsHelper()
    assert helper.special_front_to_back(name) == key
    assert helper.special_back_to_front(key) == name


def test_names_of_panels() -> None:
    helper = PanelMetricsHelper()
    assert helper.front_to_back("Step") == "_step"
    assert helper.back_to_front("_timestamp") == "Wall Time"
    assert helper.front_to_back("loss") == helper.back_to_front("loss") == "loss"
    assert helper.special_front_to_back("Step") == "summary:_step"
    with pytest.raises(InvalidValueError):
        helper.special_back_to_front("what:x")


leaves = st.builds(
    lambda section, name, op, value: {
        "key": {"section": section, "name": name}, "op": op, "value": value,
    },
    st.sampled_from(["config", "summary", "run", "keys_info"]),
    st.from_regex(r"[a-z]{1,5}(\.[a-z]{1,5})?", fullmatch=True).filter(
        lambda name: name.split(".")[0] not in {"config", "tags", "summary_metrics", "keys_info"}
    ),
    st.sampled_from(["=", *QueryGenerator.INDIVIDUAL_OP_TO_MONGO]),
    st.one_of(st.integers(), st.text(max_size=5), st.lists(st.integers(), max_size=3)),
)  # fmt: skip
trees = st.recursive(
    leaves,
    lambda inner: st.builds(
        lambda op, filters: {"op": op, "filters": filters},
        st.sampled_from(sorted(QueryGenerator.GROUP_OP_TO_MONGO)),
        st.lists(inner, min_size=1, max_size=4),
    ),
    max_leaves=12,
)


@given(trees)
def test_a_tree_survives_the_way_there_and_back(tree: dict[str, Any]) -> None:
    made = QueryGenerator()
    there = made.filter_to_mongo(tree)
    assert made.mongo_to_filter(there) == tree


def test_several_conditions_of_one_dict_are_a_group() -> None:
    found = QueryGenerator().mongo_to_filter({"config.lr": {"$gt": 1, "$lte": 2}, "state": "x"})
    assert found is not None
    assert (found["op"], [leaf["op"] for leaf in found["filters"]]) == ("AND", [">", "<=", "="])
    assert QueryGenerator().mongo_to_filter(None) is None
    assert QueryGenerator.MONGO_TO_GROUP_OP == {"$and": "AND", "$or": "OR"}
    assert QueryGenerator.MONGO_TO_INDIVIDUAL_OP["$regex"] == "REGEX"


@pytest.mark.parametrize(
    "wrong",
    [{"$nor": []}, {"x": {"$exists": True}}, {"x": {"$mod": 2}}],
)
def test_what_the_app_has_no_word_for(wrong: dict[str, Any]) -> None:
    with pytest.raises(InvalidValueError):
        QueryGenerator().mongo_to_filter(wrong)


def test_malformed_trees_and_orders() -> None:
    made = QueryGenerator()
    leaf = {"key": {"section": "config", "name": "x"}, "op": "~", "value": 1}
    elsewhere = {"section": "?", "name": "x"}
    for tree in ({}, {"op": "XOR", "filters": []}, leaf, {**leaf, "key": elsewhere}):
        with pytest.raises(InvalidValueError):
            made.filter_to_mongo(tree)
    assert made.order_to_keys(["+a", "-b"])["keys"][1] == {
        "key": {"section": "run", "name": "b"}, "ascending": False,
    }  # fmt: skip
    for wrong in ("a", ""):
        with pytest.raises(InvalidValueError):
            made.order_to_keys([wrong])
    with pytest.raises(InvalidValueError):
        made.key_to_server_path(elsewhere)
    assert made.key_to_server_path({"section": "tags", "name": "best"}) == "tags.best"
    assert made.server_path_to_key("tags.best") == {"section": "tags", "name": "best"}
    with pytest.raises(InvalidValueError):
        QueryGenerator.format_order_key("-")
