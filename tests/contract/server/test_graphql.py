"""GraphQL requests as clients send them."""

from __future__ import annotations

import json
from importlib.resources import files
from typing import TYPE_CHECKING

import pytest
from graphql import build_schema, validate_schema
from server_client import behind, sql

from asyncwb.server.bootstrap import Identity, ensure_first_user
from asyncwb.server.resolvers.server import make_schema

if TYPE_CHECKING:
    from server_client import Client


def test_the_schema_is_valid_and_every_resolver_has_a_field() -> None:
    make_schema()
    folder = files("asyncwb.server").joinpath("schema")
    text = "\n".join(f.read_text() for f in folder.iterdir() if f.name.endswith(".graphql"))
    assert validate_schema(build_schema(text)) == []


async def test_how_requests_may_look(client: Client) -> None:
    await client.upsert("r1", config='{"a":{"value":1}}')
    document = """#graphql
    query Q($p: String = "demo", $deep: Boolean!) {
      project(name: $p, entityName: "local") {
        ...F @include(if: $deep)
        name
      }
    }
    fragment F on Project { run(name: "r1") { name, config(keys: ["a"]) __typename } }
    """
    for operation in ("", "Q"):
        response = await client.post(document, operation, deep=True, surplus={"x": 1})
        assert response.status_code == 200
        assert response.json() == {
            "data": {
                "project": {
                    "run": {"name": "r1", "config": '{"a":{"value":1}}', "__typename": "Run"},
                    "name": "demo",
                }
            }
        }
    response = await client.http.post("/graphql", json={"query": "{ viewer { username } }"})
    assert response.json() == {"data": {"viewer": {"username": "local"}}}


@pytest.mark.parametrize(
    ("body", "word"),
    [
        (b"{", "GraphQL request"),
        (b"{}", "query"),
        (b'{"query": "{"}', "Syntax"),
        (b'{"query": "{ nothing }"}', "nothing"),
        (b'{"query": "query A { viewer { id } } query B { viewer { id } }"}', "several"),
        (b'{"query": "query A { viewer { id } }", "operationName": "B"}', "operation"),
        (b'{"query": "query($x: Int!) { users(first: $x) { edges { cursor } } }"}', "$x"),
        (b'{"query": "{ users(first: -1) { edges { cursor } } }"}', "negative"),
        (b'{"query": "{ users(after: \\"zzz\\") { edges { cursor } } }"}', "cursor"),
    ],
)
async def test_bad_requests_are_400_with_a_message(client: Client, body: bytes, word: str) -> None:
    response = await client.http.post("/graphql", content=body)
    assert response.status_code == 400
    assert word in response.json()["errors"][0]["message"]


async def test_keys(client: Client) -> None:
    key = ensure_first_user(client.data_dir).api_key
    query = {"query": "{ viewer { username } }"}
    bearer = {"Authorization": f"Bearer {key}"}
    anonymous = lambda request: request  # noqa: E731
    post = client.http.post
    assert (await post("/graphql", json=query, headers=bearer, auth=anonymous)).status_code == 200
    refused = await post("/graphql", json=query, auth=anonymous)
    assert refused.status_code == 401
    assert "WWW-Authenticate" in refused.headers
    for header in ("Basic !!!", "Basic YXBp", f"Bearer {key}x", "Digest x", "Bearer"):
        headers = {"Authorization": header}
        answer = await post("/graphql", json=query, headers=headers, auth=anonymous)
        assert answer.status_code == 401


