"""Bytes on their way to a slow disk: appended at once, written by a thread within 50 ms."""

from __future__ import annotations

import os
import threading
from queue import SimpleQueue
from typing import TYPE_CHECKING

from asyncwb.journal.files import write_all

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["WriteBehind"]

_FLUSH_SECONDS = 0.05
_BUFFER_BYTES = 4 << 20


class WriteBehind:
    """A buffer in front of a file, and the thread that empties it.

    `append` needs a lock of the caller's; everything else is thread-safe. A signal handler may
    call anything in the middle of anything.

    Args:
        fd: The file, opened for appending; nobody else writes to it.
        position: Its size.
        on_write: Called from the thread after a write.
        on_error: Called once when a write fails; the buffer is given up.
    """

    def __init__(
        self,
        fd: int,
        position: int,
        *,
        on_write: Callable[[], None],
        on_error: Callable[[OSError], None],
    ) -> None:
        self.written = position
        self.pending = bytearray()  # what follows the first `written` bytes of the file
        self._fd = fd
        self._on_write = on_write
        self._on_error = on_error
        self._failed = False
        self._order = threading.RLock()  # held for a write: one after the other
        self._draining = False
        # One True when the buffer stops being empty; reentrant, unlike an event.
        self._tokens: SimpleQueue[bool] = SimpleQueue()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="asyncwb-journal", daemon=True)
        self._thread.start()

    @property
    def full(self) -> bool:
        """Whether the appender should call `drain`."""
        return len(self.pending) >= _BUFFER_BYTES

    def append(self, data: bytes) -> None:
        """Take bytes that follow those taken before. Never waits."""
        if not self.pending:
            self._tokens.put(True)
        self.pending += data

    def drain(self) -> None:
        """Write what is there. Blocks for it; appends go on meanwhile."""
        self._hand_over(sync=False)

    def sync(self) -> None:
        """Write what is there and wait until the disk has it."""
        self._hand_over(sync=True)

    def _hand_over(self, *, sync: bool) -> None:
        failure: OSError | None = None
        with self._order:
            if self._draining or self._failed:
                return  # draining: a signal handler in the middle of it
            self._draining = True
            try:
                self._write()
                if sync:
                    os.fsync(self._fd)
            except OSError as exc:
                self._failed = True
                failure = exc
            finally:
                self._draining = False
        if failure is not None:
            self._on_error(failure)

    def close(self) -> None:
        """Write what is there and end the thread. Blocks for both; idempotent."""
        self._stop.set()
        self._tokens.put(False)
        if self._thread is not threading.current_thread():
            self._thread.join()
        self.drain()

    def _write(self) -> None:
        if not self.pending:
            return
        # An interrupted write may have left more than was noted: the file knows.
        self._note(os.fstat(self._fd).st_size - self.written)
        data = bytes(self.pending)
        write_all(self._fd, data)
        self._note(len(data))

    def _note(self, count: int) -> None:
        self.written += count
        del self.pending[:count]

    def _run(self) -> None:
        while self._tokens.get():
            while self.pending and not self._failed:
                self._stop.wait(_FLUSH_SECONDS)
                self.drain()
                self._on_write()
