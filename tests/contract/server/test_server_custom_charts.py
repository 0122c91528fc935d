"""Presets of custom charts: made once, seen by those who may."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from server_world import World, world

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from server_client import Client

CREATE = """mutation($i: CreateCustomChartInput!) {
  createCustomChart(input: $i) { chart { id } } }"""
READ = """query($id: ID!) {
  customChart(id: $id) { __typename id name displayName type access spec } }"""
SPEC = '{"mark": "bar", "data": {"name": "wandb"}}'


def given(**more: str) -> dict[str, Any]:
    return {
        "entity": "local", "name": "bars", "displayName": "My bars", "type": "vega2",
        "access": "PRIVATE", "spec": SPEC, **more,
    }  # fmt: skip


async def test_a_preset_is_kept_as_it_came(client: Client) -> None:
    made = await client.data(CREATE, i=given())
    assert made == {"createCustomChart": {"chart": {"id": "local/bars"}}}
    assert (await client.data(READ, id="local/bars"))["customChart"] == {
        "__typename": "CustomChart", "id": "local/bars", "name": "bars", "displayName": "My bars",
        "type": "vega2", "access": "PRIVATE", "spec": SPEC,
    }  # fmt: skip


async def test_a_name_is_taken_once(client: Client) -> None:
    await client.data(CREATE, i=given())
    again = await client.post(CREATE, i=given(spec="{}"))
    assert again.status_code == 409
    assert again.json()["errors"][0]["message"] == "'local' has a chart 'bars' already"
    assert (await client.data(READ, id="local/bars"))["customChart"]["spec"] == SPEC


@pytest.mark.parametrize(
    ("wrong", "status"),
    [
        ({"name": ""}, 400), ({"name": "a/b"}, 400), ({"name": ".."}, 400),
        ({"type": "vega3"}, 400), ({"access": "private"}, 400), ({"spec": "bars"}, 400),
        ({"spec": "[]"}, 400), ({"entity": "nobody"}, 404),
    ],
)  # fmt: skip
async def test_what_is_no_preset_is_refused(
    client: Client, wrong: dict[str, str], status: int
) -> None:
    answer = await client.post(CREATE, i=given(**wrong))
    assert answer.status_code == status, answer.text
    assert answer.json()["errors"][0]["message"]


@pytest.mark.parametrize("chart", ["local/none", "local", "", "wandb/line/v0", "local/bars/v0"])
async def test_what_is_not_there_is_null(client: Client, chart: str) -> None:
    await client.data(CREATE, i=given())
    assert (await client.data(READ, id=chart))["customChart"] is None


@pytest.fixture
async def there(tmp_path: Path) -> AsyncIterator[World]:
    async with world(tmp_path) as made:
        yield made


async def test_private_ones_are_of_the_entity_and_public_ones_of_everybody(there: World) -> None:
    for access in ("PRIVATE", "PUBLIC"):
        chart = given(entity="crew", name=access.lower(), access=access)
        await there.do("max", "createCustomChart", chart, "chart { id }")
    seen = {
        who: [
            (await there.data(who, READ, id=f"crew/{name}"))["customChart"] is not None
            for name in ("private", "public")
        ]
        for who in ("ann", "vic", "bob", "eve", "zoe", "local")
    }
    assert seen == {
        "ann": [True, True], "vic": [True, True], "local": [True, True],
        "bob": [False, True], "eve": [False, True], "zoe": [False, True],
    }  # fmt: skip
