"""The tables of a database brought to what this version of the server knows.

Alembic is imported only where a database is of an earlier version: a new one gets its tables
directly, and one that is up to date nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import Column, MetaData, String, Table, event, inspect, select, text

from asyncwb.errors import UsageError
from asyncwb.server.migrations import FOLDER, HEAD

from .backends import EVERYTHING, is_sqlite, lock, make_engine
from .schema import metadata

if TYPE_CHECKING:
    from sqlalchemy import URL, Connection, Engine

__all__ = ["migrate", "upgrade"]

_version = Table("alembic_version", MetaData(), Column("version_num", String(32), primary_key=True))


def migrate(engine: Engine) -> None:
    """Make missing tables, change those of earlier versions. Blocks.

    In a transaction that is alone from its beginning: of two servers that start at once on one
    database, the second waits and finds the tables of the first.

    Args:
        engine: Connections that write.

    Raises:
        UsageError: The database is of a later version.
    """
    with engine.begin() as connection:
        lock(connection, [EVERYTHING])
        found = _found(connection)
        if found == HEAD:
            return
        if found is None and not inspect(connection).has_table("runs"):
            metadata.create_all(connection)
            _version.create(connection)
            connection.execute(_version.insert().values(version_num=HEAD))
            return
    _change(engine.url)


def _found(connection: Connection) -> str | None:
    """The version of a database; None: none is noted."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    found: str | None = connection.execute(select(_version.c.version_num)).scalar()
    return found


def _change(url: URL) -> None:
    engine = make_engine(url, "write")
    try:
        if is_sqlite(url):
            # A table that is written anew would take what refers to it along.
            event.listen(engine, "connect", _without_references)
        with engine.begin() as connection:
            lock(connection, [EVERYTHING])
            upgrade(connection)
            if is_sqlite(url) and connection.execute(text("PRAGMA foreign_key_check")).first():
                raise UsageError("The database has rows that refer to nothing; it stays as is.")
    finally:
        engine.dispose()


def _without_references(connection: Any, _record: Any) -> None:
    connection.execute("PRAGMA foreign_keys=OFF")


def upgrade(connection: Connection, to: str = "head") -> None:
    """Run the scripts that a database has not had yet, in the transaction of a connection.

    Raises:
        UsageError: The database is of a later version.
    """
    from alembic import command
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(FOLDER).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    found = _found(connection)
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    if found is not None and found not in known:
        raise UsageError(
            f"The database is of a later version of asyncwb (its tables have the version {found}, "
            f"known here is {HEAD}): install that version, or restore a backup from before."
        )
    command.upgrade(config, to)
