"""Raw requests to a server under test."""

from __future__ import annotations

import json
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, text

from asyncwb.server.config import ServerConfig
from asyncwb.server.storage.backends import database_url, make_engine

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import httpx


@contextmanager
def behind(data_dir: Path) -> Iterator[Connection]:
    """A connection to the database of a server, behind its back; commits."""
    url = ServerConfig(data_dir=str(data_dir)).database
    engine = make_engine(database_url(url), "write")
    try:
        with engine.begin() as connection:
            yield connection
    finally:
        engine.dispose()


def sql(data_dir: Path, statement: str, **values: Any) -> list[Any]:
    """Run a statement in the database of a server; its rows."""
    with behind(data_dir) as connection:
        found = connection.execute(text(statement), values)
        return [tuple(row) for row in found] if found.returns_rows else []


class Client:
    """Raw requests with a key; GraphQL answers as data."""

    def __init__(self, http: httpx.AsyncClient, data_dir: Path) -> None:
        self.http = http
        self.data_dir = data_dir

    async def post(self, query: str, operation: str = "", **variables: Any) -> httpx.Response:
        body = {"query": query, "variables": variables, "operationName": operation}
        return await self.http.post("/graphql", json=body)

    async def data(self, query: str, **variables: Any) -> Any:
        response = await self.post(query, **variables)
        assert response.status_code == 200, response.text
        answer = response.json()
        assert "errors" not in answer
        return answer["data"]

    async def upsert(self, name: str, **values: Any) -> Any:
        document = """mutation($input: UpsertBucketInput!) { upsertBucket(input: $input) {
            inserted bucket { id name displayName config summaryMetrics state tags notes group
            historyLineCount project { name entity { name } } } } }"""
        values = {"name": name, "modelName": "demo", **values}
        return (await self.data(document, input=values))["upsertBucket"]

    async def stream(
        self, run: str, body: dict[str, Any], status: int = 200, **headers: str
    ) -> Any:
        path = f"/files/local/demo/{run}/file_stream"
        response = await self.http.post(path, json=body, headers=headers)
        assert response.status_code == status, response.text
        return response.json()

    async def history(
        self, run: str, offset: int, rows: list[Any], status: int = 200, **more: Any
    ) -> Any:
        lines = [row if isinstance(row, str) else json.dumps(row) for row in rows]
        files = {"wandb-history.jsonl": {"offset": offset, "content": lines}}
        return await self.stream(run, {"files": files, **more}, status)

    async def run(self, name: str, selection: str) -> Any:
        document = f'{{ project(name: "demo") {{ run(name: "{name}") {{ {selection} }} }} }}'
        return (await self.data(document))["project"]["run"]

    async def rows(self, name: str) -> list[Any]:
        return [json.loads(text) for text in (await self.run(name, "history"))["history"]]
