"""Presets made by the unmodified wandb package."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

import asyncwb.sync as ours

if TYPE_CHECKING:
    from collections.abc import Callable

    from asyncwb.testing import LocalServer

pytest.importorskip("wandb")
pytestmark = [pytest.mark.interop, pytest.mark.timeout(180)]

CREATE = """
import json, wandb
api = wandb.Api()
spec = {"mark": "bar", "data": {"name": "wandb"}, "encoding": {
    "x": {"field": "${field:x}", "type": "ordinal"},
    "y": {"field": "${field:y}", "type": "quantitative"}}}
given = dict(entity="local", display_name="Bars", spec_type="vega2", access="private")
made = [api.create_custom_chart(name="dict", spec=spec, **given),
        api.create_custom_chart(name="text", spec=json.dumps(spec), **given)]
def error_of(**more):
    try:
        api.create_custom_chart(**{**given, "spec": spec, "name": "x", **more})
    except Exception as exc:
        return str(exc)
errors = [error_of(name="dict"), error_of(entity="nobody"), error_of(spec="bars")]
with wandb.init(project="charts", id="r") as run:
    table = wandb.Table(columns=["kind", "n"], data=[["cat", 1], ["dog", 2]])
    run.log({"own": wandb.plot_table(made[0], table, {"x": "kind", "y": "n"})})
print("RESULT " + json.dumps([made, errors]))
"""


def test_the_package_makes_presets(server: LocalServer, sdk: Callable[..., Any]) -> None:
    made, errors = sdk(CREATE)
    assert made == ["local/dict", "local/text"]
    assert ["already" in errors[0], "nobody" in errors[1], "JSON" in errors[2]] == [True] * 3
    api = ours.Api({"base_url": server.url, "api_key": server.api_key})
    query = "query($id: ID!) { customChart(id: $id) { displayName spec } }"
    one, other = (api.client.execute(query, {"id": each})["customChart"] for each in made)
    assert one == other
    assert one["displayName"] == "Bars"
    assert api.run("local/charts/r").summary["own_table"]["nrows"] == 2
