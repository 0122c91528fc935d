"""The few lines that a run shows to its user, on stderr; off with `silent` or `quiet`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from asyncwb.run.console.capture import CAPTURE

if TYPE_CHECKING:
    from asyncwb.settings import Settings

__all__ = ["Terminal"]


class Terminal:
    """Writes the user-visible lines of one run.

    Args:
        settings: `silent` switches everything off, `quiet` all but warnings.
    """

    def __init__(self, settings: Settings) -> None:
        self._silent = settings.silent
        self._quiet = settings.quiet

    def line(self, text: str, *, quiet: bool | None = None) -> None:
        """Show one line of information; `quiet` overrides the setting for this line."""
        if not (self._quiet if quiet is None else quiet):
            self._write(text)

    def warning(self, text: str) -> None:
        """Show one line that the user should act on."""
        self._write(f"warning: {text}")

    def _write(self, text: str) -> None:
        # A closed or replaced stderr must never reach the training code.
        stream = sys.stderr
        if self._silent or stream is None:  # pyright: ignore[reportUnnecessaryComparison] # pythonw
            return
        try:
            line = f"asyncwb: {text}\n"
            with CAPTURE.unseen(line):
                stream.write(line)
            stream.flush()
        except (OSError, ValueError, AttributeError):
            self._silent = True
