"""Uploads and downloads of run files."""

from __future__ import annotations

import mimetypes
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from starlette.responses import FileResponse, Response

from asyncwb.server.problems import not_found
from asyncwb.server.storage import files as store
from asyncwb.server.storage.runs import run_row_id

from .answers import limited

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from sqlalchemy import Connection
    from starlette.requests import Request
    from starlette.types import Receive, Scope, Send

    from asyncwb.server.resolvers.context import Services
    from asyncwb.server.storage.blobs import BlobFolder

__all__ = ["SAFE_HEADERS", "BlobResponse", "FileEndpoints"]

# files come from anybody who can log a run: a browser must neither run nor guess them
SAFE_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "sandbox; default-src 'none'",
    "Cache-Control": "private, no-cache",
}
# Documents that the page shows in a frame: their scripts run, in an origin of their own that has
# neither the session nor the network.
_FRAME_HEADERS = {
    "Content-Security-Policy": "sandbox allow-scripts; default-src 'none'; "
    "script-src 'unsafe-inline' 'unsafe-eval' data: blob:; style-src 'unsafe-inline'; "
    "img-src data: blob:; media-src data: blob:; font-src data:; frame-ancestors 'self'"
}
_UNKNOWN = "application/octet-stream"
_LOOKS = 3


class BlobResponse(FileResponse):
    """A blob that was held for this response; it is released afterwards.

    Args:
        blobs: Has it.
        name: Its name.
        media_type: Its type.
        headers: Beside those that make it safe.
    """

    def __init__(
        self,
        blobs: BlobFolder,
        name: str,
        *,
        media_type: str,
        headers: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        super().__init__(
            blobs.path(name), headers={**SAFE_HEADERS, **headers}, media_type=media_type
        )
        self._blobs, self._name = blobs, name

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            await self._blobs.release(self._name)


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
        blob = await services.blobs.store(limited(request, services.config.max_file_bytes))
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
        return await self._send(lambda db: store.file_by_id(db, file_id))

    async def download(self, request: Request) -> Response:
        """`GET /files/{entity}/{project}/{run}/{name}` with credentials."""
        return await self._download(request, {})

    async def show(self, request: Request) -> Response:
        """`GET /-/frame/{entity}/{project}/{run}/{name}`: a document for a frame of the page."""
        return await self._download(request, _FRAME_HEADERS)

    async def _download(self, request: Request, headers: Mapping[str, str]) -> Response:
        services = self._services
        user = await services.authenticator.user(request)
        path = request.path_params

        def query(db: Connection) -> Any:
            run_id = run_row_id(db, user, path["entity"], path["project"], path["run"])
            found = store.list_files(db, run_id, names=[path["name"]])
            return found[0] if found else None

        return await self._send(query, headers)

    def _check(self, request: Request, action: Any) -> int:
        file_id: int = request.path_params["file_id"]
        query = request.query_params
        self._services.signer.check(
            action, file_id, query.get("expires", ""), query.get("signature", "")
        )
        return file_id

    async def _send(
        self, query: Callable[[Connection], Any], headers: Mapping[str, str] = MappingProxyType({})
    ) -> Response:
        for _ in range(_LOOKS):
            row = await self._services.database.read(query)
            if row is None or row.blob is None:
                raise not_found("file not found")
            if self._services.blobs.hold(row.blob):
                media_type = row.mimetype or mimetypes.guess_type(row.name)[0]
                return BlobResponse(
                    self._services.blobs,
                    row.blob,
                    media_type=media_type or _UNKNOWN,
                    headers=headers,
                )
            # An upload has just replaced these bytes: the next look finds the new ones.
        raise not_found("the bytes of this file are gone")
