"""What a run tells its user when it ends."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from asyncwb.run.core import RunCore

__all__ = ["tell_end"]


def tell_end(core: RunCore, quiet: bool | None) -> None:
    """Say where the run is now.

    Args:
        core: The run, which has ended.
        quiet: Say only what is a warning; None: as the settings say.
    """
    mode, state = core.settings.mode, core.status().state
    if mode == "disabled":
        return
    folder = core.folder.path
    trouble = core.journal.status.error
    if trouble and (state == "unsent" or mode == "offline"):
        core.terminal.warning(
            f"run {core.names.id} could not be written to {folder} ({trouble}): what is not "
            "there was kept in memory only, and is lost"
        )
    elif state == "unsent":
        text = f"run {core.names.id} is not sent; `asyncwb sync {folder}` sends it"
        core.terminal.warning(text)
    elif mode == "offline" or state == "detached":
        text = f"run {core.names.id} has ended; `asyncwb sync {folder}` sends it"
        core.terminal.line(text, quiet=quiet)
    else:
        core.terminal.line(f"run {core.names.id} is complete: {core.url}", quiet=quiet)
