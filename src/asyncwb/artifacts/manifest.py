"""The manifest: what a version contains."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from asyncwb.artifacts.digest import DigestAlgorithm, manifest_digest
from asyncwb.artifacts.names import check_path
from asyncwb.errors import InvalidValueError, ProtocolError

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Manifest", "ManifestEntry"]

_VERSION = 1
_POLICY = "wandb-storage-policy-v1"
_ALGORITHM_KEY = "alg"


class ManifestEntry(msgspec.Struct, kw_only=True, gc=False):
    """One file or reference of a version.

    Attributes:
        path: Relative path in the artifact, with `/`.
        digest: Base64 of the content's hash; for references what their store says, e.g. an ETag.
        ref: URI of a reference; None for a stored file.
        size: Bytes; None where unknown.
        extra: More about it, e.g. the version id in an object store.
        birth_artifact_id: GraphQL id of the version whose upload first stored these bytes.
        local_path: Where the bytes lie on this machine, while they are not uploaded.
        skip_cache: Keep the bytes out of the local cache.
    """

    path: str
    digest: str
    ref: str | None = None
    size: int | None = None
    extra: dict[str, Any] = msgspec.field(default_factory=dict[str, Any])
    birth_artifact_id: str | None = None
    local_path: str | None = None
    skip_cache: bool = False

    @property
    def algorithm(self) -> DigestAlgorithm:
        """How the digest of a stored file was made."""
        return "XXH128" if self.extra.get(_ALGORITHM_KEY) == "XXH128" else "MD5"

    def to_json(self) -> dict[str, Any]:
        """The entry as manifests hold it, under its path."""
        members: dict[str, Any] = {"digest": self.digest}
        if self.birth_artifact_id is not None:
            members["birthArtifactID"] = self.birth_artifact_id
        if self.ref is not None:
            members["ref"] = self.ref
        if self.size is not None:
            members["size"] = self.size
        if self.extra:
            members["extra"] = self.extra
        return members


class _EntryOnWire(msgspec.Struct, rename="camel", gc=False):
    """An entry as a server sends it; what else it holds is ignored."""

    digest: str
    ref: str | None = None
    size: int | None = None
    extra: dict[str, Any] | None = None
    birth_artifact_id: str | None = msgspec.field(default=None, name="birthArtifactID")


class _ManifestOnWire(msgspec.Struct, rename="camel"):
    version: int = 0
    storage_policy: str = _POLICY
    storage_policy_config: dict[str, Any] = msgspec.field(default_factory=dict[str, Any])
    contents: dict[str, _EntryOnWire] = msgspec.field(default_factory=dict[str, _EntryOnWire])


class Manifest:
    """The entries of a version by path.

    Args:
        algorithm: Of the digests of files and of the version.
        region: Region that stores the files; None: the server's default.
        layout: Storage layout, "V2" or, in old versions, "V1".
    """

    def __init__(
        self,
        *,
        algorithm: DigestAlgorithm = "MD5",
        region: str | None = None,
        layout: str = "V2",
    ) -> None:
        self.algorithm: DigestAlgorithm = algorithm
        self.region = region
        self.layout = layout
        self.entries: dict[str, ManifestEntry] = {}

    def __len__(self) -> int:
        return len(self.entries)

    def __iter__(self) -> Iterator[ManifestEntry]:
        return iter(self.entries.values())

    def add(self, entry: ManifestEntry, *, overwrite: bool = False) -> None:
        """Add an entry; the same content again is harmless.

        Raises:
            InvalidValueError: Other content is there under this path.
        """
        if not overwrite:
            self.check(entry)
        self.entries[entry.path] = entry

    def check(self, entry: ManifestEntry) -> None:
        """Check that an entry can be added.

        Raises:
            InvalidValueError: Other content is there under its path.
        """
        there = self.entries.get(entry.path)
        if there is not None and there.digest != entry.digest:
            raise InvalidValueError(
                f"{entry.path!r} is in the artifact already, with other content; pass "
                "overwrite=True or remove it first"
            )

    def remove(self, path: str) -> list[ManifestEntry]:
        """Remove an entry, or everything below a folder; returns what was removed."""
        entry = self.entries.pop(path, None)
        if entry is not None:
            return [entry]
        return [self.entries.pop(found.path) for found in self.below(path)]

    def below(self, prefix: str) -> list[ManifestEntry]:
        """Entries below a folder of the artifact."""
        start = prefix.rstrip("/") + "/"
        return [entry for path, entry in self.entries.items() if path.startswith(start)]

    @property
    def digest(self) -> str:
        """The version's digest, in hex."""
        return manifest_digest(
            ((path, entry.digest) for path, entry in self.entries.items()), self.algorithm
        )

    @property
    def size(self) -> int:
        """Bytes of everything whose size is known."""
        return sum(entry.size or 0 for entry in self.entries.values())

    @property
    def storage_policy_config(self) -> dict[str, str]:
        """How the files are stored."""
        config = {"storageLayout": self.layout}
        return config if self.region is None else {**config, "storageRegion": self.region}

    def to_json(self) -> dict[str, Any]:
        """The manifest as a tree."""
        return {
            "version": _VERSION,
            "storagePolicy": _POLICY,
            "storagePolicyConfig": self.storage_policy_config,
            "contents": {path: self.entries[path].to_json() for path in sorted(self.entries)},
        }

    def encode(self) -> bytes:
        """The manifest file: compact JSON, paths in order."""
        return msgspec.json.encode(self.to_json())

    @classmethod
    def decode(cls, data: bytes) -> Manifest:
        """Read a manifest file.

        Raises:
            ProtocolError: It is none, or of a version that is not known.
            InvalidValueError: A path would lead out of the artifact.
        """
        try:
            wire = msgspec.json.decode(data, type=_ManifestOnWire)
        except (msgspec.DecodeError, UnicodeDecodeError) as exc:
            raise ProtocolError(
                f"the manifest of the artifact cannot be read: {exc}", exc=exc
            ) from exc
        if wire.version != _VERSION or wire.storage_policy != _POLICY:
            raise ProtocolError(
                f"the manifest is of version {wire.version} ({wire.storage_policy}), which this "
                "release does not know"
            )
        config = wire.storage_policy_config
        region = config.get("storageRegion")
        manifest = cls(
            layout=str(config.get("storageLayout", "V1")),
            region=None if region is None else str(region),
        )
        for path, found in wire.contents.items():
            entry = ManifestEntry(
                path=check_path(path),
                digest=found.digest,
                ref=found.ref,
                size=found.size,
                extra=found.extra or {},
                birth_artifact_id=found.birth_artifact_id,
            )
            manifest.entries[entry.path] = entry
        if any(entry.algorithm == "XXH128" for entry in manifest):
            manifest.algorithm = "XXH128"
        return manifest
