"""Presets of custom charts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from asyncwb.server.storage.custom_charts import create_custom_chart, find_custom_chart

from .context import Info, Node, context_of
from .registry import Resolvers

if TYPE_CHECKING:
    from sqlalchemy import Connection

__all__ = ["mutation", "query"]

query = Resolvers("Query")
mutation = Resolvers("Mutation")


def _chart_node(row: Any) -> Node:
    return {
        "id": f"{row['entity_name']}/{row['name']}",
        "name": row["name"],
        "displayName": row["display_name"],
        "type": row["type"],
        "access": row["access"],
        "spec": row["spec"],
    }


@query.field("customChart")
async def _chart(_root: Any, info: Info, *, id: str) -> Node | None:
    context = context_of(info)
    row = await context.database.read(lambda db: find_custom_chart(db, context.user, id))
    return None if row is None else _chart_node(row)


@mutation.field("createCustomChart")
async def _create(_root: Any, info: Info, input: dict[str, Any]) -> Node:
    context = context_of(info)

    def create(db: Connection) -> Any:
        made = create_custom_chart(db, context.user, input)
        return find_custom_chart(db, context.user, made)

    return {"chart": _chart_node(await context.database.write(create))}
