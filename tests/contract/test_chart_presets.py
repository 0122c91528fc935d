"""Presets made by an Api, in both faces."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import pytest

import asyncwb
import asyncwb.sync as wandb
from asyncwb.testing import local_server

if TYPE_CHECKING:
    from collections.abc import Iterator

    from asyncwb.testing import LocalServer

SPEC = {"mark": "bar", "encoding": {"x": {"field": "${field:x}"}}}


@pytest.fixture(scope="module")
def server() -> Iterator[LocalServer]:
    with local_server() as running:
        yield running


def overrides(server: LocalServer) -> dict[str, str]:
    return {"base_url": server.url, "api_key": server.api_key}


async def test_its_id_names_it(server: LocalServer) -> None:
    api = asyncwb.Api(overrides(server))
    assert await api.create_custom_chart(
        "local", "bars", "Bars", "vega2", "private", MappingProxyType(SPEC)
    ) == "local/bars"  # fmt: skip
    kept = await api.client.execute(
        "query($id: ID!) { customChart(id: $id) { spec access } }", {"id": "local/bars"}
    )
    assert kept["customChart"] == {
        "access": "PRIVATE",
        "spec": '{"mark":"bar","encoding":{"x":{"field":"${field:x}"}}}',
    }
    with pytest.raises(asyncwb.CommError, match="has a chart 'bars' already"):
        await api.create_custom_chart("local", "bars", "Bars", "vega2", "public", "{}")


def test_in_the_blocking_face(server: LocalServer) -> None:
    api = wandb.Api(overrides(server))
    made = api.create_custom_chart("local", "own", "Own", "vega2", "public", '{"mark": "line"}')
    assert made == "local/own"


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"entity": ""}, "entity"), ({"name": 3}, "name"), ({"display_name": " "}, "display_name"),
        ({"spec_type": "vega"}, "'vega2'"), ({"access": "PRIVATE"}, "'private' or 'public'"),
        ({"spec": "bars"}, "not JSON"), ({"spec": "[]"}, "JSON object"), ({"spec": 3}, "mapping"),
        ({"spec": {"a": object()}}, "JSON"),
    ],
)  # fmt: skip
async def test_bad_input_is_refused_and_nothing_is_sent(wrong: dict[str, Any], says: str) -> None:
    api = asyncwb.Api({"base_url": "http://127.0.0.1:9", "api_key": "0" * 40})
    given = {
        "entity": "e", "name": "n", "display_name": "N", "spec_type": "vega2",
        "access": "private", "spec": {}, **wrong,
    }  # fmt: skip
    with pytest.raises(asyncwb.InvalidValueError, match=says):
        await api.create_custom_chart(**given)
