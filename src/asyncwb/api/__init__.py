"""The read side: `Api`, runs, history, files."""

from __future__ import annotations

from asyncwb.api.api import Api
from asyncwb.api.files import File, Files
from asyncwb.api.history import HistoryScan
from asyncwb.api.run import Run
from asyncwb.api.runs import Runs
from asyncwb.api.summary import Summary
from asyncwb.api.user import User

__all__ = ["Api", "File", "Files", "HistoryScan", "Run", "Runs", "Summary", "User"]
