"""A version on its way to the server: files, manifest, commit. Runs in asyncwb's loop."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeAlias, TypeVar

import anyio
import msgspec

from asyncwb.artifacts.batches import BATCHES, SMALL_BYTES, Batches
from asyncwb.artifacts.digest import bytes_digest, hex_id
from asyncwb.artifacts.manifest import Manifest  # noqa: TC001 - msgspec reads the annotations
from asyncwb.artifacts.progress import Meter
from asyncwb.artifacts.read_operations import ARTIFACT_BY_ID
from asyncwb.artifacts.uploads import FileUploads, split_header
from asyncwb.artifacts.write_operations import (
    CLIENT_ID,
    COMMIT_ARTIFACT,
    CREATE_ARTIFACT,
    CREATE_MANIFEST,
    UPDATE_MANIFEST,
    USE_ARTIFACT,
)
from asyncwb.errors import ArtifactNotFoundError, ProtocolError
from asyncwb.graphql.api_operations import FEATURES
from asyncwb.transport import TRANSIENT_STATUSES, RetryPolicy

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from asyncwb.artifacts.manifest import ManifestEntry
    from asyncwb.artifacts.progress import TransferProgress
    from asyncwb.artifacts.write_operations import ManifestNode
    from asyncwb.graphql import GraphQL, Operation
    from asyncwb.transport import Transport

__all__ = ["Draft", "ManifestKind", "Saved", "Saver"]

T = TypeVar("T")

ManifestKind: TypeAlias = Literal["FULL", "INCREMENTAL", "PATCH"]

_MANIFEST_NAMES = {
    "FULL": "wandb_manifest.json",
    "INCREMENTAL": "wandb_manifest.incremental.json",
    "PATCH": "wandb_manifest.patch.json",
}
_CLIENT_REFERENCE = "wandb-client-artifact://"
_POLICY = RetryPolicy(retry_statuses=TRANSIENT_STATUSES, max_attempts=20)
_CALL_SECONDS = 600.0
_DRAFT_SECONDS = 20.0
_DRAFT_WAIT_SECONDS = 0.5
# Fewer files than this are not worth the question for batches.
_FEW = 8


class Draft(msgspec.Struct, kw_only=True):
    """A version to save, with everything that the server is told of it.

    Attributes:
        entity: Owner of the project; None: the server's default.
        run_id: Run that logs it; None: it is only used by `user_run_id`.
        user_run_id: Run that uses it after its commit, if one does.
        metadata: JSON text of an object.
        base_id: Id of the version that it lies over; None: the latest one.
        finalize: Whether to commit it; False for one of several writers.
    """

    entity: str | None
    project: str
    run_id: str | None
    user_run_id: str | None = None
    type: str
    name: str
    manifest: Manifest
    kind: ManifestKind = "FULL"
    aliases: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    description: str | None = None
    metadata: str | None = None
    client_id: str = ""
    sequence_client_id: str = ""
    base_id: str | None = None
    distributed_id: str | None = None
    ttl_seconds: int | None = None
    history_step: int | None = None
    used_as: str | None = None
    finalize: bool = True


class Saved(msgspec.Struct, frozen=True):
    """What came of it.

    Attributes:
        id: GraphQL id of the version.
        existed: Whether the server had this content already; nothing was uploaded then.
    """

    id: str
    existed: bool


class Saver:
    """Saves drafts on one server.

    Args:
        graphql: For the operations.
        transport: For the bytes.
        deadline_seconds: Time for one file, retries included.
    """

    def __init__(self, graphql: GraphQL, transport: Transport, *, deadline_seconds: float) -> None:
        self._graphql = graphql
        self._transport = transport
        self._deadline_seconds = deadline_seconds

    async def save(
        self, draft: Draft, progress: Callable[[TransferProgress], object] | None = None
    ) -> Saved:
        """Save one draft: create it, upload what the server lacks, commit it.

        A call that broke off can be repeated: what was uploaded is found there.

        Args:
            draft: Its entries get the ids of the versions that store them.
            progress: Told how far it is, in the loop; must be quick.

        Raises:
            CommError: The server refused or was not reached.
            InvalidValueError: A file cannot be read, or changed since it was added.
        """
        manifest = draft.manifest
        artifact_id, state, latest = await self._create(draft)
        existed = state == "COMMITTED"
        if not existed:
            base_id = draft.base_id or latest
            node = await self._create_manifest(draft, artifact_id, base_id, "", upload=False)
            entries = [entry for entry in manifest if entry.local_path is not None]
            uploads = FileUploads(
                self._graphql,
                self._transport,
                artifact_id=artifact_id,
                manifest_id=node.id,
                algorithm=manifest.algorithm,
                deadline_seconds=self._deadline_seconds,
                meter=Meter(
                    "up",
                    progress,
                    files=len(entries),
                    size=sum(entry.size or 0 for entry in entries),
                ),
                batches=await self._batches(entries),
            )
            await uploads.upload(entries)
            await self._resolve_references(manifest)
            data = manifest.encode()
            digest = bytes_digest(data)
            if draft.kind == "FULL":
                node = await self._create_manifest(draft, artifact_id, base_id, digest, upload=True)
            else:
                node = await self._update_manifest(node.id, base_id, digest)
            await self._upload_manifest(node, data)
            if draft.finalize:
                await self._execute(COMMIT_ARTIFACT, {"artifactID": artifact_id})
        if draft.user_run_id is not None:
            await self._use(draft, artifact_id)
        return Saved(artifact_id, existed)

    async def _batches(self, entries: Sequence[ManifestEntry]) -> Batches | None:
        """What sends small files together, where that is worth asking the server for it."""
        if sum(1 for entry in entries if (entry.size or 0) <= SMALL_BYTES) < _FEW:
            return None
        info = (await self._execute(FEATURES, {})).server_info
        features = (info.features if info is not None else None) or []
        if not any(one.name == BATCHES and one.is_enabled for one in features):
            return None
        return Batches(self._transport, self._deadline_seconds)

    async def _create(self, draft: Draft) -> tuple[str, str, str | None]:
        manifest = draft.manifest
        wanted: dict[str, object] = {
            "entityName": draft.entity or "",
            "projectName": draft.project,
            "runName": draft.run_id,
            "artifactTypeName": draft.type,
            "artifactCollectionName": draft.name,
            "artifactCollectionNames": None,
            "digest": manifest.digest,
            "digestAlgorithm": f"MANIFEST_{manifest.algorithm}",
            "aliases": [
                {"alias": alias, "artifactCollectionName": draft.name} for alias in draft.aliases
            ],
            "description": draft.description or None,
            "metadata": draft.metadata,
            "ttlDurationSeconds": draft.ttl_seconds,
            "historyStep": draft.history_step or None,
            "clientID": draft.client_id or None,
            "sequenceClientID": draft.sequence_client_id or None,
            "enableDigestDeduplication": True,
            "distributedID": draft.distributed_id,
            "storageRegion": manifest.region,
            "labels": None,
            "clientMutationId": None,
        }
        if draft.tags:
            wanted["tags"] = [{"tagName": tag} for tag in draft.tags]
        data = await self._execute(CREATE_ARTIFACT, {"input": wanted})
        made = data.create_artifact.artifact if data.create_artifact is not None else None
        if made is None:
            raise ProtocolError(f"the server did not create a version of {draft.name!r}")
        sequence = made.artifact_sequence
        latest = sequence.latest_artifact if sequence is not None else None
        return made.id, made.state, None if latest is None else latest.id

    async def _create_manifest(
        self, draft: Draft, artifact_id: str, base_id: str | None, digest: str, *, upload: bool
    ) -> ManifestNode:
        data = await self._execute(
            CREATE_MANIFEST,
            {
                "artifactID": artifact_id,
                "baseArtifactID": base_id,
                "name": _MANIFEST_NAMES[draft.kind],
                "digest": digest,
                "entityName": draft.entity or "",
                "projectName": draft.project,
                "runName": draft.run_id or draft.user_run_id or "",
                "manifestType": draft.kind,
                "includeUpload": upload,
            },
        )
        payload = data.create_artifact_manifest
        return _manifest_of(payload.artifact_manifest if payload is not None else None)

    async def _update_manifest(
        self, manifest_id: str, base_id: str | None, digest: str
    ) -> ManifestNode:
        data = await self._execute(
            UPDATE_MANIFEST,
            {
                "artifactManifestID": manifest_id,
                "digest": digest,
                "baseArtifactID": base_id,
                "includeUpload": True,
            },
        )
        payload = data.update_artifact_manifest
        return _manifest_of(payload.artifact_manifest if payload is not None else None)

    async def _upload_manifest(self, node: ManifestNode, data: bytes) -> None:
        file = node.file
        if file is None or file.upload_url is None:
            raise ProtocolError("the server gave no address for the manifest")
        await self._transport.put(
            file.upload_url,
            data,
            headers=dict(split_header(text) for text in file.upload_headers or ()),
            policy=_POLICY,
            deadline_seconds=self._deadline_seconds,
        )

    async def _resolve_references(self, manifest: Manifest) -> None:
        """Name the versions that other drafts of this process have become."""
        known: dict[str, str] = {}
        for entry in manifest:
            if entry.ref is None or not entry.ref.startswith(_CLIENT_REFERENCE):
                continue
            client_id, _, path = entry.ref.removeprefix(_CLIENT_REFERENCE).partition("/")
            if client_id not in known:
                known[client_id] = hex_id(await self._id_of_coming(client_id))
            entry.ref = f"wandb-artifact://{known[client_id]}/{path}"

    async def committed(self, client_id: str) -> str | None:
        """The id of the version that a draft has become, once that is committed.

        Raises:
            CommError: The server refused or was not reached.
        """
        mapped = (await self._execute(CLIENT_ID, {"clientID": client_id})).client_id_mapping
        if mapped is None or mapped.server_id is None:
            return None
        node = (await self._execute(ARTIFACT_BY_ID, {"id": mapped.server_id})).artifact
        return node.id if node is not None and node.state == "COMMITTED" else None

    async def id_of_draft(self, client_id: str) -> str:
        """The id of the version that a draft has become.

        Raises:
            ArtifactNotFoundError: The server does not know the draft.
            CommError: The server refused or was not reached.
        """
        mapped = (await self._execute(CLIENT_ID, {"clientID": client_id})).client_id_mapping
        if mapped is None or mapped.server_id is None:
            raise ArtifactNotFoundError(
                "the server does not know a draft that is linked or referred to; log that "
                "artifact first"
            )
        return mapped.server_id

    async def _id_of_coming(self, client_id: str) -> str:
        """The same of a draft that another run may just be sending, which is waited for."""
        deadline = anyio.current_time() + _DRAFT_SECONDS
        while True:
            try:
                return await self.id_of_draft(client_id)
            except ArtifactNotFoundError:
                if anyio.current_time() > deadline:
                    raise
            await anyio.sleep(_DRAFT_WAIT_SECONDS)

    async def _use(self, draft: Draft, artifact_id: str) -> None:
        wanted = {
            "artifactID": artifact_id,
            "entityName": draft.entity or "",
            "projectName": draft.project,
            "runName": draft.user_run_id,
            "usedAs": draft.used_as,
        }
        await self._execute(USE_ARTIFACT, {"input": wanted})

    async def _execute(self, operation: Operation[T], variables: dict[str, object]) -> T:
        return await self._graphql.execute(
            operation, variables, policy=_POLICY, deadline_seconds=_CALL_SECONDS
        )


def _manifest_of(node: ManifestNode | None) -> ManifestNode:
    if node is None:
        raise ProtocolError("the server did not create a manifest")
    return node
