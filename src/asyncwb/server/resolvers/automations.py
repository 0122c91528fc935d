"""Automations and integrations."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from asyncwb.server.filters import compile_fields
from asyncwb.server.filters.operators import TextField, TimeField
from asyncwb.server.ids import iso, make_id
from asyncwb.server.problems import invalid
from asyncwb.server.storage import automations as store
from asyncwb.server.storage.accounts import entity_query
from asyncwb.server.storage.automation_tables import automations
from asyncwb.server.storage.collections import collection_by_id
from asyncwb.server.storage.projects import owned_project
from asyncwb.server.storage.tables import entities

from .artifact_nodes import collection_node
from .context import Info, Node, context_of
from .nodes import entity_node, project_node
from .paging import connection, cursor_of, number_from, page_size
from .registry import Resolvers

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from asyncwb.server.filters.operators import Field

__all__ = ["bound"]

project = Resolvers("Project")
entity = Resolvers("Entity")
organization = Resolvers("Organization")
trigger = Resolvers("Trigger")
mutation = Resolvers("Mutation")

bound = (project, entity, organization, trigger, mutation)
"""What belongs to the schema."""

_ORDERS = (None, "", "createdAt", "+createdAt", "created_at", "+created_at")


def _trigger_node(row: Any) -> Node:
    # events of artifacts are answered with a level more than they were given
    text = row["filter"]
    if not row["event"].startswith("RUN_"):
        text = msgspec.json.encode({"filter": text}).decode()
    return {
        "_row": row,
        "id": make_id("Trigger", row["id"]),
        "createdAt": iso(row["created_at"]),
        "updatedAt": iso(row["updated_at"]),
        "name": row["name"],
        "description": row["description"],
        "enabled": bool(row["enabled"]),
        "lastExecutedAt": iso(row["last_executed_at"]),
        "executionCount": row["executions"],
        "triggeringCondition": {
            "__typename": "FilterEventTriggeringCondition",
            "eventType": row["event"],
            "filter": text,
        },
        "triggeredAction": _action_node(row),
    }


def _action_node(row: Any) -> Node:
    config = msgspec.json.decode(row["action_config"], type=dict[str, Any])
    if row["action"] == "NO_OP":
        return {"__typename": "NoOpTriggeredAction", "noOp": config.get("noOp")}
    return {
        "__typename": "NotificationTriggeredAction",
        "integration": _integration_node(row["entity_id"], row["entity_name"]),
        **{key: config.get(key) for key in ("title", "message", "severity")},
    }


def _integration_node(entity_id: int, name: str) -> Node:
    return {
        "__typename": "SlackIntegration",
        "id": make_id("SlackIntegration", entity_id),
        "teamName": name,
        "channelName": store.CHANNEL,
    }


@trigger.field("scope")
async def _scope(node: Node, info: Info) -> Node:
    context, row = context_of(info), node["_row"]

    def query(db: Connection) -> Node:
        if row["collection_id"] is not None:
            return collection_node(collection_by_id(db, context.user, row["collection_id"]))
        if row["project_id"] is not None:
            found = owned_project(db, context.user, row["project_id"])
            return {"__typename": "Project", **project_node(found)}
        owner = db.execute(entity_query().where(entities.c.id == row["entity_id"])).one()
        return {"__typename": "Entity", **entity_node(owner)}

    return await context.database.read(query)


@project.field("triggers")
async def _of_project(node: Node, info: Info) -> list[Node]:
    context, project_id = context_of(info), node["_id"]
    rows = await context.database.read(
        lambda db: store.list_automations(db, context.user, automations.c.project_id == project_id)
    )
    return [_trigger_node(row) for row in rows]


@organization.field("triggers")
@entity.field("triggers")
async def _of_entity(
    node: Node,
    info: Info,
    *,
    first: int | None = None,
    after: str | None = None,
    order: str | None = None,
    filters: str | None = None,
) -> Node:
    if order not in _ORDERS:
        raise invalid("automations are ordered by createdAt")
    context, size = context_of(info), page_size(first)
    # of an organization: those of the entity behind it
    behind = node.get("_entity_name")
    owner = automations.c.entity_id == node["_id"] if behind is None else entities.c.name == behind
    condition = owner & compile_fields(filters, _field)
    rows = await context.database.read(
        lambda db: store.list_automations(
            db,
            context.user,
            condition,
            after=number_from(after) or 0,
            limit=size + 1,
        )
    )
    return connection(
        rows[:size], _trigger_node, lambda row: cursor_of(row["id"]), more=len(rows) > size
    )


def _field(key: str) -> Field:
    match key:
        case "name":
            return TextField(automations.c.name)
        case "createdAt" | "created_at":
            return TimeField(automations.c.created_at)
        case _:
            raise invalid(f"unknown filter key {key!r} for automations")


@entity.field("integrations")
def _integrations(node: Node, _info: Info, **_: Any) -> Node:
    found = [_integration_node(node["_id"], node["name"])]
    return connection(found, lambda row: row, lambda row: row["id"])


@mutation.field("createFilterTrigger")
async def _create(_root: Any, info: Info, input: dict[str, Any]) -> Node:
    return await _changed(info, store.create_automation, input)


@mutation.field("updateFilterTrigger")
async def _update(_root: Any, info: Info, input: dict[str, Any]) -> Node:
    return await _changed(info, store.update_automation, input)


async def _changed(info: Info, change: Any, input: dict[str, Any]) -> Node:
    context = context_of(info)

    def job(db: Connection) -> Any:
        return store.automation_by_id(db, context.user, change(db, context.user, input))

    return {"trigger": _trigger_node(await context.database.write(job))}


@mutation.field("deleteTrigger")
async def _delete(_root: Any, info: Info, input: dict[str, Any]) -> Node:
    context = context_of(info)
    await context.database.write(
        lambda db: store.delete_automation(db, context.user, input["triggerID"])
    )
    return {"success": True}
