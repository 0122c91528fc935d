"""When an agent gives up."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from asyncwb.settings import Settings

__all__ = ["FailureLimits"]

_FLAPPING_SECONDS = 60.0
_FLAPPING_FAILURES = 3


class FailureLimits:
    """Counts how runs end.

    Args:
        settings: Which limits there are.
        consecutive: Failures in a row after which it is enough; None: no limit.
    """

    def __init__(self, settings: Settings, consecutive: int | None) -> None:
        self._settings = settings
        self._consecutive = consecutive
        self._started = time.monotonic()
        self._in_a_row = 0
        self.finished = 0
        self.failed = 0

    def note(self, *, failed: bool) -> str | None:
        """Count a run; returns why it is enough, or None."""
        if not failed:
            self.finished += 1
            self._in_a_row = 0
            return None
        self.failed += 1
        self._in_a_row += 1
        if self._consecutive is not None and self._in_a_row >= self._consecutive:
            return f"{self._in_a_row} runs in a row have failed"
        young = time.monotonic() - self._started < _FLAPPING_SECONDS
        if (
            young
            and self.failed >= _FLAPPING_FAILURES
            and not self._settings.agent_disable_flapping
        ):
            return (
                f"{self.failed} runs have failed in the first {_FLAPPING_SECONDS:.0f} seconds "
                "(WANDB_AGENT_DISABLE_FLAPPING=true goes on nevertheless)"
            )
        if not self.finished and self.failed >= self._settings.agent_max_initial_failures:
            return (
                f"the first {self.failed} runs have all failed "
                "(WANDB_AGENT_MAX_INITIAL_FAILURES raises this limit)"
            )
        return None
