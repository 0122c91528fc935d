"""Operations that change what may change of versions, and link them."""

from __future__ import annotations

import msgspec

from asyncwb.artifacts.read_operations import (
    MEMBERSHIP_FIELDS,
    VERSION_FIELDS,
    MembershipNode,
    VersionNode,
)
from asyncwb.graphql.operation import Operation

__all__ = [
    "ADD_ALIASES",
    "DELETE_ALIASES",
    "DELETE_ARTIFACT",
    "LINK_ARTIFACT",
    "UNLINK_ARTIFACT",
    "UPDATE_ARTIFACT",
]


class _Camel(msgspec.Struct, rename="camel"):
    """Base of the answers: camel case on the wire."""


class _Success(_Camel):
    success: bool | None = None


class _Id(_Camel):
    id: str


class _Updated(_Camel):
    artifact: VersionNode | None = None


class UpdateData(_Camel):
    """Answer of `UPDATE_ARTIFACT`."""

    update_artifact: _Updated | None = None


UPDATE_ARTIFACT = Operation(
    "UpdateArtifact",
    f"""mutation UpdateArtifact($input: UpdateArtifactInput!) {{
  updateArtifact(input: $input) {{ artifact {{ {VERSION_FIELDS} }} }}
}}""",
    UpdateData,
)


class AddAliasesData(_Camel):
    """Answer of `ADD_ALIASES`."""

    add_aliases: _Success | None = None


ADD_ALIASES = Operation(
    "AddAliases",
    "mutation AddAliases($input: AddAliasesInput!) { addAliases(input: $input) { success } }",
    AddAliasesData,
)


class DeleteAliasesData(_Camel):
    """Answer of `DELETE_ALIASES`."""

    delete_aliases: _Success | None = None


DELETE_ALIASES = Operation(
    "DeleteAliases",
    """mutation DeleteAliases($input: DeleteAliasesInput!) {
  deleteAliases(input: $input) { success }
}""",
    DeleteAliasesData,
)


class _Deleted(_Camel):
    artifact: _Id | None = None


class DeleteData(_Camel):
    """Answer of `DELETE_ARTIFACT`."""

    delete_artifact: _Deleted | None = None


DELETE_ARTIFACT = Operation(
    "DeleteArtifact",
    """mutation DeleteArtifact($input: DeleteArtifactInput!) {
  deleteArtifact(input: $input) { artifact { id } }
}""",
    DeleteData,
)


class _Linked(_Camel):
    version_index: int | None = None
    artifact_membership: MembershipNode | None = None


class LinkData(_Camel):
    """Answer of `LINK_ARTIFACT`."""

    link_artifact: _Linked | None = None


LINK_ARTIFACT = Operation(
    "LinkArtifact",
    f"""mutation LinkArtifact($input: LinkArtifactInput!) {{
  linkArtifact(input: $input) {{
    versionIndex
    artifactMembership {{ {MEMBERSHIP_FIELDS} }}
  }}
}}""",
    LinkData,
)


class UnlinkData(_Camel):
    """Answer of `UNLINK_ARTIFACT`."""

    unlink_artifact: _Success | None = None


UNLINK_ARTIFACT = Operation(
    "UnlinkArtifact",
    """mutation UnlinkArtifact($input: UnlinkArtifactInput!) {
  unlinkArtifact(input: $input) { success }
}""",
    UnlinkData,
)
