"""Collections of artifacts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from asyncwb.api.artifacts import ArtifactPath, ArtifactVersions
from asyncwb.artifacts.collection_operations import (
    ADD_TAGS,
    COLLECTION,
    COLLECTION_ALIASES,
    DELETE_PORTFOLIO,
    DELETE_SEQUENCE,
    DELETE_TAGS,
    MOVE_SEQUENCE,
    UPDATE_PORTFOLIO,
    UPDATE_SEQUENCE,
)
from asyncwb.artifacts.names import check_name, check_tags, check_type
from asyncwb.automations.scopes import ArtifactCollectionScope
from asyncwb.errors import ArtifactNotFoundError, InvalidValueError, ProtocolError
from asyncwb.portal import on_loop

if TYPE_CHECKING:
    from collections.abc import Sequence

    from asyncwb.artifacts.collection_operations import ChangedData, CollectionNode
    from asyncwb.graphql.operation import Operation
    from asyncwb.graphql.service import Service

__all__ = ["ArtifactCollection", "fetch_collection"]

_ALIASES_PER_PAGE = 1000
_TAGS_PER_REQUEST = 20


class ArtifactCollection:
    """Versions of one name, or links to versions; made by `Api.artifact_collection`.

    Name, description, tags and type can be set; `save()` sends them.
    """

    def __init__(self, service: Service, entity: str, project: str, node: CollectionNode) -> None:
        self._service = service
        self._entity = entity
        self._project = project
        self._take(node)

    def __repr__(self) -> str:
        return f"<ArtifactCollection {self._name} ({self._type})>"

    def _automation_scope(self) -> ArtifactCollectionScope:
        return ArtifactCollectionScope(self.id, self.name)

    @property
    def id(self) -> str:
        """Opaque id."""
        return self._node.id

    @property
    def entity(self) -> str:
        """Owner of the project."""
        return self._entity

    @property
    def project(self) -> str:
        """The project."""
        return self._project

    @property
    def project_id(self) -> str | None:
        """Opaque id of the project."""
        return None if self._node.project is None else self._node.project.id

    @property
    def project_internal_id(self) -> str | None:
        """Opaque id of the project that holds its number, by which registries are searched."""
        return None if self._node.project is None else self._node.project.internal_id

    @property
    def name(self) -> str:
        """Name; `save()` sends a new one."""
        return self._name

    @name.setter
    def name(self, value: str) -> None:
        self._name = check_name(value)

    @property
    def description(self) -> str | None:
        """Description; `save()` sends a new one."""
        return self._description

    @description.setter
    def description(self, value: str | None) -> None:
        self._description = value

    @property
    def tags(self) -> list[str]:
        """Tags; `save()` sends changes."""
        return self._tags

    @tags.setter
    def tags(self, value: Sequence[str]) -> None:
        self._tags = check_tags(value)

    @property
    def type(self) -> str:
        """Type of the versions; `save()` moves the collection to a new one.

        Raises:
            InvalidValueError: Set to a reserved type, of a reserved one, or of a collection of
                links.
        """
        return self._type

    @type.setter
    def type(self, value: str) -> None:
        if not self.is_sequence():
            raise InvalidValueError("the type of a collection of links cannot be changed")
        check_type(self._node.type.name, self._name)
        self._type = check_type(value, self._name)

    @property
    def created_at(self) -> str | None:
        """When it was made, in ISO form."""
        return self._node.created_at

    @property
    def updated_at(self) -> str | None:
        """When it was last changed, in ISO form."""
        return self._node.updated_at

    def is_sequence(self) -> bool:
        """Whether it owns its versions; False: it is a collection of links."""
        return self._node.typename == "ArtifactSequence"

    @on_loop
    async def aliases(self) -> list[str]:  # sync: property
        """The aliases of all its versions. Asks the server anew each time.

        Raises:
            CommError: The server refused or was not reached.
        """
        found: list[str] = []
        cursor: str | None = None
        while True:
            variables = {"id": self.id, "cursor": cursor, "perPage": _ALIASES_PER_PAGE}
            there = (await self._service.execute(COLLECTION_ALIASES, variables)).artifact_collection
            if there is None or there.aliases is None:
                raise ArtifactNotFoundError(f"the artifact collection {self._node.name} is gone")
            found += [edge.node.alias for edge in there.aliases.edges if edge.node is not None]
            cursor = there.aliases.page_info.end_cursor
            if not there.aliases.page_info.has_next_page:
                return found

    def artifacts(self, per_page: int = 50, start: str | None = None) -> ArtifactVersions:
        """Its versions, the newest first. Sends nothing before the first one.

        Args:
            per_page: Versions asked for at once.
            start: Cursor to go on behind: `cursor` of an earlier listing.

        Raises:
            InvalidValueError: `per_page` is below 1.
        """
        where = ArtifactPath(self._entity, self._project, self._node.name)
        return ArtifactVersions(
            self._service,
            where,
            self._node.type.name,
            order=None,
            per_page=per_page,
            tags=None,
            start=start,
        )

    @on_loop
    async def load(self) -> None:
        """Ask the server anew; what was changed and not saved is lost.

        Raises:
            ArtifactNotFoundError: It is gone, or was renamed.
            CommError: The server refused or was not reached.
        """
        node = self._node
        self._take(
            await _fetch_node(self._service, self._entity, self._project, node.type.name, node.name)
        )

    @on_loop
    async def save(self) -> None:
        """Send what was changed: name, description, tags, type.

        Raises:
            CommError: The server refused, for example a name that is taken, or was not reached.
        """
        if self.is_sequence():
            operation, key = UPDATE_SEQUENCE, "artifactSequenceID"
        else:
            operation, key = UPDATE_PORTFOLIO, "artifactPortfolioID"
        wanted_type, wanted_tags = self._type, list(self._tags)
        wanted = {key: self.id, "name": self._name, "description": self._description or ""}
        node = await self._change(operation, wanted)
        if wanted_type != node.type.name:
            wanted = {
                "artifactSequenceID": self.id,
                "destinationArtifactTypeName": wanted_type,
            }
            node = await self._change(MOVE_SEQUENCE, wanted)
        before = set(_tags_of(node))
        for change, tags in (
            (ADD_TAGS, set(wanted_tags) - before),
            (DELETE_TAGS, before - set(wanted_tags)),
        ):
            listed = sorted(tags)
            for start in range(0, len(listed), _TAGS_PER_REQUEST):
                await self._service.execute(
                    change,
                    {
                        "input": {
                            "entityName": self._entity,
                            "projectName": self._project,
                            "artifactCollectionName": node.name,
                            "tags": [
                                {"tagName": tag}
                                for tag in listed[start : start + _TAGS_PER_REQUEST]
                            ],
                        }
                    },
                )
        self._take(
            await _fetch_node(self._service, self._entity, self._project, node.type.name, node.name)
        )

    async def change_type(self, new_type: str) -> None:
        """Move it to another type, at once; an older way than `type` and `save()`.

        Raises:
            InvalidValueError: As for setting `type`.
            CommError: The server refused or was not reached.
        """
        self.type = new_type
        await self.save()

    @on_loop
    async def delete(self) -> None:
        """Delete it with all its versions, or links. Cannot be undone.

        Raises:
            CommError: The server refused or was not reached.
        """
        operation = DELETE_SEQUENCE if self.is_sequence() else DELETE_PORTFOLIO
        await self._service.execute(operation, {"id": self.id})

    async def _change(
        self, operation: Operation[ChangedData], wanted: dict[str, str]
    ) -> CollectionNode:
        payload = (await self._service.execute(operation, {"input": wanted})).result
        node = payload.artifact_collection if payload is not None else None
        if node is None:
            raise ProtocolError(f"the server did not change the collection {self._node.name}")
        return node

    def _take(self, node: CollectionNode) -> None:
        """Take over what the server says."""
        self._node = node
        self._name = node.name
        self._description = node.description
        self._type = node.type.name
        self._tags = _tags_of(node)


async def fetch_collection(
    service: Service, entity: str, project: str, type_name: str, name: str
) -> ArtifactCollection:
    """Ask for a collection. In the loop.

    Raises:
        ArtifactNotFoundError: There is none.
        CommError: The server refused or was not reached.
    """
    node = await _fetch_node(service, entity, project, type_name, name)
    return ArtifactCollection(service, entity, project, node)


async def _fetch_node(
    service: Service, entity: str, project: str, type_name: str, name: str
) -> CollectionNode:
    variables = {"entity": entity, "project": project, "type": type_name, "name": name}
    node = (await service.execute(COLLECTION, variables)).collection
    if node is None:
        raise ArtifactNotFoundError(
            f"Could not find the artifact collection {entity}/{project}/{name} of the type "
            f"{type_name!r}"
        )
    return node


def _tags_of(node: CollectionNode) -> list[str]:
    return [] if node.tags is None else [edge.node.name for edge in node.tags.edges]
