"""The two databases: how to connect, and what keeps changes apart.

SQLite has one writer at a time, whichever process it is in. PostgreSQL has many; there, a
transaction takes advisory locks at its beginning: one job of "everything" at a time, or any number
that each change one named thing. Jobs are right if they are alone, as on SQLite; naming a thing is
for those that come by the thousand.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from sqlalchemy import URL, Connection, Engine, create_engine, event, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, OperationalError, StatementError

from asyncwb.errors import InvalidValueError, UnsupportedError, UsageError
from asyncwb.server.problems import Problem

from .patterns import matches

if TYPE_CHECKING:
    from collections.abc import Collection, Generator
    from typing import Final

__all__ = [
    "EVERYTHING",
    "Scope",
    "database_url",
    "is_sqlite",
    "key_of",
    "lock",
    "make_engine",
    "problem_of",
    "reachable",
    "worth_retrying",
]

Scope: TypeAlias = str | None
"""What a job changes: the name of one thing, or everything."""

EVERYTHING: Final = None

_READERS = 4
_STATEMENT_SECONDS = 60
# of libpq, for a host that is gone without a word; an address may say otherwise
_DEADLINES = {
    "connect_timeout": 10,
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
    "tcp_user_timeout": 60_000,
}
_EVERYTHING_KEY = int.from_bytes(b"asyncwb", "big")
_LOCK_ALL = text("SELECT pg_advisory_xact_lock(:everything)")
_LOCK_SOME = text(
    "SELECT pg_advisory_xact_lock_shared(:everything), (SELECT count(pg_advisory_xact_lock(name)) "
    "FROM unnest(CAST(:names AS bigint[])) AS name)"
)
_ABORTED = frozenset(("40001", "40P01"))  # serialization failure, deadlock: another try will do
_SCHEMES = ("postgresql", "postgres", "postgresql+psycopg")


def database_url(given: str) -> URL:
    """The SQLAlchemy URL of a database as people write it.

    Raises:
        InvalidValueError: It is neither SQLite nor PostgreSQL.
        UnsupportedError: The driver is not installed.
    """
    try:
        url = make_url(given)
    except ArgumentError as exc:
        raise InvalidValueError(
            "a database is postgresql://user:password@host/name or sqlite:///path", exc=exc
        ) from exc
    if url.drivername in ("sqlite", "sqlite+pysqlite"):
        return url
    if url.drivername not in _SCHEMES:
        raise InvalidValueError(f"databases are postgresql and sqlite, not {url.drivername!r}")
    if importlib.util.find_spec("psycopg") is None:
        raise UnsupportedError("PostgreSQL needs psycopg: pip install 'asyncwb[postgres]'.")
    return url.set(drivername="postgresql+psycopg")


@contextmanager
def reachable(url: URL) -> Generator[None]:
    """Say it in a sentence where a database does not let us in.

    Raises:
        UsageError: It cannot be reached, or refused.
    """
    try:
        yield
    except OperationalError as exc:
        reason = str(exc.orig).strip().partition("\n")[0]
        raise UsageError(
            f"The database {url.render_as_string(hide_password=True)} cannot be used: {reason}",
            exc=exc,
        ) from exc


def is_sqlite(url: URL) -> bool:
    """Whether it is SQLite; else it is PostgreSQL."""
    return url.get_backend_name() == "sqlite"


def make_engine(url: URL, role: Literal["read", "write"]) -> Engine:
    """Connections that read, each statement group on one view, or the one that writes."""
    size = _READERS if role == "read" else 1
    # hide_parameters: errors are logged, and what users store is no business of a log
    options: dict[str, Any] = {"pool_size": size, "max_overflow": 0, "hide_parameters": True}
    if is_sqlite(url):
        if url.database:
            _create_private(url.database)
        engine = create_engine(url, **options)
        _prepare_sqlite(engine, "BEGIN" if role == "read" else "BEGIN IMMEDIATE")
        return engine
    # A writer looks anew with each statement: it sees what was committed before it got its lock.
    level = "REPEATABLE READ" if role == "read" else "READ COMMITTED"
    deadlines = {name: value for name, value in _DEADLINES.items() if name not in url.query}
    engine = create_engine(
        url, **options, pool_pre_ping=True, isolation_level=level, connect_args=deadlines
    )
    event.listen(engine, "connect", _prepare_reader if role == "read" else _prepare_writer)
    event.listen(engine, "handle_error", _leave_out_values)
    if role == "read":
        return engine.execution_options(postgresql_readonly=True)
    return engine


def lock(connection: Connection, scopes: Collection[Scope]) -> None:
    """Wait for a transaction's turn; call it first. Nothing to do in SQLite."""
    if connection.dialect.name == "sqlite":
        return
    if EVERYTHING in scopes:
        connection.execute(_LOCK_ALL, {"everything": _EVERYTHING_KEY})
        return
    # in one order, so that no two wait for each other
    names = sorted({key_of(scope) for scope in scopes if scope is not None})
    connection.execute(_LOCK_SOME, {"everything": _EVERYTHING_KEY, "names": names})


