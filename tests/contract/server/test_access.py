"""What one user can reach of another's things, and what names can reach."""

from __future__ import annotations

import asyncio
import json
import stat
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from server_client import behind

from asyncwb.server.bootstrap import load_secrets
from asyncwb.server.ids import make_id
from asyncwb.server.signing import Signer
from asyncwb.server.storage.accounts import create_key, find_user

if TYPE_CHECKING:
    from pathlib import Path

    import httpx
    from server_client import Client

FILES = """mutation($f: [String!]!) { createRunFiles(input: {entityName: "local",
    projectName: "demo", runName: "r", files: $f}) { files { name uploadUrl } } }"""


def anonymous(request: httpx.Request) -> httpx.Request:
    return request


async def add_user(client: Client, name: str) -> tuple[str, str]:
    """Credentials of a new user without rights."""
    await client.data(
        "mutation($e: String!) { createUser(input: {email: $e}) { user { id } } }", e=f"{name}@x"
    )
    with behind(client.data_dir) as connection:
        user = find_user(connection, username=name)
        assert user is not None
        _, key = create_key(connection, user.id, None)
    return "api", key


async def post_as(
    client: Client, auth: tuple[str, str], query: str, **variables: Any
) -> httpx.Response:
    body = {"query": query, "variables": variables}
    return await client.http.post("/graphql", json=body, auth=auth)


RUN_FIELDS = "{ id config history project { id } files { edges { node { id directUrl } } } }"


async def test_nothing_private_is_open_to_another_user(client: Client) -> None:
    run = (await client.upsert("r", config='{"secret":{"value":"hush"}}'))["bucket"]
    await client.history("r", 0, [{"_step": 0, "hush": 1}])
    keep = "mutation($i: UpsertViewInput!) { upsertView(input: $i) { view { id } } }"
    report = {"entityName": "local", "projectName": "demo", "displayName": "hush"}
    view = (await client.data(keep, i=report))["upsertView"]["view"]["id"]
    made = await client.data(FILES, f=["hush.txt"])
    url = made["createRunFiles"]["files"][0]["uploadUrl"]
    assert (await client.http.put(url, content=b"hush", auth=anonymous)).status_code == 200
    listed = await client.run("r", "projectId files { edges { node { id url } } }")
    file = listed["files"]["edges"][0]["node"]
    project = make_id("Project", listed["projectId"])
    bo = await add_user(client, "bo")

    reads = [
        f'{{ project(name: "demo", entityName: "local") {{ run(name: "r") {RUN_FIELDS} }} }}',
        f'{{ model(name: "demo", entityName: "local") {{ bucket(name: "r") {RUN_FIELDS} }} }}',
        '{ project(name: "demo", entityName: "local") { runs { edges { node { config } } } } }',
        '{ models(entityName: "local") { edges { node { name runs { totalCount } } } } }',
        '{ entity(name: "local") { name storageBytes members { username } projects '
        "{ edges { node { name } } } } }",
        '{ user(userName: "local") { projects { edges { node { name } } } apiKeys '
        "{ edges { node { name } } } } }",
        "{ users { edges { node { projects { edges { node { name } } } apiKeys "
        "{ edges { node { name } } } } } } }",
    ]
    for query in reads:
        answer = await post_as(client, bo, query)
        assert answer.status_code == 200, answer.text
        assert "hush" not in answer.text
        assert "demo" not in answer.text

    by_id = {"id": run["id"]}
    writes: list[tuple[str, dict[str, Any]]] = [
        ("upsertBucket(input: $i) { bucket { config } }", {**by_id, "notes": "bo was here"}),
        ("stopRun(input: $i) { success }", by_id),
        ("deleteRun(input: $i) { clientMutationId }", by_id),
        ("updateRunState(input: $i) { success }", {**by_id, "state": "failed"}),
        ("deleteModel(input: $i) { success }", {"id": project}),
        ("upsertModel(input: $i) { model { name } }", {"id": project, "description": "bo"}),
        (
            "renameProject(input: $i) { project { name } }",
            {"entityName": "local", "oldProjectName": "demo", "newProjectName": "bo"},
        ),
        (
            "createRunFiles(input: $i) { files { uploadUrl } }",
            {"entityName": "local", "projectName": "demo", "runName": "r", "files": ["hush.txt"]},
        ),
        (
            "markRunFilesUploaded(input: $i) { success }",
            {"entityName": "local", "projectName": "demo", "runName": "r", "files": ["hush.txt"]},
        ),
        (
            "rewindRun(input: $i) { rewoundRun { id } }",
            {"entityName": "local", "projectName": "demo", "runName": "r", "metricName": "_step",
             "metricValue": 0},
        ),
        (
            "notifyScriptableRunAlert(input: $i) { success }",
            {"entityName": "local", "projectName": "demo", "runName": "r", "title": "x",
             "text": "x"},
        ),
        ("createServiceAccount(input: $i) { user { id } }",
         {"entityName": "local", "description": "x"}),
        ("createUser(input: $i) { user { id } }", {"email": "eve@x", "admin": True}),
        ("createInvite(input: $i) { invite { id } }", {"entityName": "local", "username": "bo"}),
        ("deleteInvite(input: $i) { success }",
         {"entityName": "local", "id": make_id("User", 1)}),
        ("generateApiKey(input: $i) { apiKey { name } }", {"username": "local"}),
        ("upsertView(input: $i) { view { id } }",
         {"entityName": "local", "projectName": "demo", "spec": "{}"}),
        ("upsertView(input: $i) { view { id } }", {"id": view, "displayName": "taken over"}),
        ("deleteView(input: $i) { success }", {"id": view}),
    ]  # fmt: skip
    for mutation, value in writes:
        name = mutation.partition("(")[0]
        kind = name[0].upper() + name[1:] + "Input"
        document = f"mutation($i: {kind}!) {{ {mutation} }}"
        answer = await post_as(client, bo, document, i=value)
        assert answer.status_code in (403, 404), (mutation, answer.text)
    gone = await post_as(
        client, bo, "mutation($f: [ID!]!) { deleteFiles(input: {files: $f}) { success } }",
        f=[file["id"]],
    )  # fmt: skip
    assert gone.status_code == 200

    for path in ("/files/local/demo/r/hush.txt", file["url"]):
        assert (await client.http.get(path, auth=bo)).status_code == 404
    stream = await client.http.post("/files/local/demo/r/file_stream", json={}, auth=bo)
    assert stream.status_code == 404
    assert (await client.http.get(file["url"])).content == b"hush"
    after = (await client.upsert("r"))["bucket"]
    assert after["notes"] is None
    assert after["state"] == "running"


