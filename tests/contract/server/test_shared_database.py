"""Several server processes on one PostgreSQL: nobody can tell which of them answers."""

from __future__ import annotations

import asyncio
import json
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import httpx
import pytest
from artifact_client import ArtifactClient, anonymous
from server_client import Client
from server_pairs import Peer, peers
from sweep_requests import Sweeps

from asyncwb.errors import UsageError
from asyncwb.server.config import ServerConfig
from asyncwb.server.identity import load_identity

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

    from postgres import Cluster

FILES = """mutation($f: [String!]!) { createRunFiles(input: {
    entityName: "local", projectName: "demo", runName: "r", files: $f}) {
    files { uploadUrl } } }"""


@pytest.fixture(scope="module")
def pair(postgres: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Peer]]:
    folder = tmp_path_factory.mktemp("pair")
    with peers(folder, postgres.database(folder)) as started:
        yield started


@pytest.fixture
async def clients(pair: list[Peer]) -> AsyncIterator[list[Client]]:
    """A client of each process, with the key of the first."""
    async with AsyncExitStack() as stack:
        yield [
            Client(
                await stack.enter_async_context(
                    httpx.AsyncClient(base_url=peer.url, auth=("api", pair[0].api_key), timeout=30)
                ),
                peer.data_dir,
            )
            for peer in pair
        ]


async def test_they_have_one_secret(clients: list[Client], pair: list[Peer]) -> None:
    one, other = clients
    await one.upsert("r")
    (made,) = (await one.data(FILES, f=["a.txt"]))["createRunFiles"]["files"]
    signed = urlsplit(made["uploadUrl"])
    address = f"{signed.path}?{signed.query}"
    assert (await other.http.put(address, content=b"x", auth=anonymous)).status_code == 200
    assert (await one.http.get("/files/local/demo/r/a.txt")).content == b"x"
    for peer in pair:
        answer = await one.http.post(
            "/graphql", json={"query": "{ viewer { username } }"}, auth=("api", peer.api_key)
        )
        assert answer.json()["data"] == {"viewer": {"username": "local"}}


async def test_who_signs_in_at_one_is_known_to_the_other(
    clients: list[Client], pair: list[Peer]
) -> None:
    async with httpx.AsyncClient() as browser:
        begun = await browser.post(f"{pair[0].url}/-/session", json={"key": pair[0].api_key})
        cookie = "; ".join(f"{one.name}={one.value}" for one in browser.cookies.jar)
    headers = {"Cookie": cookie}
    shown = await clients[1].http.get("/-/session", auth=anonymous, headers=headers)
    assert shown.json()["csrf"] == begun.json()["csrf"]


async def test_one_run_is_made_once(clients: list[Client]) -> None:
    made = await asyncio.gather(
        *(client.upsert(f"same{i}") for i in range(10) for client in clients * 3)
    )
    assert sum(one["inserted"] for one in made) == 10
    assert len({one["bucket"]["id"] for one in made}) == 10


async def test_lines_of_one_run_through_both(clients: list[Client]) -> None:
    """Repeated, in pieces, at once: each line is there once, in its place, and counted once."""
    await clients[0].upsert("lines")
    rows = [{"_step": i, "v": i} for i in range(400)]

    async def send(client: Client, size: int) -> None:
        for start in range(0, len(rows), size):
            await client.history("lines", start, rows[start : start + size])

    await asyncio.gather(*(send(client, size) for client in clients for size in (20, 50, 110)))
    for client in clients:
        found = await client.run("lines", "history historyLineCount historyKeys")
        assert [json.loads(line) for line in found["history"]] == rows
        assert found["historyLineCount"] == 400
        assert found["historyKeys"]["keys"]["v"]["typeCounts"] == [{"type": "number", "count": 400}]


async def test_several_writers_of_one_run(clients: list[Client]) -> None:
    await clients[0].upsert("shared")
    writers = [f"w{i}" for i in range(6)]

    async def send(number: int, writer: str) -> None:
        headers = {"X-WANDB-USE-ASYNC-FILESTREAM": "true", "X-WANDB-ASYNC-CLIENT-ID": writer}
        for i in range(20):
            row = {"_step": i, "_timestamp": 1.0 + i, writer: i}
            files = {
                "wandb-history.jsonl": {"offset": i, "content": [json.dumps(row)]},
                "wandb-summary.json": {"offset": 0, "content": [json.dumps({writer: i})]},
            }
            await clients[number % 2].stream("shared", {"files": files}, **headers)

    await asyncio.gather(*(send(number, writer) for number, writer in enumerate(writers)))
    found = await clients[1].run("shared", "summaryMetrics historyLineCount")
    assert found["historyLineCount"] == 120
    summary = json.loads(found["summaryMetrics"])
    assert {writer: summary[writer] for writer in writers} == dict.fromkeys(writers, 19)


async def test_versions_are_numbered_without_gaps(clients: list[Client]) -> None:
    await clients[0].upsert("r")

    async def make(client: Client, content: bytes) -> int:
        artifacts = ArtifactClient(client)
        version = await artifacts.create("raced", digest=content.hex().ljust(32, "0"))
        entries = await artifacts.upload(version["id"], {"f": content, "common": b"common"})
        await artifacts.manifest(version["id"], entries)
        committed = await artifacts.commit(version["id"])
        number: int = committed["versionIndex"]
        return number

    made = await asyncio.gather(*(make(clients[i % 2], f"content {i}".encode()) for i in range(12)))
    assert sorted(made) == list(range(12))
    latest = await clients[1].data(
        '{ project(name: "demo") { artifact(name: "raced:latest") { versionIndex } } }'
    )
    assert latest["project"]["artifact"]["versionIndex"] in made


