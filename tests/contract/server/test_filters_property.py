"""The compiled filters agree with a plain evaluation of the same rules in Python."""

from __future__ import annotations

import json
import operator
import re
from typing import TYPE_CHECKING, Any

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, example, given, settings
from server_client import behind
from sqlalchemy import Connection, literal

from asyncwb.server.filters import Order, RunFields, compile_fields, order_by
from asyncwb.server.filters.order import make_cursor
from asyncwb.server.problems import Problem
from asyncwb.server.storage.accounts import User, create_user
from asyncwb.server.storage.runs import run_query, state_at, upsert_run
from asyncwb.server.storage.schema import metadata
from asyncwb.server.storage.tables import runs

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import ColumnElement

VALUES: list[Any] = [
    0,
    1,
    -2,
    0.5,
    1e300,
    2**53 + 1,
    2**62,
    True,
    False,
    "",
    "a",
    "ab",
    "B",
    None,
    [1, "a"],
    {"k": 1},
]
scalar = st.sampled_from(VALUES)
number_or_text = st.one_of(
    st.integers(-3, 3), st.floats(-2, 2), st.sampled_from(["", "a", "ab", "é"])
)
KEYS = [
    "config.lr",
    "config.lr.value",
    "config.opt.name",
    "summary_metrics.loss",
    "summaryMetrics.a.b",
    "displayName",
    "display_name",
    "group",
    "jobType",
    "tags",
    "state",
    "notes",
]

