"""A private PostgreSQL: one cluster for all tests, a database for each data folder."""

from __future__ import annotations

import hashlib
import os
import pwd
import secrets
import shutil
import signal
import subprocess
import tempfile
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Cluster", "binaries", "cluster"]

_SETTINGS = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "listen_addresses": "",
    "max_connections": "300",
    "shared_buffers": "64MB",
    "autovacuum": "off",
}
_DURABLE = {"listen_addresses": "", "shared_buffers": "256MB", "max_wal_size": "4GB"}
_TEMPLATE = "asyncwb_template"


def binaries() -> Path | None:
    """The folder with `initdb` and `postgres`; None where PostgreSQL is not installed."""
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    asked = shutil.which("pg_config")
    if asked:
        found = subprocess.run([asked, "--bindir"], capture_output=True, text=True, check=True)
        folders.insert(0, Path(found.stdout.strip()))
    return next((one for one in folders if (one / "initdb").exists()), None)


class Cluster:
    """A running cluster.

    Args:
        socket: Folder of its socket.
    """

    def __init__(self, socket: Path) -> None:
        self.socket = socket
        self._made: set[str] = set()

    def url(self, name: str) -> str:
        """The address of a database."""
        return f"postgresql://asyncwb@/{name}?host={self.socket}"

    def name(self, folder: str | os.PathLike[str]) -> str:
        """The name of the database of a data folder."""
        digest = hashlib.blake2b(os.fsencode(os.path.realpath(folder)), digest_size=8)
        return f"t_{digest.hexdigest()}"

    def empty(self) -> str:
        """The address of a new database without tables."""
        name = f"e_{secrets.token_hex(4)}"
        self.execute(f'CREATE DATABASE "{name}" TEMPLATE template0')
        return self.url(name)

    def database(self, folder: str | os.PathLike[str]) -> str:
        """The address of the database of a data folder; made when missing."""
        name = self.name(folder)
        if name not in self._made:
            self.execute(f'CREATE DATABASE "{name}" TEMPLATE "{_TEMPLATE}"')
            self._made.add(name)
        return self.url(name)

    def execute(self, statement: str, database: str = "postgres") -> list[Any]:
        """Run a statement by itself."""
        import psycopg

        with closing(psycopg.connect(self.url(database), autocommit=True)) as connection:
            cursor = connection.execute(statement)  # type: ignore[arg-type]
            return cursor.fetchall() if cursor.description else []

    def drop(self, made_before: set[str]) -> None:
        """Drop the databases that were not there before, unless somebody is connected."""
        import psycopg

        for name in self._made - made_before:
            try:
                self.execute(f'DROP DATABASE "{name}"')
            except psycopg.errors.ObjectInUse:
                continue
            self._made.discard(name)

    @property
    def made(self) -> set[str]:
        """Names of the databases that are there."""
        return set(self._made)


@contextmanager
def cluster(*, durable: bool = False) -> Iterator[Cluster]:
    """Run one until the end of the block; `durable`: with the settings of a real one."""
    from asyncwb.server.storage.backends import database_url, make_engine
    from asyncwb.server.storage.migration import migrate

    programs = binaries()
    assert programs is not None
    # not below pytest's folder: the path of a socket is short
    folder = Path(tempfile.mkdtemp(prefix="awb-pg-"))
    identity = _unprivileged()
    try:
        if identity:
            os.chown(folder, identity["user"], identity["group"])
        data = folder / "data"
        # A collation that differs from SQLite's: orders have to agree all the same.
        subprocess.run(
            [programs / "initdb", "-D", data, "-U", "asyncwb", "-A", "trust", "-N",
             "--encoding=UTF8", "--locale-provider=icu", "--icu-locale=en", "--locale=C.UTF-8"],
            check=True, stdout=subprocess.DEVNULL, cwd=folder, **identity,
        )  # fmt: skip
        chosen = _DURABLE if durable else _SETTINGS
        settings = [word for item in chosen.items() for word in ("-c", "=".join(item))]
        with open(folder / "log", "wb") as log:
            server = subprocess.Popen(
                [programs / "postgres", "-D", data, "-k", folder, *settings],
                stdout=log, stderr=log, cwd=folder, **identity,
            )  # fmt: skip
        try:
            ready = [programs / "pg_isready", "-h", folder, "-q", "-t", "20"]
            while subprocess.run(ready, check=False).returncode:
                assert server.poll() is None, (folder / "log").read_text()
            running = Cluster(folder)
            running.execute(f'CREATE DATABASE "{_TEMPLATE}"')
            engine = make_engine(database_url(running.url(_TEMPLATE)), "write")
            migrate(engine)
            engine.dispose()
            yield running
        finally:
            server.send_signal(signal.SIGINT)  # at once; SIGTERM would wait for connections
            server.wait(30)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _unprivileged() -> dict[str, Any]:
    """PostgreSQL refuses to run as root."""
    if os.geteuid() != 0:
        return {}
    for name in ("postgres", "nobody"):
        try:
            found = pwd.getpwnam(name)
        except KeyError:
            continue
        return {"user": found.pw_uid, "group": found.pw_gid, "extra_groups": []}
    raise AssertionError("no unprivileged user to run PostgreSQL as")
