"""Operations that read versions of artifacts."""

from __future__ import annotations

import msgspec

from asyncwb.graphql.operation import Operation
from asyncwb.graphql.paginator import PageInfo  # noqa: TC001 - msgspec reads the annotations

__all__ = [
    "ARTIFACT_BY_ID",
    "CREATED_BY",
    "FILE_URLS",
    "LINKED",
    "MANIFEST",
    "MEMBERSHIP",
    "MEMBERSHIP_FIELDS",
    "TYPE_OF",
    "USED_BY",
    "VERSION_FIELDS",
    "AliasNode",
    "CollectionRef",
    "MembershipNode",
    "ProjectRef",
    "RunRef",
    "VersionNode",
]


class _Camel(msgspec.Struct, rename="camel"):
    """Base of the answers: camel case on the wire."""


class _Name(_Camel):
    name: str


class ProjectRef(_Camel):
    """A project and its owner."""

    name: str
    entity: _Name
    id: str | None = None
    internal_id: str | None = None


class CollectionRef(_Camel):
    """A collection, as far as versions name it."""

    name: str
    project: ProjectRef | None = None
    typename: str = msgspec.field(default="ArtifactSequence", name="__typename")
    id: str | None = None


class AliasNode(_Camel):
    """An alias, and of which collection it is."""

    alias: str
    artifact_collection: CollectionRef | None = None


class VersionNode(_Camel):
    """A version as the server keeps it."""

    id: str
    state: str
    digest: str
    artifact_sequence: CollectionRef
    artifact_type: _Name
    version_index: int | None = None
    description: str | None = None
    metadata: str | None = None
    ttl_duration_seconds: int | None = None
    ttl_is_inherited: bool = True
    tags: list[_Name] = []
    history_step: int | None = None
    size: int = 0
    digest_algorithm: str | None = None
    commit_hash: str | None = None
    file_count: int = 0
    created_at: str | None = None
    updated_at: str | None = None
    aliases: list[AliasNode] | None = None


class MembershipNode(_Camel):
    """The place of a version in a collection."""

    artifact: VersionNode
    artifact_collection: CollectionRef
    version_index: int | None = None
    created_at: str | None = None
    aliases: list[AliasNode] = []


_COLLECTION = "__typename id name project { id name entity { name } }"
VERSION_FIELDS = f"""
    id artifactSequence {{ {_COLLECTION} }} versionIndex artifactType {{ name }}
    description metadata ttlDurationSeconds ttlIsInherited tags {{ name }} historyStep state
    size digest digestAlgorithm commitHash fileCount createdAt updatedAt
    aliases {{ alias artifactCollection {{ {_COLLECTION} }} }}
"""
MEMBERSHIP_FIELDS = f"""
    versionIndex createdAt aliases {{ alias }}
    artifactCollection {{ {_COLLECTION} }} artifact {{ {VERSION_FIELDS} }}
"""


class _MembershipProject(_Camel):
    artifact_collection_membership: MembershipNode | None = None


class MembershipData(_Camel):
    """Answer of `MEMBERSHIP`."""

    project: _MembershipProject | None = None


MEMBERSHIP = Operation(
    "ArtifactMembershipByName",
    f"""query ArtifactMembershipByName($entity: String!, $project: String!, $name: String!) {{
  project(entityName: $entity, name: $project) {{
    artifactCollectionMembership(name: $name) {{ {MEMBERSHIP_FIELDS} }}
  }}
}}""",
    MembershipData,
)


class VersionData(_Camel):
    """Answer of `ARTIFACT_BY_ID`."""

    artifact: VersionNode | None = None


ARTIFACT_BY_ID = Operation(
    "ArtifactByID",
    f"query ArtifactByID($id: ID!) {{ artifact(id: $id) {{ {VERSION_FIELDS} }} }}",
    VersionData,
)


class _TypedArtifact(_Camel):
    artifact_type: _Name


class _TypeProject(_Camel):
    artifact: _TypedArtifact | None = None


class TypeData(_Camel):
    """Answer of `TYPE_OF`."""

    project: _TypeProject | None = None


TYPE_OF = Operation(
    "ArtifactType",
    """query ArtifactType($entity: String, $project: String, $name: String!) {
  project(name: $project, entityName: $entity) { artifact(name: $name) { artifactType { name } } }
}""",
    TypeData,
)


class _ManifestFile(_Camel):
    direct_url: str


class _Manifest(_Camel):
    file: _ManifestFile


