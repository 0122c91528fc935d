"""Mutations that link versions of artifacts and note who uses them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from asyncwb.server.automations.acting import artifact_changed
from asyncwb.server.ids import parse_id
from asyncwb.server.problems import invalid, not_found
from asyncwb.server.storage import collections as places
from asyncwb.server.storage import registries
from asyncwb.server.storage import versions as store
from asyncwb.server.storage.policy import check_writable
from asyncwb.server.storage.projects import (
    MODEL_REGISTRY,
    find_project,
    owned_project,
    project_for,
)
from asyncwb.server.storage.runs import run_row_id

from .artifact_nodes import artifact_nodes
from .artifacts import with_versions
from .context import Context, Info, Node, context_of
from .registry import Resolvers

if TYPE_CHECKING:
    from sqlalchemy import Connection

__all__ = ["mutation"]

mutation = Resolvers("Mutation")


@mutation.field("linkArtifact")
async def _link(_root: Any, info: Info, input: dict[str, Any]) -> Node:
    context = context_of(info)
    aliases = [one["alias"] for one in input.get("aliases") or ()]

    def change(db: Connection) -> Node:
        row = _wanted_version(db, context, input)
        target = _portfolio(db, context, input, row)
        known = places.member(db, target["id"], row["id"])
        place = places.add_member(db, target["id"], row["id"])
        new = places.put_aliases(db, place, ["latest", *aliases])
        if known is None:
            artifact_changed(db, "LINK_MODEL", target["id"], row["id"], new)
        artifact_changed(db, "ADD_ARTIFACT_ALIAS", target["id"], row["id"], new)
        return with_versions(db, context, [place])[0]

    made = await context.database.write(change)
    return {"versionIndex": made["versionIndex"], "artifactMembership": made}


def _wanted_version(db: Connection, context: Context, input: dict[str, Any]) -> Any:
    if input.get("artifactID"):
        return store.version_by_id(db, context.user, parse_id("Artifact", input["artifactID"]))
    if input.get("clientID"):
        found = store.find_client_id(db, context.user, input["clientID"])
        if found is not None and found.artifact_id is not None:
            return store.version_by_id(db, context.user, found.artifact_id)
        raise not_found("no artifact version has this client id")
    raise invalid("linkArtifact needs an artifactID or a clientID")


def _portfolio(db: Connection, context: Context, input: dict[str, Any], version: Any) -> Any:
    if input.get("artifactPortfolioID"):
        portfolio_id = parse_id("ArtifactCollection", input["artifactPortfolioID"])
        target = places.collection_by_id(db, context.user, portfolio_id)
        owner = owned_project(db, context.user, target["project_id"])
        registries.check_type(db, context.user, owner, version["type_name"])
        return target
    entity, project = input.get("entityName"), input.get("projectName")
    if project == MODEL_REGISTRY:
        project_for(db, context.user, entity, project)
    owner = find_project(db, context.user, entity, project)
    if owner is None:
        raise not_found(f"project {project!r} not found")
    registries.check_type(db, context.user, owner, version["type_name"])
    return places.sequence_for(
        db,
        context.user,
        owner["id"],
        input.get("artifactPortfolioName") or "",
        version["type_name"],
        "PORTFOLIO",
    )


@mutation.field("unlinkArtifact")
async def _unlink(_root: Any, info: Info, input: dict[str, Any]) -> Node:
    context = context_of(info)
    artifact_id = parse_id("Artifact", input["artifactID"])
    portfolio_id = parse_id("ArtifactCollection", input["artifactPortfolioID"])

    def change(db: Connection) -> None:
        row = places.collection_by_id(db, context.user, portfolio_id)
        if row["kind"] != "PORTFOLIO":
            raise invalid("a version cannot be unlinked from the collection that owns it")
        check_writable(db, context.user, row["project_id"], "member")
        # while its number there is known; what raises below undoes it
        artifact_changed(db, "UNLINK_ARTIFACT", portfolio_id, artifact_id)
        if not places.remove_member(db, portfolio_id, artifact_id):
            raise not_found(f"the artifact version is not linked to {row['name']!r}")

    await context.database.write(change)
    return {"success": True}


@mutation.field("useArtifact")
async def _use(_root: Any, info: Info, input: dict[str, Any]) -> Node:
    context = context_of(info)
    artifact_id = parse_id("Artifact", input["artifactID"])

    def change(db: Connection) -> Node:
        row = store.version_by_id(db, context.user, artifact_id)
        run_id = run_row_id(
            db,
            context.user,
            input["entityName"],
            input["projectName"],
            input["runName"],
            change=True,
        )
        store.record_input(db, run_id, artifact_id, input.get("usedAs"))
        return artifact_nodes(db, [row])[0]

    return {"artifact": await context.database.write(change)}
