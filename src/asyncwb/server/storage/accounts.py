"""Users, keys, entities and teams."""

from __future__ import annotations

import hashlib
import secrets
import time
from typing import TYPE_CHECKING, Any

import msgspec
from sqlalchemy import and_, delete, or_, select

from asyncwb.server.problems import conflict, forbidden, not_found

from .names import check_name
from .policy import Role, may_change, read_only, readable, visible_organization
from .registry_tables import organizations
from .rows import insert_row
from .tables import api_keys, entities, users

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from asyncwb.server.bootstrap import Identity

__all__ = [
    "User",
    "add_first_user",
    "check_free",
    "create_key",
    "create_user",
    "delete_key",
    "digest",
    "entity_for",
    "entity_query",
    "find_entity",
    "find_user",
    "find_user_by_key",
    "free_name",
    "insert_key",
    "key_row_id",
    "user_query",
    "visible_entity",
]

_PREFIX_LENGTH = 10
_FORBIDDEN = "/\\#?%:"


class User(msgspec.Struct, frozen=True):
    """The user behind a request."""

    id: int
    username: str
    name: str
    email: str
    role: Role
    entity: str  # name of the personal entity
    entity_id: int

    @property
    def admin(self) -> bool:
        """Whether it is an administrator of the server."""
        return self.role == "admin"


def digest(key: str) -> str:
    """What is stored of a key. Keys are random, so one round of SHA-256 is enough."""
    return hashlib.sha256(key.encode()).hexdigest()


def user_query() -> Any:
    """Users with their personal entity: the columns of `User`."""
    personal = entities.alias("personal")
    return select(
        users.c.id,
        users.c.username,
        users.c.name,
        users.c.email,
        users.c.role,
        personal.c.name.label("entity"),
        personal.c.id.label("entity_id"),
    ).join(personal, personal.c.user_id == users.c.id)


def find_user_by_key(connection: Connection, key: str) -> User | None:
    """The owner of a key."""
    query = user_query().join(api_keys, api_keys.c.user_id == users.c.id)
    row = (connection.execute(query.where(api_keys.c.digest == digest(key)))).first()
    return User(*row) if row else None


def key_row_id(connection: Connection, key: str) -> int:
    """Row id of a key that is known."""
    query = select(api_keys.c.id).where(api_keys.c.digest == digest(key))
    return int(connection.execute(query).scalar_one())


def find_user(
    connection: Connection, *, username: str | None = None, user_id: int | None = None
) -> User | None:
    """A user by login or row id."""
    condition = users.c.id == user_id if user_id is not None else users.c.username == username
    row = connection.execute(user_query().where(condition)).first()
    return User(*row) if row else None


def add_first_user(connection: Connection, identity: Identity) -> None:
    """Store the data folder's first user and key, if they are not there yet."""
    user = find_user(connection, username=identity.username)
    if user is None:
        user = create_user(
            connection, username=identity.username, name=identity.username, email="", role="admin"
        )
    known = select(api_keys.c.id).where(api_keys.c.digest == digest(identity.api_key))
    if connection.execute(known).first() is None:
        insert_key(connection, user.id, identity.api_key, "first key")


def create_user(
    connection: Connection,
    *,
    username: str,
    name: str,
    email: str,
    role: Role = "member",
    kind: str = "USER",
) -> User:
    """Add a user with a personal entity.

    Raises:
        Problem: The name is taken (409).
    """
    check_free(connection, username, "a user name")
    now = time.time()
    values = {"username": username, "name": name, "email": email, "role": role, "kind": kind}
    user_id = insert_row(connection, users, **values, created_at=now)
    entity_id = insert_row(connection, entities, name=username, user_id=user_id, created_at=now)
    return User(user_id, username, name, email, role, username, entity_id)


def check_free(connection: Connection, name: str, what: str) -> None:
    """Refuse a name of a user or team that is bad (400) or taken (409)."""
    check_name(name, what, _FORBIDDEN)
    taken = select(entities.c.id).where(entities.c.name == name)
    if connection.execute(taken).first() is not None:
        raise conflict(f"the name {name!r} is taken")


def free_name(connection: Connection, wanted: str) -> str:
    """The name of an entity that is not taken: the wanted one, or that with a number."""
    taken = set(
        connection.execute(
            select(entities.c.name).where(entities.c.name.startswith(wanted, autoescape=True))
        ).scalars()
    )
    name, number = wanted, 1
    while name in taken:
        number += 1
        name = f"{wanted}-{number}"
    return name


def create_key(connection: Connection, user_id: int, description: str | None) -> tuple[int, str]:
    """Make a key; returns its row id and the key itself, which is not kept."""
    key = secrets.token_hex(20)
    return insert_key(connection, user_id, key, description), key


def insert_key(connection: Connection, user_id: int, key: str, description: str | None) -> int:
    """Let a key be one of a user's; returns its row id."""
    return insert_row(
        connection,
        api_keys,
        user_id=user_id,
        digest=digest(key),
        prefix=key[:_PREFIX_LENGTH],
        description=description,
        created_at=time.time(),
    )


def delete_key(connection: Connection, user: User, key_id: int) -> bool:
    """Remove a key of the user (an administrator may remove anybody's)."""
    condition = api_keys.c.id == key_id
    if not user.admin:
        condition = and_(condition, api_keys.c.user_id == user.id)
    return connection.execute(delete(api_keys).where(condition)).rowcount > 0


def entity_query() -> Any:
    """Entities, with the row id of the organization that one of them is."""
    return select(entities, organizations.c.id.label("organization_id")).outerjoin(
        organizations, organizations.c.entity_id == entities.c.id
    )


def find_entity(connection: Connection, user: User, name: str | None) -> Any:
    """An entity the user can see; without a name, the personal one."""
    query = entity_query().where(
        entities.c.name == (name or user.entity), or_(readable(user), visible_organization(user))
    )
    return connection.execute(query).first()


def visible_entity(connection: Connection, user: User, name: str | None) -> Any:
    """Like `find_entity`, where there must be one.

    Raises:
        Problem: There is none, or the user cannot see it (404).
    """
    found = find_entity(connection, user, name)
    if found is None:
        raise not_found(f"entity {name!r} not found, or you have no access to it")
    return found


def entity_for(connection: Connection, user: User, name: str | None) -> Any:
    """Like `visible_entity`, for changes of what the entity owns.

    Raises:
        Problem: The entity does not exist or is hidden (404), is an organization's, or the user
            may not change it (403).
    """
    found = visible_entity(connection, user, name)
    if found.organization_id is not None:
        raise forbidden(
            f"{name!r} is an organization, which has registries only: log in another entity, "
            "and link artifacts into a registry"
        )
    if not may_change(connection, user, found.id):
        raise read_only()
    return found
