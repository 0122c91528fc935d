"""What an artifact is called and what is known of it: attributes that never wait."""

from __future__ import annotations

import os
from datetime import timedelta
from enum import Enum
from typing import TYPE_CHECKING, Any, cast

from asyncwb import jsonx
from asyncwb.artifacts.contents import Contents
from asyncwb.artifacts.folders import staging_root
from asyncwb.artifacts.manifest import Manifest
from asyncwb.artifacts.names import (
    check_aliases,
    check_metadata,
    check_name,
    check_tags,
    check_type,
)
from asyncwb.artifacts.naming import ArtifactNames, same_collection
from asyncwb.artifacts.staging import Staging
from asyncwb.errors import InvalidValueError, UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from asyncwb.artifacts.artifact import Artifact
    from asyncwb.artifacts.digest import DigestAlgorithm
    from asyncwb.artifacts.objects.adding import ObjectWriter
    from asyncwb.artifacts.read_operations import MembershipNode, VersionNode
    from asyncwb.graphql.service import Service

__all__ = ["ArtifactFields", "ArtifactTTL", "aliases_of", "metadata_of", "new_client_id"]

_ALPHABET = "0123456789abcdefghijklmnopqrstuvwxyz"
_CLIENT_ID_LENGTH = 128
_NO_TTL = -2
_INHERITED_TTL = -1


class ArtifactTTL(Enum):
    """A time to live that is no duration."""

    INHERIT = 0
    """What the team has set for its artifacts."""


