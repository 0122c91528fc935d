"""A coroutine of our own that runs in the loop until it ends or is cancelled."""

from __future__ import annotations

import asyncio
import logging
import os
from typing import TYPE_CHECKING

from asyncwb.portal.calls import Call, forked

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from asyncwb.portal.loop_thread import LoopThread

__all__ = ["Background"]

log = logging.getLogger("asyncwb.portal")


class Background:
    """A background coroutine; made by `Portal.spawn`. Its crash never disturbs another one.

    The portal holds a strong reference until it ends.
    """

    def __init__(
        self, thread: LoopThread, start: Callable[[], Awaitable[object]], name: str
    ) -> None:
        self._pid = os.getpid()
        self._thread = thread
        self._exception: BaseException | None = None
        self._waiters: list[asyncio.Future[None]] = []
        self._call: Call[object] = Call(thread, start, self._ended, name)

    def __repr__(self) -> str:
        return f"<Background {self.name!r} {'done' if self.done else 'running'}>"

    def begin(self) -> None:
        """Start it; called by the portal, once."""
        self._thread.submit(self._call)

    @property
    def name(self) -> str:
        """The name given to `spawn`."""
        return self._call.name

    @property
    def done(self) -> bool:
        """Whether it has ended, in whatever way."""
        return self._call.done

    @property
    def exception(self) -> BaseException | None:
        """What it crashed with; None while it runs, after success and after `cancel`."""
        return self._exception

    def cancel(self) -> None:
        """Ask it to stop; returns at once. Thread-safe, and harmless when it has ended.

        Raises:
            ForkedError: It belongs to the parent process.
        """
        self._check_process()
        self._call.cancel()

    async def wait(self) -> None:
        """Wait until it has ended. In asyncwb's loop; a cancelled wait leaves it running.

        Returns normally after `cancel`.

        Raises:
            ForkedError: It belongs to the parent process.
            BaseException: What it crashed with: the same object.
        """
        __tracebackhide__ = True
        self._check_process()
        if not self._call.done:
            waiter = asyncio.get_running_loop().create_future()
            self._waiters.append(waiter)
            try:
                await waiter
            finally:
                self._waiters.remove(waiter)
        if self._exception is not None:
            # Several callers may raise it: without this its traceback grows with each of them.
            raise self._exception.with_traceback(self._traceback)

    def _ended(self) -> None:
        error, self._call.exception = self._call.exception, None
        if error is not None and not isinstance(error, asyncio.CancelledError):
            self._exception = error
            self._traceback = error.__traceback__
            if not self._thread.closing:
                log.error("background task %r crashed", self.name, exc_info=error)
        for waiter in self._waiters:
            if not waiter.done():
                waiter.set_result(None)

    def _check_process(self) -> None:
        if os.getpid() != self._pid:
            raise forked(f"the background task {self.name!r}")
