"""Runs that nobody finished end with the interpreter, within a time budget.

While a run is alive, `sys.excepthook` and `sys.exit` are watched (and still do what they did), so
that the exit code of such a run is the script's. With the last live run they are put back.
"""

from __future__ import annotations

import sys
import threading
from functools import partial
from typing import TYPE_CHECKING, Any, NoReturn

from asyncwb.portal import PORTAL
from asyncwb.portal.exit import at_exit
from asyncwb.run.context import live_runs

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

__all__ = ["EXIT_GRACE_SECONDS", "EXIT_WATCH", "code_of_error"]

_FAILED = 1
_INTERRUPTED = 255
# For the end of a run whose time is over: it says so, and leaves nothing running.
EXIT_GRACE_SECONDS = 2.0


class ExitWatch:
    """Knows how the script ends. One per process."""

    def __init__(self) -> None:
        self._registered = False
        self._begin()

    def _begin(self) -> None:
        # Reentrant: a signal handler may finish its run while the main thread begins or ends one.
        self._lock = threading.RLock()
        self._unregister: Callable[[], None] | None = None
        self._hook: partial[None] | None = None
        self._exit: partial[NoReturn] | None = None
        self.exit_code = 0

    def start(self, online_seconds: float | None) -> None:
        """Watch; called when a run begins. Again is harmless.

        Args:
            online_seconds: How long the run may take at exit to be sent; None: it is local, and
                its end needs no event loop.
        """
        with self._lock:
            if self._hook is None:
                self.exit_code = 0
                # New objects each time: where somebody wrapped the last ones, those stay below.
                self._hook = sys.excepthook = partial(self._note_error, sys.excepthook)
                self._exit = sys.exit = partial(self._note_exit, sys.exit)
            if not self._registered:
                self._registered = True
                at_exit(self._end_local_runs)
            if online_seconds is not None and self._unregister is None:
                self._unregister = PORTAL.on_exit(
                    _finish_runs, budget_seconds=online_seconds + EXIT_GRACE_SECONDS
                )

    def stop_if_idle(self) -> None:
        """Put everything back when no run is alive."""
        with self._lock:
            if live_runs():
                return
            self._restore()
            if self._unregister is not None:
                self._unregister()
                self._unregister = None

    def _restore(self) -> None:
        """Undo what `start` put into `sys`, unless somebody wrapped it meanwhile."""
        hook, self._hook = self._hook, None
        if hook is not None and sys.excepthook is hook:
            sys.excepthook = hook.args[0]
        leave, self._exit = self._exit, None
        if leave is not None and sys.exit is leave:
            sys.exit = leave.args[0]

    def _note_error(
        self,
        then: Callable[..., object],
        kind: type[BaseException],
        error: BaseException,
        trace: TracebackType | None,
    ) -> None:
        self.exit_code = _INTERRUPTED if issubclass(kind, KeyboardInterrupt) else _FAILED
        then(kind, error, trace)

    def _note_exit(self, then: Callable[..., NoReturn], status: Any = None, /) -> NoReturn:
        # In another thread it ends that thread alone.
        if threading.current_thread() is threading.main_thread():
            self.exit_code = code_of(status)
        then(status)

    def _end_local_runs(self) -> None:
        """What is left after the event loop's turn has nothing to wait for."""
        for run in live_runs():
            run._end_at_exit(self.exit_code)  # pyright: ignore[reportPrivateUsage]

    def leave_to_parent(self) -> None:
        """In a forked child: be as if no run had begun, with a lock that nobody holds."""
        self._restore()
        self._registered = False
        self._begin()


def code_of_error(error: BaseException) -> int:
    """The exit code of a run whose block was left by an exception.

    A cancelled task counts as interrupted: it is what Ctrl-C becomes in an event loop.
    """
    if isinstance(error, SystemExit):
        return code_of(error.code)
    return _FAILED if isinstance(error, Exception) else _INTERRUPTED


def code_of(status: object) -> int:
    """The exit code that `sys.exit(status)` makes."""
    if status is None:
        return 0
    return int(status) if isinstance(status, int) else _FAILED


async def _finish_runs(budget_seconds: float) -> None:
    """End every live run; the journal keeps what the time does not suffice for."""
    import anyio

    seconds = max(0.0, budget_seconds - EXIT_GRACE_SECONDS)
    async with anyio.create_task_group() as group:
        for run in live_runs():
            group.start_soon(run._finish_at_exit, EXIT_WATCH.exit_code, seconds)  # pyright: ignore[reportPrivateUsage]


EXIT_WATCH = ExitWatch()
