"""References to entries of other versions. In the loop."""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit

from asyncwb.artifacts.digest import graphql_id, hex_id
from asyncwb.artifacts.entry import ARTIFACT_SCHEME
from asyncwb.artifacts.fetching import fetch_manifest
from asyncwb.artifacts.manifest import ManifestEntry
from asyncwb.artifacts.names import check_path
from asyncwb.artifacts.read_operations import ARTIFACT_BY_ID
from asyncwb.errors import InvalidValueError

if TYPE_CHECKING:
    from asyncwb.artifacts.entry import Referable
    from asyncwb.artifacts.manifest import Manifest
    from asyncwb.artifacts.read_operations import VersionNode
    from asyncwb.artifacts.references.places import Wanted
    from asyncwb.graphql.service import Service

__all__ = ["MAX_CHAIN", "Target", "fetch_version", "known_entry", "target_of", "version_entry"]

MAX_CHAIN = 20
"""References to references that are followed."""


class Target(NamedTuple):
    """What a reference to another version points to."""

    artifact_id: str
    path: str


def target_of(uri: str) -> Target:
    """Read `wandb-artifact://<hex id>/<path>`.

    Raises:
        InvalidValueError: It has another form.
    """
    parts = urlsplit(uri, allow_fragments=False)
    path = uri.partition("://")[2].partition("/")[2]
    return Target(graphql_id(parts.netloc), check_path(path))


async def fetch_version(service: Service, artifact_id: str) -> tuple[VersionNode, Manifest] | None:
    """A version and what it holds; None: it is gone.

    Raises:
        CommError: The server refused or was not reached.
    """
    node = (await service.execute(ARTIFACT_BY_ID, {"id": artifact_id})).artifact
    if node is None:
        return None
    return node, await fetch_manifest(service, artifact_id, node.artifact_sequence.name)


def known_entry(target: Referable, name: str | None) -> ManifestEntry:
    """The entry of a reference to an entry that is at hand."""
    ref = target.ref if target.ref and target.ref.startswith(f"{ARTIFACT_SCHEME}:") else None
    return ManifestEntry(
        path=check_path(name or posixpath.basename(target.path)),
        digest=target.digest,
        ref=ref or target.ref_url(),
        size=0,
    )


async def version_entry(service: Service, wanted: Wanted) -> ManifestEntry:
    """The entry of a reference by URI; references to references are followed to their end.

    Raises:
        InvalidValueError: Nothing is there, or the references have no end.
        CommError: The server refused or was not reached.
    """
    uri = wanted.uri
    for _ in range(MAX_CHAIN):
        artifact_id, path = target_of(uri)
        found = await fetch_version(service, artifact_id)
        entry = None if found is None else found[1].entries.get(path)
        if entry is None:
            raise InvalidValueError(f"{wanted.uri} points to nothing: no version has {uri}")
        if entry.ref is None or not entry.ref.startswith(f"{ARTIFACT_SCHEME}:"):
            return ManifestEntry(
                path=check_path(wanted.name or posixpath.basename(path)),
                digest=entry.digest,
                ref=f"{ARTIFACT_SCHEME}://{hex_id(artifact_id)}/{path}",
                size=0,
            )
        uri = entry.ref
    raise InvalidValueError(f"{wanted.uri} leads through more than {MAX_CHAIN} versions")
