"""Who may see and change what: the one place that decides.

A user has a role in the server, one in each team and one in each organization. An administrator
of the server may do everything. A viewer of the server changes nothing anywhere, one of a team
nothing of that team's, one of an organization nothing in its registries. What somebody cannot see
does not exist for them (404); what they see and may not change is refused (403).

Conditions are parts of queries over `entities` (with `projects` where a project is meant).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, TypeAlias, TypeVar

from sqlalchemy import ColumnElement, and_, exists, false, func, or_, select, true

from asyncwb.server.problems import Problem, forbidden, invalid

from .registry_tables import (
    organization_members,
    organization_teams,
    organizations,
    registries,
    registry_teams,
    registry_users,
)
from .tables import entities, members, projects, users

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection

    from .accounts import User

__all__ = [
    "REGISTRY_ROLES",
    "RESTRICTED",
    "ROLES",
    "RegistryRole",
    "Role",
    "belongs_to",
    "changed_by",
    "check_known",
    "check_organization",
    "check_role",
    "check_writable",
    "check_writes",
    "first_organization",
    "is_organization",
    "leads",
    "may_change",
    "owned_by",
    "read_only",
    "readable",
    "readable_registry",
    "role_of",
    "teams_beside",
    "visible_organization",
    "visible_project",
    "visible_user",
    "writable",
    "writable_project",
]

Role: TypeAlias = Literal["viewer", "member", "admin"]
RegistryRole: TypeAlias = Literal["restricted_viewer", "viewer", "member", "admin"]
R = TypeVar("R", bound=str)

ROLES: tuple[Role, ...] = ("viewer", "member", "admin")
"""What one may be in the server, a team or an organization, the least first."""

REGISTRY_ROLES: tuple[RegistryRole, ...] = ("restricted_viewer", *ROLES)
"""What one may be in a registry, the least first."""

RESTRICTED = "RESTRICTED"
"""Access of registries that only their members see."""


# -- entities -------------------------------------------------------------------------------------


def readable(user: User) -> ColumnElement[bool]:
    """The condition that a user may see what an entity owns."""
    return true() if user.admin else owned_by(user.id)


def writable(user: User) -> ColumnElement[bool]:
    """The condition that a user may change what an entity owns."""
    if user.admin:
        return true()
    return false() if user.role == "viewer" else changed_by(user.id)


def owned_by(user_id: Any) -> ColumnElement[bool]:
    """The condition that an entity is a user's own, or a team of theirs.

    Args:
        user_id: Row id of the user, or a parameter for it.
    """
    return or_(entities.c.user_id == user_id, _member(user_id, ROLES))


def changed_by(user_id: Any) -> ColumnElement[bool]:
    """The condition that an entity is a user's own, or a team in which they are no viewer."""
    return or_(entities.c.user_id == user_id, _member(user_id, ("member", "admin")))


def _member(user_id: Any, roles: Sequence[Role]) -> ColumnElement[bool]:
    # under a name of its own: a query that has members already would lend its rows
    own = members.alias("own_membership")
    return exists().where(
        own.c.entity_id == entities.c.id, own.c.user_id == user_id, own.c.role.in_(roles)
    )


def may_change(connection: Connection, user: User, entity_id: int) -> bool:
    """Whether a user may change what an entity owns."""
    query = select(entities.c.id).where(entities.c.id == entity_id, writable(user))
    return connection.execute(query).first() is not None


def leads(connection: Connection, user: User, team_id: int) -> bool:
    """Whether a user may add and remove members of a team."""
    query = select(members.c.role).where(
        members.c.entity_id == team_id, members.c.user_id == user.id
    )
    role = connection.execute(query).scalar()
    return user.admin or (role == "admin" and user.role != "viewer")


def check_writes(user: User) -> None:
    """Refuse what viewers of the server may not do.

    Raises:
        Problem: The user is one (403).
    """
    if user.role == "viewer":
        raise forbidden("your role on this server is 'viewer', which changes nothing")


# -- organizations --------------------------------------------------------------------------------


