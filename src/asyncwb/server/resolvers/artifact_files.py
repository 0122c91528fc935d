"""Files of versions: where to put them, where to get them, and the manifest that lists them."""

from __future__ import annotations

import base64
import mimetypes
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from asyncwb.server.ids import iso, make_id
from asyncwb.server.problems import not_found
from asyncwb.server.storage import artifact_files as store
from asyncwb.server.storage import versions

from .artifact_nodes import artifact_nodes
from .context import Context, Info, Node, context_of
from .paging import connection, cursor_of, number_from, page_size
from .registry import Resolvers

if TYPE_CHECKING:
    from sqlalchemy import Connection

__all__ = ["artifact", "manifest", "membership", "place_node"]

artifact = Resolvers("Artifact")
membership = Resolvers("ArtifactCollectionMembership")
manifest = Resolvers("ArtifactManifest")

_MOST_ENTRIES = 100_000


def place_node(context: Context, place: store.Place, spec: store.Spec) -> Node:
    """Where a client puts the bytes of a file, or that it need not."""
    signer, base = context.services.signer, context.base_url
    url = None if place.present else signer.url(base, "artifact-put", place.file_id, spec.name)
    multipart = None
    if place.parts:
        multipart = {
            "uploadID": make_id("Upload", place.file_id),
            "uploadUrlParts": [
                {
                    "partNumber": number,
                    # A fragment is never sent: clients that do not know it upload the part again.
                    "uploadUrl": signer.url(base, "part-put", part_id, f"{spec.name}/{number}")
                    + ("#present" if present else ""),
                }
                for number, part_id, present in place.parts
            ],
        }
    birth = {"__typename": "Artifact", "id": make_id("Artifact", place.birth_id)}
    return {
        **_fields(place.file_id, spec.name, 0, spec.md5, spec.digest or spec.md5, None),
        "_direct": "",
        "_upload": url,
        "uploadMultipartUrls": multipart,
        "storagePath": f"stored/{place.file_id}",
        "artifact": birth,
    }


def _fields(
    number: int, name: str, size: int | None, md5: str | None, digest: str, at: float | None
) -> Node:
    return {
        "_id": number,
        "_artifact_file": True,
        "id": make_id("ArtifactFile", number),
        "name": name,
        "displayName": name,
        "sizeBytes": size or 0,
        "mimetype": mimetypes.guess_type(name)[0],
        "updatedAt": iso(at),
        "md5": md5,
        "digest": digest,
        "uploadHeaders": [],
        "uploadMultipartUrls": None,
    }


def entry_node(context: Context, row: Any, version: Any) -> Node:
    """A file or reference of a version from a row of `artifact_files.list_entries`."""
    direct, url = row["ref"] or "", row["ref"]
    if row["file_id"] is not None:
        signer = context.services.signer
        direct = signer.url(context.base_url, "artifact-get", row["file_id"], row["path"])
        url = f"{context.base_url}{_path(row, version)}"
    birth = None
    if row["birth_id"] is not None:
        birth = {"__typename": "Artifact", "id": make_id("Artifact", row["birth_id"])}
    return {
        **_fields(
            row["id"], row["path"], row["size"], row["md5"], row["digest"], row["created_at"]
        ),
        "_direct": direct,
        "_url": url,
        "_upload": None,
        "storagePath": None if row["file_id"] is None else f"stored/{row['file_id']}",
        "artifact": birth,
    }


def _path(row: Any, version: Any) -> str:
    """The address of a file for clients that send their key."""
    digest = base64.b64decode(row["digest"]).hex()
    birth = row["birth"] or make_id("Artifact", version["id"])
    parts = (
        version["entity_name"],
        version["project_name"],
        version["sequence_name"],
        make_id("Artifact", version["id"]),
        birth,
        digest,
        row["path"].rpartition("/")[2],
    )
    return "/artifactsV2/default/" + "/".join(quote(part, safe="") for part in parts)


async def _page(
    info: Info,
    version: Any,
    names: list[str] | None,
    first: int | None,
    after: str | None,
) -> Node:
    context, size = context_of(info), page_size(first)

    def query(db: Connection) -> tuple[list[Any], int]:
        rows = store.list_entries(
            db, version["id"], names=names, after=number_from(after) or 0, limit=size + 1
        )
        return rows, store.count_entries(db, version["id"], names)

    rows, total = await context.database.read(query)
    return connection(
        rows[:size],
        lambda row: entry_node(context, row, version),
        lambda row: cursor_of(row["id"]),
        more=len(rows) > size,
        totalCount=total,
        uploadHeaders=[],
    )


@artifact.field("files")
async def _files(
    node: Node,
    info: Info,
    *,
    names: list[str] | None = None,
    first: int | None = None,
    after: str | None = None,
) -> Node:
    return await _page(info, node["_row"], names, first, after)


@membership.field("files")
async def _files_there(
    node: Node,
    info: Info,
    *,
    names: list[str] | None = None,
    first: int | None = None,
    after: str | None = None,
) -> Node:
    return await _page(info, node["_artifact"]["_row"], names, first, after)


@artifact.field("filesByManifestEntries")
async def _by_entries(
    node: Node, info: Info, *, entries: list[dict[str, Any]] | None = None, **_: Any
) -> Node:
    names = [entry["name"] for entry in entries or ()][:_MOST_ENTRIES]
    context, version = context_of(info), node["_row"]
    rows = await context.database.read(
        lambda db: store.list_entries(db, version["id"], names=names)
    )
    return connection(
        rows,
        lambda row: entry_node(context, row, version),
        lambda row: cursor_of(row["id"]),
        totalCount=len(rows),
        uploadHeaders=[],
    )


# -- manifests --------------------------------------------------------------------------------


@artifact.field("currentManifest")
def _current(node: Node, _info: Info) -> Node | None:
    if node["state"] != "COMMITTED":
        return None
    row = node["_row"]
    return {
        "_id": row["id"],
        "_artifact_id": row["id"],
        "_upload": False,
        "_created_at": row["updated_at"],
        "id": make_id("CurrentManifest", row["id"]),
        "type": "FULL",
        "digest": row["digest"],
    }


@manifest.field("createdAt")
def _created_at(node: Node, _info: Info) -> str | None:
    return iso(node["_created_at"])


@manifest.field("artifact")
async def _of_manifest(node: Node, info: Info) -> Node:
    context = context_of(info)
    return await context.database.read(
        lambda db: artifact_nodes(
            db, [versions.version_by_id(db, context.user, node["_artifact_id"])]
        )[0]
    )


@manifest.field("file")
def _file(node: Node, info: Info) -> Node:
    context = context_of(info)
    signer, base = context.services.signer, context.base_url
    name = "wandb_manifest.json"
    direct = upload = ""
    if node["_upload"]:
        upload = signer.url(base, "manifest-put", node["_id"], name)
    else:
        direct = signer.url(base, "manifest-get", node["_id"], name)
    return {
        **_fields(node["_id"], name, 0, None, node["digest"], node["_created_at"]),
        "_direct": direct,
        "_url": direct,
        "_upload": upload or None,
        "storagePath": None,
        "artifact": None,
    }


def require(row: Any) -> Any:
    """A row that must be there.

    Raises:
        Problem: It is not (404).
    """
    if row is None:
        raise not_found("file not found")
    return row
