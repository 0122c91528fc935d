"""Registries: what projects of the organization have besides, and their members."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from asyncwb.server.ids import make_id, parse_id
from asyncwb.server.storage import registries as store
from asyncwb.server.storage.registry_tables import registry_teams, registry_users

from .context import Info, Node, context_of
from .nodes import entity_node
from .registry import Resolvers

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Connection

__all__ = ["mutation", "project"]

project = Resolvers("Project")
mutation = Resolvers("Mutation")


@project.field("allowAllArtifactTypesInRegistry")
async def _allows_all(node: Node, info: Info) -> bool:
    return await context_of(info).database.read(lambda db: store.allows_all_types(db, node["_id"]))


@project.field("members")
async def _members(node: Node, info: Info) -> list[Node]:
    rows = await context_of(info).database.read(lambda db: store.user_members(db, node["_id"]))
    return [
        {
            "id": make_id("User", row.id),
            "name": row.name,
            "username": row.username,
            "email": row.email,
            "role": {"name": row.role},
        }
        for row in rows
    ]


@project.field("teamMembers")
async def _team_members(node: Node, info: Info) -> list[Node]:
    rows = await context_of(info).database.read(lambda db: store.team_members(db, node["_id"]))
    return [{"team": entity_node(row), "role": {"name": row.role}} for row in rows]


async def _change(info: Info, change: Callable[[Connection], None]) -> Node:
    await context_of(info).database.write(change)
    return {"success": True}


def _ids(input: dict[str, Any]) -> tuple[int, list[int], list[int]]:
    """Row ids of the registry, of users and of teams."""
    return (
        parse_id("Project", input["projectId"]),
        [parse_id("User", one) for one in input.get("userIds") or ()],
        [parse_id("Entity", one) for one in input.get("teamIds") or ()],
    )


@mutation.field("createProjectMembers")
async def _add(_root: Any, info: Info, input: dict[str, Any]) -> Node:
    who = context_of(info).user
    project_id, users, teams = _ids(input)
    return await _change(info, lambda db: store.add_members(db, who, project_id, users, teams))


@mutation.field("deleteProjectMembers")
async def _remove(_root: Any, info: Info, input: dict[str, Any]) -> Node:
    who = context_of(info).user
    project_id, users, teams = _ids(input)
    return await _change(info, lambda db: store.remove_members(db, who, project_id, users, teams))


@mutation.field("updateProjectMember")
async def _update_user(_root: Any, info: Info, input: dict[str, Any]) -> Node:
    who, role = context_of(info).user, input["userProjectRole"]
    project_id, user_id = parse_id("Project", input["projectId"]), parse_id("User", input["userId"])
    return await _change(
        info, lambda db: store.change_role(db, who, project_id, registry_users, user_id, role)
    )


@mutation.field("updateProjectTeamMember")
async def _update_team(_root: Any, info: Info, input: dict[str, Any]) -> Node:
    who, role = context_of(info).user, input["teamProjectRole"]
    project_id, team_id = (
        parse_id("Project", input["projectId"]),
        parse_id("Entity", input["teamId"]),
    )
    return await _change(
        info, lambda db: store.change_role(db, who, project_id, registry_teams, team_id, role)
    )
