"""Operations that ask what a draft must agree with before it is created."""

from __future__ import annotations

import msgspec

from asyncwb.graphql.operation import Operation

__all__ = ["ARTIFACT_TYPE", "DIGEST_ALGORITHM", "XXHASH_ENABLED"]


class _Camel(msgspec.Struct, rename="camel"):
    """Base of the answers: camel case on the wire."""


class _Named(_Camel):
    name: str


class _Typed(_Camel):
    artifact_type: _Named | None = None


class _ProjectOfType(_Camel):
    artifact: _Typed | None = None


class ArtifactTypeData(_Camel):
    """Answer of `ARTIFACT_TYPE`."""

    project: _ProjectOfType | None = None


ARTIFACT_TYPE = Operation(
    "ArtifactType",
    """query ArtifactType($entity: String, $project: String, $name: String!) {
  project(name: $project, entityName: $entity) {
    artifact(name: $name) { artifactType { name } }
  }
}""",
    ArtifactTypeData,
)
"""The type of a collection; `name` is `collection:alias`."""


class _XXHashEntity(_Camel):
    xxhash_digests_enabled: bool | None = None


class XXHashData(_Camel):
    """Answer of `XXHASH_ENABLED`."""

    entity: _XXHashEntity | None = None


XXHASH_ENABLED = Operation(
    "XXHashDigestsEnabled",
    """query XXHashDigestsEnabled($entityName: String!) {
  entity(name: $entityName) { xxhashDigestsEnabled }
}""",
    XXHashData,
)
"""Whether an entity takes digests by XXH128."""


class _DigestSequence(_Camel):
    digest_algorithm: str | None = None


class _CollectionOfType(_Camel):
    artifact_collection: _DigestSequence | None = None


class _ProjectOfCollection(_Camel):
    artifact_type: _CollectionOfType | None = None


class DigestAlgorithmData(_Camel):
    """Answer of `DIGEST_ALGORITHM`."""

    project: _ProjectOfCollection | None = None


DIGEST_ALGORITHM = Operation(
    "FetchArtifactDigestAlgorithm",
    """query FetchArtifactDigestAlgorithm(
  $entityName: String!, $projectName: String!, $artifactTypeName: String!,
  $artifactCollectionName: String!
) {
  project(name: $projectName, entityName: $entityName) {
    artifactType(name: $artifactTypeName) {
      artifactCollection(name: $artifactCollectionName) {
        ... on ArtifactSequence { digestAlgorithm }
      }
    }
  }
}""",
    DigestAlgorithmData,
)
"""How the digests of an existing collection are made."""
