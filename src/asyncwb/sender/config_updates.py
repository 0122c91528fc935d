"""A config that changes while the run goes on, on its way to the server."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from asyncwb.errors import CommError

if TYPE_CHECKING:
    from collections.abc import Callable

    from asyncwb.sender.fold import Fold
    from asyncwb.sender.opening import Opener
    from asyncwb.sender.progress import Progress
    from asyncwb.sender.target import RunTarget

__all__ = ["ConfigUpdates"]

_DEBOUNCE_SECONDS, _RETRY_SECONDS = 5.0, 60.0


class ConfigUpdates:
    """Sends what changed of the config, a few seconds after the first change.

    Args:
        opener: Sends it.
        fold: Knows whether there is anything.
        progress: Learns of failures.
        target: The run.
        tell: Called after each change of `progress`.

    Attributes:
        due: Monotonic time of the next sending; None: nothing changed.
    """

    def __init__(
        self,
        opener: Opener,
        fold: Fold,
        progress: Progress,
        target: RunTarget,
        tell: Callable[[], None],
    ) -> None:
        self._opener = opener
        self._fold = fold
        self._progress = progress
        self._target = target
        self._tell = tell
        self.due: float | None = None

    async def attend(self, now: float, *, at_once: bool) -> None:
        """Send it where its time has come; `at_once`: somebody waits for it."""
        if not self._fold.config_dirty:
            self.due = None
            return
        if self.due is None:
            self.due = now + _DEBOUNCE_SECONDS
        if at_once or self.due <= now:
            try:
                await self._opener.update(self._target)
            except CommError as exc:
                # Rows matter more than the config: they go on, and it is tried again later.
                self.due = time.monotonic() + _RETRY_SECONDS
                self._progress.trouble, self._progress.last_error = exc, str(exc)
                self._tell()
            else:
                self.due = self._progress.trouble = None
