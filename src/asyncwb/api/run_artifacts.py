"""Artifacts of a run of the read side."""

from __future__ import annotations

from typing import TYPE_CHECKING

from asyncwb.api.artifacts import RunArtifacts
from asyncwb.artifacts.artifact import Artifact
from asyncwb.artifacts.names import check_aliases, check_tags
from asyncwb.artifacts.write_operations import CREATE_ARTIFACT, USE_ARTIFACT
from asyncwb.errors import InvalidValueError, ProtocolError
from asyncwb.portal import on_loop

if TYPE_CHECKING:
    from collections.abc import Sequence

    from asyncwb.api.history import RunAddress
    from asyncwb.graphql.service import Service

__all__ = ["RunArtifactMethods"]


class RunArtifactMethods:
    """What a run made and read."""

    _service: Service
    _address: RunAddress

    def logged_artifacts(self, per_page: int = 100) -> RunArtifacts:
        """The artifact versions that the run logged. Sends nothing before the first one.

        Args:
            per_page: Versions asked for at once.
        """
        return RunArtifacts(self._service, self._address, used=False, per_page=per_page)

    def used_artifacts(self, per_page: int = 100) -> RunArtifacts:
        """The artifact versions that the run read. Sends nothing before the first one.

        Args:
            per_page: Versions asked for at once.
        """
        return RunArtifacts(self._service, self._address, used=True, per_page=per_page)

    @on_loop
    async def use_artifact(self, artifact: Artifact, use_as: str | None = None) -> Artifact:
        """Note that the run read a version that is logged already.

        Args:
            artifact: The version, from `Api.artifact`.
            use_as: What the run calls it; None: its name.

        Returns:
            The artifact.

        Raises:
            InvalidValueError: It is a draft, or no artifact.
            CommError: The server refused or was not reached.
        """
        _check_logged(artifact)
        wanted = {
            "artifactID": artifact.id,
            "entityName": self._address.entity,
            "projectName": self._address.project,
            "runName": self._address.run_id,
            "usedAs": use_as or artifact.name,
        }
        await self._service.execute(USE_ARTIFACT, {"input": wanted})
        return artifact

    @on_loop
    async def log_artifact(
        self,
        artifact: Artifact,
        aliases: Sequence[str] | None = None,
        tags: Sequence[str] | None = None,
    ) -> Artifact:
        """Note that the run made a version that is logged already, in the same project.

        Args:
            artifact: The version, from `Api.artifact`.
            aliases: More aliases for it.
            tags: More tags for it.

        Returns:
            The artifact.

        Raises:
            InvalidValueError: It is a draft, no artifact, or one of another project.
            CommError: The server refused or was not reached.
        """
        _check_logged(artifact)
        there = (artifact.source_entity, artifact.source_project)
        if there != (self._address.entity, self._address.project):
            raise InvalidValueError(
                f"{artifact.source_qualified_name} is of another project than the run "
                f"{self._address}: link it, or log its content anew"
            )
        name = artifact.source_name.partition(":")[0]
        wanted: dict[str, object] = {
            "entityName": self._address.entity,
            "projectName": self._address.project,
            "runName": self._address.run_id,
            "artifactTypeName": artifact.type,
            "artifactCollectionNames": [name],
            "digest": artifact.digest,
            "digestAlgorithm": artifact.digest_algorithm,
            "aliases": [
                {"artifactCollectionName": name, "alias": alias} for alias in check_aliases(aliases)
            ],
            "tags": [{"tagName": tag} for tag in check_tags(tags)],
            "enableDigestDeduplication": True,
        }
        payload = (await self._service.execute(CREATE_ARTIFACT, {"input": wanted})).create_artifact
        if payload is None or payload.artifact is None:
            raise ProtocolError(f"the server did not note {artifact.source_qualified_name}")
        return artifact


def _check_logged(artifact: object) -> None:
    if not isinstance(artifact, Artifact) or artifact.is_draft():
        raise InvalidValueError(
            f"runs of the Api take versions that are logged, of Api.artifact(), not {artifact!r}"
        )
