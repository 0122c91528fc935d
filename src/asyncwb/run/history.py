"""History: from calls of `log` to finished rows in the journal.

A row is open while later calls may still add to it. The common call, neither `step` nor
`commit=False` and no row open, writes its row at once and stays on the short path.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from time import time
from typing import TYPE_CHECKING, Any, SupportsIndex, cast

from asyncwb.errors import ClosedError, ForkedError, InvalidValueError
from asyncwb.journal.rows import completing
from asyncwb.run.held_rows import HeldRows

if TYPE_CHECKING:
    from collections.abc import Callable
    from threading import RLock

    from asyncwb.journal.rows import Leaves, RowEncoder
    from asyncwb.run.media.desk import MediaDesk
    from asyncwb.run.media.jobs import MediaJob
    from asyncwb.run.metric_rows import MetricRows
    from asyncwb.settings import Settings

__all__ = ["History"]

_log = logging.getLogger("asyncwb.run")

_LARGEST_STEP = 2**63 - 1
# Values that cannot change after the call and that can always be written.
_PLAIN = frozenset({float, bool, type(None)})
_RESERVED = ("_step", "_timestamp", "_runtime")


class History:
    """The history of one run. Safe to use from several threads and tasks at once.

    Args:
        lock: The run's lock. Reentrant: a signal handler may log while its thread does.
        encoder: Turns a row into the payload of its journal record.
        decode_row: Reads a row back from such a payload.
        append: Writes a payload to the journal; when it returns, the row survives `kill -9`.
        observe: Is told of every written row: its keys, its payload and its time.
        media: Takes images and the like out of rows, and has them encoded.
        settings: `step_order` decides what happens to a row whose step went back.
        start_time: Start of the run in Unix seconds; `_runtime` counts from here.
    """

    def __init__(
        self,
        *,
        lock: RLock,
        encoder: RowEncoder,
        decode_row: Callable[[bytes], dict[str, Any]],
        append: Callable[[bytes], int],
        observe: Callable[[Leaves, bytes, float], None],
        media: MediaDesk,
        settings: Settings,
        start_time: float,
    ) -> None:
        self._encode = encoder.encode_keyed
        self._decode_row = decode_row
        self._append = append
        self._observe = observe
        self._metrics: MetricRows | None = None
        self._media = media
        self._held = HeldRows(self._write, self._encoded, media)
        self._lock = lock
        self._start = start_time
        self._step = 0
        self._open: dict[str, Any] | None = None
        # Values of the open row that are being encoded.
        self._open_jobs: dict[tuple[str, ...], MediaJob] = {}
        self._opened_at = 0.0
        self._closed = False
        self._forked = False
        # True while a plain call may take the short path: no row is open, nothing waits for one,
        # the run is not closed.
        self._idle = True
        # Values for the next row, each computed when that row is logged.
        self._waiting: dict[str, Callable[[], Any]] = {}
        self._order = settings.step_order
        self._late_rows = 0
        self.rows = 0

    @property
    def step(self) -> int:
        """Step of the open row, or of the next one."""
        return self._step

    def start_at(self, step: int, runtime: float) -> None:
        """Continue a resumed run: the first row gets `step`, `_runtime` goes on from `runtime`."""
        with self._lock:
            self._start -= runtime
            self._step = step
            self._held.shift(step)

    def attach(self, metrics: MetricRows) -> None:
        """From now on, have metric definitions applied to every row."""
        with self._lock:
            self._metrics = metrics

    def log(
        self, row: Mapping[str, Any], step: int | None = None, commit: bool | None = None
    ) -> None:
        """Add `row` as `Run.log` describes."""
        values: dict[str, Any] = row if type(row) is dict else _as_dict(row)  # pyright: ignore[reportUnknownVariableType] # the encoder checks the keys
        with self._lock:
            if step is None and commit is not False and self._idle:
                now = time()
                number = self._step
                # Taken before anything else: a signal handler in the middle of this row that
                # logs a row of its own gets the next one.
                self._step = number + 1
                try:
                    full = values if self._metrics is None else self._metrics.complete(values)
                    payload, keys = self._encode(
                        full, step=number, timestamp=now, runtime=now - self._start
                    )
                except BaseException as error:
                    if self._step == number + 1:
                        self._step = number
                    if not isinstance(error, InvalidValueError):
                        raise
                    # It may hold media, which this path knows nothing of.
                else:
                    self._append(payload)
                    self.rows += 1
                    if self._metrics is not None:
                        self._metrics.observe(full, payload)
                    self._observe(keys, payload, now)
                    return
            elif self._closed:
                raise _closed_error(forked=self._forked)
            jobs = self._log_partial(values, step, commit)
        # Without the lock: where too much waits, they are encoded here.
        self._media.start(jobs)

    def add_to_next(self, key: str, value: Callable[[], Any]) -> None:
        """Add a value to the next row that is logged; opens no row itself.

        A row whose step went back goes without it. A later value of the same key takes its place.
        After the end of the run nothing happens.

        Args:
            key: The name of the value.
            value: Called once, when that row is logged; what it returns is not checked. None: the
                row does without.
        """
        with self._lock:
            if not self._closed:
                self._waiting[key] = value
                self._idle = False

    def add_row(self, row: dict[str, Any]) -> None:
        """Write a row of its own: an open one stays open and as it is, and has the same step.

        After the end of the run nothing happens.
        """
        with self._lock:
            if self._closed:
                return
            number = self._step
            if self._open is None:
                self._step = number + 1
            self._write(row, number, time())

    def close(self) -> None:
        """Write the open row and what waits for one, and accept no other."""
        with self._lock:
            if values := self._take_waiting():
                self._open = {**(self._open or {}), **values}
                self._opened_at = time()
            self._close_row()
            self._held.write_all()
            self._closed = True
            self._idle = False

    def job_done(self, job: MediaJob) -> None:
        """Write the row that waits for this value, where it was the last one."""
        with self._lock:
            self._held.job_done(job)

    def leave_to_parent(self, lock: RLock) -> None:
        """In a forked child: accept nothing; `lock` is held by nobody."""
        self._lock = lock
        self._open = None
        self._open_jobs = {}
        self._held.forget()
        self._waiting = {}
        self._idle = False
        self._closed = self._forked = True

    def _log_partial(
        self, row: dict[str, Any], step: int | None, commit: bool | None
    ) -> list[MediaJob]:
        """Merge `row` into the open row (or one opened now), and close it where asked to.

        Returns:
            What is to be encoded.
        """
        if step is not None:
            step = _as_step(step)
            if step < self._step and self._order == "raise":
                raise InvalidValueError(
                    f"step {step} is behind the current step {self._step} and step_order is 'raise'"
                )
        now = time()
        snapshot, jobs = self._snapshot(row, now, self._step if step is None else step)
        if step is not None:
            if step < self._step:
                self._write_late(snapshot, step, now, jobs)
                return list(jobs.values())
            if step > self._step:
                self._close_row()
                self._step = step
        if self._closed:
            # By a signal handler in the middle of this call.
            _drop(jobs)
            raise _closed_error(forked=self._forked)
        if self._waiting:
            snapshot = {**self._take_waiting(), **snapshot}
        row_so_far = self._open
        if row_so_far is None:
            self._open = snapshot
            self._idle = False
        else:
            for path in [path for path in self._open_jobs if _has(snapshot, path)]:
                del self._open_jobs[path]
            _merge(row_so_far, snapshot)
            if self._open is not row_so_far:
                # A signal handler wrote it, and ended the run, before this was in it.
                _drop(jobs)
                raise _closed_error(forked=self._forked)
        self._open_jobs |= jobs
        self._opened_at = now
        if commit is True or (commit is None and step is None):
            self._close_row()
        return list(jobs.values())

    def _snapshot(
        self, row: dict[str, Any], now: float, step: int
    ) -> tuple[dict[str, Any], dict[tuple[str, ...], MediaJob]]:
        """Check and copy `row`: what the caller changes afterwards must not reach the open row.

        Returns:
            The values, and apart from them those that are still to be encoded.
        """
        if _PLAIN.issuperset(map(type, row.values())) and all(type(key) is str for key in row):
            return row.copy(), {}
        jobs: dict[tuple[str, ...], MediaJob] = {}
        taken = self._media.take(row, step)
        if taken is not None:
            row, jobs = taken
        try:
            payload, _ = self._encode(row, step=self._step, timestamp=now, runtime=0.0)
        except BaseException:
            _drop(jobs)
            raise
        values = self._decode_row(payload)
        for key in _RESERVED:
            if key != "_timestamp" or key not in row:
                values.pop(key, None)
        return values, jobs

    def _take_waiting(self) -> dict[str, Any]:
        waiting, self._waiting = self._waiting, {}
        values = {key: value() for key, value in waiting.items()}
        return {key: value for key, value in values.items() if value is not None}

    def _write_late(
        self, row: dict[str, Any], step: int, now: float, jobs: dict[tuple[str, ...], MediaJob]
    ) -> None:
        """Keep a row whose step is behind, as a row of its own under that step."""
        if self._order == "warn":
            self._late_rows += 1
            if self._late_rows == 1:
                _log.warning(
                    "step %d is behind the current step %d; such rows are kept under their step",
                    step,
                    self._step,
                )
        self._write_when_complete(row, step, now, jobs)

    def _close_row(self) -> None:
        row = self._open
        if row is None:
            return
        number = self._step
        jobs, self._open_jobs = self._open_jobs, {}
        self._open = None
        self._idle = not self._closed
        self._step = number + 1
        self._write_when_complete(row, number, self._opened_at, jobs)

    def _write_when_complete(
        self, row: dict[str, Any], step: int, now: float, jobs: dict[tuple[str, ...], MediaJob]
    ) -> None:
        if jobs:
            self._held.add(row, step, now, jobs)
        else:
            self._write(row, step, now)

    def _encoded(self, row: dict[str, Any], step: int, now: float) -> bytes:
        if self._metrics is not None:
            row = self._metrics.complete(row)
        return self._encode(row, step=step, timestamp=now, runtime=now - self._start)[0]

    def _write(self, row: dict[str, Any], step: int, now: float, kept: int = 0) -> None:
        if self._metrics is not None:
            row = self._metrics.complete(row)
        payload, keys = self._encode(row, step=step, timestamp=now, runtime=now - self._start)
        self._append(completing(payload, kept) if kept else payload)
        self.rows += 1
        if self._metrics is not None:
            self._metrics.observe(row, payload)
        self._observe(keys, payload, now)


def _closed_error(*, forked: bool) -> ClosedError | ForkedError:
    if forked:
        return ForkedError(
            "this run belongs to the parent process; call init() in this one, or start it with "
            "'spawn' or 'forkserver'"
        )
    return ClosedError("this run is finished; start another one with init()")


def _as_dict(row: object) -> dict[str, Any]:
    if isinstance(row, Mapping):
        return dict(row)  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]
    raise InvalidValueError(f"a row is a dict of names to values, got {type(row).__name__}")


def _as_step(step: object) -> int:
    """Accept integers (numpy's too), refuse bools, fractions and negative numbers."""
    if type(step) is int:
        number = step
    elif isinstance(step, bool) or not isinstance(step, SupportsIndex):
        raise InvalidValueError(f"step is an integer >= 0, got {step!r}")
    else:
        try:
            number = int(step.__index__())
        except TypeError as exc:
            raise InvalidValueError(f"step is an integer >= 0, got {step!r}", exc=exc) from exc
    if not 0 <= number <= _LARGEST_STEP:
        raise InvalidValueError(f"step is an integer from 0 to 2**63 - 1, got {number}")
    return number


def _merge(target: dict[str, Any], update: dict[str, Any]) -> None:
    """Add `update` leaf by leaf; later values win."""
    for key, value in update.items():
        old = target.get(key)
        if isinstance(old, dict) and isinstance(value, dict) and not _is_media(old, value):
            _merge(old, value)  # pyright: ignore[reportUnknownArgumentType]
        else:
            target[key] = value


def _is_media(*values: Any) -> bool:
    """Whether one is an object with a `_type`, which is replaced as a whole."""
    return any("_type" in value for value in values)


def _has(row: dict[str, Any], path: tuple[str, ...]) -> bool:
    """Whether a row has a value at a path, or one in its way."""
    node: Any = row
    for name in path:
        if not isinstance(node, dict):
            return True
        if name not in node:
            return False
        node = cast("dict[str, Any]", node)[name]
    return True


def _drop(jobs: dict[tuple[str, ...], MediaJob]) -> None:
    for job in jobs.values():
        job.drop()
