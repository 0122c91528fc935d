"""Runs that block: in a thread of their own, whatever event loop the agent lives in."""

from __future__ import annotations

import ctypes
import inspect
import sys
import threading
import traceback
from contextvars import copy_context
from typing import TYPE_CHECKING, Any, cast

from asyncwb.portal import PORTAL
from asyncwb.portal.waiters import async_waiter
from asyncwb.run.assignment import ASSIGNED, Assignment
from asyncwb.run.terminal import Terminal
from asyncwb.sweeps.jobs import INTERRUPTED, Outcome, end_run

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from asyncwb.portal.waiters import AsyncWaiter

__all__ = ["BlockingJob", "FunctionJob", "show"]


def show(error: BaseException, assignment: Assignment) -> None:
    """Show what a run failed with, as the script itself would."""
    if not assignment.settings.silent and sys.stderr is not None:  # pyright: ignore[reportUnnecessaryComparison]
        traceback.print_exception(error)
    run_id = assignment.keywords["run_id"]
    Terminal(assignment.settings).warning(f"run {run_id} has failed: {error!r}")


class BlockingJob:
    """Something that blocks a thread; see `Job`.

    Args:
        name: Name of the thread.
        kill_delay: Seconds from `end` to `force`.
    """

    def __init__(self, name: str, kill_delay: float) -> None:
        self._name = name
        self._kill_delay = kill_delay
        self._waiter: AsyncWaiter | None = None
        self._timer: threading.Timer | None = None
        self._outcome: Outcome | None = None
        self._over = False
        self._ending = False

    async def run(self) -> Outcome:
        """See `Job`."""
        self._waiter = async_waiter()
        context = copy_context()
        thread = threading.Thread(
            target=context.run, args=(self._run,), name=self._name, daemon=True
        )
        thread.start()
        try:
            await self._waiter.wait(self.end, lambda: self._over)
        finally:
            timer, self._timer = self._timer, None
            if timer is not None:
                timer.cancel()
            if self._outcome is not None:
                # It has done its work; a thread less when this returns.
                thread.join(1.0)
        return self._outcome or "stopped"

    def _run(self) -> None:
        try:
            outcome = self.work()
            self._outcome = "stopped" if self._ending else outcome
        finally:
            self._wake()

    def _wake(self) -> None:
        self._over = True
        if self._waiter is not None:
            self._waiter.wake()

    def end(self) -> None:
        """See `Job`."""
        if self._ending or self._over:
            return
        self._ending = True
        self._timer = threading.Timer(self._kill_delay, self.force)
        self._timer.daemon = True
        self._timer.start()
        self.ask()

    def work(self) -> Outcome:
        """Do it. In the thread."""
        raise NotImplementedError

    def ask(self) -> None:
        """Ask the work to end."""
        raise NotImplementedError

    def force(self) -> None:
        """See `Job`."""
        raise NotImplementedError


class FunctionJob(BlockingJob):
    """Calls a plain function; an async one gets an event loop of its own.

    A thread cannot be killed. To be stopped, it gets a KeyboardInterrupt, as a script does after
    Ctrl-C; one that does not listen is left behind.

    Args:
        function: What to call.
        assignment: The run that its first `init` begins.
    """

    def __init__(self, function: Callable[[], object], assignment: Assignment) -> None:
        settings = assignment.settings
        super().__init__(
            f"asyncwb sweep {assignment.keywords['run_id']}", settings.agent_kill_delay
        )
        self._function = function
        self._assignment = assignment
        self._lock = threading.Lock()
        self._target: int | None = None

    def work(self) -> Outcome:
        """See `BlockingJob`."""
        ASSIGNED.set(self._assignment)
        try:
            exit_code, outcome = self._call()
        except KeyboardInterrupt:
            exit_code, outcome = INTERRUPTED, "stopped"
        PORTAL.here(end_run, self._assignment, exit_code)
        return outcome

    def _call(self) -> tuple[int, Outcome]:
        with self._lock:
            if self._ending:
                return INTERRUPTED, "stopped"
            self._target = threading.get_ident()
        try:
            result = self._function()
            if inspect.isawaitable(result):
                _run_awaitable(result)
        except SystemExit as leave:
            return (0, "finished") if not leave.code else (1, "failed")
        except Exception as error:  # noqa: BLE001  the user's: shown, and the next run begins
            show(error, self._assignment)
            return 1, "failed"
        finally:
            with self._lock:
                _interrupt(self._target, None)
                self._target = None
        return 0, "finished"

    def ask(self) -> None:
        """See `BlockingJob`."""
        with self._lock:
            _interrupt(self._target, KeyboardInterrupt)

    def force(self) -> None:
        """See `Job`."""
        if not self._over:
            Terminal(self._assignment.settings).warning(
                f"run {self._assignment.keywords['run_id']} does not end; its thread is left behind"
            )
            self._wake()


def _run_awaitable(result: Awaitable[object]) -> None:
    import anyio

    async def main() -> None:
        await result

    anyio.run(main)


def _interrupt(thread: int | None, error: type[BaseException] | None) -> None:
    """Raise an exception in a thread as soon as it runs Python code; None takes it back."""
    if thread is None:
        return
    set_exception = cast("Any", ctypes.pythonapi.PyThreadState_SetAsyncExc)
    set_exception(ctypes.c_ulong(thread), ctypes.py_object(error) if error else None)
