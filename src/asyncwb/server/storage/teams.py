"""Teams: members, invitations, service accounts."""

from __future__ import annotations

import secrets
import time
from typing import TYPE_CHECKING, Any

from sqlalchemy import and_, delete, func, insert, select, update

from asyncwb.server.problems import conflict, forbidden, invalid, not_found

from .accounts import (
    User,
    check_free,
    create_user,
    digest,
    find_user,
    insert_key,
    visible_entity,
)
from .organizations import add_team, join_organization, organizations_of, row_id_of_team
from .policy import Role, check_writes, leads, visible_user
from .registry_tables import organizations
from .rows import insert_row
from .tables import api_keys, entities, members, users
from .team_tables import invites

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Connection

__all__ = [
    "accept_invites",
    "change_member",
    "create_service_account",
    "create_team",
    "invite",
    "is_led_by",
    "list_invites",
    "list_members",
    "remove_invite",
    "remove_member",
    "shown_keys",
]


def create_team(
    connection: Connection,
    user: User,
    name: str,
    admin_username: str | None,
    organization: str | None = None,
) -> int:
    """Add a team; the named user, or else the caller, becomes its administrator.

    Args:
        connection: In a transaction.
        user: Who asks.
        name: Of the team.
        admin_username: Its administrator.
        organization: To which it belongs; the first of its administrator's by default.

    Raises:
        Problem: A bad name (400), the caller is a viewer of the server (403), a name that is taken
            (409), or no such user or organization (404).
    """
    check_writes(user)
    check_free(connection, name, "a team name")
    head = _known_user(connection, user, admin_username) if admin_username else user
    team_id = insert_row(connection, entities, name=name, created_at=time.time())
    if organization is None:
        shared = organizations_of(connection, user, head.id)
        found = (shared or organizations_of(connection, user, user.id))[0]
        organization = str(found.name)
    add_team(connection, organization, team_id)
    _add(connection, team_id, head.id, "admin")
    return team_id


def is_led_by(connection: Connection, name: str, organization: str | None, username: str) -> bool:
    """Whether there is such a team, in an organization, and a user leads it."""
    query = (
        select(entities.c.id)
        .join(members, members.c.entity_id == entities.c.id)
        .join(users, users.c.id == members.c.user_id)
        .where(entities.c.name == name, users.c.username == username, members.c.role == "admin")
    )
    team_id = connection.execute(query).scalar()
    if team_id is None:
        return False
    mine = select(organizations.c.name).where(
        organizations.c.id == row_id_of_team(connection, team_id)
    )
    return organization in (None, connection.execute(mine).scalar())


def _known_user(connection: Connection, user: User, username: str) -> User:
    """A user by name whom another may know of."""
    seen = select(users.c.id).where(users.c.username == username, visible_user(user))
    user_id = connection.execute(seen).scalar()
    found = None if user_id is None else find_user(connection, user_id=user_id)
    if found is None:
        raise not_found(f"no user {username!r}")
    return found


def create_service_account(
    connection: Connection, user: User, entity: str, description: str, key_of: Callable[[int], str]
) -> int:
    """Add a user that is not a person to a team.

    Args:
        connection: In a transaction.
        user: Who asks.
        entity: The team.
        description: Becomes the name for people.
        key_of: Gives the key of an account by its row id.

    Raises:
        Problem: No such team (404), or the caller does not lead it (403).
    """
    team = _led(connection, user, entity)
    name = f"service-{secrets.token_hex(4)}"
    account = create_user(connection, username=name, name=description, email="", kind="SERVICE")
    insert_key(connection, account.id, key_of(account.id), "service account")
    _add(connection, team.id, account.id, "member")
    return account.id


def list_members(connection: Connection, team_id: int) -> list[Any]:
    """Members of a team in the order in which their accounts were made."""
    query = (
        select(users, members.c.role.label("team_role"))
        .join(members, members.c.user_id == users.c.id)
        .where(members.c.entity_id == team_id)
        .order_by(users.c.id)
    )
    return list(connection.execute(query).all())


def list_invites(connection: Connection, team_id: int) -> list[Any]:
    """Addresses that are invited to a team."""
    query = select(invites).where(invites.c.entity_id == team_id).order_by(invites.c.id)
    return list(connection.execute(query).all())


def shown_keys(
    connection: Connection, user: User, team_id: int, rows: list[Any], key_of: Callable[[int], str]
) -> dict[int, str]:
    """Keys of a team's service accounts by row id, for those who lead it; removed ones are not."""
    if not leads(connection, user, team_id):
        return {}
    keys = {row.id: key_of(row.id) for row in rows if row.kind == "SERVICE"}
    known = select(api_keys.c.digest).where(api_keys.c.user_id.in_(keys))
    valid = set(connection.execute(known).scalars())
    return {user_id: key for user_id, key in keys.items() if digest(key) in valid}


