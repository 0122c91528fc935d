"""The bulk lane: file bytes up and down, and posts too large for HTTP/2. HTTP/1.1."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Literal, TypeAlias

import anyio

from asyncwb.transport.client import SILENCE_SECONDS, Client, OpenResponse
from asyncwb.transport.guard import AttemptTimeoutError
from asyncwb.transport.limits import Admission

if TYPE_CHECKING:
    from asyncwb.transport.messages import Outgoing, Response

__all__ = ["BULK_CONNECTIONS", "BulkLane", "Opened", "Purpose", "bulk_entry"]

BULK_CONNECTIONS = 16
_KEPT = 3

Purpose: TypeAlias = Literal["post", "up", "down"]
"""Kinds of traffic that must not block each other: rows, files up, files down."""


def bulk_entry() -> Admission:
    """The 16 places of a process; 3 are kept for each purpose, the rest goes to whoever comes."""
    return Admission(BULK_CONNECTIONS, dict.fromkeys(("post", "up", "down"), _KEPT))


class Opened:
    """An open answer and the place in the lane that it holds until closed.

    Attributes:
        response: The answer.
        url: Where it came from, behind all redirects; "" where nobody noted it.
    """

    def __init__(self, lane: BulkLane, response: OpenResponse) -> None:
        self._lane = lane
        self.response = response
        self.url = ""
        self._closed = False

    async def aclose(self) -> None:
        """Close the answer and leave the lane; idempotent."""
        if not self._closed:
            self._closed = True
            try:
                await self.response.aclose()
            finally:
                self._lane.leave()


class BulkLane:
    """One kind of traffic on a client that all kinds share.

    Up to 16 connections. The queue is ours: httpx's pool grows slow with waiters.

    Args:
        client: Closed by whoever made it.
        entry: From `bulk_entry`, shared by all lanes of the process.
        purpose: Which kind this is.
    """

    def __init__(self, client: Client, entry: Admission, purpose: Purpose) -> None:
        self._client = client
        self._entry = entry
        self._purpose = purpose

    def leave(self) -> None:
        """Give back the place of an `Opened`, which does it itself when it is closed."""
        self._entry.leave(self._purpose)

    async def send(self, outgoing: Outgoing, seconds: float) -> Response:
        """Make one attempt, answer read to its end.

        Raises:
            AttemptTimeoutError: Not finished within `seconds`.
            Exception: One of `client.BROKEN`.
        """
        response: Response | None = None
        with anyio.move_on_after(seconds):
            await self._entry.enter(self._purpose)
            try:
                opened = await self._client.open(outgoing, silence_seconds=SILENCE_SECONDS)
                response = await opened.read()
            finally:
                self.leave()
        if response is None:
            raise AttemptTimeoutError("the server did not answer in time")
        return response

    async def open(self, outgoing: Outgoing, seconds: float) -> Opened:
        """Send and wait for the head of the answer only; the caller closes what it gets."""
        deadline = time.monotonic() + seconds
        entered = False
        with anyio.move_on_after(seconds):
            await self._entry.enter(self._purpose)
            entered = True
        if not entered:
            raise AttemptTimeoutError(f"all connections were busy for {seconds:.1f} s")
        response: OpenResponse | None = None
        try:
            with anyio.move_on_after(deadline - time.monotonic()):
                response = await self._client.open(outgoing, silence_seconds=SILENCE_SECONDS)
            if response is None:
                raise AttemptTimeoutError("the server did not answer in time")
            return Opened(self, response)
        except BaseException:
            self.leave()
            raise
