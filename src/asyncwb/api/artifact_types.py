"""Types of artifacts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from asyncwb.api.collections import ArtifactCollection, fetch_collection
from asyncwb.api.listings import ProjectArtifactCollections
from asyncwb.artifacts.collection_operations import TYPE
from asyncwb.errors import ArtifactNotFoundError
from asyncwb.portal import on_loop

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from asyncwb.artifacts.collection_operations import TypeNode
    from asyncwb.graphql.service import Service

__all__ = ["ArtifactType", "fetch_type"]


class ArtifactType:
    """A type of artifacts in a project, such as `dataset`; made by `Api.artifact_type`."""

    def __init__(self, service: Service, entity: str, project: str, node: TypeNode) -> None:
        self._service = service
        self._entity = entity
        self._project = project
        self._node = node

    def __repr__(self) -> str:
        return f"<ArtifactType {self.name}>"

    @property
    def id(self) -> str:
        """Opaque id."""
        return self._node.id

    @property
    def name(self) -> str:
        """Name of the type."""
        return self._node.name

    @property
    def type(self) -> str:
        """The same as `name`."""
        return self._node.name

    @property
    def description(self) -> str | None:
        """Description of the type."""
        return self._node.description

    @property
    def entity(self) -> str:
        """Owner of the project."""
        return self._entity

    @property
    def project(self) -> str:
        """The project."""
        return self._project

    @property
    def created_at(self) -> str | None:
        """When it was made, in ISO form."""
        return self._node.created_at

    def collections(
        self,
        filters: Mapping[str, Any] | None = None,
        order: str | None = None,
        per_page: int = 50,
        start: str | None = None,
    ) -> ProjectArtifactCollections:
        """The collections of this type. Sends nothing before the first one.

        Args:
            filters: MongoDB-style filter, e.g. `{"name": {"$regex": "^train"}}`.
            order: `+` or `-` and a key, for example `+created_at`.
            per_page: Collections asked for at once.
            start: Cursor to go on behind: `cursor` of an earlier listing.

        Raises:
            InvalidValueError: An argument is wrong.
        """
        return ProjectArtifactCollections(
            self._service,
            self._entity,
            self._project,
            self.name,
            filters=filters,
            order=order,
            per_page=per_page,
            start=start,
        )

    @on_loop
    async def load(self) -> None:
        """Ask the server anew.

        Raises:
            ArtifactNotFoundError: It is gone.
            CommError: The server refused or was not reached.
        """
        found = await fetch_type(self._service, self._entity, self._project, self.name)
        self._node = found._node

    @on_loop
    async def collection(self, name: str) -> ArtifactCollection:
        """One collection of this type.

        Raises:
            ArtifactNotFoundError: There is none.
            CommError: The server refused or was not reached.
        """
        return await fetch_collection(self._service, self._entity, self._project, self.name, name)


async def fetch_type(service: Service, entity: str, project: str, name: str) -> ArtifactType:
    """Ask for a type. In the loop.

    Raises:
        ArtifactNotFoundError: The project has no such type.
        CommError: The server refused or was not reached.
    """
    variables = {"entity": entity, "project": project, "type": name}
    found = (await service.execute(TYPE, variables)).project
    node = found.artifact_type if found is not None else None
    if node is None:
        raise ArtifactNotFoundError(f"Could not find artifact type {name!r} in {entity}/{project}")
    return ArtifactType(service, entity, project, node)
