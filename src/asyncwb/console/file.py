"""The files of the console: lines as text alone, written while a journal is read."""

from __future__ import annotations

import os
import re
from datetime import datetime
from typing import TYPE_CHECKING, Protocol, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

__all__ = ["ConsoleFile", "ConsoleParts", "ConsoleSink", "SavedLine"]

SavedLine: TypeAlias = tuple[str, str]
"""When a line came to be, as the server takes it, and its text."""


class ConsoleSink(Protocol):
    """Where console lines are kept. All methods but `due` block; `OSError` where they cannot."""

    def append(self, lines: Sequence[SavedLine], changes: Mapping[int, str]) -> list[str]:
        """Write lines to the end.

        Args:
            lines: Without newlines.
            changes: New texts of lines that were written before, by line number.

        Returns:
            Names of files that are complete now.
        """
        ...

    def due(self, oldest: str, now: datetime) -> bool:
        """Whether a file should be completed; `oldest`: when the first unwritten line came."""
        ...

    def close(self) -> list[str]:
        """Complete what is open: names of the files, also of one that was there before."""
        ...


class ConsoleFile:
    """`output.log`: one file, in which single lines may change to the end.

    Args:
        folder: Where the files of the run are.
        label: Names the writer; "" for none.
    """

    def __init__(self, folder: Path, label: str = "") -> None:
        self.name = f"output{_in_name(label)}.log"
        self._path = folder / self.name
        self._begun = False

    def append(self, lines: Sequence[SavedLine], changes: Mapping[int, str]) -> list[str]:
        """Write lines; what an earlier reader of the journal wrote is replaced."""
        _write(self._path, [text for _, text in lines], fresh=not self._begun)
        self._begun = True
        if changes:
            _change(self._path, changes)
        return []

    def due(self, oldest: str, now: datetime) -> bool:
        """Never: it is complete at the end."""
        del oldest, now
        return False

    def close(self) -> list[str]:
        """The name, if there is such a file."""
        return [self.name] if self._path.exists() else []


class ConsoleParts:
    """`logs/output_<date>_<time>_<ns>.log`: a file after the other, each complete when it is full.

    The name is that of the first line's time. Changes reach the lines of the open file alone.

    Args:
        folder: Where the files of the run are.
        label: Names the writer; "" for none.
        max_bytes: Size from which on a file is full; 0: no limit.
        max_seconds: Age from which on a file is full; 0: no limit.
    """

    def __init__(self, folder: Path, label: str, *, max_bytes: int, max_seconds: int) -> None:
        self._folder = folder
        self._label = _in_name(label)
        self._max_bytes = max_bytes
        self._max_seconds = max_seconds
        self._name = ""
        self._began = ""
        self._size = 0
        self._first = self._next = 0  # numbers of its first line and of the next one

    def append(self, lines: Sequence[SavedLine], changes: Mapping[int, str]) -> list[str]:
        """Write lines, and begin another file where one is full."""
        if self._name:
            # Before the lines, which may complete the file.
            inside = {n - self._first: text for n, text in changes.items() if n >= self._first}
            if inside:
                _change(self._folder / self._name, inside)
        complete: list[str] = []
        waiting: list[str] = []
        for stamp, text in lines:
            if self._is_full(stamp):
                self._write(waiting)
                waiting = []
                complete += self.close()
            if not self._name:
                self._begin(stamp)
            waiting.append(text)
            self._size += len(text.encode(errors="replace")) + 1
            self._next += 1
        self._write(waiting)
        return complete

    def due(self, oldest: str, now: datetime) -> bool:
        """Whether the open file, or the one that unwritten lines would begin, is old enough."""
        began = self._began or oldest
        return bool(self._max_seconds and began) and self._age(began, now) >= self._max_seconds

    def close(self) -> list[str]:
        """Complete the open file."""
        name, self._name, self._began = self._name, "", ""
        return [name] if name else []

    def _begin(self, stamp: str) -> None:
        at = datetime.fromisoformat(stamp)
        self._name = f"logs/output{self._label}_{at:%Y%m%d_%H%M%S}_{at.microsecond * 1000:09d}.log"
        self._began = stamp
        self._first = self._next
        self._size = 0
        _write(self._folder / self._name, [], fresh=True)

    def _write(self, texts: list[str]) -> None:
        if texts:
            _write(self._folder / self._name, texts, fresh=False)

    def _is_full(self, stamp: str) -> bool:
        if not self._name:
            return False
        full = bool(self._max_bytes) and self._size >= self._max_bytes
        return full or self.due("", datetime.fromisoformat(stamp))

    @staticmethod
    def _age(began: str, now: datetime) -> float:
        return (now - datetime.fromisoformat(began)).total_seconds()


def _in_name(label: str) -> str:
    """A label as part of a file's name, as the `wandb` package writes it."""
    return "_" + re.sub(r'[<>:"/\\|?*\x00-\x1f]', "_", label) if label else ""


def _write(path: Path, texts: Sequence[str], *, fresh: bool) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if fresh:
        path.unlink(missing_ok=True)  # it may be a link to a file of the user's own
    with path.open("wb" if fresh else "ab") as file:
        file.writelines(map(_encoded, texts))


def _change(path: Path, changes: Mapping[int, str]) -> None:
    changed = path.with_suffix(".tmp")
    with path.open("rb") as old, changed.open("wb") as new:
        for number, line in enumerate(old):
            text = changes.get(number)
            new.write(line if text is None else _encoded(text))
    os.replace(changed, path)


def _encoded(line: str) -> bytes:
    return f"{line}\n".encode(errors="replace")
