"""The scripts of the tables' changes: complete, on both databases, harmless to what is there."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import Boolean, Column, MetaData, create_engine, text

from asyncwb.errors import UsageError
from asyncwb.server import migrations
from asyncwb.server.migrations.comparing import other_default, other_type
from asyncwb.server.storage import migration
from asyncwb.server.storage.backends import database_url, make_engine
from asyncwb.server.storage.schema import metadata
from asyncwb.server.storage.tables import users

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from postgres import Cluster
    from sqlalchemy import Engine

NEXT = f"{int(migrations.HEAD) + 1:04}"
LATER = f"""
import sqlalchemy as sa
from alembic import op
revision, down_revision, branch_labels, depends_on = "{NEXT}", "{migrations.HEAD}", None, None
def upgrade():
    anew = "always" if op.get_bind().dialect.name == "sqlite" else "auto"
    with op.batch_alter_table("users", recreate=anew) as table:
        table.add_column(sa.Column("sleeps", sa.Boolean(), nullable=False, server_default="0"))
"""


@pytest.fixture(params=["sqlite", "postgresql"])
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    """Connections to an empty database."""
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path / 'data.db'}"
    else:
        cluster: Cluster = request.getfixturevalue("postgres")
        cluster.execute('CREATE DATABASE "empty" TEMPLATE template0')
        url = cluster.url("empty")
    made = make_engine(database_url(url), "write")
    yield made
    made.dispose()
    if request.param == "postgresql":
        cluster.execute('DROP DATABASE "empty"')


def differences(engine: Engine, tables: MetaData = metadata) -> list[Any]:
    """What a further script would have to do."""
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    options = {"compare_type": other_type, "compare_server_default": other_default}
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts=options)
        return [
            one
            for one in compare_metadata(context, tables)
            if getattr(one[1] if isinstance(one, tuple) else None, "name", "") != "alembic_version"
        ]


def version(engine: Engine) -> str:
    with engine.connect() as connection:
        return connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one()


def test_the_scripts_make_the_tables_of_the_code(engine: Engine) -> None:
    with engine.begin() as connection:
        migration.upgrade(connection)
    assert differences(engine) == [], "a table changed: write a script, see tools/migration.py"
    assert version(engine) == migrations.HEAD


def test_a_new_database_is_that_of_the_scripts(engine: Engine) -> None:
    migration.migrate(engine)
    assert differences(engine) == []
    assert version(engine) == migrations.HEAD
    migration.migrate(engine)


def test_a_change_without_a_script_is_seen(engine: Engine) -> None:
    migration.migrate(engine)
    changed = MetaData()
    for table in metadata.tables.values():
        table.to_metadata(changed)
    changed.tables["users"].append_column(Column("sleeps", Boolean, nullable=False))
    changed.tables["runs"].c.notes.nullable = False
    changed.tables["projects"].c.access.server_default = None
    found = str(differences(engine, changed))
    assert "sleeps" in found
    assert "modify_nullable" in found
    assert "modify_default" in found


def test_ids_are_never_used_again(tmp_path: Path) -> None:
    def automatic(url: str) -> set[str]:
        engine = create_engine(url)
        with engine.connect() as connection:
            query = text("SELECT name FROM sqlite_master WHERE sql LIKE '%AUTOINCREMENT%'")
            found = set(connection.execute(query).scalars())
        engine.dispose()
        return found

    one, other = (f"sqlite:///{tmp_path / name}" for name in ("one.db", "other.db"))
    for url, make in ((one, migration.upgrade), (other, metadata.create_all)):
        engine = create_engine(url)
        with engine.begin() as connection:
            make(connection)
        engine.dispose()
    assert automatic(one) == automatic(other) != set()


def test_a_database_from_before_there_were_scripts(engine: Engine) -> None:
    metadata.create_all(engine)
    with engine.begin() as connection:
        connection.execute(
            users.insert().values(username="u", name="U", role="admin", created_at=1)
        )
        connection.execute(text("DROP TABLE server_state"))
    migration.migrate(engine)
    assert differences(engine) == []
    with engine.connect() as connection:
        assert connection.execute(users.select()).one().name == "U"


def test_flags_of_administrators_become_roles(engine: Engine) -> None:
    with engine.begin() as connection:
        migration.upgrade(connection, "0001")
        for name, admin in (("chief", "TRUE"), ("other", "FALSE")):
            connection.execute(
                text(
                    "INSERT INTO users (username, name, admin, created_at) "
                    f"VALUES ('{name}', '{name}', {admin}, 1)"
                )
            )
    migration.migrate(engine)
    assert differences(engine) == []
    with engine.connect() as connection:
        roles = connection.execute(text("SELECT username, role FROM users")).all()
    assert {tuple(row) for row in roles} == {("chief", "admin"), ("other", "member")}


def test_a_database_of_a_later_version_is_refused(engine: Engine) -> None:
    migration.migrate(engine)
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(UsageError, match="later version of asyncwb"):
        migration.migrate(engine)
    assert version(engine) == "9999"


def test_a_table_that_is_written_anew_takes_nothing_along(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On SQLite, rows that refer to a dropped table would go with it."""
    migration.migrate(engine)
    with engine.begin() as connection:
        user = connection.execute(
            users.insert().values(username="u", name="U", role="admin", created_at=1)
        ).inserted_primary_key
        assert user is not None
        entities = metadata.tables["entities"]
        connection.execute(entities.insert().values(name="u", user_id=user[0], created_at=1))
    scripts = tmp_path / "scripts"
    shutil.copytree(migrations.FOLDER, scripts)
    (scripts / "versions" / f"{NEXT}_sleep.py").write_text(LATER)
    monkeypatch.setattr(migration, "FOLDER", scripts)
    monkeypatch.setattr(migration, "HEAD", NEXT)
    migration.migrate(engine)
    assert version(engine) == NEXT
    with engine.connect() as connection:
        assert connection.execute(text("SELECT sleeps FROM users")).scalar() in (0, False)
        assert connection.execute(text("SELECT name FROM entities")).scalar() == "u"


