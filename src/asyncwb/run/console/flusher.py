"""The thread that writes to the journals what was printed a moment ago."""

from __future__ import annotations

import threading
import time
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from asyncwb.run.console.buffer import ConsoleBuffer

__all__ = ["Flusher"]

_INTERVAL_SECONDS = 0.25
"""What was printed survives `kill -9` this long after it was printed."""


class Flusher:
    """Flushes buffers that have something, soon. It sleeps while nothing is printed."""

    def __init__(self) -> None:
        self._queue: SimpleQueue[ConsoleBuffer | None] | None = None
        self.thread_id: int | None = None

    def start(self) -> None:
        """Begin; again is harmless."""
        if self._queue is not None:
            return
        queue: SimpleQueue[ConsoleBuffer | None] = SimpleQueue()
        thread = threading.Thread(
            target=self._run, args=(queue,), name="asyncwb-console", daemon=True
        )
        try:
            thread.start()
        except RuntimeError:
            return  # the interpreter ends: buffers are flushed when they are full, and at the end
        self._queue = queue

    def stop(self) -> None:
        """End soon. Waits for nothing."""
        queue, self._queue = self._queue, None
        if queue is not None:
            queue.put(None)

    def leave_to_parent(self) -> None:
        """In a forked child, which has no such thread."""
        self._queue = self.thread_id = None

    def notify(self, buffer: ConsoleBuffer) -> None:
        """Flush `buffer` within the interval. Never waits; reentrant."""
        if self._queue is not None:
            self._queue.put(buffer)

    def _run(self, queue: SimpleQueue[ConsoleBuffer | None]) -> None:
        self.thread_id = threading.get_ident()
        while (buffer := queue.get()) is not None:
            time.sleep(_INTERVAL_SECONDS)
            buffer.flush()
            try:
                while (buffer := queue.get_nowait()) is not None:
                    buffer.flush()
            except Empty:
                continue
            return
