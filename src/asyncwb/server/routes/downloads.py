"""The bytes of a blob as an answer: from a folder, or through from an object store."""

from __future__ import annotations

import re
from types import MappingProxyType
from typing import TYPE_CHECKING

from starlette.responses import FileResponse, RedirectResponse, Response, StreamingResponse

from asyncwb.server.storage.blobs import BlobFolder
from asyncwb.server.storage.object_blobs import ObjectBlobs

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.requests import Request
    from starlette.types import Receive, Scope, Send

    from asyncwb.server.resolvers.context import Services

__all__ = ["SAFE_HEADERS", "download"]

# files come from anybody who can log a run: a browser must neither run nor guess them
SAFE_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "sandbox; default-src 'none'",
    "Cache-Control": "private, no-cache",
}
_RANGE = re.compile(r"bytes=(\d*)-(\d*)")
_REDIRECT_SECONDS = 900.0


async def download(
    services: Services,
    request: Request,
    name: str,
    size: int,
    *,
    media_type: str,
    headers: Mapping[str, str] = MappingProxyType({}),
    signed: bool = False,
) -> Response | None:
    """The answer with a blob, or the range of it that a request asks for; None: it is gone.

    Args:
        services: The blobs, and whether clients are sent to their store.
        request: What is answered.
        name: Name of the blob.
        size: Its bytes.
        media_type: Its type.
        headers: Beside those that make it safe.
        signed: Whether the request had a signed address, so that another one can follow.
    """
    blobs = services.blobs
    every = {**SAFE_HEADERS, **headers}
    if isinstance(blobs, BlobFolder):
        if not blobs.hold(name):
            return None
        return _FolderResponse(blobs, name, media_type=media_type, headers=every)
    assert isinstance(blobs, ObjectBlobs)
    if await blobs.size(name) is None:
        return None
    if signed and services.config.redirect_downloads:
        url = await blobs.signed_url(name, _REDIRECT_SECONDS)
        return RedirectResponse(url, 302, headers=SAFE_HEADERS)
    every["Accept-Ranges"] = "bytes"
    wanted = _wanted(request.headers.get("range", ""), size)
    if wanted is None:
        start, end, status = 0, size, 200
    else:
        start, end = wanted
        every["Content-Range"] = f"bytes {start}-{end - 1}/{size}" if end else f"bytes */{size}"
        status = 206 if end else 416
    every["Content-Length"] = str(end - start)
    if start == end:
        return Response(b"", status, every, media_type)
    return StreamingResponse(blobs.pieces(name, start, end), status, every, media_type)


def _wanted(header: str, size: int) -> tuple[int, int] | None:
    """The one range of a header; (0, 0): one that cannot be; None: the whole file."""
    found = _RANGE.fullmatch(header.replace(" ", ""))
    if found is None or found[1] == found[2] == "":
        return None  # no range, or several: the whole file is a right answer
    if not found[1]:
        start, end = max(0, size - int(found[2])), size
    else:
        start, end = int(found[1]), min(int(found[2]) + 1, size) if found[2] else size
    return (start, end) if start < end else (0, 0)


class _FolderResponse(FileResponse):
    """A blob that was held for this response; it is released afterwards."""

    def __init__(
        self, blobs: BlobFolder, name: str, *, media_type: str, headers: Mapping[str, str]
    ) -> None:
        super().__init__(blobs.path(name), headers=headers, media_type=media_type)
        self._blobs, self._name = blobs, name

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            await self._blobs.release(self._name)
