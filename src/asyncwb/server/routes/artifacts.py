"""The bytes of artifacts: files, parts of large ones, manifests."""

from __future__ import annotations

import base64
import mimetypes
from typing import TYPE_CHECKING, Any

from starlette.responses import Response

from asyncwb.server.ids import parse_id
from asyncwb.server.jsontext import decode
from asyncwb.server.problems import not_found
from asyncwb.server.storage import artifact_files as store
from asyncwb.server.storage import manifests
from asyncwb.server.storage.accounts import find_entity
from asyncwb.server.storage.artifact_tables import artifacts
from asyncwb.server.storage.versions import version_by_id

from .answers import limited
from .downloads import SAFE_HEADERS, download

if TYPE_CHECKING:
    from sqlalchemy import Connection
    from starlette.requests import Request

    from asyncwb.server.resolvers.context import Services
    from asyncwb.server.signing import Action

__all__ = ["ArtifactEndpoints"]

# it is read at once when its version is committed
_LARGEST_MANIFEST = 512 * 1024**2


class ArtifactEndpoints:
    """Uploads and downloads of artifacts.

    Args:
        services: Database, blobs and the signer.
    """

    def __init__(self, services: Services) -> None:
        self._services = services

    async def upload(self, request: Request) -> Response:
        """`PUT` of a whole file to a signed URL."""
        return await self._store(request, "artifact-put", store.attach_file)

    async def upload_part(self, request: Request) -> Response:
        """`PUT` of one part of a file; the answer's ETag is the part's MD5."""

        def attach(db: Connection, part_id: int, blob: Any) -> str | None:
            return store.attach_part(db, part_id, blob, base64.b64decode(blob.md5).hex())

        return await self._store(request, "part-put", attach)

    async def upload_manifest(self, request: Request) -> Response:
        """`PUT` of a manifest."""

        def attach(db: Connection, manifest_id: int, blob: Any) -> str | None:
            return manifests.attach_manifest(db, manifest_id, blob.name)

        return await self._store(request, "manifest-put", attach, _LARGEST_MANIFEST)

    async def _store(
        self, request: Request, action: Action, attach: Any, most: int | None = None
    ) -> Response:
        services = self._services
        number = self._check(request, action)
        blob = await services.blobs.store(limited(request, most or services.config.max_file_bytes))
        try:
            unneeded = await services.database.write(
                lambda db: attach(db, number, blob), f"{action} {number}"
            )
        except Exception:
            # not when cancelled: the change is carried out all the same
            await services.blobs.remove([blob.name])
            raise
        if unneeded:
            await services.blobs.remove([unneeded])
        etag = base64.b64decode(blob.md5).hex()
        return Response(status_code=200, headers={"ETag": f'"{etag}"'})

    async def download_signed(self, request: Request) -> Response:
        """`GET` of a signed URL; ranges are served."""
        file_id = self._check(request, "artifact-get")
        row = await self._services.database.read(lambda db: store.file_of(db, file_id))
        return await self._send(request, row, request.path_params["name"], signed=True)

    async def download_manifest(self, request: Request) -> Response:
        """`GET` of a version's manifest by a signed URL."""
        artifact_id = self._check(request, "manifest-get")

        def query(db: Connection) -> bytes:
            found = db.execute(
                artifacts.select().where(
                    artifacts.c.id == artifact_id, artifacts.c.state == "COMMITTED"
                )
            ).first()
            if found is None:
                raise not_found("artifact manifest not found")
            return manifests.manifest_json(db, artifact_id, decode(found.storage))

        body = await self._services.database.read(query)
        return Response(body, media_type="application/json", headers=SAFE_HEADERS)

    async def download(self, request: Request) -> Response:
        """`GET /artifactsV2/...` or `/artifacts/{entity}/{digest}` with credentials."""
        services = self._services
        user = await services.authenticator.user(request)
        path = request.path_params
        digest = _digest(path["digest"])

        def query(db: Connection) -> Any:
            if "id" in path:
                # The entity may be that of a registry, through which the version is read.
                version = version_by_id(db, user, parse_id("Artifact", path["id"]))
                return store.file_of_version(db, version["id"], digest)
            entity = find_entity(db, user, path["entity"])
            return None if entity is None else store.file_by_digest(db, entity.id, digest)

        row = await services.database.read(query)
        return await self._send(request, row, path.get("name", "file"))

    def _check(self, request: Request, action: Action) -> int:
        number: int = request.path_params["number"]
        query = request.query_params
        self._services.signer.check(
            action, number, query.get("expires", ""), query.get("signature", "")
        )
        return number

    async def _send(
        self, request: Request, row: Any, name: str, *, signed: bool = False
    ) -> Response:
        if row is None or row["blob"] is None:
            raise not_found("file not found")
        response = await download(
            self._services,
            request,
            row["blob"],
            row["size"],
            media_type=mimetypes.guess_type(name)[0] or "application/octet-stream",
            headers={"ETag": f'"{base64.b64decode(row["md5"]).hex()}"'},
            signed=signed,
        )
        if response is None:
            raise not_found("the bytes of this file are gone")
        return response


def _digest(hexadecimal: str) -> str:
    try:
        return base64.b64encode(bytes.fromhex(hexadecimal)).decode()
    except ValueError as exc:
        raise not_found("file not found") from exc
