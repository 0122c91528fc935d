"""What is too much: operations, requests, bodies, wrong keys."""

from __future__ import annotations

import asyncio
import base64
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from artifact_client import ArtifactClient, anonymous, md5
from server_client import Client
from test_access import FILES, add_user

from asyncwb.server import limits
from asyncwb.server.app import ServerConfig, create_app
from asyncwb.server.bootstrap import ensure_first_user

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

REMOTE = ("10.0.0.9", 1)


@asynccontextmanager
async def serving(
    folder: Path, client: tuple[str, int] = REMOTE, **config: Any
) -> AsyncIterator[Client]:
    """A server that is asked from another machine."""
    identity = ensure_first_user(folder)
    app = create_app(ServerConfig(data_dir=str(folder), **config))
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(
            transport=httpx.ASGITransport(app, client=client),
            base_url="http://server.test:1",
            auth=("api", identity.api_key),
        ) as http,
    ):
        yield Client(http, folder)


# -- operations -----------------------------------------------------------------------------------

BOMB = "query { viewer { ...F0 } } " + " ".join(
    f"fragment F{n} on User {{ organizations {{ orgEntity {{ user {{ ...F{n + 1} }} }} }} }}"
    for n in range(12)
) + " fragment F12 on User { id }"  # fmt: skip


@pytest.mark.parametrize(
    ("document", "said"),
    [
        ("{ viewer { id " + "organizations { orgEntity { user { " * 11 + "id" + " } } }" * 11
         + " } }", "levels"),
        (BOMB, "levels"),
        ("{ " + " ".join(f"a{n}: viewer {{ id }}" for n in range(101)) + " }", "aliases"),
        ("{ models(first: 1000) { edges { node { runs(first: 1000) { edges { node { files("
         "first: 1000) { edges { node { name } } } } } } } } } }", "values in its answer"),
        ("query { " + "...A " * 400 + "} fragment A on Query { viewer { id name username email "
         "entity admin flags photoUrl deletedAt __typename teams { edges { cursor } } } }",
         "fields"),
    ],
)  # fmt: skip
async def test_operations_that_ask_for_too_much(client: Client, document: str, said: str) -> None:
    answer = await client.post(document)
    assert answer.status_code == 400
    (error,) = answer.json()["errors"]
    assert f"{said} at most" in error["message"]


async def test_numbers_in_variables_count_like_others(client: Client) -> None:
    document = (
        "query($n: Int) { models(first: $n) { edges { node { runs(first: $n) { edges { node {"
        " files(first: $n) { edges { node { name } } } } } } } } } }"
    )
    assert (await client.post(document, n=10)).status_code == 200
    assert (await client.post(document, n=1000)).status_code == 400


async def test_many_at_once_as_the_page_sends_them(client: Client) -> None:
    document = "{ " + " ".join(f"a{n}: viewer {{ id }}" for n in range(50)) + " }"
    assert len(await client.data(document)) == 50


# -- requests -------------------------------------------------------------------------------------


async def test_requests_above_the_limit_are_told_when_to_come_back(tmp_path: Path) -> None:
    limited = {"requests_per_second": 0.5, "requests_at_once": 5}
    async with serving(tmp_path, **limited) as client:
        for _ in range(5):
            assert (await client.post("{ viewer { id } }")).status_code == 200
        for answer in (
            await client.post("{ viewer { id } }"),
            await client.http.post("/files/local/p/r/file_stream", json={}),
            await client.http.get("/files/local/p/r/x"),
            await client.http.get("/admin/users"),
        ):
            assert answer.status_code == 429
            assert 1 <= int(answer.headers["Retry-After"]) <= 2
            assert "too many requests" in answer.json()["errors"][0]["message"]
        # liveness is no business of an account
        assert (await client.http.get("/healthz")).status_code == 200


