"""A transport that answers GraphQL from Python: no socket, no server."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

import anyio
import anyio.lowlevel

from asyncwb.api.history import HistoryScan, RunAddress
from asyncwb.errors import CommError
from asyncwb.graphql.service import Service
from asyncwb.settings import Settings
from asyncwb.transport import Response

Answer = Mapping[str, Any] | Response
Handler = Callable[[dict[str, Any]], Answer | Awaitable[Answer]]

ADDRESS = RunAddress("acme", "demo", "r1")


def response(status: int, body: bytes) -> Response:
    return Response(status=status, headers={}, body=body, http_version="HTTP/1.1")


class FakeTransport:
    """Answers `post` with the handler of the operation; notes what was asked."""

    def __init__(self, **handlers: Handler) -> None:
        self.handlers = handlers
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.files: dict[str, bytes] = {}
        self.in_flight = self.most_in_flight = self.cancelled = 0

    def count(self, operation: str) -> int:
        return sum(1 for name, _ in self.calls if name == operation)

    @asynccontextmanager
    async def stream(self, url: str, **_: object) -> AsyncIterator[AsyncIterator[bytes]]:
        if url not in self.files:
            raise CommError(f"GET {url} answered 404")

        async def pieces() -> AsyncIterator[bytes]:
            for start in range(0, len(self.files[url]), 100):
                yield self.files[url][start : start + 100]

        yield pieces()

    async def post(self, path: str, body: bytes, **_: object) -> Response:
        assert path == "/graphql"
        request = json.loads(body)
        name, variables = request["operationName"], request["variables"]
        assert name in request["query"]
        self.calls.append((name, variables))
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        try:
            answer = self.handlers[name](variables)
            if isinstance(answer, Awaitable):
                answer = await answer
            else:
                await anyio.lowlevel.checkpoint()
        except BaseException:
            self.cancelled += 1
            raise
        finally:
            self.in_flight -= 1
        if isinstance(answer, Response):
            return answer
        return response(200, json.dumps({"data": answer}).encode())


class FakeService(Service):
    """A service over a fake transport; no key, no network."""

    def __init__(self, transport: FakeTransport) -> None:
        super().__init__(Settings(base_url="http://127.0.0.1:9", entity="acme"), 5.0)
        self.fake = transport

    async def transport(self) -> Any:
        return self.fake


def run_node(name: str, **fields: Any) -> dict[str, Any]:
    return {
        "id": f"id-{name}",
        "name": name,
        "projectId": 7,
        "displayName": f"run {name}",
        "createdAt": "2026-01-02T03:04:05",
        "state": "finished",
        "tags": ["base"],
        "user": {"name": "Alice", "username": "alice"},
        **fields,
    }


class HistoryServer:
    """History as a server keeps it: thins out what is more than `samples`."""

    def __init__(self, rows: list[dict[str, Any]], *, line_count: int | None = -1) -> None:
        self.rows = rows
        self.line_count = len(rows) if line_count == -1 else line_count
        self.parquet: list[str] = []
        self.live: list[dict[str, Any]] = []
        self.history_keys: dict[str, Any] | None = None
        self.transport = FakeTransport(
            ScanBounds=self.bounds,
            FirstPage=self.first,
            HistoryPage=self.page,
            SampledHistory=self.sampled,
        )

    def scan(self, **arguments: Any) -> HistoryScan:
        asked: dict[str, Any] = {"keys": None, "page_size": 1000, "min_step": 0, "max_step": None}
        return HistoryScan(FakeService(self.transport), ADDRESS, **{**asked, **arguments})

    def bounds(self, _: dict[str, Any]) -> dict[str, Any]:
        last = max((row["_step"] for row in self.rows), default=-1)
        return run_answer(
            historyKeys=self.history_keys or {"lastStep": last, "keys": {}},
            historyLineCount=self.line_count,
            parquetHistory={"parquetUrls": self.parquet, "liveData": self.live},
        )

    async def first(self, asked: dict[str, Any]) -> Answer:
        """The first page, with the bounds."""
        fields: dict[str, Any] = {**self.bounds(asked)["project"]["run"]}
        found: Any = self.transport.handlers["HistoryPage"](asked)
        if isinstance(found, Awaitable):
            found = await found
        if not isinstance(found, dict) or found["project"]["run"] is None:
            return found
        return run_answer(**fields, **found["project"]["run"])

    def _thin(self, rows: list[dict[str, Any]], samples: int) -> list[dict[str, Any]]:
        if len(rows) <= samples:
            return rows
        return [rows[i * len(rows) // samples] for i in range(samples)]

    def page(self, asked: dict[str, Any]) -> dict[str, Any]:
        inside = [r for r in self.rows if asked["minStep"] <= r["_step"] < asked["maxStep"]]
        return run_answer(history=[json.dumps(r) for r in self._thin(inside, asked["samples"])])

    def sampled(self, asked: dict[str, Any]) -> Answer:
        spec = json.loads(asked["specs"][0])
        low, high = spec.get("minStep", 0), spec.get("maxStep", 2**62)
        inside = [
            {key: row[key] for key in spec["keys"]}
            for row in self.rows
            if low <= row["_step"] <= high and all(key in row for key in spec["keys"])
        ]
        return run_answer(sampledHistory=[self._thin(inside, spec["samples"])])


def run_answer(**fields: Any) -> dict[str, Any]:
    return {"project": {"run": fields}}