async def test_the_page_shows_nothing_of_another_user(client: Client) -> None:
    await client.upsert("r")
    await client.history("r", 0, [{"_step": 0, "hush": 1}])
    url = (await client.data(FILES, f=["hush.html"]))["createRunFiles"]["files"][0]["uploadUrl"]
    await client.http.put(url, content=b"hush", auth=anonymous)
    chart = {"entity": "local", "project": "demo", "runs": ["r"], "y": "hush"}
    mine = (await client.http.post("/-/series", json=chart)).json()
    assert mine["y"] == {"r": [1]}
    bo = await add_user(client, "bo")
    theirs = await client.http.post("/-/series", json=chart, auth=bo)
    assert theirs.json() == {"x": [], "y": {}, "mean": None}
    assert (await client.http.post("/-/series", json=chart, auth=anonymous)).status_code == 401
    frame = "/-/frame/local/demo/r/hush.html"
    assert (await client.http.get(frame)).status_code == 200
    assert (await client.http.get(frame, auth=bo)).status_code == 404
    assert (await client.http.get(frame, auth=anonymous)).status_code == 401


async def test_another_users_keys_and_teams(client: Client) -> None:
    await client.data('mutation { createTeam(input: {teamName: "hidden"}) { entity { id } } }')
    bo = await add_user(client, "bo")
    query = '{ user(userName: "local") { teams { edges { node { name } } } } }'
    assert (await client.data(query))["user"]["teams"]["edges"] == [{"node": {"name": "hidden"}}]
    answer = (await post_as(client, bo, query)).json()
    assert answer["data"]["user"]["teams"]["edges"] == []
    delete = "mutation($id: String!) { deleteApiKey(input: {id: $id}) { success } }"
    answer = (await post_as(client, bo, delete, id=make_id("ApiKey", 1))).json()
    assert answer["data"]["deleteApiKey"]["success"] is False
    assert (await client.data("{ viewer { username } }"))["viewer"]["username"] == "local"


