"""Users, teams and organizations made over HTTP, used by the unmodified wandb package."""

from __future__ import annotations

import json
import urllib.request
from typing import TYPE_CHECKING, Any

import pytest

from asyncwb.testing import LocalServer, local_server

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytest.importorskip("wandb")
pytestmark = [pytest.mark.interop, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def keys() -> dict[str, str]:
    return {}


@pytest.fixture(scope="module")
def server(keys: dict[str, str]) -> Iterator[LocalServer]:
    """What a test suite provides for itself: two organizations, a team and people in each."""
    with local_server() as running:

        def post(path: str, body: dict[str, Any]) -> Any:
            request = urllib.request.Request(
                f"{running.url}/admin/{path}",
                json.dumps(body).encode(),
                {"Authorization": f"Bearer {running.api_key}"},
            )
            with urllib.request.urlopen(request, timeout=20) as answer:
                return json.loads(answer.read())

        for name in ("ann", "vic", "bob"):
            keys[name] = post("users", {"username": name, "admin": False})["api_key"]
        for organization, team, head in (("lab", "crew", "ann"), ("acme", "others", "bob")):
            post("organizations", {"name": organization, "username": head})
            given = {"name": team, "organization": organization, "username": head}
            post("teams", given)
        post("organizations/lab/members", {"username": "vic", "role": "member"})
        post("teams/crew/members", {"username": "vic", "role": "viewer"})
        yield running


LOG = """
import json, wandb
with wandb.init(entity="crew", project="work", id="r1", config={"lr": 0.5}) as run:
    for step in range(5):
        run.log({"loss": step})
    made = wandb.Artifact("data", type="model")
    with made.new_file("a.txt") as file:
        file.write("hello")
    run.log_artifact(made).wait()
api = wandb.Api()
registry = api.create_registry("models", visibility="organization")
made = api.artifact("crew/work/data:v0")
linked = made.link("wandb-registry-models/net")
print("RESULT " + json.dumps([
    registry.organization, linked.name, [team for team in api.viewer.teams], api.default_entity,
]))
"""

READ = """
import json, pathlib, wandb
api = wandb.Api()

def error_of(call):
    try:
        call()
    except Exception as exc:
        return type(exc).__name__

out = {}
out["loss"] = error_of(lambda: api.run("crew/work/r1")) or [
    row["loss"] for row in api.run("crew/work/r1").scan_history(keys=["loss"])]
out["file"] = error_of(lambda: api.artifact("crew/work/data:v0")) or (
    pathlib.Path(api.artifact("crew/work/data:v0").download()) / "a.txt").read_text()
linked = "lab/wandb-registry-models/net:v0"
out["registry"] = error_of(lambda: api.artifact(linked)) or api.artifact(linked).name
out["registries"] = error_of(lambda: list(api.registries(organization="lab"))) or [
    one.name for one in api.registries(organization="lab")]
if out["loss"] == list(range(5)):
    run = api.run("crew/work/r1")
    run.tags = ["x"]
    out["update"] = error_of(run.update)
    out["delete"] = error_of(run.delete)
out["init"] = error_of(lambda: wandb.init(
    entity="crew", project="work", settings=wandb.Settings(init_timeout=60)))
with wandb.init(project="own", id="mine") as run:
    run.log({"a": 1})
out["own"] = api.run(run.path).state
print("RESULT " + json.dumps(out))
"""


def test_a_team_and_its_registry(
    server: LocalServer, keys: dict[str, str], sdk: Callable[..., Any]
) -> None:
    found = sdk(LOG, WANDB_API_KEY=keys["ann"])
    assert found == ["lab", "net:v0", ["crew"], "ann"]
    # a viewer of the team reads it all and is refused every change, at once and with an error
    assert sdk(READ, WANDB_API_KEY=keys["vic"]) == {
        "loss": [0, 1, 2, 3, 4], "file": "hello", "registry": "net:v0", "registries": ["models"],
        "update": "CommError", "delete": "CommError", "init": "CommError", "own": "finished",
    }  # fmt: skip
    # somebody of another organization finds nothing
    assert sdk(READ, WANDB_API_KEY=keys["bob"]) == {
        "loss": "CommError", "file": "CommError", "registry": "CommError",
        "registries": "ValueError", "init": "CommError", "own": "finished",
    }  # fmt: skip