def is_organization() -> ColumnElement[bool]:
    """The condition that an entity is one behind an organization."""
    return entities.c.id.in_(select(organizations.c.entity_id))


def first_organization() -> Any:
    """Row id of the server's own organization, as part of a query."""
    return select(func.min(organizations.alias("every_organization").c.id)).scalar_subquery()


def belongs_to(user_id: Any, organization_id: Any = organizations.c.id) -> ColumnElement[bool]:
    """The condition that a user belongs to an organization.

    Who is a member of none belongs to the server's own.
    """
    own = organization_members.alias("own_organizations")
    mine = select(own.c.organization_id).where(own.c.user_id == user_id)
    return or_(
        organization_id.in_(mine),
        and_(organization_id == first_organization(), ~mine.exists()),
    )


def visible_organization(user: User) -> ColumnElement[bool]:
    """The condition that an entity is one behind an organization that a user belongs to."""
    if user.admin:
        return is_organization()
    one = organizations.alias("organization_seen")
    return entities.c.id.in_(select(one.c.entity_id).where(belongs_to(user.id, one.c.id)))


def check_organization(connection: Connection, user: User, organization_id: int) -> None:
    """Refuse new registries of those who are viewers of an organization.

    Raises:
        Problem: The user is one (403).
    """
    check_writes(user)
    table = organization_members
    mine = (table.c.organization_id == organization_id, table.c.user_id == user.id)
    role = connection.execute(select(table.c.role).where(*mine)).scalar()
    if role == "viewer" and not user.admin:
        raise read_only()


def teams_beside(project_id: int) -> ColumnElement[bool]:
    """The condition that an entity is a team of the organization that owns a registry."""
    theirs = (
        select(organization_teams.c.organization_id)
        .where(organization_teams.c.entity_id == entities.c.id)
        .scalar_subquery()
    )
    one = organizations.alias("organization_of_registry")
    there = projects.alias("registry")
    owner = (
        select(one.c.id)
        .join(there, there.c.entity_id == one.c.entity_id)
        .where(there.c.id == project_id)
        .scalar_subquery()
    )
    team = and_(entities.c.user_id.is_(None), ~is_organization())
    return and_(team, func.coalesce(theirs, first_organization()) == owner)


def visible_user(user: User) -> ColumnElement[bool]:
    """The condition that a user may know of another: they share an organization or a team."""
    if user.admin:
        return true()
    # under a name of its own: a query that has organizations already would lend its rows
    one = organizations.alias("organization_seen")
    mine = select(one.c.id).where(belongs_to(user.id, one.c.id))
    theirs = organization_members.alias("their_organizations")
    listed = select(theirs.c.user_id)
    own = members.alias("own_teams")
    teams = select(own.c.entity_id).where(own.c.user_id == user.id)
    mates = members.alias("team_mates")
    return or_(
        users.c.id == user.id,
        users.c.id.in_(listed.where(theirs.c.organization_id.in_(mine))),
        and_(users.c.id.not_in(listed), first_organization().in_(mine)),
        users.c.id.in_(select(mates.c.user_id).where(mates.c.entity_id.in_(teams))),
    )


# -- projects and registries ----------------------------------------------------------------------


def visible_project(user: User) -> ColumnElement[bool]:
    """The condition that a user may see a project: of an own entity, or a registry open to them."""
    if user.admin:
        return readable(user)
    invited = or_(projects.c.access != RESTRICTED, _has_role(user, REGISTRY_ROLES))
    lead = _leads_organization(user)
    return or_(readable(user), and_(visible_organization(user), or_(invited, lead)))


def writable_project(user: User) -> ColumnElement[bool]:
    """The condition that a user may change what is in a project that they see."""
    if user.admin or user.role == "viewer":
        return writable(user)
    viewer = organization_members.alias("own_viewing")
    one = organizations.alias("organization_viewed")
    views = (
        select(one.c.entity_id)
        .join(viewer, viewer.c.organization_id == one.c.id)
        .where(viewer.c.user_id == user.id, viewer.c.role == "viewer")
    )
    member = and_(_has_role(user, ("member", "admin")), entities.c.id.not_in(views))
    registry = and_(visible_organization(user), or_(member, _leads_organization(user)))
    return or_(writable(user), registry)


