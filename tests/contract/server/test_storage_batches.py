"""Batches of small files: what each signed address allows, and nothing more."""

from __future__ import annotations

import json
import os
import re
from typing import TYPE_CHECKING, Any

import pytest
from artifact_client import ArtifactClient, anonymous, md5

if TYPE_CHECKING:
    import httpx
    from server_client import Client


@pytest.fixture
async def made(client: Client) -> ArtifactClient:
    await client.upsert("r")
    return ArtifactClient(client)


async def put(made: ArtifactClient, files: list[tuple[str, bytes]]) -> httpx.Response:
    head = json.dumps([{"url": url, "size": len(data)} for url, data in files]).encode()
    body = head + b"\n" + b"".join(data for _, data in files)
    return await made.client.http.post("/storage/batch/put", content=body, auth=anonymous)


async def get(made: ArtifactClient, urls: list[str]) -> tuple[list[Any], bytes]:
    answer = await made.client.http.post("/storage/batch/get", json=urls, auth=anonymous)
    assert answer.status_code == 200, answer.text
    head, _, rest = answer.content.partition(b"\n")
    return json.loads(head), rest


async def addresses(made: ArtifactClient, artifact: str, contents: dict[str, bytes]) -> list[Any]:
    specs = [{"name": name, "md5": md5(data)} for name, data in contents.items()]
    return [node["uploadUrl"] for node in await made.place(artifact, specs)]


async def test_files_go_up_and_down_together(made: ArtifactClient) -> None:
    artifact = (await made.create("batched"))["id"]
    contents = {f"d/{n}.bin": os.urandom(100 * n) for n in range(5)}
    urls = await addresses(made, artifact, contents)
    answer = await put(made, list(zip(urls, contents.values(), strict=True)))
    assert answer.json() == [{"status": 200}] * 5
    # They are there: nobody is asked for them again.
    assert await addresses(made, artifact, contents) == [None] * 5
    entries = {name: {"digest": md5(data), "size": len(data)} for name, data in contents.items()}
    await made.manifest(artifact, entries)
    await made.commit(artifact)
    query = """query($id: ID!) { artifact(id: $id) {
        files { edges { node { name directUrl } } } } }"""
    found = await made.client.data(query, id=artifact)
    nodes = [edge["node"] for edge in found["artifact"]["files"]["edges"]]
    outcomes, data = await get(made, [node["directUrl"] for node in nodes])
    assert [one["status"] for one in outcomes] == [200] * 5
    start = 0
    for node, one in zip(nodes, outcomes, strict=True):
        size = one.get("size", 0)
        assert data[start : start + size] == contents[node["name"]]
        start += size
    assert start == len(data)


async def test_what_is_wrong_with_one_does_not_touch_the_others(made: ArtifactClient) -> None:
    artifact = (await made.create("mixed"))["id"]
    contents = {name: os.urandom(50) for name in "abcd"}
    right, expired, forged, other = await addresses(made, artifact, contents)
    answer = await put(
        made,
        [
            (right, contents["a"]),
            (re.sub(r"expires=\d+", "expires=1", expired), contents["b"]),
            (forged.replace("/artifact-put/", "/put/"), contents["c"]),
            (other, b"other bytes"),
            ("https://elsewhere.test/x", b""),
        ],
    )
    assert [one["status"] for one in answer.json()] == [200, 403, 400, 400, 400]
    assert "announced was" in answer.json()[3]["message"]
    left = await addresses(made, artifact, contents)
    assert [url is None for url in left] == [True, False, False, False]
    # An address to put is none to get.
    outcomes, data = await get(made, [right, re.sub("artifact-put", "artifact-get", right)])
    assert [one["status"] for one in outcomes] == [400, 403]
    assert data == b""


@pytest.mark.folder
async def test_the_same_bytes_twice_in_a_batch(made: ArtifactClient) -> None:
    artifact = (await made.create("twice"))["id"]
    data = os.urandom(80)
    urls = await addresses(made, artifact, {"one": data, "two": data})
    answer = await put(made, [(url, data) for url in urls])
    assert answer.json() == [{"status": 200}] * 2
    blobs = [p for p in (made.client.data_dir / "blobs").rglob("*") if p.is_file()]
    assert [p.read_bytes() for p in blobs] == [data]


@pytest.mark.parametrize(
    "body",
    [b"", b"\n", b"[]x\n", b'[{"url": "x", "size": 5}]\nab', b'[{"url": "x", "size": -1}]\n'],
)
async def test_what_is_no_batch(made: ArtifactClient, body: bytes) -> None:
    answer = await made.client.http.post("/storage/batch/put", content=body, auth=anonymous)
    assert answer.status_code == 400


async def test_too_many_files(made: ArtifactClient) -> None:
    answer = await made.client.http.post("/storage/batch/get", json=["x"] * 1001, auth=anonymous)
    assert answer.status_code == 413
