"""Finding out which rows of a journal a server already has, when the ack was lost."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import msgspec
from anyio.lowlevel import checkpoint

from asyncwb import jsonx
from asyncwb.journal import JournalReader
from asyncwb.journal.records import field_number
from asyncwb.journal.rows import RowDecoder

if TYPE_CHECKING:
    from pathlib import Path

    from asyncwb.sender.resume import ResumePoint
    from asyncwb.sender.tree import Tree

__all__ = ["Alignment", "align"]

_HISTORY_FIELD = 2
_SLICE_RECORDS = 256
_SLICE_BYTES = 256 * 1024


class Alignment(msgspec.Struct, frozen=True):
    """Where a journal begins within the lines of its run, and what was added to its rows."""

    history_start: int
    step_shift: int
    runtime_shift: float


async def align(journal: Path, point: ResumePoint) -> Alignment | None:
    """Look for the server's latest row in a journal, by its timestamp.

    Returns:
        None where the journal does not hold it: its rows are new to the server.

    Raises:
        JournalError: The journal cannot be read.
    """
    wanted = point.last_row or {}
    stamp = wanted.get("_timestamp")
    if stamp is None:
        return None
    reader, decoder, rows = JournalReader.open(journal), RowDecoder(), 0
    try:
        while batch := reader.read_batch(_SLICE_BYTES, _SLICE_RECORDS):
            for record in batch:
                if field_number(record.payload) != _HISTORY_FIELD:
                    continue
                row = cast("Tree", jsonx.decode(decoder.to_line(record.payload)))
                start = point.history_lines - 1 - rows
                rows += 1
                if row.get("_timestamp") == stamp and start >= 0:
                    step = _difference(wanted, row, "_step")
                    return Alignment(start, int(step), _difference(wanted, row, "_runtime"))
            await checkpoint()
    finally:
        reader.close()
    return None


def _difference(there: Tree, here: Tree, key: str) -> float:
    a, b = there.get(key), here.get(key)
    if isinstance(a, int | float) and isinstance(b, int | float):
        return a - b
    return 0.0
