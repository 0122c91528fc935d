"""What an artifact is called, and where it is: attributes that never wait."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import quote

from asyncwb.artifacts.names import REGISTRY_PREFIX
from asyncwb.errors import UsageError

if TYPE_CHECKING:
    from asyncwb.artifacts.read_operations import CollectionRef, MembershipNode, VersionNode
    from asyncwb.graphql.service import Service

__all__ = ["ArtifactNames", "Where", "owner_of", "same_collection"]


class Where(NamedTuple):
    """The place of a version; the fields are named as the variables of queries."""

    entity: str
    project: str
    collection: str
    alias: str

    def __str__(self) -> str:
        return f"{self.entity}/{self.project}/{self.collection}:{self.alias}"

    @classmethod
    def owner(cls, node: VersionNode) -> Where:
        """The place of a version in the collection that owns it."""
        sequence = node.artifact_sequence
        return cls(*owner_of(sequence), sequence.name, f"v{node.version_index}")


class ArtifactNames:
    """Names of an artifact, as the server told them."""

    _client_id: str
    _collection_name: str
    _type: str
    _service: Service | None
    _version: VersionNode | None
    _place: MembershipNode | None
    _asked_alias: str

    @property
    def id(self) -> str | None:
        """Id of the logged version; None for a draft."""
        return None if self._version is None else self._version.id

    @property
    def name(self) -> str:
        """Name; with the alias or version that was asked for once it is logged."""
        if self._version is None:
            return self._collection_name
        return f"{self._home.name}:{self._asked_alias or self.version}"

    @property
    def qualified_name(self) -> str:
        """`entity/project/name`."""
        return f"{self.entity}/{self.project}/{self.name}"

    @property
    def entity(self) -> str:
        """Owner of the project that holds it; for a link, of the collection of links.

        Raises:
            UsageError: It is a draft.
        """
        return owner_of(self._home)[0]

    @property
    def project(self) -> str:
        """Project that holds it; for a link, that of the collection of links.

        Raises:
            UsageError: It is a draft.
        """
        return owner_of(self._home)[1]

    @property
    def version(self) -> str:
        """Version, such as `v3`, in its collection.

        Raises:
            UsageError: It is a draft.
        """
        return f"v{self._place_index(self._require('version'))}"

    @property
    def type(self) -> str:
        """Type, such as `dataset` or `model`."""
        return self._type

    @property
    def is_link(self) -> bool:
        """Whether it was reached through a collection of links.

        Raises:
            UsageError: It is a draft.
        """
        node = self._require("is_link")
        return self._place is not None and not same_collection(self._home, node.artifact_sequence)

    @property
    def source_entity(self) -> str:
        """Owner of the project in which it was logged.

        Raises:
            UsageError: It is a draft.
        """
        return owner_of(self._require("source_entity").artifact_sequence)[0]

    @property
    def source_project(self) -> str:
        """Project in which it was logged.

        Raises:
            UsageError: It is a draft.
        """
        return owner_of(self._require("source_project").artifact_sequence)[1]

    @property
    def source_name(self) -> str:
        """Name and version in the collection that owns it.

        Raises:
            UsageError: It is a draft.
        """
        node = self._require("source_name")
        return f"{node.artifact_sequence.name}:{self.source_version}"

    @property
    def source_qualified_name(self) -> str:
        """`entity/project/name:version` in the collection that owns it.

        Raises:
            UsageError: It is a draft.
        """
        return f"{self.source_entity}/{self.source_project}/{self.source_name}"

    @property
    def source_version(self) -> str:
        """Version in the collection that owns it.

        Raises:
            UsageError: It is a draft.
        """
        return f"v{self._require('source_version').version_index}"

    @property
    def url(self) -> str:
        """Web page of the version.

        Raises:
            UsageError: It is a draft.
        """
        self._require("url")
        web = "" if self._service is None else self._service.settings.web_url
        home = self._home
        place = f"{quote(self.entity)}/{quote(self.project)}"
        if self.is_link and self.project.startswith(REGISTRY_PREFIX):
            chosen = quote(f"{self.entity}/{self.project}/{home.name}", safe="")
            registry = quote(self.project.removeprefix(REGISTRY_PREFIX))
            query = f"selectionPath={chosen}&view=membership&version={self.version}"
            organization = self.entity
            if self._service is not None:
                organization = self._service.organization_behind(organization)
            return f"{web}/orgs/{quote(organization)}/registry/{registry}?{query}"
        kind = quote(self._type, safe="")
        return f"{web}/{place}/artifacts/{kind}/{quote(home.name, safe='')}/{self.version}"

    @property
    def client_id(self) -> str:
        """Id that a draft gives itself, until the server gives one; "" for others' versions."""
        return self._client_id

    # -- inside -----------------------------------------------------------------------------

    @property
    def _home(self) -> CollectionRef:
        """The collection through which it was reached."""
        node = self._require("its place")
        return node.artifact_sequence if self._place is None else self._place.artifact_collection

    @property
    def _where(self) -> Where:
        """The place through which it was reached, as queries of its files name it."""
        return Where(self.entity, self.project, self._home.name, self.version)

    def _place_index(self, node: VersionNode) -> int | None:
        return node.version_index if self._place is None else self._place.version_index

    def _require(self, what: str) -> VersionNode:
        if self._version is None:
            raise UsageError(
                f"{what} of the artifact {self._collection_name!r} is known once it is logged; "
                "await run.log_artifact(artifact), then artifact.wait()"
            )
        return self._version

    def _remote(self, call: str) -> Service:
        if self._service is None:
            self._require(call)
            raise UsageError(f"{call}: the artifact belongs to an offline run")
        return self._service


def owner_of(collection: CollectionRef) -> tuple[str, str]:
    """Entity and project of a collection, empty where the server did not tell."""
    project = collection.project
    return ("", "") if project is None else (project.entity.name, project.name)


def same_collection(one: CollectionRef, other: CollectionRef) -> bool:
    """Whether two references name the same collection."""
    return (one.name, owner_of(one)) == (other.name, owner_of(other))
