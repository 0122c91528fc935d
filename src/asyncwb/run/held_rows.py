"""Rows that wait for values which are being encoded."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from collections.abc import Callable

    from asyncwb.run.media.desk import MediaDesk
    from asyncwb.run.media.jobs import MediaJob

__all__ = ["HeldRows", "put"]


class _HeldRow:
    """A finished row, and what it waits for."""

    __slots__ = ("jobs", "kept", "now", "row", "step")

    def __init__(
        self, row: dict[str, Any], step: int, now: float, jobs: dict[tuple[str, ...], MediaJob]
    ) -> None:
        self.row = row
        self.step = step
        self.now = now
        self.jobs = jobs
        self.kept = 0


class HeldRows:
    """Writes each row as soon as it is complete. Used under the lock of the history.

    Args:
        write: Writes a complete row, under its step and time, with the number of what was kept of
            it; 0: nothing was.
        encode: The payload of a row, as it would be written.
        media: Keeps those that wait.
    """

    def __init__(
        self,
        write: Callable[[dict[str, Any], int, float, int], None],
        encode: Callable[[dict[str, Any], int, float], bytes],
        media: MediaDesk,
    ) -> None:
        self._write = write
        self._encode = encode
        self._media = media
        self._rows: dict[int, _HeldRow] = {}
        self._waiting: dict[int, _HeldRow] = {}

    def add(
        self, row: dict[str, Any], step: int, now: float, jobs: dict[tuple[str, ...], MediaJob]
    ) -> None:
        """Take a row: it is written now where all its values are there, else with the last.

        When this returns, it survives `kill -9`: without the media that could not be kept.
        """
        held = _HeldRow(row, step, now, jobs)
        left = [job for job in jobs.values() if not job.done]
        if not left:
            self._complete(held)
            return
        held.kept = self._media.keep(jobs, lambda values: self._payload(held, values))
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
        self._write(held.row, held.step, held.now, held.kept)
        if held.kept:
            self._media.let_go(held.kept)

    def _payload(self, held: _HeldRow, values: dict[tuple[str, ...], Any]) -> bytes:
        row = untouched(held.row)
        for path, value in values.items():
            put(row, path, value)
        return self._encode(row, held.step, held.now)


def untouched(row: dict[str, Any]) -> dict[str, Any]:
    """A copy of a row whose dicts may be changed."""
    return {
        key: untouched(cast("dict[str, Any]", value)) if isinstance(value, dict) else value
        for key, value in row.items()
    }


def put(row: dict[str, Any], path: tuple[str, ...], value: Any) -> None:
    """Set a leaf of a row; a value in the way is replaced."""
    node = row
    for name in path[:-1]:
        below: Any = node.get(name)
        if not isinstance(below, dict):
            below = node[name] = {}
        node = cast("dict[str, Any]", below)
    node[path[-1]] = value
