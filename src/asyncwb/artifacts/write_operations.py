"""Operations that store versions of artifacts."""

from __future__ import annotations

import msgspec

from asyncwb.graphql.operation import Operation

__all__ = [
    "CLIENT_ID",
    "COMMIT_ARTIFACT",
    "COMPLETE_UPLOAD",
    "CREATE_ARTIFACT",
    "CREATE_FILES",
    "CREATE_MANIFEST",
    "LINK_DRAFT",
    "UPDATE_MANIFEST",
    "USE_ARTIFACT",
    "FilePlace",
    "Multipart",
]


class _Camel(msgspec.Struct, rename="camel"):
    """Base of the answers: camel case on the wire.

    Those that come by the thousand tell the garbage collector nothing: no cycle leads through them,
    and a collection stops every thread, that of the caller's loop as well.
    """


class _Id(_Camel, gc=False):
    id: str


class _Sequence(_Camel):
    latest_artifact: _Id | None = None


class _Created(_Camel):
    id: str
    state: str
    artifact_sequence: _Sequence | None = None


class _CreatedPayload(_Camel):
    artifact: _Created | None = None


class CreateArtifactData(_Camel):
    """Answer of `CREATE_ARTIFACT`."""

    create_artifact: _CreatedPayload | None = None


CREATE_ARTIFACT = Operation(
    "CreateArtifact",
    """mutation CreateArtifact($input: CreateArtifactInput!) {
  createArtifact(input: $input) {
    artifact { id state artifactSequence { latestArtifact { id } } }
  }
}""",
    CreateArtifactData,
)
"""Begin a version; the answer COMMITTED means that the server has this content already."""


class ManifestFile(_Camel):
    """Where a manifest goes."""

    id: str | None = None
    upload_url: str | None = None
    upload_headers: list[str] | None = None


class ManifestNode(_Camel):
    """A manifest of a version."""

    id: str
    file: ManifestFile | None = None


class _ManifestPayload(_Camel):
    artifact_manifest: ManifestNode | None = None


class CreateManifestData(_Camel):
    """Answer of `CREATE_MANIFEST`."""

    create_artifact_manifest: _ManifestPayload | None = None


class UpdateManifestData(_Camel):
    """Answer of `UPDATE_MANIFEST`."""

    update_artifact_manifest: _ManifestPayload | None = None


_MANIFEST_FIELDS = """artifactManifest {
      id
      file {
        id
        uploadUrl @include(if: $includeUpload)
        uploadHeaders @include(if: $includeUpload)
      }
    }"""

CREATE_MANIFEST = Operation(
    "CreateArtifactManifest",
    f"""mutation CreateArtifactManifest(
  $artifactID: ID!, $baseArtifactID: ID, $name: String!, $digest: String!,
  $entityName: String!, $projectName: String!, $runName: String!,
  $manifestType: ArtifactManifestType!, $includeUpload: Boolean!
) {{
  createArtifactManifest(input: {{
    artifactID: $artifactID, baseArtifactID: $baseArtifactID, name: $name, digest: $digest,
    entityName: $entityName, projectName: $projectName, runName: $runName, type: $manifestType
  }}) {{
    {_MANIFEST_FIELDS}
  }}
}}""",
    CreateManifestData,
)

UPDATE_MANIFEST = Operation(
    "UpdateArtifactManifest",
    f"""mutation UpdateArtifactManifest(
  $artifactManifestID: ID!, $digest: String, $baseArtifactID: ID, $includeUpload: Boolean!
) {{
  updateArtifactManifest(input: {{
    artifactManifestID: $artifactManifestID, digest: $digest, baseArtifactID: $baseArtifactID
  }}) {{
    {_MANIFEST_FIELDS}
  }}
}}""",
    UpdateManifestData,
)


class UploadPart(_Camel, gc=False):
    """Where one part of a large file goes."""

    part_number: int
    upload_url: str


class Multipart(_Camel, gc=False):
    """Where the parts of a large file go."""

    upload_id: str = msgspec.field(name="uploadID")
    upload_url_parts: list[UploadPart]


