"""The file stream of one run: posts chunks, one request at a time."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING
from urllib.parse import quote

import msgspec

from asyncwb.errors import CommError
from asyncwb.filestream.chunks import MAX_BODY_BYTES
from asyncwb.transport import TRANSIENT_STATUSES, Response, RetryPolicy, RetryState, Transport

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from asyncwb.filestream.chunks import Chunk

__all__ = ["FileStream", "StreamAnswer"]

log = logging.getLogger("asyncwb.filestream")

_WEEK_SECONDS = 7 * 24 * 3600.0
_ATTEMPTS = 10_085
"""With the longest wait of a minute about a week: a weekend's outage loses no live run."""

_LIVE_BYTES = 256 * 1024
_SHARED_BYTES = 48 * 1024
"""Line data of one body of a live run, where small bodies of all runs share one connection: with
the escapes of JSON it stays below 64 KiB. Larger chunks are a backlog, for which few large requests
on connections of their own are cheaper."""

_JSON = {"Content-Type": "application/json"}


class StreamAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What came of a chunk.

    Attributes:
        stopped: The server asks to stop the run.
        bytes_sent: Body bytes of the accepted requests.
        error: Why the stream is dead, None while it lives. The chunk, or its rest, was not
            accepted, and no later one will be.
    """

    stopped: bool = False
    bytes_sent: int = 0
    error: CommError | None = None


class FileStream:
    """Posts the chunks of one run.

    A request is repeated, with the same body and offsets, for a week by default while the server is
    unreachable or answers 408, 429 or 5xx (not 501). Any other refusal ends the stream: it is
    returned in `StreamAnswer.error`, here and by all later calls, and never raised.

    Args:
        transport: With credentials.
        entity: As the server answered; None leaves the path segment out.
        project: As the server answered.
        run_id: As the server answered.
        headers: Added to each request.
        patience_seconds: How long to repeat a request while the server is not there.
        on_retry: Told before each repetition.
        on_answer: Told each accepted answer.
    """

    __slots__ = ("_error", "_headers", "_on_answer", "_path", "_patience", "_policy", "_transport")

    def __init__(
        self,
        transport: Transport,
        *,
        entity: str | None,
        project: str,
        run_id: str,
        headers: Mapping[str, str] | None = None,
        patience_seconds: float = _WEEK_SECONDS,
        on_retry: Callable[[RetryState], None] | None = None,
        on_answer: Callable[[Response], None] | None = None,
    ) -> None:
        segments = [segment for segment in (entity, project, run_id) if segment]
        self._path = "/files/" + "/".join(quote(s, safe="+") for s in segments) + "/file_stream"
        self._headers = {**_JSON, **(headers or {})}
        self._transport = transport
        self._on_answer = on_answer
        self._error: CommError | None = None
        self._patience = patience_seconds
        self._policy = RetryPolicy(
            retry_statuses=TRANSIENT_STATUSES,
            max_attempts=_ATTEMPTS,
            attempt_seconds=180.0,
            on_retry=on_retry,
        )

    @property
    def path(self) -> str:
        """Where the requests go, below the base URL."""
        return self._path

    async def send(self, chunk: Chunk) -> StreamAnswer:
        """Deliver a chunk; returns when the server accepted it, or refused it for good.

        Runs in the loop, one call at a time. Cancelling it leaves unknown how much arrived;
        sending the same lines at the same offsets again is right.
        """
        stopped, sent = False, 0
        live = self._transport.multiplexed and chunk.size <= _LIVE_BYTES
        for body in chunk.bodies(_SHARED_BYTES if live else MAX_BODY_BYTES):
            if self._error is not None:
                break
            try:
                answer = await self._transport.post(
                    self._path,
                    body,
                    headers=self._headers,
                    policy=self._policy,
                    deadline_seconds=self._patience,
                )
            except CommError as exc:
                log.debug("the file stream %s ended: %s", self._path, exc)
                self._error = exc
                break
            sent += len(body)
            stopped = stopped or _asks_to_stop(answer.body)
            if self._on_answer is not None:
                self._on_answer(answer)
        return StreamAnswer(stopped=stopped, bytes_sent=sent, error=self._error)


def _asks_to_stop(body: bytes) -> bool:
    """Read the one member that counts; servers may answer anything, JSON or not."""
    if b"stopped" not in body:
        return False
    try:
        answer: object = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return False
    return isinstance(answer, dict) and answer.get("stopped") is True  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
