# ruff: noqa: RUF012 - msgspec copies empty list and dict defaults per instance
"""Records that hold values: rows, summary, config, system metrics."""

# No `from __future__ import annotations`: evaluated from text, they would take a millisecond of the
# first `init`.
from typing import Annotated

from asyncwb.journal.environment_records import Timestamp  # noqa: TC001 - read at run time
from asyncwb.journal.message import Message

__all__ = [
    "ConfigRecord",
    "HistoryItem",
    "HistoryRecord",
    "HistoryStep",
    "Item",
    "KeptRow",
    "StatsRecord",
    "SummaryRecord",
]


class Item(Message):
    """One value of a config, a summary or system metrics: `key` or `nested_key`, not both."""

    key: Annotated[str, 1] = ""
    nested_key: Annotated[list[str], 2] = []
    value_json: Annotated[str, 16] = ""

    @property
    def path(self) -> tuple[str, ...]:
        """The key as a path, whichever field holds it."""
        return tuple(self.nested_key) if self.nested_key else (self.key,)


class HistoryItem(Message):
    """One value of a row; fields 3 to 8 appear only with the SDK's typed encoding."""

    key: Annotated[str, 1] = ""
    nested_key: Annotated[list[str], 2] = []
    none: Annotated[int | None, 3] = None
    boolean: Annotated[bool | None, 4] = None
    integer: Annotated[int | None, 5, "zigzag"] = None
    number: Annotated[float | None, 6] = None
    text: Annotated[str | None, 7] = None
    json: Annotated[str | None, 8] = None
    value_json: Annotated[str, 16] = ""


class HistoryStep(Message):
    """Step of a row, repeated outside of its items."""

    num: Annotated[int, 1] = 0


class HistoryRecord(Message):
    """One row. kept: number of the `KeptRow` that it completes; our own, others skip it."""

    item: Annotated[list[HistoryItem], 1] = []
    step: Annotated[HistoryStep | None, 2] = None
    kept: Annotated[int, 1000] = 0


class KeptRow(Message):
    """A row whose media are still being encoded, as it was when `log` returned; our own.

    A `HistoryRecord` of the same number replaces it. Where none follows, the process was killed,
    and the row is made of this.

    number: from 1 on. row: payload of the record, where `parts` stand for what a file will tell.
    parts: JSON of what the files are made of, whose bytes are in the run's folder.
    """

    number: Annotated[int, 1] = 0
    row: Annotated[bytes, 2] = b""
    parts: Annotated[str, 3] = ""


class SummaryRecord(Message):
    """Changes of the summary; removed items carry keys only."""

    update: Annotated[list[Item], 1] = []
    remove: Annotated[list[Item], 2] = []


class ConfigRecord(Message):
    """Changes of the config; removed items carry keys only."""

    update: Annotated[list[Item], 1] = []
    remove: Annotated[list[Item], 2] = []


class StatsRecord(Message):
    """System metrics; keys without the `system.` prefix. stats_type: 0 system."""

    stats_type: Annotated[int, 1] = 0
    timestamp: Annotated[Timestamp | None, 2] = None
    item: Annotated[list[Item], 3] = []
