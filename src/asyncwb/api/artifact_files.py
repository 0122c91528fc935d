"""Files of a version as a server lists them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from asyncwb.api.batches import closing, each
from asyncwb.api.files import File
from asyncwb.artifacts.list_operations import FILES
from asyncwb.errors import ArtifactNotFoundError, InvalidValueError
from asyncwb.graphql.paginator import Page, Paginator
from asyncwb.portal import on_loop, on_loop_iter

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Sequence

    from asyncwb.artifacts.naming import Where
    from asyncwb.graphql.service import Service

__all__ = ["ArtifactFiles"]


class ArtifactFiles:
    """Files of one version; made by `Artifact.files`. Pages are asked for once and kept.

    `async for file in files`, `await files.length()`, `await files.get(0)`.
    """

    def __init__(
        self, service: Service, where: Where, *, names: Sequence[str] | None, per_page: int
    ) -> None:
        if per_page < 1:
            raise InvalidValueError(f"per_page must be 1 or more, not {per_page}")
        self._service = service
        self._where = where
        self._names = [names] if isinstance(names, str) else names and list(names)
        self._per_page = per_page
        self._count: int | None = None
        self._pages = Paginator(self._fetch, name="asyncwb files of an artifact")

    def __repr__(self) -> str:
        return f"<ArtifactFiles {self._where}>"

    def __aiter__(self) -> AsyncGenerator[File, None]:
        return self.items()

    def items(self) -> AsyncGenerator[File, None]:
        """Iterate over the files.

        Raises:
            ArtifactNotFoundError: The version is gone.
            CommError: The server refused or was not reached.
        """
        return each(self.batches())

    @on_loop_iter
    async def batches(self) -> AsyncIterator[list[File]]:
        """Iterate over pages of files."""
        async with closing(self._pages.batches()) as pages:
            async for page in pages:
                yield page

    @on_loop
    async def length(self) -> int:
        """Number of the files."""
        if self._count is None:
            await self._pages.page(0)
        if self._count is None:
            # A server of old does not count.
            return len(await self._pages.take(None))
        return self._count

    @on_loop
    async def get(self, index: int) -> File:
        """The file at a position; negative ones count from the end.

        Raises:
            IndexError: There is none.
        """
        files = await self._pages.take(index + 1 if index >= 0 else None)
        return files[index]

    async def _fetch(self, cursor: str | None) -> Page[File]:
        variables = {
            **self._where._asdict(),
            "names": self._names,
            "cursor": cursor,
            "perPage": self._per_page,
        }
        listing = (await self._service.execute(FILES, variables)).files
        if listing is None:
            raise ArtifactNotFoundError(f"Could not find artifact {self._where}")
        self._count = listing.total_count
        files = [File(self._service, edge.node) for edge in listing.edges if edge.node is not None]
        return Page(files, listing.page_info.end_cursor, listing.page_info.has_next_page)