RUNS: list[dict[str, Any]] = [
    {
        "name": f"r{i}",
        "displayName": ["alpha", "beta", "Beta", "gamma"][i % 4],
        "groupName": [None, "g1", "g2"][i % 3],
        "jobType": [None, "a"][i % 2],
        "notes": [None, "", "ab", "x%y_z"][i % 4],
        "tags": [[], ["a"], ["a", "B"], ["ab"]][(i // 2) % 4],
        "state": ["running", "finished", "failed"][i % 3],
        "config": {
            k: {"value": v}
            for k, v in {
                "lr": VALUES[i % len(VALUES)],
                "opt": {"name": VALUES[(i * 5) % len(VALUES)]},
            }.items()
            if i % 7
        },
        "summary": {
            "loss": VALUES[(i * 3) % len(VALUES)],
            **({"a": {"b": i}} if i % 2 else {"a.b": -i}),
        }
        if i % 5
        else {},
    }
    for i in range(48)
]


@pytest.fixture(scope="module")
def db(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Connection, User]]:
    with behind(tmp_path_factory.mktemp("data")) as connection:
        metadata.create_all(connection)
        user = create_user(connection, username="u", name="u", email="")
        for run in RUNS:
            values = {k: v for k, v in run.items() if k not in ("config", "summary")}
            values["config"] = json.dumps(run["config"])
            values["summaryMetrics"] = json.dumps(run["summary"])
            upsert_run(connection, user, {"entityName": "u", "modelName": "p", **values})
        yield connection, user


MISSING: Any = object()


def compile_filter(text: str, state: ColumnElement[str]) -> ColumnElement[bool]:
    return compile_fields(text, RunFields(state))


def compile_order(text: str, state: ColumnElement[str]) -> Order:
    return order_by(text or "+created_at", RunFields(state))


def lookup(run: dict[str, Any], key: str) -> Any:
    head, _, rest = key.partition(".")
    if head == "config":
        value: Any = {k: v["value"] for k, v in run["config"].items()}
        rest = rest.removesuffix(".value")
    elif head in ("summary_metrics", "summaryMetrics"):
        value = run["summary"]
        if rest in value:
            return value[rest]
    else:
        name = {"display_name": "displayName", "group": "groupName"}.get(key, key)
        return run[name]
    for part in rest.split("."):
        if not isinstance(value, dict) or part not in value:
            return MISSING
        value = value[part]
    return value


def kind(value: Any) -> str:
    if isinstance(value, bool):
        return "bool"
    return "number" if isinstance(value, int | float) else type(value).__name__


def equals(value: Any, wanted: Any) -> bool:
    if wanted is None:
        return value is MISSING or value is None
    return value is not MISSING and kind(value) == kind(wanted) and value == wanted


def holds(value: Any, op: str, wanted: Any, *, tags: bool) -> bool:
    if tags and op == "$eq":
        return (
            not value
            if wanted is None
            else (set(value) == set(wanted) if isinstance(wanted, list) else wanted in value)
        )
    if tags and op == "$exists":
        return bool(value) is bool(wanted)
    if tags and op == "$regex":
        return any(re.search(wanted, tag) for tag in value)
    if tags and op == "$contains":
        return isinstance(wanted, str) and wanted in value
    match op:
        case "$eq":
            return equals(value, wanted)
        case "$ne":
            return not holds(value, "$eq", wanted, tags=tags)
        case "$in":
            return any(holds(value, "$eq", w, tags=tags) for w in wanted)
        case "$nin":
            return not holds(value, "$in", wanted, tags=tags)
        case "$exists":
            return (value is not MISSING and value is not None) is bool(wanted)
        case "$regex":
            return isinstance(value, str) and re.search(wanted, value) is not None
        case "$contains" if isinstance(value, str):
            return isinstance(wanted, str) and wanted in value
        case "$contains":
            return isinstance(value, list) and any(equals(v, wanted) for v in value)
        case "$not":
            return not all(holds(value, o, w, tags=tags) for o, w in wanted.items())
        case _:
            if kind(value) != kind(wanted) or kind(value) not in ("number", "str"):
                return False
            compare = {
                "$gt": operator.gt,
                "$gte": operator.ge,
                "$lt": operator.lt,
                "$lte": operator.le,
            }
            return bool(compare[op](value, wanted))


def matches(run: dict[str, Any], tree: dict[str, Any]) -> bool:
    for key, value in tree.items():
        match key:
            case "$and":
                fine = all(matches(run, t) for t in value if t is not None)
            case "$or":
                fine = any(matches(run, t) for t in value if t is not None)
            case "$nor":
                fine = not any(matches(run, t) for t in value if t is not None)
            case "$not":
                fine = not matches(run, value)
            case _:
                conditions = (
                    value
                    if isinstance(value, dict) and any(k[0] == "$" for k in value)
                    else {"$eq": value}
                )
                found = lookup(run, key)
                fine = all(holds(found, o, w, tags=key == "tags") for o, w in conditions.items())
        if not fine:
            return False
    return True


condition = st.one_of(
    st.tuples(
        st.sampled_from(["$eq", "$ne", "$contains"]),
        scalar.filter(lambda v: not isinstance(v, dict)),
    ),
    st.tuples(st.sampled_from(["$gt", "$gte", "$lt", "$lte"]), scalar),
    st.tuples(st.sampled_from(["$in", "$nin"]), st.lists(scalar, max_size=3)),
    st.tuples(st.just("$exists"), st.booleans()),
    st.tuples(
        st.just("$regex"),
        st.sampled_from(["a", "^B", "a+b$", "", "[", "^(al|ga)"]).filter(lambda p: p != "["),
    ),
)
operators = st.dictionaries(st.just("k"), condition, min_size=1, max_size=1).map(
    lambda d: dict([d["k"]])
)
nested = st.one_of(operators, operators.map(lambda o: {"$not": o}))


@st.composite
def leaf(draw: st.DrawFn) -> dict[str, Any]:
    key = draw(st.sampled_from(KEYS))
    value = draw(st.one_of(scalar.filter(lambda v: not isinstance(v, dict)), nested))
    if key == "tags" and isinstance(value, dict):
        inner = value.get("$not", value)
        if {"$gt", "$gte", "$lt", "$lte"} & set(inner):
            value = {"$exists": True}
    return {key: value}


trees = st.recursive(
    leaf(),
    lambda inner: st.one_of(
        st.builds(
            lambda op, items: {op: items},
            st.sampled_from(["$and", "$or", "$nor"]),
            st.lists(st.one_of(inner, st.none()), max_size=3),
        ),
        inner.map(lambda tree: {"$not": tree}),
        st.tuples(leaf(), inner).map(lambda pair: {**pair[0], **pair[1]}),
    ),
    max_leaves=6,
)


@given(tree=trees)
@example(tree={"config.lr": {"$in": [0.5, 2**53 + 1]}})
@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_filters_agree_with_python(db: tuple[Connection, User], tree: dict[str, Any]) -> None:
    connection, user = db
    query = run_query(user, 300.0).where(compile_filter(json.dumps(tree), state_at(0.0, 300.0)))
    found = {row["name"] for row in connection.execute(query).mappings()}
    assert found == {run["name"] for run in RUNS if matches(run, tree)}


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ('{"config.lr": {"$all": [1]}}', "$all"),
        ('{"$xor": []}', "$xor"),
        ('{"summary.loss": 1}', "summary.loss"),
        ('{"nonsense": 1}', "nonsense"),
        ('{"config.": 1}', "config."),
        ('{"displayName": {"$regex": "["}}', "$regex"),
        ('{"tags": {"$gt": "a"}}', "tags"),
        ('{"createdAt": {"$gt": "soon"}}', "soon"),
        ('{"config.lr": {"$in": 3}}', "$in"),
        ('{"$and": {}}', "$and"),
        ("[1]", "object"),
        ("{", "JSON"),
        ('{"$not":' * 80 + "{}" + "}" * 80, "deep"),
    ],
)
def test_a_bad_filter_is_named(text: str, word: str) -> None:
    with pytest.raises(Problem, match=re.escape(word)) as caught:
        compile_filter(text, literal("running"))
    assert caught.value.status == 400


