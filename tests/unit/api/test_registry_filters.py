"""What registries are filtered and ordered by, and the names under which that is sent."""

from __future__ import annotations

import json
from typing import Any

import pytest

from asyncwb.api.registries.filters import Kind, check_order, checked, of_registry, sent
from asyncwb.errors import InvalidValueError, UnsupportedError


@pytest.mark.parametrize(
    ("kind", "advanced", "given", "expected"),
    [
        ("registry", False, {"name": "a"}, {"name": "wandb-registry-a"}),
        ("registry", False, {"name": "wandb-registry-a"}, {"name": "wandb-registry-a"}),
        ("registry", False, {"name": {"$regex": "^a"}}, {"name": {"$regex": "^a"}}),
        (
            "registry",
            False,
            {"name": {"$in": ["a", "wandb-registry-b"], "$not": {"$regex": "c"}, "$ne": "d"}},
            {
                "name": {
                    "$in": ["wandb-registry-a", "wandb-registry-b"],
                    "$not": {"$regex": "c"},
                    "$ne": "wandb-registry-d",
                }
            },
        ),
        ("registry", True, {"id": 3, "name": "a"}, {"project_id": 3, "name": "wandb-registry-a"}),
        ("collection", False, {"id": 1}, {"artifact_collection_id": 1}),
        ("collection", False, {"description": "x"}, {"description": "x"}),
        ("collection", True, {"collection_name": "n", "tags": "t"}, {"name": "n", "tag": "t"}),
        ("version", False, {"id": 1, "updated_at": {"$gt": "2020"}}, None),
        (
            "version",
            True,
            {"$or": [{"aliases": "a"}, {"$not": {"tags": "t"}}], "linked_at": {"$gt": "2020"}},
            {"$or": [{"alias": "a"}, {"$not": {"tag": "t"}}], "acm_created_at": {"$gt": "2020"}},
        ),
        (
            "version",
            True,
            {"artifact_metadata.a.b": 1, "created_at": "x", "version_index": 2},
            {"metadata.a.b": 1, "artifact_created_at": "x", "version": 2},
        ),
    ],
)
def test_fields_get_the_name_of_the_servers_search(
    kind: Kind, advanced: bool, given: dict[str, Any], expected: dict[str, Any] | None
) -> None:
    before = json.dumps(given)
    text = sent(checked(given, kind, searched=True), kind, advanced=advanced)
    assert text is not None
    assert json.loads(text) == (given if expected is None else expected)
    assert json.dumps(given) == before


def test_no_filter_is_no_filter() -> None:
    assert checked(None, "registry") is None
    assert sent(None, "version", advanced=True) is None
    assert sent({}, "version") == "{}"


@pytest.mark.parametrize(
    ("kind", "wrong", "says"),
    [
        ("registry", {"color": 1}, "registries cannot be filtered by 'color', only by created_at"),
        ("registry", {"tag": 1}, "cannot be filtered by 'tag'"),
        ("collection", {"$and": [{"alias": 1}]}, "collections cannot be filtered by 'alias'"),
        ("version", {"$or": [{"$not": {"size": 1}}]}, "versions cannot be filtered by 'size'"),
        ("version", {"$or": {"alias": 1}}, r"\$or takes a list"),
        ("version", {"$and": ["alias"]}, "a filter is a mapping"),
        ("version", ["alias"], "a filter is a mapping"),
        ("version", {"tag": 1, "tags": 2}, "names 'tag' twice"),
        ("version", {"$near": 1}, r"cannot be filtered by '\$near'"),
    ],
)
def test_unknown_fields_are_refused_at_once(kind: Kind, wrong: Any, says: str) -> None:
    with pytest.raises(InvalidValueError, match=says):
        checked(wrong, kind, searched=kind == "version")


def test_a_field_of_the_other_search_is_told() -> None:
    for given, advanced in (({"linked_at": 1}, False), ({"updated_at": 1}, True)):
        with pytest.raises(UnsupportedError, match="this server cannot search so"):
            sent(checked(given, "version", searched=True), "version", advanced=advanced)


@pytest.mark.parametrize(
    ("kind", "given", "expected"),
    [
        ("registry", "name", "+name"),
        ("registry", "-updated_at", "-updated_at"),
        ("collection", "+created_at", "+created_at"),
        ("version", "-created_at", "-artifact_created_at"),
        ("version", "linked_at", "+acm_created_at"),
        ("version", "artifact_size", "+artifact_size"),
        ("version", None, None),
    ],
)
def test_orders(kind: Kind, given: str | None, expected: str | None) -> None:
    assert check_order(given, kind) == expected


@pytest.mark.parametrize(
    ("kind", "wrong"),
    [("registry", "size"), ("collection", ""), ("version", "name"), ("version", "*linked_at")],
)
def test_unknown_orders_are_refused(kind: Kind, wrong: str) -> None:
    with pytest.raises(InvalidValueError, match="the order is"):
        check_order(wrong, kind)


@pytest.mark.parametrize(
    ("internal_id", "expected"),
    [
        ("UHJvamVjdEludGVybmFsSWQ6MTI=", {"id": 12}),  # ProjectInternalId:12
        ("UHJvamVjdDo3", {"id": 7}),  # Project:7
        ("VXNlcjo3", {"name": "wandb-registry-x"}),  # User:7
        ("UHJvamVjdDp4", {"name": "wandb-registry-x"}),  # Project:x
        ("?", {"name": "wandb-registry-x"}),
        (None, {"name": "wandb-registry-x"}),
    ],
)
def test_a_registry_is_searched_by_its_number(
    internal_id: str | None, expected: dict[str, Any]
) -> None:
    assert of_registry(internal_id, "wandb-registry-x") == expected