def key_of(name: str) -> int:
    """The number of an advisory lock."""
    digest = hashlib.blake2b(name.encode(errors="replace"), digest_size=8).digest()
    return int.from_bytes(digest, "big", signed=True)


def worth_retrying(error: Exception, *, committing: bool = False) -> bool:
    """Whether a transaction was undone by others, or by the loss of a connection before its end."""
    if not isinstance(error, DBAPIError):
        return False
    lost = error.connection_invalidated and not committing
    return lost or _state(error) in _ABORTED


def problem_of(error: StatementError) -> Problem | None:
    """What a client did wrong, where PostgreSQL or a type of ours refused a value."""
    if isinstance(error.orig, Problem):
        return error.orig
    state = _state(error)
    if state == "57014":
        return Problem(400, "the database needs too long for this")
    if state == "55P03":
        return Problem(503, "the database is busy")
    if state == "2201B":
        return Problem(400, "the database cannot use this $regex: it is too complex")
    if state == "54000":
        return Problem(400, "a text is longer than the database can index")
    if state.startswith("22"):
        return Problem(400, "a value is none that the database can hold")
    return None


def _state(error: StatementError) -> str:
    return getattr(error.orig, "sqlstate", None) or ""


def _leave_out_values(context: Any) -> None:
    """PostgreSQL tells with an error which row it refused, value by value."""
    original, error = context.original_exception, context.sqlalchemy_exception
    said = getattr(getattr(original, "diag", None), "message_primary", None)
    if said is not None:
        original.args = (said,)
        if error is not None:
            error.args = (f"({type(original).__name__}) {said}",)


def _prepare_postgres(connection: Any, _record: Any) -> None:
    from psycopg.types.string import StrDumper

    class Texts(StrDumper):
        """PostgreSQL's texts have no NUL."""

        def dump(self, obj: str) -> Any:
            return super().dump(obj.replace("\0", "\ufffd") if "\0" in obj else obj)

    connection.adapters.register_dumper(str, Texts)
    # for queries of milliseconds, compiling costs more than it gives
    _set(connection, "jit", "off")


def _prepare_reader(connection: Any, record: Any) -> None:
    _prepare_postgres(connection, record)
    _set(connection, "statement_timeout", f"{_STATEMENT_SECONDS}s")


def _prepare_writer(connection: Any, record: Any) -> None:
    _prepare_postgres(connection, record)
    # a process that is stopped in a transaction loses it, and the others go on
    _set(connection, "idle_in_transaction_session_timeout", f"{_STATEMENT_SECONDS}s")
    _set(connection, "lock_timeout", f"{2 * _STATEMENT_SECONDS}s")


def _set(connection: Any, name: str, value: str) -> None:
    before, connection.autocommit = connection.autocommit, True
    connection.execute("SELECT set_config(%s, %s, false)", (name, value))
    connection.autocommit = before


def _create_private(path: str) -> None:
    """Make a missing database file readable by its owner alone; its side files follow it."""
    with suppress(FileExistsError):
        os.close(os.open(Path(path), os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))


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
            # The log is emptied by `Database.tidy`: a commit that did it would wait for the disk.
            # This many pages, 64 MB, are the limit where that comes too late.
            "wal_autocheckpoint=16000",
        ):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()
        connection.create_function("regexp", 2, matches, deterministic=True)

    def on_begin(connection: Any) -> None:
        connection.exec_driver_sql(begin)

    event.listen(engine, "connect", on_connect)
    event.listen(engine, "begin", on_begin)
