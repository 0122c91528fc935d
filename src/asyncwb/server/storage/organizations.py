"""Organizations: the server's own, further ones, their members and teams."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, func, insert, or_, select, update

from asyncwb.server.problems import conflict, not_found

from .accounts import User, check_free, free_name
from .policy import Role, belongs_to, first_organization, visible_organization
from .registry_tables import organization_members, organization_teams, organizations
from .rows import insert_row
from .tables import entities, users

if TYPE_CHECKING:
    from sqlalchemy import Connection

__all__ = [
    "add_team",
    "create_organization",
    "delete_organization",
    "ensure_organization",
    "find_organization",
    "is_led_by",
    "join_organization",
    "list_members",
    "list_organizations",
    "organization_of_team",
    "organizations_of",
    "put_member",
    "remove_member",
    "row_id_of_team",
]


def ensure_organization(connection: Connection, username: str) -> None:
    """Give the server its organization, if it has none: a new one, and one from earlier times."""
    if connection.execute(select(organizations.c.id)).first() is None:
        _insert(connection, free_name(connection, f"{username[:100]}-org"))


def _insert(connection: Connection, name: str) -> int:
    now = time.time()
    # hidden: clients name the organization, and the server answers what its entity is called
    hidden = free_name(connection, f"{name[:110]}-entity")
    entity_id = insert_row(connection, entities, name=hidden, created_at=now)
    return insert_row(connection, organizations, entity_id=entity_id, name=name, created_at=now)


def _query() -> Any:
    return (
        select(organizations, entities.c.name.label("entity_name"))
        .join(entities, entities.c.id == organizations.c.entity_id)
        .order_by(organizations.c.id)
    )


def find_organization(
    connection: Connection, user: User, *, name: str | None = None, row_id: int | None = None
) -> Any:
    """An organization that a user can see, by name or id; without either, the user's first."""
    query = _query().where(visible_organization(user))
    if name is not None:
        query = query.where(organizations.c.name == name)
    if row_id is not None:
        query = query.where(organizations.c.id == row_id)
    if name is None and row_id is None:
        query = query.where(belongs_to(user.id))
    return connection.execute(query).first()


def organizations_of(connection: Connection, user: User, user_id: int) -> list[Any]:
    """Organizations of a user that another can see, too."""
    query = _query().where(visible_organization(user), belongs_to(user_id))
    return list(connection.execute(query).all())


def organization_of_team(connection: Connection, user: User, team_id: int) -> Any:
    """That to which a team belongs, or which an entity stands for; None where it is hidden."""
    behind = select(organizations.c.id).where(organizations.c.entity_id == team_id)
    wanted = connection.execute(behind).scalar() or row_id_of_team(connection, team_id)
    query = _query().where(visible_organization(user), organizations.c.id == wanted)
    return connection.execute(query).first()


def row_id_of_team(connection: Connection, team_id: int) -> int:
    """Row id of the organization to which a team belongs."""
    mine = select(organization_teams.c.organization_id).where(
        organization_teams.c.entity_id == team_id
    )
    query = select(func.coalesce(mine.scalar_subquery(), first_organization()))
    return int(connection.execute(query).scalar_one())


def _named(connection: Connection, name: str) -> Any:
    found = connection.execute(_query().where(organizations.c.name == name)).first()
    if found is None:
        raise not_found(f"no organization {name!r}")
    return found


# -- changes, for administrators of the server ----------------------------------------------------


def create_organization(connection: Connection, name: str, admin: User) -> int:
    """Add an organization with its first administrator.

    Raises:
        Problem: A bad name (400), or one that is taken (409).
    """
    check_free(connection, name, "an organization's name")
    taken = select(organizations.c.id).where(organizations.c.name == name)
    if connection.execute(taken).first() is not None:
        raise conflict(f"the name {name!r} is taken")
    made = _insert(connection, name)
    _put(connection, made, admin.id, "admin")
    return made


def is_led_by(connection: Connection, name: str, user: User) -> bool:
    """Whether there is an organization of this name, and a user is one of its administrators."""
    query = (
        select(organizations.c.id)
        .join(organization_members)
        .where(
            organizations.c.name == name,
            organization_members.c.user_id == user.id,
            organization_members.c.role == "admin",
        )
    )
    return connection.execute(query).first() is not None


def delete_organization(connection: Connection, name: str) -> None:
    """Remove an organization with its registries; its people and teams stay, in the server's own.

    Raises:
        Problem: There is none (404), or it is the server's own (409).
    """
    found = _named(connection, name)
    if found.id == connection.execute(select(first_organization())).scalar():
        raise conflict(f"{name!r} is the server's own organization, which stays")
    connection.execute(delete(entities).where(entities.c.id == found.entity_id))


def put_member(connection: Connection, name: str, member: User, role: Role) -> None:
    """Make somebody a member of an organization, or give a member another role.

    Raises:
        Problem: There is no such organization (404).
    """
    _put(connection, _named(connection, name).id, member.id, role)


def _put(connection: Connection, organization_id: int, user_id: int, role: Role) -> None:
    table = organization_members
    mine = (table.c.organization_id == organization_id, table.c.user_id == user_id)
    if connection.execute(update(table).where(*mine).values(role=role)).rowcount:
        return
    values = {"organization_id": organization_id, "user_id": user_id, "role": role}
    connection.execute(insert(table).values(**values))


def join_organization(connection: Connection, organization_id: int, user_id: int) -> None:
    """Make somebody a member who does not belong to the organization yet."""
    mine = select(organizations.c.id).where(
        organizations.c.id == organization_id, belongs_to(user_id)
    )
    if connection.execute(mine).first() is None:
        _put(connection, organization_id, user_id, "member")


def remove_member(connection: Connection, name: str, member: User) -> None:
    """Take somebody out of an organization.

    Raises:
        Problem: There is no such organization or member (404).
    """
    table = organization_members
    mine = (table.c.organization_id == _named(connection, name).id, table.c.user_id == member.id)
    if not connection.execute(delete(table).where(*mine)).rowcount:
        raise not_found(f"{member.username!r} is no member of {name!r}")


def add_team(connection: Connection, name: str, team_id: int) -> None:
    """Let a new team belong to an organization.

    Raises:
        Problem: There is no such organization (404).
    """
    found = _named(connection, name)
    if found.id != connection.execute(select(first_organization())).scalar():
        values = {"entity_id": team_id, "organization_id": found.id}
        connection.execute(insert(organization_teams).values(**values))


def list_organizations(connection: Connection) -> list[Any]:
    """All organizations, the server's own first."""
    return list(connection.execute(_query()).all())


def list_members(connection: Connection, name: str) -> list[tuple[str, str]]:
    """Names and roles of all who belong to an organization.

    Raises:
        Problem: There is no such organization (404).
    """
    found = _named(connection, name)
    mine = organization_members
    listed = (mine.c.user_id == users.c.id) & (mine.c.organization_id == found.id)
    anywhere = select(organization_members.alias("listed").c.user_id)
    own = select(first_organization()).scalar_subquery() == found.id
    query = (
        select(users.c.username, func.coalesce(mine.c.role, "member"))
        .outerjoin(mine, listed)
        .where(
            users.c.kind != "GONE",
            or_(mine.c.user_id.is_not(None), own & users.c.id.not_in(anywhere)),
        )
        .order_by(users.c.id)
    )
    return [(row[0], row[1]) for row in connection.execute(query).all()]
