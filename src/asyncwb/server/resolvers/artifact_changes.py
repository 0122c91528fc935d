"""Mutations that make, change, link and delete versions of artifacts."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from asyncwb.server.automations.acting import artifact_changed
from asyncwb.server.ids import make_id, parse_id
from asyncwb.server.jsontext import encode
from asyncwb.server.problems import invalid, not_found
from asyncwb.server.storage import artifact_files as files
from asyncwb.server.storage import collections as places
from asyncwb.server.storage import manifests
from asyncwb.server.storage import versions as store
from asyncwb.server.storage.policy import check_writable
from asyncwb.server.storage.projects import find_project, project_for
from asyncwb.server.storage.runs import run_row_id

from .artifact_nodes import artifact_nodes
from .context import Context, Info, Node, context_of
from .registry import Resolvers

if TYPE_CHECKING:
    from sqlalchemy import Connection

__all__ = ["mutation"]

mutation = Resolvers("Mutation")


@mutation.field("createArtifact")
async def _create(_root: Any, info: Info, input: dict[str, Any]) -> Node:
    context = context_of(info)
    names: list[str] = input.get("artifactCollectionNames") or []
    name = input.get("artifactCollectionName") or (names[0] if names else None)
    if not name:
        raise invalid("createArtifact needs the name of a collection")

    def change(db: Connection) -> Node:
        project_id, _ = project_for(db, context.user, input["entityName"], input["projectName"])
        run_id = None
        if input.get("runName"):
            run_id = run_row_id(
                db,
                context.user,
                input["entityName"],
                input["projectName"],
                input["runName"],
                change=True,
            )
        sequence = places.sequence_for(
            db, context.user, project_id, name, input["artifactTypeName"], "SEQUENCE"
        )
        made = store.create_version(
            db,
            context.user,
            sequence,
            store.NewVersion(
                digest=input["digest"],
                algorithm=input["digestAlgorithm"],
                run_id=run_id,
                aliases=[one["alias"] for one in input.get("aliases") or ()],
                tags=[one["tagName"] for one in input.get("tags") or ()],
                description=input.get("description"),
                metadata=input.get("metadata"),
                ttl_seconds=input.get("ttlDurationSeconds"),
                history_step=input.get("historyStep"),
                distributed_id=input.get("distributedID"),
                client_id=input.get("clientID"),
                sequence_client_id=input.get("sequenceClientID"),
                deduplicate=bool(input.get("enableDigestDeduplication")),
            ),
        )
        return artifact_nodes(db, [store.version_by_id(db, context.user, made)])[0]

    return {"artifact": await context.database.write(change)}


# -- manifests --------------------------------------------------------------------------------


@mutation.field("createArtifactManifest")
async def _create_manifest(_root: Any, info: Info, input: dict[str, Any]) -> Node:
    context = context_of(info)
    artifact_id = parse_id("Artifact", input["artifactID"])
    base_id = parse_id("Artifact", input["baseArtifactID"]) if input.get("baseArtifactID") else None

    def change(db: Connection) -> Any:
        _pending(db, context, artifact_id)
        if base_id is not None:
            store.owned_version(db, context.user, base_id)
        made = manifests.create_manifest(db, artifact_id, input["type"], input["digest"], base_id)
        return manifests.manifest_of(db, made)

    return {"artifactManifest": manifest_node(await context.database.write(change))}


@mutation.field("updateArtifactManifest")
async def _update_manifest(_root: Any, info: Info, input: dict[str, Any]) -> Node:
    context = context_of(info)
    manifest_id = parse_id("ArtifactManifest", input["artifactManifestID"])
    base_id = parse_id("Artifact", input["baseArtifactID"]) if input.get("baseArtifactID") else None

    def change(db: Connection) -> Any:
        row = manifests.manifest_of(db, manifest_id)
        # of a version that is hidden: as if there were none
        _pending(db, context, -1 if row is None else row["artifact_id"])
        if base_id is not None:
            store.owned_version(db, context.user, base_id)
        manifests.change_manifest(db, manifest_id, input.get("digest"), base_id)
        return manifests.manifest_of(db, manifest_id)

    return {"artifactManifest": manifest_node(await context.database.write(change))}


def manifest_node(row: Any) -> Node:
    """A manifest from its table row."""
    return {
        "_id": row["id"],
        "_artifact_id": row["artifact_id"],
        "_upload": True,
        "id": make_id("ArtifactManifest", row["id"]),
        "type": row["type"],
        "digest": row["digest"],
        "_created_at": row["created_at"],
    }


def _pending(db: Connection, context: Context, artifact_id: int) -> Any:
    row = store.owned_version(db, context.user, artifact_id)
    if row["state"] != "PENDING":
        raise invalid("the artifact version is committed and cannot change any more")
    return row


# -- files ------------------------------------------------------------------------------------


@mutation.field("createArtifactFiles")
async def _create_files(_root: Any, info: Info, input: dict[str, Any]) -> Node:
    from .artifact_files import place_node
    from .paging import connection, cursor_of

    context = context_of(info)
    specs: list[dict[str, Any]] = input["artifactFiles"]
    ids = {parse_id("Artifact", spec["artifactID"]) for spec in specs}
    if len(ids) != 1:
        raise invalid("createArtifactFiles takes files of one artifact version")
    (artifact_id,) = ids
    wanted = [
        files.Spec(
            spec["name"],
            spec["md5"],
            spec.get("digest"),
            tuple((p["partNumber"], p["hexMD5"]) for p in spec.get("uploadPartsInput") or ()),
        )
        for spec in specs
    ]

    def change(db: Connection) -> list[files.Place]:
        row = _pending(db, context, artifact_id)
        return files.place_files(db, row["entity_id"], artifact_id, wanted)

    made = await context.database.write(change)
    rows = list(zip(made, wanted, strict=True))
    return {
        "files": connection(
            rows,
            lambda pair: place_node(context, pair[0], pair[1]),
            lambda pair: cursor_of(pair[0].file_id),
            totalCount=len(rows),
        )
    }


@mutation.field("completeMultipartUploadArtifact")
async def _complete(_root: Any, info: Info, input: dict[str, Any]) -> Node:
    context = context_of(info)
    file_id = parse_id("Upload", input["uploadID"])
    artifact_id = parse_id("Artifact", input["artifactID"])

    def query(db: Connection) -> tuple[Any, list[Any]]:
        row = store.owned_version(db, context.user, artifact_id)
        file = files.file_of(db, file_id)
        if file is None or file["entity_id"] != row["entity_id"]:
            raise not_found("no such upload")
        return file, files.parts_in_order(db, file_id)

    file, parts = await context.database.read(query)
    if file["blob"] is not None:
        return {"digest": file["digest"]}
    if not parts or any(part["blob"] is None for part in parts):
        raise invalid("parts of the upload are missing")
    blobs = context.services.blobs
    blob = await blobs.join([part["blob"] for part in parts])

    def change(db: Connection) -> list[str]:
        unneeded = files.attach_file(db, file_id, blob)
        return [*files.finish_parts(db, file_id), *filter(None, [unneeded])]

    try:
        context.obsolete_blobs += await context.database.write(change)
    except Exception:
        await blobs.remove([blob.name])
        raise
    return {"digest": file["digest"]}


# -- the end of a draft -----------------------------------------------------------------------


@mutation.field("commitArtifact")
async def _commit(_root: Any, info: Info, input: dict[str, Any]) -> Node:
    context = context_of(info)
    artifact_id = parse_id("Artifact", input["artifactID"])

    def query(db: Connection) -> tuple[Any, list[manifests.Uploaded]]:
        row = store.owned_version(db, context.user, artifact_id)
        return row, manifests.uploaded_manifests(db, artifact_id)

    row, uploaded = await context.database.read(query)
    if row["state"] == "COMMITTED":
        # The answer to the first request was lost.
        return {"artifact": await _one(context, artifact_id)}
    if not uploaded:
        raise invalid("the artifact version has no manifest yet")
    contents = await context.services.blobs.read_small([one.blob for one in uploaded])
    entries, base_id, storage = await asyncio.to_thread(_merged, uploaded, contents)

    def change(db: Connection) -> list[str]:
        fresh = store.owned_version(db, context.user, artifact_id)
        if fresh["state"] == "COMMITTED":
            return []
        base = base_id
        if base is None and uploaded[-1].type == "INCREMENTAL":
            base = store.latest_of(db, fresh["sequence_id"])
        digest, size, count = manifests.commit_entries(
            db, artifact_id, fresh["entity_id"], entries, base
        )
        store.commit_version(
            db, artifact_id, digest=digest, size=size, file_count=count, storage=encode(storage)
        )
        return [
            *manifests.forget_manifests(db, artifact_id),
            *store.drop_expired(db, fresh["sequence_id"]),
            *files.take_orphans(db, fresh["entity_id"]),
        ]

    context.obsolete_blobs += await context.database.write(change)
    return {"artifact": await _one(context, artifact_id)}


def _merged(
    uploaded: list[manifests.Uploaded], contents: list[bytes | None]
) -> tuple[dict[str, manifests.Entry], int | None, dict[str, Any]]:
    """Read the manifests that make up a version: the last one, or all of its writers'."""
    last = uploaded[-1]
    every = list(zip(uploaded, contents, strict=True))
    patches = last.type == "PATCH"
    chosen = [one for one in every if one[0].type == "PATCH"] if patches else every[-1:]
    entries: dict[str, manifests.Entry] = {}
    storage: dict[str, Any] = {}
    for _, data in chosen:
        if data is None:
            raise not_found("a manifest is gone: the version is committed or deleted")
        found, storage = manifests.read_manifest(data)
        entries |= found
    return entries, last.base_id if last.type == "INCREMENTAL" else None, storage


