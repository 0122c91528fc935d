"""Administration over HTTP."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx
import pytest
from artifact_client import ArtifactClient, anonymous

if TYPE_CHECKING:
    from server_client import Client

OWN_KEY = "local-" + "k" * 40


def bearer(key: str) -> httpx.Auth:
    class Bearer(httpx.Auth):
        def auth_flow(self, request: httpx.Request) -> Any:
            request.headers["Authorization"] = f"Bearer {key}"
            yield request

    return Bearer()


async def call(
    client: Client, method: str, path: str, body: Any = None, status: int = 200
) -> dict[str, Any]:
    """A request with the administrator's key as bearer token."""
    key = client.http.auth._auth_header  # type: ignore[union-attr]
    import base64

    token = base64.b64decode(key.partition(" ")[2]).decode().partition(":")[2]
    content = {} if body is None else {"json": body}
    answer = await client.http.request(method, f"/admin{path}", auth=bearer(token), **content)
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/json"
    found: dict[str, Any] = answer.json()
    if status != 200:
        assert found["errors"][0]["message"], found
    return found


async def who(client: Client, key: str) -> Any:
    query = {"query": "{ viewer { username admin } }"}
    answer = await client.http.post("/graphql", json=query, auth=bearer(key))
    return answer.json()["data"]["viewer"] if answer.status_code == 200 else answer.status_code


async def test_users_from_first_to_last(client: Client) -> None:
    made = await call(client, "POST", "/users", {"username": "kate", "admin": False})
    assert set(made) == {"api_key"}
    assert await who(client, made["api_key"]) == {"username": "kate", "admin": False}
    await call(client, "POST", "/users", {"username": "kate", "admin": False}, 409)
    boss = {"username": "boss", "admin": True, "api_key": OWN_KEY}
    for _ in range(2):  # the same again, as a request whose answer was lost
        assert await call(client, "POST", "/users", boss) == {"api_key": OWN_KEY}
    assert await who(client, OWN_KEY) == {"username": "boss", "admin": True}
    await call(client, "POST", "/users", {**boss, "admin": False}, 409)
    await call(client, "POST", "/users", {**boss, "username": "other"}, 409)
    rows = (await call(client, "GET", "/users"))["users"]
    assert [(row["username"], row["role"], row["keys"]) for row in rows] == [
        ("local", "admin", 1), ("kate", "member", 1), ("boss", "admin", 1),
    ]  # fmt: skip
    await call(client, "POST", "/users/kate/role", {"role": "admin"})
    assert await who(client, made["api_key"]) == {"username": "kate", "admin": True}
    await call(client, "POST", "/users/local/role", {"role": "member"}, 409)
    await call(client, "DELETE", "/users/kate")
    assert await who(client, made["api_key"]) == 401
    await call(client, "DELETE", "/users/kate", status=404)
    await call(client, "DELETE", "/users/local", status=409)
    # the name is free again
    await call(client, "POST", "/users", {"username": "kate"})


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({}, 400), ([], 400), ("x", 400), ({"username": 1}, 400), ({"username": "a/b"}, 400),
        ({"username": ""}, 400), ({"username": "x", "role": "owner"}, 400),
        ({"username": "x", "api_key": "short"}, 400), ({"username": "x", "admin": "yes"}, 400),
        ({"username": "x" * 20_000}, 413), ({"username": "local"}, 409),
        ({"username": "deleted:1"}, 400),
    ],
)  # fmt: skip
async def test_bad_users(client: Client, body: Any, status: int) -> None:
    await call(client, "POST", "/users", body, status)
    assert len((await call(client, "GET", "/users"))["users"]) == 1


async def test_a_body_that_is_no_json(client: Client) -> None:
    answer = await client.http.post("/admin/users", content=b"\xff{")
    assert answer.status_code == 400


async def test_who_may(client: Client) -> None:
    key = (await call(client, "POST", "/users", {"username": "kate"}))["api_key"]
    for method, path in (("GET", "/users"), ("POST", "/users"), ("DELETE", "/users/local"),
                         ("POST", "/teams"), ("POST", "/organizations")):  # fmt: skip
        answer = await client.http.request(method, f"/admin{path}", auth=bearer(key))
        assert (answer.status_code, "administrators" in answer.text) == (403, True)
        answer = await client.http.request(method, f"/admin{path}", auth=anonymous)
        assert answer.status_code == 401


