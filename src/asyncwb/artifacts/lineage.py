"""What is around a version: runs, collections, links, and its files as the server lists them.

The one place of this package that knows `api`: what it returns are objects of the read side.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from asyncwb.artifacts.change_operations import LINK_ARTIFACT, UNLINK_ARTIFACT
from asyncwb.artifacts.names import REGISTRY_PREFIX, check_aliases
from asyncwb.artifacts.naming import owner_of
from asyncwb.artifacts.organizations import entity_of, find_organization
from asyncwb.artifacts.read_operations import ARTIFACT_BY_ID, CREATED_BY, LINKED, USED_BY
from asyncwb.artifacts.reading import ArtifactReading
from asyncwb.errors import ArtifactNotFoundError, InvalidValueError, ProtocolError
from asyncwb.portal import on_loop

if TYPE_CHECKING:
    from collections.abc import Sequence

    from asyncwb.api.artifact_files import ArtifactFiles
    from asyncwb.api.collections import ArtifactCollection
    from asyncwb.api.run import Run
    from asyncwb.artifacts.artifact import Artifact
    from asyncwb.artifacts.read_operations import CollectionRef, ProjectRef
    from asyncwb.graphql.service import Service

__all__ = ["ArtifactLineage"]


class ArtifactLineage(ArtifactReading):
    """What is around a version."""

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

    def files(
        self, names: Sequence[str] | None = None, per_page: int = 50, start: str | None = None
    ) -> ArtifactFiles:
        """The files of a version as the server lists them. Sends nothing before the first one.

        Args:
            names: Only these paths.
            per_page: Files asked for at once.
            start: Where to begin: the `cursor` of a listing with the same arguments.

        Raises:
            UsageError: It is a draft.
            InvalidValueError: `per_page` is below 1.
        """
        from asyncwb.api.artifact_files import ArtifactFiles

        self._require("files()")
        service = self._remote("files()")
        return ArtifactFiles(service, self._where, names=names, per_page=per_page, start=start)

    @on_loop
    async def collection(self) -> ArtifactCollection:  # sync: property
        """The collection through which it was reached; of a link, the collection of links.

        Raises:
            UsageError: It is a draft.
            CommError: The server refused or was not reached.
        """
        self._require("collection()")
        return await _collection(self._remote("collection()"), self._home, self._type)

    @on_loop
    async def source_collection(self) -> ArtifactCollection:  # sync: property
        """The collection that owns it: where it was logged.

        Raises:
            UsageError: It is a draft.
            CommError: The server refused or was not reached.
        """
        node = self._require("source_collection()")
        service = self._remote("source_collection()")
        return await _collection(service, node.artifact_sequence, self._type)

    @on_loop
    async def source_artifact(self) -> Artifact:  # sync: property
        """The version in the collection that owns it: what a link leads to, else itself.

        Raises:
            UsageError: It is a draft.
            CommError: The server refused or was not reached.
        """
        node = self._require("source_artifact()")
        service = self._remote("source_artifact()")
        found = (await service.execute(ARTIFACT_BY_ID, {"id": node.id})).artifact
        if found is None:
            raise ArtifactNotFoundError(f"Could not find artifact {self.source_qualified_name}")
        return self._from_version(service, found)

    @on_loop
    async def linked_artifacts(self) -> list[Artifact]:  # sync: property
        """The version as it is reached through each collection of links that has it.

        Raises:
            UsageError: It is a draft.
            CommError: The server refused or was not reached.
        """
        node = self._require("linked_artifacts()")
        service = self._remote("linked_artifacts()")
        found = (await service.execute(LINKED, {"artifactID": node.id})).artifact
        places = found.artifact_memberships if found is not None else None
        return [
            self._from_version(service, node, edge.node.of(node))
            for edge in (places.edges if places is not None else [])
            if edge.node is not None
            and edge.node.artifact_collection.typename == "ArtifactPortfolio"
        ]

    @on_loop
    async def link(self, target_path: str, aliases: Sequence[str] | None = None) -> Artifact:
        """Link the version into a collection of links, which is made when it is missing.

        Args:
            target_path: `collection`, `project/collection` or `entity/project/collection`; for
                a registry `wandb-registry-NAME/collection`, with the organization before it
                where the artifact's owner belongs to several.
            aliases: Aliases there.

        Returns:
            The version as it is reached through the link.

        Raises:
            InvalidValueError: The path has another form, or names an organization that the
                artifact's owner does not belong to.
            UsageError: It is a draft.
            CommError: The server refused or was not reached.
        """
        node = self._require("link()")
        service = self._remote("link()")
        parts = target_path.strip("/").split("/")
        if not 1 <= len(parts) <= 3 or not all(parts) or ":" in target_path:
            raise InvalidValueError(
                f"a link goes to [entity/]project/collection, without an alias, got {target_path!r}"
            )
        project = parts[-2] if len(parts) > 1 else service.settings.project or "uncategorized"
        named = parts[0] if len(parts) > 2 else None
        if project.startswith(REGISTRY_PREFIX):
            entity = entity_of(await find_organization(service, self.source_entity, named))
        else:
            entity = named or self.source_entity
        wanted = {
            "artifactID": node.id,
            "artifactPortfolioName": parts[-1],
            "entityName": entity,
            "projectName": project,
            "aliases": [
                {"alias": alias, "artifactCollectionName": parts[-1]}
                for alias in check_aliases(aliases)
            ],
        }
        payload = (await service.execute(LINK_ARTIFACT, {"input": wanted})).link_artifact
        place = payload.artifact_membership if payload is not None else None
        if place is None:
            raise ProtocolError(f"the server did not link the artifact to {target_path}")
        return self._from_version(service, place.artifact, place)

    @on_loop
    async def unlink(self) -> None:
        """Take the link away through which the version was reached; the version stays.

        Raises:
            InvalidValueError: It was not reached through a link.
            CommError: The server refused or was not reached.
        """
        node = self._require("unlink()")
        home = self._home
        if not self.is_link or home.id is None:
            raise InvalidValueError(
                f"{self.qualified_name} is no link: it cannot be taken out of the collection that "
                "owns it; delete() deletes it"
            )
        await self._remote("unlink()").execute(
            UNLINK_ARTIFACT, {"input": {"artifactID": node.id, "artifactPortfolioID": home.id}}
        )


async def _run(service: Service, name: str, project: ProjectRef | None) -> Run:
    from asyncwb.api.history import RunAddress
    from asyncwb.api.run import Run, fetch

    entity, owner = ("", "") if project is None else (project.entity.name, project.name)
    address = RunAddress(entity, owner, name)
    return Run(service, address, await fetch(service, address))


async def _collection(service: Service, where: CollectionRef, kind: str) -> ArtifactCollection:
    from asyncwb.api.collections import fetch_collection

    return await fetch_collection(service, *owner_of(where), kind, where.name)
