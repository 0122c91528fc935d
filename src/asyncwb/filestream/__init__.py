"""Rows, system metrics, summary and console of one run, on their way to the server.

Pure parts first: `chunks` builds request bodies, `pacing` says when to send the next one;
`stream` posts them.
"""

from __future__ import annotations

from asyncwb.filestream.chunks import (
    CONSOLE,
    EVENTS,
    HISTORY,
    MAX_BODY_BYTES,
    MAX_LINE_BYTES,
    SUMMARY,
    Block,
    Chunk,
)
from asyncwb.filestream.pacing import Pacer
from asyncwb.filestream.stream import FileStream, StreamAnswer

__all__ = [
    "CONSOLE",
    "EVENTS",
    "HISTORY",
    "MAX_BODY_BYTES",
    "MAX_LINE_BYTES",
    "SUMMARY",
    "Block",
    "Chunk",
    "FileStream",
    "Pacer",
    "StreamAnswer",
]
