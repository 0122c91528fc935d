"""Samples of the rows of a run of this machine."""

from __future__ import annotations

from contextlib import aclosing
from typing import TYPE_CHECKING

from asyncwb.api.history_source import Asked
from asyncwb.errors import Error
from asyncwb.journal.bulk import BulkReader
from asyncwb.journal.row_items import envelope
from asyncwb.sender.ack import Ack
from asyncwb.sender.fold import Fold

if TYPE_CHECKING:
    from asyncwb.api.local.history import LocalHistory
    from asyncwb.api.local.run import LocalRun
    from asyncwb.types import Row

__all__ = ["sampled_events", "sampled_rows"]

_STATS, _RUN = 7, 17


async def sampled_rows(
    source: LocalHistory, samples: int, keys: tuple[str, ...] | None
) -> list[Row]:
    """At most `samples` rows, evenly spread, the first and the last among them."""
    asked = Asked(keys, 1000, 0, None)
    count = 0
    async with aclosing(source.rows(asked)) as batches:
        async for rows in batches:
            count += len(rows)
    wanted = _pick(count, samples)
    found: list[Row] = []
    start = 0
    async with aclosing(source.rows(asked)) as batches:
        async for rows in batches:
            found += [row for number, row in enumerate(rows, start) if number in wanted]
            start += len(rows)
    return found


def sampled_events(run: LocalRun, samples: int) -> list[str]:
    """At most `samples` lines of system metrics, as a server keeps them."""
    lines: list[str] = []
    for part in run.parts:
        fold = Fold()
        with BulkReader(part.journal) as reader:
            while (bulk := reader.read()) is not None:
                for place in range(len(bulk.starts)):
                    payload = bulk.payload(place)
                    try:
                        if envelope(payload).number in (_STATS, _RUN):
                            fold.feed(payload)
                    except Error:
                        continue
                for block in fold.take(Ack(server="")):
                    if block.file == "wandb-events.jsonl":
                        lines += [line.decode() for line in block.lines]
    wanted = _pick(len(lines), samples)
    return [line for number, line in enumerate(lines) if number in wanted]


def _pick(count: int, samples: int) -> frozenset[int]:
    if samples >= count:
        return frozenset(range(count))
    if samples <= 1:
        return frozenset({count - 1})
    return frozenset(i * (count - 1) // (samples - 1) for i in range(samples))