class _ManifestArtifact(_Camel):
    current_manifest: _Manifest | None = None


class ManifestData(_Camel):
    """Answer of `MANIFEST`."""

    artifact: _ManifestArtifact | None = None


MANIFEST = Operation(
    "FetchArtifactManifest",
    """query FetchArtifactManifest($id: ID!) {
  artifact(id: $id) { currentManifest { file { directUrl } } }
}""",
    ManifestData,
)


class AddressNode(_Camel, gc=False):
    """Where to get one file of a version."""

    name: str
    direct_url: str | None = None


class _AddressEdge(_Camel, gc=False):
    node: AddressNode | None = None


class _Addresses(_Camel):
    edges: list[_AddressEdge]
    page_info: PageInfo


class _AddressMembership(_Camel):
    files: _Addresses | None = None


class _AddressCollection(_Camel):
    artifact_membership: _AddressMembership | None = None


class _AddressProject(_Camel):
    artifact_collection: _AddressCollection | None = None


class FileUrlsData(_Camel):
    """Answer of `FILE_URLS`."""

    project: _AddressProject | None = None

    @property
    def files(self) -> _Addresses | None:
        """The listing, if there is such a version."""
        collection = self.project and self.project.artifact_collection
        membership = collection and collection.artifact_membership
        return membership.files if membership else None


FILE_URLS = Operation(
    "GetArtifactMembershipFileUrls",
    """query GetArtifactMembershipFileUrls(
  $entity: String!, $project: String!, $collection: String!, $alias: String!,
  $names: [String!], $cursor: String, $perPage: Int
) {
  project(name: $project, entityName: $entity) {
    artifactCollection(name: $collection) {
      artifactMembership(aliasName: $alias) {
        files(names: $names, after: $cursor, first: $perPage) {
          edges { node { name: displayName directUrl } }
          pageInfo { hasNextPage endCursor }
        }
      }
    }
  }
}""",
    FileUrlsData,
)


class RunRef(_Camel):
    """A run that made or reads a version."""

    name: str
    project: ProjectRef | None = None


class _Creator(_Camel):
    typename: str = msgspec.field(default="", name="__typename")
    name: str | None = None
    project: ProjectRef | None = None


class _CreatedArtifact(_Camel):
    created_by: _Creator | None = None


class CreatedByData(_Camel):
    """Answer of `CREATED_BY`."""

    artifact: _CreatedArtifact | None = None


CREATED_BY = Operation(
    "ArtifactCreatedBy",
    """query ArtifactCreatedBy($id: ID!) {
  artifact(id: $id) {
    createdBy { __typename ... on Run { name project { name entity { name } } } }
  }
}""",
    CreatedByData,
)


class _RunEdge(_Camel):
    node: RunRef | None = None


class _Runs(_Camel):
    edges: list[_RunEdge]


class _UsedArtifact(_Camel):
    used_by: _Runs | None = None


class UsedByData(_Camel):
    """Answer of `USED_BY`."""

    artifact: _UsedArtifact | None = None


USED_BY = Operation(
    "ArtifactUsedBy",
    """query ArtifactUsedBy($id: ID!) {
  artifact(id: $id) { usedBy { edges { node { name project { name entity { name } } } } } }
}""",
    UsedByData,
)


class PlaceNode(_Camel):
    """A place of a version that is known already."""

    artifact_collection: CollectionRef
    version_index: int | None = None
    created_at: str | None = None
    aliases: list[AliasNode] = []

    def of(self, version: VersionNode) -> MembershipNode:
        """The place together with its version."""
        return MembershipNode(
            artifact=version,
            artifact_collection=self.artifact_collection,
            version_index=self.version_index,
            created_at=self.created_at,
            aliases=self.aliases,
        )


class _PlaceEdge(_Camel):
    node: PlaceNode | None = None


class _Places(_Camel):
    edges: list[_PlaceEdge]


class _LinkedArtifact(_Camel):
    artifact_memberships: _Places | None = None


class LinkedData(_Camel):
    """Answer of `LINKED`."""

    artifact: _LinkedArtifact | None = None


LINKED = Operation(
    "FetchLinkedArtifacts",
    f"""query FetchLinkedArtifacts($artifactID: ID!) {{
  artifact(id: $artifactID) {{
    artifactMemberships {{
      edges {{
        node {{ versionIndex createdAt aliases {{ alias }} artifactCollection {{ {_COLLECTION} }} }}
      }}
    }}
  }}
}}""",
    LinkedData,
)
