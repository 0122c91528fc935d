"""The threads that encode media, shared by all runs of the process."""

from __future__ import annotations

import os
from functools import partial
from threading import Condition
from typing import TYPE_CHECKING

from asyncwb.portal.executor import BudgetExecutor

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["ENCODERS", "Encoders"]

# They compete with the caller's own threads for processors.
_THREADS = 2
_FORK_SECONDS = 0.5


class Encoders:
    """A small pool of daemon threads, made with the first work. One per process.

    A fork waits for what is being encoded, for half a second at most: a child that is born while
    an encoder imports a module finds the lock of that import held for ever.
    """

    def __init__(self) -> None:
        self._begin()

    def _begin(self) -> None:
        self._pool = BudgetExecutor(_THREADS, "asyncwb-media")
        self._changed = Condition()
        self._running = 0
        self._forking = False

    def offer(self, work: Callable[[], object], *, cost: int, budget: int) -> bool:
        """Have `work` called in one of the threads; False where too much waits already.

        Args:
            work: Raises nothing.
            cost: Bytes that it holds until it is done.
            budget: Bytes that all of it together may hold.
        """
        return self._pool.offer(partial(self._run, work), cost=cost, budget=budget)

    def _run(self, work: Callable[[], object]) -> None:
        with self._changed:
            self._changed.wait_for(lambda: not self._forking)
            self._running += 1
        try:
            work()
        finally:
            with self._changed:
                self._running -= 1
                self._changed.notify_all()

    def before_fork(self) -> None:
        """Begin nothing more, and let end what is under way."""
        with self._changed:
            self._forking = True
            self._changed.wait_for(lambda: not self._running, _FORK_SECONDS)

    def after_fork(self) -> None:
        """In the parent: go on."""
        with self._changed:
            self._forking = False
            self._changed.notify_all()

    def leave_to_parent(self) -> None:
        """In a forked child: the threads, and what they had to do, are the parent's."""
        self._begin()


ENCODERS = Encoders()

if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=ENCODERS.before_fork,
        after_in_parent=ENCODERS.after_fork,
        after_in_child=ENCODERS.leave_to_parent,
    )
