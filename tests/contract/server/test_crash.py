"""`kill -9` of the server in the middle of requests loses nothing that was acknowledged."""

from __future__ import annotations

import asyncio
import json
import random
from typing import TYPE_CHECKING

import httpx
import pytest

from asyncwb.server.bootstrap import ensure_first_user
from asyncwb.server.process import ServerOptions, ServerProcess

if TYPE_CHECKING:
    from pathlib import Path

RUNS = 8
ROUNDS = 4


class Writer:
    """Posts rows one line number after the other; repeats what was not acknowledged."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.acknowledged = 0

    async def post_until_the_server_dies(self, url: str, key: str) -> None:
        path = f"/files/local/crash/{self.name}/file_stream"
        try:
            async with httpx.AsyncClient(base_url=url, auth=("api", key), timeout=20) as http:
                while True:
                    first = self.acknowledged
                    count = random.randint(1, 40)
                    lines = [self.line(i) for i in range(first, first + count)]
                    files = {"wandb-history.jsonl": {"offset": first, "content": lines}}
                    answer = await http.post(path, json={"files": files})
                    assert answer.status_code == 200
                    self.acknowledged = first + count
        except httpx.TransportError:
            return

    def line(self, number: int) -> str:
        return json.dumps({"_step": number, "value": f"{self.name} {number}"})


@pytest.mark.timeout(120)
async def test_nothing_acknowledged_is_lost(tmp_path: Path) -> None:
    key = ensure_first_user(tmp_path).api_key
    writers = [Writer(f"w{i}") for i in range(RUNS)]
    for number in range(ROUNDS + 1):
        server = await asyncio.to_thread(ServerProcess, ServerOptions(data_dir=tmp_path))
        try:
            async with httpx.AsyncClient(
                base_url=server.url, auth=("api", key), timeout=20
            ) as http:
                if number == 0:
                    for writer in writers:
                        await create(http, writer.name)
                for writer in writers:
                    await check(http, writer)
            if number < ROUNDS:
                tasks = [
                    asyncio.create_task(writer.post_until_the_server_dies(server.url, key))
                    for writer in writers
                ]
                before = sum(writer.acknowledged for writer in writers)
                while sum(writer.acknowledged for writer in writers) < before + 2000:  # noqa: ASYNC110
                    await asyncio.sleep(0.005)
                await asyncio.sleep(random.random() / 50)
                server.kill()
                await asyncio.gather(*tasks)
        finally:
            if number < ROUNDS:
                server.kill()
            else:
                await asyncio.to_thread(server.stop)
    assert sum(writer.acknowledged for writer in writers) >= ROUNDS * 2000


async def create(http: httpx.AsyncClient, name: str) -> None:
    document = (
        'mutation($n: String) { upsertBucket(input: {name: $n, modelName: "crash"}) { inserted } }'
    )
    answer = await http.post("/graphql", json={"query": document, "variables": {"n": name}})
    assert answer.json()["data"]["upsertBucket"]["inserted"] is True


async def check(http: httpx.AsyncClient, writer: Writer) -> None:
    """The stored rows are the first ones, without holes, and all that were acknowledged."""
    document = (
        f'{{ project(name: "crash") {{ run(name: "{writer.name}") '
        "{ history historyLineCount historyKeys } } }"
    )
    run = (await http.post("/graphql", json={"query": document})).json()["data"]["project"]["run"]
    stored = len(run["history"])
    assert stored >= writer.acknowledged
    assert run["history"] == [writer.line(i) for i in range(stored)]
    assert run["historyLineCount"] == stored
    counts = run["historyKeys"]["keys"].get("value", {"typeCounts": [{"count": 0}]})
    assert counts["typeCounts"][0]["count"] == stored


async def test_reads_do_not_wait_for_a_long_write(tmp_path: Path) -> None:
    from asyncwb.server.storage.database import Database
    from asyncwb.server.storage.tables import entities

    database = Database(f"sqlite:///{tmp_path / 'x.db'}")
    await database.open()
    reached, release = asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()

    def long_write(connection: object) -> int:
        connection.execute(entities.insert().values(name="e", created_at=0.0))  # type: ignore[attr-defined]
        loop.call_soon_threadsafe(reached.set)
        asyncio.run_coroutine_threadsafe(release.wait(), loop).result(10)
        return 1

    def count(connection: object) -> int:
        return len(connection.execute(entities.select()).all())  # type: ignore[attr-defined]

    write = asyncio.create_task(database.write(long_write))
    await reached.wait()
    assert await asyncio.wait_for(database.read(count), 5) == 0
    release.set()
    assert await write == 1
    assert await database.read(count) == 1
    await database.close()


async def test_a_job_that_fails_does_not_touch_the_ones_it_shares_a_commit_with(
    tmp_path: Path,
) -> None:
    from asyncwb.server.storage.database import Database
    from asyncwb.server.storage.tables import entities

    database = Database(f"sqlite:///{tmp_path / 'x.db'}")
    await database.open()

    def add(number: int, connection: object) -> int:
        connection.execute(entities.insert().values(name=f"e{number}", created_at=0.0))  # type: ignore[attr-defined]
        if number % 3 == 0:
            raise ValueError(number)
        return number

    results = await asyncio.gather(
        *(database.write(lambda c, n=n: add(n, c)) for n in range(20)),  # type: ignore[misc]
        return_exceptions=True,
    )
    names = await database.read(lambda c: [row.name for row in c.execute(entities.select())])
    await database.close()
    assert sorted(names) == sorted(f"e{n}" for n in range(20) if n % 3)
    assert [r for r in results if isinstance(r, int)] == [n for n in range(20) if n % 3]
    assert sum(isinstance(r, ValueError) for r in results) == 7
