"""Listings of registries over a transport that answers from Python."""

from __future__ import annotations

import json
from typing import Any

import pytest
from api_fakes import FakeService, FakeTransport, Handler

from asyncwb.api.registries.listings import Registries
from asyncwb.errors import RegistryNotFoundError, UnsupportedError

FEATURES = ("ARTIFACT_REGISTRY_SEARCH", "ARTIFACT_COLLECTIONS_FILTERING_SORTING")


def features(*names: str) -> Handler:
    answer = {"serverInfo": {"features": [{"name": name, "isEnabled": True} for name in names]}}
    return lambda _: answer


def organization(**listing: Any) -> dict[str, Any]:
    return {"organization": {"orgEntity": listing}}


def page(nodes: list[Any], cursor: str | None = None, **more: Any) -> dict[str, Any]:
    return {
        "edges": [{"node": node} for node in nodes],
        "pageInfo": {"hasNextPage": cursor is not None, "endCursor": cursor},
        **more,
    }


def registry(number: int) -> dict[str, Any]:
    return {
        "id": f"P{number}",
        "name": f"wandb-registry-r{number}",
        "entity": {"name": "e", "organization": {"name": "org"}},
        "access": "USER_READ",
        "allowAllArtifactTypes": False,
        "artifactTypes": {"edges": [{"node": {"name": "model"}}, {"node": None}]},
    }


def place(number: int) -> dict[str, Any]:
    project = {"id": "p", "name": "wandb-registry-r", "entity": {"name": "e"}}
    source = {"__typename": "ArtifactSequence", "id": "s", "name": "src", "project": None}
    return {
        "versionIndex": number,
        "createdAt": "2026-01-02T03:04:05Z",
        "aliases": [{"alias": f"a{number}"}],
        "artifactCollection": {
            "__typename": "ArtifactPortfolio", "id": "c", "name": "net", "project": project,
        },
        "artifact": {
            "id": f"A{number}", "state": "COMMITTED", "digest": "d", "artifactSequence": source,
            "artifactType": {"name": "model"}, "versionIndex": 9, "metadata": "{}",
        },
    }  # fmt: skip


def listing(handlers: dict[str, Handler], **arguments: Any) -> tuple[Registries, FakeTransport]:
    fake = FakeTransport(**{"Features": features(*FEATURES), **handlers})
    given: dict[str, Any] = {"filter": None, "order": None, "per_page": 2, **arguments}
    return Registries(FakeService(fake), "org", **given), fake


async def test_pages_and_what_is_asked() -> None:
    answers = {
        None: page([registry(1), None], "c1"),
        "c1": page([], "c2"),
        "c2": page([registry(2)]),
    }
    registries, fake = listing(
        {"FetchRegistries": lambda v: organization(projects=answers[v["cursor"]])},
        filter={"name": "r"},
    )
    found = [one async for one in registries]
    assert [one.name for one in found] == ["r1", "r2"]
    # unknown access counts as the organization's
    assert (found[0].visibility, found[0].path) == ("organization", ["e", "wandb-registry-r1"])
    assert (list(found[0].artifact_types), found[0].allow_all_artifact_types) == (["model"], False)
    assert await registries.length() == 2
    assert (await registries.get(-1)).name == "r2"
    _, variables = fake.calls[1]
    assert variables == {
        "organization": "org",
        "filters": '{"name":"wandb-registry-r"}',
        "cursor": None,
        "perPage": 2,
        "order": None,
    }


async def test_versions_of_which_some_are_hidden() -> None:
    hidden = {**place(0), "artifact": None}
    outside = {**place(0), "artifactCollection": None}
    answers = {
        None: page([hidden, outside], "c1"),
        "c1": page([place(3), None, place(4)]),
    }
    registries, fake = listing(
        {
            "FetchAdvancedRegistryFeatures": lambda _: {
                "organization": {"advancedRegistryFeatures": {"advancedSearch": True}}
            },
            "RegistryVersions": lambda v: organization(artifactMemberships=answers[v["cursor"]]),
        }
    )
    versions = registries.versions({"created_at": {"$gt": "2020"}}, order="-linked_at")
    found = [(one.name, one.aliases, one.id, one.is_link) async for one in versions]
    assert found == [("net:v3", ["a3"], "A3", True), ("net:v4", ["a4"], "A4", True)]
    # how the server searches is asked once, for all pages
    assert fake.count("FetchAdvancedRegistryFeatures") == 1
    asked = [variables for name, variables in fake.calls if name == "RegistryVersions"]
    assert json.loads(asked[0]["artifactFilter"]) == {"artifact_created_at": {"$gt": "2020"}}
    assert asked[0]["order"] == "-acm_created_at"
    assert (asked[0]["registryFilter"], asked[0]["collectionFilter"]) == (None, None)


@pytest.mark.parametrize(
    "answer",
    [
        {"organization": None},
        {"organization": {"advancedRegistryFeatures": None}},
        {"organization": {"advancedRegistryFeatures": {"advancedSearch": False}}},
    ],
)
async def test_a_server_with_the_basic_search(answer: dict[str, Any]) -> None:
    registries, fake = listing(
        {
            "FetchAdvancedRegistryFeatures": lambda _: answer,
            "RegistryVersions": lambda _: organization(artifactMemberships=page([])),
        }
    )
    assert await registries.versions({"created_at": {"$gt": "2020"}}).length() == 0
    (asked,) = (variables for name, variables in fake.calls if name == "RegistryVersions")
    assert json.loads(asked["artifactFilter"]) == {"created_at": {"$gt": "2020"}}
    with pytest.raises(UnsupportedError, match="cannot order"):
        await registries.versions(order="linked_at").length()
    with pytest.raises(UnsupportedError, match="cannot search"):
        await registries.versions({"linked_at": {"$gt": "2020"}}).length()


async def test_a_server_that_does_not_tell_how_it_searches_is_not_asked() -> None:
    registries, fake = listing(
        {
            "Features": features("ARTIFACT_REGISTRY_SEARCH"),
            "RegistryVersions": lambda _: organization(artifactMemberships=page([])),
        }
    )
    assert await registries.versions().length() == 0
    assert fake.count("FetchAdvancedRegistryFeatures") == 0


async def test_a_server_without_registries() -> None:
    registries, _ = listing({"Features": features()})
    for found in (registries, registries.collections(), registries.versions()):
        with pytest.raises(UnsupportedError, match="has no registries"):
            await found.length()


async def test_an_organization_that_is_not_there() -> None:
    registries, _ = listing(
        {
            "FetchRegistries": lambda _: {"organization": None},
            "RegistryCollections": lambda _: {"organization": {"orgEntity": None}},
        }
    )
    for found in (registries, registries.collections()):
        with pytest.raises(RegistryNotFoundError, match="Could not find the organization 'org'"):
            await found.length()
