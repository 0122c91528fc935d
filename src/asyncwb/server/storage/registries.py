"""Registries: projects of the organization whose collections hold links."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, insert, select, update

from asyncwb.server.problems import conflict, forbidden, invalid, not_found

from .accounts import User, entity_query
from .artifact_tables import artifact_types
from .collections import type_for
from .policy import (
    RegistryRole,
    check_known,
    check_organization,
    check_writable,
    teams_beside,
    visible_user,
)
from .projects import create_project, find_project, owned_project
from .registry_tables import registries, registry_teams, registry_users
from .tables import entities, projects, users

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy import Connection, Table

__all__ = [
    "PREFIX",
    "add_members",
    "allows_all_types",
    "change_role",
    "change_types",
    "check_change",
    "check_type",
    "registry_for",
    "remove_members",
    "team_members",
    "user_members",
]

PREFIX = "wandb-registry-"
_ACCESS = ("PRIVATE", "RESTRICTED")


def check_name(name: str | None) -> str:
    """The name of a registry's project.

    Raises:
        Problem: It lacks the prefix, or anything behind it (400).
    """
    if not name or not name.removeprefix(PREFIX) or not name.startswith(PREFIX):
        raise invalid(f"the project of a registry is called {PREFIX}NAME, not {name!r}")
    return name


def check_change(changes: Mapping[str, Any]) -> None:
    """Refuse changes that would make a registry something else.

    Raises:
        Problem: A bad name or access (400).
    """
    if "name" in changes:
        check_name(changes["name"])
    access = changes.get("access", "PRIVATE")
    if access not in _ACCESS:
        raise invalid(f"the access of a registry is one of {', '.join(_ACCESS)}, not {access!r}")


def registry_for(
    connection: Connection, user: User, organization: Any, name: str | None
) -> tuple[int, bool]:
    """Row id of a registry, made when missing, its maker becomes its first admin; whether made.

    Args:
        connection: In a transaction.
        user: Who asks.
        organization: The entity behind the organization.
        name: Name of the registry's project.

    Raises:
        Problem: A bad name (400), the user is a viewer (403), or it is the name of a registry
            hidden from the user (409).
    """
    name = check_name(name)
    found = find_project(connection, user, organization.name, name)
    if found is not None:
        return int(found["id"]), False
    check_organization(connection, user, organization.organization_id)
    taken = select(projects.c.id).where(
        projects.c.entity_id == organization.id, projects.c.name == name
    )
    if connection.execute(taken).first() is not None:
        raise conflict(f"a registry {name!r} exists already")
    project_id = create_project(connection, user, organization.id, name)
    connection.execute(insert(registries).values(project_id=project_id, allow_all_types=True))
    put_roles(connection, registry_users, project_id, [user.id], "admin")
    return project_id, True


def allows_all_types(connection: Connection, project_id: int) -> bool:
    """Whether links of every type may be put into a project."""
    query = select(registries.c.allow_all_types).where(registries.c.project_id == project_id)
    return connection.execute(query).scalar() is not False


def change_types(
    connection: Connection, project_id: int, allow_all: bool | None, types: Sequence[dict[str, Any]]
) -> None:
    """Say which types of links a registry takes; types are only ever added.

    Raises:
        Problem: A bad name of a type (400).
    """
    if allow_all is not None:
        connection.execute(
            update(registries)
            .where(registries.c.project_id == project_id)
            .values(allow_all_types=allow_all)
        )
    for kind in types:
        type_for(connection, project_id, kind["name"], kind.get("description"))


def check_type(connection: Connection, user: User, project: Any, type_name: str) -> None:
    """Refuse links that a registry does not take.

    Raises:
        Problem: The registry does not take this type (400), or links of this user (403).
    """
    if not check_writable(connection, user, project["id"], "member"):
        return
    if allows_all_types(connection, project["id"]):
        return
    known = connection.execute(
        select(artifact_types.c.name)
        .where(artifact_types.c.project_id == project["id"])
        .order_by(artifact_types.c.id)
    )
    allowed = list(known.scalars())
    if type_name not in allowed:
        raise invalid(
            f"the registry {project['name']!r} takes artifacts of the types "
            f"{', '.join(allowed) or '(none)'}, not {type_name!r}"
        )


# -- members ----------------------------------------------------------------------------------


def user_members(connection: Connection, project_id: int) -> list[Any]:
    """Users that were invited to a registry, with their roles."""
    query = (
        select(users.c.id, users.c.name, users.c.username, users.c.email, registry_users.c.role)
        .join(registry_users, registry_users.c.user_id == users.c.id)
        .where(registry_users.c.project_id == project_id)
        .order_by(users.c.id)
    )
    return list(connection.execute(query))


def team_members(connection: Connection, project_id: int) -> list[Any]:
    """Teams that were invited to a registry, with their roles; rows of `entity_query`."""
    query = (
        entity_query()
        .add_columns(registry_teams.c.role)
        .join(registry_teams, registry_teams.c.entity_id == entities.c.id)
        .where(registry_teams.c.project_id == project_id)
        .order_by(entities.c.id)
    )
    return list(connection.execute(query).all())


def add_members(
    connection: Connection,
    user: User,
    project_id: int,
    user_ids: Sequence[int],
    team_ids: Sequence[int],
) -> None:
    """Invite users and teams as viewers, administrators of the server as admins.

    Those that are there keep their roles.

    Raises:
        Problem: No such registry, user or team (404), or the caller is no admin of it (403).
    """
    _managed(connection, user, project_id)
    known = select(users.c.id, users.c.role).where(users.c.id.in_(user_ids), visible_user(user))
    admins = {int(row.id): row.role == "admin" for row in connection.execute(known)}
    if set(user_ids) - set(admins):
        raise not_found("no such user")
    teams = select(entities.c.id).where(entities.c.id.in_(team_ids), teams_beside(project_id))
    if set(team_ids) - set(connection.execute(teams).scalars()):
        raise not_found("no such team")
    put_roles(connection, registry_users, project_id, [i for i in admins if admins[i]], "admin")
    put_roles(
        connection, registry_users, project_id, [i for i in admins if not admins[i]], "viewer"
    )
    put_roles(connection, registry_teams, project_id, team_ids, "viewer")


def remove_members(
    connection: Connection,
    user: User,
    project_id: int,
    user_ids: Sequence[int],
    team_ids: Sequence[int],
) -> None:
    """Take invitations back; of those that have none, nothing happens.

    Raises:
        Problem: No such registry (404), or the caller is no admin of it (403).
    """
    _managed(connection, user, project_id)
    for table, ids in ((registry_users, user_ids), (registry_teams, team_ids)):
        who = _who(table)
        connection.execute(delete(table).where(table.c.project_id == project_id, who.in_(ids)))


def change_role(
    connection: Connection, user: User, project_id: int, table: Table, row_id: int, role: str
) -> None:
    """Give a member another role.

    Args:
        connection: In a transaction.
        user: Who asks.
        project_id: The registry.
        table: `registry_users` or `registry_teams`.
        row_id: Row id of the user or team.
        role: The new role.

    Raises:
        Problem: No such role (400), no such registry or member (404), or the caller is no admin
            of the registry (403).
    """
    _managed(connection, user, project_id)
    done = connection.execute(
        update(table)
        .where(table.c.project_id == project_id, _who(table) == row_id)
        .values(role=check_known(role))
    )
    if done.rowcount == 0:
        raise not_found("not a member of the registry")


def put_roles(
    connection: Connection, table: Table, project_id: int, ids: Sequence[int], role: RegistryRole
) -> None:
    """Let users or teams be members with a role; those that are there stay as they are."""
    who = _who(table)
    there = set(
        connection.execute(
            select(who).where(table.c.project_id == project_id, who.in_(ids))
        ).scalars()
    )
    new = [row_id for row_id in dict.fromkeys(ids) if row_id not in there]
    if new:
        connection.execute(
            insert(table),
            [{"project_id": project_id, who.name: row_id, "role": role} for row_id in new],
        )


def _who(table: Table) -> Any:
    return table.c.user_id if table is registry_users else table.c.entity_id


def _managed(connection: Connection, user: User, project_id: int) -> None:
    owned_project(connection, user, project_id)
    if not check_writable(connection, user, project_id, "admin"):
        raise forbidden("only registries have members of their own")
