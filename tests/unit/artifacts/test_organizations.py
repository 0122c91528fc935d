"""Which organization a path or an account means."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from api_fakes import FakeService, FakeTransport

from asyncwb.artifacts.organizations import entity_of, find_organization, owner
from asyncwb.errors import InvalidValueError
from asyncwb.settings import Settings

A = {"name": "Alpha", "orgEntity": {"name": "alpha-entity"}}
B = {"name": "Beta", "orgEntity": {"name": "beta-entity"}}
ANSWERS: dict[str, Any] = {
    "team": {"organization": A, "user": None},
    "single": {"organization": None, "user": {"organizations": [A]}},
    "several": {"organization": None, "user": {"organizations": [A, B]}},
    "alone": {"organization": None, "user": {"organizations": []}},
    "hollow": {"organization": {"name": "H", "orgEntity": None}, "user": None},
    "beta-entity": {"organization": B, "user": None},
    "nobody": None,
}


def make_service(entity: str = "team", organization: str | None = None) -> FakeService:
    made = FakeService(
        FakeTransport(
            FetchOrgInfoFromEntity=lambda variables: {"entity": ANSWERS.get(variables["entity"])}
        )
    )
    made.settings = msgspec.structs.replace(
        Settings(base_url="http://127.0.0.1:9"), entity=entity, organization=organization
    )
    return made


@pytest.mark.parametrize(
    ("entity", "named", "expected"),
    [
        ("team", None, "alpha-entity"),
        ("single", None, "alpha-entity"),
        ("single", "Alpha", "alpha-entity"),
        ("team", "alpha-entity", "alpha-entity"),
        ("several", "Beta", "beta-entity"),
        ("several", "alpha-entity", "alpha-entity"),
        # an organization that the default entity is not in, by the name of its entity
        ("team", "beta-entity", "beta-entity"),
    ],
)
async def test_an_organization_is_found(entity: str, named: str | None, expected: str) -> None:
    service = make_service(entity)
    assert entity_of(await find_organization(service, entity, named)) == expected
    assert await owner(service, named, "wandb-registry-x") == expected


@pytest.mark.parametrize(
    ("entity", "named", "says"),
    [
        ("several", None, "'several' belongs to several organizations; name it"),
        ("alone", None, "'alone' belongs to no organization"),
        ("hollow", None, "'hollow' belongs to no organization"),
        ("nobody", None, "'nobody' belongs to no organization"),
        ("single", "single", r"'single' is none of those of 'single' \('Alpha'\)"),
        ("several", "Gamma", r"'Gamma' is none of those of 'several' \('Alpha', 'Beta'\)"),
        ("alone", "Alpha", r"none of those of 'alone' \(none\)"),
    ],
)
async def test_an_organization_that_cannot_be_found_out(
    entity: str, named: str | None, says: str
) -> None:
    with pytest.raises(InvalidValueError, match=says):
        await find_organization(make_service(entity), entity, named)


async def test_the_setting_decides_between_several() -> None:
    service = make_service("several", organization="Beta")
    assert await owner(service, None, "wandb-registry-x") == "beta-entity"
    assert await owner(service, "Alpha", "wandb-registry-x") == "alpha-entity"


async def test_other_projects_belong_to_entities() -> None:
    service = make_service("team", organization="Beta")
    assert await owner(service, "somebody", "demo") == "somebody"
    assert service.fake.calls == []


async def test_an_entity_is_asked_for_once() -> None:
    service = make_service("single")
    for _ in range(3):
        await owner(service, None, "wandb-registry-x")
    assert service.fake.count("FetchOrgInfoFromEntity") == 1
    assert service.organization_behind("alpha-entity") == "Alpha"
    assert service.organization_behind("other") == "other"
    service.forget()
    await owner(service, None, "wandb-registry-x")
    assert service.fake.count("FetchOrgInfoFromEntity") == 2
