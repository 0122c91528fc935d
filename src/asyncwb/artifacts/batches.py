"""Many small files in one request, where a server takes batches: the embedded one does.

Anywhere else each file is a request of its own. A batch does what its signed addresses allow, one
by one; it saves the requests. In the loop.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from asyncwb.errors import AuthenticationError, CommError, ProtocolError
from asyncwb.transport import TRANSIENT_STATUSES, RetryPolicy

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from asyncwb.artifacts.manifest import ManifestEntry
    from asyncwb.transport import Transport

__all__ = ["BATCHES", "SMALL_BYTES", "Batches", "grouped"]

BATCHES = "X_SMALL_FILE_BATCHES"
"""The feature of servers that take batches."""

SMALL_BYTES = 256 * 1024
"""Files of at most this size go in batches."""

_BATCH_BYTES = 4 * 1024**2
_BATCH_FILES = 500
# What does not get through as a batch goes file by file.
_POLICY = RetryPolicy(retry_statuses=TRANSIENT_STATUSES, max_attempts=3)


class _Outcome(msgspec.Struct, gc=False):
    status: int
    size: int = 0
    message: str = ""


_decoder = msgspec.json.Decoder(list[_Outcome])


class Batches:
    """Sends and fetches batches on one server.

    Args:
        transport: Of the server that made the addresses.
        deadline_seconds: Time for one batch, retries included.
    """

    def __init__(self, transport: Transport, deadline_seconds: float) -> None:
        self._transport = transport
        self._deadline_seconds = deadline_seconds
        self._root = transport.config.root + "/"

    def takes(self, url: str, size: int | None) -> bool:
        """Whether a file of a size can go in a batch by its address."""
        return size is not None and size <= SMALL_BYTES and url.startswith(self._root)

    async def put(self, files: Sequence[tuple[str, bytes]]) -> list[CommError | None]:
        """Upload files to their addresses; what went wrong with each.

        Raises:
            CommError: The server refused the batch, or was not reached.
        """
        head = msgspec.json.encode([{"url": url, "size": len(data)} for url, data in files])
        outcomes, _ = await self._post(
            "put", b"".join([head, b"\n", *(data for _, data in files)]), len(files)
        )
        return [None if one.status == 200 else _error(one) for one in outcomes]

    async def get(self, urls: Sequence[str]) -> list[memoryview | CommError]:
        """Fetch files from their addresses; the bytes of each, or what went wrong with it.

        Raises:
            CommError: The server refused the batch, or was not reached.
        """
        outcomes, body = await self._post("get", msgspec.json.encode(urls), len(urls))
        found: list[memoryview | CommError] = []
        start = 0
        for one in outcomes:
            if one.status != 200:
                found.append(_error(one))
                continue
            found.append(body[start : start + one.size])
            start += one.size
        if start != len(body):
            raise ProtocolError("the server sent a batch of files that is not complete")
        return found

    async def _post(self, what: str, body: bytes, count: int) -> tuple[list[_Outcome], memoryview]:
        answer = await self._transport.post(
            f"/storage/batch/{what}",
            body,
            headers={"Content-Type": "application/octet-stream"},
            policy=_POLICY,
            deadline_seconds=self._deadline_seconds,
            lane="bulk",
        )
        end = answer.body.find(b"\n")
        try:
            outcomes = _decoder.decode(answer.body if end < 0 else answer.body[:end])
        except (msgspec.MsgspecError, UnicodeDecodeError) as exc:
            raise ProtocolError(
                "the answer to a batch of files cannot be read", exc=exc, response=answer
            ) from exc
        if len(outcomes) != count:
            raise ProtocolError(f"the server answered for {len(outcomes)} of {count} files")
        return outcomes, memoryview(answer.body)[end + 1 :] if end >= 0 else memoryview(b"")


def grouped(
    files: Iterable[tuple[ManifestEntry, str]],
) -> Iterator[list[tuple[ManifestEntry, str]]]:
    """Entries and their addresses in groups that a batch can hold."""
    group: list[tuple[ManifestEntry, str]] = []
    size = 0
    for entry, url in files:
        if group and (len(group) == _BATCH_FILES or size + (entry.size or 0) > _BATCH_BYTES):
            yield group
            group, size = [], 0
        group.append((entry, url))
        size += entry.size or 0
    if group:
        yield group


def _error(outcome: _Outcome) -> CommError:
    text = outcome.message or f"the server answered {outcome.status} for a file"
    # A signed address that came too late is refused, as it is by itself.
    return AuthenticationError(text) if outcome.status in (401, 403) else CommError(text)
