"""The bridge between callers of every kind and the one event loop that does all network I/O.

This module starts nothing and imports no asyncio: both happen on the first use.
"""

from __future__ import annotations

import os
import threading
import time
from _thread import get_ident
from contextvars import copy_context
from functools import partial
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar
from weakref import WeakSet

from asyncwb.errors import ClosedError, PortalMisuseError

# Not lazily: it registers fork hooks, which Python confuses when a fork meets the import.
from asyncwb.portal.executor import DaemonExecutor
from asyncwb.portal.exit import ExitHooks
from asyncwb.portal.here import HERE, run_here
from asyncwb.portal.warn import blocks_a_loop, warn_of_blocking

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine

    from asyncwb.portal.background import Background
    from asyncwb.portal.loop_thread import LoopThread
    from asyncwb.portal.pump import AsyncLoopIterator, LoopIterator

__all__ = ["PORTAL", "Portal"]

P = ParamSpec("P")
T = TypeVar("T")

EXECUTOR_THREADS = 4
"""Threads for files, and as many for host names: the exit drain uses no more at once."""

EXIT_SECONDS = 30.0


class Portal:
    """A lazily started event loop in a daemon thread, and every way into it.

    Thread-safe. A forked child finds it as if never used. A thread must hold no lock that a
    coroutine in the loop may want while it blocks here.
    """

    def __init__(self) -> None:
        self._warned = False
        self._forget()
        _portals.add(self)

    def _forget(self) -> None:
        self._lock = threading.Lock()
        self._thread: LoopThread | None = None
        self._ident: int | None = None
        self._executor: DaemonExecutor | None = None
        self._resolver: DaemonExecutor | None = None
        self._hooks = ExitHooks(self.run_at_end, partial(self.close, 1.0))
        self._closed = False
        self._starting: set[int] = set()

    # -- calls ------------------------------------------------------------------------------

    def call(self, fn: Callable[P, Awaitable[T]], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Run a coroutine function in the loop and block until it ends. From any thread.

        The coroutine sees a copy of the caller's context variables. Ctrl-C (or whatever else
        interrupts the wait) cancels it, waits at most 2 seconds for its cleanup and goes on.

        Returns:
            What the coroutine returns.

        Raises:
            PortalMisuseError: Called from the loop's own thread; await it there.
            ClosedError: The portal is closed.
            BaseException: What the coroutine raised: the same object.
        """
        __tracebackhide__ = True
        name = _name(fn)
        self._check_blocking(name)
        return self._running().call(partial(fn, *args, **kwargs), name)

    def here(
        self, fn: Callable[P, Coroutine[Any, Any, T]], /, *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Run a coroutine function in the calling thread, where every `acall` of it blocks.

        For one that waits for nothing but `acall` and `in_thread`. The locks it takes are the
        caller's own, so a signal handler may call it while it interrupts a holder of them; and
        it starts no loop unless it needs one.

        Raises:
            PortalMisuseError: Called from the loop's own thread; or it waits for something else.
            BaseException: What the coroutine raised.
        """
        __tracebackhide__ = True
        name = _name(fn)
        self._check_blocking(name)
        return run_here(fn(*args, **kwargs), name)

    async def acall(self, fn: Callable[P, Awaitable[T]], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Run a coroutine function in the loop and await its end, from asyncio, uvloop or trio.

        In the loop itself the coroutine is awaited directly. Cancelling the caller cancels the
        coroutine and waits for its cleanup, however often the caller is cancelled meanwhile.

        Returns:
            What the coroutine returns.

        Raises:
            ClosedError: The portal is closed.
            BaseException: What the coroutine raised: the same object.
        """
        __tracebackhide__ = True
        if get_ident() == self._ident:
            return await fn(*args, **kwargs)
        if HERE.now:
            return self._running().call(partial(fn, *args, **kwargs), _name(fn))
        await self.ready()
        return await self._running().acall(partial(fn, *args, **kwargs), _name(fn))

    async def ready(self) -> None:
        """Start the loop, if that is still to be done, without holding up the caller's loop.

        Raises:
            ClosedError: The portal is closed.
        """
        if self._thread is None:
            # The first start imports asyncio and anyio.
            await self.in_thread(self._running)

    async def in_thread(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Run a blocking function in a thread and await its end, from asyncio, uvloop or trio.

        Inside of `here` it runs in the calling thread. The function sees a copy of the caller's
        context variables. It cannot be cancelled: a cancelled caller waits for its end.

        Returns:
            What the function returns.

        Raises:
            ClosedError: The portal is closed.
            BaseException: What the function raised: the same object.
        """
        __tracebackhide__ = True
        if HERE.now:
            return fn(*args, **kwargs)
        from asyncwb.portal.waiters import async_waiter

        try:
            waiter = async_waiter()
        except RuntimeError:
            # A forked child that goes on inside a coroutine of its parent: its loop is the
            # parent's, whose wake-ups do not reach it.
            return fn(*args, **kwargs)
        done = self.executor.submit(copy_context().run, partial(fn, *args, **kwargs))
        done.add_done_callback(lambda _: waiter.wake())
        await waiter.wait(lambda: None, done.done)
        if done.cancelled():
            raise ClosedError("asyncwb was closed meanwhile")
        return done.result()

    def iterate(
        self, fn: Callable[P, AsyncIterator[T]], /, *args: P.args, **kwargs: P.kwargs
    ) -> LoopIterator[T]:
        """Read an async iterator from a blocking caller.

        One task in the loop owns it and reads at most 128 items ahead; it starts with the first
        `next`. Leaving early: `close()` or `with` runs the generator's `finally` blocks.

        Returns:
            An iterator that raises what the async iterator raises: the same object.
        """
        thread = self._running()
        from asyncwb.portal.pump import LoopIterator, Pump

        pump = Pump(thread, partial(fn, *args, **kwargs), _name(fn))
        return LoopIterator(pump, self._check_blocking)

    def aiterate(
        self, fn: Callable[P, AsyncIterator[T]], /, *args: P.args, **kwargs: P.kwargs
    ) -> AsyncLoopIterator[T]:
        """Read an async iterator of the loop from asyncio, uvloop or trio; see `iterate`.

        Returns:
            An async iterator with `aclose()`, which runs the generator's `finally` blocks.
        """
        thread = self._running()
        from asyncwb.portal.pump import AsyncLoopIterator, Pump

        return AsyncLoopIterator(Pump(thread, partial(fn, *args, **kwargs), _name(fn)))

    def post(self, callback: Callable[..., object], *args: Any) -> None:
        """Run a callback in the loop soon. From any thread; never waits, never raises.

        Nothing happens when the loop never started or is closed.
        """
        thread = self._thread
        if thread is not None:
            thread.post(callback, *args)

    def spawn(
        self, fn: Callable[..., Awaitable[object]], /, *args: Any, name: str | None = None
    ) -> Background:
        """Start a background coroutine in the loop. From any thread; returns at once.

        A crash is logged and kept in `Background.exception`; it disturbs no other coroutine.

        Args:
            fn: The coroutine function.
            args: Its arguments.
            name: For logs; the function's name by default.

        Raises:
            ClosedError: The portal is closed.
        """
        return self._running().spawn(partial(fn, *args), name or _name(fn))

    async def resource(
        self,
        key: object,
        factory: Callable[[], Awaitable[T]],
        close: Callable[[T], Awaitable[object]],
    ) -> T:
        """One shared object per key, made by the first caller and closed with the loop.

        Args:
            key: Hashable.
            factory: Makes the object. A failure reaches the caller, and the next one tries again.
            close: Closes it, newest object first.
        """
        if get_ident() != self._ident:
            return await self.acall(self.resource, key, factory, close)
        return await self._running().resource(key, factory, close)

    @property
    def started(self) -> bool:
        """Whether the loop thread exists in this process."""
        return self._thread is not None

    @property
    def executor(self) -> DaemonExecutor:
        """Threads for blocking file work; unlike asyncio's own they work during the exit drain."""
        executor = self._executor
        return executor if executor is not None else self._executors()[0]

    # -- state ------------------------------------------------------------------------------

    def in_loop(self) -> bool:
        """Whether the caller runs in the loop's thread."""
        return get_ident() == self._ident

    def _running(self) -> LoopThread:
        thread = self._thread
        return thread if thread is not None else self._start()

    def _start(self) -> LoopThread:
        self._starting.add(get_ident())
        try:
            from asyncwb.portal.loop_thread import LoopThread

            resolver = self._executors()[1]
            with self._lock:
                if self._closed:
                    raise ClosedError("asyncwb's event loop is closed")
                if self._thread is None:
                    thread = LoopThread(resolver)
                    self._ident = thread.ident
                    self._thread = thread
                return self._thread
        finally:
            self._starting.discard(get_ident())

    def _executors(self) -> tuple[DaemonExecutor, DaemonExecutor]:
        with self._lock:
            if self._executor is None or self._resolver is None:
                self._executor = DaemonExecutor(EXECUTOR_THREADS, "asyncwb-files")
                self._resolver = DaemonExecutor(EXECUTOR_THREADS, "asyncwb-names")
            return self._executor, self._resolver

    def _check_blocking(self, name: str) -> None:
        """Refuse a wait of the loop for itself; warn of one that stops somebody else's loop."""
        __tracebackhide__ = True
        if get_ident() == self._ident:
            raise PortalMisuseError(
                f"{name}() was called blocking from asyncwb's own event loop, where it would wait "
                f"for itself; write 'await {name}(...)' with the async API"
            )
        if not self._warned and blocks_a_loop():
            self._warned = True
            warn_of_blocking(
                f"{name}() of asyncwb.sync blocks the running event loop; use the same name of "
                "'import asyncwb' and await it"
            )

    # -- the end ----------------------------------------------------------------------------

    def on_exit(
        self, hook: Callable[[float], Awaitable[object]], *, budget_seconds: float = EXIT_SECONDS
    ) -> Callable[[], None]:
        """Have `hook(budget_seconds)` awaited in the loop when the interpreter exits.

        All hooks run at once, after the threads that hold the process up have ended; work in
        `executor` and host names still work. When the budget is over they are cancelled; Ctrl-C
        ends them at once. Only in the process that registered them.

        Args:
            hook: Gets the seconds it may take.
            budget_seconds: What it asks for; the longest of all hooks counts.

        Returns:
            A function that unregisters the hook; thread-safe, and harmless when repeated.
        """
        for executor in self._executors():
            executor.warm()
        return self._hooks.add(hook, budget_seconds)

    def run_at_end(self, work: Callable[[], Awaitable[object]]) -> None:
        """Run the last work of the process in the loop and block, whatever runs in this thread."""
        if not self._closed:
            self._running().call(work, "exit")

    def close(self, timeout: float = 5.0) -> None:
        """Cancel everything, close the resources and end the thread, for good. Idempotent.

        Blocks at most about `timeout` seconds. Whoever waits for a call gets a ClosedError, and
        so does every later call.

        Raises:
            PortalMisuseError: Called from the loop's own thread.
        """
        if self.in_loop():
            raise PortalMisuseError("the portal cannot be closed from its own loop")
        with self._lock:
            self._closed = True
            thread, executor, resolver = self._thread, self._executor, self._resolver
        if thread is not None:
            thread.close(timeout)
        for pool in (executor, resolver):
            if pool is not None:
                pool.shutdown(wait=False, cancel_futures=True)

    def restart(self, timeout: float = 5.0) -> None:
        """Close, then be as if never used. For tests that must leave nothing behind.

        What was made before stays closed.

        Raises:
            PortalMisuseError: Called from the loop's own thread.
        """
        self.close(timeout)
        self._forget()

    def before_fork(self) -> None:
        """Let other threads end a start that is under way, for a second at most; takes no lock.

        A child born in the middle of an import finds that module's import lock held for ever.
        """
        deadline = time.monotonic() + 1.0
        while self._starting - {get_ident()} and time.monotonic() < deadline:
            time.sleep(0.001)

    def after_fork(self) -> None:
        """In the child: start afresh. What the parent made is kept, untouched, and never freed."""
        thread = self._thread
        if thread is not None:
            _abandoned.append((thread, self._executor, self._resolver, self._hooks))
        self._forget()
        if thread is not None:
            thread.abandon()


def _name(fn: object) -> str:
    while isinstance(fn, partial):
        fn = fn.func
    return getattr(fn, "__qualname__", None) or type(fn).__qualname__


def _before_fork() -> None:
    for portal in list(_portals):
        portal.before_fork()


def _after_fork_in_child() -> None:
    for portal in list(_portals):
        portal.after_fork()


_portals: WeakSet[Portal] = WeakSet()
_abandoned: list[object] = []

if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before_fork, after_in_child=_after_fork_in_child)

PORTAL = Portal()
"""The portal of this process."""
