"""One coroutine that runs in the loop thread for somebody elsewhere."""

from __future__ import annotations

import asyncio
import sys
from contextvars import copy_context
from typing import TYPE_CHECKING, Generic, TypeVar

from asyncwb.errors import ClosedError, Error, ForkedError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from asyncwb.portal.loop_thread import LoopThread

__all__ = ["Call", "forked"]

T = TypeVar("T")


def forked(what: str) -> ForkedError:
    """The error for a handle that came into this process by a fork."""
    return ForkedError(
        f"{what} belongs to the parent process and cannot be used after a fork; create a new run "
        "or Api here, or start the process with 'spawn' or 'forkserver'"
    )


def _forget_library() -> None:
    """Forget, in a caller's context, that `anyio.run(backend="trio")` marked it as trio's.

    anyio would take the coroutine in our asyncio loop for a trio task.
    """
    sniffio = sys.modules.get("sniffio")
    if sniffio is not None:
        sniffio.current_async_library_cvar.set(None)


class Call(Generic[T]):
    """A coroutine, its outcome, and who wants to know.

    Args:
        thread: The loop thread that runs it.
        start: Makes the awaitable; called in the loop, in a copy of the caller's context.
        on_done: Called once with no argument, when the outcome stands.
    """

    __slots__ = (
        "_context",
        "_entered",
        "_on_done",
        "_start",
        "_task",
        "_thread",
        "cancelled",
        "done",
        "exception",
        "name",
        "result",
    )

    def __init__(
        self,
        thread: LoopThread,
        start: Callable[[], Awaitable[T]],
        on_done: Callable[[], None],
        name: str,
    ) -> None:
        self._thread = thread
        self._start = start
        self._on_done = on_done
        self._context = copy_context()
        self._context.run(_forget_library)
        self._task: asyncio.Task[None] | None = None
        self._entered = False
        self.name = name
        self.cancelled = False
        self.done = False
        self.result: T | None = None
        self.exception: BaseException | None = None

    def begin(self) -> None:
        """Start the task. In the loop."""
        if self.done:
            return
        if self.cancelled:
            self.finish(asyncio.CancelledError())
            return
        self._task = self._thread.loop.create_task(
            self._run(), name=self.name, context=self._context
        )

    async def _run(self) -> None:
        self._entered = True
        try:
            self.result = await self._start()
        except BaseException as error:  # noqa: BLE001  the caller gets it, whatever it is
            self.finish(error)
        else:
            self.finish(None)

    def cancel(self) -> None:
        """Cancel the task. From any thread; returns at once."""
        self.cancelled = True
        self._thread.post(self.cancel_in_loop)

    def cancel_in_loop(self) -> None:
        """Cancel the task, though its caller did not ask for it. In the loop."""
        if self._task is None or self.done:
            return
        self._task.cancel()
        if not self._entered:
            # Cancelled before its first step: the task's body never runs, so nobody else ends it.
            self.finish(asyncio.CancelledError())

    def finish(self, error: BaseException | None) -> None:
        """Record the outcome and tell the caller. Only the first call counts."""
        if self.done:
            return
        if isinstance(error, asyncio.CancelledError):
            error = self._explain_cancellation(error)
        self.exception = error
        self.done = True
        self._thread.calls.discard(self)
        # It may lead back here: a cycle would hold what the call was given till it is collected.
        on_done, self._on_done = self._on_done, _nothing
        on_done()

    def _explain_cancellation(self, error: asyncio.CancelledError) -> BaseException:
        """A cancellation that the caller did not ask for must not look like the caller's own."""
        if self.cancelled:
            return error
        if self._thread.closing:
            return ClosedError(f"asyncwb was closed while {self.name} ran", exc=error)
        return Error(f"{self.name} was cancelled from inside; nobody asked for it", exc=error)

    def outcome(self) -> T:
        """Return the result, or raise the very exception that the coroutine raised."""
        __tracebackhide__ = True
        # The attribute is emptied: an exception whose traceback leads to its own holder is a cycle.
        error, self.exception = self.exception, None
        if error is None:
            return self.result  # type: ignore[return-value]  # set, for the coroutine returned
        try:
            raise error
        finally:
            del error


def _nothing() -> None:
    """In the place of a callback that has been called."""