async def _one(context: Context, artifact_id: int) -> Node:
    return await context.database.read(
        lambda db: artifact_nodes(db, [store.version_by_id(db, context.user, artifact_id)])[0]
    )


# -- changes of versions ----------------------------------------------------------------------


@mutation.field("updateArtifact")
async def _update(_root: Any, info: Info, input: dict[str, Any]) -> Node:
    context = context_of(info)
    artifact_id = parse_id("Artifact", input["artifactID"])
    changes = {key: input[key] for key in ("description", "metadata") if input.get(key) is not None}
    ttl = input.get("ttlDurationSeconds")
    if ttl is not None:
        if ttl <= 0 and ttl not in (store.TTL_INHERIT, store.TTL_NONE):
            raise invalid("a time to live is in seconds above 0, -1 (inherit) or -2 (none)")
        changes["ttl_seconds"] = ttl

    def change(db: Connection) -> None:
        store.owned_version(db, context.user, artifact_id)
        store.change_version(
            db,
            artifact_id,
            changes=changes,
            tags_to_add=[tag["tagName"] for tag in input.get("tagsToAdd") or ()],
            tags_to_delete=[tag["tagName"] for tag in input.get("tagsToDelete") or ()],
        )
        for alias in input.get("aliases") or ():
            place = _place(db, context, artifact_id, alias)
            _name(db, place, alias["alias"])

    await context.database.write(change)
    return {"artifact": await _one(context, artifact_id)}


