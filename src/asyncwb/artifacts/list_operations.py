"""Operations that list versions of artifacts, and the files of one."""

from __future__ import annotations

import msgspec

from asyncwb.artifacts.read_operations import (
    VERSION_FIELDS,
    AliasNode,
    CollectionRef,
    MembershipNode,
    VersionNode,
)
from asyncwb.graphql.api_answers import FileNode  # noqa: TC001 - msgspec reads the annotations
from asyncwb.graphql.operation import Operation
from asyncwb.graphql.paginator import PageInfo  # noqa: TC001 - msgspec reads the annotations

__all__ = ["FILES", "RUN_INPUTS", "RUN_OUTPUTS", "VERSIONS"]


class _Camel(msgspec.Struct, rename="camel"):
    """Base of the answers: camel case on the wire."""


class _VersionEdge(_Camel):
    node: VersionNode
    version: str = ""

    def place(self, collection: _Collection) -> MembershipNode:
        """The version's place in the collection that was listed."""
        there = CollectionRef(
            name=collection.name,
            project=collection.project or self.node.artifact_sequence.project,
            typename=collection.typename,
            id=collection.id,
        )
        aliases = [
            AliasNode(alias=one.alias)
            for one in self.node.aliases or []
            if one.artifact_collection is not None
            and one.artifact_collection.name == collection.name
        ]
        number = self.version.removeprefix("v")
        return MembershipNode(
            artifact=self.node,
            artifact_collection=there,
            version_index=int(number) if number.isdigit() else self.node.version_index,
            aliases=aliases,
        )


class _Versions(_Camel):
    edges: list[_VersionEdge]
    page_info: PageInfo
    total_count: int = 0


class _Collection(CollectionRef, rename="camel"):
    artifacts: _Versions | None = None


class _Type(_Camel):
    artifact_collection: _Collection | None = None


class _Project(_Camel):
    artifact_type: _Type | None = None


class VersionsData(_Camel):
    """Answer of `VERSIONS`."""

    project: _Project | None = None


VERSIONS = Operation(
    "ProjectArtifacts",
    f"""query ProjectArtifacts(
  $entity: String!, $project: String!, $type: String!, $collection: String!,
  $cursor: String, $perPage: Int, $order: String, $filters: JSONString
) {{
  project(entityName: $entity, name: $project) {{
    artifactType(name: $type) {{
      artifactCollection(name: $collection) {{
        __typename id name project {{ id name entity {{ name }} }}
        artifacts(after: $cursor, first: $perPage, order: $order, filters: $filters) {{
          totalCount
          pageInfo {{ hasNextPage endCursor }}
          edges {{ version node {{ {VERSION_FIELDS} }} }}
        }}
      }}
    }}
  }}
}}""",
    VersionsData,
)


class _RunEdge(_Camel):
    node: VersionNode | None = None


class _RunArtifacts(_Camel):
    edges: list[_RunEdge]
    page_info: PageInfo
    total_count: int = 0


class _Run(_Camel):
    artifacts: _RunArtifacts | None = None


class _RunProject(_Camel):
    run: _Run | None = None


class RunArtifactsData(_Camel):
    """Answer of `RUN_INPUTS` and `RUN_OUTPUTS`."""

    project: _RunProject | None = None


def _of_run(name: str, field: str) -> Operation[RunArtifactsData]:
    return Operation(
        name,
        f"""query {name}(
  $entity: String!, $project: String!, $name: String!, $cursor: String, $perPage: Int
) {{
  project(entityName: $entity, name: $project) {{
    run(name: $name) {{
      artifacts: {field}(after: $cursor, first: $perPage) {{
        totalCount
        pageInfo {{ hasNextPage endCursor }}
        edges {{ node {{ {VERSION_FIELDS} }} }}
      }}
    }}
  }}
}}""",
        RunArtifactsData,
    )


RUN_OUTPUTS = _of_run("RunOutputArtifacts", "outputArtifacts")
RUN_INPUTS = _of_run("RunInputArtifacts", "inputArtifacts")


class _FileEdge(_Camel):
    node: FileNode | None = None


class _Files(_Camel):
    edges: list[_FileEdge]
    page_info: PageInfo
    total_count: int | None = None


class _FilesMembership(_Camel):
    files: _Files | None = None


class _FilesCollection(_Camel):
    artifact_membership: _FilesMembership | None = None


class _FilesProject(_Camel):
    artifact_collection: _FilesCollection | None = None


class FilesData(_Camel):
    """Answer of `FILES`."""

    project: _FilesProject | None = None

    @property
    def files(self) -> _Files | None:
        """The listing, if there is such a version."""
        collection = self.project and self.project.artifact_collection
        membership = collection and collection.artifact_membership
        return membership.files if membership else None


FILES = Operation(
    "ArtifactMembershipFiles",
    """query ArtifactMembershipFiles(
  $entity: String!, $project: String!, $collection: String!, $alias: String!,
  $names: [String!], $cursor: String, $perPage: Int
) {
  project(name: $project, entityName: $entity) {
    artifactCollection(name: $collection) {
      artifactMembership(aliasName: $alias) {
        files(names: $names, after: $cursor, first: $perPage) {
          totalCount
          pageInfo { hasNextPage endCursor }
          edges {
            node { id name: displayName url directUrl sizeBytes mimetype updatedAt md5 }
          }
        }
      }
    }
  }
}""",
    FilesData,
)