async def test_a_key_can_be_made_and_removed(client: Client) -> None:
    made = await client.data(
        'mutation { generateApiKey(input: {description: "ci"}) { apiKey { id name } } }'
    )
    key = made["generateApiKey"]["apiKey"]
    query = {"query": "{ viewer { apiKeys { edges { node { id name description } } } } }"}
    answer = await client.http.post("/graphql", json=query, auth=("api", key["name"]))
    listed = [e["node"] for e in answer.json()["data"]["viewer"]["apiKeys"]["edges"]]
    assert listed[1] == {"id": key["id"], "name": key["name"][:10], "description": "ci"}
    assert key["name"] not in answer.text
    await client.data(
        "mutation($id: String!) { deleteApiKey(input: {id: $id}) { success } }", id=key["id"]
    )
    answer = await client.http.post("/graphql", json=query, auth=("api", key["name"]))
    assert answer.status_code == 401


async def test_null_leaves_alone_and_empty_values_are_values(client: Client) -> None:
    first = (
        await client.upsert(
            "r", displayName="shown", notes="n", tags=["a", "b"], config='{"x":{"value":1}}',
            groupName="g", summaryMetrics='{"s":1}',
        )
    )["bucket"]  # fmt: skip
    assert first["state"] == "running"
    again = await client.upsert("r", displayName=None, notes=None, tags=None, config=None)
    assert again == {"inserted": False, "bucket": first}
    cleared = await client.upsert("other", id=first["id"], notes="", tags=[], config="{}")
    assert cleared["bucket"] == {**first, "notes": "", "tags": [], "config": "{}"}


async def test_an_invented_name_and_a_project_made_on_the_fly(client: Client) -> None:
    made = await client.upsert("r", modelName=None, entityName=None)
    assert made["inserted"] is True
    assert made["bucket"]["project"] == {"name": "uncategorized", "entity": {"name": "local"}}
    first, second, number = made["bucket"]["displayName"].split("-")
    assert first.isalpha()
    assert second.isalpha()
    assert number == "1"


@pytest.mark.parametrize(
    ("values", "status"),
    [
        ({"name": "a/b"}, 400),
        ({"name": "x" * 200}, 400),
        ({"modelName": "a/b"}, 400),
        ({"entityName": "nobody"}, 404),
        ({"id": "bm9uc2Vuc2U="}, 404),
        ({"config": "[]"}, 400),
        ({"config": "{"}, 400),
        ({"state": "sleeping"}, 400),
        ({"summaryMetrics": "3"}, 400),
    ],
)
async def test_upserts_that_are_refused(
    client: Client, values: dict[str, str], status: int
) -> None:
    document = "mutation($i: UpsertBucketInput!) { upsertBucket(input: $i) { bucket { id } } }"
    response = await client.post(document, i={"name": "r", "modelName": "demo", **values})
    assert response.status_code == status
    assert response.json()["errors"][0]["message"]


async def test_what_a_resuming_client_asks(client: Client) -> None:
    document = """query RunResumeStatus($project: String, $entity: String, $name: String!) {
      model(name: $project, entityName: $entity) { id name entity { id name }
        bucket(name: $name, missingOk: true) { id name summaryMetrics displayName logLineCount
          historyLineCount eventsLineCount historyTail eventsTail config tags notes
          wandbConfig(keys: ["t"]) } } }"""
    variables = {"project": "demo", "entity": None, "name": "r"}
    assert (await client.data(document, **variables)) == {"model": None}
    await client.upsert("other")
    assert (await client.data(document, **variables))["model"]["bucket"] is None
    await client.upsert("r", config='{"_wandb":{"value":{"t":{"1":[1]},"m":[]}},"x":{"value":1}}')
    await client.history("r", 0, [{"_step": 0}, {"_step": 7, "x": 1}])
    found = (await client.data(document, **variables))["model"]["bucket"]
    assert json.loads(found["wandbConfig"]) == {"t": {"1": [1]}}
    assert [json.loads(text) for text in json.loads(found["historyTail"])] == [{"_step": 7, "x": 1}]
    assert json.loads(found["eventsTail"]) == []
    counts = (found["historyLineCount"], found["eventsLineCount"], found["logLineCount"])
    assert counts == (2, 0, 0)
    assert found["summaryMetrics"] == "{}"


