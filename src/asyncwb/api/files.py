"""Files of a run."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from asyncwb.api.pages import Listing
from asyncwb.api.places import inside
from asyncwb.errors import CommError, InvalidValueError, RunNotFoundError, UsageError
from asyncwb.graphql import READ_POLICY
from asyncwb.graphql.api_operations import (
    CREATE_RUN_FILES,
    DELETE_FILES,
    MARK_RUN_FILES_UPLOADED,
    RUN_FILES,
)
from asyncwb.graphql.paginator import Page
from asyncwb.portal import on_loop
from asyncwb.transport.offload import offload

if TYPE_CHECKING:
    from collections.abc import Sequence

    from asyncwb.api.history import RunAddress
    from asyncwb.graphql.api_answers import FileNode
    from asyncwb.graphql.service import Service

__all__ = ["File", "Files", "upload"]

_WRITE_BYTES = 1024 * 1024


class File:
    """A file of a run, or of a version of an artifact.

    Attributes:
        id: Opaque id.
        name: Path in the run's folder or in the artifact, with forward slashes.
        size: Bytes.
        url: Where to get it with credentials.
        direct_url: Signed address of the storage.
        md5: base64 of the MD5 digest.
        mimetype: Media type.
        updated_at: ISO time.
    """

    def __init__(self, service: Service, node: FileNode) -> None:
        self._service = service
        self.id: str = node.id
        self.name: str = node.name
        self.size: int = int(node.size_bytes)
        self.url: str = node.url or node.direct_url or ""
        self.direct_url: str | None = node.direct_url
        self.md5: str | None = node.md5
        self.mimetype: str | None = node.mimetype
        self.updated_at: str | None = node.updated_at

    def __repr__(self) -> str:
        return f"<File {self.name} ({self.mimetype}) {self.size} bytes>"

    @property
    def digest(self) -> str | None:
        """Another name of `md5`."""
        return self.md5

    @property
    def path_uri(self) -> str:
        """`s3://bucket/key` of a file that lies in S3; empty for other storage."""
        parts = urlsplit(self.direct_url or "")
        host = parts.hostname or ""
        bucket, dot, region = host.partition(".s3")
        if not dot or not region.endswith("amazonaws.com"):
            return ""
        return f"s3://{bucket}/{unquote(parts.path).lstrip('/')}"

    @on_loop
    async def read(self) -> bytes:
        """Get the content into memory.

        Raises:
            CommError: The server refused or was not reached.
        """
        transport = await self._service.transport()
        response = await transport.download(
            self.url,
            policy=READ_POLICY,
            deadline_seconds=self._service.settings.file_timeout,
        )
        return response.body

    @on_loop
    async def download(
        self, root: str | os.PathLike[str] = ".", *, replace: bool = False, exist_ok: bool = False
    ) -> Path:
        """Write the file under a folder, at its name; folders are made as needed.

        The file appears complete or not at all.

        Args:
            root: The folder.
            replace: Overwrite a file that is there.
            exist_ok: Leave a file that is there as it is.

        Returns:
            Where the file is.

        Raises:
            UsageError: The file is there and neither flag is given, or it cannot be written.
            InvalidValueError: Its name points out of `root`.
            CommError: The server refused or was not reached.
        """
        target = await offload(inside, Path(root), self.name)
        if not replace and await offload(target.exists):
            if exist_ok:
                return target
            raise UsageError(
                f"{target} is there already: replace=True overwrites it, exist_ok=True keeps it"
            )
        # not made of the target's name, which may be as long as a name can be
        partial = target.with_name(f".asyncwb-{os.getpid()}-{id(self):x}.part")
        try:
            await offload(partial.parent.mkdir, parents=True, exist_ok=True)
            await self._fetch(partial)
            await offload(os.replace, partial, target)
        except OSError as exc:
            raise UsageError(f"{target} cannot be written: {exc}", exc=exc) from exc
        finally:
            with suppress(OSError):
                partial.unlink(missing_ok=True)
        return target

    async def _fetch(self, target: Path) -> None:
        transport = await self._service.transport()
        file = await offload(open, target, "wb")
        try:
            pending = bytearray()
            async with transport.stream(
                self.url,
                policy=READ_POLICY,
                deadline_seconds=self._service.settings.file_timeout,
            ) as pieces:
                async for piece in pieces:
                    pending += piece
                    if len(pending) >= _WRITE_BYTES:
                        await offload(file.write, bytes(pending))
                        pending.clear()
            await offload(file.write, bytes(pending))
        finally:
            file.close()

    @on_loop
    async def delete(self, project_id: int | None = None) -> None:
        """Delete the file on the server; cannot be undone.

        Args:
            project_id: Number of the run's project, where the server asks for it.

        Raises:
            CommError: The server refused or was not reached.
        """
        await self._service.execute(DELETE_FILES, {"files": [self.id], "projectId": project_id})


class Files(Listing["File"]):
    """Files of one run; made by `Run.files`. Pages are asked for once and kept.

    `async for file in files`, `await files.length()`, `await files.get(0)`.
    """

    def __init__(
        self,
        service: Service,
        address: RunAddress,
        *,
        names: Sequence[str] | None,
        pattern: str | None,
        per_page: int,
        limit: int | None = None,
    ) -> None:
        if names and pattern:
            raise InvalidValueError("files() takes names or a pattern, not both")
        super().__init__(service, name="asyncwb files", per_page=per_page, limit=limit)
        self._address = address
        self._names = [names] if isinstance(names, str) else list(names or [])
        self._pattern = pattern

    def __repr__(self) -> str:
        return f"<Files {self._address}>"

    async def _fetch(self, cursor: str | None) -> Page[File]:
        variables: dict[str, object] = {
            **self._address.variables,
            "names": self._names,
            "pattern": self._pattern,
            "perPage": self._per_page,
            "cursor": cursor,
        }
        project = (await self._service.execute(RUN_FILES, variables)).project
        if project is None or project.run is None:
            raise RunNotFoundError(f"Could not find run {self._address}")
        # The server counts all files of the run, whatever the names and pattern.
        self._count = None if self._names or self._pattern else project.run.file_count
        listing = project.run.files
        if listing is None:
            return Page([], None, more=False)
        files = [File(self._service, edge.node) for edge in listing.edges]
        last = listing.edges[-1].cursor if listing.edges else listing.page_info.end_cursor
        return Page(files, last, listing.page_info.has_next_page)


async def upload(service: Service, address: RunAddress, path: Path, root: Path) -> File:
    """Upload one file under its path relative to `root`; in the loop."""
    name = await offload(_name_under, path, root)
    variables: dict[str, object] = {
        "entity": address.entity,
        "project": address.project,
        "run": address.run_id,
        "files": [name],
    }
    created = (await service.execute(CREATE_RUN_FILES, variables)).create_run_files
    if created is None or not created.run_id or not created.files:
        raise CommError(f"the server gave no place to upload {name!r} of {address} to")
    headers = dict(_header(text) for text in created.upload_headers or [])
    transport = await service.transport()
    await transport.put(
        created.files[0].upload_url,
        path,
        headers=headers,
        policy=READ_POLICY,
        deadline_seconds=service.settings.file_timeout,
    )
    if await service.has_feature("MARK_RUN_FILES_UPLOADED"):
        await service.execute(MARK_RUN_FILES_UPLOADED, variables)
    return await Files(service, address, names=[name], pattern=None, per_page=1).get(0)


def _name_under(path: Path, root: Path) -> str:
    try:
        return path.resolve().relative_to(root.resolve()).as_posix()
    except ValueError as exc:
        raise InvalidValueError(f"{path} does not lie under {root}", exc=exc) from exc


def _header(text: str) -> tuple[str, str]:
    name, _, value = text.partition(":")
    return name.strip(), value.strip()
