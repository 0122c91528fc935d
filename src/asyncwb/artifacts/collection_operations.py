"""Operations of types and collections."""

from __future__ import annotations

from typing import TypeVar

import msgspec

from asyncwb.artifacts.read_operations import ProjectRef  # noqa: TC001 - msgspec reads them
from asyncwb.graphql.operation import Operation
from asyncwb.graphql.paginator import PageInfo  # noqa: TC001 - msgspec reads them

__all__ = [
    "ADD_TAGS",
    "COLLECTION",
    "COLLECTION_ALIASES",
    "COLLECTION_FIELDS",
    "DELETE_PORTFOLIO",
    "DELETE_SEQUENCE",
    "DELETE_TAGS",
    "MOVE_SEQUENCE",
    "PROJECT_COLLECTIONS",
    "TYPE",
    "TYPES",
    "TYPE_COLLECTIONS",
    "UPDATE_PORTFOLIO",
    "UPDATE_SEQUENCE",
    "ChangedData",
    "CollectionNode",
    "Collections",
    "TypeNode",
]

T = TypeVar("T")


class _Camel(msgspec.Struct, rename="camel"):
    """Base of the answers: camel case on the wire."""


class _Name(_Camel):
    name: str


class _TagEdge(_Camel):
    node: _Name


class _Tags(_Camel):
    edges: list[_TagEdge] = []


class TypeNode(_Camel):
    """A type of artifacts."""

    id: str
    name: str
    description: str | None = None
    created_at: str | None = None


class CollectionNode(_Camel):
    """A collection as the server keeps it."""

    id: str
    name: str
    type: _Name
    typename: str = msgspec.field(default="ArtifactSequence", name="__typename")
    description: str | None = None
    created_at: str | None = None
    updated_at: str | None = None
    project: ProjectRef | None = None
    tags: _Tags | None = None


class _CollectionEdge(_Camel):
    node: CollectionNode | None = None


class Collections(_Camel):
    """A page of collections."""

    edges: list[_CollectionEdge]
    page_info: PageInfo
    total_count: int | None = None


_PAGE = "pageInfo { hasNextPage endCursor }"
COLLECTION_FIELDS = """
    __typename id name description createdAt updatedAt
    project { id internalId name entity { name } }
    type: defaultArtifactType { name } tags { edges { node { name } } }
"""


# -- types ------------------------------------------------------------------------------------


class _TypeEdge(_Camel):
    node: TypeNode | None = None


class _Types(_Camel):
    edges: list[_TypeEdge]
    page_info: PageInfo


class _TypesProject(_Camel):
    artifact_types: _Types | None = None


class TypesData(_Camel):
    """Answer of `TYPES`."""

    project: _TypesProject | None = None


TYPES = Operation(
    "ProjectArtifactTypes",
    f"""query ProjectArtifactTypes(
  $entity: String!, $project: String!, $cursor: String, $perPage: Int
) {{
  project(name: $project, entityName: $entity) {{
    artifactTypes(after: $cursor, first: $perPage) {{
      edges {{ node {{ id name description createdAt }} }}
      {_PAGE}
    }}
  }}
}}""",
    TypesData,
)


class _TypeProject(_Camel):
    artifact_type: TypeNode | None = None


class TypeData(_Camel):
    """Answer of `TYPE`."""

    project: _TypeProject | None = None


TYPE = Operation(
    "ProjectArtifactType",
    """query ProjectArtifactType($entity: String!, $project: String!, $type: String!) {
  project(name: $project, entityName: $entity) {
    artifactType(name: $type) { id name description createdAt }
  }
}""",
    TypeData,
)


# -- collections ------------------------------------------------------------------------------


class _TypeListing(_Camel):
    artifact_collections: Collections | None = None


class _TypeListingProject(_Camel):
    artifact_type: _TypeListing | None = None


class TypeCollectionsData(_Camel):
    """Answer of `TYPE_COLLECTIONS`."""

    project: _TypeListingProject | None = None

    @property
    def collections(self) -> Collections | None:
        """The page, if project and type are there."""
        kind = self.project and self.project.artifact_type
        return kind.artifact_collections if kind else None


TYPE_COLLECTIONS = Operation(
    "ArtifactTypeArtifactCollections",
    f"""query ArtifactTypeArtifactCollections(
  $entity: String!, $project: String!, $type: String!, $cursor: String, $perPage: Int,
  $filters: JSONString, $order: String
) {{
  project(name: $project, entityName: $entity) {{
    artifactType(name: $type) {{
      artifactCollections(
        after: $cursor, first: $perPage, filters: $filters, order: $order
      ) {{
        totalCount
        {_PAGE}
        edges {{ node {{ {COLLECTION_FIELDS} }} }}
      }}
    }}
  }}
}}""",
    TypeCollectionsData,
)


