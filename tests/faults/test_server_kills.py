"""`kill -9` of the server at any moment: nothing that it acknowledged is lost.

Runs post rows, console lines and summaries, replace lines, upload files, end and go on, while the
server settles segments; it is killed at random moments and started again on the same data.
"""

from __future__ import annotations

import asyncio
import json
import random
import sqlite3
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from asyncwb.server.bootstrap import ensure_first_user
from asyncwb.server.process import ServerOptions, ServerProcess

if TYPE_CHECKING:
    from pathlib import Path

RUNS = 8
PROJECT = "crash"
CREATE = 'mutation($n: String) { upsertBucket(input: {name: $n, modelName: "crash"}) { inserted } }'
UPLOAD = """mutation($n: String!, $f: [String!]!) {
    createRunFiles(input: {entityName: "local", projectName: "crash", runName: $n, files: $f}) {
    files { uploadUrl } } }"""
READ = """query($n: String!, $low: Int64) { project(name: "crash") { run(name: $n) {
    history(minStep: $low) historyLineCount historyKeys summaryMetrics
    files(first: 1000) { edges { node { name sizeBytes } } } } } }"""


class Writer:
    """Posts what comes next, and the same again where no answer came."""

    def __init__(self, name: str, seed: int) -> None:
        self.name = name
        self.rows: list[str] = []  # acknowledged
        self.console: list[str] = []
        self.files: list[str] = []
        self.summary = 0
        self._random = random.Random(seed)
        self._pending: dict[str, Any] | None = None

    async def post_until_the_server_dies(self, url: str, key: str) -> None:
        try:
            async with httpx.AsyncClient(base_url=url, auth=("api", key), timeout=20) as http:
                while True:
                    await self.post(http)
                    if self._random.random() < 0.1:
                        await self.upload(http)
        except httpx.TransportError:
            return

    async def post(self, http: httpx.AsyncClient) -> None:
        rng = self._random
        if self._pending is None:
            first = len(self.rows)
            # some posts of large rows, so that segments fill and are settled
            filler = "x" * rng.choice((0, 0, 200, 5000))
            rows = [self.line(first + i, filler) for i in range(rng.randint(1, 40))]
            back = min(first, rng.choice((0, 0, 0, 3)))  # sent before, and changed a little
            again = [self.line(first - back + i, "again") for i in range(back)]
            console = [f"line {len(self.console) + i}" for i in range(rng.randint(0, 5))]
            number = self.summary + 1
            self._pending = {
                "offset": first - back,
                "rows": again + rows,
                "console": console,
                "summary": number,
                "complete": rng.random() < 0.05,
            }
        sent = self._pending
        body: dict[str, Any] = {
            "files": {
                "wandb-history.jsonl": {"offset": sent["offset"], "content": sent["rows"]},
                "output.log": {"offset": len(self.console), "content": sent["console"]},
                "wandb-summary.json": {
                    "offset": 0,
                    "content": [json.dumps({"number": sent["summary"]})],
                },
            }
        }
        if sent["complete"]:
            body |= {"complete": True, "exitcode": 0}
        answer = await http.post(f"/files/local/{PROJECT}/{self.name}/file_stream", json=body)
        assert answer.status_code == 200, answer.text
        self.rows[sent["offset"] :] = sent["rows"]
        self.console += sent["console"]
        self.summary = sent["summary"]
        self._pending = None

    async def upload(self, http: httpx.AsyncClient) -> None:
        name = f"file{len(self.files)}.txt"
        body = {"query": UPLOAD, "variables": {"n": self.name, "f": [name]}}
        answer = await http.post("/graphql", json=body)
        url = answer.json()["data"]["createRunFiles"]["files"][0]["uploadUrl"]
        stored = await http.put(url, content=self.content(name))
        assert stored.status_code == 200
        self.files.append(name)

    def line(self, number: int, filler: str) -> str:
        return json.dumps({"_step": number, "value": number, "of": self.name, "filler": filler})

    def content(self, name: str) -> bytes:
        return f"{self.name} {name}".encode() * 100

    def allowed(self) -> tuple[list[str], list[str]]:
        """Rows that may stand there: those acknowledged, or with what was on its way."""
        if self._pending is None:
            return self.rows, self.rows
        both = list(self.rows)
        both[self._pending["offset"] :] = self._pending["rows"]
        return self.rows, both