async def test_keys(client: Client) -> None:
    await call(client, "POST", "/users", {"username": "kate"})
    made = (await call(client, "POST", "/users/kate/keys", {"description": "ci"}))["api_key"]
    given = await call(client, "POST", "/users/kate/keys", {"api_key": OWN_KEY})
    assert given == {"api_key": OWN_KEY}
    await call(client, "POST", "/users/kate/keys", {"api_key": OWN_KEY}, 409)
    listed = (await call(client, "GET", "/users/kate/keys"))["keys"]
    assert [key["description"] for key in listed] == [None, "ci", None]
    assert made[:10] in {key["name"] for key in listed}
    assert made not in str(listed)
    await call(client, "DELETE", f"/users/kate/keys/{made[:10]}")
    assert await who(client, made) == 401
    await call(client, "DELETE", f"/users/kate/keys/{made[:10]}", status=404)
    await call(client, "GET", "/users/nobody/keys", status=404)
    # keys that were given may begin alike: then the number says which
    await call(client, "POST", "/users/kate/keys", {"api_key": OWN_KEY + "2"})
    await call(client, "DELETE", f"/users/kate/keys/{OWN_KEY[:10]}", status=409)
    await call(client, "DELETE", f"/users/kate/keys/{listed[-1]['id']}")
    assert await who(client, OWN_KEY) == 401
    assert await who(client, OWN_KEY + "2") == {"username": "kate", "admin": False}
    # of others, no number opens anything
    await call(client, "DELETE", "/users/kate/keys/1", status=404)


@pytest.mark.folder
async def test_what_a_deleted_user_leaves(client: Client) -> None:
    """The personal entity goes, with its bytes; what was logged in a team stays."""
    key = (await call(client, "POST", "/users", {"username": "kate"}))["api_key"]
    await call(
        client, "POST", "/teams", {"name": "crew", "organization": "local-org", "username": "kate"}
    )
    blobs = client.data_dir / "blobs"
    client.http.auth, admin = bearer(key), client.http.auth
    files = """mutation($e: String!) { createRunFiles(input: {entityName: $e, projectName: "demo",
        runName: "r", files: ["a"]}) { files { uploadUrl } } }"""
    for entity in ("kate", "crew"):
        await client.upsert("r", entityName=entity)
        url = (await client.data(files, e=entity))["createRunFiles"]["files"][0]["uploadUrl"]
        await client.http.put(url, content=entity.encode(), auth=anonymous)
    artifacts = ArtifactClient(client)
    draft = await artifacts.create(entityName="kate")
    entries = await artifacts.upload(draft["id"], {"x": b"x"})
    await artifacts.manifest(draft["id"], entries, entityName="kate")
    await artifacts.commit(draft["id"])
    sweep = (
        'mutation { upsertSweep(input: {entityName: "crew", projectName: "demo", config: '
        '"{\\"method\\": \\"random\\", \\"parameters\\": {\\"x\\": {\\"value\\": 1}}}"})'
        " { sweep { id } } }"
    )
    await client.data(sweep)
    client.http.auth = admin
    assert len([one for one in blobs.rglob("*") if one.is_file()]) >= 3
    await call(client, "DELETE", "/users/kate")
    (left,) = [one for one in blobs.rglob("*") if one.is_file()]
    assert left.read_bytes() == b"crew"
    run = """query($e: String) { project(name: "demo", entityName: $e) { run(name: "r") {
        user { username name } } sweeps { edges { node { id } } } } }"""
    assert (await client.data(run, e="kate"))["project"] is None
    found = (await client.data(run, e="crew"))["project"]
    assert found["run"]["user"] == {"username": "deleted:2", "name": "deleted user"}
    assert len(found["sweeps"]["edges"]) == 1
    assert (await client.data('{ user(userName: "deleted:2") { id } }'))["user"] is None
    # somebody new of that name has nothing of it
    again = (await call(client, "POST", "/users", {"username": "kate"}))["api_key"]
    client.http.auth = bearer(again)
    assert (await client.data(run, e="crew"))["project"] is None


