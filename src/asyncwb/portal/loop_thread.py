"""The thread with the event loop, and everything that lives in it. Imports asyncio.

`Portal` makes one when it is first used, and a new one in a forked child.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import sys
import threading
import time
from contextvars import Context
from typing import TYPE_CHECKING, Any, TypeVar, cast

from asyncwb.errors import ClosedError
from asyncwb.portal.background import Background
from asyncwb.portal.calls import Call, forked
from asyncwb.portal.waiters import ThreadWaiter, async_waiter

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from asyncwb.portal.executor import DaemonExecutor

__all__ = ["LoopThread"]

log = logging.getLogger("asyncwb.portal")

T = TypeVar("T")

INTERRUPTED_SECONDS = 2.0
"""How long a blocking call waits for the cleanup of its task after Ctrl-C."""


def _closed_during(name: str) -> ClosedError:
    return ClosedError(f"asyncwb was closed while {name} ran")


def _new_loop() -> asyncio.AbstractEventLoop:
    # Never the policy's loop: uvloop in a daemon thread crashes when the interpreter ends.
    if sys.platform == "win32":
        return asyncio.ProactorEventLoop()
    return asyncio.SelectorEventLoop()


class LoopThread:
    """A daemon thread that runs one asyncio event loop.

    Args:
        resolver: The loop's default executor, where asyncio looks host names up.
    """

    def __init__(self, resolver: DaemonExecutor) -> None:
        self.loop = _new_loop()
        self.loop.set_default_executor(resolver)
        self.closing = False
        self.calls: set[Call[Any]] = set()
        self._resources: dict[object, tuple[asyncio.Lock, list[_Resource]]] = {}
        self._opened: list[_Resource] = []
        started = ThreadWaiter()
        self._thread = _thread(self._run, started)
        self._thread.start()
        started.wait()
        self.ident = self._thread.ident

    def _run(self, started: ThreadWaiter) -> None:
        asyncio.set_event_loop(self.loop)
        self.loop.call_soon(started.wake)
        try:
            self.loop.run_forever()
        finally:
            self.closing = True
            self.loop.close()
            self._fail_calls(_closed_during)

    # -- submitting -------------------------------------------------------------------------

    def submit(self, call: Call[Any]) -> None:
        """Start a call. From any thread, without a lock.

        Raises:
            ClosedError: The portal is closed.
        """
        # Add, then look: `close` marks, then looks. One of the two always sees the other.
        self.calls.add(call)
        if self.closing or not self.post(call.begin):
            self.calls.discard(call)
            raise ClosedError("asyncwb's event loop is closed")

    def post(self, callback: Callable[..., object], *args: Any) -> bool:
        """Run a callback in the loop soon. Never waits; False when the loop is closed."""
        try:
            self.loop.call_soon_threadsafe(callback, *args)
        except RuntimeError:
            return False
        return True

    def call(self, start: Callable[[], Awaitable[T]], name: str) -> T:
        """Run and block. Ctrl-C cancels it and waits at most two seconds for its cleanup."""
        __tracebackhide__ = True
        waiter = ThreadWaiter()
        call = Call(self, start, waiter.wake, name)
        try:
            self.submit(call)
            waiter.wait()
        except ClosedError:
            raise
        except BaseException:
            if not call.done:
                call.cancel()
                waiter.wait(INTERRUPTED_SECONDS)
            raise
        return call.outcome()

    async def acall(self, start: Callable[[], Awaitable[T]], name: str) -> T:
        """Run and await from another event loop. A cancelled caller waits for the cleanup."""
        __tracebackhide__ = True
        waiter = async_waiter()
        call = Call(self, start, waiter.wake, name)
        self.submit(call)
        try:
            await waiter.wait(call.cancel, lambda: call.done)
        except BaseException:
            # As if awaited directly: an error of the cleanup replaces the cancellation.
            error, call.exception = call.exception, None
            if error is None or isinstance(error, asyncio.CancelledError):
                raise
            raise error from None
        return call.outcome()

    def spawn(self, start: Callable[[], Awaitable[object]], name: str) -> Background:
        """Start a background coroutine. From any thread."""
        background = Background(self, start, name)
        background.begin()
        return background

    # -- resources --------------------------------------------------------------------------

    async def resource(
        self,
        key: object,
        factory: Callable[[], Awaitable[T]],
        close: Callable[[T], Awaitable[object]],
    ) -> T:
        """The object under `key`, made once. In the loop."""
        lock, made = self._resources.setdefault(key, (asyncio.Lock(), []))
        async with lock:
            if not made:
                if self.closing:
                    raise ClosedError("asyncwb's event loop is closed")
                value = await factory()
                made.append(_Resource(value, lambda: close(value)))
                self._opened.append(made[0])
            return cast("T", made[0].value)

    # -- closing ----------------------------------------------------------------------------

    def close(self, timeout: float) -> None:
        """Cancel everything, close the resources, end the thread. Blocks about `timeout`."""
        self.closing = True
        if self.post(self._begin_shutdown, time.monotonic() + timeout):
            self._thread.join(timeout + 0.5)
            if self._thread.is_alive():
                log.warning(
                    "asyncwb's event loop did not end in %.1f s; it is left behind", timeout
                )
        self._fail_calls(_closed_during)

    def _begin_shutdown(self, deadline: float) -> None:
        # The loop keeps only weak references to tasks; this one lives as long as the thread.
        self._shutdown_task = self.loop.create_task(self._shutdown(deadline))

    async def _shutdown(self, deadline: float) -> None:
        try:
            for call in list(self.calls):
                call.cancel_in_loop()
            tasks = asyncio.all_tasks() - {self._shutdown_task}
            if tasks:
                await asyncio.wait(tasks, timeout=max(0.0, deadline - time.monotonic()))
            for opened in reversed(self._opened):
                try:
                    async with asyncio.timeout_at(self._until(deadline)):
                        await opened.close()
                except Exception:
                    log.exception("closing a shared resource failed")
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout_at(self._until(deadline)):
                    await self.loop.shutdown_asyncgens()
        finally:
            self.loop.stop()

    def _until(self, deadline: float) -> float:
        return self.loop.time() + max(0.05, deadline - time.monotonic())

    def abandon(self) -> None:
        """In a forked child: whoever still waits for the parent's loop gets a ForkedError.

        The loop itself is never touched again: its sockets and its selector are the parent's.
        """
        self.closing = True
        # Tasks that nobody refers to would be closed by the garbage collector, and their
        # `finally` blocks would run here, on the parent's connections.
        with contextlib.suppress(RuntimeError):
            self._tasks_of_parent = asyncio.all_tasks(self.loop)
        self._fail_calls(forked)

    def _fail_calls(self, error: Callable[[str], BaseException]) -> None:
        with contextlib.suppress(KeyError):
            while True:
                call = self.calls.pop()
                call.finish(error(call.name))


class _Resource:
    def __init__(self, value: object, close: Callable[[], Awaitable[object]]) -> None:
        self.value = value
        self.close = close


def _thread(target: Callable[[ThreadWaiter], None], started: ThreadWaiter) -> threading.Thread:
    options: dict[str, Any] = {}
    if sys.version_info >= (3, 14):
        # Threads may inherit the starter's context there; the loop belongs to no caller.
        options["context"] = Context()
    return threading.Thread(target=target, args=(started,), name="asyncwb", daemon=True, **options)
