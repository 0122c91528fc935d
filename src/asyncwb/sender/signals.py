"""A small signal of the loop that can be made before it runs, in any thread."""

from __future__ import annotations

import anyio

__all__ = ["Gate"]


class Gate:
    """Closed once, then open for good; any number may wait."""

    __slots__ = ("_event", "is_open")

    def __init__(self) -> None:
        self.is_open = False
        self._event: anyio.Event | None = None

    def open(self) -> None:
        """Let everybody through. In the loop."""
        self.is_open = True
        event, self._event = self._event, None
        if event is not None:
            event.set()

    async def wait(self) -> None:
        """Wait until it is open."""
        if not self.is_open:
            self._event = self._event or anyio.Event()
            await self._event.wait()