async def test_limits_are_of_each_user(tmp_path: Path) -> None:
    async with serving(tmp_path, requests_per_second=0.001, requests_at_once=3) as client:
        bo = await add_user(client, "bo")
        for _ in range(3):
            await client.post("{ viewer { id } }")
        assert (await client.post("{ viewer { id } }")).status_code == 429
        body = {"query": "{ viewer { username } }"}
        answer = await client.http.post("/graphql", json=body, auth=bo)
        assert answer.json()["data"]["viewer"]["username"] == "bo"


@pytest.mark.parametrize(
    ("host", "headers", "status"),
    [
        ("127.0.0.1", {}, 200),
        ("::1", {}, 200),
        # a proxy on this machine speaks for others
        ("127.0.0.1", {"X-Forwarded-For": "10.0.0.9"}, 429),
        ("10.0.0.9", {}, 429),
    ],
)
async def test_this_machine_is_not_limited(
    tmp_path: Path, host: str, headers: dict[str, str], status: int
) -> None:
    limited = {"requests_per_second": 0.001, "requests_at_once": 1}
    async with serving(tmp_path, (host, 9), **limited) as client:
        client.http.headers.update(headers)
        answers = [await client.post("{ viewer { id } }") for _ in range(3)]
        assert answers[-1].status_code == status


async def test_no_limit(tmp_path: Path) -> None:
    async with serving(tmp_path, requests_per_second=0, requests_at_once=0) as client:
        for _ in range(3):
            assert (await client.post("{ viewer { id } }")).status_code == 200


def test_a_bucket_fills_again(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr(limits.time, "monotonic", lambda: now)
    buckets: limits.Buckets[str] = limits.Buckets(rate=2.0, burst=3.0)
    assert [buckets.take("a") for _ in range(4)] == [0.0, 0.0, 0.0, 0.5]
    assert buckets.take("b") == 0.0
    now += 0.5
    assert [buckets.take("a") for _ in range(2)] == [0.0, 0.5]
    now += 1000.0
    assert [buckets.take("a") for _ in range(4)] == [0.0, 0.0, 0.0, 0.5]


def test_buckets_are_bounded() -> None:
    buckets: limits.Buckets[int] = limits.Buckets(rate=0.001, burst=1.0)
    for number in range(limits._MOST_BUCKETS + 10):
        buckets.take(number)
    assert len(buckets._levels) == limits._MOST_BUCKETS


async def test_thousand_runs_of_one_key_begin_at_once(tmp_path: Path) -> None:
    """With the limits that a server has by itself: ten requests for each run, in one burst."""
    config = ServerConfig(data_dir=str(tmp_path))
    limit = limits.RequestLimit(config.requests_per_second, config.requests_at_once)
    request: Any = type("Request", (), {"client": None, "headers": {}})()
    for _ in range(1000 * 10):
        limit.take(request, 1)


# -- wrong keys -----------------------------------------------------------------------------------


async def test_wrong_keys_are_answered_slowly(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    waited: list[float] = []

    async def sleep(seconds: float) -> None:
        waited.append(seconds)

    monkeypatch.setattr(limits, "sleep", sleep)
    async with serving(tmp_path) as client:
        for number in range(30):
            wrong = ("api", f"{number:040}")
            answer = await client.http.get("/files/a/b/c/d", auth=wrong)
            assert answer.status_code == 401
        assert len(waited) == 10
        for _ in range(3):
            answer = await client.http.post("/-/session", json={"key": "wrong"}, auth=anonymous)
            assert answer.status_code == 401
        assert len(waited) == 13
        # right ones are not, from the same address
        assert (await client.post("{ viewer { id } }")).status_code == 200
        assert (await client.http.get("/files/a/b/c/d", auth=anonymous)).status_code == 401
        assert len(waited) == 13


async def test_not_many_wait_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits.WrongKeys, "_MOST_WAITING", 2)
    monkeypatch.setattr(limits.WrongKeys, "_FREE", 1.0)
    keys = limits.WrongKeys()
    request: Any = type("Request", (), {"client": None})()
    await keys.slow_down(request)
    waiting = [asyncio.ensure_future(keys.slow_down(request)) for _ in range(2)]
    await asyncio.sleep(0)
    with pytest.raises(limits.TooMany) as refused:
        await keys.slow_down(request)
    assert refused.value.status == 429
    for one in waiting:
        one.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)
    assert keys._waiting == 0


