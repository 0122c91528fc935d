"""Uploads and downloads."""

from __future__ import annotations

import base64
import hashlib
from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import anyio
import pytest
from starlette.requests import ClientDisconnect

if TYPE_CHECKING:
    from server_client import Client

CREATE = """mutation($files: [String!]!) { createRunFiles(input: {entityName: "local",
    projectName: "demo", runName: "r", files: $files}) { runID uploadHeaders
    files { name uploadUrl } } }"""
FILE = "id name url directUrl sizeBytes md5 mimetype"
anonymous = lambda request: request  # noqa: E731


async def upload(client: Client, **contents: bytes) -> dict[str, Any]:
    names = [name.replace("__", "/") for name in contents]
    made = (await client.data(CREATE, files=names))["createRunFiles"]
    assert made["runID"]
    assert [entry["name"] for entry in made["files"]] == names
    for entry, content in zip(made["files"], contents.values(), strict=True):
        response = await client.http.put(entry["uploadUrl"], content=content, auth=anonymous)
        assert response.status_code == 200
    return {entry["name"]: entry["uploadUrl"] for entry in made["files"]}


async def listed(client: Client, arguments: str = "first: 50") -> dict[str, Any]:
    edges = f"edges {{ cursor node {{ {FILE} }} }} pageInfo {{ endCursor hasNextPage }}"
    selection = f"fileCount files({arguments}) {{ {edges} }}"
    found = await client.run("r", selection)
    return {edge["node"]["name"]: edge["node"] for edge in found["files"]["edges"]}


async def test_bytes_come_back(client: Client) -> None:
    await client.upsert("r")
    content = bytes(range(256)) * 1000
    await upload(client, **{"sub__é %+?.bin": content, "empty.txt": b""})
    found = await listed(client)
    node = found["sub/é %+?.bin"]
    assert node["sizeBytes"] == len(content)
    assert base64.b64decode(node["md5"]) == hashlib.md5(content).digest()
    assert found["empty.txt"]["mimetype"] == "text/plain"
    assert (await client.http.get(node["url"])).content == content
    direct = await client.http.get(node["directUrl"], auth=anonymous)
    assert direct.content == content
    assert direct.headers["X-Content-Type-Options"] == "nosniff"
    part = await client.http.get(
        node["directUrl"], auth=anonymous, headers={"Range": "bytes=10-19"}
    )
    assert (part.status_code, part.content) == (206, content[10:20])
    assert part.headers["Content-Range"] == f"bytes 10-19/{len(content)}"


async def test_older_clients_ask_the_listing_where_to_upload(client: Client) -> None:
    await client.upsert("r")
    ask = """query($f: [String]!) { model(name: "demo") { bucket(name: "r", desc: null) { id
        files(names: $f) { uploadHeaders
            edges { node { name url(upload: true) updatedAt } } } } } }"""
    listing = (await client.data(ask, f=["new.txt", "b.txt"]))["model"]["bucket"]["files"]
    urls = {edge["node"]["name"]: edge["node"]["url"] for edge in listing["edges"]}
    assert list(urls) == ["new.txt", "b.txt"]
    assert await listed(client) == {}, "files have bytes"
    response = await client.http.put(urls["new.txt"], content=b"n", auth=anonymous)
    assert response.status_code == 200
    assert list(await listed(client)) == ["new.txt"]
    read = ask.replace("upload: true", "upload: false")
    listing = (await client.data(read, f=["other.txt"]))["model"]["bucket"]["files"]
    assert listing["edges"] == []


async def test_urls_cannot_be_bent(client: Client) -> None:
    await client.upsert("r")
    urls = await upload(client, **{"a.txt": b"a", "b.txt": b"b"})
    node = (await listed(client))["a.txt"]
    put = client.http.put
    parts = urlsplit(urls["a.txt"])
    expires = int(parse_qs(parts.query)["expires"][0])
    bent = [
        urls["a.txt"].replace("/put/1/", "/put/2/"),
        urls["a.txt"].replace(f"expires={expires}", f"expires={expires + 1}"),
        urls["a.txt"][:-1] + ("0" if urls["a.txt"][-1] != "0" else "1"),
        urls["a.txt"].partition("?")[0],
        node["directUrl"].replace("/get/", "/put/"),
    ]
    for url in bent:
        response = await put(url, content=b"evil", auth=anonymous)
        assert response.status_code == 403, url
    read = urls["b.txt"].replace("/put/", "/get/")
    assert (await client.http.get(read, auth=anonymous)).status_code == 403
    assert (await client.http.get(node["url"], auth=anonymous)).status_code == 401
    assert (await client.http.get(node["url"])).content == b"a"


