"""Old runs go where a server is told so, by one of its processes."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from server_client import Client, sql

from asyncwb.server import retention
from asyncwb.server.app import ServerConfig, create_app
from asyncwb.server.bootstrap import ensure_first_user
from asyncwb.server.storage.backends import database_url
from asyncwb.server.storage.leadership import Leadership

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from postgres import Cluster

FILES = """mutation($r: String!, $f: [String!]!) { createRunFiles(input: {
    entityName: "local", projectName: "demo", runName: $r, files: $f}) { files { uploadUrl } } }"""
DAY = 86400.0


@pytest.fixture
async def client(
    tmp_path: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Client]:
    """A server that looks often."""
    monkeypatch.setattr(retention, "_FIRST_LOOK_SECONDS", 0.5)
    monkeypatch.setattr(retention, "_LOOK_SECONDS", 0.1)
    identity = ensure_first_user(tmp_path)
    app = create_app(ServerConfig(data_dir=str(tmp_path), keep_runs_days=request.param))
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(
            transport=httpx.ASGITransport(app),
            base_url="http://server.test:1",
            auth=("api", identity.api_key),
        ) as http,
    ):
        yield Client(http, tmp_path)


async def names(client: Client) -> list[str]:
    query = '{ project(name: "demo") { runs { edges { node { name } } } } }'
    found = (await client.data(query))["project"]["runs"]["edges"]
    return sorted(edge["node"]["name"] for edge in found)


def stored(client: Client) -> list[Path]:
    return [path for path in client.data_dir.rglob("blobs/*/*") if path.is_file()]


async def make(client: Client) -> None:
    """Runs of several ages, in days; one of them is to stay."""
    for name, age in {"old": 31, "young": 29, "kept": 300, "new": 0}.items():
        await client.upsert(name, tags=["keep"] if name == "kept" else ["other"])
        made = await client.data(FILES, r=name, f=["a.txt"])
        await client.http.put(made["createRunFiles"]["files"][0]["uploadUrl"], content=b"x")
        sql(
            client.data_dir, "UPDATE runs SET heartbeat_at = heartbeat_at - :s WHERE name = :n",
            s=age * DAY, n=name,
        )  # fmt: skip


@pytest.mark.folder
@pytest.mark.parametrize("client", [30.0], indirect=True)
async def test_old_runs_go_with_their_files(client: Client) -> None:
    await make(client)
    async with asyncio.timeout(20):
        while "old" in await names(client):  # noqa: ASYNC110 - it is another task's to change
            await asyncio.sleep(0.05)
        while len(files := stored(client)) > 3:  # noqa: ASYNC110 - the same
            await asyncio.sleep(0.05)
    assert await names(client) == ["kept", "new", "young"]
    assert len(files) == 3


@pytest.mark.parametrize("client", [0], indirect=True)
async def test_nothing_goes_by_default(client: Client) -> None:
    assert ServerConfig(data_dir="x").keep_runs_days == 0
    await make(client)
    await asyncio.sleep(1.0)
    assert await names(client) == ["kept", "new", "old", "young"]


def test_a_duty_is_one_processs(postgres: Cluster, tmp_path: Path) -> None:
    url = database_url(postgres.database(tmp_path))
    one, other = Leadership(url), Leadership(url)
    assert one.has("retention")
    assert one.has("retention")
    assert not other.has("retention")
    assert other.has("something else")
    one.close()
    assert other.has("retention")
    database: Any = url.database
    postgres.execute(
        f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{database}'"
    )
    eventually(lambda: not other.has("retention"))  # its connection is gone, and with it the duty
    eventually(lambda: other.has("retention"))
    other.close()


def eventually(condition: Callable[[], bool]) -> None:
    """Wait until the database has noticed; the timeout of the test ends it."""
    while not condition():
        time.sleep(0.01)