class FilePlace(_Camel, gc=False):
    """Where a file goes; without an `upload_url` the server has its bytes."""

    storage_path: str | None = None
    upload_url: str | None = None
    upload_headers: list[str] | None = None
    upload_multipart_urls: Multipart | None = None
    artifact: _Id | None = None


class _FileEdge(_Camel, gc=False):
    node: FilePlace | None = None


class _FileConnection(_Camel):
    edges: list[_FileEdge]


class _FilesPayload(_Camel):
    files: _FileConnection | None = None


class CreateFilesData(_Camel):
    """Answer of `CREATE_FILES`."""

    create_artifact_files: _FilesPayload | None = None


CREATE_FILES = Operation(
    "CreateArtifactFiles",
    """mutation CreateArtifactFiles($input: CreateArtifactFilesInput!) {
  createArtifactFiles(input: $input) {
    files {
      edges {
        node {
          storagePath
          uploadUrl
          uploadHeaders
          uploadMultipartUrls { uploadID uploadUrlParts { partNumber uploadUrl } }
          artifact { id }
        }
      }
    }
  }
}""",
    CreateFilesData,
)


class _Completed(_Camel):
    digest: str | None = None


class CompleteUploadData(_Camel):
    """Answer of `COMPLETE_UPLOAD`."""

    complete_multipart_upload_artifact: _Completed | None = None


COMPLETE_UPLOAD = Operation(
    "CompleteMultipartUploadArtifact",
    """mutation CompleteMultipartUploadArtifact(
  $completeMultipartAction: CompleteMultipartAction!, $completedParts: [UploadPartsInput!]!,
  $artifactID: ID!, $storagePath: String!, $uploadID: String!
) {
  completeMultipartUploadArtifact(input: {
    completeMultipartAction: $completeMultipartAction, completedParts: $completedParts,
    artifactID: $artifactID, storagePath: $storagePath, uploadID: $uploadID
  }) {
    digest
  }
}""",
    CompleteUploadData,
)


class _Committed(_Camel):
    id: str
    digest: str | None = None


class _CommitPayload(_Camel):
    artifact: _Committed | None = None


class CommitData(_Camel):
    """Answer of `COMMIT_ARTIFACT`."""

    commit_artifact: _CommitPayload | None = None


COMMIT_ARTIFACT = Operation(
    "CommitArtifact",
    """mutation CommitArtifact($artifactID: ID!) {
  commitArtifact(input: {artifactID: $artifactID}) { artifact { id digest } }
}""",
    CommitData,
)


class _Used(_Camel):
    artifact: _Id | None = None


class UseData(_Camel):
    """Answer of `USE_ARTIFACT`."""

    use_artifact: _Used | None = None


USE_ARTIFACT = Operation(
    "UseArtifact",
    """mutation UseArtifact($input: UseArtifactInput!) {
  useArtifact(input: $input) { artifact { id } }
}""",
    UseData,
)


class _Mapped(_Camel):
    server_id: str | None = msgspec.field(default=None, name="serverID")


class ClientIdData(_Camel):
    """Answer of `CLIENT_ID`."""

    client_id_mapping: _Mapped | None = msgspec.field(default=None, name="clientIDMapping")


CLIENT_ID = Operation(
    "ClientIDMapping",
    """query ClientIDMapping($clientID: ID!) {
  clientIDMapping(clientID: $clientID) { serverID }
}""",
    ClientIdData,
)


class _Linked(_Camel):
    version_index: int | None = None


class LinkData(_Camel):
    """Answer of `LINK_DRAFT`."""

    link_artifact: _Linked | None = None


LINK_DRAFT = Operation(
    "LinkArtifact",
    """mutation LinkArtifact(
  $artifactPortfolioName: String!, $entityName: String!, $projectName: String!,
  $aliases: [ArtifactAliasInput!], $clientId: ID, $artifactId: ID
) {
  linkArtifact(input: {
    artifactPortfolioName: $artifactPortfolioName, entityName: $entityName,
    projectName: $projectName, aliases: $aliases, artifactID: $artifactId, clientID: $clientId
  }) {
    versionIndex
  }
}""",
    LinkData,
)
