"""One run: its fields, and the mutations that change runs."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from asyncwb.server.ids import parse_id
from asyncwb.server.jsontext import decode, encode, is_object
from asyncwb.server.storage import runs as store
from asyncwb.server.storage.accounts import find_user
from asyncwb.server.storage.branching import fork, rewind
from asyncwb.server.storage.files import blobs_of_runs
from asyncwb.server.storage.history import tail
from asyncwb.server.storage.projects import owned_project
from asyncwb.server.storage.tables import runs
from asyncwb.server.storage.writers import own_lines

from .context import Context, Info, Node, context_of
from .nodes import described_keys, project_node, run_node, system_values, user_node
from .registry import Resolvers

if TYPE_CHECKING:
    from sqlalchemy import Connection

__all__ = ["mutation", "run"]

run = Resolvers("Run")
mutation = Resolvers("Mutation")


@run.field("user", copied=True)
async def _user(node: Node, info: Info) -> Node | None:
    user_id = node["_row"]["user_id"]
    found = await context_of(info).database.read(lambda db: find_user(db, user_id=user_id))
    return user_node(found) if found else None


@run.field("project")
async def _project(node: Node, info: Info) -> Node:
    context = context_of(info)
    return await context.database.read(
        lambda db: project_node(owned_project(db, context.user, node["_row"]["project_id"]))
    )


@run.field("config", copied=True)
def _config(node: Node, _info: Info, *, keys: list[str] | None = None) -> str:
    return _picked(node["_row"]["config"], keys)


@run.field("summaryMetrics", copied=True)
def _summary(node: Node, _info: Info, *, keys: list[str] | None = None) -> str:
    return _picked(node["_row"]["summary"], keys)


def _picked(text: str, keys: list[str] | None) -> str:
    if keys is None:
        return text
    everything = decode(text)
    return encode({key: everything[key] for key in keys if key in everything})


@run.field("wandbConfig")
def _wandb_config(node: Node, _info: Info, *, keys: list[str] | None = None) -> str:
    entry = decode(node["_row"]["config"]).get("_wandb")
    inner: Any = entry.get("value") if is_object(entry) else None
    return _picked(encode(inner if is_object(inner) else {}), keys)


@run.field("systemMetrics", copied=True)
async def _system_metrics(node: Node, info: Info) -> str | None:
    line = await context_of(info).database.read(lambda db: tail(db, node["_id"], "events"))
    return system_values(line)


@mutation.field("upsertBucket")
async def _upsert(_root: Any, info: Info, input: dict[str, Any]) -> Node:
    context = context_of(info)

    def change(db: Connection) -> tuple[Any, bool]:
        run_id, inserted = store.upsert_run(db, context.user, input, context.writer)
        if inserted and input.get("config"):
            project = select(runs.c.project_id).where(runs.c.id == run_id)
            project_id = db.execute(project).scalar_one()
            fork(db, run_id, project_id, input["config"])
        row = _row(db, context, run_id)
        if context.writer:
            # Its lines are numbered by themselves.
            row = {**row, "history_lines": own_lines(db, run_id, context.writer)}
        return row, inserted

    row, inserted = await context.database.write(change)
    return {
        "bucket": run_node(row),
        "inserted": inserted,
        "serverSettings": {"serverMessages": []},
    }


def _row(db: Connection, context: Context, run_id: int) -> Any:
    query = store.run_query(context.user, context.crashed_after).where(runs.c.id == run_id)
    return db.execute(query).mappings().one()


@mutation.field("rewindRun")
async def _rewind(_root: Any, info: Info, input: dict[str, Any]) -> Node:
    context = context_of(info)

    def change(db: Connection) -> Any:
        run_id = store.run_row_id(
            db,
            context.user,
            input.get("entityName"),
            input.get("projectName"),
            input["runName"],
            change=True,
        )
        rewind(db, run_id, input["metricName"], input["metricValue"])
        return _row(db, context, run_id)

    return {"rewoundRun": run_node(await context.database.write(change))}


@mutation.field("updateRunState")
async def _update_state(_root: Any, info: Info, input: dict[str, Any]) -> Node:
    state = store.check_state(input["state"])
    columns = {"heartbeat_at": time.time()} if state == "running" else {}
    context = context_of(info)

    def change(db: Connection) -> None:
        store.set_state(db, store.run_for(db, context.user, input["id"]), state, **columns)

    await context.database.write(change)
    return {"success": True}


@mutation.field("stopRun")
async def _stop(_root: Any, info: Info, input: dict[str, Any]) -> Node:
    context = context_of(info)

    def change(db: Connection) -> None:
        store.set_columns(db, store.run_for(db, context.user, input["id"]), stop_requested=True)

    await context.database.write(change)
    return {"success": True}


@mutation.field("deleteRun")
async def _delete(_root: Any, info: Info, input: dict[str, Any]) -> Node:
    context = context_of(info)
    parse_id("Run", input["id"])

    def change(db: Connection) -> list[str]:
        run_id = store.run_for(db, context.user, input["id"])
        blobs = blobs_of_runs(db, runs.c.id == run_id)
        store.delete_run(db, run_id)
        return blobs

    context.obsolete_blobs += await context.database.write(change)
    return {"clientMutationId": input.get("clientMutationId")}


@mutation.field("notifyScriptableRunAlert")
async def _alert(_root: Any, info: Info, input: dict[str, Any]) -> Node:
    context = context_of(info)

    def change(db: Connection) -> None:
        run_id = store.run_row_id(
            db,
            context.user,
            input["entityName"],
            input["projectName"],
            input["runName"],
            change=True,
        )
        wait = (input.get("waitDuration") or 0) / 1000.0  # milliseconds on the wire
        store.add_alert(
            db, run_id, input["title"], input["text"], input.get("severity") or "INFO", wait
        )

    await context.database.write(change)
    return {"success": True}


@run.field("historyKeys", copied=True)
async def _history_keys(node: Node, info: Info) -> Node:
    query = select(runs.c.history_keys).where(runs.c.id == node["_id"])
    text = await context_of(info).database.read(lambda db: db.execute(query).scalar_one())
    return described_keys(node, text)
