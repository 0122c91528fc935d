"""Which runs are asked for in one request: those whose rows are few, all together."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from asyncwb.api.run import Run

__all__ = ["Groups"]

_MOST_RUNS = 16
_MOST_BYTES = 2 << 20
_PAGE_ROWS = 1000
"""Rows of a first page: a run with more of them has requests enough of its own."""


class Groups:
    """Puts runs together, as large as was learned of those that came back.

    Attributes:
        allowed: Whether the server answers for several at once.
    """

    def __init__(self) -> None:
        self.allowed = True
        self._row_bytes: float | None = None

    def learn(self, rows: int, size: int) -> None:
        """Take note of histories that came back, with so many rows of so many bytes in all."""
        if size:
            # Rise at once, fall slowly: what a group holds has to fit into memory.
            self._row_bytes = max(size / max(1, rows), (self._row_bytes or 0.0) / 2)

    def fits(self, group: list[Run], run: Run) -> bool:
        """Whether a run can join others."""
        if not self.allowed or len(group) >= _MOST_RUNS:
            return False
        if (run.entity, run.project) != (group[0].entity, group[0].project):
            return False
        counts = [one.history_line_count for one in (*group, run)]
        if self._row_bytes is None:
            return not any(counts)
        return max(counts) <= _PAGE_ROWS and sum(counts) * self._row_bytes <= _MOST_BYTES
