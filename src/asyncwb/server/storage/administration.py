"""What administrators of the server do to users, teams and keys.

A deleted user loses keys, sessions and memberships at once, and the personal entity with
everything in it. Runs and sweeps in teams stay: their user becomes `deleted:NUMBER`, who owns
nothing and cannot sign in.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, exists, func, select, update

from asyncwb.server.problems import conflict, invalid, not_found

from .accounts import User, create_key, create_user, digest, find_user, insert_key
from .artifact_tables import stored_files, upload_parts
from .files import blobs_of_runs
from .manifests import manifest_blobs
from .organizations import row_id_of_team
from .registry_tables import organization_members, organizations, registry_users
from .session_tables import page_sessions
from .tables import api_keys, entities, members, projects, runs, users
from .teams import accept_invites

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from .policy import Role

__all__ = [
    "GONE",
    "add_user",
    "change_role",
    "delete_team",
    "delete_user",
    "known_user",
    "list_keys",
    "list_teams",
    "list_users",
    "new_key",
    "remove_key",
]

GONE = "GONE"
"""Kind of deleted users."""

_PREFIX_LENGTH = 10
_KEY = re.compile(r"[A-Za-z0-9_-]{40,128}")


def known_user(connection: Connection, username: str) -> User:
    """A user by name.

    Raises:
        Problem: There is none (404).
    """
    found = find_user(connection, username=username)
    if found is None:
        raise not_found(f"no user {username!r}")
    return found


def add_user(
    connection: Connection, username: str, role: Role, email: str, api_key: str | None
) -> str:
    """Add a user with one key, which is returned; again with the same key is harmless.

    Raises:
        Problem: A bad name or key (400), or one that is taken (409).
    """
    found = find_user(connection, username=username)
    owner = None if api_key is None else _owner(connection, api_key)
    if found is not None and api_key is not None and owner == found.id and found.role == role:
        return api_key
    made = create_user(connection, username=username, name=username, email=email, role=role)
    if email:
        accept_invites(connection, made)
    return new_key(connection, made, None, api_key)


def new_key(
    connection: Connection, user: User, description: str | None, api_key: str | None = None
) -> str:
    """Give a user one more key: the one that is given, or a random one.

    Raises:
        Problem: A bad key (400), or somebody's already (409).
    """
    if api_key is None:
        return create_key(connection, user.id, description)[1]
    if not _KEY.fullmatch(api_key):
        raise invalid("an API key has 40 to 128 letters, digits, - and _")
    if _owner(connection, api_key) is not None:
        raise conflict("that API key is in use already")
    insert_key(connection, user.id, api_key, description)
    return api_key


def _owner(connection: Connection, api_key: str) -> int | None:
    query = select(api_keys.c.user_id).where(api_keys.c.digest == digest(api_key))
    return connection.execute(query).scalar()


def change_role(connection: Connection, username: str, role: Role, first: str) -> None:
    """Give a user another role on the server.

    Args:
        connection: In a transaction.
        username: Whose.
        role: The new one.
        first: Name of the data folder's own user, who stays an administrator.

    Raises:
        Problem: There is no such user (404), or it is the first one (409).
    """
    user = known_user(connection, username)
    if user.username == first and role != "admin":
        raise conflict(f"{first!r} is the first user of the server and stays its administrator")
    connection.execute(update(users).where(users.c.id == user.id).values(role=role))


def delete_user(connection: Connection, username: str, first: str) -> list[str]:
    """Delete a user with all that is their own; returns blobs that nobody needs any more.

    Raises:
        Problem: There is no such user (404), or it is the first one (409).
    """
    user = known_user(connection, username)
    if user.username == first:
        raise conflict(f"{first!r} is the first user of the server and stays")
    blobs = _delete_entity(connection, user.entity_id)
    for table in (api_keys, page_sessions, members, registry_users, organization_members):
        connection.execute(delete(table).where(table.c.user_id == user.id))
    # ":" cannot be part of a user's name, so that nobody can take this one
    gone = {"username": f"deleted:{user.id}", "name": "deleted user", "email": ""}
    connection.execute(
        update(users).where(users.c.id == user.id).values(**gone, role="viewer", kind=GONE)
    )
    return blobs


def delete_team(connection: Connection, name: str) -> list[str]:
    """Delete a team with all that it owns; returns blobs that nobody needs any more.

    Raises:
        Problem: There is no such team (404).
    """
    return _delete_entity(connection, team_row_id(connection, name))


def team_row_id(connection: Connection, name: str) -> int:
    """Row id of a team.

    Raises:
        Problem: There is none (404).
    """
    found = connection.execute(select(entities.c.id).where(_is_team(), entities.c.name == name))
    team_id = found.scalar()
    if team_id is None:
        raise not_found(f"no team {name!r}")
    return int(team_id)


def _is_team() -> Any:
    behind = exists().where(organizations.c.entity_id == entities.c.id)
    return entities.c.user_id.is_(None) & ~behind


def _delete_entity(connection: Connection, entity_id: int) -> list[str]:
    mine = select(projects.c.id).where(projects.c.entity_id == entity_id)
    blobs = blobs_of_runs(connection, runs.c.project_id.in_(mine))
    for project_id in list(connection.execute(mine).scalars()):
        blobs += manifest_blobs(connection, project_id)
    for column, condition in (
        (stored_files.c.blob, stored_files.c.entity_id == entity_id),
        (
            upload_parts.c.blob,
            upload_parts.c.file_id.in_(
                select(stored_files.c.id).where(stored_files.c.entity_id == entity_id)
            ),
        ),
    ):
        query = select(column).where(condition, column.is_not(None))
        blobs += connection.execute(query).scalars()
    connection.execute(delete(entities).where(entities.c.id == entity_id))
    return blobs


# -- listings -------------------------------------------------------------------------------------


def list_users(connection: Connection) -> list[dict[str, Any]]:
    """All users, with the numbers of their keys and of the runs in their own entity."""
    keys = select(func.count()).where(api_keys.c.user_id == users.c.id).scalar_subquery()
    own = (
        select(func.count())
        .select_from(runs)
        .join(projects, projects.c.id == runs.c.project_id)
        .join(entities, entities.c.id == projects.c.entity_id)
        .where(entities.c.user_id == users.c.id)
        .scalar_subquery()
    )
    query = (
        select(
            users.c.username,
            users.c.email,
            users.c.role,
            users.c.kind,
            keys.label("keys"),
            own.label("runs"),
        )
        .where(users.c.kind != GONE)
        .order_by(users.c.id)
    )
    return [dict(row) for row in connection.execute(query).mappings()]


def list_teams(connection: Connection) -> list[dict[str, Any]]:
    """All teams, with their organization and the number of members."""
    count = select(func.count()).where(members.c.entity_id == entities.c.id).scalar_subquery()
    query = select(entities.c.id, entities.c.name, count.label("members")).where(_is_team())
    names = dict(connection.execute(select(organizations.c.id, organizations.c.name)).all())
    return [
        {
            "name": row.name,
            "organization": names[row_id_of_team(connection, row.id)],
            "members": row.members,
        }
        for row in connection.execute(query.order_by(entities.c.id)).all()
    ]


def list_keys(connection: Connection, user: User) -> list[dict[str, Any]]:
    """Keys of a user by their first digits; the keys themselves are not kept."""
    query = (
        select(
            api_keys.c.id,
            api_keys.c.prefix.label("name"),
            api_keys.c.description,
            api_keys.c.created_at,
        )
        .where(api_keys.c.user_id == user.id)
        .order_by(api_keys.c.id)
    )
    return [dict(row) for row in connection.execute(query).mappings()]


def remove_key(connection: Connection, user: User, name: str) -> None:
    """Remove the key of a user that begins with these ten characters, or has this number.

    Raises:
        Problem: There is none (404), or several begin alike (409).
    """
    numbered = len(name) < _PREFIX_LENGTH and name.isascii() and name.isdigit()
    this = api_keys.c.id == int(name) if numbered else api_keys.c.prefix == name[:_PREFIX_LENGTH]
    query = select(api_keys.c.id).where(api_keys.c.user_id == user.id, this)
    found = list(connection.execute(query).scalars())
    if not found:
        raise not_found(f"{user.username!r} has no key {name[:_PREFIX_LENGTH]!r}")
    if len(found) > 1:
        raise conflict("several keys begin like that: name one by its number in the list")
    connection.execute(delete(api_keys).where(api_keys.c.id == found[0]))
