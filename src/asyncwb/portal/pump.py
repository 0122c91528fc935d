"""An async iterator of the loop, read from elsewhere.

One task owns the iterator from its first item to its `finally` blocks. It runs ahead of the
consumer by a bounded number of items, so that a hop between threads is paid per batch, not per
item. No lock: each side first writes its own flag, then reads the other's.
"""

from __future__ import annotations

import asyncio
import os
from collections import deque
from collections.abc import AsyncIterator, Iterator
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from asyncwb.portal.calls import Call, forked
from asyncwb.portal.waiters import AsyncWaiter, ThreadWaiter, async_waiter

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType
    from typing import Self

    from asyncwb.portal.loop_thread import LoopThread

__all__ = ["AsyncLoopIterator", "LoopIterator", "Pump", "aclose"]

T = TypeVar("T")

PREFETCH_ITEMS = 128
"""How many items the pump may hold that the consumer has not taken; a list counts as its items."""


async def aclose(iterator: AsyncIterator[Any]) -> None:
    """Close an iterator that can be closed; a plain `__anext__` object cannot."""
    close = getattr(iterator, "aclose", None)
    if close is not None:
        await close()


def _weight(item: object) -> int:
    return len(item) if isinstance(item, list) else 1  # pyright: ignore[reportUnknownArgumentType]


class Pump(Generic[T]):
    """The loop's side: runs the iterator and fills `items`."""

    def __init__(
        self, thread: LoopThread, start: Callable[[], AsyncIterator[T]], name: str
    ) -> None:
        self._thread = thread
        self._start = start
        self._pid = os.getpid()
        self._consumer: ThreadWaiter | AsyncWaiter | None = None
        self._closer: ThreadWaiter | AsyncWaiter | None = None
        self._room: asyncio.Future[None] | None = None
        self._started = False
        # Written by one side each, so that no update is lost.
        self._filled = self._taken = 0
        self.starved = False
        self.items: deque[T] = deque()
        self.call: Call[None] = Call(thread, self._run, self._ended, name)

    # -- the consumer's side ----------------------------------------------------------------

    def start_once(self) -> None:
        """Start the task. Not before the first item is wanted: an unread iterator costs nothing."""
        self.check_process()
        if not self._started:
            self._started = True
            self._thread.submit(self.call)

    @property
    def running(self) -> bool:
        """Whether the task has begun and not ended."""
        return self._started and not self.call.done

    def check_process(self) -> None:
        """Refuse to work for a forked child."""
        if os.getpid() != self._pid:
            raise forked(f"the iterator of {self.call.name}")

    def sleep_with(self, waiter: ThreadWaiter | AsyncWaiter) -> bool:
        """Have `waiter` woken by the next item or the end; False when there is no need to wait."""
        self._consumer = waiter
        if self.items or self.call.done:
            self._consumer = None
            return False
        return True

    def stop_with(self, waiter: ThreadWaiter | AsyncWaiter) -> bool:
        """Cancel the task and have `waiter` woken by its end; False when it has ended."""
        self._closer = waiter
        if self.call.done:
            return False
        self.call.cancel()
        return True

    def take(self) -> T:
        """The next item; wakes the task once half of what it may hold is taken.

        Raises:
            IndexError: There is none now.
        """
        item = self.items.popleft()
        self._taken += _weight(item)
        if self.starved and self._filled - self._taken <= PREFETCH_ITEMS // 2:
            self._thread.post(self._continue)
        return item

    def forget(self) -> None:
        """The consumer is gone: ask the task to stop, and wait for nothing."""
        if self.running and os.getpid() == self._pid:
            self.call.cancel()

    def cleanup_error(self) -> BaseException | None:
        """After a stop: what the iterator's `finally` blocks raised."""
        error, self.call.exception = self.call.exception, None
        return None if isinstance(error, asyncio.CancelledError) else error

    # -- the loop's side --------------------------------------------------------------------

    async def _run(self) -> None:
        iterator = self._start()
        try:
            async for item in iterator:
                self._filled += _weight(item)
                self.items.append(item)
                if self._consumer is not None:
                    self._wake_consumer()
                if self._filled - self._taken >= PREFETCH_ITEMS:
                    await self._wait_for_room()
        finally:
            await aclose(iterator)

    async def _wait_for_room(self) -> None:
        self._room = self._thread.loop.create_future()
        self.starved = True
        try:
            if self._filled - self._taken > PREFETCH_ITEMS // 2:
                await self._room
        finally:
            self.starved = False

    def _continue(self) -> None:
        if self._room is not None and not self._room.done():
            self._room.set_result(None)

    def _wake_consumer(self) -> None:
        consumer, self._consumer = self._consumer, None
        if consumer is not None:
            consumer.wake()

    def _ended(self) -> None:
        if os.getpid() != self._pid:
            # What was prefetched is the parent's to read.
            self.items.clear()
        self._wake_consumer()
        if self._closer is not None:
            self._closer.wake()


