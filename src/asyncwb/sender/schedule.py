"""When files of a live run are uploaded: in the background, one batch at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from asyncwb.sender.signals import Gate

if TYPE_CHECKING:
    from collections.abc import Callable

    from anyio.abc import TaskGroup

    from asyncwb.sender.uploads import Uploads

__all__ = ["UploadSchedule"]

_DEBOUNCE_SECONDS = 1.0


class UploadSchedule:
    """Starts the uploads of one run.

    Attributes:
        due_at: Monotonic time of the next batch, None while nothing waits for one.

    Args:
        uploads: What is to be uploaded.
        ring: Called when a batch ended.
    """

    def __init__(self, uploads: Uploads, ring: Callable[[], None]) -> None:
        self.due_at: float | None = None
        self._uploads = uploads
        self._ring = ring
        self._running: Gate | None = None

    @property
    def busy(self) -> bool:
        """Whether files that are due have not arrived yet."""
        return self._running is not None or self._uploads.due

    def start_due(self, group: TaskGroup, now: float, *, at_once: bool) -> None:
        """Start a batch where one is due; files that follow soon travel with it."""
        if not self._uploads.due or self._running is not None:
            self.due_at = None
            return
        if self.due_at is None:
            self.due_at = now + _DEBOUNCE_SECONDS
        if at_once or self.due_at <= now:
            self.due_at = None
            self._running = Gate()
            group.start_soon(self._upload_due, self._running)

    def start_rest(self, group: TaskGroup) -> Gate:
        """Upload everything that is left, behind the running batch; the gate opens at the end."""
        done = Gate()
        group.start_soon(self._upload_rest, self._running, done)
        return done

    async def _upload_due(self, done: Gate) -> None:
        try:
            await self._uploads.upload_due()
        finally:
            self._running = None
            done.open()
            self._ring()

    async def _upload_rest(self, before: Gate | None, done: Gate) -> None:
        try:
            if before is not None:
                await before.wait()
            await self._uploads.upload_all()
        finally:
            done.open()
            self._ring()
