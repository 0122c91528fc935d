"""SIGTERM, for runs that ask for it: preempting, sent and ended before the process goes.

The handler stands while such a run is alive. It runs in the main thread, perhaps in the middle of a
`log`, and blocks there for `exit_timeout` seconds at most; then comes what would have come without
it: the handler that was there before, or the end of the process.
"""

from __future__ import annotations

import os
import threading
from functools import partial
from typing import TYPE_CHECKING, Any

from asyncwb.portal import PORTAL

if TYPE_CHECKING:
    from types import FrameType

    from asyncwb.run.attributes import RunAttributes
    from asyncwb.run.run import Run

__all__ = ["SIGTERM_WATCH"]

_EXIT_CODE = 143


class SigtermWatch:
    """The handler of this process. One per process."""

    def __init__(self) -> None:
        # Kept: each access of a bound method makes another object.
        self._handler = self._handle
        self._before: Any = None
        self._runs: dict[int, Run] = {}

    def start(self, run: Run) -> None:
        """Watch over a run that asks for it, where this is the main thread; again is harmless."""
        if run.settings.on_sigterm != "finish" or not _in_main_thread():
            return
        import signal

        before = signal.getsignal(signal.SIGTERM)
        # Ignored on purpose, or handled outside of Python: not ours to change.
        if before in (signal.SIG_IGN, None):
            return
        self._runs[id(run)] = run
        if before != self._handler:
            self._before = before
            signal.signal(signal.SIGTERM, self._handler)

    def leave(self, run: RunAttributes) -> None:
        """Forget a run that is sent or given up; with the last one goes the handler.

        In another thread it cannot be taken away: it stays, and only passes on.
        """
        self._runs.pop(id(run), None)
        if self._before is None or self._runs or not _in_main_thread():
            return
        import signal

        if signal.getsignal(signal.SIGTERM) == self._handler:
            signal.signal(signal.SIGTERM, self._before)
            self._before = None

    def leave_to_parent(self) -> None:
        """In a forked child: the runs are the parent's; the handler passes on."""
        self._runs = {}

    def _handle(self, number: int, frame: FrameType | None) -> None:
        before = self._before
        _end(list(self._runs.values()))
        if callable(before):
            before(number, frame)
            return
        import signal

        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGTERM)
        # Still here: process 1 of a container does not die of it.
        raise SystemExit(_EXIT_CODE)


def _in_main_thread() -> bool:
    return threading.current_thread() is threading.main_thread()


def _end(runs: list[Run]) -> None:
    """End runs in this thread, whose locks they may hold; then wait until they are sent."""
    cores = [run._core for run in runs]  # pyright: ignore[reportPrivateUsage]
    for run, core in zip(runs, cores, strict=True):
        if not core.ended:
            run.mark_preempting()
            run._end_at_exit(_EXIT_CODE)  # pyright: ignore[reportPrivateUsage]
    # One that this signal interrupted while it ended cannot go on before we return.
    ending = [run for run, core in zip(runs, cores, strict=True) if core.closed]
    if any(run.status().state == "finishing" for run in ending):
        PORTAL.run_at_end(partial(_send, ending))


async def _send(runs: list[Run]) -> None:
    import anyio

    async with anyio.create_task_group() as group:
        for run in runs:
            seconds = run.settings.exit_timeout
            group.start_soon(run._finish_at_exit, _EXIT_CODE, seconds)  # pyright: ignore[reportPrivateUsage]


SIGTERM_WATCH = SigtermWatch()