@mutation.field("deleteArtifact")
async def _delete(_root: Any, info: Info, input: dict[str, Any]) -> Node:
    context = context_of(info)
    artifact_id = parse_id("Artifact", input["artifactID"])

    def change(db: Connection) -> tuple[Node, list[str]]:
        row = store.owned_version(db, context.user, artifact_id)
        node = {**artifact_nodes(db, [row])[0], "state": "DELETED"}
        blobs = manifests.forget_manifests(db, artifact_id)
        store.delete_version(db, artifact_id, with_aliases=bool(input.get("deleteAliases")))
        return node, [*blobs, *files.take_orphans(db, row["entity_id"])]

    node, blobs = await context.database.write(change)
    context.obsolete_blobs += blobs
    return {"artifact": node}


@mutation.field("addAliases")
async def _add_aliases(_root: Any, info: Info, input: dict[str, Any]) -> Node:
    context = context_of(info)
    artifact_id = parse_id("Artifact", input["artifactID"])

    def change(db: Connection) -> None:
        store.version_by_id(db, context.user, artifact_id)
        for alias in input["aliases"]:
            place = _place(db, context, artifact_id, alias)
            _name(db, place, alias["alias"])

    await context.database.write(change)
    return {"success": True}


@mutation.field("deleteAliases")
async def _delete_aliases(_root: Any, info: Info, input: dict[str, Any]) -> Node:
    context = context_of(info)
    artifact_id = parse_id("Artifact", input["artifactID"])

    def change(db: Connection) -> None:
        store.version_by_id(db, context.user, artifact_id)
        for alias in input["aliases"]:
            place = _place(db, context, artifact_id, alias)
            places.remove_aliases(db, place["id"], [alias["alias"]])

    await context.database.write(change)
    return {"success": True}


def _name(db: Connection, place: Any, alias: str) -> None:
    new = places.put_aliases(db, place, [alias])
    artifact_changed(db, "ADD_ARTIFACT_ALIAS", place["collection_id"], place["artifact_id"], new)


def _place(db: Connection, context: Context, artifact_id: int, alias: dict[str, Any]) -> Any:
    """The place of a version in the collection that an alias is of."""
    row = store.version_by_id(db, context.user, artifact_id)
    entity = alias.get("entityName") or row["entity_name"]
    project = alias.get("projectName") or row["project_name"]
    owner = find_project(db, context.user, entity, project)
    found = owner and places.find_collection(
        db, context.user, owner["id"], alias["artifactCollectionName"]
    )
    place = found and places.member(db, found["id"], artifact_id)
    if not place:
        raise not_found(
            f"the artifact version is not in the collection {alias['artifactCollectionName']!r}"
        )
    check_writable(db, context.user, owner["id"], "member")
    return place