def invite(
    connection: Connection,
    user: User,
    entity: str,
    *,
    username: str | None,
    email: str | None,
    role: Role,
) -> dict[str, Any]:
    """Make somebody with an account a member at once; keep an address without one for later.

    Returns:
        `user` (a `User` or None), `invite_id`, `email` and `created_at`.

    Raises:
        Problem: No such team or account (404), the caller does not lead it (403), neither name nor
            address (400), or a member or invited already (409).
    """
    team = _led(connection, user, entity)
    now = time.time()
    found = _invited_user(connection, user, username, email)
    if found is not None:
        if _is_member(connection, team.id, found.id) or team.user_id == found.id:
            raise conflict(f"{found.username!r} is a member of {entity!r} already")
        _add(connection, team.id, found.id, role)
        return {"user": found, "invite_id": None, "email": found.email, "created_at": now}
    address = _address(email)
    mine = and_(invites.c.entity_id == team.id, invites.c.email == address)
    if connection.execute(select(invites.c.id).where(mine)).first() is not None:
        raise conflict(f"{address!r} is invited to {entity!r} already")
    values = {"entity_id": team.id, "email": address, "role": role, "created_at": now}
    invite_id = insert_row(connection, invites, **values)
    return {"user": None, "invite_id": invite_id, "email": address, "created_at": now}


def accept_invites(connection: Connection, account: User) -> None:
    """Make a new account a member of the teams that its address is invited to."""
    mine = invites.c.email == account.email.lower()
    for row in connection.execute(select(invites).where(mine)).all():
        _add(connection, row.entity_id, account.id, row.role)
    connection.execute(delete(invites).where(mine))


def remove_member(connection: Connection, user: User, entity: str, member_id: int) -> None:
    """Take a member out of a team. A service account loses its keys, too.

    Raises:
        Problem: No such team or member (404), neither oneself nor a team that the caller leads
            (403), or its last administrator (409).
    """
    team = visible_entity(connection, user, entity)
    if member_id != user.id and not leads(connection, user, team.id):
        raise forbidden(f"only its administrators remove members of {entity!r}")
    mine = and_(members.c.entity_id == team.id, members.c.user_id == member_id)
    row = connection.execute(select(members).where(mine)).first()
    if row is None:
        raise not_found(f"no such member of {entity!r}")
    _check_last(connection, team, row.role)
    connection.execute(delete(members).where(mine))
    kind = connection.execute(select(users.c.kind).where(users.c.id == member_id)).scalar()
    if kind == "SERVICE":
        connection.execute(delete(api_keys).where(api_keys.c.user_id == member_id))


def remove_invite(connection: Connection, user: User, entity: str, invite_id: int) -> None:
    """Take an invitation back.

    Raises:
        Problem: No such team or invitation (404), or the caller does not lead it (403).
    """
    team = _led(connection, user, entity)
    mine = and_(invites.c.entity_id == team.id, invites.c.id == invite_id)
    if not connection.execute(delete(invites).where(mine)).rowcount:
        raise not_found(f"no such invitation to {entity!r}")


def change_member(
    connection: Connection, user: User, entity: str, member_id: int, role: Role
) -> None:
    """Give a member of a team another role.

    Raises:
        Problem: No such team or member (404), the caller does not lead it (403), or it is the last
            administrator (409).
    """
    team = _led(connection, user, entity)
    mine = and_(members.c.entity_id == team.id, members.c.user_id == member_id)
    before = connection.execute(select(members.c.role).where(mine)).scalar()
    if before is None:
        raise not_found(f"no such member of {entity!r}")
    if role != "admin":
        _check_last(connection, team, before)
    connection.execute(update(members).where(mine).values(role=role))


def _check_last(connection: Connection, team: Any, role: Role) -> None:
    heads = select(func.count()).where(members.c.entity_id == team.id, members.c.role == "admin")
    if role == "admin" and connection.execute(heads).scalar_one() == 1:
        raise conflict(f"{team.name!r} must keep an administrator")


def _invited_user(
    connection: Connection, user: User, username: str | None, email: str | None
) -> User | None:
    if username:
        return _known_user(connection, user, username)
    # of an account in another organization nothing is said: its address waits like any other
    query = select(users.c.id).where(
        func.lower(users.c.email) == _address(email), visible_user(user)
    )
    user_id = connection.execute(query.order_by(users.c.id)).scalar()
    return None if user_id is None else find_user(connection, user_id=user_id)


def _address(email: str | None) -> str:
    address = (email or "").strip().lower()
    name, at, domain = address.partition("@")
    if not (name and at and domain) or len(address) > 320:
        raise invalid("an invitation names a user or an e-mail address")
    return address


def _led(connection: Connection, user: User, name: str) -> Any:
    """A team that the user leads.

    Raises:
        Problem: No such team (404), a personal entity (400), or one that others lead (403).
    """
    team = visible_entity(connection, user, name)
    if not leads(connection, user, team.id):
        raise forbidden(f"only its administrators add accounts to {name!r}")
    if team.user_id is not None or team.organization_id is not None:
        raise invalid(f"{name!r} is the entity of a person or an organization, not a team")
    return team


def _is_member(connection: Connection, team_id: int, user_id: int) -> bool:
    mine = and_(members.c.entity_id == team_id, members.c.user_id == user_id)
    return connection.execute(select(members.c.user_id).where(mine)).first() is not None


def _add(connection: Connection, team_id: int, user_id: int, role: Role) -> None:
    connection.execute(insert(members).values(entity_id=team_id, user_id=user_id, role=role))
    join_organization(connection, row_id_of_team(connection, team_id), user_id)
