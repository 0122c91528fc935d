"""Versions of artifacts as a server lists them."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from asyncwb import jsonx
from asyncwb.api.pages import Listing
from asyncwb.artifacts.artifact import Artifact
from asyncwb.artifacts.list_operations import RUN_INPUTS, RUN_OUTPUTS, VERSIONS
from asyncwb.artifacts.names import REGISTRY_PREFIX, check_tags
from asyncwb.artifacts.organizations import owner
from asyncwb.artifacts.read_operations import MEMBERSHIP
from asyncwb.errors import ArtifactNotFoundError, InvalidValueError, RunNotFoundError
from asyncwb.graphql.paginator import Page

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from asyncwb.api.history import RunAddress
    from asyncwb.graphql.service import Service

__all__ = [
    "ArtifactPath",
    "ArtifactVersions",
    "RunArtifacts",
    "artifact_path",
    "fetch_artifact",
]

_FORMS = (
    "entity/project/name:alias, project/name:alias or name:alias, in a registry by "
    "[organization/]wandb-registry-NAME/collection:alias"
)


class ArtifactPath(NamedTuple):
    """Where a version or collection is; an entity of None means the default one.

    Of a registry, the entity is an organization or its entity.
    """

    entity: str | None
    project: str
    name: str


def artifact_path(path: str, entity: str | None, project: str | None) -> ArtifactPath:
    """Read the path of a version or a collection.

    Args:
        path: `entity/project/name:alias` or a shorter form; an alias may be `v3`, or missing.
        entity: Used where the path names none.
        project: Used where the path names none.

    Raises:
        InvalidValueError: The path has another form.
    """
    collection, colon, alias = path.strip().partition(":")
    parts = collection.split("/")
    if len(parts) > 3 or not all(parts) or (colon and not alias):
        raise InvalidValueError(
            f"Invalid artifact path: {path!r}. An artifact is named by {_FORMS}"
        )
    *owners, name = parts
    found_project = owners[-1] if owners else project or "uncategorized"
    if found_project.startswith(REGISTRY_PREFIX):
        entity = None  # an organization owns it
    found_entity = owners[0] if len(owners) == 2 else entity
    return ArtifactPath(found_entity, found_project, f"{name}{colon}{alias}")


async def fetch_artifact(
    service: Service, where: ArtifactPath, type_name: str | None = None
) -> Artifact:
    """Ask for one version. In the loop.

    Raises:
        ArtifactNotFoundError: No version is there.
        InvalidValueError: It has another type than `type_name`.
        CommError: The server refused or was not reached.
    """
    entity = await owner(service, where.entity, where.project)
    variables = {"entity": entity, "project": where.project, "name": where.name}
    project = (await service.execute(MEMBERSHIP, variables)).project
    place = project.artifact_collection_membership if project is not None else None
    if place is None:
        raise ArtifactNotFoundError(
            f"Could not find artifact {entity}/{where.project}/{where.name}"
        )
    found = Artifact._from_membership(service, place, where.name)  # pyright: ignore[reportPrivateUsage]
    if type_name is not None and found.type != type_name:
        raise InvalidValueError(
            f"the artifact {found.qualified_name} has the type {found.type!r}, not {type_name!r}"
        )
    return found


class ArtifactVersions(Listing["Artifact"]):
    """Versions of one collection, the newest first; made by `Api.artifacts`. Pages are kept.

    `async for artifact in versions`, `await versions.length()`, `await versions.get(0)`.
    """

    def __init__(
        self,
        service: Service,
        where: ArtifactPath,
        type_name: str,
        *,
        order: str | None,
        per_page: int,
        tags: Sequence[str] | None,
        filters: Mapping[str, Any] | None = None,
        start: str | None = None,
    ) -> None:
        super().__init__(service, name="asyncwb artifacts", per_page=per_page, start=start)
        self._where = where
        self._type = type_name
        self._order = order
        conditions: dict[str, Any] = {"state": "COMMITTED", **(filters or {})}
        if tags:
            conditions["tag"] = {"$in": check_tags(tags)}
        self._filters = jsonx.encode(conditions).decode()

    def __repr__(self) -> str:
        return f"<ArtifactVersions {self._where.project}/{self._where.name}>"

    async def _fetch(self, cursor: str | None) -> Page[Artifact]:
        where = self._where
        entity = await owner(self._service, where.entity, where.project)
        variables: dict[str, object] = {
            "entity": entity,
            "project": where.project,
            "type": self._type,
            "collection": where.name,
            "cursor": cursor,
            "perPage": self._per_page,
            "order": self._order,
            "filters": self._filters,
        }
        project = (await self._service.execute(VERSIONS, variables)).project
        kind = project.artifact_type if project is not None else None
        collection = kind.artifact_collection if kind is not None else None
        if collection is None or collection.artifacts is None:
            raise ArtifactNotFoundError(
                f"Could not find the artifact collection {entity}/{where.project}/{where.name} "
                f"of the type {self._type!r}"
            )
        listing = collection.artifacts
        self._count = listing.total_count
        found = [
            Artifact._from_version(  # pyright: ignore[reportPrivateUsage]
                self._service, edge.node, edge.place(collection)
            )
            for edge in listing.edges
        ]
        return Page(found, listing.page_info.end_cursor, listing.page_info.has_next_page)


class RunArtifacts(Listing["Artifact"]):
    """Versions that a run logged or used; made by `Run.logged_artifacts` and `used_artifacts`.

    `async for artifact in artifacts`, `await artifacts.length()`, `await artifacts.get(0)`. Pages
    are kept.
    """

    def __init__(self, service: Service, address: RunAddress, *, used: bool, per_page: int) -> None:
        super().__init__(service, name="asyncwb artifacts of a run", per_page=per_page)
        self._address = address
        self._operation = RUN_INPUTS if used else RUN_OUTPUTS

    def __repr__(self) -> str:
        return f"<RunArtifacts {self._address}>"

    async def _fetch(self, cursor: str | None) -> Page[Artifact]:
        variables = {**self._address.variables, "cursor": cursor, "perPage": self._per_page}
        project = (await self._service.execute(self._operation, variables)).project
        if project is None or project.run is None or project.run.artifacts is None:
            raise RunNotFoundError(f"Could not find run {self._address}")
        listing = project.run.artifacts
        self._count = listing.total_count
        found = [
            Artifact._from_version(self._service, edge.node)  # pyright: ignore[reportPrivateUsage]
            for edge in listing.edges
            if edge.node is not None
        ]
        return Page(found, listing.page_info.end_cursor, listing.page_info.has_next_page)
