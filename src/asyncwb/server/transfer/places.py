"""Where a server keeps everything: its database, its blobs, its secret."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
from sqlalchemy import select

from asyncwb.errors import UsageError
from asyncwb.server.bootstrap import has_identity, load_secrets, prepare_folder, replace_identity
from asyncwb.server.config import ServerConfig
from asyncwb.server.identity import first_key, put_secret, shared_secret
from asyncwb.server.storage.backends import database_url, is_sqlite, make_engine, reachable
from asyncwb.server.storage.blob_places import open_blobs
from asyncwb.server.storage.migration import migrate
from asyncwb.server.storage.tables import users

if TYPE_CHECKING:
    from collections.abc import Generator

    from sqlalchemy import Connection, Engine

    from asyncwb.server.bootstrap import StoredIdentity
    from asyncwb.server.storage.blobs import BlobStore

__all__ = ["Place"]


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """A database and blobs.

    Attributes:
        database: `postgresql://...`, or `sqlite:///...` in the data folder.
        blobs: A folder, or `s3://...` and the like.
        folder: Its data folder, with the secret where the database does not hold it; None: none.
    """

    database: str
    blobs: str
    folder: Path | None = None

    @classmethod
    def of(cls, where: str | Path, blobs: str | None = None) -> Place:
        """The place that people name by a data folder or a database.

        Args:
            where: A data folder, or `postgresql://...`.
            blobs: Its blobs; by default those of the data folder.

        Raises:
            UsageError: A database without blobs.
        """
        if "://" not in str(where):
            return cls.of_config(ServerConfig(data_dir=str(where), blobs_url=blobs))
        if blobs is None:
            raise UsageError("Beside a database, name the folder or the object store of its blobs.")
        config = ServerConfig(data_dir=".", database_url=str(where), blobs_url=blobs)
        return cls(database=config.database, blobs=config.blobs)

    @classmethod
    def of_config(cls, config: ServerConfig) -> Place:
        """The place of a server with these settings."""
        return cls(database=config.database, blobs=config.blobs, folder=config.root)

    @property
    def sqlite_path(self) -> Path | None:
        """The file of an SQLite database; None on PostgreSQL."""
        url = database_url(self.database)
        return Path(url.database or "") if is_sqlite(url) else None

    def check_source(self) -> None:
        """See that there is something to read.

        Raises:
            UsageError: There is no database.
        """
        path = self.sqlite_path
        if path is not None and not path.is_file():
            raise UsageError(f"There is no server's data in {path.parent}.")

    @contextmanager
    def engine(self) -> Generator[Engine]:
        """Connections that write; the tables are there and up to date."""
        if self.folder is not None:
            prepare_folder(self.folder)
        url = database_url(self.database)
        made = make_engine(url, "write")
        try:
            with reachable(url):
                migrate(made)
            yield made
        finally:
            made.dispose()

    @contextmanager
    def view(self) -> Generator[Connection]:
        """One view of the database, whatever is written to it meanwhile."""
        url = database_url(self.database)
        engine = make_engine(url, "read")
        try:
            with reachable(url):
                connection = engine.connect()
            with connection:
                yield connection
        finally:
            engine.dispose()

    def open_blobs(self) -> BlobStore:
        """The blobs."""
        return open_blobs(self.blobs)

    def identity(self, connection: Connection) -> StoredIdentity:
        """The first user, a key of theirs and the secret.

        Raises:
            UsageError: The place has none: no server was started on it.
        """
        if self.sqlite_path is None:
            found = shared_secret(connection)
            if found is not None:
                return first_key(*found)
        elif self.folder is not None and has_identity(self.folder):
            return load_secrets(self.folder)[0]
        raise UsageError("No server was started on this data yet: its secret is missing.")

    def put_identity(self, connection: Connection, identity: StoredIdentity) -> None:
        """Let servers of this place have a secret."""
        if self.sqlite_path is None:
            secret = bytes.fromhex(identity.signing_secret)
            put_secret(connection, identity.username, secret)
        elif self.folder is not None:
            replace_identity(self.folder, identity)

    def check_empty(self, connection: Connection) -> None:
        """See that nothing is overwritten.

        Raises:
            UsageError: The database has users, as every database has that a server was started on.
        """
        if connection.execute(select(users.c.id).limit(1)).first() is not None:
            raise UsageError(
                "The target has a server's data already: name an empty one. Nothing was changed."
            )