async def test_only_those_who_lead_a_team_add_accounts(client: Client) -> None:
    add = (
        'mutation { createServiceAccount(input: {entityName: "crew", description: "ci"})'
        " { user { username } } }"
    )
    bo = await add_user(client, "bo")
    made = 'mutation { createTeam(input: {teamName: "crew"}) { entity { name } } }'
    assert (await post_as(client, bo, made)).json()["data"]["createTeam"]["entity"]
    service = (await post_as(client, bo, add)).json()
    name = service["data"]["createServiceAccount"]["user"]["username"]
    with behind(client.data_dir) as connection:
        user = find_user(connection, username=name)
        assert user is not None
        _, key = create_key(connection, user.id, None)
    assert (await post_as(client, ("api", key), add)).status_code == 403


async def test_a_signed_url_never_opens_a_later_file(client: Client) -> None:
    await client.upsert("r")
    made = await client.data(FILES, f=["first.txt"])
    put = made["createRunFiles"]["files"][0]["uploadUrl"]
    await client.http.put(put, content=b"first", auth=anonymous)
    listed = await client.run("r", "files { edges { node { id directUrl } } }")
    node = listed["files"]["edges"][0]["node"]
    delete = "mutation($f: [ID!]!) { deleteFiles(input: {files: $f}) { success } }"
    await client.data(delete, f=[node["id"]])
    made = await client.data(FILES, f=["second.txt"])
    second = made["createRunFiles"]["files"][0]["uploadUrl"]
    await client.http.put(second, content=b"second", auth=anonymous)
    assert (await client.http.get(node["directUrl"], auth=anonymous)).status_code == 404
    assert (await client.http.put(put, content=b"evil", auth=anonymous)).status_code == 404
    assert (await client.http.get("/files/local/demo/r/second.txt")).content == b"second"


async def test_the_id_of_a_deleted_run_never_means_another(client: Client) -> None:
    old = (await client.upsert("old"))["bucket"]["id"]
    delete = "mutation($id: ID!) { deleteRun(input: {id: $id}) { clientMutationId } }"
    await client.data(delete, id=old)
    assert (await client.upsert("new"))["bucket"]["id"] != old
    assert (await client.post(delete, id=old)).status_code == 404


async def test_signed_urls_end(client: Client) -> None:
    await client.upsert("r")
    await client.data(FILES, f=["a.txt"])
    _, secret = load_secrets(client.data_dir)
    for seconds, status in ((60.0, 200), (-60.0, 403)):
        url = Signer(secret, seconds).url("http://server.test:1", "put", 1, "a.txt")
        answer = await client.http.put(url, content=b"a", auth=anonymous)
        assert answer.status_code == status
    for expires in ("", "-1", "1e99", "9" * 5000, "²"):
        query = {"expires": expires, "signature": "é"}
        answer = await client.http.get("/storage/get/1/a.txt", params=query, auth=anonymous)
        assert answer.status_code == 403


async def test_an_upload_whose_client_goes_away_keeps_bytes_and_row_together(
    client: Client,
) -> None:
    await client.upsert("r")
    made = await client.data(FILES, f=["a.txt"])
    url = made["createRunFiles"]["files"][0]["uploadUrl"]
    for turns in range(1, 40):
        upload = asyncio.ensure_future(client.http.put(url, content=b"x" * turns, auth=anonymous))
        for _ in range(turns):
            await asyncio.sleep(0)
        upload.cancel()
        await asyncio.gather(upload, return_exceptions=True)
        await client.upsert("r")  # whatever was handed to the writer is committed now
        found = await client.http.get("/files/local/demo/r/a.txt")
        assert found.status_code in (200, 404)
        if found.status_code == 404:
            assert "file not found" in found.text