@pytest.mark.parametrize(
    "order",
    [
        "+created_at",
        "-created_at",
        "config.lr",
        "-summary_metrics.loss",
        "-displayName",
        "state",
        "duration",
        "-group",
        "",
    ],
)
@pytest.mark.parametrize("size", [1, 7, 100])
def test_pages_together_are_the_listing(db: tuple[Connection, User], order: str, size: int) -> None:
    connection, user = db
    by = compile_order(order, state_at(0.0, 300.0))
    query = run_query(user, 300.0).add_columns(by.key.label("v"))
    whole = [r["name"] for r in connection.execute(query.order_by(*by.clauses())).mappings()]
    assert len(whole) == len(set(whole)) == len(RUNS)
    seen: list[str] = []
    page = query
    while True:
        rows = connection.execute(page.order_by(*by.clauses()).limit(size)).mappings().all()
        if not rows:
            break
        seen += [row["name"] for row in rows]
        cursor = make_cursor(rows[-1]["v"], rows[-1]["id"])
        page = query.where(by.after(cursor))
    assert seen == whole
    before = query.where(by.after(cursor, backwards=True)).order_by(*by.clauses(backwards=True))
    back = [row["name"] for row in connection.execute(before).mappings()]
    assert back == whole[-2::-1]


@pytest.mark.parametrize("order", ["+created_at", "-config.lr", "+summary_metrics.loss", "group"])
@pytest.mark.parametrize("backwards", [False, True])
def test_the_parts_of_a_listing_are_the_listing(
    db: tuple[Connection, User], order: str, *, backwards: bool
) -> None:
    """Those with the key and those without, from the beginning and behind every run."""
    connection, user = db
    by = compile_order(order, state_at(0.0, 300.0))
    query = run_query(user, 300.0).add_columns(by.key.label("v"))
    whole = connection.execute(query.order_by(*by.clauses(backwards=backwards))).mappings().all()

    def listed(cursor: str | None) -> list[str]:
        return [
            row["name"]
            for conditions, ordering in by.parts(cursor, backwards=backwards)
            for row in connection.execute(query.where(*conditions).order_by(*ordering)).mappings()
        ]

    names = [row["name"] for row in whole]
    assert listed(None) == names
    for place, row in enumerate(whole):
        assert listed(make_cursor(row["v"], row["id"])) == names[place + 1 :]


def test_created_at_is_compared_as_time(db: tuple[Connection, User]) -> None:
    connection, user = db
    moment = 1_767_323_045.25
    connection.execute(runs.update().where(runs.c.name == "r0").values(created_at=moment))
    for text, hit in [
        ('{"createdAt": "2026-01-02T03:04:05Z"}', True),
        ('{"created_at": {"$lte": "2026-01-02T03:04:05"}}', True),
        ('{"created_at": {"$lt": "2026-01-02T04:04:05+01:00"}}', False),
        ('{"created_at": {"$gte": 1767323045}}', True),
    ]:
        query = run_query(user, 300.0).where(
            compile_filter(text, literal("running")), runs.c.name == "r0"
        )
        assert (connection.execute(query).first() is not None) is hit, text
