"""`Artifact`: a versioned set of files, as a draft and as a logged version."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, cast

import msgspec

from asyncwb import jsonx
from asyncwb.artifacts.change_operations import (
    ADD_ALIASES,
    DELETE_ALIASES,
    DELETE_ARTIFACT,
    UPDATE_ARTIFACT,
)
from asyncwb.artifacts.entry import CLIENT_SCHEME
from asyncwb.artifacts.fields import aliases_of, metadata_of
from asyncwb.artifacts.lineage import ArtifactLineage
from asyncwb.artifacts.manifest import Manifest
from asyncwb.artifacts.names import check_metadata, check_type
from asyncwb.artifacts.read_operations import ARTIFACT_BY_ID, AliasNode
from asyncwb.artifacts.saver import Draft
from asyncwb.errors import ProtocolError
from asyncwb.portal import on_loop

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from asyncwb.artifacts.progress import TransferProgress
    from asyncwb.artifacts.read_operations import MembershipNode, VersionNode
    from asyncwb.artifacts.saver import ManifestKind
    from asyncwb.graphql.service import Service

__all__ = ["Artifact"]


class WaitForId(Protocol):
    """How an artifact waits for the id that the server gives it."""

    def __call__(
        self,
        timeout: float | None,
        progress: Callable[[TransferProgress], object] | None = None,
        /,
    ) -> Awaitable[str | None]:
        """Wait; None: nothing will be known."""
        ...


class Artifact(ArtifactLineage):
    """A versioned set of files and references, for example a dataset or a model.

    A new one is a draft: add files, then hand it to `Run.log_artifact`, which makes a version of
    it. `Run.use_artifact` and `Api.artifact` give versions that were logged.

    Attributes never wait. Methods that are awaited work in threads or in asyncwb's loop; the
    caller's loop goes on. An artifact may be used from several tasks and threads.

    Args:
        name: Name of the collection, of letters, digits, `_`, `-` and `.`, at most 128.
        type: Type, for example `dataset` or `model`.
        description: Free text.
        metadata: JSON values, at most 100 keys; NaN becomes None.
        incremental: The draft holds only what is to be added to the latest version.
        use_as: Accepted for compatibility; has no effect, as in the `wandb` package.
        storage_region: Region in which the server keeps the files; None: its default.
        digest_algorithm: "MD5", or "XXH128" for servers that know it.

    Raises:
        InvalidValueError: A name, type or metadata that cannot be one.
    """

    # -- a draft becomes a version ----------------------------------------------------------

    _wait_for_id: WaitForId | None = None

    async def wait(
        self,
        timeout: float | None = None,
        progress: Callable[[TransferProgress], object] | None = None,
    ) -> Artifact:
        """Wait until the server has committed the version that was logged.

        Args:
            timeout: Seconds; None: as long as it takes.
            progress: Told how far the upload is, in a thread of asyncwb; must be quick. One at a
                time.

        Returns:
            The artifact, with everything that the server says of it.

        Raises:
            UsageError: It was never logged, or its run is offline: the version is there once the
                run is synced.
            InvalidValueError: The server has a collection of that name with another type, or a
                file changed since it was added.
            WaitTimeoutError: The time was not enough; it goes on being logged.
            CommError: The server refused it.
        """
        if not self.is_draft():
            return self
        if self._wait_for_id is None:
            self._require("wait()")
        waiting = cast("WaitForId", self._wait_for_id)
        artifact_id = await waiting(timeout, progress)
        if artifact_id is not None:
            await self._load(artifact_id)
        return self

    @property
    def _is_on_its_way(self) -> bool:
        """Whether a run was asked to log it."""
        return self._wait_for_id is not None

    def _expect(self, wait: WaitForId, service: Service | None) -> None:
        """Say how to wait for the id that the server gives; None: nothing will be known."""
        self._wait_for_id = wait
        self._service = service
        self._freeze()

    def _draft(
        self,
        *,
        entity: str | None,
        project: str,
        run_id: str | None,
        user_run_id: str | None = None,
        aliases: Sequence[str] = (),
        tags: Sequence[str] = (),
        kind: ManifestKind | None = None,
        history_step: int | None = None,
        distributed_id: str | None = None,
        used_as: str | None = None,
        finalize: bool = True,
    ) -> Draft:
        """What is to be saved, for the `Saver`.

        Args:
            entity: Owner of the project; None: the server's default.
            project: Where it goes.
            run_id: Run that logs it; None: it is only used.
            user_run_id: Run that uses it.
            aliases: Aliases, in the order of the request.
            tags: Tags of the version.
            kind: Which manifest; None: by `incremental`.
            history_step: Step of the run at which it is logged.
            distributed_id: What several writers share; None: the artifact's own.
            used_as: What the using run calls it.
            finalize: Whether to commit it.
        """
        metadata = check_metadata(self._metadata)
        return Draft(
            entity=entity,
            project=project,
            run_id=run_id,
            user_run_id=user_run_id,
            type=self._type,
            name=self._collection_name,
            manifest=self._require_manifest(),
            kind=kind or ("INCREMENTAL" if self._incremental else "FULL"),
            aliases=tuple(aliases),
            tags=tuple(tags),
            description=self._description,
            metadata=jsonx.encode(metadata).decode() if metadata else None,
            client_id=self._client_id,
            sequence_client_id=self._sequence_client_id,
            base_id=self._base_id,
            distributed_id=distributed_id or self._distributed_id,
            ttl_seconds=self._ttl_seconds,
            history_step=history_step,
            used_as=used_as,
            finalize=finalize,
        )

    @on_loop
    async def _load(self, artifact_id: str) -> None:
        """Read a version's attributes."""
        service = self._remote("load")
        node = (await service.execute(ARTIFACT_BY_ID, {"id": artifact_id})).artifact
        if node is None:
            raise ProtocolError(f"the server has no artifact {artifact_id}")
        if node.state == "PENDING":
            # One of several writers: what it added is not committed yet.
            return
        self._take(node, None)
        if self._incremental or self._distributed_id is not None:
            # The server laid it over other content.
            self._manifest = None
        elif any((entry.ref or "").startswith(CLIENT_SCHEME) for entry in self._manifest or ()):
            # What referred to drafts refers to versions now.
            await self._load_manifest()
        for entry in self._manifest or ():
            # The copy that waited for the upload is gone.
            entry.local_path = None

    @classmethod
    def _of_own_type(cls, name: str, type: str) -> Artifact:
        """A draft of a type that is kept for what clients make themselves."""
        check_type(type, name, own=True)
        made = cls(name, "own")
        made._type = type
        return made

    @classmethod
    def _from_membership(cls, service: Service, place: MembershipNode, name: str) -> Artifact:
        """A version as a path named it."""
        return cls._from_version(service, place.artifact, place, name.partition(":")[2])

    @classmethod
    async def _from_id(cls, service: Service, artifact_id: str) -> Artifact | None:
        """A version by its id; None where there is none. In the loop."""
        node = (await service.execute(ARTIFACT_BY_ID, {"id": artifact_id})).artifact
        return None if node is None else cls._from_version(service, node)

    async def new_draft(self) -> Artifact:
        """Make a draft with the content of this version; logged, it is the next version.

        Raises:
            UsageError: It is a draft.
            CommError: The server refused or was not reached.
        """
        node = self._require("new_draft()")
        # The one that was logged does not say which versions store its bytes.
        manifest = Manifest.decode((await self._load_manifest()).encode())
        draft = type(self)(node.artifact_sequence.name, self._type)
        draft._description = self._description
        draft._metadata = check_metadata(self._metadata)
        draft._base_id = node.id
        draft._hold(manifest)
        return draft

    # -- changes ----------------------------------------------------------------------------

    @on_loop
    async def save(self) -> None:
        """Send what was changed of a logged version: description, metadata, aliases, tags, ttl.

        Raises:
            UsageError: It is a draft: `Run.log_artifact` saves those.
            CommError: The server refused or was not reached.
        """
        node = self._require("save()")
        service = self._remote("save()")
        home = self._home
        there = {
            "artifactCollectionName": home.name,
            "entityName": self.entity,
            "projectName": self.project,
        }
        before, wanted = set(aliases_of(node, self._place)), set(self._aliases)
        for operation, aliases in (
            (ADD_ALIASES, wanted - before),
            (DELETE_ALIASES, before - wanted),
        ):
            if aliases:
                listed = [{"alias": alias, **there} for alias in sorted(aliases)]
                await service.execute(
                    cast("Any", operation), {"input": {"artifactID": node.id, "aliases": listed}}
                )
        changes = self._changes(node)
        if changes:
            request = {"input": {"artifactID": node.id, **changes}}
            payload = (await service.execute(UPDATE_ARTIFACT, request)).update_artifact
            updated = payload.artifact if payload is not None else None
        else:
            # Aliases of a link may change where the version itself is read-only.
            updated = (await service.execute(ARTIFACT_BY_ID, {"id": node.id})).artifact
        if updated is None:
            raise ProtocolError(f"the server did not change {self.qualified_name}")
        place = self._place
        if place is not None:
            named = [AliasNode(alias=alias) for alias in self._aliases]
            place = msgspec.structs.replace(place, aliases=named)
        self._take(updated, place, self._asked_alias)

    def _changes(self, node: VersionNode) -> dict[str, Any]:
        """What differs from the version as the server told it, aliases aside."""
        metadata = check_metadata(self._metadata)
        tags, old_tags = set(self._tags), {tag.name for tag in node.tags}
        same = (self._description or "", metadata, tags) == (
            node.description or "",
            metadata_of(node),
            old_tags,
        )
        if same and self._ttl_seconds is None:
            return {}
        changes: dict[str, Any] = {
            # null leaves it as it is.
            "description": self._description or ("" if node.description else None),
            "metadata": jsonx.encode(metadata).decode(),
            "tagsToAdd": [{"tagName": tag} for tag in sorted(tags - old_tags)],
            "tagsToDelete": [{"tagName": tag} for tag in sorted(old_tags - tags)],
        }
        if self._ttl_seconds is not None:
            changes["ttlDurationSeconds"] = self._ttl_seconds
        return changes

    @on_loop
    async def delete(self, delete_aliases: bool = False) -> None:
        """Delete the version, or take a link away. Cannot be undone.

        Args:
            delete_aliases: Whether a version that aliases name may go.

        Raises:
            UsageError: It is a draft.
            CommError: The server refused, for example because of aliases.
        """
        node = self._require("delete()")
        if self.is_link:
            await self.unlink()
            return
        await self._remote("delete()").execute(
            DELETE_ARTIFACT,
            {"input": {"artifactID": node.id, "deleteAliases": delete_aliases}},
        )
        self._state = "DELETED"
