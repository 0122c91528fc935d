"""Raw console output -> numbered lines, for a server and for a file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from asyncwb.console.screen import Line, Screen

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from asyncwb.console.file import SavedLine

__all__ = ["ConsoleLines"]

_LIKELY_TO_CHANGE = 256
"""So many of the latest lines stay out of the file for the time being."""

_STAMP_BYTES = 32

_MOST_VERBATIM = 1 << 20
"""Characters of a line of `write_logs`, which the `wandb` package does not cut either."""


class _Verbatim(Line):
    """A line that no terminal made."""

    __slots__ = ()

    def shown(self) -> str:
        return self.text


class ConsoleLines:
    """Lines of stdout, of stderr and of `write_logs`, in one numbering, as they appeared.

    Each stream is a terminal of its own. A line that is not ended yet is sent too, and again at
    its number when it changes.

    Attributes:
        size: About how many bytes wait to be sent.
    """

    def __init__(self) -> None:
        self._count = 0
        self._stamp = ""
        self._error = False
        self._screens: dict[bool, Screen] = {}
        self._changed: dict[int, Line] = {}
        self._recent: dict[int, Line] = {}
        self._settled: list[Line] = []
        self._late: dict[int, Line] = {}
        self.size = 0

    @property
    def dirty(self) -> bool:
        """Whether lines wait to be sent."""
        return bool(self._changed)

    def feed(self, text: str, at: datetime, *, error: bool) -> None:
        """Add output of one stream.

        Args:
            text: As written, with newlines and control characters.
            at: When, in UTC.
            error: Whether it went to stderr.
        """
        self._stamp, self._error = _stamp(at), error
        screen = self._screens.get(error)
        if screen is None:
            screen = self._screens[error] = Screen(self._new_line, self._touch)
        screen.write(text)
        self.size += len(text)

    def add(self, text: str, at: datetime) -> None:
        """Add whole lines that belong to no stream: they are kept as they are."""
        self._stamp, self._error = _stamp(at), False
        for part in text.removesuffix("\n").split("\n"):
            line = _Verbatim(self._count, self._stamp)
            line.text = part[:_MOST_VERBATIM]
            self._touch(self._append(line))
        self.size += len(text)

    def _new_line(self, style: str) -> Line:
        return self._append(Line(self._count, self._stamp, error=self._error, style=style))

    def _append(self, line: Line) -> Line:
        self._count += 1
        self.size += _STAMP_BYTES
        self._recent[line.number] = line
        settled = self._recent.pop(line.number - _LIKELY_TO_CHANGE, None)
        if settled is not None:
            self._settled.append(settled)
        return line

    def _touch(self, line: Line) -> None:
        self._changed[line.number] = line
        if line.number not in self._recent:
            self._late[line.number] = line

    def take_changed(self) -> list[Line]:
        """Hand out the lines that changed since the last call, in order."""
        taken = sorted(self._changed.values(), key=_number)
        self.discard()
        return taken

    def discard(self) -> None:
        """Forget what waits: the server has it."""
        self._changed = {}
        self.size = 0

    @property
    def settled(self) -> int:
        """How many lines `take_settled` would hand out."""
        return len(self._settled)

    @property
    def oldest(self) -> str:
        """When the first line that was not handed out came to be; "" without one."""
        line = next(iter(self._settled), None) or next(iter(self._recent.values()), None)
        return "" if line is None else line.stamp

    def take_settled(self) -> list[SavedLine]:
        """Hand out, in order and each once, lines that are not likely to change any more."""
        taken, self._settled = self._settled, []
        return _saved(taken)

    def take_rest(self) -> tuple[list[SavedLine], dict[int, str]]:
        """Hand out all other lines, and lines that changed after they were handed out.

        Returns:
            The rest in order, and the text of changed lines by number.
        """
        rest = _saved([*self._settled, *self._recent.values()])
        late = {number: line.shown() for number, line in self._late.items()}
        self._settled, self._recent, self._late = [], {}, {}
        return rest, late


def _saved(lines: Iterable[Line]) -> list[SavedLine]:
    return [(line.stamp, line.shown()) for line in lines]


def _number(line: Line) -> int:
    return line.number


def _stamp(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%S.%f")
