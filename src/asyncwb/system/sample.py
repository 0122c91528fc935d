"""One look at the machine, and the row that a run makes of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from asyncwb.journal import records
from asyncwb.journal.records import Item, StatsRecord, Timestamp

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Sample", "encode_row"]


class Sample:
    """Metrics by name, without the `system.` prefix.

    Attributes:
        gauges: Values of the moment.
        rates: Values of the time since the sample before; none in the first one.
        totals: What only grows; a run counts from its own start.
    """

    __slots__ = ("gauges", "rates", "totals")

    def __init__(self) -> None:
        self.gauges: dict[str, float] = {}
        self.rates: dict[str, float] = {}
        self.totals: dict[str, float] = {}

    def row(self, base: Mapping[str, float], *, first: bool = False) -> dict[str, float]:
        """The metrics of a run.

        Args:
            base: The totals when the run began; what came later (a disk) counts from 0.
            first: The run's first row: it has no rates, which would be of a time before it.
        """
        totals = {name: total - base.get(name, 0.0) for name, total in self.totals.items()}
        return {**({} if first else self.rates), **self.gauges, **totals}


def encode_row(row: Mapping[str, float], *, at: float, label: str | None) -> bytes:
    """The journal record of a row.

    Args:
        row: Metrics by name.
        at: Its time in Unix seconds.
        label: Marks each name, where several writers write one run.
    """
    suffix = f"/l:{label}" if label else ""
    items = [Item(key=name + suffix, value_json=repr(value)) for name, value in row.items()]
    return records.encode(StatsRecord(timestamp=Timestamp.at(at), item=items))
