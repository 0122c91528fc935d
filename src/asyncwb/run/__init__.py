"""The live run: `init`, `Run` and what hangs on them.

The first `asyncwb.init` imports this in the caller's thread, so nothing here may load msgspec.
"""

from __future__ import annotations

from asyncwb.run.config import Config
from asyncwb.run.context import current_run
from asyncwb.run.init import RunInit, init
from asyncwb.run.run import Run
from asyncwb.run.summary import Summary

__all__ = ["Config", "Run", "RunInit", "Summary", "current_run", "init"]
