"""Operations of registries."""

from __future__ import annotations

import msgspec

from asyncwb.artifacts.collection_operations import COLLECTION_FIELDS, Collections
from asyncwb.artifacts.read_operations import (
    MEMBERSHIP_FIELDS,
    AliasNode,
    CollectionRef,
    MembershipNode,
    VersionNode,
)
from asyncwb.graphql.account_operations import (
    TeamNode,  # noqa: TC001 - msgspec reads the annotations
)
from asyncwb.graphql.operation import Operation
from asyncwb.graphql.paginator import PageInfo  # noqa: TC001 - msgspec reads the annotations

__all__ = [
    "ADD_MEMBERS",
    "ADVANCED_SEARCH",
    "COLLECTIONS",
    "DELETE_REGISTRY",
    "REGISTRIES",
    "REGISTRY",
    "REMOVE_MEMBERS",
    "RENAME_REGISTRY",
    "TEAM_MEMBERS",
    "UPDATE_TEAM",
    "UPDATE_USER",
    "UPSERT_REGISTRY",
    "USER_MEMBERS",
    "VERSIONS",
    "ListingData",
    "Listings",
    "MemberNode",
    "RegistryNode",
    "TeamMemberNode",
]


class _Camel(msgspec.Struct, rename="camel"):
    """Base of the answers: camel case on the wire."""


class _Name(_Camel):
    name: str


class _Owner(_Camel):
    name: str
    organization: _Name | None = None


class _TypeEdge(_Camel):
    node: _Name | None = None


class _Types(_Camel):
    edges: list[_TypeEdge] = []


class RegistryNode(_Camel):
    """A registry as the server keeps it."""

    id: str
    name: str
    entity: _Owner
    internal_id: str | None = None
    description: str | None = None
    created_at: str | None = None
    updated_at: str | None = None
    access: str | None = None
    allow_all_artifact_types: bool = True
    artifact_types: _Types | None = None

    @property
    def types(self) -> list[str]:
        """Names of the types."""
        edges = [] if self.artifact_types is None else self.artifact_types.edges
        return [edge.node.name for edge in edges if edge.node is not None]


_FIELDS = """
    id internalId name entity { name organization { name } } description createdAt updatedAt
    access allowAllArtifactTypes: allowAllArtifactTypesInRegistry
    artifactTypes(includeAll: true) { edges { node { name } } }
"""
_PAGE = "pageInfo { hasNextPage endCursor }"


# -- one registry -----------------------------------------------------------------------------


class _OneEntity(_Camel):
    project: RegistryNode | None = None


class RegistryData(_Camel):
    """Answer of `REGISTRY`."""

    entity: _OneEntity | None = None


REGISTRY = Operation(
    "FetchRegistry",
    f"""query FetchRegistry($name: String, $entity: String) {{
  entity(name: $entity) {{ project(name: $name) {{ {_FIELDS} }} }}
}}""",
    RegistryData,
)


class _Changed(_Camel):
    project: RegistryNode | None = None
    inserted: bool | None = None


class ChangedData(_Camel):
    """Answer of `UPSERT_REGISTRY` and `RENAME_REGISTRY`."""

    result: _Changed | None = None


UPSERT_REGISTRY = Operation(
    "UpsertRegistry",
    f"""mutation UpsertRegistry($input: UpsertModelInput!) {{
  result: upsertModel(input: $input) {{ inserted project {{ {_FIELDS} }} }}
}}""",
    ChangedData,
)
RENAME_REGISTRY = Operation(
    "RenameRegistry",
    f"""mutation RenameRegistry($input: RenameProjectInput!) {{
  result: renameProject(input: $input) {{ inserted project {{ {_FIELDS} }} }}
}}""",
    ChangedData,
)


class _Success(_Camel):
    success: bool | None = None


class SuccessData(_Camel):
    """Answer of what is done or not."""

    result: _Success | None = None


DELETE_REGISTRY = Operation(
    "DeleteRegistry",
    """mutation DeleteRegistry($id: String!) {
  result: deleteModel(input: {id: $id}) { success }
}""",
    SuccessData,
)


# -- members ----------------------------------------------------------------------------------


class MemberNode(_Camel):
    """A user that is a member of a registry."""

    id: str
    role: _Name
    name: str | None = None
    username: str | None = None
    email: str | None = None


class _UserProject(_Camel):
    members: list[MemberNode]


class UserMembersData(_Camel):
    """Answer of `USER_MEMBERS`."""

    project: _UserProject | None = None


USER_MEMBERS = Operation(
    "RegistryUserMembers",
    """query RegistryUserMembers($project: String!, $entity: String!) {
  project(name: $project, entityName: $entity) {
    members { id name username email role { name } }
  }
}""",
    UserMembersData,
)


class TeamMemberNode(_Camel):
    """A team that is a member of a registry."""

    team: TeamNode
    role: _Name


class _TeamProject(_Camel):
    team_members: list[TeamMemberNode]


class TeamMembersData(_Camel):
    """Answer of `TEAM_MEMBERS`."""

    project: _TeamProject | None = None


