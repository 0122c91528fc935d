"""`GET /-/export/...`: the runs of a project, or the history of one, as a Parquet file."""

from __future__ import annotations

import asyncio
import re
import tempfile
import threading
import time
from typing import TYPE_CHECKING, Any, BinaryIO, TypeAlias

from starlette.responses import Response, StreamingResponse

from asyncwb.errors import UnsupportedError
from asyncwb.server.filters import RunFields, compile_fields, order_by
from asyncwb.server.limits import TooMany
from asyncwb.server.problems import invalid, not_found
from asyncwb.server.storage.parquet import write_parquet
from asyncwb.server.storage.projects import find_project
from asyncwb.server.storage.runs import run_query, run_row_id, state_at
from asyncwb.server.storage.tables import runs
from asyncwb.server.storage.tables_of_runs import (
    HISTORY_COLUMNS,
    RUN_COLUMNS,
    history_pieces,
    run_pieces,
)

from .downloads import SAFE_HEADERS

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Mapping

    from sqlalchemy import Connection
    from starlette.requests import Request
    from starlette.types import Receive, Scope, Send

    from asyncwb.server.resolvers.context import Services
    from asyncwb.server.storage.parquet import Kind, Rows

__all__ = ["ExportEndpoints"]

_TYPE = "application/vnd.apache.parquet"
_ORDER = "+created_at"
_MOST_WAITING = 8
_CHUNK = 256 * 1024
_Table: TypeAlias = "tuple[Mapping[str, Kind], Rows]"


class ExportEndpoints:
    """Tables as files. One is made at a time, in a file without a name, and then sent.

    Making it takes one of the database's readers; sending it to somebody slow takes none.

    Args:
        services: Database and configuration.
    """

    def __init__(self, services: Services) -> None:
        self._services = services
        self._turn = asyncio.Lock()
        self._waiting = 0

    async def runs(self, request: Request) -> Response:
        """`GET .../{entity}/{project}/runs.parquet?filters=&order=`: as GraphQL has them."""
        user = await self._services.authenticator.user(request)
        path, asked = request.path_params, request.query_params
        crashed_after = self._services.config.crashed_after

        def table(db: Connection) -> _Table:
            project = find_project(db, user, path["entity"], path["project"])
            if project is None:
                raise not_found("project not found")
            fields = RunFields(state_at(time.time(), crashed_after))
            by = order_by(asked.get("order", "").strip() or _ORDER, fields)
            chosen = compile_fields(asked.get("filters") or None, fields)
            query = run_query(user, crashed_after).where(runs.c.project_id == project["id"], chosen)
            query = query.order_by(*by.clauses())
            return RUN_COLUMNS, lambda: run_pieces(db, query)

        return await self._answer(table, f"{path['project']}-runs")

    async def history(self, request: Request) -> Response:
        """`GET .../{entity}/{project}/{run}/history.parquet`: all rows of a run."""
        user = await self._services.authenticator.user(request)
        path = request.path_params

        def table(db: Connection) -> _Table:
            run_id = run_row_id(db, user, path["entity"], path["project"], path["run"])
            return HISTORY_COLUMNS, lambda: history_pieces(db, run_id)

        return await self._answer(table, f"{path['run']}-history")

    async def _answer(self, table: Callable[[Connection], _Table], name: str) -> Response:
        if self._waiting >= _MOST_WAITING:
            raise TooMany("too many tables are being made", 10)
        self._waiting += 1
        try:
            async with self._turn:
                file, size = await self._make(table)
        finally:
            self._waiting -= 1
        headers = {
            **SAFE_HEADERS,
            "Content-Length": str(size),
            "Content-Disposition": f'attachment; filename="{_plain(name)}.parquet"',
        }
        return _FileResponse(file, headers)

    def _open(self) -> Any:
        # beside the data: system folders for such files may be small, or in memory
        return tempfile.TemporaryFile(dir=self._services.config.root)

    async def _make(self, table: Callable[[Connection], _Table]) -> tuple[BinaryIO, int]:
        file: BinaryIO = await asyncio.to_thread(self._open)
        given_up = threading.Event()

        def go_on() -> None:
            if given_up.is_set():
                raise invalid("nobody waits for this table any more")

        def make(db: Connection) -> int:
            first, rows = table(db)
            write_parquet(file, rows, first, go_on)
            return file.tell()

        try:
            return file, await self._services.database.read(make)
        except BaseException as exc:
            given_up.set()
            file.close()
            if isinstance(exc, UnsupportedError):
                raise invalid(str(exc)) from exc
            raise


class _FileResponse(StreamingResponse):
    """An open file, which is closed afterwards: that removes it."""

    def __init__(self, file: BinaryIO, headers: dict[str, str]) -> None:
        super().__init__(self._chunks(), 200, headers, _TYPE)
        self._file = file

    async def _chunks(self) -> AsyncGenerator[bytes]:
        self._file.seek(0)
        while chunk := await asyncio.to_thread(self._file.read, _CHUNK):
            yield chunk

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it."""
        with self._file:
            await super().__call__(scope, receive, send)


def _plain(name: str) -> str:
    """A name as headers and all file systems take it."""
    return re.sub(r"[^A-Za-z0-9._-]+", "_", name)[:100].lstrip(".") or "table"
