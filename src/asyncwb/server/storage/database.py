"""The database: concurrent readers, one writer that commits for many.

Storage functions are plain functions over a SQLAlchemy connection; they run in threads of their
own, a whole request's statements in one go. (An asynchronous driver crosses threads several
times per statement, which measured three times dearer here.)

SQLite has one writer at a time. Requests hand their changes to one task that runs whatever is
waiting in a single transaction: many runs that post at once share one commit. A request is
answered after its commit; with a write-ahead log in the page cache that outlives `kill -9`.
"""

from __future__ import annotations

import asyncio
import logging
import os
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import make_url

from .patterns import matches
from .tables import metadata

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Database"]

_log = logging.getLogger("asyncwb.server")
T = TypeVar("T")

_MAX_BATCH = 64
_MAX_WAITING = 4096
_READERS = 4


@dataclass(slots=True)
class _Job(Generic[T]):
    run: Callable[[Connection], T]
    done: asyncio.Future[T]


_Outcome = tuple[Any, Exception | None]


class Database:
    """All access to the tables.

    Args:
        url: SQLAlchemy URL.

    Attributes:
        written: Jobs that were run so far.
    """

    def __init__(self, url: str) -> None:
        # hide_parameters: errors are logged, and what users store is no business of a log
        self._reader = create_engine(url, pool_size=_READERS, max_overflow=0, hide_parameters=True)
        self._writer = create_engine(url, pool_size=1, max_overflow=0, hide_parameters=True)
        parts = make_url(url)
        self._has_log = parts.get_backend_name() == "sqlite"
        if self._has_log:
            if parts.database:
                _create_private(parts.database)
            _prepare_sqlite(self._reader, "BEGIN")
            _prepare_sqlite(self._writer, "BEGIN IMMEDIATE")
        self._read_threads = ThreadPoolExecutor(_READERS, "asyncwb-server-read")
        self._write_thread = ThreadPoolExecutor(1, "asyncwb-server-write")
        self._jobs: asyncio.Queue[_Job[Any] | None] = asyncio.Queue(_MAX_WAITING)
        self._task: asyncio.Task[None] | None = None
        self.written = 0

    async def open(self) -> None:
        """Make missing tables and start writing."""
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(self._write_thread, self._create_tables)
        self._task = asyncio.create_task(self._write_all(), name="asyncwb-server-writer")

    def _create_tables(self) -> None:
        # In a transaction that writes from its beginning: of two servers that start at once on
        # one new database, the second waits and finds the tables of the first.
        with self._writer.begin() as connection:
            metadata.create_all(connection)

    async def close(self) -> None:
        """Commit what was handed in, then close all connections."""
        if self._task is not None:
            await self._jobs.put(None)
            await self._task
            self._task = None
        await asyncio.to_thread(self._shut_down)

    def _shut_down(self) -> None:
        self._read_threads.shutdown()
        self._write_thread.shutdown()
        self._reader.dispose()
        self._writer.dispose()

    async def read(self, query: Callable[[Connection], T]) -> T:
        """The result of `query(connection)`, on a consistent view; never waits for the writer."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._read_threads, self._run_query, query)

    def _run_query(self, query: Callable[[Connection], T]) -> T:
        with self._reader.connect() as connection:
            return query(connection)

    async def tidy(self) -> None:
        """Bring what is committed from SQLite's log into its file; nobody waits for it."""
        if self._has_log:
            loop = asyncio.get_running_loop()
            await loop.run_in_executor(self._read_threads, self._empty_log)

    def _empty_log(self) -> None:
        connection = self._reader.raw_connection()  # outside of any transaction
        try:
            connection.cursor().execute("PRAGMA wal_checkpoint(PASSIVE)").close()
        finally:
            connection.close()

    async def write(self, job: Callable[[Connection], T]) -> T:
        """Run `job(connection)` in a transaction; returns its result after the commit.

        A job that raises changes nothing and does not touch the jobs it shares a commit with.
        Cancelling the caller does not cancel the job.
        """
        done: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        await self._jobs.put(_Job(job, done))
        return await done

    async def _write_all(self) -> None:
        loop = asyncio.get_running_loop()
        while (first := await self._jobs.get()) is not None:
            batch = [first]
            last = False
            while len(batch) < _MAX_BATCH and not self._jobs.empty():
                job = self._jobs.get_nowait()
                if job is None:
                    last = True
                    break
                batch.append(job)
            self.written += len(batch)
            outcomes = await loop.run_in_executor(self._write_thread, self._commit, batch)
            for job, (result, error) in zip(batch, outcomes, strict=True):
                if job.done.done():
                    continue  # its caller was cancelled
                if error is None:
                    job.done.set_result(result)
                else:
                    job.done.set_exception(error)
            if last:
                return

    def _commit(self, batch: list[_Job[Any]]) -> list[_Outcome]:
        """Run jobs in one transaction; a job that raises is rolled back alone."""
        outcomes: list[_Outcome] = []
        try:
            with self._writer.begin() as connection:
                if len(batch) == 1:
                    return [(batch[0].run(connection), None)]
                for job in batch:
                    try:
                        with connection.begin_nested():
                            outcomes.append((job.run(connection), None))
                    except Exception as exc:  # noqa: BLE001 - belongs to the caller of this job
                        outcomes.append((None, exc))
        except Exception as exc:  # noqa: BLE001 - nothing was committed: every caller has to know
            return [(None, exc)] * len(batch)
        return outcomes


def _create_private(path: str) -> None:
    """Make a missing database file readable by its owner alone; its side files follow it."""
    with suppress(FileExistsError):
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))


def _prepare_sqlite(engine: Engine, begin: str) -> None:
    """Write-ahead log, foreign keys, and transactions that begin when we say so."""

    def on_connect(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # the driver must not begin transactions by itself
        cursor = connection.cursor()
        for pragma in (
            "journal_mode=WAL",
            "synchronous=NORMAL",
            "foreign_keys=ON",
            "busy_timeout=10000",
            # no mmap: every connection would count the whole file as its own memory
            "cache_size=-8000",
            # The log is emptied by `tidy`: a commit that did it would wait for the disk. This many
            # pages, 64 MB, are the limit where that comes too late.
            "wal_autocheckpoint=16000",
        ):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()
        connection.create_function("regexp", 2, matches, deterministic=True)

    def on_begin(connection: Any) -> None:
        connection.exec_driver_sql(begin)

    event.listen(engine, "connect", on_connect)
    event.listen(engine, "begin", on_begin)