async def test_teams(client: Client) -> None:
    for name in ("kate", "bo"):
        await call(client, "POST", "/users", {"username": name})
    team = {"name": "crew", "organization": "local-org", "username": "kate"}
    for _ in range(2):
        assert await call(client, "POST", "/teams", team) == {"name": "crew"}
    await call(client, "POST", "/teams", {**team, "username": "bo"}, 409)
    await call(client, "POST", "/teams", {**team, "name": "x", "username": "nobody"}, 404)
    await call(client, "POST", "/teams", {**team, "name": "x", "organization": "no"}, 404)
    await call(client, "POST", "/teams", {"name": "x"}, 400)
    for role in ("viewer", "member", "viewer"):
        await call(client, "POST", "/teams/crew/members", {"username": "bo", "role": role})
    listed = (await call(client, "GET", "/teams/crew/members"))["members"]
    assert listed == [
        {"username": "kate", "role": "admin"}, {"username": "bo", "role": "viewer"}
    ]  # fmt: skip
    last = {"username": "kate", "role": "member"}
    await call(client, "POST", "/teams/crew/members", last, 409)
    await call(client, "POST", "/teams/crew/members", {"username": "bo", "role": "x"}, 400)
    await call(client, "POST", "/teams/no/members", {"username": "bo", "role": "member"}, 404)
    await call(client, "DELETE", "/teams/crew/members/bo")
    await call(client, "DELETE", "/teams/crew/members/bo", status=404)
    assert (await call(client, "GET", "/teams"))["teams"] == [
        {"name": "crew", "organization": "local-org", "members": 1}
    ]
    await client.upsert("r", entityName="crew")
    await call(client, "DELETE", "/teams/crew")
    await call(client, "DELETE", "/teams/crew", status=404)
    await call(client, "DELETE", "/teams/local", status=404)
    await call(client, "DELETE", "/teams/local-org-entity", status=404)


async def test_organizations(client: Client) -> None:
    for name in ("kate", "bo"):
        await call(client, "POST", "/users", {"username": name})
    acme = {"name": "acme", "username": "kate"}
    for _ in range(2):
        assert await call(client, "POST", "/organizations", acme) == {"name": "acme"}
    await call(client, "POST", "/organizations", {**acme, "username": "bo"}, 409)
    await call(client, "POST", "/organizations", {**acme, "name": "local-org"}, 409)
    await call(client, "POST", "/organizations", {"name": "x", "username": "nobody"}, 404)
    await call(client, "POST", "/organizations", {"name": "a/b", "username": "kate"}, 400)
    await call(client, "POST", "/organizations/acme/members", {"username": "bo", "role": "viewer"})
    await call(client, "POST", "/organizations/no/members", {"username": "bo"}, 404)
    await call(client, "POST", "/organizations/acme/members", {"username": "bo", "role": "x"}, 400)
    assert (await call(client, "GET", "/organizations/acme/members"))["members"] == [
        {"username": "kate", "role": "admin"}, {"username": "bo", "role": "viewer"}
    ]  # fmt: skip
    assert (await call(client, "GET", "/organizations/local-org/members"))["members"] == [
        {"username": "local", "role": "member"}
    ]
    assert [one["name"] for one in (await call(client, "GET", "/organizations"))["organizations"]
            ] == ["local-org", "acme"]  # fmt: skip
    await call(client, "DELETE", "/organizations/acme/members/bo")
    await call(client, "DELETE", "/organizations/acme/members/bo", status=404)
    await call(client, "DELETE", "/organizations/local-org", status=409)
    await call(client, "DELETE", "/organizations/acme")
    await call(client, "DELETE", "/organizations/acme", status=404)


async def test_a_session_of_the_page_administers_with_its_token(client: Client) -> None:
    key = (await call(client, "POST", "/users", {"username": "boss", "admin": True}))["api_key"]
    transport = client.http._transport
    async with httpx.AsyncClient(transport=transport, base_url="http://server.test:1") as browser:
        csrf = (await browser.post("/-/session", json={"key": key})).json()["csrf"]
        new = {"username": "kate"}
        for method, path in (("POST", "/admin/users"), ("DELETE", "/admin/users/local")):
            answer = await browser.request(method, path, json=new)
            assert (answer.status_code, "token" in answer.text) == (403, True)
        token = {"X-CSRF-Token": csrf}
        answer = await browser.post("/admin/users", json=new, headers=token)
        assert answer.status_code == 200
        assert (await browser.get("/admin/users")).status_code == 200
        # and ends with its user
        await call(client, "DELETE", "/users/boss")
        assert (await browser.get("/-/session")).json()["user"] is None
        assert (await browser.post("/admin/users", json=new, headers=token)).status_code == 401
