"""Rows whose media are not encoded yet, on disk: what they are made of survives `kill -9`."""

from __future__ import annotations

import logging
import os
from itertools import count
from secrets import token_hex
from typing import TYPE_CHECKING, Any

from asyncwb import jsonx
from asyncwb.errors import Error, UnsupportedError
from asyncwb.journal.files import write_all
from asyncwb.journal.records import FilesRecord, KeptRow

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from asyncwb.media.base import Media
    from asyncwb.media.content import Content
    from asyncwb.media.stored import Origin
    from asyncwb.run.media.jobs import MediaJob
    from asyncwb.run.recorder import Recorder

__all__ = ["RowKeeper"]

_log = logging.getLogger("asyncwb.run")

# To copy so much takes a few milliseconds. What is larger is lost until it is encoded.
_MOST_BYTES = 4 << 20
_FLAGS = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | getattr(os, "O_CLOEXEC", 0)


class RowKeeper:
    """Writes such rows, and lets go of them once they are complete. Thread-safe.

    Args:
        folder: Where the bytes go; made with the first row, and removed when none is left.
        recorder: Writes the run's records.
    """

    def __init__(self, folder: Path, recorder: Recorder) -> None:
        self._folder = folder
        self._recorder = recorder
        self._numbers = count(1)
        self._written: set[int] = set()

    def keep(
        self,
        jobs: Mapping[tuple[str, ...], MediaJob],
        row_of: Callable[[dict[tuple[str, ...], Any]], bytes],
    ) -> int:
        """Write a row as it is now; when this returns, it survives `kill -9`.

        Args:
            jobs: What it waits for, by path.
            row_of: The payload of the row with values at some paths.

        Returns:
            The number of the row, which the complete one has to name.
        """
        number = next(self._numbers)
        there = {path: job.value for path, job in jobs.items() if job.done and job.error is None}
        sketches, left = dict[tuple[str, ...], _Sketch](), _MOST_BYTES
        for path, job in jobs.items():
            sketch = _Sketch(job, left)
            if path not in there and sketch.draw():
                sketches[path] = sketch
                left -= sum(map(len, sketch.data))
        if not self._write(number, [part for one in sketches.values() for part in one.data]):
            sketches = {}
        row = row_of({**there, **{path: sketch.value for path, sketch in sketches.items()}})
        parts = [{"path": path, "files": sketch.files} for path, sketch in sketches.items()]
        self._recorder.write(
            FilesRecord(kept=KeptRow(number, row, jsonx.encode(parts).decode() if parts else ""))
        )
        return number

    def let_go(self, number: int) -> None:
        """Forget a row that is complete in the journal."""
        if number in self._written:
            self._written.discard(number)
            self._path(number).unlink(missing_ok=True)

    def close(self) -> None:
        """Remove the folder, where nothing is left in it."""
        if not self._written and self._folder.exists():
            self._folder.rmdir()

    def _write(self, number: int, data: list[bytes | memoryview]) -> bool:
        try:
            self._folder.mkdir(exist_ok=True)
            if data:
                # Noted first: whoever is interrupted here has a file that is removed.
                self._written.add(number)
                fd = os.open(self._path(number), _FLAGS, 0o644)
                try:
                    for part in data:
                        write_all(fd, part)
                finally:
                    os.close(fd)
        except OSError as exc:
            _log.debug("media cannot be kept until they are encoded: %s", exc)
            return False
        return True

    def _path(self, number: int) -> Path:
        return self._folder / str(number)


class _Sketch:
    """The JSON of a value with marks in place of what files will tell; a `Place` for its files.

    Args:
        job: The value.
        room: Bytes that its files may take.

    Attributes:
        value: The JSON.
        files: For each file what encodes it, and where it goes.
        data: What is encoded.
    """

    def __init__(self, job: MediaJob, room: int) -> None:
        self._job = job
        self._room = room
        self.value: Any = None
        self.files: list[dict[str, Any]] = []
        self.data: list[bytes | memoryview] = []

    def draw(self) -> bool:
        """Whether the value can be kept, without encoding it."""
        try:
            self.value = self._job.sketch(self)
            jsonx.encode(self.files)
        except (Error, OSError):
            return False
        return self.value is not None

    def add(self, content: Content, folder: str) -> dict[str, Any]:
        """Take what a file is made of; see `Place`."""
        self._room -= content.weight
        raw = content.raw() if self._room >= 0 else None
        if raw is None:
            raise UnsupportedError("a file that has to be encoded first")
        mark = f"asyncwb-{token_hex(12)}"
        self.files.append(
            {
                "mark": mark,
                "folder": folder,
                "name": self._job.name,
                "suffix": content.suffix,
                "kind": raw.kind,
                "facts": raw.facts,
                "fast": self._job.fast,
                "sizes": [len(part) for part in raw.data],
            }
        )
        self.data += raw.data
        return {
            "sha256": f"sha256-{mark}",
            "size": f"size-{mark}",
            "path": f"media/{folder}/{mark}",
        }

    def came_from(self, origin: Origin) -> dict[str, Any]:
        """The address of the entry; see `Place`."""
        return {"artifact_path": origin.ref_url()}

    def publish(self, value: Media) -> dict[str, Any]:
        """Tables take their time."""
        raise UnsupportedError(f"{value!r} has to be written first")

    def label(self, kind: str, name: str, labels: Mapping[Any, str]) -> None:
        """Put class labels into the run's config; see `Place`."""
        self._job.label(kind, name, labels)