TEAM_MEMBERS = Operation(
    "RegistryTeamMembers",
    """query RegistryTeamMembers($project: String!, $entity: String!) {
  project(name: $project, entityName: $entity) {
    teamMembers {
      team {
        id name isTeam entityType
        members { id role pending email username name }
      }
      role { name }
    }
  }
}""",
    TeamMembersData,
)


def _membership(name: str, mutation: str, kind: str) -> Operation[SuccessData]:
    return Operation(
        name,
        f"mutation {name}($input: {kind}!) {{ result: {mutation}(input: $input) {{ success }} }}",
        SuccessData,
    )


ADD_MEMBERS = _membership(
    "CreateRegistryMembers", "createProjectMembers", "CreateProjectMembersInput"
)
REMOVE_MEMBERS = _membership(
    "DeleteRegistryMembers", "deleteProjectMembers", "DeleteProjectMembersInput"
)
UPDATE_USER = _membership(
    "UpdateUserRegistryRole", "updateProjectMember", "UpdateProjectMemberInput"
)
UPDATE_TEAM = _membership(
    "UpdateTeamRegistryRole", "updateProjectTeamMember", "UpdateProjectTeamMemberInput"
)


# -- listings ---------------------------------------------------------------------------------


class _RegistryEdge(_Camel):
    node: RegistryNode | None = None


class _Registries(_Camel):
    edges: list[_RegistryEdge]
    page_info: PageInfo


class _PlaceNode(_Camel):
    version_index: int | None = None
    created_at: str | None = None
    aliases: list[AliasNode] = []
    artifact_collection: CollectionRef | None = None
    artifact: VersionNode | None = None

    def membership(self) -> MembershipNode | None:
        """The place; None where the collection or the version is hidden from the caller."""
        if self.artifact is None or self.artifact_collection is None:
            return None
        return MembershipNode(
            artifact=self.artifact,
            artifact_collection=self.artifact_collection,
            version_index=self.version_index,
            created_at=self.created_at,
            aliases=self.aliases,
        )


class _PlaceEdge(_Camel):
    node: _PlaceNode | None = None


class _Places(_Camel):
    edges: list[_PlaceEdge]
    page_info: PageInfo


class Listings(_Camel):
    """What an organization has; each operation asks for one of them."""

    projects: _Registries | None = None
    artifact_collections: Collections | None = None
    artifact_memberships: _Places | None = None


class _Organization(_Camel):
    org_entity: Listings | None = None


class ListingData(_Camel):
    """Answer of the listings of an organization."""

    organization: _Organization | None = None

    @property
    def listings(self) -> Listings | None:
        """The listings, if there is such an organization."""
        return None if self.organization is None else self.organization.org_entity


REGISTRIES = Operation(
    "FetchRegistries",
    f"""query FetchRegistries(
  $organization: String!, $filters: JSONString, $cursor: String, $perPage: Int, $order: String
) {{
  organization(name: $organization) {{
    orgEntity {{
      projects(filters: $filters, after: $cursor, first: $perPage, order: $order) {{
        {_PAGE} edges {{ node {{ {_FIELDS} }} }}
      }}
    }}
  }}
}}""",
    ListingData,
)
COLLECTIONS = Operation(
    "RegistryCollections",
    f"""query RegistryCollections(
  $organization: String!, $registryFilter: JSONString, $collectionFilter: JSONString,
  $cursor: String, $perPage: Int, $order: String
) {{
  organization(name: $organization) {{
    orgEntity {{
      artifactCollections(
        projectFilters: $registryFilter, filters: $collectionFilter,
        collectionTypes: [PORTFOLIO], after: $cursor, first: $perPage, order: $order
      ) {{
        totalCount {_PAGE} edges {{ node {{ {COLLECTION_FIELDS} }} }}
      }}
    }}
  }}
}}""",
    ListingData,
)
VERSIONS = Operation(
    "RegistryVersions",
    f"""query RegistryVersions(
  $organization: String!, $registryFilter: JSONString, $collectionFilter: JSONString,
  $artifactFilter: JSONString, $cursor: String, $perPage: Int, $order: String
) {{
  organization(name: $organization) {{
    orgEntity {{
      artifactMemberships(
        projectFilters: $registryFilter, collectionFilters: $collectionFilter,
        filters: $artifactFilter, after: $cursor, first: $perPage, order: $order
      ) {{
        {_PAGE} edges {{ node {{ {MEMBERSHIP_FIELDS} }} }}
      }}
    }}
  }}
}}""",
    ListingData,
)


class _Features(_Camel):
    advanced_search: bool = False


class _FeaturesOrganization(_Camel):
    advanced_registry_features: _Features | None = None


class AdvancedSearchData(_Camel):
    """Answer of `ADVANCED_SEARCH`."""

    organization: _FeaturesOrganization | None = None


ADVANCED_SEARCH = Operation(
    "FetchAdvancedRegistryFeatures",
    """query FetchAdvancedRegistryFeatures($organization: String!) {
  organization(name: $organization) { advancedRegistryFeatures { advancedSearch } }
}""",
    AdvancedSearchData,
)
