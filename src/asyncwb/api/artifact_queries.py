"""What an Api says of artifacts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from asyncwb.api.artifact_types import ArtifactType, fetch_type
from asyncwb.api.artifacts import ArtifactPath, ArtifactVersions, artifact_path, fetch_artifact
from asyncwb.api.collections import ArtifactCollection, fetch_collection
from asyncwb.api.listings import ProjectArtifactCollections, ProjectArtifactTypes
from asyncwb.api.paths import project_path
from asyncwb.artifacts.artifact import Artifact
from asyncwb.artifacts.organizations import owner
from asyncwb.errors import ArtifactNotFoundError, InvalidValueError
from asyncwb.portal import on_loop

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from asyncwb.graphql.service import Service
    from asyncwb.settings import Settings

__all__ = ["ArtifactQueries"]


class ArtifactQueries:
    """Versions, collections and types of artifacts."""

    _settings: Settings
    _service: Service

    @on_loop
    async def artifact(self, name: str, type: str | None = None) -> Artifact:
        """Load one version of an artifact: `await api.artifact("project/data:latest")`.

        Args:
            name: `entity/project/name:alias`; a version such as `v3` is an alias as well, and
                `latest` is meant where none is given. Missing parts come from the settings and
                the account. In a registry: `wandb-registry-NAME/collection:alias`, with the
                organization (or its entity) before it where there are several.
            type: Its type, to be checked.

        Raises:
            ArtifactNotFoundError: No version is there (also a ValueError).
            InvalidValueError: The path has another form, or the version another type.
            CommError: The server refused or was not reached.
        """
        where = artifact_path(name, self._settings.entity, self._settings.project)
        return await fetch_artifact(self._service, where, type)

    @on_loop
    async def artifact_exists(self, name: str, type: str | None = None) -> bool:
        """Whether a version is there; see `artifact`.

        Args:
            name: Its path.
            type: Its type; a version of another type does not count.

        Raises:
            InvalidValueError: The path has another form.
            CommError: The server refused or was not reached.
        """
        where = artifact_path(name, self._settings.entity, self._settings.project)
        try:
            found = await fetch_artifact(self._service, where)
        except ArtifactNotFoundError:
            return False
        return type is None or found.type == type

    @on_loop
    async def artifact_from_id(self, artifact_id: str) -> Artifact | None:
        """Load a version by its id; None where there is none.

        Raises:
            CommError: The server refused or was not reached.
        """
        return await Artifact._from_id(self._service, artifact_id)  # pyright: ignore[reportPrivateUsage]

    def artifacts(
        self,
        type_name: str,
        name: str,
        order: str | None = None,
        per_page: int = 50,
        tags: Sequence[str] | None = None,
        start: str | None = None,
    ) -> ArtifactVersions:
        """The versions of a collection, the newest first. Sends nothing before the first one.

        Args:
            type_name: Type of the collection.
            name: `entity/project/name`, `project/name` or `name`.
            order: `+` or `-` and a key, for example `+created_at`.
            per_page: Versions asked for at once.
            tags: Only versions that have one of these tags.
            start: Cursor to go on behind: `cursor` of an earlier listing.

        Raises:
            InvalidValueError: An argument is wrong.
        """
        where = self._collection_path(name)
        return ArtifactVersions(
            self._service,
            where,
            type_name,
            order=order,
            per_page=per_page,
            tags=tags,
            start=start,
        )

    @on_loop
    async def artifact_type(self, type_name: str, project: str | None = None) -> ArtifactType:
        """Load a type of artifacts.

        Args:
            type_name: Its name.
            project: `entity/project` or `project`; None: those of the settings.

        Raises:
            ArtifactNotFoundError: The project has no such type (also a ValueError).
            InvalidValueError: The path has another form.
            CommError: The server refused or was not reached.
        """
        where = project_path(project, self._settings.entity, self._settings.project)
        entity = await owner(self._service, where.entity, where.project)
        return await fetch_type(self._service, entity, where.project, type_name)

    def artifact_types(
        self, project: str | None = None, per_page: int = 50, start: str | None = None
    ) -> ProjectArtifactTypes:
        """The types of artifacts of a project. Sends nothing before the first one.

        Args:
            project: `entity/project` or `project`; None: those of the settings.
            per_page: Types asked for at once.
            start: Cursor to go on behind: `cursor` of an earlier listing.

        Raises:
            InvalidValueError: An argument is wrong.
        """
        where = project_path(project, self._settings.entity, self._settings.project)
        return ProjectArtifactTypes(self._service, where.entity, where.project, per_page, start)

    @on_loop
    async def artifact_collection(self, type_name: str, name: str) -> ArtifactCollection:
        """Load a collection: `await api.artifact_collection("dataset", "project/data")`.

        Args:
            type_name: Its type.
            name: `entity/project/name`, `project/name` or `name`.

        Raises:
            ArtifactNotFoundError: There is none (also a ValueError).
            InvalidValueError: The path has another form.
            CommError: The server refused or was not reached.
        """
        where = self._collection_path(name)
        entity = await owner(self._service, where.entity, where.project)
        return await fetch_collection(self._service, entity, where.project, type_name, where.name)

    @on_loop
    async def artifact_collection_exists(self, name: str, type: str) -> bool:
        """Whether a collection is there; see `artifact_collection`.

        Args:
            name: Its path.
            type: Its type.

        Raises:
            InvalidValueError: The path has another form.
            CommError: The server refused or was not reached.
        """
        try:
            await self.artifact_collection(type, name)
        except ArtifactNotFoundError:
            return False
        return True

    def artifact_collections(
        self,
        project_name: str | None = None,
        type_name: str | None = None,
        order: str | None = None,
        per_page: int = 50,
        filters: Mapping[str, Any] | None = None,
        start: str | None = None,
    ) -> ProjectArtifactCollections:
        """The collections of a project. Sends nothing before the first one.

        Args:
            project_name: `entity/project` or `project`; None: those of the settings.
            type_name: Only this type; None: all of them.
            order: `+` or `-` and a key, for example `+created_at`.
            per_page: Collections asked for at once.
            filters: MongoDB-style filter, e.g. `{"name": {"$regex": "^train"}}`.
            start: Cursor to go on behind: `cursor` of an earlier listing.

        Raises:
            InvalidValueError: An argument is wrong.
        """
        where = project_path(project_name, self._settings.entity, self._settings.project)
        return ProjectArtifactCollections(
            self._service,
            where.entity,
            where.project,
            type_name,
            filters=filters,
            order=order,
            per_page=per_page,
            start=start,
        )

    def artifact_versions(self, type_name: str, name: str, per_page: int = 50) -> ArtifactVersions:
        """An older name of `artifacts`."""
        return self.artifacts(type_name, name, per_page=per_page)

    def _collection_path(self, name: str) -> ArtifactPath:
        where = artifact_path(name, self._settings.entity, self._settings.project)
        if ":" in where.name:
            raise InvalidValueError(f"{name!r} names a version; a collection is named without ':'")
        return where