async def check(http: httpx.AsyncClient, writer: Writer, *, whole: bool) -> None:
    """What the server has of a run: its last rows, or all of them."""
    low = 0 if whole else max(0, len(writer.rows) - 500)
    body = {"query": READ, "variables": {"n": writer.name, "low": low}}
    run = (await http.post("/graphql", json=body)).json()["data"]["project"]["run"]
    assert run["history"] in [rows[low:] for rows in writer.allowed()]
    count = low + len(run["history"])
    assert run["historyLineCount"] == count
    counts = run["historyKeys"]["keys"].get("value", {"typeCounts": [{"count": 0}]})
    assert counts["typeCounts"][0]["count"] == count
    summary = json.loads(run["summaryMetrics"]).get("number", 0)
    assert writer.summary <= summary <= writer.summary + 1
    sizes = {edge["node"]["name"]: edge["node"]["sizeBytes"] for edge in run["files"]["edges"]}
    for name in writer.files:
        assert int(sizes[name]) == len(writer.content(name))
    if writer.files:
        name = writer.files[-1]
        found = await http.get(f"/files/local/{PROJECT}/{writer.name}/{name}")
        assert found.content == writer.content(name)
    await check_chart(http, writer, count)


async def check_chart(http: httpx.AsyncClient, writer: Writer, count: int) -> None:
    """Every row is a point, in settled segments and others."""
    body = {
        "entity": "local",
        "project": PROJECT,
        "runs": [writer.name],
        "y": "value",
        "points": 10_000,
    }
    chart = (await http.post("/-/series", json=body)).json()
    if count <= 20_000:
        assert chart["x"] == list(range(count))
        assert chart["y"][writer.name] == list(range(count))
    else:
        assert max(value for value in chart["y"][writer.name] if value is not None) == count - 1


def check_tables(path: Path) -> int:
    """The database is whole; how many segments are settled."""
    database = sqlite3.connect(path)
    try:
        assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert database.execute("PRAGMA foreign_key_check").fetchall() == []
        wrong = database.execute(
            "SELECT count(*) FROM rollups r JOIN segments s ON s.id = r.segment_id "
            "WHERE r.line_count != s.line_count"
        )
        assert wrong.fetchone() == (0,)
        return int(database.execute("SELECT count(*) FROM rollups").fetchone()[0])
    finally:
        database.close()


@pytest.mark.parametrize(
    "rounds",
    [
        pytest.param(3, marks=pytest.mark.timeout(180)),
        pytest.param(60, marks=[pytest.mark.slow, pytest.mark.timeout(1800)]),
    ],
)
async def test_nothing_acknowledged_is_lost(tmp_path: Path, rounds: int) -> None:
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    rng = random.Random(seed)
    key = ensure_first_user(tmp_path).api_key
    writers = [Writer(f"w{i}", rng.randrange(2**32)) for i in range(RUNS)]
    for number in range(rounds + 1):
        server = await asyncio.to_thread(ServerProcess, ServerOptions(data_dir=tmp_path))
        try:
            async with httpx.AsyncClient(
                base_url=server.url, auth=("api", key), timeout=20
            ) as http:
                for writer in writers:
                    if number == 0:
                        query = {"query": CREATE, "variables": {"n": writer.name}}
                        answer = await http.post("/graphql", json=query)
                        assert answer.json()["data"]["upsertBucket"]["inserted"] is True
                    await check(http, writer, whole=number in (1, rounds))
            if number < rounds:
                tasks = [
                    asyncio.create_task(writer.post_until_the_server_dies(server.url, key))
                    for writer in writers
                ]
                await asyncio.sleep(rng.uniform(0.05, 3.0))
                server.kill()
                await asyncio.gather(*tasks)
        finally:
            if number < rounds:
                server.kill()
            else:
                await asyncio.to_thread(server.stop)
    assert sum(len(writer.rows) for writer in writers) > rounds * 100
    assert check_tables(tmp_path / "asyncwb.db") > 0