def readable_registry(user: User) -> ColumnElement[bool]:
    """The condition that a project is a registry whose versions a user may read: as a viewer."""
    uninvited = and_(projects.c.access != RESTRICTED, ~_has_role(user, REGISTRY_ROLES))
    read = or_(uninvited, _has_role(user, REGISTRY_ROLES[1:]), _leads_organization(user))
    return and_(visible_organization(user), read)


def _leads_organization(user: User) -> ColumnElement[bool]:
    own = organization_members.alias("own_leadership")
    one = organizations.alias("organization_led")
    led = (
        select(one.c.entity_id)
        .join(own, own.c.organization_id == one.c.id)
        .where(own.c.user_id == user.id, own.c.role == "admin")
    )
    return entities.c.id.in_(led)


def _has_role(user: User, roles: Sequence[RegistryRole]) -> ColumnElement[bool]:
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


def role_of(connection: Connection, user: User, project_id: int) -> RegistryRole | None:
    """What a user may do in a registry; None: not even see it.

    The best of the user's own role and those of the user's teams; without one, everybody of the
    organization is a viewer of a registry that is not restricted. Administrators of the
    organization are so in all of its registries, and its viewers are no more than that in any.
    """
    if user.admin:
        return "admin"
    place = (
        select(projects.c.access, organization_members.c.role)
        .join(entities, entities.c.id == projects.c.entity_id)
        .join(organizations, organizations.c.entity_id == entities.c.id)
        .outerjoin(
            organization_members,
            and_(
                organization_members.c.organization_id == organizations.c.id,
                organization_members.c.user_id == user.id,
            ),
        )
        .where(projects.c.id == project_id, belongs_to(user.id))
    )
    there = connection.execute(place).first()
    if there is None:
        return None
    if there.role == "admin" and user.role != "viewer":
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
    known: list[RegistryRole] = [role for role in REGISTRY_ROLES if role in found]
    if not known:
        return "viewer" if there.access != RESTRICTED or there.role == "admin" else None
    if "viewer" in (user.role, there.role) and known[-1] in ("member", "admin"):
        return "viewer"
    return known[-1]


def check_writable(
    connection: Connection, user: User, project_id: int, registry: RegistryRole = "member"
) -> bool:
    """See that a user may change a project that they see.

    Args:
        connection: A connection.
        user: Who asks.
        project_id: The project.
        registry: The role that it takes, if the project is a registry; others take a writer.

    Returns:
        Whether it is a registry.

    Raises:
        Problem: The user may not (403).
    """
    known = select(registries.c.project_id).where(registries.c.project_id == project_id)
    if connection.execute(known).first() is not None:
        role = role_of(connection, user, project_id)
        if role is None or REGISTRY_ROLES.index(role) < REGISTRY_ROLES.index(registry):
            raise forbidden(f"this takes the role {registry!r} in the registry; yours is {role!r}")
        return True
    mine = (
        select(projects.c.id)
        .join(entities, entities.c.id == projects.c.entity_id)
        .where(projects.c.id == project_id, writable(user))
    )
    if connection.execute(mine).first() is None:
        raise read_only()
    return False


def read_only() -> Problem:
    """The refusal of a change to something that the user may only see."""
    return forbidden("your role there is 'viewer', which changes nothing")


def check_role(text: str) -> Role:
    """A role in the server, a team or an organization by its name.

    Raises:
        Problem: There is no such role (400).
    """
    return _known(text, ROLES)


def check_known(text: str) -> RegistryRole:
    """A role in a registry by its name.

    Raises:
        Problem: There is no such role (400).
    """
    return _known(text, REGISTRY_ROLES)


def _known(text: str, roles: Sequence[R]) -> R:
    for role in roles:
        if text == role:
            return role
    raise invalid(f"unknown role {text!r}; there are {', '.join(reversed(roles))}")
