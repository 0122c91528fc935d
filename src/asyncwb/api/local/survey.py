"""One look at a journal: what its run is like, without keeping its rows."""

from __future__ import annotations

import logging
from functools import partial
from operator import itemgetter
from typing import TYPE_CHECKING, Any, TypeAlias, cast

import numpy as np

from asyncwb import jsonx
from asyncwb.errors import Error
from asyncwb.journal import records
from asyncwb.journal.bodies import Bodies, bodies_of
from asyncwb.journal.bulk import Bulk, BulkReader
from asyncwb.journal.row_blocks import HISTORY, RowBlocks
from asyncwb.journal.row_items import envelope, item_values, read_row, simple_items
from asyncwb.sender.fold import Fold
from asyncwb.sender.resume import ResumePoint
from asyncwb.version import VERSION

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from asyncwb.journal.places import Places
    from asyncwb.types import Row

__all__ = ["Survey"]

log = logging.getLogger("asyncwb.api")

ValuesAt: TypeAlias = "Callable[[int], dict[str, Any]]"

_SUMMARY, _STATS, _METRIC, _RUN = 3, 7, 12, 17
_CONSOLE = (13, 27)
_IN_ORDER = (_METRIC, _RUN)
"""Kinds of records that mean something else before values than behind them."""


class Survey:
    """State of a run as one journal tells it.

    Attributes:
        fold: Config, summary and what else the records hold.
        rows: Number of history rows.
        last_step: Highest step, -1 without rows; shifted.
        ascending: Whether no row has a lower step than one before it.
        kinds: Keys of the history, each with a value.
        step_shift: What is added to each step: rows of a resumed run whose writer did not know
            where it ended.
        runtime_shift: The same for `_runtime`.
        places: Where the records of the journal are.
    """

    def __init__(self, earlier: Survey | None, values_at: ValuesAt) -> None:
        self.fold = Fold(version=VERSION)
        self.rows = 0
        self.last_step = -1
        self.ascending = True
        self.kinds: dict[str, Any] = {}
        self.step_shift = 0
        self.runtime_shift = 0.0
        self.goes_on = False
        self.places: Places | None = None
        self._earlier = earlier
        self._values_at = values_at
        self._decided = False
        self._stats: bytes | None = None
        self._derived = b""
        self._blocks = RowBlocks()

    @classmethod
    def of(cls, journal: Path, earlier: Survey | None, values_at: ValuesAt) -> Survey:
        """Read a journal, up to where it can be read.

        Args:
            journal: The file.
            earlier: What the folder before it, of the same run, says.
            values_at: The last values of the folders before it up to a step.

        Raises:
            JournalError: It is no `.wandb` log, or the disk failed.
        """
        survey = cls(earlier, values_at)
        with BulkReader(journal) as reader:
            while (bulk := reader.read()) is not None:
                survey._feed(bulk)
            survey.places = reader.places
            for gap in reader.damage:
                log.warning("%s: bytes %d to %d: %s", journal.name, gap.offset,
                            gap.offset + gap.length, gap.reason)  # fmt: skip
        survey._decide()
        return survey

    @property
    def system_metrics(self) -> dict[str, Any]:
        """The newest system metrics."""
        if self._stats is None:
            return {}
        body = cast("records.StatsRecord", records.decode(self._stats).body)
        return {
            "system." + ".".join(item.path): jsonx.decode(item.value_json) for item in body.item
        }

    def summary(self) -> dict[str, Any]:
        """The summary."""
        return cast("dict[str, Any]", jsonx.decode(self.fold.summary.line()))

    def _feed(self, bulk: Bulk) -> None:
        bodies = bodies_of(bulk)
        kinds = bodies.numbers
        marks = [*np.flatnonzero(np.isin(kinds, _IN_ORDER)).tolist(), len(kinds)]
        rest = np.isin(kinds, (HISTORY, _SUMMARY, *_CONSOLE, *_IN_ORDER), invert=True)
        for place in np.flatnonzero(rest).tolist():
            self._take(int(kinds[place]), bulk.payload(place))
        # Values between two records whose order matters are taken together.
        begin = 0
        for stop in marks:
            if begin < stop:
                self._take_values(bulk, bodies, begin, stop)
            if stop < len(kinds):
                self._take(int(kinds[stop]), bulk.payload(stop))
            begin = stop + 1

    def _take_values(self, bulk: Bulk, bodies: Bodies, begin: int, stop: int) -> None:
        """Take in the rows and summaries of a part of a batch."""
        part = Bodies(*(column[begin:stop] for column in bodies))
        piece = bulk._replace(starts=bulk.starts[begin:stop], ends=bulk.ends[begin:stop])
        if (part.numbers == HISTORY).any():
            self._decide()
        if not self.fold.metrics.wants_statistics and self._take_together(piece, part):
            return
        for place in np.flatnonzero(np.isin(part.numbers, (HISTORY, _SUMMARY))).tolist():
            self._take(int(part.numbers[place]), piece.payload(place))

    def _take_together(self, bulk: Bulk, bodies: Bodies) -> bool:
        """Take note of all rows by the last value of each key; whether that is possible."""
        rows = self._blocks.sort(bulk, bodies, HISTORY)
        summaries = self._blocks.sort(bulk, bodies, _SUMMARY)
        steps: list[tuple[list[int], Any]] = []
        lasting: list[tuple[int, Callable[[], None]]] = []
        try:
            if rows.block is not None:
                found = rows.block.steps()
                if found is None:
                    return False  # a step that is no plain number
                steps.append((rows.places, found))
                for place, row in rows.block.last(rows.places).items():
                    lasting.append((place, partial(self._add_row, row)))
            if summaries.block is not None:
                for place, row in summaries.block.last(summaries.places).items():
                    lasting.append((place, partial(self._derive, row)))
            for place in rows.others:
                row = read_row(bulk.payload(place))
                steps.append(([place], np.array([_step(row)], np.int64)))
                lasting.append((place, partial(self._add_row, row)))
        except Error:
            return False
        lasting += [
            (place, partial(self._take, _SUMMARY, bulk.payload(place)))
            for place in summaries.others
        ]
        if steps:
            places = np.concatenate([np.array(found, np.int64) for found, _ in steps])
            self._note_steps(np.concatenate([found for _, found in steps])[np.argsort(places)])
        for _, take in sorted(lasting, key=itemgetter(0)):
            take()
        return True

    def _derive(self, values: Row) -> None:
        for key, value in values.items():
            self.fold.summary.set_derived((key,), value)

    def _take(self, number: int, payload: bytes) -> None:
        """Take in one record."""
        try:
            if number == HISTORY:
                self._decide()
                row = read_row(payload)
                self._note_steps(np.array([_step(row)], np.int64))
                self._add_row(row)
            elif number == _STATS:
                self._stats = payload
            elif number == _SUMMARY:
                self._add_summary(payload)
            elif number not in _CONSOLE:
                self.fold.feed(payload)
        except Error as exc:
            log.warning("a record cannot be read and is left out: %s", exc)

    def _add_summary(self, payload: bytes) -> None:
        """Take in summary values; those that its writer derived come with every row."""
        body = envelope(payload)
        content = payload[body.start : body.end]
        if content == self._derived:
            return
        items = simple_items(payload, body.start, body.end, whole=True)
        if items is None:
            self.fold.feed(payload)
            if b"\x12\x06_wandb" in content:
                self._derived = content  # the run time in whole seconds, again and again
            return
        for (path, _), value in zip(items, item_values(items), strict=True):
            self.fold.summary.set_derived(path, value)

    def _note_steps(self, steps: Any) -> None:
        if not len(steps):
            return
        steps = steps + self.step_shift
        if steps[0] < self.last_step or (steps[1:] < steps[:-1]).any():
            self.ascending = False
        self.rows += len(steps)
        self.last_step = max(self.last_step, int(steps.max()))

    def _add_row(self, row: Row) -> None:
        if self.step_shift:
            row["_step"] = _step(row) + self.step_shift
        if self.runtime_shift and isinstance(runtime := row.get("_runtime"), (int, float)):
            row["_runtime"] = runtime + self.runtime_shift
        self.kinds.update(row)
        self.fold.summary.add_row(cast("dict[str, object]", row))

    def _decide(self) -> None:
        """Before the first row: whether this journal goes on with the earlier one."""
        if self._decided:
            return
        self._decided = True
        earlier, run = self._earlier, self.fold.run
        self.goes_on = earlier is not None and bool(
            run.resume or run.resumed or run.starting_step or run.rewinds
        )
        if earlier is None or not self.goes_on:
            return
        summary = self._values_at(run.branch_step) if run.rewinds else earlier.summary()
        self.fold.take_over(
            ResumePoint(
                storage_id="", history_lines=earlier.rows, events_lines=0, console_lines=0,
                starting_step=earlier.last_step + 1, runtime=earlier.runtime,
                config=earlier.fold.config.wire(), summary=summary,
                tags=earlier.fold.run.tags, notes=earlier.fold.run.notes or None,
            )
        )  # fmt: skip
        if not (run.resumed or run.starting_step or run.rewinds):
            self.step_shift = earlier.last_step + 1
            self.runtime_shift = earlier.runtime

    @property
    def runtime(self) -> float:
        """Seconds that the run took."""
        found = self.summary().get("_runtime")
        return float(found) if isinstance(found, (int, float)) else 0.0


def _step(row: Row) -> int:
    step = row.get("_step")
    return int(step) if isinstance(step, (int, float)) and step == step else 0