async def test_an_expired_url(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    await client.upsert("r")
    url = (await upload(client, **{"a.txt": b"a"}))["a.txt"]
    from asyncwb.server import signing

    class Later:
        @staticmethod
        def time() -> float:
            return 1e11

    monkeypatch.setattr(signing, "time", Later)
    response = await client.http.put(url, content=b"b", auth=anonymous)
    assert response.status_code == 403
    assert "expired" in response.json()["errors"][0]["message"]


@pytest.mark.folder
async def test_a_second_upload_replaces_and_frees_the_first(client: Client) -> None:
    await client.upsert("r")
    await upload(client, **{"a.txt": b"one"})
    await upload(client, **{"a.txt": b"two2"})
    node = (await listed(client))["a.txt"]
    assert (await client.http.get(node["url"])).content == b"two2"
    assert len(blobs(client)) == 1
    delete = "mutation($f: [ID!]!) { deleteFiles(input: {files: $f}) { success } }"
    await client.data(delete, f=[node["id"]])
    assert await listed(client) == {}
    assert blobs(client) == []
    assert (await client.http.get(node["url"])).status_code == 404


def blobs(client: Client) -> list[str]:
    return [path.name for path in (client.data_dir / "blobs").rglob("*") if path.is_file()]


async def test_deleting_a_run_deletes_its_bytes(client: Client) -> None:
    run_id = (await client.upsert("r"))["bucket"]["id"]
    await client.history("r", 0, [{"_step": 0}])
    await upload(client, **{"a.txt": b"a"})
    delete = "mutation($id: ID!) { deleteRun(input: {id: $id}) { clientMutationId } }"
    await client.data(delete, id=run_id)
    assert blobs(client) == []
    assert await client.run("r", "id") is None
    assert (await client.post(delete, id=run_id)).status_code == 404


async def test_listing_by_name_pattern_and_page(client: Client) -> None:
    await client.upsert("r")
    await upload(client, **{"a.log": b"1", "b.log": b"2", "c.txt": b"3"})
    await client.data(CREATE, files=["announced.txt"])
    assert list(await listed(client)) == ["a.log", "b.log", "c.txt"]
    assert list(await listed(client, 'pattern: "%.log"')) == ["a.log", "b.log"]
    assert list(await listed(client, 'names: ["c.txt", "x"]')) == ["c.txt"]
    assert list(await listed(client, "names: []")) == ["a.log", "b.log", "c.txt"]
    first = await client.run(
        "r", "fileCount files(first: 2) { pageInfo { endCursor hasNextPage } }"
    )
    assert first["fileCount"] == 3
    assert first["files"]["pageInfo"]["hasNextPage"] is True
    cursor = first["files"]["pageInfo"]["endCursor"]
    assert list(await listed(client, f'first: 2, after: "{cursor}"')) == ["c.txt"]


async def test_mark_uploaded_tells_whether_the_bytes_are_there(client: Client) -> None:
    await client.upsert("r")
    await upload(client, **{"a.txt": b"a"})
    mark = """mutation($f: [String!]!) { markRunFilesUploaded(input: {entityName: "local",
        projectName: "demo", runName: "r", files: $f}) { success } }"""
    assert (await client.data(mark, f=["a.txt"]))["markRunFilesUploaded"]["success"] is True
    answer = await client.data(mark, f=["a.txt", "b.txt"])
    assert answer["markRunFilesUploaded"]["success"] is False


@pytest.mark.parametrize("name", ["", "/etc/passwd", "../x", "a/../../x", "a\\..\\x", "x\0y"])
async def test_names_that_leave_the_folder_are_refused(client: Client, name: str) -> None:
    await client.upsert("r")
    response = await client.post(CREATE, files=["fine.txt", name])
    assert response.status_code == 400


async def test_an_upload_that_breaks_off_leaves_nothing(client: Client) -> None:
    await client.upsert("r")
    url = (await client.data(CREATE, files=["a.txt"]))["createRunFiles"]["files"][0]["uploadUrl"]

    async def broken() -> Any:
        yield b"half"
        raise ClientDisconnect

    response = await client.http.put(url, content=broken(), auth=anonymous)
    assert response.status_code == 400
    assert blobs(client) == []
    assert await listed(client) == {}


async def test_many_files_at_once(client: Client) -> None:
    await client.upsert("r")
    names = [f"d/{i}.txt" for i in range(12_000)]
    made = (await client.data(CREATE, files=[*names, names[0]]))["createRunFiles"]["files"]
    assert [entry["name"] for entry in made] == [*names, names[0]]
    places = [urlsplit(entry["uploadUrl"]).path for entry in made]
    assert len(set(places)) == len(names)
    assert places[0] == places[-1]
    again = (await client.data(CREATE, files=["new", names[7]]))["createRunFiles"]["files"]
    assert urlsplit(again[1]["uploadUrl"]).path == places[7]


@pytest.mark.folder
async def test_a_file_can_be_read_while_it_is_replaced(client: Client) -> None:
    await client.upsert("r")
    urls = await upload(client, **{"live.txt": b"0"})
    address = (await listed(client))["live.txt"]
    answers: set[int] = set()
    done = anyio.Event()

    async def read(url: str, **options: Any) -> None:
        while not done.is_set():
            answers.add((await client.http.get(url, **options)).status_code)

    async with anyio.create_task_group() as group:
        for _ in range(2):
            group.start_soon(read, address["url"])
            group.start_soon(partial(read, address["directUrl"], auth=anonymous))
        for number in range(200):
            content = str(number).encode()
            await client.http.put(urls["live.txt"], content=content, auth=anonymous)
        done.set()
    assert answers == {200}
