"""The threads that encode media, shared by all runs of the process."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from asyncwb.portal.executor import BudgetExecutor

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["ENCODERS", "Encoders"]

# They compete with the caller's own threads for processors.
_THREADS = 2


class Encoders:
    """A small pool of daemon threads, made with the first work. One per process."""

    def __init__(self) -> None:
        self._begin()

    def _begin(self) -> None:
        self._pool = BudgetExecutor(_THREADS, "asyncwb-media")
        self._started = False

    def offer(self, work: Callable[[], object], *, cost: int, budget: int) -> bool:
        """Have `work` called in one of the threads; False where too much waits already.

        Args:
            work: Raises nothing.
            cost: Bytes that it holds until it is done.
            budget: Bytes that all of it together may hold.
        """
        if not self._started:
            self._started = True
            # All of them now: an interpreter that ends starts no more, but still needs them.
            self._pool.warm()
        return self._pool.offer(work, cost=cost, budget=budget)

    def leave_to_parent(self) -> None:
        """In a forked child: the threads, and what they had to do, are the parent's."""
        self._begin()


ENCODERS = Encoders()

if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=ENCODERS.leave_to_parent)
