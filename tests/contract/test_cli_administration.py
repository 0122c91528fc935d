"""`asyncwb server user|key|team|org`, on a running server and on the folder of a stopped one."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from pathlib import Path  # noqa: TC003 - a fixture
from typing import TYPE_CHECKING, Any

import pytest
from test_cli import asyncwb_command

from asyncwb.testing import LocalServer, local_server

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalServer]:
    with local_server(tmp_path_factory.mktemp("data")) as running:
        yield running


def run(server: LocalServer, *words: str, code: int = 0) -> str:
    """What a command prints; on standard error where it should fail."""
    config = {"WANDB_CONFIG_DIR": str(server.data_dir / "config")}
    done, out, err = asyncwb_command("server", *words, env=server.env | config)
    assert done == code, (words, out, err)
    assert (err == "") == (code == 0), err
    return out if code == 0 else err


def viewer(server: LocalServer, key: str) -> Any:
    body = json.dumps({"query": "{ viewer { username } }"}).encode()
    request = urllib.request.Request(
        f"{server.url}/graphql", body, {"Authorization": f"Bearer {key}"}
    )
    with urllib.request.urlopen(request, timeout=20) as answer:
        return json.loads(answer.read())["data"]["viewer"]["username"]


def test_users_and_keys(server: LocalServer) -> None:
    said = run(server, "user", "add", "kate", "--email", "kate@x")
    key = said.splitlines()[-1]
    assert viewer(server, key) == "kate"
    assert "no user 'nobody'" in run(server, "user", "role", "nobody", "admin", code=1)
    assert "unknown role" in run(server, "user", "role", "kate", "owner", code=1)
    assert "taken" in run(server, "user", "add", "kate", code=1)
    run(server, "user", "role", "kate", "viewer")
    made = json.loads(run(server, "key", "add", "kate", "--description", "ci", "--json"))
    assert viewer(server, made["api_key"]) == "kate"
    listed = run(server, "key", "list", "kate")
    assert made["api_key"][:10] in listed
    assert made["api_key"] not in listed + run(server, "key", "list", "kate", "--json")
    (row,) = [one for one in json.loads(run(server, "user", "list", "--json"))
              if one["username"] == "kate"]  # fmt: skip
    assert (row["role"], row["keys"], row["email"]) == ("viewer", 2, "kate@x")
    run(server, "key", "revoke", "kate", made["api_key"][:10])
    with pytest.raises(urllib.error.HTTPError) as refused:
        viewer(server, made["api_key"])
    refused.value.close()
    # asked, and with nobody to answer, it removes nothing
    assert "Aborted" in run(server, "user", "remove", "kate", code=1)
    run(server, "user", "remove", "kate", "--yes")
    assert "kate" not in run(server, "user", "list")


def test_teams_and_organizations(server: LocalServer) -> None:
    for name in ("ann", "bo"):
        run(server, "user", "add", name)
    run(server, "org", "add", "acme", "--admin", "ann")
    run(server, "org", "join", "acme", "bo")
    run(server, "team", "add", "crew", "--admin", "ann", "--organization", "acme")
    run(server, "team", "join", "crew", "bo", "--role", "viewer")
    assert json.loads(run(server, "team", "members", "crew", "--json")) == [
        {"username": "ann", "role": "admin"}, {"username": "bo", "role": "viewer"}
    ]  # fmt: skip
    assert json.loads(run(server, "team", "list", "--json")) == [
        {"name": "crew", "organization": "acme", "members": 2}
    ]
    run(server, "team", "leave", "crew", "bo")
    run(server, "org", "leave", "acme", "bo")
    assert "bo" not in run(server, "org", "members", "acme")
    assert "acme" in run(server, "org", "list")
    run(server, "team", "remove", "crew", "--yes")
    run(server, "org", "remove", "acme", "--yes")
    assert run(server, "team", "list") == "There are no teams.\n"


def test_a_member_administers_nothing(server: LocalServer) -> None:
    key = run(server, "user", "add", "max").splitlines()[-1]
    env = server.env | {"WANDB_API_KEY": key, "WANDB_CONFIG_DIR": str(server.data_dir / "config")}
    code, out, err = asyncwb_command("server", "user", "list", env=env)
    assert (code, out) == (1, "")
    assert "only administrators of the server may do this" in err
    assert key not in err


def test_on_a_stopped_server(tmp_path: Path) -> None:
    data = tmp_path / "data"
    env = {"WANDB_CONFIG_DIR": str(tmp_path / "config")}
    words = ("--data-dir", str(data))
    code, _, err = asyncwb_command("server", "user", "list", *words, env=env)
    assert (code, "not the data folder" in err) == (1, True)
    code, _, err = asyncwb_command("server", "user", "list", env=env)
    assert (code, "No server is configured" in err) == (1, True)
    with local_server(data):
        pass
    code, out, err = asyncwb_command("server", "user", "add", "kate", "--json", *words, env=env)
    assert (code, err) == (0, "")
    with local_server(data) as server:
        assert viewer(server, json.loads(out)["api_key"]) == "kate"
