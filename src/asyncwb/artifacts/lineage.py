"""Which runs made and read an artifact.

The one place of this package that knows `api`: what it returns are the runs of the read side.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from asyncwb.artifacts.building import ArtifactBuilding
from asyncwb.artifacts.read_operations import CREATED_BY, USED_BY
from asyncwb.portal import on_loop

if TYPE_CHECKING:
    from asyncwb.api.run import Run
    from asyncwb.artifacts.read_operations import ProjectRef
    from asyncwb.graphql.service import Service

__all__ = ["ArtifactLineage"]


class ArtifactLineage(ArtifactBuilding):
    """The runs around a version."""

    @on_loop
    async def logged_by(self) -> Run | None:
        """The run that logged it; None where a user did without a run.

        Raises:
            UsageError: It is a draft.
            CommError: The server refused or was not reached.
        """
        node = self._require("logged_by()")
        service = self._remote("logged_by()")
        found = (await service.execute(CREATED_BY, {"id": node.id})).artifact
        creator = found.created_by if found is not None else None
        if creator is None or creator.typename != "Run" or creator.name is None:
            return None
        return await _run(service, creator.name, creator.project)

    @on_loop
    async def used_by(self) -> list[Run]:
        """The runs that read it.

        Raises:
            UsageError: It is a draft.
            CommError: The server refused or was not reached.
        """
        node = self._require("used_by()")
        service = self._remote("used_by()")
        found = (await service.execute(USED_BY, {"id": node.id})).artifact
        users = found.used_by.edges if found is not None and found.used_by is not None else []
        return [
            await _run(service, edge.node.name, edge.node.project)
            for edge in users
            if edge.node is not None
        ]


async def _run(service: Service, name: str, project: ProjectRef | None) -> Run:
    from asyncwb.api.history import RunAddress
    from asyncwb.api.run import Run, fetch

    owner = ("", "") if project is None else (project.entity.name, project.name)
    address = RunAddress(*owner, name)
    return Run(service, address, await fetch(service, address))
