"""Users, entities, keys and teams."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import func, or_, select

from asyncwb.server.filters import compile_fields, order_by
from asyncwb.server.filters.artifact_fields import registry_fields
from asyncwb.server.filters.order import make_cursor
from asyncwb.server.ids import make_id, parse_id
from asyncwb.server.problems import forbidden, invalid, not_found
from asyncwb.server.storage import accounts
from asyncwb.server.storage.policy import may_change, readable, visible_user
from asyncwb.server.storage.projects import find_project, project_query
from asyncwb.server.storage.tables import (
    api_keys,
    entities,
    files,
    members,
    projects,
    runs,
    users,
)
from asyncwb.server.storage.teams import accept_invites

from .context import Context, Info, Node, context_of
from .nodes import entity_node, project_node, user_node
from .paging import connection, cursor_of, number_from, page_size
from .registry import Resolvers

if TYPE_CHECKING:
    from sqlalchemy import Connection

__all__ = ["entity", "mutation", "query", "user"]

query = Resolvers("Query")
mutation = Resolvers("Mutation")
user = Resolvers("User")
entity = Resolvers("Entity")


@query.field("viewer")
def _viewer(_root: Any, info: Info, **_: Any) -> Node:
    return user_node(context_of(info).user)


@query.field("user")
async def _user(
    _root: Any, info: Info, *, id: str | None = None, userName: str | None = None
) -> Node | None:
    one = users.c.id == parse_id("User", id) if id else users.c.username == userName
    statement = accounts.user_query().where(one, visible_user(context_of(info).user))
    row = await context_of(info).database.read(lambda db: db.execute(statement).first())
    return user_node(accounts.User(*row)) if row else None


@query.field("users")
async def _users(
    _root: Any,
    info: Info,
    *,
    query: str | None = None,
    usernames: list[str] | None = None,
    first: int | None = None,
    after: str | None = None,
    **_: Any,
) -> Node:
    size = page_size(first)
    statement = accounts.user_query().where(
        users.c.id > (number_from(after) or 0), visible_user(context_of(info).user)
    )
    if query:
        statement = statement.where(
            or_(
                *(
                    column.icontains(query, autoescape=True)
                    for column in (users.c.username, users.c.email, users.c.name)
                )
            )
        )
    if usernames is not None:
        statement = statement.where(users.c.username.in_(usernames))
    rows = await context_of(info).database.read(
        lambda db: [
            accounts.User(*row)
            for row in db.execute(statement.order_by(users.c.id).limit(size + 1))
        ]
    )
    return connection(rows[:size], user_node, lambda row: cursor_of(row.id), more=len(rows) > size)


@user.field("apiKeys")
async def _api_keys(node: Node, info: Info, **_: Any) -> Node | None:
    context = context_of(info)
    if not (context.user.admin or context.user.id == node["_id"]):
        return None
    statement = select(api_keys).where(api_keys.c.user_id == node["_id"]).order_by(api_keys.c.id)
    rows = await context.database.read(lambda db: db.execute(statement).all())
    return {"edges": [{"node": _key_node(r.id, r.prefix, r.description)} for r in rows]}


def _key_node(key_id: int, name: str, description: str | None) -> Node:
    return {"id": make_id("ApiKey", key_id), "name": name, "description": description}


@user.field("teams")
async def _teams(node: Node, info: Info, **_: Any) -> Node:
    """Of another user only the teams that the caller sees, too."""
    statement = (
        accounts.entity_query()
        .join(members, members.c.entity_id == entities.c.id)
        .where(members.c.user_id == node["_id"], readable(context_of(info).user))
        .order_by(entities.c.id)
    )
    rows = await context_of(info).database.read(lambda db: db.execute(statement).all())
    return connection(rows, entity_node, lambda row: cursor_of(row.id))


@query.field("entity")
async def _entity(_root: Any, info: Info, *, name: str | None = None, **_: Any) -> Node | None:
    context = context_of(info)
    row = await context.database.read(lambda db: accounts.find_entity(db, context.user, name))
    return entity_node(row) if row else None


@entity.field("storageBytes")
async def _storage(node: Node, info: Info) -> int:
    statement = (
        select(func.coalesce(func.sum(files.c.size), 0))
        .join(runs, runs.c.id == files.c.run_id)
        .join(projects, projects.c.id == runs.c.project_id)
        .where(projects.c.entity_id == node["_id"])
    )
    return await context_of(info).database.read(lambda db: int(db.execute(statement).scalar_one()))


@entity.field("readOnly")
async def _read_only(node: Node, info: Info) -> bool:
    """Of organizations it is said of each registry."""
    user, entity_id = context_of(info).user, node["_id"]
    if node["entityType"] == "organization":
        return False
    return not await context_of(info).database.read(
        lambda db: entity_id is not None and may_change(db, user, entity_id)
    )


@entity.field("user")
async def _entity_user(node: Node, info: Info) -> Node | None:
    if node["_user_id"] is None:
        return None
    found = await context_of(info).database.read(
        lambda db: accounts.find_user(db, user_id=node["_user_id"])
    )
    return user_node(found) if found else None


@query.field("models")
async def _models(_root: Any, info: Info, *, entityName: str | None = None, **page: Any) -> Node:
    context = context_of(info)
    return await _projects_of(context, entityName, page)


@entity.field("project")
async def _entity_project(node: Node, info: Info, *, name: str | None = None) -> Node | None:
    context = context_of(info)
    row = await context.database.read(lambda db: find_project(db, context.user, node["name"], name))
    return project_node(row) if row else None


@entity.field("projects")
async def _entity_projects(node: Node, info: Info, **page: Any) -> Node:
    context = context_of(info)
    return await context.database.read(lambda db: _projects_page(context, db, node["_id"], **page))


@user.field("projects")
async def _user_projects(node: Node, info: Info, **page: Any) -> Node:
    context = context_of(info)
    return await _projects_of(context, node["entity"], page)


async def _projects_of(context: Context, name: str | None, page: dict[str, Any]) -> Node:
    def query(db: Connection) -> Node:
        row = accounts.find_entity(db, context.user, name)
        # To a client, an entity that is not there has no projects.
        return (
            connection([], dict, str)
            if row is None
            else _projects_page(context, db, row.id, **page)
        )

    return await context.database.read(query)


def _projects_page(
    context: Context,
    db: Connection,
    entity_id: int,
    *,
    filters: str | None = None,
    order: str | None = None,
    first: int | None = None,
    after: str | None = None,
    **_: Any,
) -> Node:
    size = page_size(first)
    by = order_by((order or "").strip() or "+created_at", registry_fields, ids=projects.c.id)
    statement = (
        project_query(context.user)
        .add_columns(by.key.label("order_value"))
        .where(projects.c.entity_id == entity_id, compile_fields(filters, registry_fields))
    )
    if after:
        statement = statement.where(by.after(after))
    rows = db.execute(statement.order_by(*by.clauses()).limit(size + 1)).mappings().all()
    return connection(
        rows[:size],
        project_node,
        lambda row: make_cursor(row["order_value"], row["id"]),
        more=len(rows) > size,
        before=bool(after),
    )


@mutation.field("generateApiKey")
async def _generate_key(_root: Any, info: Info, input: dict[str, Any]) -> Node:
    context = context_of(info)
    description, username = input.get("description"), input.get("username")

    def change(db: Connection) -> tuple[int, str]:
        owner = context.user
        if username is not None and username != owner.username:
            if not owner.admin:
                raise forbidden("only an administrator can make keys for others")
            found = accounts.find_user(db, username=username)
            if found is None:
                raise not_found(f"no user {username!r}")
            owner = found
        return accounts.create_key(db, owner.id, description)

    key_id, key = await context.database.write(change)
    # the one answer that holds the whole key; listings show its beginning
    return {"apiKey": _key_node(key_id, key, description)}


@mutation.field("deleteApiKey")
async def _delete_key(_root: Any, info: Info, input: dict[str, Any]) -> Node:
    context = context_of(info)
    key_id = parse_id("ApiKey", input["id"])
    done = await context.database.write(lambda db: accounts.delete_key(db, context.user, key_id))
    context.services.authenticator.forget()
    return {"success": done}


@mutation.field("createUser")
async def _create_user(_root: Any, info: Info, input: dict[str, Any]) -> Node:
    context = context_of(info)
    if not context.user.admin:
        raise forbidden("only an administrator can add users")
    email: str = input["email"]
    username = email.partition("@")[0]
    if not username:
        raise invalid(f"not an e-mail address: {email!r}")

    def change(db: Connection) -> Any:
        made = accounts.create_user(
            db,
            username=username,
            name=username,
            email=email,
            role="admin" if input.get("admin") else "member",
        )
        accept_invites(db, made)
        return made

    return {"user": user_node(await context.database.write(change))}
