"""Two small signals of the loop that can be made before it runs, in any thread."""

from __future__ import annotations

import anyio

__all__ = ["Alarm", "Gate"]


class Gate:
    """Closed once, then open for good; any number may wait."""

    __slots__ = ("_event", "is_open")

    def __init__(self) -> None:
        self.is_open = False
        self._event: anyio.Event | None = None

    def open(self) -> None:
        """Let everybody through. In the loop."""
        self.is_open = True
        if self._event is not None:
            self._event.set()

    async def wait(self) -> None:
        """Wait until it is open."""
        if not self.is_open:
            self._event = self._event or anyio.Event()
            await self._event.wait()


class Alarm:
    """Wakes one sleeper; a ring while it is awake makes its next sleep end at once."""

    __slots__ = ("_event", "_rung")

    def __init__(self) -> None:
        self._rung = False
        self._event: anyio.Event | None = None

    def ring(self) -> None:
        """Wake the sleeper. In the loop."""
        self._rung = True
        if self._event is not None:
            self._event.set()

    async def sleep(self, seconds: float) -> None:
        """Sleep until the alarm rings, at most so long."""
        if not self._rung:
            self._event = anyio.Event()
            with anyio.move_on_after(seconds):
                await self._event.wait()
            self._event = None
        self._rung = False
