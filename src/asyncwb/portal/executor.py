"""A thread pool whose threads never hold up the interpreter's exit, and still work during it.

`concurrent.futures.ThreadPoolExecutor` refuses work once the interpreter shuts down and joins its
threads there, however long a file system stalls. Here the threads are daemons, and `warm` starts
all of them beforehand, because Python 3.12 starts no thread during the shutdown.
"""

from __future__ import annotations

import threading
from concurrent.futures import Future, ThreadPoolExecutor
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from asyncwb.errors import ClosedError

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["BudgetExecutor", "DaemonExecutor"]

P = ParamSpec("P")
T = TypeVar("T")

_Job = tuple["Future[Any]", "Callable[[], Any]"]


class DaemonExecutor(ThreadPoolExecutor):
    """A bounded pool of daemon threads.

    It is a `ThreadPoolExecutor` only because asyncio accepts nothing else as a loop's default
    executor; every public method is replaced.

    Args:
        size: The number of threads. They start with the work, or all at once with `warm`.
        name: Prefix of the threads' names.
    """

    def __init__(self, size: int, name: str) -> None:
        super().__init__(max_workers=size, thread_name_prefix=name)
        self._size = size
        self._name = name
        self._queue: SimpleQueue[_Job | None] = SimpleQueue()
        # Reentrant: a signal handler may hand in work while its thread does.
        self._guard = threading.RLock()
        self._workers: list[threading.Thread] = []
        self._busy = 0
        self._closed = False

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Run `fn` in a thread of the pool; see `concurrent.futures.Executor.submit`.

        Raises:
            ClosedError: The pool is shut down.
        """
        future: Future[T] = Future()
        with self._guard:
            if self._closed:
                raise ClosedError("asyncwb's thread pool is closed")
            self._busy += 1
            if self._busy > len(self._workers):
                self._start_worker()
            self._queue.put((future, lambda: fn(*args, **kwargs)))
        return future

    def warm(self) -> None:
        """Start every thread now, so that none has to start while the interpreter ends."""
        with self._guard:
            while len(self._workers) < self._size and not self._closed:
                self._start_worker()

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Take no more work and let idle threads end.

        Args:
            wait: Wait for the threads, at most a second each. Work that hangs is left behind.
            cancel_futures: Cancel the work that has not begun.
        """
        with self._guard:
            first, self._closed = not self._closed, True
            while cancel_futures and not self._queue.empty():
                job = self._queue.get_nowait()
                if job is not None:
                    job[0].cancel()
            if first or cancel_futures:
                for _ in self._workers:
                    self._queue.put(None)
        if wait:
            for worker in self._workers:
                worker.join(1.0)

    def _start_worker(self) -> None:
        if len(self._workers) >= self._size:
            return
        worker = threading.Thread(
            target=self._work, name=f"{self._name}-{len(self._workers)}", daemon=True
        )
        try:
            worker.start()
        except RuntimeError:
            # No thread can start (interpreter exit, thread limit): those that run do the work.
            if not self._workers:
                raise
        else:
            self._workers.append(worker)

    def _work(self) -> None:
        while (job := self._queue.get()) is not None:
            future, call = job
            try:
                if future.set_running_or_notify_cancel():
                    _run(future, call)
            finally:
                with self._guard:
                    self._busy -= 1
            del job, future, call


class BudgetExecutor(DaemonExecutor):
    """A pool that takes no more work than memory for it is allowed."""

    def __init__(self, size: int, name: str) -> None:
        super().__init__(size, name)
        self._cost = 0

    def offer(self, fn: Callable[[], object], *, cost: int, budget: int) -> bool:
        """Have `fn` called in a thread of the pool, unless too much waits already.

        Args:
            fn: What to call; raises nothing.
            cost: Bytes that it holds until it has been called.
            budget: Bytes that everything that was taken may hold, this included. One that exceeds
                it alone is taken while nothing else waits.

        Returns:
            Whether it was taken; False also where the pool is shut down, or cannot start threads.
        """
        with self._guard:
            if self._cost and self._cost + cost > budget:
                return False
            self._cost += cost
        try:
            self.submit(self._call, fn, cost)
        except (ClosedError, RuntimeError):
            self._give_back(cost)
            return False
        return True

    def _call(self, fn: Callable[[], object], cost: int) -> None:
        try:
            fn()
        finally:
            self._give_back(cost)

    def _give_back(self, cost: int) -> None:
        with self._guard:
            self._cost -= cost


def _run(future: Future[Any], call: Callable[[], Any]) -> None:
    try:
        result = call()
    except BaseException as error:  # noqa: BLE001  whatever it is, the waiter gets it
        future.set_exception(error)
    else:
        future.set_result(result)
