"""The organization of a server, and who may do what in its registries."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from sqlalchemy import ColumnElement, and_, exists, insert, not_, or_, select

from asyncwb.server.problems import forbidden, invalid

from .accounts import User, free_name, is_organization, readable
from .registry_tables import organizations, registries, registry_teams, registry_users
from .rows import insert_row
from .tables import entities, members, projects

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection

__all__ = [
    "RESTRICTED",
    "ROLES",
    "Role",
    "check_role",
    "ensure_organization",
    "find_organization",
    "readable_registry",
    "role_of",
    "visible_project",
]

Role: TypeAlias = Literal["restricted_viewer", "viewer", "member", "admin"]

ROLES: tuple[Role, ...] = ("restricted_viewer", "viewer", "member", "admin")
"""What one may do in a registry, the least first."""

RESTRICTED = "RESTRICTED"
"""Access of registries that only their members see."""


def ensure_organization(connection: Connection, username: str) -> None:
    """Give the server its organization, if it has none: a new one, and one from earlier times."""
    if connection.execute(select(organizations.c.id)).first() is not None:
        return
    name = f"{username[:100]}-org"
    now = time.time()
    # hidden: clients name the organization, and the server answers what its entity is called
    hidden = free_name(connection, f"{name}-entity")
    entity_id = insert_row(connection, entities, name=hidden, created_at=now)
    connection.execute(insert(organizations).values(entity_id=entity_id, name=name, created_at=now))


def find_organization(
    connection: Connection, *, name: str | None = None, row_id: int | None = None
) -> Any:
    """The organization, if it has this name or id; without either, the organization."""
    query = select(organizations, entities.c.name.label("entity_name")).join(
        entities, entities.c.id == organizations.c.entity_id
    )
    if name is not None:
        query = query.where(organizations.c.name == name)
    if row_id is not None:
        query = query.where(organizations.c.id == row_id)
    return connection.execute(query.order_by(organizations.c.id)).first()


def visible_project(user: User) -> ColumnElement[bool]:
    """The condition that a user may see a project: of an own entity, or a registry open to them."""
    if user.admin:
        return readable(user)
    invited = or_(projects.c.access != RESTRICTED, _has_role(user, ROLES))
    return or_(readable(user), and_(is_organization(), invited))


def readable_registry(user: User) -> ColumnElement[bool]:
    """The condition that a project is a registry whose versions a user may read: as a viewer."""
    uninvited = and_(projects.c.access != RESTRICTED, not_(_has_role(user, ROLES)))
    return and_(is_organization(), or_(uninvited, _has_role(user, ROLES[1:])))


def _has_role(user: User, roles: Sequence[Role]) -> ColumnElement[bool]:
    """The condition that a user, or a team of theirs, has one of these roles in a project."""
    mine = exists().where(
        registry_users.c.project_id == projects.c.id,
        registry_users.c.user_id == user.id,
        registry_users.c.role.in_(roles),
    )
    # under a name of its own: a query that has members already would lend its rows
    team = members.alias("registry_team_membership")
    of_a_team = exists().where(
        registry_teams.c.project_id == projects.c.id,
        registry_teams.c.entity_id == team.c.entity_id,
        registry_teams.c.role.in_(roles),
        team.c.user_id == user.id,
    )
    return or_(mine, of_a_team)


def role_of(connection: Connection, user: User, project_id: int) -> Role | None:
    """What a user may do in a registry; None: not even see it.

    The best of the user's own role and those of the user's teams; without one, everybody is a
    viewer of a registry that is not restricted. Administrators of the server are so everywhere.
    """
    if user.admin:
        return "admin"
    own = select(registry_users.c.role).where(
        registry_users.c.project_id == project_id, registry_users.c.user_id == user.id
    )
    teams = (
        select(registry_teams.c.role)
        .join(members, members.c.entity_id == registry_teams.c.entity_id)
        .where(registry_teams.c.project_id == project_id, members.c.user_id == user.id)
    )
    found = set(connection.execute(own).scalars()) | set(connection.execute(teams).scalars())
    best: list[Role] = [role for role in ROLES if role in found]
    if best:
        return best[-1]
    access = connection.execute(select(projects.c.access).where(projects.c.id == project_id))
    return "viewer" if access.scalar() != RESTRICTED else None


def check_role(connection: Connection, user: User, project_id: int, needed: Role) -> bool:
    """See that a user has at least this role in a project, if it is a registry.

    Returns:
        Whether it is one; in other projects there are no roles.

    Raises:
        Problem: The user has a lesser role (403).
    """
    known = select(registries.c.project_id).where(registries.c.project_id == project_id)
    if connection.execute(known).first() is None:
        return False
    role = role_of(connection, user, project_id)
    if role is None or ROLES.index(role) < ROLES.index(needed):
        raise forbidden(f"this takes the role {needed!r} in the registry; yours is {role!r}")
    return True


def check_known(role: str) -> Role:
    """A role by its name.

    Raises:
        Problem: There is no such role (400).
    """
    for known in ROLES:
        if role == known:
            return known
    raise invalid(f"unknown role {role!r}; there are {', '.join(reversed(ROLES))}")
