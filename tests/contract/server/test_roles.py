"""Roles of the server, of teams and of organizations."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import create_engine, select
from test_access import add_user, post_as

from asyncwb.server.app import ServerConfig, create_app
from asyncwb.server.bootstrap import ensure_first_user
from asyncwb.server.storage.tables import members, users
from asyncwb.server.storage.team_tables import invites

if TYPE_CHECKING:
    from pathlib import Path

    from server_client import Client

INVITE = "mutation($i: CreateInviteInput!) { createInvite(input: $i) { invite { id } } }"
TEAM = 'mutation { createTeam(input: {teamName: "crew"}) { entity { id } } }'
MEMBERS = '{ entity(name: "crew") { members { name role admin pending } } }'


async def test_a_member_is_invited_with_a_role(client: Client) -> None:
    await client.data(TEAM)
    for name, role, admin in (("vic", "viewer", None), ("max", None, None), ("ann", None, True)):
        await add_user(client, name)
        given = {"entityName": "crew", "username": name, "role": role, "admin": admin}
        await client.data(INVITE, i=given)
    await client.data(INVITE, i={"entityName": "crew", "email": "later@x", "role": "viewer"})
    wrong = {"entityName": "crew", "email": "x@x", "role": "owner"}
    assert (await client.post(INVITE, i=wrong)).status_code == 400
    found = (await client.data(MEMBERS))["entity"]["members"]
    assert [(m["name"], m["role"], m["admin"], m["pending"]) for m in found] == [
        ("local", "admin", True, False), ("vic", "viewer", False, False),
        ("max", "member", False, False), ("ann", "admin", True, False),
        ("later@x", "viewer", False, True),
    ]  # fmt: skip
    later = await add_user(client, "later")
    upsert = (
        'mutation { upsertBucket(input: {entityName: "crew", modelName: "p", name: "r"})'
        " { inserted } }"
    )
    assert (await post_as(client, later, upsert)).status_code == 403
    await client.upsert("r", entityName="crew", modelName="p")
    assert (await post_as(client, later, upsert)).status_code == 403
    read = '{ project(name: "p", entityName: "crew") { run(name: "r") { name } } }'
    shown = (await post_as(client, later, read)).json()["data"]
    assert shown["project"]["run"] == {"name": "r"}


@pytest.mark.parametrize("opened", [1, 2])
async def test_a_database_from_before_roles(tmp_path: Path, opened: int) -> None:
    ensure_first_user(tmp_path)
    with sqlite3.connect(tmp_path / "asyncwb.db") as old:
        old.executescript("""
            CREATE TABLE users (id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
                username VARCHAR(128) NOT NULL UNIQUE, name TEXT NOT NULL,
                email TEXT DEFAULT '' NOT NULL, admin BOOLEAN NOT NULL,
                kind VARCHAR(16) DEFAULT 'USER' NOT NULL, created_at FLOAT NOT NULL);
            CREATE TABLE entities (id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
                name VARCHAR(128) NOT NULL UNIQUE, user_id INTEGER REFERENCES users (id)
                ON DELETE CASCADE, created_at FLOAT NOT NULL);
            CREATE TABLE members (entity_id INTEGER NOT NULL, user_id INTEGER NOT NULL,
                admin BOOLEAN NOT NULL, PRIMARY KEY (entity_id, user_id));
            CREATE TABLE invites (id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
                entity_id INTEGER NOT NULL, email VARCHAR(320) NOT NULL, admin BOOLEAN NOT NULL,
                created_at FLOAT NOT NULL, UNIQUE (entity_id, email));
            INSERT INTO users VALUES (1, 'local', 'local', '', 1, 'USER', 0),
                (2, 'max', 'max', '', 0, 'USER', 0);
            INSERT INTO entities VALUES (1, 'local', 1, 0), (2, 'max', 2, 0), (3, 'crew', NULL, 0);
            INSERT INTO members VALUES (3, 1, 1), (3, 2, 0);
            INSERT INTO invites VALUES (1, 3, 'a@x', 1, 0);
        """)
    old.close()
    for _ in range(opened):
        app = create_app(ServerConfig(data_dir=str(tmp_path)))
        async with app.router.lifespan_context(app):
            pass
    engine = create_engine(f"sqlite:///{tmp_path / 'asyncwb.db'}")
    with engine.connect() as connection:
        for table, roles in (
            (users, ["admin", "member"]), (members, ["admin", "member"]), (invites, ["admin"])
        ):  # fmt: skip
            assert list(connection.execute(select(table.c.role)).scalars()) == roles
    engine.dispose()
