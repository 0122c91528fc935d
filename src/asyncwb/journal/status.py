"""How a journal is doing."""

from __future__ import annotations

from typing import Literal

import msgspec

__all__ = ["JournalStatus"]


class JournalStatus(msgspec.Struct, frozen=True):
    """How a journal is doing.

    Args:
        where: "file", "buffer" (a writer thread follows within 50 ms) or "memory".
        lost_rows: Rows dropped because memory was full of what the server has not yet.
        memory_bytes: Payload bytes held in memory after a failure.
        error: Why the file was left; "" if it was not.
    """

    where: Literal["file", "buffer", "memory"]
    lost_rows: int
    memory_bytes: int
    error: str
