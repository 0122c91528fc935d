"""Sweeps and their agents."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, select

from asyncwb.server.filters import RunFields, compile_fields, order_by, sweep_fields
from asyncwb.server.filters.order import make_cursor
from asyncwb.server.ids import iso, make_id
from asyncwb.server.jsontext import decode, encode, is_object
from asyncwb.server.problems import invalid, not_found
from asyncwb.server.storage import sweeps as store
from asyncwb.server.storage import trials
from asyncwb.server.storage.policy import check_writable
from asyncwb.server.storage.projects import owned_project
from asyncwb.server.storage.runs import state_at
from asyncwb.server.storage.tables import runs, sweep_agents, sweep_trials, sweeps
from asyncwb.server.sweeps.bayes import propose
from asyncwb.server.sweeps.config import parse_config
from asyncwb.server.sweeps.results import best_value, check_metric, history
from asyncwb.server.sweeps.scheduler import Beat, beat, give

from .context import Context, Info, Node, context_of
from .nodes import project_node
from .paging import connection, cursor_of, number_from, page_size
from .registry import Resolvers
from .run_pages import runs_page, select_runs

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from asyncwb.searchspace import SweepConfig
    from asyncwb.server.filters.operators import Field

__all__ = ["agent", "mutation", "project", "sweep"]

project = Resolvers("Project")
sweep = Resolvers("Sweep")
agent = Resolvers("Agent")
mutation = Resolvers("Mutation")

_THOUGHTS = 8


def _sweep_node(row: Any) -> Node:
    return {
        "_row": row,
        "id": make_id("Sweep", row["id"]),
        "name": row["name"],
        "displayName": row["display_name"],
        "method": row["method"],
        "state": row["state"],
        "description": row["description"],
        "config": row["config"],
        "createdAt": iso(row["created_at"]),
        "updatedAt": iso(row["updated_at"]),
        "heartbeatAt": iso(row["heartbeat_at"]),
        "runCount": row["run_count"],
        "controller": row["controller"],
        "scheduler": row["scheduler"],
        "earlyStopJobRunning": False,
    }


# -- reading -----------------------------------------------------------------------------------


@project.field("sweep")
async def _sweep(node: Node, info: Info, *, sweepName: str) -> Node | None:
    context = context_of(info)
    path = (node["entityName"], node["name"], sweepName)
    row = await context.database.read(
        lambda db: store.find_sweep(db, context.user, path, context.crashed_after)
    )
    return _sweep_node(row) if row else None


@project.field("totalSweeps")
async def _total(node: Node, info: Info) -> int:
    query = select(func.count()).where(sweeps.c.project_id == node["_id"])
    return await context_of(info).database.read(lambda db: int(db.execute(query).scalar_one()))


@project.field("sweeps")
async def _sweeps(
    node: Node,
    info: Info,
    *,
    first: int | None = None,
    after: str | None = None,
    filters: str | None = None,
    order: str | None = None,
) -> Node:
    context = context_of(info)
    size = page_size(first)

    def field(key: str) -> Field:
        return sweep_fields(key, store.state_now(context.crashed_after), store.run_count())

    query = store.sweep_query(context.user, context.crashed_after).where(
        sweeps.c.project_id == node["_id"], compile_fields(filters, field)
    )
    text = (order or "").strip()
    if not text:
        query = query.where(sweeps.c.id > (number_from(after) or 0)).order_by(sweeps.c.id)
    else:
        by = order_by(text, field, sweeps.c.id)
        query = query.add_columns(by.key.label("order_value")).order_by(*by.clauses())
        if after:
            query = query.where(by.after(after))
    rows = await context.database.read(
        lambda db: db.execute(query.limit(size + 1)).mappings().all()
    )
    return connection(
        rows[:size],
        _sweep_node,
        lambda row: make_cursor(row["order_value"], row["id"]) if text else cursor_of(row["id"]),
        more=len(rows) > size,
    )


@sweep.field("project")
async def _project(node: Node, info: Info) -> Node:
    context = context_of(info)
    return await context.database.read(
        lambda db: project_node(owned_project(db, context.user, node["_row"]["project_id"]))
    )


@sweep.field("runCountExpected")
def _expected(node: Node, _info: Info) -> int | None:
    expected = parse_config(node["config"]).expected_runs
    # A grid may have more points than a GraphQL Int.
    return None if expected is None or expected >= 2**31 else expected


@sweep.field("bestLoss")
async def _best_loss(node: Node, info: Info) -> float | None:
    metric = parse_config(node["config"]).metric
    if metric is None:
        return None
    return await context_of(info).database.read(lambda db: best_value(db, node["_row"], metric))


@sweep.field("runs")
async def _runs(
    node: Node, info: Info, *, filters: str | None = None, order: str | None = None, **page: Any
) -> Node:
    context = context_of(info)
    row = node["_row"]
    selection = select_runs(
        context,
        filters,
        runs.c.project_id == row["project_id"],
        runs.c.sweep_name == row["name"],
    )
    return await runs_page(info, selection, order, **page)


def _agent_query(node: Node) -> Any:
    total = select(func.count()).where(sweep_trials.c.agent_id == sweep_agents.c.id)
    return select(sweep_agents, total.scalar_subquery().label("total")).where(
        sweep_agents.c.sweep_id == node["_row"]["id"]
    )


@sweep.field("agents")
async def _agents(
    node: Node, info: Info, *, first: int | None = None, after: str | None = None
) -> Node:
    context = context_of(info)
    query = (
        _agent_query(node)
        .where(sweep_agents.c.id > (number_from(after) or 0))
        .order_by(sweep_agents.c.id)
        .limit(page_size(first))
    )
    rows = await context.database.read(lambda db: db.execute(query).all())
    return {"edges": [{"node": _agent_node(context, node, row)} for row in rows]}


@sweep.field("agent")
async def _agent(node: Node, info: Info, *, agentName: str) -> Node | None:
    context = context_of(info)
    query = _agent_query(node).where(sweep_agents.c.name == agentName)
    row = await context.database.read(lambda db: db.execute(query).first())
    return None if row is None else _agent_node(context, node, row)


def _agent_node(context: Context, sweep_node: Node, row: Any) -> Node:
    alive = row.heartbeat_at >= _now() - context.crashed_after
    return {
        "_id": row.id,
        "_sweep": sweep_node,
        "id": make_id("Agent", row.id),
        "name": row.name,
        "host": row.host,
        "state": "RUNNING" if alive else "FINISHED",
        "totalRuns": row.total,
        "createdAt": iso(row.created_at),
        "heartbeatAt": iso(row.heartbeat_at),
    }


@agent.field("runs")
async def _agent_runs(node: Node, info: Info, *, order: str | None = None, **page: Any) -> Node:
    context = context_of(info)
    mine = select(sweep_trials.c.run_id).where(sweep_trials.c.agent_id == node["_id"])
    return await runs_page(info, select_runs(context, None, runs.c.id.in_(mine)), order, **page)


def _now() -> float:
    from time import time

    return time()


# -- changing ----------------------------------------------------------------------------------


@mutation.field("upsertSweep")
async def _upsert(_root: Any, info: Info, input: dict[str, Any]) -> Node:
    context = context_of(info)
    config = None
    if input.get("config") is not None:
        # In a thread: a long text takes PyYAML its time.
        config = await asyncio.to_thread(parse_config, input["config"])
        check_metric(config.metric)
    elif not input.get("id"):
        raise invalid("a new sweep needs a config")

    def change(db: Connection) -> Any:
        if input.get("id"):
            method = None if config is None else config.method
            sweep_id = store.change_sweep(db, context.user, input["id"], input, method)
        else:
            assert config is not None
            sweep_id = _create(db, context, config, input)
        return store.sweep_by_id(db, context.user, sweep_id, context.crashed_after)

    row = await context.database.write(change)
    return {
        "sweep": _sweep_node(row),
        "configValidationWarnings": [] if config is None else list(config.warnings),
        "inserted": not input.get("id"),
    }


def _create(db: Connection, context: Context, config: SweepConfig, values: dict[str, Any]) -> int:
    prior = values.get("priorRunsFilters")
    state = state_at(_now(), context.crashed_after)
    condition = compile_fields(prior, RunFields(state)) if prior else None
    sweep_id = store.create_sweep(db, context.user, config, values, condition)
    if values.get("state") is not None:
        row = db.execute(select(sweeps).where(sweeps.c.id == sweep_id)).one()
        store.set_state(db, row, store.check_state(values["state"]))
    if condition is not None and config.method == "grid":
        trials.adopt(db, sweep_id, config.space)
    return sweep_id


@mutation.field("createAgent")
async def _create_agent(_root: Any, info: Info, input: dict[str, Any]) -> Node:
    context = context_of(info)
    path = (input.get("entityName"), input.get("projectName"), input["sweep"])

    def change(db: Connection) -> tuple[Any, Any]:
        row = store.find_sweep(db, context.user, path, context.crashed_after)
        if row is None:
            raise not_found(f"no sweep {input['sweep']!r} in this project")
        check_writable(db, context.user, row["project_id"])
        agent_id = trials.add_agent(db, row["id"], input["host"])
        node = _sweep_node(row)
        query = _agent_query(node).where(sweep_agents.c.id == agent_id)
        return node, db.execute(query).one()

    node, row = await context.database.write(change)
    return {"agent": _agent_node(context, node, row)}


@mutation.field("agentHeartbeat")
async def _heartbeat(_root: Any, info: Info, input: dict[str, Any]) -> Node:
    context = context_of(info)
    running = _running(input.get("runState"))
    key = input["id"]
    answer = await context.database.write(
        lambda db: beat(db, context.user, key, running, context.crashed_after)
    )
    for _ in range(_THOUGHTS):
        if answer.wanted is None:
            break
        answer = await _think(context, key, answer)
    return {"agent": {"id": key}, "commands": encode(answer.commands)}


async def _think(context: Context, key: str, answer: Beat) -> Beat:
    """Propose parameters outside of the transaction; once more where others were faster."""
    wanted = answer.wanted
    assert wanted is not None
    metric = wanted.config.metric
    assert metric is not None
    known = await context.database.read(
        lambda db: history(db, wanted.sweep, metric, context.crashed_after)
    )
    seed = f"{wanted.sweep.name}-{wanted.sweep.proposals}"
    parameters = await asyncio.to_thread(propose, wanted.config.space, known, seed)
    given = await context.database.write(
        partial(give, user=context.user, agent_key=key, wanted=wanted, parameters=parameters)
    )
    if given is not None:
        return given
    return await context.database.write(
        lambda db: beat(db, context.user, key, (), context.crashed_after)
    )


def _running(text: str | None) -> frozenset[str]:
    states: Any = decode(text) if text else {}
    if not is_object(states):
        raise invalid("runState is a JSON object of run ids")
    return frozenset(name for name, runs_now in states.items() if runs_now)
