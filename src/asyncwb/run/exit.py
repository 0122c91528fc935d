"""Runs that nobody finished end with the interpreter, within a time budget.

While a run is alive, `sys.excepthook` and `sys.exit` are watched (and still do what they did), so
that the exit code of such a run is the script's. With the last live run they are put back.
"""

from __future__ import annotations

import atexit
import sys
import threading
from typing import TYPE_CHECKING, Any, NoReturn

from asyncwb.portal import PORTAL
from asyncwb.run.context import live_runs

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

__all__ = ["EXIT_WATCH"]

_FAILED = 1
_INTERRUPTED = 255
# For the end of a run whose time is over: it says so, and leaves nothing running.
_GRACE_SECONDS = 2.0


class ExitWatch:
    """Knows how the script ends. One per process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._watching = False
        self._unregister: Callable[[], None] | None = None
        self._next_hook: Callable[..., object] = sys.excepthook
        self._next_exit: Callable[..., NoReturn] = sys.exit
        self.exit_code = 0

    def start(self, online_seconds: float | None) -> None:
        """Watch; called when a run begins. Again is harmless.

        Args:
            online_seconds: How long the run may take at exit to be sent; None: it is local, and
                its end needs no event loop.
        """
        with self._lock:
            if not self._watching:
                self._watching = True
                self.exit_code = 0
                self._next_hook, sys.excepthook = sys.excepthook, self._excepthook
                self._next_exit, sys.exit = sys.exit, self._exit
                atexit.register(self._end_local_runs)
            if online_seconds is not None and self._unregister is None:
                self._unregister = PORTAL.on_exit(
                    _finish_runs, budget_seconds=online_seconds + _GRACE_SECONDS
                )

    def stop_if_idle(self) -> None:
        """Put everything back when no run is alive."""
        with self._lock:
            if not self._watching or live_runs():
                return
            self._watching = False
            # Somebody may have wrapped ours meanwhile: then it stays, and only passes on.
            if sys.excepthook == self._excepthook:
                sys.excepthook = self._next_hook
            if sys.exit == self._exit:
                sys.exit = self._next_exit
            atexit.unregister(self._end_local_runs)
            if self._unregister is not None:
                self._unregister()
                self._unregister = None

    def _excepthook(
        self, kind: type[BaseException], error: BaseException, trace: TracebackType | None
    ) -> None:
        self.exit_code = _INTERRUPTED if issubclass(kind, KeyboardInterrupt) else _FAILED
        self._next_hook(kind, error, trace)

    def _exit(self, status: Any = None, /) -> NoReturn:
        # In another thread it ends that thread alone.
        if threading.current_thread() is threading.main_thread():
            self.exit_code = code_of(status)
        self._next_exit(status)

    def _end_local_runs(self) -> None:
        """What is left after the event loop's turn has nothing to wait for."""
        for run in live_runs():
            run._end_at_exit(self.exit_code)  # pyright: ignore[reportPrivateUsage]

    def renew_lock(self) -> None:
        """In a forked child: another thread of the parent may have held the lock."""
        self._lock = threading.Lock()


def code_of(status: object) -> int:
    """The exit code that `sys.exit(status)` makes."""
    if status is None:
        return 0
    return int(status) if isinstance(status, int) else _FAILED


async def _finish_runs(budget_seconds: float) -> None:
    """End every live run; the journal keeps what the time does not suffice for."""
    import anyio

    seconds = max(0.0, budget_seconds - _GRACE_SECONDS)
    async with anyio.create_task_group() as group:
        for run in live_runs():
            group.start_soon(run._finish_at_exit, EXIT_WATCH.exit_code, seconds)  # pyright: ignore[reportPrivateUsage]


EXIT_WATCH = ExitWatch()