@pytest.mark.parametrize(
    "path",
    [
        "/files/local/demo/r/../../../../../../../../etc/passwd",
        "/files/local/demo/r/..%2f..%2f..%2f..%2f..%2fetc%2fpasswd",
        "/files/local/demo/r/%2e%2e/%2e%2e/identity.json",
        "/files/local/demo/r//etc/passwd",
        "/files/local/demo/r/%00",
        "/files/local/demo/r/a%00.txt",
        "/files/local/demo/..%2fr/a.txt",
        "/files/../demo/r/a.txt",
        "/storage/get/0/..%2f..%2fidentity.json?expires=1&signature=",
        "/storage/get/99999999999999999999999/a?expires=1&signature=",
        "/storage/get/-1/a?expires=1&signature=",
    ],
)
async def test_paths_reach_nothing_else(client: Client, path: str) -> None:
    await client.upsert("r")
    response = await client.http.get(path)
    assert response.status_code in (403, 404)
    assert "api_key" not in response.text
    assert "root:" not in response.text


@pytest.mark.parametrize("name", ["..", ".", " ", "a\0b", "a\nb", "a/b", "x" * 129, "\x7f"])
async def test_names_that_cannot_be_part_of_a_path(client: Client, name: str) -> None:
    upsert = "mutation($i: UpsertBucketInput!) { upsertBucket(input: $i) { bucket { id } } }"
    tries = [
        (upsert, {"i": {"name": name, "modelName": "demo"}}),
        (upsert, {"i": {"name": "r", "modelName": name}}),
        ("mutation($n: String!) { createTeam(input: {teamName: $n}) { entity { id } } }",
         {"n": name}),
        ("mutation($n: String!) { createUser(input: {email: $n}) { user { id } } }",
         {"n": name + "@x"}),
    ]  # fmt: skip
    for document, variables in tries:
        response = await client.post(document, **variables)
        assert response.status_code == 400, (document, response.text)


@pytest.mark.parametrize(
    "name", ["", "/etc/x", "../x", "a/../../x", "a\0", "..\\x", "a/..", "..", "\\x"]
)
async def test_file_names_that_leave_the_folder(client: Client, name: str) -> None:
    await client.upsert("r")
    assert (await client.post(FILES, f=["good.txt", name])).status_code == 400


@pytest.mark.sqlite
async def test_data_on_disk_is_private(client: Client) -> None:
    await client.upsert("r", config='{"password":{"value":"hush"}}')
    await client.data(FILES, f=["a.txt"])
    for name in ("asyncwb.db", "asyncwb.db-wal", "asyncwb.db-shm", "identity.json"):
        mode = stat.S_IMODE((client.data_dir / name).stat().st_mode)
        assert mode == 0o600, (name, oct(mode))
    key = json.loads((client.data_dir / "identity.json").read_bytes())["api_key"]
    for name in ("asyncwb.db", "asyncwb.db-wal"):
        assert key.encode() not in (client.data_dir / name).read_bytes()


async def test_a_new_data_folder_is_private(tmp_path: Path) -> None:
    from asyncwb.server.bootstrap import ensure_first_user

    ensure_first_user(tmp_path / "a" / "data")
    assert stat.S_IMODE((tmp_path / "a" / "data").stat().st_mode) == 0o700


async def test_no_stored_value_is_in_the_log(
    client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    from asyncwb.server.config import ServerConfig
    from asyncwb.server.storage import database
    from asyncwb.server.storage.tables import runs

    store = database.Database(ServerConfig(data_dir=str(client.data_dir)).database)
    await store.open()
    with pytest.raises(Exception) as caught:  # noqa: PT011 - whatever the driver raises
        await store.write(lambda db: db.execute(runs.insert().values(name="hush", config="hush")))
    await store.close()
    assert "hush" not in str(caught.value)
    assert not caplog.records


def test_two_servers_start_on_one_new_folder(tmp_path: Path) -> None:
    code = f"""if True:
        import asyncio
        from asyncwb.server.app import ServerConfig, create_app
        app = create_app(ServerConfig(data_dir={str(tmp_path)!r}))
        input()
        async def main():
            async with app.router.lifespan_context(app):
                print("up", flush=True)
        asyncio.run(main())
    """
    servers = [
        subprocess.Popen(
            [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for _ in range(4)
    ]
    for server in servers:
        assert server.stdin is not None
        server.stdin.write("\n")
        server.stdin.flush()
    assert [server.communicate(timeout=30)[0] for server in servers] == ["up\n"] * 4
    assert [server.returncode for server in servers] == [0] * 4