class ArtifactFields(ArtifactNames):
    """Names and facts of an artifact; `Artifact` adds what it does."""

    _description: str | None
    _metadata: dict[str, Any]
    _use_as: str | None
    _aliases: list[str]
    _tags: list[str]
    _ttl_seconds: int | None
    _distributed_id: str | None
    _base_id: str | None
    _manifest: Manifest | None
    _contents: Contents | None
    _objects: ObjectWriter | None

    def __init__(
        self,
        name: str,
        type: str,
        description: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        incremental: bool = False,
        use_as: str | None = None,
        *,
        storage_region: str | None = None,
        digest_algorithm: DigestAlgorithm = "MD5",
    ) -> None:
        if digest_algorithm not in ("MD5", "XXH128"):
            raise InvalidValueError(
                f"digest_algorithm is 'MD5' or 'XXH128', got {digest_algorithm!r}"
            )
        self._blank()
        self._collection_name = check_name(name)
        self._type = check_type(type, name)
        self._description = description
        self._metadata = check_metadata(metadata)
        self._incremental = incremental
        self._use_as = use_as
        self._client_id = new_client_id()
        self._sequence_client_id = new_client_id()
        self._hold(Manifest(algorithm=digest_algorithm, region=storage_region))

    def _blank(self) -> None:
        """Set what neither a draft nor a version begins with."""
        self._collection_name = self._type = ""
        self._description = None
        self._metadata = {}
        self._incremental = False
        self._use_as = None
        self._aliases = []
        self._tags = []
        self._ttl_seconds = None
        self._distributed_id = None
        self._base_id = None
        self._client_id = self._sequence_client_id = ""
        self._final = False
        self._state = "PENDING"
        # What the server said, once the version is logged.
        self._service = None
        self._version = None
        self._place = None
        self._asked_alias = ""
        self._manifest = None
        # Files of a draft, and values that became some of them.
        self._contents = None
        self._objects = None

    def _hold(self, manifest: Manifest) -> None:
        """Make a draft of these entries."""
        self._manifest = manifest
        self._contents = Contents(manifest, Staging(staging_root, self._client_id[:32]))

    @classmethod
    def _from_version(
        cls,
        service: Service,
        node: VersionNode,
        place: MembershipNode | None = None,
        asked: str = "",
    ) -> Artifact:
        made = cls.__new__(cls)
        made._blank()
        made._service = service
        made._take(node, place, asked)
        return cast("Artifact", made)

    # -- what may change --------------------------------------------------------------------

    @property
    def description(self) -> str | None:
        """Description; of a logged version `save()` sends it."""
        return self._description

    @description.setter
    def description(self, value: str | None) -> None:
        self._description = value

    @property
    def metadata(self) -> dict[str, Any]:
        """Metadata, at most 100 keys; of a logged version `save()` sends it."""
        return self._metadata

    @metadata.setter
    def metadata(self, value: Mapping[str, Any]) -> None:
        self._metadata = check_metadata(value)

    @property
    def aliases(self) -> list[str]:
        """Aliases in its collection, without the version; `save()` sends changes.

        Raises:
            UsageError: It is a draft: give aliases to `log_artifact`.
        """
        self._require("aliases")
        return self._aliases

    @aliases.setter
    def aliases(self, value: Sequence[str]) -> None:
        self._require("aliases")
        self._aliases = check_aliases(value)

    @property
    def tags(self) -> list[str]:
        """Tags of the version; `save()` sends changes.

        Raises:
            UsageError: It is a draft: give tags to `log_artifact`.
        """
        self._require("tags")
        return self._tags

    @tags.setter
    def tags(self, value: Sequence[str]) -> None:
        self._require("tags")
        self._tags = check_tags(value)

    @property
    def ttl(self) -> timedelta | None:
        """Time after which the version is deleted; None: never. `save()` sends changes.

        Raises:
            UsageError: It is a draft, or was changed, and inherits what only the server knows.
        """
        seconds = self._ttl_seconds
        if seconds == _INHERITED_TTL or (seconds is None and self._version is None):
            raise UsageError("the inherited ttl is known once the artifact is logged or saved")
        if seconds is None:
            seconds = self._require("ttl").ttl_duration_seconds or 0
        return timedelta(seconds=seconds) if seconds > 0 else None

    @ttl.setter
    def ttl(self, value: timedelta | ArtifactTTL | None) -> None:
        if self._type == "wandb-history":
            raise InvalidValueError("artifacts of the type 'wandb-history' have no ttl")
        if self._version is not None and self.is_link:
            raise InvalidValueError("a link has no ttl of its own: set it on the source version")
        if value is None:
            self._ttl_seconds = _NO_TTL
        elif value is ArtifactTTL.INHERIT:
            self._ttl_seconds = _INHERITED_TTL
        elif isinstance(value, timedelta) and value.total_seconds() >= 1:  # pyright: ignore[reportUnnecessaryIsInstance]
            self._ttl_seconds = int(value.total_seconds())
        else:
            raise InvalidValueError(
                f"ttl is a timedelta of a second or more, None or ArtifactTTL.INHERIT, "
                f"got {value!r}"
            )

    @property
    def distributed_id(self) -> str | None:
        """What several writers of one version share; see `Run.upsert_artifact`."""
        return self._distributed_id

    @distributed_id.setter
    def distributed_id(self, value: str | None) -> None:
        self._distributed_id = value

    # -- facts ------------------------------------------------------------------------------

    @property
    def digest_algorithm(self) -> str:
        """How digests are made: `MANIFEST_MD5` or `MANIFEST_XXH128`."""
        if self._version is not None:
            return self._version.digest_algorithm or "MANIFEST_MD5"
        return f"MANIFEST_{self._require_manifest().algorithm}"

    @property
    def use_as(self) -> str | None:
        """What the draft was made with."""
        return self._use_as

    @property
    def incremental(self) -> bool:
        """Whether a draft holds only what is to be added to the latest version."""
        return self._incremental

    @property
    def state(self) -> str:
        """`PENDING` (a draft), `COMMITTED` or `DELETED`."""
        return self._state

    @property
    def digest(self) -> str:
        """Hash over all paths and their content, in hex; equal content has equal digests."""
        if self._version is not None:
            return self._version.digest
        return self._require_manifest().digest

    @property
    def size(self) -> int:
        """Bytes of all files, and of references whose size is known."""
        if self._version is not None:
            return self._version.size
        return self._require_manifest().size

    @property
    def file_count(self) -> int:
        """Number of files and references."""
        if self._version is not None:
            return self._version.file_count
        return len(self._require_manifest())

    @property
    def commit_hash(self) -> str:
        """Hash that the server gave to the commit, "" where it gives none.

        Raises:
            UsageError: It is a draft.
        """
        return self._require("commit_hash").commit_hash or ""

    @property
    def created_at(self) -> str:
        """When it was logged, in ISO form.

        Raises:
            UsageError: It is a draft.
        """
        return self._require("created_at").created_at or ""

    @property
    def updated_at(self) -> str:
        """When it was last changed, in ISO form.

        Raises:
            UsageError: It is a draft.
        """
        node = self._require("updated_at")
        return node.updated_at or node.created_at or ""

    @property
    def linked_at(self) -> str | None:
        """When it was linked, in ISO form; None for a version in its own collection.

        Raises:
            UsageError: It is a draft.
        """
        return self._place.created_at if self.is_link and self._place is not None else None

    @property
    def history_step(self) -> int | None:
        """Step of the run's history at which it was logged.

        Raises:
            UsageError: It is a draft.
        """
        step = self._require("history_step").history_step
        return None if step is None else max(0, step - 1)

    def is_draft(self) -> bool:
        """Whether it has not been logged yet, or the server is not done with it."""
        return self._version is None or self._state == "PENDING"

    def finalize(self) -> None:
        """Allow no more changes of the content; logging does it by itself."""
        self._freeze()

    def __repr__(self) -> str:
        return f"<Artifact {self.id or self._collection_name}>"

    # -- inside -----------------------------------------------------------------------------

    def _freeze(self) -> None:
        self._final = True

    def _require_manifest(self) -> Manifest:
        if self._manifest is None:
            raise UsageError(
                f"the manifest of {self.qualified_name} is not loaded; await artifact.load()"
            )
        return self._manifest

    def _take(self, node: VersionNode, place: MembershipNode | None, asked: str = "") -> None:
        """Take over what the server says."""
        self._version, self._place, self._asked_alias = node, place, asked
        self._collection_name = self._home.name
        self._type = node.artifact_type.name
        self._description = node.description
        self._metadata = metadata_of(node)
        self._tags = [tag.name for tag in node.tags]
        self._aliases = aliases_of(node, place)
        self._ttl_seconds = None
        self._state = node.state
        self._final = True


def aliases_of(node: VersionNode, place: MembershipNode | None) -> list[str]:
    """Aliases of a version in its collection, without its version number."""
    if place is not None:
        found = [one.alias for one in place.aliases]
    else:
        found = [
            one.alias
            for one in node.aliases or []
            if one.artifact_collection is not None
            and same_collection(one.artifact_collection, node.artifact_sequence)
        ]
    return [alias for alias in found if not (alias[:1] == "v" and alias[1:].isdigit())]


def metadata_of(node: VersionNode) -> dict[str, Any]:
    """Metadata of a version; whatever is no object counts as none."""
    found: object = jsonx.decode(node.metadata) if node.metadata else {}
    return cast("dict[str, Any]", found) if isinstance(found, dict) else {}


def new_client_id() -> str:
    """A random name by which a draft is known to a server."""
    number = int.from_bytes(os.urandom(96), "big")
    return "".join(_ALPHABET[number // 36**place % 36] for place in range(_CLIENT_ID_LENGTH))
