"""Files of runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from graphql import BooleanValueNode, FieldNode

from asyncwb.server.ids import make_id, parse_id
from asyncwb.server.storage import files as store
from asyncwb.server.storage.policy import check_writable
from asyncwb.server.storage.runs import run_row_id

from .context import Info, Node, context_of
from .nodes import file_node
from .paging import connection, cursor_of, number_from, page_size
from .registry import Resolvers

if TYPE_CHECKING:
    from sqlalchemy import Connection

__all__ = ["file", "mutation", "run"]

run = Resolvers("Run")
file = Resolvers("File")
mutation = Resolvers("Mutation")

_NO_BYTES: dict[str, Any] = {"size": 0, "mimetype": None, "updated_at": None, "md5": None}


@run.field("fileCount")
async def _count(node: Node, info: Info, *, pattern: str | None = None) -> int:
    return await context_of(info).database.read(
        lambda db: store.count_files(db, node["_id"], pattern)
    )


@run.field("files")
async def _files(
    node: Node,
    info: Info,
    *,
    names: list[str | None] | None = None,
    pattern: str | None = None,
    first: int | None = None,
    after: str | None = None,
    **_: Any,
) -> Node:
    size = page_size(first)
    row = node["_row"]
    wanted = [name for name in names or () if name is not None]
    if wanted and _asks_to_upload(info):
        return await _places(node, info, wanted)

    def query(db: Connection) -> tuple[list[Any], int]:
        rows = store.list_files(
            db,
            node["_id"],
            names=wanted,
            pattern=pattern,
            after=number_from(after) or 0,
            limit=size + 1,
        )
        return rows, store.count_files(db, node["_id"], pattern)

    rows, total = await context_of(info).database.read(query)
    return connection(
        rows[:size],
        lambda found: file_node(found, row),
        lambda found: cursor_of(found["id"]),
        more=len(rows) > size,
        totalCount=total,
        uploadHeaders=[],
    )


async def _places(node: Node, info: Info, names: list[str]) -> Node:
    """Where to upload the named files; older clients have no mutation for it."""
    context = context_of(info)

    def change(db: Connection) -> list[int]:
        check_writable(db, context.user, node["_row"]["project_id"])
        return store.create_files(db, node["_id"], names)

    made = await context.database.write(change)
    return connection(
        list(zip(made, names, strict=True)),
        lambda place: file_node({"id": place[0], "name": place[1], **_NO_BYTES}, node["_row"]),
        lambda place: cursor_of(place[0]),
        totalCount=len(made),
        uploadHeaders=[],
    )


def _asks_to_upload(info: Info) -> bool:
    """Whether `url(upload: true)` is selected in the nodes of a listing."""
    fields = info.field_nodes
    for name in ("edges", "node", "url"):
        fields = [
            inner
            for outer in fields
            if outer.selection_set
            for inner in outer.selection_set.selections
            if isinstance(inner, FieldNode) and inner.name.value == name
        ]
    values = [argument.value for url in fields for argument in url.arguments or ()]
    return any(isinstance(value, BooleanValueNode) and value.value for value in values)


@file.field("url")
def _url(node: Node, info: Info, *, upload: bool | None = None) -> str | None:
    """Read with credentials; or, for uploads, a signed URL."""
    if node.get("_artifact_file"):
        return str(node["_url"] or "")
    if upload:
        return _upload_url(node, info)
    run_row = node["_run"]
    path = "/".join(
        quote(part, safe="/")
        for part in (run_row["entity_name"], run_row["project_name"], run_row["name"], node["name"])
    )
    return f"{context_of(info).base_url}/files/{path}"


@file.field("directUrl")
def _direct_url(node: Node, info: Info) -> str:
    if node.get("_artifact_file"):
        return str(node["_direct"])
    context = context_of(info)
    return context.services.signer.url(context.base_url, "get", node["_id"], node["name"])


@file.field("uploadUrl")
def _upload_url(node: Node, info: Info) -> str | None:
    """None for those who may only read."""
    if node.get("_artifact_file"):
        found: str | None = node["_upload"]
        return found
    context = context_of(info)
    if not node["_run"]["may_change"]:
        return None
    return context.services.signer.url(context.base_url, "put", node["_id"], node["name"])


@mutation.field("createRunFiles")
async def _create(_root: Any, info: Info, input: dict[str, Any]) -> Node:
    context = context_of(info)
    names: list[str] = input["files"]

    def change(db: Connection) -> tuple[int, list[int]]:
        run_id = run_row_id(
            db,
            context.user,
            input["entityName"],
            input["projectName"],
            input["runName"],
            change=True,
        )
        return run_id, store.create_files(db, run_id, names)

    run_id, file_ids = await context.database.write(change)
    path = {
        "may_change": True,
        "entity_name": input["entityName"],
        "project_name": input["projectName"],
        "name": input["runName"],
    }
    return {
        "runID": make_id("Run", run_id),
        "uploadHeaders": [],
        "files": [
            file_node({"id": file_id, "name": name, **_NO_BYTES}, path)
            for file_id, name in zip(file_ids, names, strict=True)
        ],
    }


@mutation.field("markRunFilesUploaded")
async def _mark(_root: Any, info: Info, input: dict[str, Any]) -> Node:
    """The bytes lie here already when this comes: true when every named file has them."""
    context = context_of(info)
    names: list[str] = input["files"]

    def query(db: Connection) -> list[Any]:
        run_id = run_row_id(
            db, context.user, input["entityName"], input["projectName"], input["runName"]
        )
        return store.list_files(db, run_id, names=names) if names else []

    present = await context.database.read(query)
    return {"success": {row["name"] for row in present} >= set(names)}


@mutation.field("deleteFiles")
async def _delete(_root: Any, info: Info, input: dict[str, Any]) -> Node:
    context = context_of(info)
    file_ids = [parse_id("File", text) for text in input["files"]]
    context.obsolete_blobs += await context.database.write(
        lambda db: store.delete_files(db, context.user, file_ids)
    )
    return {"success": True}
