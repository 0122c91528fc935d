"""History of a run of this machine, read from its journals."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import numpy as np

from asyncwb.api.history_source import Asked
from asyncwb.api.local.lookup import MISSING, look_up
from asyncwb.columns import Column, Columns, concat
from asyncwb.columns.column import column_of
from asyncwb.journal.bulk import BulkReader
from asyncwb.journal.row_blocks import RowBlocks
from asyncwb.transport.offload import offload, offload_whole

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator, Sequence

    from asyncwb.api.local.parts import Part
    from asyncwb.api.local.run import LocalRun
    from asyncwb.types import Row

__all__ = ["LocalHistory", "last_values"]

_SLICE_ROWS = 4096


class LocalHistory:
    """History of one run.

    Rows that lie in the order of their steps are read a window at a time; others are read whole,
    as columns, before the first is given.

    Args:
        find: Loads the run anew where its files have changed.
    """

    def __init__(self, find: Callable[[], Awaitable[LocalRun]]) -> None:
        self._find = find

    async def rows(self, asked: Asked) -> AsyncGenerator[list[Row], None]:
        """Rows in step order, in lists."""
        run = await self._find()
        if not run.ascending:
            yield await offload(_all_rows, run, asked)
            return
        with ExitStack() as held:
            batches = _row_batches(run.parts, asked, held)
            while (rows := await offload_whole(next, batches, None)) is not None:
                if rows:
                    yield rows

    async def last_step(self) -> int:
        """The highest step so far."""
        node = (await self._find()).node
        return int((node.history_keys or {}).get("lastStep", -1))

    async def columns(self, asked: Asked) -> AsyncGenerator[Columns, None]:
        """The same as columns."""
        run = await self._find()
        if not run.ascending:
            whole = await offload(_all_columns, run, asked)
            for piece in whole.slices(_SLICE_ROWS):
                yield piece
            return
        with ExitStack() as held:
            batches = _column_batches(run.parts, asked, held)
            while (columns := await offload_whole(next, batches, None)) is not None:
                if columns.count:
                    yield columns


def _row_batches(parts: Sequence[Part], asked: Asked, held: ExitStack) -> Iterator[list[Row]]:
    for part in parts:
        reader = held.enter_context(BulkReader(part.journal, known=part.places))
        blocks = RowBlocks()
        while (bulk := reader.read()) is not None:
            rows = [_shifted(row, part) for row in blocks.read_rows(bulk)]
            yield [found for row in rows if (found := _chosen(row, asked, part)) is not None]
        reader.close()


def _column_batches(parts: Sequence[Part], asked: Asked, held: ExitStack) -> Iterator[Columns]:
    for part in parts:
        reader = held.enter_context(BulkReader(part.journal, known=part.places))
        blocks = RowBlocks()
        while (bulk := reader.read()) is not None:
            columns = _moved(blocks.read_columns(bulk), part)
            stop = _sooner(asked.max_step, part.stop)
            yield _having(columns.within(asked.min_step, stop), asked)
        reader.close()


def _all_columns(run: LocalRun, asked: Asked) -> Columns:
    with ExitStack() as held:
        whole = concat(_column_batches(run.parts, asked, held), asked.columns if asked.keys else ())
    return whole.within(0, None)


def _all_rows(run: LocalRun, asked: Asked) -> list[Row]:
    with ExitStack() as held:
        rows = [row for batch in _row_batches(run.parts, asked, held) for row in batch]
    rows.sort(key=_step)
    return rows


def last_values(parts: Sequence[Part], step: int) -> dict[str, Any]:
    """The last value of each key up to a step: what a rewound run begins with."""
    asked = Asked(None, 1, 0, step + 1)
    found: dict[str, Any] = {}
    with ExitStack() as held:
        for columns in _column_batches(parts, asked, held):
            for key, column in columns.columns.items():
                values = column.values[column.has()]
                if len(values):
                    found[key] = values[-1:].tolist()[0]
    return found


def _step(row: Row) -> float:
    step = row.get("_step")
    return step if isinstance(step, (int, float)) else 0


def _sooner(a: int | None, b: int | None) -> int | None:
    return min(a, b) if a is not None and b is not None else a if b is None else b


def _shifted(row: Row, part: Part) -> Row:
    for key, shift in (("_step", part.step_shift), ("_runtime", part.runtime_shift)):
        value = row.get(key)
        if shift and isinstance(value, (int, float)):
            row[key] = value + shift
    return row


def _moved(columns: Columns, part: Part) -> Columns:
    for key, shift in (("_step", part.step_shift), ("_runtime", part.runtime_shift)):
        column = columns.columns.get(key)
        if shift and column is not None and column.values.dtype.kind in "if":
            columns.columns[key] = Column(column.values + shift, column.present)
    return columns


def _chosen(row: Row, asked: Asked, part: Part) -> Row | None:
    """What was asked for of a row; None: it does not belong."""
    step = _step(row)
    stop = _sooner(asked.max_step, part.stop)
    if step < asked.min_step or (stop is not None and step >= stop):
        return None
    if asked.keys is None:
        return row
    found: dict[str, Any] = {key: look_up(row, key) for key in asked.columns}
    return None if MISSING in found.values() else found


def _having(columns: Columns, asked: Asked) -> Columns:
    if asked.keys is None or not columns.count:
        return columns
    for key in asked.keys:
        _add_nested(columns, key)
    chosen = columns.having(asked.columns)
    if chosen.count < columns.count:
        # without the rows that are gone, a column may be of one type
        for key, column in chosen.columns.items():
            if column.values.dtype == object:
                chosen.columns[key] = column_of(column.plain().tolist())
    return chosen


def _add_nested(columns: Columns, key: str) -> None:
    """Add what a path into nested values leads to, where rows do not have it as a literal key."""
    heads = [head for head in columns.columns if key.startswith(head + ".")]
    if not heads:
        return
    rows: list[Row] = [{} for _ in range(columns.count)]
    for name in [key, *heads]:
        column = columns.columns.get(name)
        if column is None:
            continue
        values: list[Any] = column.values.tolist()
        for index in np.flatnonzero(column.has()).tolist():
            rows[index][name] = values[index]
        for index in np.flatnonzero(columns.nulls.get(name, ())).tolist():
            rows[index][name] = None
    found = [look_up(row, key) for row in rows]
    columns.nulls[key] = np.array([value is None for value in found])
    columns.columns[key] = column_of([None if value is MISSING else value for value in found])
