"""Files of a version as a server lists them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from asyncwb.api.files import File
from asyncwb.api.pages import Listing
from asyncwb.artifacts.list_operations import FILES
from asyncwb.errors import ArtifactNotFoundError
from asyncwb.graphql.paginator import Page

if TYPE_CHECKING:
    from collections.abc import Sequence

    from asyncwb.artifacts.naming import Where
    from asyncwb.graphql.service import Service

__all__ = ["ArtifactFiles"]


class ArtifactFiles(Listing["File"]):
    """Files of one version; made by `Artifact.files`. Pages are asked for once and kept.

    `async for file in files`, `await files.length()`, `await files.get(0)`.
    """

    def __init__(
        self,
        service: Service,
        where: Where,
        *,
        names: Sequence[str] | None,
        per_page: int,
        start: str | None = None,
    ) -> None:
        name = "asyncwb files of an artifact"
        super().__init__(service, name=name, per_page=per_page, start=start)
        self._where = where
        self._names = [names] if isinstance(names, str) else names and list(names)

    def __repr__(self) -> str:
        return f"<ArtifactFiles {self._where}>"

    @property
    def path(self) -> list[str]:
        """Entity, project and name of the version."""
        where = self._where
        return [where.entity, where.project, f"{where.collection}:{where.alias}"]

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
