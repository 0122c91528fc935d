"""Bodies, documents and addresses at their limits."""

from __future__ import annotations

import gzip
import json
import time
from typing import TYPE_CHECKING

import httpx
import pytest
from server_client import Client
from starlette.applications import Starlette
from starlette.routing import Mount

from asyncwb.server.app import ServerConfig, create_app
from asyncwb.server.bootstrap import ensure_first_user

if TYPE_CHECKING:
    from pathlib import Path

STREAM = "/files/local/demo/r/file_stream"
PLACE = """mutation { createRunFiles(input: {entityName: "local", projectName: "demo",
    runName: "r", files: ["a b.txt"]}) { files { uploadUrl } } }"""


@pytest.mark.parametrize("encoding", ["gzip", "identity"])
async def test_bodies_that_are_too_large(client: Client, encoding: str) -> None:
    await client.upsert("r")
    body = b" " * (65 * 2**20)
    if encoding == "gzip":
        body = gzip.compress(body, 1)
        assert len(body) < 2**20
    answer = await client.http.post(STREAM, content=body, headers={"Content-Encoding": encoding})
    assert answer.status_code == 413
    assert (await client.run("r", "state"))["state"] == "running"


async def test_a_line_of_the_largest_size_goes_through(client: Client) -> None:
    await client.upsert("r")
    line = json.dumps({"_step": 0, "text": "é" * 5_000_000}, ensure_ascii=False)
    assert 9_000_000 < len(line.encode()) <= 10_383_360
    await client.history("r", 0, [line])
    assert (await client.run("r", "history(minStep: 0, maxStep: 1)"))["history"] == [line]


async def test_packed_bodies(client: Client) -> None:
    await client.upsert("r")
    body = json.dumps({"complete": True, "exitcode": 3, "pad": "é%" * 20_000}).encode()
    for packed in (gzip.compress(b"{}"), gzip.compress(body)):
        answer = await client.http.post(
            STREAM, content=packed, headers={"Content-Encoding": "gzip"}
        )
        assert answer.status_code == 200
    assert (await client.run("r", "exitcode"))["exitcode"] == 3
    for content, encoding, status in (
        (gzip.compress(body)[:-9], "gzip", 400),
        (body, "gzip", 400),
        (body, "br", 415),
    ):
        answer = await client.http.post(
            STREAM, content=content, headers={"Content-Encoding": encoding}
        )
        assert answer.status_code == status


@pytest.mark.parametrize(
    "document",
    [
        "{" + "viewer { id } " * 20_000 + "}",
        "{" + "a: users(first: 1) { pageInfo { endCursor } } " * 3_000 + "}",
        "{" + " ".join(f"a{i}: viewer {{ id }}" for i in range(5_000)) + "}",
        "{" + "project { entity { " * 3_000 + "id" + "} } " * 3_000 + "}",
        "query(" + " ".join(f"$v{i}: Int" for i in range(3_000)) + ") { viewer { id } }",
        "fragment F on Query { ...F } query { ...F }",
        "{ users(usernames: " + "[" * 5_000 + "]" * 5_000 + ") { edges { cursor } } }",
    ],
)
async def test_documents_that_would_take_long(client: Client, document: str) -> None:
    begun = time.process_time()
    answer = await client.post(document)
    assert answer.status_code == 400
    assert time.process_time() - begun < 20
    assert answer.json()["errors"][0]["message"]


@pytest.mark.parametrize(
    ("headers", "base"),
    [
        ({}, "http://server.test:1"),
        ({"X-Forwarded-Proto": "https", "X-Forwarded-Host": "wb.test"}, "https://wb.test"),
        ({"X-Forwarded-Prefix": "/px/", "X-Forwarded-Proto": "https, http"},
         "https://server.test:1/px"),
        ({"X-Forwarded-Proto": "javascript"}, "http://server.test:1"),
    ],
)  # fmt: skip
async def test_addresses_as_the_client_sees_them(
    client: Client, headers: dict[str, str], base: str
) -> None:
    await client.upsert("r")
    answer = await client.http.post("/graphql", json={"query": PLACE}, headers=headers)
    url = answer.json()["data"]["createRunFiles"]["files"][0]["uploadUrl"]
    assert url.startswith(f"{base}/storage/put/1/a%20b.txt?")


@pytest.mark.parametrize("public_url", [None, "http://server.test/px/"])
async def test_under_a_path_prefix(tmp_path: Path, public_url: str | None) -> None:
    identity = ensure_first_user(tmp_path)
    app = create_app(ServerConfig(data_dir=str(tmp_path), public_url=public_url))
    outer = Starlette(routes=[Mount("/px", app)])
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(
            transport=httpx.ASGITransport(outer),
            base_url="http://server.test/px",
            auth=("api", identity.api_key),
        ) as http,
    ):
        client = Client(http, tmp_path)
        await client.upsert("r")
        await client.history("r", 0, [{"_step": 0}])
        made = await client.data(PLACE)
        url = made["createRunFiles"]["files"][0]["uploadUrl"]
        assert url.startswith("http://server.test/px/storage/")
        assert (await http.put(url, content=b"x")).status_code == 200
        found = await client.run("r", "files { edges { node { url directUrl } } }")
        node = found["files"]["edges"][0]["node"]
        for address in (node["url"], node["directUrl"]):
            assert (await http.get(address)).content == b"x"


async def test_large_answers_are_packed_for_other_machines(tmp_path: Path) -> None:
    identity = ensure_first_user(tmp_path)
    app = create_app(ServerConfig(data_dir=str(tmp_path)))
    async with app.router.lifespan_context(app):
        for host, coding in (("10.0.0.9", "gzip"), ("127.0.0.1", None)):
            async with httpx.AsyncClient(
                transport=httpx.ASGITransport(app, client=(host, 9)),
                base_url="http://server.test",
                auth=("api", identity.api_key),
            ) as http:
                client = Client(http, tmp_path)
                config = json.dumps({"text": {"value": "x" * 100_000}})
                await client.upsert("r", config=config)
                query = '{ project(name: "demo") { run(name: "r") { config } } }'
                answer = await client.post(query)
                assert answer.headers.get("content-encoding") == coding
                assert answer.json()["data"]["project"]["run"]["config"] == config
                small = await client.post("{ viewer { id } }")
                assert "content-encoding" not in small.headers
