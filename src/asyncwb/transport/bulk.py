"""The bulk lane: file bytes up and down, and posts too large for HTTP/2. HTTP/1.1."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import anyio

from asyncwb.transport.client import SILENCE_SECONDS, Client, OpenResponse
from asyncwb.transport.guard import AttemptTimeoutError
from asyncwb.transport.limits import Admission

if TYPE_CHECKING:
    from asyncwb.transport.messages import Outgoing, Response

__all__ = ["BULK_CONNECTIONS", "BulkLane", "Opened"]

BULK_CONNECTIONS = 16


class Opened:
    """An open answer and the place in the lane that it holds until closed."""

    def __init__(self, lane: BulkLane, response: OpenResponse) -> None:
        self._lane = lane
        self.response = response
        self._closed = False

    async def aclose(self) -> None:
        """Close the answer and leave the lane; idempotent."""
        if not self._closed:
            self._closed = True
            try:
                await self.response.aclose()
            finally:
                self._lane.entry.leave()


class BulkLane:
    """Up to 16 connections. The queue is ours: httpx's pool grows slow with waiters."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self.entry = Admission(BULK_CONNECTIONS)

    async def send(self, outgoing: Outgoing, seconds: float) -> Response:
        """Make one attempt, answer read to its end.

        Raises:
            AttemptTimeoutError: Not finished within `seconds`.
            Exception: One of `client.BROKEN`.
        """
        response: Response | None = None
        with anyio.move_on_after(seconds):
            await self.entry.enter()
            try:
                opened = await self._client.open(outgoing, silence_seconds=SILENCE_SECONDS)
                response = await opened.read()
            finally:
                self.entry.leave()
        if response is None:
            raise AttemptTimeoutError("the server did not answer in time")
        return response

    async def open(self, outgoing: Outgoing, seconds: float) -> Opened:
        """Send and wait for the head of the answer only; the caller closes what it gets."""
        deadline = time.monotonic() + seconds
        entered = False
        with anyio.move_on_after(seconds):
            await self.entry.enter()
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
            self.entry.leave()
            raise

    async def aclose(self) -> None:
        """Close the client; what runs on it fails."""
        self.entry.open()
        await self._client.aclose()
