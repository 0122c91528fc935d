"""Projects."""

from __future__ import annotations

import time
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from sqlalchemy import bindparam, delete, func, select, update

from asyncwb.server.problems import conflict, not_found

from .accounts import User, entity_for
from .names import check_name
from .policy import visible_project, writable_project
from .rows import insert_row
from .tables import entities, projects, runs, users

if TYPE_CHECKING:
    from sqlalchemy import Connection

__all__ = [
    "DEFAULT_PROJECT",
    "MODEL_REGISTRY",
    "any_project",
    "change_project",
    "create_project",
    "delete_project",
    "find_project",
    "owned_project",
    "project_for",
    "project_query",
]

DEFAULT_PROJECT = "uncategorized"
MODEL_REGISTRY = "model-registry"
"""Every entity has it: registered models are collections of links in it."""
_FORBIDDEN = "/\\#?%:"


def project_query(user: User) -> Any:
    """Projects that a user can see, with entity, creator, and whether the user may change them."""
    return _every_project(user).where(visible_project(user))


def _every_project(user: User) -> Any:
    return (
        select(
            projects,
            writable_project(user).label("may_change"),
            entities.c.name.label("entity_name"),
            users.c.username,
            users.c.name.label("user_name"),
        )
        .join(entities, entities.c.id == projects.c.entity_id)
        .outerjoin(users, users.c.id == projects.c.user_id)
    )


def find_project(connection: Connection, user: User, entity: str | None, name: str | None) -> Any:
    """A project that the user can see, or None."""
    path = {"entity": entity or user.entity, "project": name or DEFAULT_PROJECT}
    return connection.execute(_by_path(user), path).mappings().first()


@lru_cache(maxsize=256)
def _by_path(user: User) -> Any:
    # most requests begin with it: building it takes longer than running it
    return project_query(user).where(
        entities.c.name == bindparam("entity"), projects.c.name == bindparam("project")
    )


def project_for(
    connection: Connection, user: User, entity: str | None, name: str | None
) -> tuple[int, bool]:
    """Row id of a project, made when missing; and whether it was made.

    Raises:
        Problem: A bad name (400), no such entity (404), no access (403).
    """
    name = name or DEFAULT_PROJECT
    owner = entity_for(connection, user, entity)
    query = select(projects.c.id).where(projects.c.entity_id == owner.id, projects.c.name == name)
    found = connection.execute(query).scalar()
    if found is not None:
        return int(found), False
    return create_project(connection, user, owner.id, name), True


def create_project(connection: Connection, user: User, entity_id: int, name: str) -> int:
    """Add a project; its name must be free.

    Raises:
        Problem: A bad name (400).
    """
    check_name(name, "a project name", _FORBIDDEN)
    now = time.time()
    return insert_row(
        connection,
        projects,
        entity_id=entity_id,
        user_id=user.id,
        name=name,
        created_at=now,
        updated_at=now,
    )


def owned_project(connection: Connection, user: User, project_id: int) -> Any:
    """A project by row id.

    Raises:
        Problem: It does not exist, or the user cannot see it (404).
    """
    query = project_query(user).where(projects.c.id == project_id)
    row = connection.execute(query).mappings().first()
    if row is None:
        raise not_found("project not found")
    return row


def any_project(connection: Connection, user: User, project_id: int) -> tuple[Any, bool]:
    """A project by row id, and whether the user can see it.

    Raises:
        Problem: It does not exist (404).
    """
    query = _every_project(user).where(projects.c.id == project_id)
    row = connection.execute(query.where(visible_project(user))).mappings().first()
    if row is not None:
        return row, True
    row = connection.execute(query).mappings().first()
    if row is None:
        raise not_found("project not found")
    return row, False


def change_project(connection: Connection, project_id: int, changes: dict[str, Any]) -> None:
    """Set columns of a project.

    Raises:
        Problem: The new name is bad (400) or taken (409).
    """
    if "name" in changes:
        check_name(changes["name"], "a project name", _FORBIDDEN)
        mine = select(projects.c.entity_id).where(projects.c.id == project_id).scalar_subquery()
        taken = select(projects.c.id).where(
            projects.c.entity_id == mine,
            projects.c.name == changes["name"],
            projects.c.id != project_id,
        )
        if connection.execute(taken).first() is not None:
            raise conflict(f"a project {changes['name']!r} exists already")
    connection.execute(
        update(projects)
        .where(projects.c.id == project_id)
        .values(**changes, updated_at=time.time())
    )


def delete_project(connection: Connection, project_id: int) -> None:
    """Remove a project and everything in it."""
    connection.execute(delete(projects).where(projects.c.id == project_id))


def count_runs(connection: Connection, project_id: int) -> int:
    """Number of runs of a project."""
    query = select(func.count()).select_from(runs).where(runs.c.project_id == project_id)
    return int(connection.execute(query).scalar_one())
