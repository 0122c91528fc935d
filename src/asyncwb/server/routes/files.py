"""Uploads and downloads of run files."""

from __future__ import annotations

import mimetypes
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from starlette.responses import Response

from asyncwb.server.problems import not_found
from asyncwb.server.storage import files as store
from asyncwb.server.storage.runs import run_row_id

from .answers import limited
from .downloads import download

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from sqlalchemy import Connection
    from starlette.requests import Request

    from asyncwb.server.resolvers.context import Services

__all__ = ["FileEndpoints"]

# Documents that the page shows in a frame: their scripts run, in an origin of their own that has
# neither the session nor the network.
_FRAME_HEADERS = {
    "Content-Security-Policy": "sandbox allow-scripts; default-src 'none'; "
    "script-src 'unsafe-inline' 'unsafe-eval' data: blob:; style-src 'unsafe-inline'; "
    "img-src data: blob:; media-src data: blob:; font-src data:; frame-ancestors 'self'"
}
_UNKNOWN = "application/octet-stream"
_LOOKS = 20


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
            previous = await services.database.write(
                lambda db: store.attach(db, file_id, blob), f"file {file_id}"
            )
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
        return await self._send(request, lambda db: store.file_by_id(db, file_id), signed=True)

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

        return await self._send(request, query, headers)

    def _check(self, request: Request, action: Any) -> int:
        file_id: int = request.path_params["file_id"]
        query = request.query_params
        self._services.signer.check(
            action, file_id, query.get("expires", ""), query.get("signature", "")
        )
        return file_id

    async def _send(
        self,
        request: Request,
        query: Callable[[Connection], Any],
        headers: Mapping[str, str] = MappingProxyType({}),
        *,
        signed: bool = False,
    ) -> Response:
        for _ in range(_LOOKS):
            row = await self._services.database.read(query)
            if row is None or row.blob is None:
                raise not_found("file not found")
            media_type = row.mimetype or mimetypes.guess_type(row.name)[0]
            response = await download(
                self._services,
                request,
                row.blob,
                row.size,
                media_type=media_type or _UNKNOWN,
                headers=headers,
                signed=signed,
            )
            if response is not None:
                return response
            # An upload has just replaced these bytes: the next look finds the new ones.
        raise not_found("the bytes of this file are gone")
