"""Blobs in an object store: what is there is whole, what is read is bounded."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from object_store import KEYS, client_of, s3_server
from server_client import Client

from asyncwb.errors import InvalidValueError
from asyncwb.server.app import ServerConfig, create_app
from asyncwb.server.bootstrap import ensure_first_user
from asyncwb.server.storage.blobs import BlobFolder
from asyncwb.server.storage.object_blobs import ObjectBlobs

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

pytestmark = pytest.mark.leaks("the package that knows the stores keeps its connections")

FILES = """mutation($f: [String!]!) { createRunFiles(input: {
    entityName: "local", projectName: "demo", runName: "r", files: $f}) {
    files { name uploadUrl } } }"""
BIG = bytes(range(256)) * 4096 * 21  # 21 MB, two parts and a piece


@pytest.fixture(scope="module")
def s3() -> Iterator[str]:
    with s3_server() as url:
        yield url


@pytest.fixture
def place(s3: str, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> str:
    for name, value in {**KEYS, "AWS_ENDPOINT_URL": s3}.items():
        monkeypatch.setenv(name, value)
    return f"s3://plain/{hashlib.md5(request.node.nodeid.encode()).hexdigest()}"


@pytest.fixture
def redirects() -> bool:
    return False


@pytest.fixture
async def client(tmp_path: Path, place: str, redirects: bool) -> AsyncIterator[Client]:
    identity = ensure_first_user(tmp_path)
    config = ServerConfig(data_dir=str(tmp_path), blobs_url=place, redirect_downloads=redirects)
    app = create_app(config)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(
            transport=httpx.ASGITransport(app),
            base_url="http://server.test:1",
            auth=("api", identity.api_key),
        ) as http,
    ):
        yield Client(http, tmp_path)


def stored(s3: str, place: str) -> dict[str, int]:
    """Keys and sizes of what is in the bucket under a prefix; unfinished uploads as well."""
    store = client_of(s3)
    prefix = place.removeprefix("s3://plain/")
    found = store.list_objects_v2(Bucket="plain", Prefix=prefix).get("Contents", [])
    store.close()
    return {one["Key"]: one["Size"] for one in found}


async def chunks(data: bytes, size: int = 100_000) -> AsyncIterator[bytes]:
    for start in range(0, len(data), size):
        yield data[start : start + size]


async def put(client: Client, name: str, body: bytes) -> None:
    made = (await client.data(FILES, f=[name]))["createRunFiles"]["files"][0]
    answer = await client.http.put(made["uploadUrl"], content=chunks(body), auth=None)
    assert answer.status_code == 200, answer.text


async def urls(client: Client) -> dict[str, str]:
    listed = await client.run("r", "files { edges { node { name directUrl sizeBytes } } }")
    return {e["node"]["name"]: e["node"]["directUrl"] for e in listed["files"]["edges"]}


@pytest.mark.parametrize("body", [b"", b"small", BIG], ids=["empty", "small", "big"])
async def test_a_file_comes_back(client: Client, body: bytes) -> None:
    await client.upsert("r")
    await put(client, "a.bin", body)
    url = (await urls(client))["a.bin"]
    answer = await client.http.get(url, auth=None)
    assert (answer.status_code, answer.content == body) == (200, True)
    assert answer.headers["content-length"] == str(len(body))
    assert "sandbox" in answer.headers["content-security-policy"]
    path = await client.http.get("/files/local/demo/r/a.bin")
    assert path.content == body


@pytest.mark.parametrize(
    ("asked", "start", "end"),
    [("bytes=0-0", 0, 1), ("bytes=9000000-", 9_000_000, None), ("bytes=-7", -7, None),
     ("bytes=5-99999999999", 5, None), ("bytes=8388600-8388620", 8388600, 8388621)],
)  # fmt: skip
async def test_ranges(client: Client, asked: str, start: int, end: int | None) -> None:
    await client.upsert("r")
    await put(client, "a.bin", BIG)
    url = (await urls(client))["a.bin"]
    answer = await client.http.get(url, headers={"Range": asked}, auth=None)
    expected = BIG[start:end]
    assert (answer.status_code, answer.content == expected) == (206, True)
    first = start if start >= 0 else len(BIG) + start
    last = first + len(expected) - 1
    assert answer.headers["content-range"] == f"bytes {first}-{last}/{len(BIG)}"
    beyond = {"Range": f"bytes={len(BIG)}-"}
    assert (await client.http.get(url, headers=beyond, auth=None)).status_code == 416


async def test_what_is_replaced_or_deleted_leaves_the_store(
    client: Client, s3: str, place: str
) -> None:
    await client.upsert("r")
    await put(client, "a.txt", b"one")
    await put(client, "a.txt", b"three")
    assert list(stored(s3, place).values()) == [5]
    url = (await urls(client))["a.txt"]
    run = await client.run("r", "id")
    await client.data("mutation($i: ID!) { deleteRun(input: {id: $i}) { clientMutationId } }",
                      i=run["id"])  # fmt: skip
    assert stored(s3, place) == {}
    assert (await client.http.get(url, auth=None)).status_code == 404


@pytest.mark.parametrize("size", [1000, len(BIG)])
async def test_a_broken_upload_leaves_nothing(s3: str, place: str, size: int) -> None:
    blobs = ObjectBlobs(place)

    async def broken() -> AsyncIterator[bytes]:
        async for chunk in chunks(BIG[:size]):
            yield chunk
        raise ConnectionResetError("the client is gone")

    with pytest.raises(ConnectionResetError, match="the client is gone"):
        await blobs.store(broken())
    assert stored(s3, place) == {}


async def test_parts_become_one_blob(s3: str, place: str) -> None:
    blobs = ObjectBlobs(place)
    parts = [await blobs.store(chunks(BIG)) for _ in range(2)]
    parts.append(*await blobs.store_small([b"tail"]))
    joined = await blobs.join([part.name for part in parts])
    whole = BIG * 2 + b"tail"
    assert joined.size == len(whole)
    assert b"".join([piece async for piece in blobs.pieces(joined.name)]) == whole
    assert [name async for name in blobs.names()] == sorted(
        [joined.name, *(part.name for part in parts)]
    )
    await blobs.remove([*(part.name for part in parts), "0" * 32])
    assert list(stored(s3, place).values()) == [len(whole)]
    assert await blobs.read_small(["0" * 32]) == [None]


async def test_the_digest_is_that_of_a_folder(place: str, tmp_path: Path) -> None:
    for body in (b"", b"x", BIG):
        one = await ObjectBlobs(place).store(chunks(body))
        other = await BlobFolder(tmp_path).store(chunks(body))
        assert (one.size, one.md5) == (other.size, other.md5)


@pytest.mark.parametrize("redirects", [True])
async def test_downloads_may_be_sent_to_the_store(client: Client, s3: str) -> None:
    await client.upsert("r")
    await put(client, "a.bin", b"hello")
    answer = await client.http.get((await urls(client))["a.bin"], auth=None)
    assert answer.status_code == 302
    address = answer.headers["location"]
    assert address.startswith(s3)
    async with httpx.AsyncClient() as http:
        assert (await http.get(address)).content == b"hello"
    assert (await client.http.get("/files/local/demo/r/a.bin")).content == b"hello"


@pytest.mark.parametrize("url", ["ftp://x/y", "s3://", "http://bucket/x"])
def test_an_address_that_is_none(url: str) -> None:
    with pytest.raises(InvalidValueError, match="blobs are a folder"):
        ObjectBlobs(url)


async def test_a_store_that_refuses_is_no_lost_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, s3: str
) -> None:
    """Rows do not need it; an upload is refused, to be sent again."""
    for name, value in {**KEYS, "AWS_ENDPOINT_URL": s3}.items():
        monkeypatch.setenv(name, value)
    identity = ensure_first_user(tmp_path)
    app = create_app(ServerConfig(data_dir=str(tmp_path), blobs_url="s3://no-such-bucket/x"))
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(
            transport=httpx.ASGITransport(app),
            base_url="http://server.test:1",
            auth=("api", identity.api_key),
        ) as http,
    ):
        client = Client(http, tmp_path)
        await client.upsert("r")
        await client.history("r", 0, [{"_step": 0, "a": 1}])
        made: Any = (await client.data(FILES, f=["a"]))["createRunFiles"]["files"][0]
        assert (await http.put(made["uploadUrl"], content=b"x", auth=None)).status_code == 503
        assert [json.loads(line) for line in (await client.run("r", "history"))["history"]]