# -- bodies ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("said", [True, False])
async def test_uploads_that_are_too_large(tmp_path: Path, said: bool) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(11):
            yield b"x" * 100

    async with serving(tmp_path, max_file_bytes=1000) as client:
        await client.upsert("r")
        made = await client.data(FILES, f=["a.txt"])
        artifacts = ArtifactClient(client)
        draft = await artifacts.create()
        part = {"partNumber": 1, "hexMD5": "0" * 32}
        whole, parts = await artifacts.place(
            draft["id"],
            [{"name": "x", "md5": md5(b"x")},
             {"name": "y", "md5": md5(b"y"), "uploadPartsInput": [part]}],
        )  # fmt: skip
        urls = [
            made["createRunFiles"]["files"][0]["uploadUrl"],
            whole["uploadUrl"],
            parts["uploadMultipartUrls"]["uploadUrlParts"][0]["uploadUrl"],
        ]
        for url in urls:
            content: Any = b"x" * 1100 if said else pieces()
            answer = await client.http.put(url, content=content, auth=anonymous)
            assert answer.status_code == 413, url
            assert "at most 1000 bytes" in answer.text
        assert not [one for one in (tmp_path / "blobs").rglob("*") if one.is_file()]
        answer = await client.http.put(urls[0], content=b"x" * 1000, auth=anonymous)
        assert answer.status_code == 200


async def test_no_route_takes_any_body(client: Client) -> None:
    """Those that read one have a limit; what follows is far below the longest that any takes."""
    huge = b" " * (70 * 2**20)
    for method, path in (
        ("POST", "/graphql"), ("POST", "/files/local/p/r/file_stream"), ("POST", "/-/session"),
        ("POST", "/-/series"), ("POST", "/storage/batch/put"), ("POST", "/storage/batch/get"),
        ("POST", "/admin/users"), ("POST", "/admin/teams"),
        ("POST", "/admin/organizations/x/members"),
    ):  # fmt: skip
        headers = {"Content-Type": "application/json"}
        answer = await client.http.request(method, path, content=huge, headers=headers)
        assert answer.status_code == 413, path


async def test_every_answer_says_that_its_type_is_its_type(client: Client) -> None:
    await client.upsert("r")
    made = await client.data(FILES, f=["a.html"])
    url = made["createRunFiles"]["files"][0]["uploadUrl"]
    put = await client.http.put(url, content=b"<script>", auth=anonymous)
    for answer in (
        put,
        await client.post("{ viewer { id } }"),
        await client.http.get("/files/local/demo/r/a.html"),
        await client.http.get("/files/local/demo/r/none"),
        await client.http.get("/-/frame/local/demo/r/a.html"),
        await client.http.get("/healthz"),
        await client.http.get("/metrics"),
        await client.http.get("/admin/users"),
        await client.http.get("/-/session", auth=anonymous),
        await client.http.get("/", headers={"Accept": "text/html"}),
    ):
        assert answer.headers["x-content-type-options"] == "nosniff", answer.url
    shown = await client.http.get("/files/local/demo/r/a.html")
    assert shown.headers["content-security-policy"] == "sandbox; default-src 'none'"
    frame = await client.http.get("/-/frame/local/demo/r/a.html")
    policy = frame.headers["content-security-policy"]
    assert policy.startswith("sandbox allow-scripts; default-src 'none';")
    assert "allow-same-origin" not in policy
    assert "connect-src" not in policy


def test_the_key_of_basic_credentials_may_have_colons() -> None:
    from asyncwb.server.auth import _key

    token = base64.b64encode(b"api:a:b").decode()
    assert _key(f"Basic {token}") == "a:b"
