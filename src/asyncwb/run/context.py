"""The current run: a context variable, right in every task, with a fallback for plain threads.

Both faces share it. A task (or a thread) that called `init` sees its own run, and tasks it
starts inherit it. A thread that never did sees the newest run of the process that is alive.
"""

from __future__ import annotations

import os
from contextvars import ContextVar
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from asyncwb.run.run import Run

__all__ = ["add_run", "current_run", "enter_run", "leave_run", "live_runs", "previous_run"]

_current: ContextVar[Run | None] = ContextVar("asyncwb_current_run", default=None)
# Insertion order is age. Strong references on purpose: a run that nobody finished is finished
# at exit.
_live: dict[int, Run] = {}


def current_run() -> Run | None:
    """The run of this context: the newest one entered here that is not finished yet.

    In a context that never entered a run: the newest live run of the process. `None` without one.
    """
    run = _current.get()
    if run is None:
        return _newest()
    while run is not None and id(run) not in _live:
        run = run._previous  # pyright: ignore[reportPrivateUsage] # the chain belongs to this module
    return run


def _newest() -> Run | None:
    while True:
        try:
            return next(reversed(_live.values()), None)
        except RuntimeError:
            continue  # a run came or went in another thread


def previous_run() -> Run | None:
    """The live run that a new one would replace as the current one."""
    run = current_run()
    return None if run is None or run._forked else run  # pyright: ignore[reportPrivateUsage]


def enter_run(run: Run) -> None:
    """Make `run`, which is live, the current one of this context; again is harmless."""
    if current_run() is run and _current.get() is run:
        return
    # A plain thread's fallback is not its own run, so it is no predecessor.
    run._previous = None if _current.get() is None else current_run()  # pyright: ignore[reportPrivateUsage]
    _current.set(run)


def add_run(run: Run) -> None:
    """Note a run as live."""
    _live[id(run)] = run


def leave_run(run: Run) -> None:
    """Forget a finished run, in whatever context it ended."""
    _live.pop(id(run), None)


def live_runs() -> list[Run]:
    """Every run of this process that is not finished, oldest first."""
    return [run for run in list(_live.values()) if not run._forked]  # pyright: ignore[reportPrivateUsage]


def _after_fork() -> None:
    from asyncwb.run.environment import SURVEYOR
    from asyncwb.run.exit import EXIT_WATCH

    EXIT_WATCH.leave_to_parent()
    SURVEYOR.leave_to_parent()
    if _live:
        from asyncwb.run.console.capture import CAPTURE

        CAPTURE.leave_to_parent()
    for run in list(_live.values()):
        # Kept as the current run, so that using it in the child raises instead of doing nothing.
        run._leave_to_parent()  # pyright: ignore[reportPrivateUsage]


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
