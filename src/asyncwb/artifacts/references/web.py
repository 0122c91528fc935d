"""References to addresses of the web. In the loop."""

from __future__ import annotations

from typing import TYPE_CHECKING

from asyncwb.artifacts.manifest import ManifestEntry
from asyncwb.artifacts.names import check_path
from asyncwb.artifacts.references.places import check_digest
from asyncwb.errors import CommError
from asyncwb.graphql import READ_POLICY
from asyncwb.transport import Transport, TransportConfig
from asyncwb.transport.offload import offload

if TYPE_CHECKING:
    from pathlib import Path

    from asyncwb.artifacts.references.places import Wanted
    from asyncwb.settings import Settings

__all__ = ["fetch_page", "web_entry"]

_GONE = frozenset({404, 410})
_WRITE_BYTES = 1024 * 1024


async def web_entry(settings: Settings, wanted: Wanted) -> ManifestEntry:
    """The entry of an address: its ETag and length, as its server tells them.

    Raises:
        InvalidValueError: The address ends in no name, and none is given.
        CommError: The server refused or was not reached.
    """
    uri = wanted.uri
    path = check_path(wanted.name or uri.rpartition("/")[2])
    transport = await _transport(settings)
    async with transport.stream(
        uri, policy=READ_POLICY, deadline_seconds=settings.file_timeout
    ) as opened:
        etag = opened.headers.get("etag")
        return ManifestEntry(
            path=path,
            digest=etag.strip('"') if etag else opened.url,
            ref=opened.url,
            size=opened.length,
            extra={"etag": etag} if etag else {},
        )


async def fetch_page(settings: Settings, entry: ManifestEntry, draft: Path) -> None:
    """Download the address of an entry to a new file.

    Raises:
        FileNotFoundError: Nothing is there any more.
        DigestMismatchError: Its server says that the content is another one now.
        CommError: The server refused or was not reached.
        OSError: The file cannot be written.
    """
    assert entry.ref is not None
    transport = await _transport(settings)
    try:
        async with transport.stream(
            entry.ref, policy=READ_POLICY, deadline_seconds=settings.file_timeout
        ) as pieces:
            etag = pieces.headers.get("etag")
            check_digest(entry, etag.strip('"') if etag else pieces.url)
            file = await offload(open, draft, "xb")
            try:
                pending = bytearray()
                async for piece in pieces:
                    pending += piece
                    if len(pending) >= _WRITE_BYTES:
                        await offload(file.write, bytes(pending))
                        pending.clear()
                await offload(file.write, bytes(pending))
            finally:
                await offload(file.close)
    except CommError as exc:
        if exc.response is not None and exc.response.status in _GONE:
            raise FileNotFoundError(f"{entry.path!r} refers to {entry.ref}, which is gone") from exc
        raise


async def _transport(settings: Settings) -> Transport:
    """A connection without credentials: other people's servers get none."""
    return await Transport.shared(
        TransportConfig(
            base_url=settings.base_url,
            ca_file=settings.ca_file,
            insecure=settings.insecure,
            user_agent="asyncwb (references)",
        )
    )