async def test_sampled_history_needs_all_keys_and_takes_paths(client: Client) -> None:
    await client.upsert("r")
    rows = [
        {"_step": i, "a": i, "n": {"b": -i}, **({"x.y": 1} if i % 2 else {})} for i in range(20)
    ]
    await client.history("r", 0, rows)

    async def sampled(**spec: object) -> list[dict[str, object]]:
        document = (
            'query($s: [JSONString!]!) { project(name: "demo") { run(name: "r") '
            "{ sampledHistory(specs: $s) } } }"
        )
        data = await client.data(document, s=json.dumps(spec))
        (found,) = data["project"]["run"]["sampledHistory"]
        return found  # type: ignore[no-any-return]

    odd = await sampled(keys=["_step", "x.y", "n.b", "_step"], minStep=3, maxStep=7, samples=1)
    assert odd == [{"_step": i, "x.y": 1, "n.b": -i} for i in (3, 5, 7)]
    few = await sampled(keys=["_step", "a"], samples=4)
    assert [row["_step"] for row in few] == [0, 6, 12, 19]
    assert await sampled(keys=["nowhere"]) == []


async def test_values_that_plain_json_lacks_are_named(client: Client) -> None:
    await client.upsert("r")
    await client.history("r", 0, ['{"_step":0,"v":NaN,"w":-Infinity}'])
    found = await client.run("r", 'sampledHistory(specs: "{\\"keys\\": [\\"v\\", \\"w\\"]}")')
    assert found["sampledHistory"] == [[{"v": "NaN", "w": "-Infinity"}]]


async def test_teams_and_what_others_see(client: Client) -> None:
    await client.upsert("secret", modelName="private")
    await client.data('mutation { createTeam(input: {teamName: "crew"}) { entity { name } } }')
    await client.data('mutation { createUser(input: {email: "bo@x.test"}) { user { id } } }')
    service = (
        'mutation { createServiceAccount(input: {entityName: "crew", description: "ci"})'
        " { user { username } } }"
    )
    name = (await client.data(service))["createServiceAccount"]["user"]["username"]
    crew = await client.data('{ entity(name: "crew") { isTeam members { name accountType } } }')
    assert crew["entity"]["isTeam"] is True
    assert [m["accountType"] for m in crew["entity"]["members"]] == ["USER", "SERVICE"]
    key = key_of(client, name)
    document = (
        '{ project(name: "private", entityName: "local") { id } entity(name: "crew") { name } }'
    )
    answer = await client.http.post("/graphql", json={"query": document}, auth=("api", key))
    assert answer.json()["data"] == {"project": None, "entity": {"name": "crew"}}
    upsert = (
        'mutation { upsertBucket(input: {name: "r", modelName: "p", entityName: "%s"}) '
        "{ inserted } }"
    )
    for entity, status in (("crew", 200), ("local", 404)):
        body = {"query": upsert % entity}
        answer = await client.http.post("/graphql", json=body, auth=("api", key))
        assert answer.status_code == status
    path = "/files/local/private/secret/file_stream"
    assert (await client.http.post(path, json={}, auth=("api", key))).status_code == 404


def key_of(client: Client, username: str) -> str:
    """Give a user a key, as an administrator with access to the database can."""
    from asyncwb.server.storage.accounts import create_key, find_user

    with behind(client.data_dir) as connection:
        user = find_user(connection, username=username)
        assert user is not None
        _, key = create_key(connection, user.id, None)
    return key