class ProjectCollectionsData(_Camel):
    """Answer of `PROJECT_COLLECTIONS`."""

    project: _TypeListing | None = None

    @property
    def collections(self) -> Collections | None:
        """The page, if the project is there."""
        return self.project.artifact_collections if self.project else None


PROJECT_COLLECTIONS = Operation(
    "ProjectArtifactCollections",
    f"""query ProjectArtifactCollections(
  $entity: String!, $project: String!, $cursor: String, $perPage: Int,
  $filters: JSONString, $order: String
) {{
  project(name: $project, entityName: $entity) {{
    artifactCollections(after: $cursor, first: $perPage, filters: $filters, order: $order) {{
      totalCount
      {_PAGE}
      edges {{ node {{ {COLLECTION_FIELDS} }} }}
    }}
  }}
}}""",
    ProjectCollectionsData,
)


class _OneInType(_Camel):
    artifact_collection: CollectionNode | None = None


class _OneProject(_Camel):
    artifact_type: _OneInType | None = None


class CollectionData(_Camel):
    """Answer of `COLLECTION`."""

    project: _OneProject | None = None

    @property
    def collection(self) -> CollectionNode | None:
        """The collection, if it is there."""
        kind = self.project and self.project.artifact_type
        return kind.artifact_collection if kind else None


COLLECTION = Operation(
    "ProjectArtifactCollection",
    f"""query ProjectArtifactCollection(
  $entity: String!, $project: String!, $type: String!, $name: String!
) {{
  project(name: $project, entityName: $entity) {{
    artifactType(name: $type) {{
      artifactCollection(name: $name) {{ {COLLECTION_FIELDS} }}
    }}
  }}
}}""",
    CollectionData,
)


class _Alias(_Camel):
    alias: str


class _AliasEdge(_Camel):
    node: _Alias | None = None


class _Aliases(_Camel):
    edges: list[_AliasEdge]
    page_info: PageInfo


class _AliasCollection(_Camel):
    aliases: _Aliases | None = None


class AliasesData(_Camel):
    """Answer of `COLLECTION_ALIASES`."""

    artifact_collection: _AliasCollection | None = None


COLLECTION_ALIASES = Operation(
    "ArtifactCollectionAliases",
    f"""query ArtifactCollectionAliases($id: ID!, $cursor: String, $perPage: Int) {{
  artifactCollection(id: $id) {{
    aliases(after: $cursor, first: $perPage) {{ edges {{ node {{ alias }} }} {_PAGE} }}
  }}
}}""",
    AliasesData,
)


# -- changes ----------------------------------------------------------------------------------


class _Changed(_Camel):
    artifact_collection: CollectionNode | None = None


class ChangedData(_Camel):
    """Answer of the changes of a collection."""

    result: _Changed | None = None


def _change(name: str, mutation: str, kind: str) -> Operation[ChangedData]:
    return Operation(
        name,
        f"""mutation {name}($input: {kind}!) {{
  result: {mutation}(input: $input) {{ artifactCollection {{ {COLLECTION_FIELDS} }} }}
}}""",
        ChangedData,
    )


UPDATE_SEQUENCE = _change(
    "UpdateArtifactSequence", "updateArtifactSequence", "UpdateArtifactSequenceInput"
)
UPDATE_PORTFOLIO = _change(
    "UpdateArtifactPortfolio", "updateArtifactPortfolio", "UpdateArtifactPortfolioInput"
)
MOVE_SEQUENCE = _change(
    "UpdateArtifactSequenceType", "moveArtifactSequence", "MoveArtifactSequenceInput"
)


class DeletedData(_Camel):
    """Answer of the deletions of a collection."""

    result: dict[str, object] | None = None


def _deletion(name: str, mutation: str, argument: str) -> Operation[DeletedData]:
    return Operation(
        name,
        f"""mutation {name}($id: ID!) {{
  result: {mutation}(input: {{{argument}: $id}}) {{ artifactCollection {{ state }} }}
}}""",
        DeletedData,
    )


DELETE_SEQUENCE = _deletion(
    "DeleteArtifactSequence", "deleteArtifactSequence", "artifactSequenceID"
)
DELETE_PORTFOLIO = _deletion(
    "DeleteArtifactPortfolio", "deleteArtifactPortfolio", "artifactPortfolioID"
)

ADD_TAGS = Operation(
    "AddArtifactCollectionTags",
    """mutation AddArtifactCollectionTags($input: CreateArtifactCollectionTagAssignmentsInput!) {
  result: createArtifactCollectionTagAssignments(input: $input) { tags { name } }
}""",
    DeletedData,
)
DELETE_TAGS = Operation(
    "DeleteArtifactCollectionTags",
    """mutation DeleteArtifactCollectionTags(
  $input: DeleteArtifactCollectionTagAssignmentsInput!
) {
  result: deleteArtifactCollectionTagAssignments(input: $input) { success }
}""",
    DeletedData,
)
