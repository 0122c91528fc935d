"""The database: concurrent readers, one writer that commits for many.

SQLite has one writer at a time. Requests hand their changes to one task that runs whatever is
waiting in a single transaction: many runs that post at once share one commit. A request is
answered after its commit; with a write-ahead log in the page cache that outlives `kill -9`.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from sqlalchemy import event
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from .tables import metadata

__all__ = ["Database"]

_log = logging.getLogger("asyncwb.server")
T = TypeVar("T")

_MAX_BATCH = 64
_MAX_WAITING = 4096
_READERS = 4


@dataclass(slots=True)
class _Job(Generic[T]):
    run: Callable[[AsyncConnection], Awaitable[T]]
    done: asyncio.Future[T]


class Database:
    """All access to the tables.

    Args:
        url: SQLAlchemy URL with an asynchronous driver.
    """

    def __init__(self, url: str) -> None:
        self._sqlite = make_url(url).get_backend_name() == "sqlite"
        options: dict[str, Any] = {"pool_size": _READERS, "max_overflow": _READERS}
        self._reader = create_async_engine(url, **options)
        self._writer = create_async_engine(url, pool_size=1, max_overflow=0)
        if self._sqlite:
            _prepare_sqlite(self._reader, "BEGIN")
            _prepare_sqlite(self._writer, "BEGIN IMMEDIATE")
        self._jobs: asyncio.Queue[_Job[Any] | None] = asyncio.Queue(_MAX_WAITING)
        self._task: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Make missing tables and start writing."""
        async with self._writer.begin() as connection:
            await connection.run_sync(metadata.create_all)
        self._task = asyncio.create_task(self._write_all(), name="asyncwb-server-writer")

    async def close(self) -> None:
        """Commit what was handed in, then close all connections."""
        if self._task is not None:
            await self._jobs.put(None)
            await self._task
            self._task = None
        await self._reader.dispose()
        await self._writer.dispose()

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncConnection]:
        """A connection with a consistent view; it never waits for the writer."""
        async with self._reader.connect() as connection:
            yield connection

    async def write(self, job: Callable[[AsyncConnection], Awaitable[T]]) -> T:
        """Run `job(connection)` in a transaction; returns its result after the commit.

        A job that raises changes nothing and does not touch the jobs it shares a commit with.
        Cancelling the caller does not cancel the job.
        """
        done: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        await self._jobs.put(_Job(job, done))
        return await asyncio.shield(done)

    async def _write_all(self) -> None:
        while (first := await self._jobs.get()) is not None:
            batch = [first]
            last = False
            while len(batch) < _MAX_BATCH and not self._jobs.empty():
                job = self._jobs.get_nowait()
                if job is None:
                    last = True
                    break
                batch.append(job)
            await self._commit(batch)
            if last:
                return

    async def _commit(self, batch: list[_Job[Any]]) -> None:
        outcomes: list[tuple[_Job[Any], Any, Exception | None]] = []
        try:
            async with self._writer.begin() as connection:
                for job in batch:
                    try:
                        async with connection.begin_nested():
                            outcomes.append((job, await job.run(connection), None))
                    except Exception as exc:  # noqa: BLE001 - belongs to the caller of this job
                        outcomes.append((job, None, exc))
        except Exception as exc:  # noqa: BLE001 - nothing was committed: every caller has to know
            _log.exception("a transaction of %d requests failed", len(batch))
            outcomes = [(job, None, exc) for job in batch]
        for job, result, error in outcomes:
            if job.done.done():
                continue
            if error is None:
                job.done.set_result(result)
            else:
                job.done.set_exception(error)


def _prepare_sqlite(engine: AsyncEngine, begin: str) -> None:
    """Write-ahead log, foreign keys, and transactions that begin when we say so."""

    def on_connect(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # the driver must not begin transactions by itself
        cursor = connection.cursor()
        for pragma in (
            "journal_mode=WAL",
            "synchronous=NORMAL",
            "foreign_keys=ON",
            "busy_timeout=10000",
            "cache_size=-16000",
            "mmap_size=268435456",
        ):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    def on_begin(connection: Any) -> None:
        connection.exec_driver_sql(begin)

    event.listen(engine.sync_engine, "connect", on_connect)
    event.listen(engine.sync_engine, "begin", on_begin)
