# ruff: noqa: RUF012 - msgspec copies empty list and dict defaults per instance
"""Records about artifacts that a run made or used."""

from __future__ import annotations

from typing import Annotated

from asyncwb.journal.message import Message

__all__ = [
    "ArtifactLink",
    "ArtifactManifest",
    "ArtifactManifestEntry",
    "ArtifactRecord",
    "KeyValue",
    "UseArtifactRecord",
]


class KeyValue(Message):
    """A name and its value as JSON."""

    key: Annotated[str, 1] = ""
    value_json: Annotated[str, 2] = ""


class ArtifactManifestEntry(Message):
    """One file of an artifact; size in bytes, `local_path` where its bytes wait."""

    path: Annotated[str, 1] = ""
    digest: Annotated[str, 2] = ""
    ref: Annotated[str, 3] = ""
    size: Annotated[int, 4] = 0
    mimetype: Annotated[str, 5] = ""
    local_path: Annotated[str, 6] = ""
    birth_artifact_id: Annotated[str, 7] = ""
    skip_cache: Annotated[bool, 8] = False
    extra: Annotated[list[KeyValue], 16] = []


class ArtifactManifest(Message):
    """The files of an artifact, or the path of a file that lists them."""

    version: Annotated[int, 1] = 0
    storage_policy: Annotated[str, 2] = ""
    storage_policy_config: Annotated[list[KeyValue], 3] = []
    contents: Annotated[list[ArtifactManifestEntry], 4] = []
    manifest_file_path: Annotated[str, 5] = ""


class ArtifactRecord(Message):
    """An artifact that the run logged.

    user_created: it is no output of the run, which only uses it. incremental_beta1: the manifest
    holds what is new. history_step: the next step of the run at that moment. Our own; other
    readers skip it.
    """

    run_id: Annotated[str, 1] = ""
    project: Annotated[str, 2] = ""
    entity: Annotated[str, 3] = ""
    type: Annotated[str, 4] = ""
    name: Annotated[str, 5] = ""
    digest: Annotated[str, 6] = ""
    description: Annotated[str, 7] = ""
    metadata: Annotated[str, 8] = ""
    user_created: Annotated[bool, 9] = False
    use_after_commit: Annotated[bool, 10] = False
    aliases: Annotated[list[str], 11] = []
    manifest: Annotated[ArtifactManifest | None, 12] = None
    distributed_id: Annotated[str, 13] = ""
    finalize: Annotated[bool, 14] = False
    client_id: Annotated[str, 15] = ""
    sequence_client_id: Annotated[str, 16] = ""
    base_id: Annotated[str, 17] = ""
    ttl_duration_seconds: Annotated[int, 18] = 0
    tags: Annotated[list[str], 19] = []
    digest_algorithm: Annotated[str, 20] = ""
    incremental_beta1: Annotated[bool, 100] = False
    history_step: Annotated[int, 1000] = 0


class ArtifactLink(Message):
    """A link to a version, asked for by an offline run. Our own; part of a run record.

    `id` is that of a logged version; else `client_id` is that of a draft that this journal logs.
    """

    id: Annotated[str, 1] = ""
    client_id: Annotated[str, 2] = ""
    target: Annotated[str, 3] = ""
    aliases: Annotated[list[str], 4] = []


class UseArtifactRecord(Message):
    """An artifact that the run reads; `partial` is kept as bytes."""

    id: Annotated[str, 1] = ""
    type: Annotated[str, 2] = ""
    name: Annotated[str, 3] = ""
    partial: Annotated[bytes | None, 4] = None
