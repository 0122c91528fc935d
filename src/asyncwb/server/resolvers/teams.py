"""Teams: members, invitations, service accounts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from asyncwb.server.ids import iso, make_id, parse_id
from asyncwb.server.problems import Problem
from asyncwb.server.storage import accounts, teams
from asyncwb.server.storage.policy import Role, check_role

from .context import Context, Info, Node, context_of
from .nodes import entity_node, user_node
from .registry import Resolvers

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Connection

    from asyncwb.server.storage.accounts import User

__all__ = ["entity", "mutation"]

entity = Resolvers("Entity")
mutation = Resolvers("Mutation")


@entity.field("members")
async def _members(node: Node, info: Info) -> list[Node]:
    context = context_of(info)

    def query(db: Connection) -> list[Node]:
        rows = teams.list_members(db, node["_id"])
        keys = teams.shown_keys(db, context.user, node["_id"], rows, _key_of(context))
        people = [_member_node(row, None) for row in rows if row.kind != "SERVICE"]
        invited = [_invite_node(row) for row in teams.list_invites(db, node["_id"])]
        # Clients take the last member for the service account that they just made.
        services = [_member_node(row, keys.get(row.id)) for row in rows if row.kind == "SERVICE"]
        return [*people, *invited, *services]

    return await context.database.read(query)


def _member_node(row: Any, key: str | None) -> Node:
    return {
        "id": make_id("User", row.id),
        "name": row.name,
        "username": row.username,
        "email": row.email,
        "admin": row.team_role == "admin",
        "pending": False,
        "role": row.team_role,
        "accountType": row.kind,
        "apiKey": key,
    }


def _invite_node(row: Any) -> Node:
    return {
        "id": make_id("Invite", row.id),
        "name": row.email,
        "username": None,
        "email": row.email,
        "admin": row.role == "admin",
        "pending": True,
        "role": row.role,
        "accountType": "USER",
    }


def _key_of(context: Context) -> Any:
    """Keys of service accounts are made of the server's secret: nothing that opens is stored."""
    return context.services.signer.service_key


@mutation.field("createTeam")
async def _create_team(_root: Any, info: Info, input: dict[str, Any]) -> Node:
    context = context_of(info)
    name = input["teamName"]

    def change(db: Connection) -> Any:
        teams.create_team(db, context.user, name, input.get("teamAdminUserName"))
        return accounts.find_entity(db, context.user, name)

    row = await context.database.write(change)
    return {"entity": entity_node(row) if row else None}


@mutation.field("createServiceAccount")
async def _create_service(_root: Any, info: Info, input: dict[str, Any]) -> Node:
    context = context_of(info)

    def change(db: Connection) -> Any:
        made = teams.create_service_account(
            db, context.user, input["entityName"], input["description"], _key_of(context)
        )
        return accounts.find_user(db, user_id=made)

    found = await context.database.write(change)
    return {"user": user_node(found) if found else None}


@mutation.field("createInvite")
async def _create_invite(_root: Any, info: Info, input: dict[str, Any]) -> Node:
    context = context_of(info)
    made = await context.database.write(
        lambda db: teams.invite(
            db,
            context.user,
            input["entityName"],
            username=input.get("username"),
            email=input.get("email"),
            role=_role(input),
        )
    )
    user = made["user"]
    if user is None:
        key, name = make_id("Invite", made["invite_id"]), made["email"]
    else:
        key, name = make_id("User", user.id), user.name
    return {
        "invite": {
            "id": key,
            "name": name,
            "email": made["email"],
            "createdAt": iso(made["created_at"]),
            "toUser": None if user is None else user_node(user),
        }
    }


def _role(input: dict[str, Any]) -> Role:
    named = input.get("role")
    if named is not None:
        return check_role(named)
    return "admin" if input.get("admin") else "member"


@mutation.field("deleteInvite")
async def _delete_invite(_root: Any, info: Info, input: dict[str, Any]) -> Node:
    context = context_of(info)
    name, key = input.get("entityName") or "", input.get("id") or ""
    remove: Callable[[Connection, User, str, int], None]
    try:
        number, remove = parse_id("User", key), teams.remove_member
    except Problem:
        number, remove = parse_id("Invite", key), teams.remove_invite
    await context.database.write(lambda db: remove(db, context.user, name, number))
    context.services.authenticator.forget()
    return {"success": True}
