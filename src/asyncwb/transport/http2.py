"""What httpcore's HTTP/2 connections lack: a fair reader, and limits that a server may lower.

In httpcore 1.0.9 every request of a connection queues for a lock and reads when it has it. An
answer that somebody else has read is noticed only when its request comes to the head of that
queue, and those before it sit in a read: two slow requests are enough to hold up a quick one for
as long as they last, although its answer is there. A request that waits for flow control can miss
its window update in the same way, and then nothing may ever wake it.

Here one request reads, the others wait for an event of their own, and after each read those that
got something are woken. And whoever reads never waits for streams to end, which is what httpcore
does when a server allows fewer of them than before: nobody would read that they ended.
"""

from __future__ import annotations

from typing import Any

import anyio
import h2.events
import h2.settings
import httpcore

__all__ = ["adopt_connections"]


class _SharedReader:
    """Stands in for `_receive_events` of one connection; callers check and call again."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection
        self._receive = connection._receive_events
        self._reading = False
        self._waiting: dict[anyio.Event, int | None] = {}

    async def __call__(self, request: httpcore.Request, stream_id: int | None = None) -> None:
        if self._reading:
            event = anyio.Event()
            self._waiting[event] = stream_id
            try:
                await event.wait()
            finally:
                self._waiting.pop(event, None)
            return
        self._reading = True
        try:
            await self._receive(request, stream_id)
        finally:
            self._reading = False
            self._wake()

    def _wake(self) -> None:
        connection = self._connection
        over = (
            connection._read_exception is not None or connection._connection_terminated is not None
        )
        spare: anyio.Event | None = None
        for event, stream_id in list(self._waiting.items()):
            # Whoever waits for flow control (no stream named) must look at its window itself.
            if over or stream_id is None or connection._events.get(stream_id):
                del self._waiting[event]
                event.set()
            elif spare is None:
                spare = event
        if spare is not None:
            # The reader may be satisfied and leave: somebody must read on.
            del self._waiting[spare]
            spare.set()


class _FlowWait:
    """Stands in for `_wait_for_outgoing_flow`.

    A server that lowers its window in mid-flight leaves a negative one, which httpcore takes for
    room to send.
    """

    def __init__(self, connection: Any) -> None:
        self._connection = connection
        self._wait = connection._wait_for_outgoing_flow

    async def __call__(self, request: httpcore.Request, stream_id: int) -> int:
        while True:
            flow: int = await self._wait(request, stream_id)
            if flow > 0:
                return flow
            await self._connection._receive_events(request)


class _StreamLimit:
    """Stands in for `_receive_remote_settings_change`, which waits while it reads."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection
        self._slots: _Slots | None = None

    async def __call__(self, event: h2.events.RemoteSettingsChanged) -> None:
        connection = self._connection
        if self._slots is None:
            # The first settings come when somebody reads: httpcore has made its semaphore.
            self._slots = connection._max_streams_semaphore = _Slots(
                connection._max_streams_semaphore
            )
        changed = event.changed_settings.get(h2.settings.SettingCodes.MAX_CONCURRENT_STREAMS)
        # No streams at all is no limit to wait for: the next request fails and takes a new client.
        if changed is not None and changed.new_value:
            most = min(
                changed.new_value, connection._h2_state.local_settings.max_concurrent_streams
            )
            change, connection._max_streams = most - connection._max_streams, most
            await self._slots.resize(change)


class _Slots:
    """httpcore's semaphore of one connection; slots taken away in use vanish when they end."""

    def __init__(self, semaphore: Any) -> None:
        self._semaphore = semaphore
        self._owed = 0

    async def acquire(self) -> None:
        await self._semaphore.acquire()

    async def release(self) -> None:
        if self._owed:
            self._owed -= 1
        else:
            await self._semaphore.release()

    async def resize(self, change: int) -> None:
        for _ in range(change):
            await self.release()
        for _ in range(-change):
            try:
                self._semaphore._anyio_semaphore.acquire_nowait()
            except anyio.WouldBlock:
                self._owed += 1


def adopt_connections(http: Any) -> None:
    """Mend the new HTTP/2 connections of an httpx transport.

    Reaches into private parts of httpcore, whose version is therefore pinned; per connection, so
    that other users of the library in this process see nothing of it.
    """
    for holder in http._pool.connections:
        connection = getattr(holder, "_connection", None)
        if isinstance(connection, httpcore.AsyncHTTP2Connection) and not isinstance(
            getattr(connection, "_receive_events", None), _SharedReader
        ):
            adopted: Any = connection
            adopted._wait_for_outgoing_flow = _FlowWait(connection)
            adopted._receive_events = _SharedReader(connection)
            adopted._receive_remote_settings_change = _StreamLimit(connection)
