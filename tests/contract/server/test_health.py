"""What those see who watch over the server."""

from __future__ import annotations

import asyncio
import shutil
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Literal

import httpx
import pytest
from artifact_client import anonymous
from prometheus_client.parser import text_string_to_metric_families
from server_client import Client
from test_access import add_user

from asyncwb.server import metrics
from asyncwb.server.app import ServerConfig, create_app
from asyncwb.server.bootstrap import ensure_first_user
from asyncwb.server.routes import health

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path


async def samples(client: Client) -> dict[tuple[str, tuple[str, ...]], float]:
    """Values by name and labels."""
    answer = await client.http.get("/metrics")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain")
    return {
        (one.name, tuple(value for _, value in sorted(one.labels.items()))): one.value
        for family in text_string_to_metric_families(answer.text)
        for one in family.samples
    }


async def test_what_is_counted(client: Client) -> None:
    before = await samples(client)
    for run in ("a", "b"):
        await client.upsert(run)
        await client.history(run, 0, [{"_step": 0}, {"_step": 1}])
    await client.history("b", 2, [{"_step": 2}], complete=True, exitcode=0)
    await client.http.get("/files/local/demo/a/none")
    found = await samples(client)
    assert found["asyncwb_rows_total", ("history",)] == 5
    assert found["asyncwb_runs_live", ()] == 1
    assert found["asyncwb_writer_waiting", ()] == 0
    stream = "/files/{entity}/{project}/{run}/file_stream"
    assert found["asyncwb_requests_total", ("POST", stream, "200")] == 3
    assert found["asyncwb_requests_total", ("GET", "/files/{entity}/{project}/{run}/{name:path}",
                                            "404")] == 1  # fmt: skip
    assert found["asyncwb_request_seconds_count", (stream,)] == 3
    assert found["asyncwb_received_bytes_total", ()] > before["asyncwb_received_bytes_total", ()]
    assert found["asyncwb_sent_bytes_total", ()] > before["asyncwb_sent_bytes_total", ()]
    assert found["process_resident_memory_bytes", ()] > 1e6


async def test_labels_do_not_grow_with_what_is_asked_for(client: Client) -> None:
    await client.http.get("/files/local/demo/x/y")
    await client.http.get("/nobody/p", headers={"Accept": "text/html"})
    await client.http.request("BREW", "/graphql")
    await client.http.get("/a/b/c/d/e/f/g/h")
    await samples(client)
    before = set(await samples(client))
    for number in range(20):
        await client.http.get(f"/files/local/demo/r{number}/y{number}")
        await client.http.get(f"/nobody{number}/p", headers={"Accept": "text/html"})
        await client.http.request(f"BREW{number}", "/graphql")
        await client.http.get(f"/a/b/c/d/e/f/g/h{number}")
    assert set(await samples(client)) == before


@asynccontextmanager
async def serving(
    folder: Path, metrics: Literal["admin", "public", "off"]
) -> AsyncIterator[Client]:
    identity = ensure_first_user(folder)
    app = create_app(ServerConfig(data_dir=str(folder), metrics=metrics))
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(
            transport=httpx.ASGITransport(app),
            base_url="http://server.test:1",
            auth=("api", identity.api_key),
        ) as http,
    ):
        yield Client(http, folder)


@pytest.mark.parametrize(
    ("metrics", "wanted"),
    [("admin", (200, 403, 401)), ("public", (200, 200, 200)), ("off", (404, 404, 404))],
)
async def test_who_reads_the_metrics(
    tmp_path: Path, metrics: Literal["admin", "public", "off"], wanted: tuple[int, ...]
) -> None:
    async with serving(tmp_path, metrics) as client:
        people: list[Any] = [client.http.auth, await add_user(client, "bo"), anonymous]
        for auth, status in zip(people, wanted, strict=True):
            assert (await client.http.get("/metrics", auth=auth)).status_code == status


async def test_a_server_that_can_serve(client: Client) -> None:
    for path in ("/healthz", "/readyz"):
        assert (await client.http.get(path, auth=anonymous)).status_code == 200
    assert (await client.http.get("/readyz")).json() == {
        "status": "ready", "database": "ok", "blobs": "ok"
    }  # fmt: skip
    # nothing is left of the attempts
    assert not [one for one in (client.data_dir / "blobs").rglob("*") if one.is_file()]


@pytest.mark.folder
async def test_a_folder_that_takes_no_files(client: Client) -> None:
    blobs = client.data_dir / "blobs"
    shutil.rmtree(blobs, ignore_errors=True)
    blobs.write_text("in the way")
    answer = await client.http.get("/readyz", auth=anonymous)
    assert answer.status_code == 503
    assert answer.json() == {"status": "unavailable", "database": "ok", "blobs": "failed"}
    assert (await client.http.get("/healthz")).status_code == 200


async def test_a_database_that_is_busy(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "_DEADLINE_SECONDS", 0.1)
    blocked = asyncio.Event()
    database = client.http._transport.app.state.services.database  # type: ignore[attr-defined]
    loop = asyncio.get_running_loop()

    def wait(_: Any) -> None:
        asyncio.run_coroutine_threadsafe(blocked.wait(), loop).result(20)

    busy = asyncio.ensure_future(database.write(wait))
    answer = await client.http.get("/readyz")
    assert (answer.status_code, answer.json()["database"]) == (503, "slow")
    # many who ask at once make one attempt
    assert (await client.http.get("/readyz")).status_code == 503
    blocked.set()
    await busy


def test_runs_of_long_ago_are_forgotten_though_nobody_asks(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0
    monkeypatch.setattr(metrics.time, "monotonic", lambda: now)
    counters = metrics.Metrics(lambda: 0, silent_after=10.0)
    for run in range(10_000):
        now += 1.0
        counters.heard(run, ended=False)
    assert len(counters._heard) <= 2000
    assert b"asyncwb_runs_live 11.0" in counters.text()
