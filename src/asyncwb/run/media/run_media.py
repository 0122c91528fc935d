"""What a run has of media under way: from values in rows to jobs, and the wait for them."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Mapping
from threading import RLock
from time import monotonic
from typing import TYPE_CHECKING, Any, cast

from asyncwb.errors import Error, InvalidValueError
from asyncwb.media.files import MediaFiles, safe_name
from asyncwb.run.media.charts import without_charts
from asyncwb.run.media.encoders import ENCODERS
from asyncwb.run.media.jobs import MediaJob
from asyncwb.run.media.shapes import Shape, holds_media

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from asyncwb.run.media.jobs import Publish
    from asyncwb.run.recorder import Recorder
    from asyncwb.settings import Settings

__all__ = ["RunMedia"]

_log = logging.getLogger("asyncwb.run")

_DEEPEST = 100
# An encoder that takes longer is given up at the end of the run.
_PATIENCE_SECONDS = 600.0


class RunMedia:
    """Finds media in values, has them encoded, and knows what is not done yet. Thread-safe.

    Args:
        folder: The run's folder of files.
        recorder: Writes the run's records.
        settings: The run's settings.
        publish: Puts a table into an artifact.
        done: Told of each job that is done, in the thread that did it.
    """

    def __init__(
        self,
        folder: Path,
        recorder: Recorder,
        settings: Settings,
        publish: Publish,
        done: Callable[[MediaJob], None],
    ) -> None:
        self.files = MediaFiles(folder, recorder)
        self._recorder = recorder
        self._publish = publish
        self._budget = settings.media_buffer_bytes
        self._whole_tables = settings.table_raise_on_max_row_limit_exceeded
        self._disabled = settings.mode == "disabled"
        self._fast = settings.png_encoding == "fast"
        self._done = done
        # A dict: ordered, and each of its operations is atomic.
        self._jobs: dict[int, MediaJob] = {}
        self._failed: set[str] = set()
        # Reentrant: a signal handler may log a table while its thread writes one.
        self._order = RLock()
        self._ordered: deque[MediaJob] = deque()
        self._closed = False

    @property
    def waiting(self) -> int:
        """How many values are not encoded yet."""
        return len(self._jobs)

    def take(
        self, values: Mapping[str, Any], step: int | str
    ) -> tuple[dict[str, Any], dict[tuple[str, ...], MediaJob]]:
        """Separate the media in a row, nested dicts included, from what is not.

        Args:
            values: The row.
            step: What stands behind the key in the names of files.

        Returns:
            The row without them, but with those that need no file; and a job for each of the
            others by its path. Nothing is encoded before `start`.

        Raises:
            InvalidValueError: A media value cannot be logged.
            UnsupportedError: A library for one is not installed.
        """
        jobs: dict[tuple[str, ...], MediaJob] = {}
        values, panels = without_charts(values)
        try:
            row = self._take(values, (), step, jobs)
        except BaseException:
            for job in jobs.values():
                job.drop()
            raise
        if self._disabled:
            for job in jobs.values():
                job.drop()
            jobs = {}
        for key, panel in panels.items():
            self._recorder.nested_config(("_wandb", "visualize", key), panel)
        return row, jobs

    def start(self, jobs: Sequence[MediaJob]) -> None:
        """Have them encoded, by the pool or, where too much waits there, here and now."""
        for job in jobs:
            if self._closed:
                job.drop()
            else:
                self._jobs[id(job)] = job
        for job in jobs:
            run = job.run
            if job.in_order:
                self._ordered.append(job)
                run = self._run_next
            if not ENCODERS.offer(run, cost=job.cost, budget=self._budget):
                run()

    def _run_next(self) -> None:
        """Do the oldest of the jobs that have an order, alone."""
        with self._order:
            job = self._ordered.popleft()
            job.run()
            if not self._closed:
                job.wait(_PATIENCE_SECONDS)  # for another thread that does it

    def drain(self, timeout: float | None) -> bool:
        """Wait until what is under way is over. False after `timeout` seconds."""
        deadline = None if timeout is None else monotonic() + timeout
        complete = True
        for job in list(self._jobs.values()):
            left = _PATIENCE_SECONDS if deadline is None else deadline - monotonic()
            complete &= job.wait(max(0.0, min(left, _PATIENCE_SECONDS)))
        return complete

    def close(self) -> None:
        """Give up what is not done; waits for nothing."""
        self._closed = True
        jobs, self._jobs = self._jobs, {}
        late = [job for job in jobs.values() if not job.done]
        for job in late:
            job.drop()
        if late:
            _log.warning("%d media values were not encoded by the end of the run", len(late))

    def leave_to_parent(self) -> None:
        """In a forked child: what is under way is the parent's."""
        self._jobs = {}
        self._closed = True

    def _over(self, job: MediaJob) -> None:
        try:
            self._done(job)
        except Error as error:  # the run has ended meanwhile, or is the parent's
            job.error = error
        self._jobs.pop(id(job), None)
        if job.error is not None and job.label_key not in self._failed:
            self._failed.add(job.label_key)
            _log.warning(
                "%r could not be encoded, its rows go without it: %s", job.label_key, job.error
            )

    def _take(
        self,
        values: Mapping[str, Any],
        path: tuple[str, ...],
        step: int | str,
        jobs: dict[tuple[str, ...], MediaJob],
    ) -> dict[str, Any]:
        if len(path) > _DEEPEST:
            raise InvalidValueError(f"{path[0]!r} is nested too deeply, or contains itself")
        rest: dict[str, Any] = {}
        for key, value in values.items():
            if isinstance(value, Mapping):
                below = cast("Mapping[str, Any]", value)
                rest[key] = self._take(below, (*path, str(key)), step, jobs)
                continue
            if not holds_media(value):
                rest[key] = value
                continue
            place = (*path, _text(key))
            shape = Shape(value, place[-1], whole_tables=self._whole_tables)
            if shape.is_ready:
                rest[key] = shape.to_json(None)
            else:
                jobs[place] = self._job(shape, place, step)
        return rest

    def _job(self, shape: Shape, path: tuple[str, ...], step: int | str) -> MediaJob:
        # Of a nested value, files are named after the innermost key; in a summary, after all.
        label = ".".join(path) if step == "summary" else path[-1]
        try:
            return MediaJob(
                shape.to_json,
                shape.media,
                key=safe_name(label),
                label=label,
                step=step,
                files=self.files,
                publish=self._publish,
                over=self._over,
                fast=self._fast,
            )
        except OSError as exc:
            raise InvalidValueError(f"{label!r}: a file cannot be read: {exc}", exc=exc) from exc


def _text(key: object) -> str:
    """A key, which must be Unicode.

    Raises:
        InvalidValueError: It is none.
    """
    if not isinstance(key, str):
        raise InvalidValueError(f"a key must be a string, not {type(key).__name__}: {key!r}")
    try:
        key.encode()
    except UnicodeEncodeError as exc:
        raise InvalidValueError(f"key {key!r} is not Unicode", exc=exc) from exc
    return key
