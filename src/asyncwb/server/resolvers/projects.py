"""Projects and the listing of their runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from asyncwb.server.ids import parse_id
from asyncwb.server.problems import not_found
from asyncwb.server.storage import projects as store
from asyncwb.server.storage import registries
from asyncwb.server.storage.accounts import entity_query, find_entity, find_user
from asyncwb.server.storage.artifact_files import take_orphans
from asyncwb.server.storage.files import blobs_of_runs
from asyncwb.server.storage.manifests import manifest_blobs
from asyncwb.server.storage.policy import check_writable
from asyncwb.server.storage.runs import find_run
from asyncwb.server.storage.tables import entities, runs

from .context import Context, Info, Node, context_of
from .nodes import (
    described_keys,
    entity_node,
    named_entity,
    project_node,
    run_node,
    user_node,
)
from .registry import Resolvers
from .run_pages import count_runs, runs_page, select_runs
from .selection import selected

if TYPE_CHECKING:
    from sqlalchemy import Connection

__all__ = ["mutation", "project", "query"]

query = Resolvers("Query")
mutation = Resolvers("Mutation")
project = Resolvers("Project")


@query.field("project", "model")
async def _project(
    _root: Any, info: Info, *, name: str | None = None, entityName: str | None = None
) -> Node | None:
    context = context_of(info)
    row = await context.database.read(
        lambda db: store.find_project(db, context.user, entityName, name)
    )
    return project_node(row) if row else None


@project.field("entity")
async def _entity(node: Node, info: Info) -> Node:
    context = context_of(info)
    name = node["entityName"]

    def find(db: Connection) -> Node:
        row = find_entity(db, context.user, name)
        if row is not None:
            return entity_node(row)
        return named_entity(db.execute(entity_query().where(entities.c.name == name)).one())

    return await context.database.read(find)


@project.field("user")
async def _user(node: Node, info: Info) -> Node | None:
    if node["_user_id"] is None:
        return None
    found = await context_of(info).database.read(lambda db: find_user(db, user_id=node["_user_id"]))
    return user_node(found) if found else None


@project.field("runCount")
async def _run_count(node: Node, info: Info, *, filters: str | None = None) -> int:
    context = context_of(info)
    return await count_runs(
        context, select_runs(context, filters, runs.c.project_id == node["_id"])
    )


@project.field("runs", "buckets")
async def _runs(
    node: Node, info: Info, *, filters: str | None = None, order: str | None = None, **page: Any
) -> Node:
    context = context_of(info)
    selection = select_runs(context, filters, runs.c.project_id == node["_id"])
    return await runs_page(info, selection, order, **page)


@project.field("run", "bucket")
async def _run(node: Node, info: Info, *, name: str, **_: Any) -> Node | None:
    context = context_of(info)
    path = (node["entityName"], node["name"], name)
    keys = "historyKeys" in selected(info)
    row = await context.database.read(
        lambda db: find_run(db, context.user, *path, context.crashed_after, keys=keys)
    )
    if row is None:
        return None
    found = run_node(row)
    if keys:
        found["historyKeys"] = described_keys(found, row["history_keys"])
    return found


@mutation.field("upsertModel")
async def _upsert(_root: Any, info: Info, input: dict[str, Any]) -> Node:
    context = context_of(info)
    changes = {
        key: input[key] for key in ("description", "access", "views") if input.get(key) is not None
    }

    def change(db: Connection) -> tuple[Any, bool]:
        inserted = False
        if input.get("id"):
            project_id = parse_id("Project", input["id"])
            store.owned_project(db, context.user, project_id)
            if input.get("name"):
                changes["name"] = input["name"]
        elif (owner := _organization(db, context, input.get("entityName"))) is not None:
            project_id, inserted = registries.registry_for(
                db, context.user, owner, input.get("name")
            )
        else:
            project_id, inserted = store.project_for(
                db, context.user, input.get("entityName"), input.get("name")
            )
        if check_writable(db, context.user, project_id, "admin"):
            registries.check_change(changes)
            registries.change_types(
                db,
                project_id,
                input.get("allowAllArtifactTypesInRegistry"),
                input.get("artifactTypes") or (),
            )
        if changes:
            store.change_project(db, project_id, changes)
        return store.owned_project(db, context.user, project_id), inserted

    row, inserted = await context.database.write(change)
    return {"project": project_node(row), "model": project_node(row), "inserted": inserted}


def _organization(db: Connection, context: Context, entity: str | None) -> Any:
    """The entity, if it is one behind an organization."""
    found = find_entity(db, context.user, entity)
    return found if found is not None and found.organization_id is not None else None


@mutation.field("renameProject")
async def _rename(_root: Any, info: Info, input: dict[str, Any]) -> Node:
    context = context_of(info)

    def change(db: Connection) -> Any:
        row = store.find_project(db, context.user, input["entityName"], input["oldProjectName"])
        if row is None:
            raise not_found(f"project {input['oldProjectName']!r} not found")
        changes = {"name": input["newProjectName"]}
        if check_writable(db, context.user, row["id"], "admin"):
            registries.check_change(changes)
        store.change_project(db, row["id"], changes)
        return store.owned_project(db, context.user, row["id"])

    return {"project": project_node(await context.database.write(change)), "inserted": False}


@mutation.field("deleteModel")
async def _delete(_root: Any, info: Info, input: dict[str, Any]) -> Node:
    context = context_of(info)
    project_id = parse_id("Project", input["id"])

    def change(db: Connection) -> list[str]:
        row = store.owned_project(db, context.user, project_id)
        check_writable(db, context.user, project_id, "admin")
        blobs = blobs_of_runs(db, runs.c.project_id == project_id)
        blobs += manifest_blobs(db, project_id)
        store.delete_project(db, project_id)
        return blobs + take_orphans(db, row["entity_id"])

    context.obsolete_blobs += await context.database.write(change)
    return {"success": True}
