"""How a caller waits for the loop thread: one small class per kind of caller.

`wake` is called in the loop thread; `wait` returns after it. A cancelled async caller runs
`on_cancel` and keeps waiting: what runs in the loop always ends before its caller goes on.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from _thread import allocate_lock
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

    from outcome import Error as OutcomeError

__all__ = ["AsyncWaiter", "ThreadWaiter", "async_waiter"]

# A lock wait on Windows ignores Ctrl-C, so there it is cut into slices.
_CTRL_C_ENDS_WAITS = os.name != "nt"
_SLICE_SECONDS = 0.1


class AsyncWaiter(Protocol):
    """A caller in some event loop."""

    def wake(self) -> None:
        """End the wait. Called once, from any thread."""

    async def wait(self, on_cancel: Callable[[], object], ended: Callable[[], bool]) -> None:
        """Wait for `wake`. When cancelled: `on_cancel()`, wait until `ended()`, then raise it."""


class ThreadWaiter:
    """A blocked thread."""

    __slots__ = ("_lock",)

    def __init__(self) -> None:
        self._lock = allocate_lock()
        self._lock.acquire()

    def wake(self) -> None:
        """End the wait. Called once, from any thread."""
        self._lock.release()

    def wait(self, timeout: float = -1) -> bool:
        """Block until `wake`, or for `timeout` seconds. Signal handlers run meanwhile."""
        if timeout >= 0 or _CTRL_C_ENDS_WAITS:
            return self._lock.acquire(timeout=timeout)
        while not self._lock.acquire(timeout=_SLICE_SECONDS):
            pass
        return True


class AsyncioWaiter:
    """A task of an asyncio (or uvloop) event loop other than ours."""

    __slots__ = ("_future", "_loop", "_woken")

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._woken = False
        self._future: asyncio.Future[None] | None = None

    def wake(self) -> None:
        """End the wait. Called once, from any thread."""
        # RuntimeError: the caller's loop is closed, so nobody waits.
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._set)

    def _set(self) -> None:
        self._woken = True
        if self._future is not None and not self._future.done():
            self._future.set_result(None)

    async def wait(self, on_cancel: Callable[[], object], ended: Callable[[], bool]) -> None:
        """Wait for `wake`. When cancelled: `on_cancel()`, wait until `ended()`, then raise it."""
        if self._woken:
            return
        self._future = self._loop.create_future()
        try:
            await self._future
        except asyncio.CancelledError:
            on_cancel()
            import anyio

            # Shielded, for a cancelled anyio scope cancels its tasks again in every turn.
            with anyio.CancelScope(shield=True):
                while not ended():
                    self._future = self._loop.create_future()
                    # Further cancellations change nothing: the first one is raised below.
                    with contextlib.suppress(asyncio.CancelledError):
                        await self._future
            raise
        except BaseException:
            # The coroutine is being closed (GeneratorExit): it may not wait any more.
            on_cancel()
            raise


class TrioWaiter:
    """A trio task."""

    __slots__ = ("_ended", "_pid", "_task", "_token", "_waiting", "_woken")

    def __init__(self) -> None:
        import trio

        self._task = trio.lowlevel.current_task()
        self._token = trio.lowlevel.current_trio_token()
        self._woken = False
        self._waiting = False
        self._ended: Callable[[], bool] | None = None
        self._pid = os.getpid()

    def wake(self) -> None:
        """End the wait. Called once, from any thread."""
        import trio

        # trio takes a lock here, which a fork may have copied while it was held.
        if os.getpid() != self._pid:
            return
        with contextlib.suppress(trio.RunFinishedError):
            self._token.run_sync_soon(self._set)

    def _set(self) -> None:
        import trio

        self._woken = True
        if self._waiting and (self._ended is None or self._ended()):
            self._waiting = False
            trio.lowlevel.reschedule(self._task)

    async def wait(self, on_cancel: Callable[[], object], ended: Callable[[], bool]) -> None:
        """Wait for `wake`. When cancelled: `on_cancel()`, wait until `ended()`, then raise it."""
        import trio

        raise_cancel: Callable[[], OutcomeError] | None = None

        def abort(cancel: Callable[[], OutcomeError]) -> trio.lowlevel.Abort:
            nonlocal raise_cancel
            raise_cancel = cancel
            self._ended = ended
            on_cancel()
            return trio.lowlevel.Abort.FAILED

        if self._woken:
            return
        self._waiting = True
        try:
            await trio.lowlevel.wait_task_rescheduled(abort)
        except BaseException:
            on_cancel()
            raise
        if raise_cancel is not None:
            raise_cancel()


def async_waiter() -> AsyncWaiter:
    """The waiter for the running async library."""
    return TrioWaiter() if _in_trio() else AsyncioWaiter()


def _in_trio() -> bool:
    """Whether the caller is a trio task. trio is never imported to ask."""
    if "trio" not in sys.modules:
        return False
    import sniffio

    try:
        return sniffio.current_async_library() == "trio"
    except sniffio.AsyncLibraryNotFoundError:
        return False
