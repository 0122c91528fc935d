"""Files of runs of this machine, in place of those of a server."""

from __future__ import annotations

import mimetypes
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from urllib.request import url2pathname

from asyncwb.errors import CommError
from asyncwb.graphql.api_answers import FileNode
from asyncwb.transport import Response
from asyncwb.transport.offload import offload

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Iterable

__all__ = ["FileReader", "list_files"]

_PIECE_BYTES = 1 << 20


def list_files(folders: Iterable[Path]) -> list[FileNode]:
    """The files of a run, by name; of two with one name the one of the later folder."""
    found: dict[str, FileNode] = {}
    for folder in folders:
        root = folder / "files"
        for path in sorted(root.rglob("*")):
            # A link out of the folder (a file saved from elsewhere) is a file of the run.
            if path.is_file():
                name = path.relative_to(root).as_posix()
                found[name] = _node(name, path)
    return [found[name] for name in sorted(found)]


def _node(name: str, path: Path) -> FileNode:
    status = path.stat()
    return FileNode(
        id=str(path),
        name=name,
        url=path.absolute().as_uri(),
        direct_url=path.absolute().as_uri(),
        size_bytes=status.st_size,
        mimetype=mimetypes.guess_type(name)[0],
        updated_at=f"{datetime.fromtimestamp(status.st_mtime, UTC):%Y-%m-%dT%H:%M:%SZ}",
    )


class FileReader:
    """Reads what a transport would download; nothing is sent."""

    async def download(self, url: str, **_: Any) -> Response:
        """The whole file.

        Raises:
            CommError: It cannot be read.
        """
        path = _path(url)
        try:
            body = await offload(path.read_bytes)
        except OSError as exc:
            raise CommError(f"{path} cannot be read: {exc.strerror}", exc=exc) from exc
        return Response(status=200, headers={}, body=body, http_version="HTTP/1.1")

    @asynccontextmanager
    async def stream(self, url: str, **_: Any) -> AsyncGenerator[AsyncIterator[bytes], None]:
        """The file in pieces.

        Raises:
            CommError: It cannot be read.
        """
        path = _path(url)
        try:
            file = await offload(path.open, "rb")
        except OSError as exc:
            raise CommError(f"{path} cannot be read: {exc.strerror}", exc=exc) from exc

        async def pieces() -> AsyncGenerator[bytes, None]:
            while piece := await offload(file.read, _PIECE_BYTES):
                yield piece

        try:
            yield pieces()
        finally:
            file.close()


def _path(url: str) -> Path:
    return Path(url2pathname(urlsplit(url).path))
