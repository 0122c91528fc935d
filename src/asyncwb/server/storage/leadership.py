"""Which of several processes does what only one has to do: clearing up, in the background."""

from __future__ import annotations

import threading
from contextlib import suppress
from typing import TYPE_CHECKING

from sqlalchemy import create_engine, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

from .backends import is_sqlite, key_of

if TYPE_CHECKING:
    from sqlalchemy import URL, Connection

__all__ = ["Leadership"]

_TRY = text("SELECT pg_try_advisory_lock(:key)")
_STILL = text("SELECT 1")
_GIVE_BACK = text("SELECT pg_advisory_unlock_all()")


class Leadership:
    """The duties of this process, as locks that the database takes back when it ends.

    On SQLite every process has every duty: what it does twice there is harmless.

    Args:
        url: The database.
    """

    def __init__(self, url: URL) -> None:
        self._url = url
        self._connection: Connection | None = None
        self._held: set[str] = set()
        self._lock = threading.Lock()

    def has(self, duty: str) -> bool:
        """Whether a duty is this process's, from now on or still. Blocks."""
        if is_sqlite(self._url):
            return True
        with self._lock:
            try:
                return self._ask(duty)
            except DBAPIError:
                self._forget()  # the database took the duties back with the connection
                return False

    def _ask(self, duty: str) -> bool:
        if self._connection is None:
            engine = create_engine(self._url, poolclass=NullPool, isolation_level="AUTOCOMMIT")
            self._connection = engine.connect()
        if duty in self._held:
            self._connection.execute(_STILL)
            return True
        if self._connection.execute(_TRY, {"key": key_of(f"duty {duty}")}).scalar():
            self._held.add(duty)
        return duty in self._held

    def close(self) -> None:
        """Give the duties back."""
        with self._lock:
            if self._connection is not None and self._held:
                # now, and not when the database notices that the connection is gone
                with suppress(DBAPIError):
                    self._connection.execute(_GIVE_BACK)
            self._forget()

    def _forget(self) -> None:
        self._held.clear()
        if self._connection is not None:
            connection, self._connection = self._connection, None
            connection.close()
