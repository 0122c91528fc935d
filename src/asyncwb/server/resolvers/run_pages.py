"""Pages of runs, of a project, a sweep or an agent."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from sqlalchemy import func

from asyncwb.server.filters import compile_order
from asyncwb.server.filters.order import make_cursor
from asyncwb.server.storage.history import last_events
from asyncwb.server.storage.runs import state_at
from asyncwb.server.storage.tables import runs

from .context import Context, Info, Node, context_of
from .nodes import described_keys, run_node, system_values
from .paging import connection, page_size
from .registry import Resolvers
from .selection import selected

if TYPE_CHECKING:
    from sqlalchemy import Connection

__all__ = ["count_runs", "run_connection", "runs_page"]

run_connection = Resolvers("RunConnection")


async def runs_page(
    info: Info,
    query: Any,
    order: str | None,
    *,
    first: int | None = None,
    after: str | None = None,
    last: int | None = None,
    before: str | None = None,
) -> Node:
    """One page of the runs that a `run_query` selects.

    What costs a look-up per run is read for all of them at once, where it is asked for.
    """
    context = context_of(info)
    asked = selected(info, "edges", "node")
    size = page_size(first, last)
    backwards = first is None and last is not None
    by = compile_order(order, state_at(time.time(), context.crashed_after))
    statement = query.add_columns(by.key.label("order_value"))
    if "historyKeys" in asked:
        statement = statement.add_columns(runs.c.history_keys)
    if after:
        statement = statement.where(by.after(after))
    if before:
        statement = statement.where(by.after(before, backwards=True))
    statement = statement.order_by(*by.clauses(backwards=backwards)).limit(size + 1)

    def read(db: Connection) -> tuple[list[Any], dict[int, str] | None]:
        rows = list(db.execute(statement).mappings().all())
        if "systemMetrics" not in asked:
            return rows, None
        return rows, last_events(db, [row["id"] for row in rows])

    rows, events = await context.database.read(read)
    more = len(rows) > size
    rows = rows[:size]
    if backwards:
        rows.reverse()

    def node(row: Any) -> Node:
        made = run_node(row)
        if events is not None:
            made["systemMetrics"] = system_values(events.get(row["id"]))
        if "historyKeys" in asked:
            made["historyKeys"] = described_keys(made, row["history_keys"])
        return made

    return connection(
        rows,
        node,
        lambda row: make_cursor(row["order_value"], row["id"]),
        more=bool(before) if backwards else more,
        before=more if backwards else bool(after),
        _query=query,
    )


async def count_runs(context: Context, query: Any) -> int:
    """How many runs a `run_query` selects."""
    statement = query.with_only_columns(func.count(), maintain_column_froms=True)
    return await context.database.read(lambda db: int(db.execute(statement).scalar_one()))


@run_connection.field("totalCount")
async def _total(node: Node, info: Info) -> int:
    return await count_runs(context_of(info), node["_query"])