def test_head_is_the_newest_script() -> None:
    names = sorted(path.name for path in (migrations.FOLDER / "versions").glob("*.py"))
    assert names[-1].startswith(f"{migrations.HEAD}_")
    assert [name[:4] for name in names] == [f"{n + 1:04}" for n in range(len(names))]


@pytest.mark.sqlite
def test_a_start_does_not_import_alembic(tmp_path: Path) -> None:
    code = f"""if True:
        import asyncio, sys
        from asyncwb.server.app import ServerConfig, create_app
        async def main():
            app = create_app(ServerConfig(data_dir={str(tmp_path)!r}))
            async with app.router.lifespan_context(app):
                print("alembic" in sys.modules, "psycopg" in sys.modules, "obstore" in sys.modules)
        asyncio.run(main())
    """
    for _ in range(2):
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
        assert done.stdout.split() == [b"False"] * 3


def test_texts_order_by_code_points_on_postgresql(postgres: Cluster) -> None:
    """Its own order would put é beside e, and small letters before large ones."""
    words = ["a", "B", "é", "z", "Z", "_"]
    engine = make_engine(database_url(postgres.database("/nowhere/order")), "write")
    with engine.begin() as connection:
        connection.execute(
            users.insert(),
            [{"username": w, "name": w, "admin": False, "created_at": 1} for w in words],
        )
        found = list(connection.execute(text("SELECT name FROM users ORDER BY name")).scalars())
    engine.dispose()
    assert found == sorted(words)
    columns = postgres.execute(
        "SELECT column_name FROM information_schema.columns WHERE table_schema = 'public' AND "
        "data_type IN ('text', 'character varying') AND collation_name IS DISTINCT FROM 'C' AND "
        "table_name <> 'alembic_version'",
        re.findall(r"/(t_\w+)\?", postgres.database("/nowhere/order"))[0],
    )
    assert columns == []