async def test_a_name_is_given_once(clients: list[Client]) -> None:
    create = 'mutation { createTeam(input: {teamName: "crew"}) { entity { name } } }'
    answers = await asyncio.gather(*(client.post(create) for client in clients * 4))
    statuses = sorted(answer.status_code for answer in answers)
    assert statuses == [200] + [409] * 7


@pytest.mark.parametrize("method", ["grid", "random", "bayes"])
async def test_a_sweep_with_agents_at_both(clients: list[Client], method: str) -> None:
    config = {
        "method": method,
        "metric": {"name": "loss", "goal": "minimize"},
        "parameters": {"a": {"values": list(range(6))}, "b": {"values": [0, 1, 2]}},
        "run_cap": 18,
    }
    sweep = await Sweeps(clients[0]).create(config)
    seen: list[tuple[str, str]] = []

    async def work(client: Client) -> None:
        sweeps = Sweeps(client)
        agent = await sweeps.agent(sweep)
        while True:
            commands = await sweeps.beat(agent)
            if not commands:
                continue  # others were faster with each thought: ask again, as agents do
            (command,) = commands
            if command["type"] == "exit":
                return
            values = {key: value["value"] for key, value in command["args"].items()}
            seen.append((command["run_id"], json.dumps(values, sort_keys=True)))
            await client.upsert(command["run_id"], sweep=sweep["name"], host="h")
            summary = {"offset": 0, "content": [json.dumps({"loss": values["a"]})]}
            await client.stream(
                command["run_id"],
                {"files": {"wandb-summary.json": summary}, "complete": True, "exitcode": 0},
            )

    await asyncio.gather(*(work(client) for client in clients * 3))
    assert len({run for run, _ in seen}) == len(seen) == 18
    if method == "grid":
        assert len({values for _, values in seen}) == 18


@pytest.mark.timeout(120)
async def test_the_end_of_one_loses_nothing(postgres: Cluster, tmp_path: Path) -> None:
    """`kill -9` of a process in the middle of posts: the other has what was acknowledged."""
    with peers(tmp_path, postgres.database(tmp_path)) as (one, other):
        async with httpx.AsyncClient(base_url=one.url, auth=("api", one.api_key)) as http:
            client = Client(http, tmp_path)
            for number in range(4):
                await client.upsert(f"r{number}")
            acknowledged = dict.fromkeys(range(4), 0)

            async def post(number: int) -> None:
                while True:
                    at = acknowledged[number]
                    await client.history(f"r{number}", at, [{"_step": at + i} for i in range(10)])
                    acknowledged[number] = at + 10

            tasks = [asyncio.create_task(post(number)) for number in acknowledged]
            while min(acknowledged.values()) < 50:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
            one.process.kill()
            await asyncio.gather(*tasks, return_exceptions=True)
        async with httpx.AsyncClient(base_url=other.url, auth=("api", one.api_key)) as http:
            client = Client(http, tmp_path)
            for number, count in acknowledged.items():
                steps = [row["_step"] for row in await client.rows(f"r{number}")]
                assert steps[:count] == list(range(count))
                assert steps == list(range(len(steps)))
                await client.history(f"r{number}", len(steps), [{"_step": len(steps)}])


async def test_a_database_that_breaks_off_is_asked_again(
    clients: list[Client], postgres: Cluster, pair: list[Peer]
) -> None:
    """All connections end, as when it is started anew: no request fails of it."""
    await clients[0].upsert("broken")
    end = (
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
        f"WHERE datname = '{postgres.name(pair[0].data_dir.parent)}'"
    )
    for number in range(5):
        await asyncio.to_thread(postgres.execute, end)
        for client in clients:
            await client.history("broken", number, [{"_step": number}])
            assert len(await client.rows("broken")) == number + 1


def test_two_processes_make_one_secret(postgres: Cluster, tmp_path: Path) -> None:
    database = postgres.empty()
    configs = [ServerConfig(data_dir=str(tmp_path / n), database_url=database) for n in "abcd"]
    with ThreadPoolExecutor(4) as threads:
        found = list(threads.map(load_identity, configs))
    assert len({secret for _, secret in found}) == 1


def test_a_database_that_is_not_there_is_named(tmp_path: Path) -> None:
    url = "postgresql://somebody:hush@127.0.0.1:1/nothing"
    with pytest.raises(
        UsageError, match=r"somebody:\*\*\*@127.0.0.1:1/nothing cannot be used"
    ) as e:
        load_identity(ServerConfig(data_dir=str(tmp_path), database_url=url))
    assert "hush" not in str(e.value)


def test_a_folder_of_another_server_is_left_alone(postgres: Cluster, tmp_path: Path) -> None:
    database = postgres.database(tmp_path)
    first, _ = load_identity(ServerConfig(data_dir=str(tmp_path / "a"), database_url=database))
    second, _ = load_identity(ServerConfig(data_dir=str(tmp_path / "b"), database_url=database))
    assert second.api_key != first.api_key
    again, _ = load_identity(ServerConfig(data_dir=str(tmp_path / "a"), database_url=database))
    assert again == first
    own = tmp_path / "c"
    mine, _ = load_identity(
        ServerConfig(data_dir=str(own), database_url=f"sqlite:///{own / 'asyncwb.db'}")
    )
    (own / "asyncwb.db").touch()
    with pytest.raises(UsageError, match="--data-dir"):
        load_identity(ServerConfig(data_dir=str(own), database_url=database))
    kept: Any = load_identity(
        ServerConfig(data_dir=str(own), database_url=f"sqlite:///{own / 'asyncwb.db'}")
    )
    assert kept[0] == mine
