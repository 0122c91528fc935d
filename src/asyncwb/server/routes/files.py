"""Uploads and downloads of run files."""

from __future__ import annotations

import mimetypes
from typing import TYPE_CHECKING, Any

from starlette.responses import FileResponse, Response

from asyncwb.server.problems import not_found
from asyncwb.server.storage import files as store
from asyncwb.server.storage.runs import run_row_id

if TYPE_CHECKING:
    from sqlalchemy import Connection
    from starlette.requests import Request

    from asyncwb.server.resolvers.context import Services

__all__ = ["SAFE_HEADERS", "FileEndpoints"]

# files come from anybody who can log a run: a browser must neither run nor guess them
SAFE_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "sandbox; default-src 'none'",
    "Cache-Control": "private, no-cache",
}


class FileEndpoints:
    """The bytes of files.

    Args:
        services: Database, blobs and the signer.
    """

    def __init__(self, services: Services) -> None:
        self._services = services

    async def upload(self, request: Request) -> Response:
        """`PUT` to a signed URL: the body becomes the file."""
        services = self._services
        file_id = self._check(request, "put")
        blob = await services.blobs.store(request.stream())
        try:
            previous = await services.database.write(lambda db: store.attach(db, file_id, blob))
        except Exception:
            # not when cancelled: the change is carried out all the same
            await services.blobs.remove([blob.name])
            raise
        if previous:
            await services.blobs.remove([previous])
        return Response(status_code=200)

    async def download_signed(self, request: Request) -> Response:
        """`GET` of a signed URL."""
        file_id = self._check(request, "get")
        return await self._services.database.read(
            lambda db: self._send(store.file_by_id(db, file_id))
        )

    async def download(self, request: Request) -> Response:
        """`GET /files/{entity}/{project}/{run}/{name}` with credentials."""
        services = self._services
        user = await services.authenticator.user(request)
        path = request.path_params

        def query(db: Connection) -> list[Any]:
            run_id = run_row_id(db, user, path["entity"], path["project"], path["run"])
            return store.list_files(db, run_id, names=[path["name"]])

        found = await services.database.read(query)
        return self._send(found[0] if found else None)

    def _check(self, request: Request, action: Any) -> int:
        file_id: int = request.path_params["file_id"]
        query = request.query_params
        self._services.signer.check(
            action, file_id, query.get("expires", ""), query.get("signature", "")
        )
        return file_id

    def _send(self, row: Any) -> Response:
        if row is None or row.blob is None:
            raise not_found("file not found")
        path = self._services.blobs.path(row.blob)
        if not path.is_file():
            raise not_found("the bytes of this file are gone")
        media_type = row.mimetype or mimetypes.guess_type(row.name)[0]
        return FileResponse(
            path, headers=SAFE_HEADERS, media_type=media_type or "application/octet-stream"
        )
