"""The wish of the server that a run stops: for who looks, who waits, and the main thread."""

from __future__ import annotations

from time import monotonic
from typing import TYPE_CHECKING

from asyncwb.portal import PORTAL

if TYPE_CHECKING:
    from collections.abc import Callable

    from anyio import Event

__all__ = ["StopSignal"]


_LOOKING_SECONDS = 15.0


class StopSignal:
    """Whether the server asked one run to stop.

    Args:
        interrupts: Whether the main thread gets a KeyboardInterrupt then.
    """

    def __init__(self, *, interrupts: bool = False) -> None:
        self.requested = False
        # Called when somebody begins to look or to wait: a silent run then asks more often.
        self.on_watch: Callable[[], None] | None = None
        self._interrupts = interrupts
        self._looks_until = 0.0
        self._ended = False
        self._waiting: list[Event] = []

    @property
    def watched(self) -> bool:
        """Whether somebody wants to know soon."""
        if self.requested:
            return False
        return bool(self._interrupts or self._waiting) or monotonic() < self._looks_until

    def look(self) -> bool:
        """Whether the server asked. From any thread; who looks now and then counts as waiting."""
        if not self.requested:
            now = monotonic()
            first, self._looks_until = now >= self._looks_until, now + _LOOKING_SECONDS
            if first and self.on_watch is not None:
                self.on_watch()
        return self.requested

    def request(self) -> None:
        """The server asked. In the loop; again is harmless."""
        if self.requested:
            return
        self.requested = True
        self._wake()
        if self._interrupts and not self._ended:
            _interrupt_main_thread()

    def end(self) -> None:
        """The run has ended: nobody waits any longer. From any thread."""
        self._ended = True
        PORTAL.post(self._wake)

    async def wait(self, timeout: float | None) -> bool:
        """Wait for the wish, the end of the run or the end of the time. In the loop.

        Returns:
            Whether the server asked.
        """
        import anyio

        event = anyio.Event()
        self._waiting.append(event)
        try:
            # After this, `end` and `request` find the event.
            if not (self.requested or self._ended):
                if self.on_watch is not None:
                    self.on_watch()
                with anyio.move_on_after(timeout):
                    await event.wait()
        finally:
            self._waiting.remove(event)
        return self.requested

    def leave_to_parent(self) -> None:
        """In a forked child: what waits belongs to the parent's loop."""
        self._waiting = []
        self.on_watch = None
        self._interrupts = False

    def _wake(self) -> None:
        for event in self._waiting:
            event.set()


def _interrupt_main_thread() -> None:
    """Do what Ctrl-C does, where Ctrl-C means a KeyboardInterrupt."""
    import _thread
    import signal
    import threading

    if not callable(signal.getsignal(signal.SIGINT)):
        return
    main = threading.main_thread().ident
    if main is not None and hasattr(signal, "pthread_kill"):
        # A real signal: it ends a `sleep` and a read as well.
        signal.pthread_kill(main, signal.SIGINT)
    else:
        _thread.interrupt_main()
