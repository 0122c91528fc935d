"""Pages of runs, of a project, a sweep or an agent."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from sqlalchemy import func

from asyncwb.server.filters import RunFields, compile_fields, order_by
from asyncwb.server.filters.order import make_cursor
from asyncwb.server.storage.history import last_events
from asyncwb.server.storage.runs import run_query, state_at
from asyncwb.server.storage.tables import runs

from .context import Context, Info, Node, context_of
from .nodes import described_keys, run_node, system_values
from .paging import connection, page_size
from .registry import Resolvers
from .selection import selected

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import ColumnElement, Connection

__all__ = ["RunSelection", "count_runs", "run_connection", "runs_page", "select_runs"]

T = TypeVar("T")

run_connection = Resolvers("RunConnection")

_DEFAULT_ORDER = "+created_at"


@dataclass(frozen=True, slots=True)
class RunSelection:
    """Some runs of those that a user can see.

    Attributes:
        query: Selects them.
        fields: The fields that its filters use, and its order may.
    """

    query: Any
    fields: RunFields


def select_runs(
    context: Context, filters: str | None, *conditions: ColumnElement[bool]
) -> RunSelection:
    """The runs that fulfil a filter text and conditions.

    Raises:
        Problem: The text is not a filter, or names an unknown field or operator (400).
    """
    fields = RunFields(state_at(time.time(), context.crashed_after))
    condition = compile_fields(filters, fields)
    query = run_query(context.user, context.crashed_after).where(*conditions, condition)
    return RunSelection(query, fields)


async def runs_page(
    info: Info,
    selection: RunSelection,
    order: str | None,
    *,
    first: int | None = None,
    after: str | None = None,
    last: int | None = None,
    before: str | None = None,
) -> Node:
    """One page of runs.

    What costs a look-up per run is read for all of them at once, where it is asked for.
    """
    context = context_of(info)
    asked = selected(info, "edges", "node")
    size = page_size(first, last)
    backwards = first is None and last is not None
    by = order_by((order or "").strip() or _DEFAULT_ORDER, selection.fields)
    statement = selection.query.add_columns(by.key.label("order_value"))
    if "historyKeys" in asked:
        statement = statement.add_columns(runs.c.history_keys)
    if backwards and after:
        statement = statement.where(by.after(after))
    elif before and not backwards:
        statement = statement.where(by.after(before, backwards=True))
    lists = by.parts(before if backwards else after, backwards=backwards)

    def read(db: Connection) -> tuple[list[Any], dict[int, str]]:
        rows: list[Any] = []
        for conditions, ordering in lists:
            part = statement.where(*conditions).order_by(*ordering).limit(size + 1 - len(rows))
            rows += db.execute(part).mappings().all()
            if len(rows) > size:
                break
        wanted: list[int] = []
        if "systemMetrics" in asked:
            wanted = [row["id"] for row in rows if row["events_lines"]]
        return rows, last_events(db, wanted) if wanted else {}

    rows, events = await _timed(context, selection, read)
    more = len(rows) > size
    rows = rows[:size]
    if backwards:
        rows.reverse()
    return connection(
        rows,
        lambda row: _node(row, asked, events),
        lambda row: make_cursor(row["order_value"], row["id"]),
        more=bool(before) if backwards else more,
        before=more if backwards else bool(after),
        _selection=selection,
    )


def _node(row: Any, asked: frozenset[str], events: dict[int, str]) -> Node:
    node = run_node(row)
    if "systemMetrics" in asked:
        node["systemMetrics"] = system_values(events.get(row["id"]))
    if "historyKeys" in asked:
        node["historyKeys"] = described_keys(node, row["history_keys"])
    return node


async def count_runs(context: Context, selection: RunSelection) -> int:
    """How many runs there are."""
    statement = selection.query.with_only_columns(func.count(), maintain_column_froms=True)
    return await _timed(context, selection, lambda db: int(db.execute(statement).scalar_one()))


async def _timed(context: Context, selection: RunSelection, read: Callable[[Connection], T]) -> T:
    """Read, and note how long it took."""
    searched = tuple(selection.fields.searched.values())

    def timed(db: Connection) -> tuple[T, float]:
        began = time.perf_counter()
        return read(db), time.perf_counter() - began

    found, seconds = await context.database.read(timed)
    await context.services.searches.note(searched, seconds)
    return found


@run_connection.field("totalCount")
async def _total(node: Node, info: Info) -> int:
    return await count_runs(context_of(info), node["_selection"])
