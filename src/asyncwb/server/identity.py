"""The first user and the secrets of a server, wherever its data is.

An SQLite database has them beside it, in its data folder. Processes that share a PostgreSQL
database have to agree: there the database holds the secret, and the folder of each process has a
copy of it, for the commands that look there. The first key is no part of that: it follows from the
secret, or is that of the folder which the first process was started on.
"""

from __future__ import annotations

import hashlib
import hmac
from typing import TYPE_CHECKING

import msgspec
from sqlalchemy import select

from asyncwb.errors import UsageError

from .bootstrap import has_identity, load_secrets, make_identity, replace_identity
from .storage.backends import EVERYTHING, database_url, is_sqlite, lock, make_engine, reachable
from .storage.migration import migrate
from .storage.state_tables import server_state

if TYPE_CHECKING:
    from pathlib import Path

    from sqlalchemy import Connection

    from .bootstrap import Identity, StoredIdentity
    from .config import ServerConfig

__all__ = ["first_key", "load_identity", "put_secret", "shared_secret"]

_NAME = "secret"


class _Shared(msgspec.Struct, frozen=True):
    username: str
    signing_secret: str


def load_identity(config: ServerConfig) -> tuple[Identity, bytes]:
    """The first user and the secret that signs URLs; made on the first call. Blocks.

    Raises:
        OSError: The data folder cannot be written.
        UsageError: The database cannot be reached or is of a later version, or the data folder
            belongs to another one.
    """
    url = database_url(config.database)
    if is_sqlite(url):
        return load_secrets(config.root)
    engine = make_engine(url, "write")
    try:
        with reachable(url):
            migrate(engine)
        with engine.begin() as connection:
            lock(connection, [EVERYTHING])
            shared = shared_secret(connection)
            if shared is None:
                identity, secret = load_secrets(config.root)
                put_secret(connection, identity.username, secret)
                return identity, secret
    finally:
        engine.dispose()
    username, secret = shared
    if not _is_of(config.root, secret):
        replace_identity(config.root, first_key(username, secret))
    return load_secrets(config.root)


def put_secret(connection: Connection, username: str, secret: bytes) -> None:
    """Let a database hold a secret, for all processes on it."""
    text = msgspec.json.encode(_Shared(username, secret.hex())).decode()
    connection.execute(server_state.insert().values(name=_NAME, value=text))


def shared_secret(connection: Connection) -> tuple[str, bytes] | None:
    """The first user's name and the secret that a database holds; None: nothing yet."""
    query = select(server_state.c.value).where(server_state.c.name == _NAME)
    found = connection.execute(query).scalar()
    if found is None:
        return None
    shared = msgspec.json.decode(found, type=_Shared)
    return shared.username, bytes.fromhex(shared.signing_secret)


def first_key(username: str, secret: bytes) -> StoredIdentity:
    """The first user with the key that follows from a secret."""
    key = hmac.new(secret, b"first key", hashlib.sha256).hexdigest()[:40]
    return make_identity(username, key, secret)


def _is_of(folder: Path, secret: bytes) -> bool:
    """Whether a data folder has a secret. One that has another may be given it.

    Raises:
        UsageError: It is that of a server with a database of its own.
    """
    if not has_identity(folder):
        return False
    if load_secrets(folder)[1] == secret:
        return True
    if (folder / "asyncwb.db").exists():
        raise UsageError(
            f"{folder} is the data folder of another server, with a database of its own: name "
            "another folder by --data-dir."
        )
    return False
