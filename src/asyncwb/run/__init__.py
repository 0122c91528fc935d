"""The live run: `init`, `Run` and what hangs on them."""

from __future__ import annotations

from asyncwb.run.config import Config
from asyncwb.run.context import current_run
from asyncwb.run.init import RunInit, init
from asyncwb.run.run import Run
from asyncwb.run.status import RunStatus
from asyncwb.run.summary import Summary

__all__ = ["Config", "Run", "RunInit", "RunStatus", "Summary", "current_run", "init"]