async def test_projects(client: Client) -> None:
    upsert = (
        "mutation($i: UpsertModelInput!) { upsertModel(input: $i) "
        "{ inserted model { id name description } project { name } } }"
    )
    for name in ("one", "two", "three"):
        await client.data(upsert, i={"name": name, "entityName": "local", "description": name})
    listing = """query($after: String) { models(entityName: "local", first: 2, after: $after) {
        edges { node { name } } pageInfo { endCursor hasNextPage } } }"""
    page = (await client.data(listing))["models"]
    assert [edge["node"]["name"] for edge in page["edges"]] == ["one", "two"]
    rest = (await client.data(listing, after=page["pageInfo"]["endCursor"]))["models"]
    assert [edge["node"]["name"] for edge in rest["edges"]] == ["three"]
    assert rest["pageInfo"]["hasNextPage"] is False
    rename = (
        'mutation($n: String!) { renameProject(input: {entityName: "local", '
        'oldProjectName: "one", newProjectName: $n}) { project { id name } } }'
    )
    assert (await client.post(rename, n="two")).status_code == 409
    renamed = (await client.data(rename, n="uno"))["renameProject"]["project"]
    assert renamed["name"] == "uno"
    delete = "mutation($id: String!) { deleteModel(input: {id: $id}) { success } }"
    await client.data(delete, id=renamed["id"])
    assert (await client.post(delete, id=renamed["id"])).status_code == 404


async def test_alerts_wait_between_two_of_the_same_title(client: Client) -> None:
    await client.upsert("r")
    alert = """mutation($t: String!, $w: Duration) { notifyScriptableRunAlert(input: {
        entityName: "local", projectName: "demo", runName: "r", title: $t, text: "x",
        severity: WARN, waitDuration: $w}) { success } }"""
    for title in ("a", "a", "b"):
        answer = await client.data(alert, t=title, w=60000)
        assert answer["notifyScriptableRunAlert"]["success"] is True
    kept = sql(client.data_dir, "SELECT title, severity FROM alerts ORDER BY id")
    assert kept == [("a", "WARN"), ("b", "WARN")]


async def test_endpoints_that_are_not_served(client: Client) -> None:
    for path in ("/sdk/otel/v1/metrics", "/sdk/otel/v1/logs", "/oidc/token", "/nowhere"):
        response = await client.http.post(path, content=b"")
        assert response.status_code == 404
        assert response.json()["errors"][0]["message"]
    assert (await client.http.get("/healthz")).json() == {"status": "ok"}
    assert "WANDB_BASE_URL" in (await client.http.get("/")).text


async def test_artifacts_are_absent_not_an_error(client: Client) -> None:
    await client.upsert("r")
    document = (
        'query ArtifactType { project(name: "demo") '
        '{ artifact(name: "c:latest") { artifactType { name } } } }'
    )
    assert (await client.data(document)) == {"project": {"artifact": None}}
    found = await client.run("r", "outputArtifacts { edges { cursor } totalCount }")
    assert found == {"outputArtifacts": {"edges": [], "totalCount": 0}}


def test_the_identity_is_kept_and_private(tmp_path) -> None:  # type: ignore[no-untyped-def]
    first = ensure_first_user(tmp_path, username="me", api_key="k" * 40)
    assert first == Identity(entity="me", username="me", api_key="k" * 40)
    assert ensure_first_user(tmp_path) == first
    assert "k" * 40 not in repr(first)
    assert (tmp_path / "identity.json").stat().st_mode & 0o777 == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["identity.json"]


async def test_what_clients_of_earlier_years_cannot_do_without(client: Client) -> None:
    info = (
        await client.data("{ serverInfo { cliVersionInfo latestLocalVersionInfo { outOfDate } } }")
    )["serverInfo"]
    assert info["cliVersionInfo"]["max_cli_version"] >= "0.31"
    assert info["latestLocalVersionInfo"] is None
    for name in ("ServerSettings", "ServerInfo", "UseArtifactInput", "Artifact", "LaunchAgent"):
        asked = await client.data(f'{{ t: __type(name: "{name}") {{ name }} }}')
        assert (asked["t"] is None) == (name == "LaunchAgent")
    made = await client.data(
        """mutation { upsertBucket(input: {name: "old", modelName: "demo"}) {
        inserted serverSettings { serverMessages { plainText } } } }"""
    )
    assert made["upsertBucket"] == {"inserted": True, "serverSettings": {"serverMessages": []}}
