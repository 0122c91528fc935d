"""`Artifact`: a versioned set of files, as a draft and as a logged version."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import msgspec

from asyncwb import jsonx
from asyncwb.artifacts.cache import FileCache
from asyncwb.artifacts.contents import Contents
from asyncwb.artifacts.digest import file_digest
from asyncwb.artifacts.downloads import FileDownloads
from asyncwb.artifacts.fields import aliases_of
from asyncwb.artifacts.folders import cache_root, download_root, staging_root
from asyncwb.artifacts.lineage import ArtifactLineage
from asyncwb.artifacts.manifest import Manifest
from asyncwb.artifacts.names import check_aliases, check_metadata, check_path, native_path
from asyncwb.artifacts.read_operations import (
    ADD_ALIASES,
    ARTIFACT_BY_ID,
    DELETE_ALIASES,
    DELETE_ARTIFACT,
    FILE_URLS,
    LINK_ARTIFACT,
    MANIFEST,
    UNLINK_ARTIFACT,
    UPDATE_ARTIFACT,
    AliasNode,
)
from asyncwb.artifacts.staging import Staging
from asyncwb.errors import DigestMismatchError, InvalidValueError, ProtocolError
from asyncwb.graphql import READ_POLICY
from asyncwb.portal import PORTAL, on_loop
from asyncwb.transport.offload import offload

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence

    from asyncwb.artifacts.manifest import ManifestEntry
    from asyncwb.artifacts.read_operations import MembershipNode, VersionNode
    from asyncwb.graphql.service import Service

__all__ = ["Artifact"]

_ADDRESSES_PER_PAGE = 1000


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

    _wait_for_id: Callable[[float | None], Awaitable[str]] | None = None

    async def wait(self, timeout: float | None = None) -> Artifact:
        """Wait until the server has committed the version that was logged.

        Args:
            timeout: Seconds; None: as long as it takes.

        Returns:
            The artifact, with everything that the server says of it.

        Raises:
            UsageError: It was never logged, or its run is offline.
            WaitTimeoutError: The time was not enough; it goes on being logged.
            CommError: The server refused it.
        """
        if self._version is not None:
            return self
        if self._wait_for_id is None:
            self._require("wait()")
        waiting = cast("Callable[[float | None], Awaitable[str]]", self._wait_for_id)
        await self._load(await waiting(timeout))
        return self

    def _expect(
        self, wait: Callable[[float | None], Awaitable[str]], service: Service | None
    ) -> None:
        """Say how to wait for the id that the server gives."""
        self._wait_for_id = wait
        self._service = service
        self._final = True

    @on_loop
    async def _load(self, artifact_id: str) -> None:
        """Read a version's attributes."""
        service = self._remote("load")
        node = (await service.execute(ARTIFACT_BY_ID, {"id": artifact_id})).artifact
        if node is None:
            raise ProtocolError(f"the server has no artifact {artifact_id}")
        self._take(node, None)

    @classmethod
    def _from_version(
        cls,
        service: Service,
        node: VersionNode,
        place: MembershipNode | None = None,
        asked: str = "",
    ) -> Artifact:
        made = cls.__new__(cls)
        ArtifactLineage.__init__(made, "draft", "draft")
        made._service, made._manifest, made._contents = service, None, None
        made._take(node, place, asked)
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
        manifest = Manifest.decode((await self.load()).encode())
        draft = type(self)(node.artifact_sequence.name, self._type)
        draft._description = self._description
        draft._metadata = check_metadata(self._metadata)
        draft._base_id = node.id
        draft._manifest = manifest
        draft._contents = Contents(manifest, Staging(staging_root(), draft._client_id[:32]))
        return draft

    # -- content ----------------------------------------------------------------------------

    @property
    def manifest(self) -> Manifest:
        """Everything it holds.

        Raises:
            UsageError: It is a version whose manifest was not asked for; await `load()`.
        """
        return self._require_manifest()

    @on_loop
    async def load(self) -> Manifest:
        """Ask the server for the manifest, once.

        Raises:
            CommError: The server refused or was not reached.
        """
        if self._manifest is None:
            service = self._remote("load()")
            node = self._require("load()")
            found = (await service.execute(MANIFEST, {"id": node.id})).artifact
            current = found.current_manifest if found is not None else None
            if current is None:
                raise ProtocolError(f"the server has no manifest of {self.qualified_name}")
            transport = await service.transport()
            answer = await transport.download(
                current.file.direct_url,
                policy=READ_POLICY,
                deadline_seconds=service.settings.file_timeout,
            )
            self._manifest = await offload(Manifest.decode, answer.body)
        return self._manifest

    def get_entry(self, name: str | os.PathLike[str]) -> ManifestEntry:
        """The entry of a path.

        Raises:
            KeyError: The artifact has no such path.
            UsageError: The manifest of a version was not asked for; await `load()`.
        """
        path = check_path(name)
        entry = self._require_manifest().entries.get(path)
        if entry is None:
            raise KeyError(f"the artifact {self.name} has no file {path!r}")
        return entry

    @on_loop
    async def download(
        self,
        root: str | os.PathLike[str] | None = None,
        skip_cache: bool = False,
        path_prefix: str | os.PathLike[str] | None = None,
        multipart: bool | None = None,
    ) -> Path:
        """Bring a folder to hold the files of the version; what is there and right stays.

        Each file is checked against its digest and appears complete or not at all; what broke off
        is finished by the next call. Other files in the folder are left alone.

        Args:
            root: The folder; None: `artifacts/<name>:<version>`.
            skip_cache: Neither take files from the local cache nor keep them there.
            path_prefix: Only files whose path begins with this.
            multipart: Fetch files in ranges, several at once; None: those of 2 GiB and more.

        Returns:
            The folder.

        Raises:
            DigestMismatchError: The server sent other bytes than the manifest promises.
            UsageError: It is a draft, or the folder cannot be written.
            CommError: The server refused or was not reached.
        """
        service = self._remote("download()")
        node = self._require("download()")
        manifest = await self.load()
        folder = self._default_root() if root is None else Path(root)
        prefix = "" if path_prefix is None else Path(path_prefix).as_posix()
        entries = [entry for entry in manifest if entry.path.startswith(prefix)]
        stored = [entry for entry in entries if entry.ref is None]
        settings = service.settings

        async def addresses(
            names: Sequence[str],
        ) -> AsyncGenerator[list[tuple[str, str]], None]:
            wanted = list(names) if len(names) < len(manifest) else None
            cursor: str | None = None
            while True:
                data = await service.execute(
                    FILE_URLS,
                    {
                        "id": node.id,
                        "names": wanted,
                        "cursor": cursor,
                        "perPage": _ADDRESSES_PER_PAGE,
                    },
                    lane="bulk",
                )
                found = data.artifact.files if data.artifact is not None else None
                if found is None:
                    return
                nodes = [edge.node for edge in found.edges if edge.node is not None]
                yield [(one.name, one.direct_url) for one in nodes]
                cursor = found.page_info.end_cursor
                if not found.page_info.has_next_page:
                    return

        await offload(os.makedirs, folder, exist_ok=True)
        await FileDownloads(
            await service.transport(),
            addresses,
            cache=FileCache(cache_root()),
            root=folder,
            deadline_seconds=settings.file_timeout,
            use_cache=not skip_cache,
            multipart=multipart,
        ).download(stored)
        return folder

    async def verify(self, root: str | os.PathLike[str] | None = None) -> None:
        """Check that a folder holds exactly the files of the version.

        Args:
            root: The folder; None: where `download` puts it.

        Raises:
            DigestMismatchError: A file has other content.
            InvalidValueError: A file is missing, or one is there that the version does not have.
        """
        manifest = await self.load()
        folder = self._default_root() if root is None else Path(root)
        await PORTAL.in_thread(_verify, manifest, folder)

    def _default_root(self) -> Path:
        name = f"{self._home.name}:{self.version}"
        return download_root() / (name if os.name != "nt" else name.replace(":", "-"))

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
        tags, old_tags = set(self._tags), {tag.name for tag in node.tags}
        changes: dict[str, Any] = {
            "artifactID": node.id,
            "description": self._description,
            "metadata": jsonx.encode(check_metadata(self._metadata)).decode(),
            "tagsToAdd": [{"tagName": tag} for tag in sorted(tags - old_tags)],
            "tagsToDelete": [{"tagName": tag} for tag in sorted(old_tags - tags)],
        }
        if self._ttl_seconds is not None:
            changes["ttlDurationSeconds"] = self._ttl_seconds
        payload = (await service.execute(UPDATE_ARTIFACT, {"input": changes})).update_artifact
        updated = payload.artifact if payload is not None else None
        if updated is None:
            raise ProtocolError(f"the server did not change {self.qualified_name}")
        place = self._place
        if place is not None:
            named = [AliasNode(alias=alias) for alias in self._aliases]
            place = msgspec.structs.replace(place, aliases=named)
        self._take(updated, place, self._asked_alias)

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

    @on_loop
    async def link(self, target_path: str, aliases: Sequence[str] | None = None) -> Artifact:
        """Link the version into a collection of links, which is made when it is missing.

        Args:
            target_path: `collection`, `project/collection` or `entity/project/collection`.
            aliases: Aliases there.

        Returns:
            The version as it is reached through the link.

        Raises:
            InvalidValueError: The path has another form.
            UsageError: It is a draft.
            CommError: The server refused or was not reached.
        """
        node = self._require("link()")
        service = self._remote("link()")
        parts = target_path.strip("/").split("/")
        if not 1 <= len(parts) <= 3 or not all(parts) or ":" in target_path:
            raise InvalidValueError(
                f"a link goes to [entity/]project/collection, without an alias, got {target_path!r}"
            )
        project = parts[-2] if len(parts) > 1 else service.settings.project or "uncategorized"
        entity = parts[0] if len(parts) > 2 else self.source_entity
        wanted = {
            "artifactID": node.id,
            "artifactPortfolioName": parts[-1],
            "entityName": entity,
            "projectName": project,
            "aliases": [
                {"alias": alias, "artifactCollectionName": parts[-1]}
                for alias in check_aliases(aliases)
            ],
        }
        payload = (await service.execute(LINK_ARTIFACT, {"input": wanted})).link_artifact
        place = payload.artifact_membership if payload is not None else None
        if place is None:
            raise ProtocolError(f"the server did not link the artifact to {target_path}")
        return self._from_version(service, place.artifact, place)

    @on_loop
    async def unlink(self) -> None:
        """Take the link away through which the version was reached; the version stays.

        Raises:
            InvalidValueError: It was not reached through a link.
            CommError: The server refused or was not reached.
        """
        node = self._require("unlink()")
        home = self._home
        if not self.is_link or home.id is None:
            raise InvalidValueError(
                f"{self.qualified_name} is no link: it cannot be taken out of the collection that "
                "owns it; delete() deletes it"
            )
        await self._remote("unlink()").execute(
            UNLINK_ARTIFACT, {"input": {"artifactID": node.id, "artifactPortfolioID": home.id}}
        )


def _verify(manifest: Manifest, folder: Path) -> None:
    """Compare a folder with a manifest; blocks.

    Raises:
        DigestMismatchError: A file has other content.
        InvalidValueError: A file is missing, or one is there that the version does not have.
    """
    found = {file.relative_to(folder).as_posix() for file in folder.rglob("*") if not file.is_dir()}
    extra = sorted(found - manifest.entries.keys())
    if extra:
        raise InvalidValueError(f"{folder} has files that the artifact does not have: {extra[:5]}")
    for entry in manifest:
        if entry.ref is not None:
            continue
        path = native_path(folder, entry.path)
        try:
            digest, _ = file_digest(path, entry.algorithm)
        except OSError as exc:
            raise InvalidValueError(f"{path} cannot be read: {exc}", exc=exc) from exc
        if digest != entry.digest:
            raise DigestMismatchError(entry.path, expected=entry.digest, got=digest)
