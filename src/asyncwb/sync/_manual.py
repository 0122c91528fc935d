"""Module-level names of the blocking face that no generator makes."""

from __future__ import annotations

from asyncwb.current import BeforeInit, config, summary
from asyncwb.run.context import current_run
from asyncwb.sync._run import Run

__all__ = ["BeforeInit", "config", "run", "summary"]


def run() -> Run | None:
    """The current run; None without one."""
    found = current_run()
    return None if found is None else Run.from_async(found)
