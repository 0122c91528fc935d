"""What is to be known of a reference before it is an entry."""

from __future__ import annotations

from typing import TYPE_CHECKING

from asyncwb.artifacts.entry import ARTIFACT_SCHEME, CLIENT_SCHEME
from asyncwb.artifacts.manifest import ManifestEntry
from asyncwb.artifacts.names import check_path
from asyncwb.artifacts.references.files import file_entries
from asyncwb.artifacts.references.places import is_http, is_store, scheme_of
from asyncwb.errors import InvalidValueError
from asyncwb.graphql.service import Service
from asyncwb.settings import resolve
from asyncwb.transport.offload import offload

if TYPE_CHECKING:
    from asyncwb.artifacts.references.places import Wanted

__all__ = ["local_entries", "remote_entries"]


def local_entries(wanted: Wanted) -> list[ManifestEntry] | None:
    """Entries of a reference that needs no network; None: it needs one. Blocks for files.

    Raises:
        InvalidValueError: It is no URI, or nothing that can be referred to.
    """
    uri, scheme = wanted.uri, scheme_of(wanted.uri)
    if not scheme:
        raise InvalidValueError(
            f"a reference is a URI, such as file:///data/x.bin or s3://bucket/key, got {uri!r}"
        )
    if scheme == "file":
        return file_entries(wanted)
    if scheme == CLIENT_SCHEME:
        raise InvalidValueError(
            f"{CLIENT_SCHEME} names a draft of this process: pass the draft's get_entry(path)"
        )
    if is_store(uri):
        from asyncwb.artifacts.references.stores import unchecked_entry

        return None if wanted.checksum else [unchecked_entry(wanted)]
    if is_http(uri) and not wanted.checksum:
        path = check_path(wanted.name or uri.rpartition("/")[2])
        return [ManifestEntry(path=path, digest=uri, ref=uri)]
    if is_http(uri) or scheme == ARTIFACT_SCHEME:
        return None
    if not wanted.name:
        raise InvalidValueError(f"a reference to {uri} needs a name: its scheme tells none")
    return [ManifestEntry(path=check_path(wanted.name), digest=uri, ref=uri)]


async def remote_entries(wanted: Wanted, service: Service | None) -> list[ManifestEntry]:
    """Entries of a reference whose place is asked. In the loop.

    Args:
        wanted: The reference.
        service: The artifact's server; None: that of environment and files.

    Raises:
        InvalidValueError: Nothing is there, or too much.
        UnsupportedError: The package that knows the store is not installed.
        CommError: The place refused or was not reached.
    """
    settings = service.settings if service is not None else await offload(resolve, {})
    if is_store(wanted.uri):
        from asyncwb.artifacts.references.stores import store_entries

        return await store_entries(settings, wanted)
    if is_http(wanted.uri):
        from asyncwb.artifacts.references.web import web_entry

        return [await web_entry(settings, wanted)]
    from asyncwb.artifacts.references.versions import version_entry

    return [await version_entry(service or Service(settings, settings.http_timeout), wanted)]