class LoopIterator(Iterator[T]):
    """A blocking iterator over an async iterator of the loop. For one consumer at a time.

    After leaving it early, `close()` or a `with` block runs the generator's `finally` blocks
    before going on; without it they run soon after the last reference is gone.

    Args:
        pump: The loop's side.
        check: Called before each wait; refuses waits that would never end.
    """

    def __init__(self, pump: Pump[T], check: Callable[[str], None]) -> None:
        self._pump = pump
        self._check = check
        self._closed = False

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> T:
        __tracebackhide__ = True
        pump = self._pump
        while True:
            if pump.items:
                return pump.take()
            self._fill()

    def _fill(self) -> None:
        """Return when there are items; raise when none are to come."""
        __tracebackhide__ = True
        pump = self._pump
        if self._closed:
            raise StopIteration
        if pump.call.done:
            if not pump.items:
                self._closed = True
                pump.call.outcome()
                raise StopIteration
            return
        self._check(pump.call.name)
        pump.start_once()
        waiter = ThreadWaiter()
        try:
            if pump.sleep_with(waiter):
                waiter.wait()
        except BaseException:
            self._closed = True
            self._stop(timeout=2.0)
            raise

    def close(self) -> None:
        """End the generator and wait for its `finally` blocks. Idempotent.

        Raises:
            ForkedError: It belongs to the parent process.
            BaseException: What a `finally` block raised.
        """
        __tracebackhide__ = True
        self._pump.check_process()
        if self._closed:
            return
        self._closed = True
        if self._pump.running:
            self._check(self._pump.call.name)
            self._stop(timeout=-1)
            error = self._pump.cleanup_error()
            if error is not None:
                raise error
        self._pump.items.clear()

    def _stop(self, timeout: float) -> None:
        waiter = ThreadWaiter()
        if self._pump.stop_with(waiter):
            waiter.wait(timeout)
        self._pump.items.clear()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def __del__(self) -> None:
        self._pump.forget()


class AsyncLoopIterator(AsyncIterator[T]):
    """The same for a caller in another event loop. `aclose()` ends it early.

    A cancelled consumer cancels the generator and waits for its `finally` blocks.
    """

    def __init__(self, pump: Pump[T]) -> None:
        self._pump = pump
        self._closed = False

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> T:
        __tracebackhide__ = True
        pump = self._pump
        while True:
            if pump.items:
                return pump.take()
            await self._fill()

    async def _fill(self) -> None:
        """Return when there are items; raise when none are to come."""
        __tracebackhide__ = True
        pump = self._pump
        if self._closed:
            raise StopAsyncIteration
        if pump.call.done:
            if not pump.items:
                self._closed = True
                pump.call.outcome()
                raise StopAsyncIteration
            return
        pump.start_once()
        waiter = async_waiter()
        if pump.sleep_with(waiter):
            try:
                await waiter.wait(lambda: pump.stop_with(waiter), lambda: pump.call.done)
            except BaseException:
                self._closed = True
                pump.items.clear()
                raise

    async def aclose(self) -> None:
        """End the generator and wait for its `finally` blocks. Idempotent.

        Raises:
            ForkedError: It belongs to the parent process.
            BaseException: What a `finally` block raised.
        """
        __tracebackhide__ = True
        pump = self._pump
        pump.check_process()
        if self._closed:
            return
        self._closed = True
        if pump.running:
            waiter = async_waiter()
            if pump.stop_with(waiter):
                await waiter.wait(lambda: None, lambda: pump.call.done)
            error = pump.cleanup_error()
            if error is not None:
                raise error
        pump.items.clear()

    def __del__(self) -> None:
        self._pump.forget()
