"""Drafts as records of a journal, and back: what waits there to be saved."""

from __future__ import annotations

import gzip
import zlib
from typing import TYPE_CHECKING, Any

import msgspec

from asyncwb import jsonx
from asyncwb.artifacts.manifest import Manifest, ManifestEntry
from asyncwb.artifacts.names import check_path
from asyncwb.artifacts.saver import Draft
from asyncwb.errors import InvalidValueError, JournalError, ProtocolError
from asyncwb.journal.artifact_records import (
    ArtifactManifest,
    ArtifactManifestEntry,
    ArtifactRecord,
    KeyValue,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from asyncwb.artifacts.digest import DigestAlgorithm
    from asyncwb.artifacts.saver import ManifestKind

__all__ = ["draft_of", "record_of"]

_VERSION = 1
_POLICY = "wandb-storage-policy-v1"
_ALGORITHMS: dict[str, DigestAlgorithm] = {"MANIFEST_XXH128": "XXH128"}


def record_of(draft: Draft) -> ArtifactRecord:
    """The record of a draft. Blocks for as long as its entries are many."""
    manifest = draft.manifest
    return ArtifactRecord(
        run_id=draft.run_id or draft.user_run_id or "",
        project=draft.project,
        entity=draft.entity or "",
        type=draft.type,
        name=draft.name,
        digest=manifest.digest,
        description=draft.description or "",
        metadata=draft.metadata or "",
        user_created=draft.run_id is None,
        use_after_commit=draft.user_run_id is not None,
        aliases=list(draft.aliases),
        manifest=ArtifactManifest(
            version=_VERSION,
            storage_policy=_POLICY,
            storage_policy_config=_key_values(manifest.storage_policy_config),
            contents=[_entry_record(manifest.entries[path]) for path in sorted(manifest.entries)],
        ),
        distributed_id=draft.distributed_id or "",
        finalize=draft.finalize,
        client_id=draft.client_id,
        sequence_client_id=draft.sequence_client_id,
        base_id=draft.base_id or "",
        ttl_duration_seconds=draft.ttl_seconds or 0,
        tags=list(draft.tags),
        digest_algorithm=f"MANIFEST_{manifest.algorithm}",
        incremental_beta1=draft.kind == "INCREMENTAL",
        history_step=draft.history_step or 0,
    )


def draft_of(record: ArtifactRecord, *, entity: str | None, project: str, run_id: str) -> Draft:
    """The draft of a record. Blocks for a manifest in a file of its own.

    Args:
        record: By us, or by the `wandb` package.
        entity: Owner of the project, as the server named it; the record may be older.
        project: Where it goes.
        run_id: The run that logs or uses it.

    Raises:
        InvalidValueError: A path of an entry leads out, or the file with the manifest is gone.
        JournalError: The record, or that file, cannot be understood.
    """
    kind: ManifestKind = "FULL"
    if record.incremental_beta1:
        kind = "INCREMENTAL"
    elif record.distributed_id:
        kind = "PATCH"
    return Draft(
        entity=entity,
        project=project,
        run_id=None if record.user_created else run_id,
        user_run_id=run_id if record.use_after_commit else None,
        type=record.type,
        name=record.name,
        manifest=_manifest_of(record),
        kind=kind,
        aliases=tuple(record.aliases),
        tags=tuple(record.tags),
        description=record.description or None,
        metadata=record.metadata or None,
        client_id=record.client_id,
        sequence_client_id=record.sequence_client_id,
        base_id=record.base_id or None,
        distributed_id=record.distributed_id or None,
        ttl_seconds=record.ttl_duration_seconds or None,
        history_step=record.history_step or None,
        finalize=record.finalize,
    )


def _manifest_of(record: ArtifactRecord) -> Manifest:
    told = record.manifest or ArtifactManifest()
    config = _values(told.storage_policy_config)
    region = config.get("storageRegion")
    manifest = Manifest(
        algorithm=_ALGORITHMS.get(record.digest_algorithm, "MD5"),
        region=None if region is None else str(region),
    )
    inline = (_entry_of(one) for one in told.contents)
    in_file = told.manifest_file_path
    for entry in _entries_in_file(in_file) if in_file else inline:
        manifest.entries[entry.path] = entry
    return manifest


def _entry_record(entry: ManifestEntry) -> ArtifactManifestEntry:
    return ArtifactManifestEntry(
        path=entry.path,
        digest=entry.digest,
        ref=entry.ref or "",
        size=entry.size or 0,
        local_path=entry.local_path or "",
        birth_artifact_id=entry.birth_artifact_id or "",
        skip_cache=entry.skip_cache,
        extra=_key_values(entry.extra),
    )


def _entry_of(told: ArtifactManifestEntry) -> ManifestEntry:
    return ManifestEntry(
        path=check_path(told.path),
        digest=told.digest,
        ref=told.ref or None,
        # The format has no "unknown"; files that are stored always have a size.
        size=told.size if told.size or not told.ref else None,
        extra=_values(told.extra),
        birth_artifact_id=told.birth_artifact_id or None,
        local_path=told.local_path or None,
        skip_cache=told.skip_cache,
    )


def _entries_in_file(path: str) -> Iterator[ManifestEntry]:
    """Entries of a manifest that the `wandb` package found too large for a record."""
    try:
        with gzip.open(path, "rb") as file:
            for line in file:
                yield _entry_of_line(line)
    except FileNotFoundError as exc:
        raise InvalidValueError(
            f"{path}, which lists the files of an artifact, is gone: it cannot be logged any more",
            exc=exc,
        ) from exc
    except (OSError, EOFError, zlib.error, ProtocolError) as exc:
        raise JournalError(
            f"{path}, which lists the files of an artifact, cannot be read: {exc!r}", exc=exc
        ) from exc


class _Line(msgspec.Struct):
    """An entry in such a file."""

    path: str
    digest: str
    ref: str | None = None
    size: int | None = None
    extra: dict[str, Any] | None = None
    birth_artifact_id: str | None = msgspec.field(default=None, name="birthArtifactID")
    local_path: str | None = None
    skip_cache: bool = False


def _entry_of_line(line: bytes) -> ManifestEntry:
    told = jsonx.decode_as(_Line, line)
    return ManifestEntry(
        path=check_path(told.path),
        digest=told.digest,
        ref=told.ref,
        size=told.size,
        extra=told.extra or {},
        birth_artifact_id=told.birth_artifact_id,
        local_path=told.local_path,
        skip_cache=told.skip_cache,
    )


def _key_values(values: Mapping[str, Any]) -> list[KeyValue]:
    return [KeyValue(key, jsonx.encode(value).decode()) for key, value in values.items()]


def _values(items: list[KeyValue]) -> dict[str, Any]:
    return {item.key: jsonx.decode(item.value_json) for item in items}
