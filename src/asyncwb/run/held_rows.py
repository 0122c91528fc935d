"""Rows that wait for values which are being encoded."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from collections.abc import Callable

    from asyncwb.run.media.jobs import MediaJob

__all__ = ["HeldRows", "put"]


class _HeldRow:
    """A finished row, and what it waits for."""

    __slots__ = ("jobs", "now", "row", "step")

    def __init__(
        self, row: dict[str, Any], step: int, now: float, jobs: dict[tuple[str, ...], MediaJob]
    ) -> None:
        self.row = row
        self.step = step
        self.now = now
        self.jobs = jobs


class HeldRows:
    """Writes each row as soon as it is complete. Used under the lock of the history.

    Args:
        write: Writes a complete row, under its step and time.
    """

    def __init__(self, write: Callable[[dict[str, Any], int, float], None]) -> None:
        self._write = write
        self._rows: dict[int, _HeldRow] = {}
        self._waiting: dict[int, _HeldRow] = {}

    def add(
        self, row: dict[str, Any], step: int, now: float, jobs: dict[tuple[str, ...], MediaJob]
    ) -> None:
        """Take a row: it is written now where all its values are there, else with the last."""
        held = _HeldRow(row, step, now, jobs)
        left = [job for job in jobs.values() if not job.done]
        if not left:
            self._complete(held)
            return
        self._rows[id(held)] = held
        for job in left:
            self._waiting[id(job)] = held

    def job_done(self, job: MediaJob) -> None:
        """Note that a value is there."""
        held = self._waiting.pop(id(job), None)
        if held is None or not all(one.done for one in held.jobs.values()):
            return
        # Another of its values may have been told of, and have found all done.
        if self._rows.pop(id(held), None) is not None:
            self._complete(held)

    def shift(self, steps: int) -> None:
        """Move all rows behind the last step of the run that this one continues."""
        for held in self._rows.values():
            held.step += steps

    def write_all(self) -> None:
        """Write all rows with the values that they have."""
        rows, self._rows, self._waiting = self._rows, {}, {}
        for held in rows.values():
            self._complete(held)

    def forget(self) -> None:
        """In a forked child: they are the parent's."""
        self._rows, self._waiting = {}, {}

    def _complete(self, held: _HeldRow) -> None:
        for path, job in held.jobs.items():
            if job.done and job.error is None:
                put(held.row, path, job.value)
        self._write(held.row, held.step, held.now)


def put(row: dict[str, Any], path: tuple[str, ...], value: Any) -> None:
    """Set a leaf of a row; a value in the way is replaced."""
    node = row
    for name in path[:-1]:
        below: Any = node.get(name)
        if not isinstance(below, dict):
            below = node[name] = {}
        node = cast("dict[str, Any]", below)
    node[path[-1]] = value
