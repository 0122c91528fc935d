"""The database: concurrent readers, one writer that commits for many.

Storage functions are plain functions over a SQLAlchemy connection; they run in threads of their
own, a whole request's statements in one go. (An asynchronous driver crosses threads several
times per statement, which measured three times dearer here.)

Requests hand their changes to one task of the process that runs whatever is waiting in a single
transaction: many runs that post at once share one commit. A request is answered after its commit;
on SQLite, with a write-ahead log in the page cache that outlives `kill -9`. How the writers of
several processes stay out of each other's way is said in `backends`.
"""

from __future__ import annotations

import asyncio
import logging
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from sqlalchemy.exc import StatementError

from .backends import EVERYTHING, database_url, lock, make_engine, problem_of, worth_retrying
from .leadership import Leadership
from .migration import migrate

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Connection

    from .backends import Scope

__all__ = ["Database"]

_log = logging.getLogger("asyncwb.server")
T = TypeVar("T")

_MAX_BATCH = 64
_MAX_WAITING = 4096
_READERS = 4
_TRIES = 5


@dataclass(slots=True)
class _Job(Generic[T]):
    run: Callable[[Connection], T]
    scope: Scope
    done: asyncio.Future[T]


_Outcome = tuple[Any, Exception | None]


class Database:
    """All access to the tables.

    Args:
        url: SQLAlchemy URL.

    Attributes:
        written: Jobs that were run so far.
        dialect: `sqlite` or `postgresql`.
    """

    def __init__(self, url: str) -> None:
        parsed = database_url(url)
        self.dialect: str = parsed.get_backend_name()
        self._reader = make_engine(parsed, "read")
        self._writer = make_engine(parsed, "write")
        self._leadership = Leadership(parsed)
        self._read_threads = ThreadPoolExecutor(_READERS, "asyncwb-server-read")
        self._write_thread = ThreadPoolExecutor(1, "asyncwb-server-write")
        self._jobs: asyncio.Queue[_Job[Any] | None] = asyncio.Queue(_MAX_WAITING)
        self._task: asyncio.Task[None] | None = None
        self.written = 0

    async def open(self) -> None:
        """Bring the tables up to date and start writing.

        Raises:
            UsageError: The database is of a later version.
        """
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(self._write_thread, migrate, self._writer)
        self._task = asyncio.create_task(self._write_all(), name="asyncwb-server-writer")

    async def close(self) -> None:
        """Commit what was handed in, then close all connections."""
        if self._task is not None:
            await self._jobs.put(None)
            await self._task
            self._task = None
        await asyncio.to_thread(self._shut_down)

    async def has_duty(self, name: str) -> bool:
        """Whether what only one process has to do is this one's to do, as long as it lives."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._read_threads, self._leadership.has, name)

    def _shut_down(self) -> None:
        self._leadership.close()
        self._read_threads.shutdown()
        self._write_thread.shutdown()
        self._reader.dispose()
        self._writer.dispose()

    async def read(self, query: Callable[[Connection], T]) -> T:
        """The result of `query(connection)`, on a consistent view; never waits for the writer."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._read_threads, self._run_query, query)

    def _run_query(self, query: Callable[[Connection], T]) -> T:
        for _ in range(_TRIES - 1):
            try:
                return self._look(query)
            except StatementError as exc:
                if not worth_retrying(exc):
                    raise
        return self._look(query)

    @property
    def waiting(self) -> int:
        """The number of changes that the writer has not begun."""
        return self._jobs.qsize()

    def _look(self, query: Callable[[Connection], T]) -> T:
        try:
            with self._reader.connect() as connection:
                return query(connection)
        except StatementError as exc:
            problem = problem_of(exc)
            if problem is None:
                raise
            raise problem from exc

    async def tidy(self) -> None:
        """Bring what is committed from SQLite's log into its file; nobody waits for it."""
        if self.dialect == "sqlite":
            loop = asyncio.get_running_loop()
            await loop.run_in_executor(self._read_threads, self._empty_log)

    def _empty_log(self) -> None:
        connection = self._reader.raw_connection()  # outside of any transaction
        try:
            connection.cursor().execute("PRAGMA wal_checkpoint(PASSIVE)").close()
        finally:
            connection.close()

    async def write(self, job: Callable[[Connection], T], scope: Scope = EVERYTHING) -> T:
        """Run `job(connection)` in a transaction; returns its result after the commit.

        A job that raises changes nothing and does not touch the jobs it shares a commit with.
        Cancelling the caller does not cancel the job. It may be run again where its transaction
        could not be committed.

        Args:
            job: The change.
            scope: The one thing that it reads and changes, by a name that all processes give it;
                jobs of other things may run beside it in other processes. By default it is alone.
        """
        done: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        await self._jobs.put(_Job(job, scope, done))
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
        left = _TRIES
        while True:
            left -= 1
            complete = False
            try:
                with self._writer.begin() as connection:
                    lock(connection, {job.scope for job in batch})
                    outcomes = self._run_jobs(connection, batch)
                    complete = True
            except Exception as exc:  # noqa: BLE001 - nothing was committed: every caller has to know
                # a commit without an answer may have been one: that is the callers' to find out
                if left and worth_retrying(exc, committing=complete):
                    continue
                return [(None, _explained(exc))] * len(batch)
            return outcomes

    def _run_jobs(self, connection: Connection, batch: list[_Job[Any]]) -> list[_Outcome]:
        outcomes: list[_Outcome] = []
        if len(batch) == 1:
            return [(batch[0].run(connection), None)]
        for job in batch:
            try:
                with connection.begin_nested():
                    outcomes.append((job.run(connection), None))
            except Exception as exc:
                if worth_retrying(exc):
                    raise  # the whole transaction is lost
                outcomes.append((None, _explained(exc)))
        return outcomes


def _explained(error: Exception) -> Exception:
    problem = problem_of(error) if isinstance(error, StatementError) else None
    if problem is not None:
        problem.__cause__ = error
    return problem or error
