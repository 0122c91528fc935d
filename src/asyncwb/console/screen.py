"""A small terminal: what is written to a stream -> the lines that a person would see.

Pure. It knows what progress bars use: carriage return, backspace, cursor movement within the last
lines, erasing, colours. Colours stay in the text; other control sequences show nothing and are
left out.
"""

from __future__ import annotations

import re
from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["MAX_LINE_CHARS", "Line", "Screen"]

MAX_LINE_CHARS = 4096
"""Longer lines are cut, as every client of the protocol cuts them."""

_HEIGHT = 64
"""Lines that the cursor can go back to."""

_MOST_PENDING = 4096
_MOST_STYLE = 256
_RESET = "\x1b[0m"
_CONTROLS = re.compile("[\x08\r\x1b]")
_TOKEN = re.compile(
    "(?P<text>[^\x08\n\r\x1b]+)"
    "|\x1b\\[(?P<numbers>[0-?]*)[ -/]*(?P<command>[@-~])"
    "|\x1b[]PX^_][^\x07\x1b]*(?:\x07|\x1b\\\\)"  # titles, links
    "|\x1b[ -/]*[0-OQ-WYZ\\\\`a-~]"
    "|[\x08\n\r\x1b]"
)
_UNFINISHED = re.compile("\x1b(?:\\[[0-?]*[ -/]*|[]PX^_][^\x07\x1b]*\x1b?|[ -/]*)\\Z")


class Line:
    """One line, which may still change.

    Args:
        number: Its number in the console of the run.
        stamp: When it came to be, as the server takes it.
        error: Whether it went to stderr.
        style: Colours in force where it begins.
    """

    __slots__ = (
        "covered", "end", "error", "number", "raw", "stamp", "start", "styles", "text", "width",
    )  # fmt: skip

    def __init__(self, number: int, stamp: str, *, error: bool = False, style: str = "") -> None:
        self.number = number
        self.stamp = stamp
        self.error = error
        self.text = ""
        self.width = 0  # up to the last column that ever held more than a space
        # What was written to the first columns in one go, colours as they came.
        self.raw = ""
        self.covered = 0
        self.styles: list[str] | None = None  # of each character; None: no colours at all
        self.start = style
        self.end = style

    def put(self, column: int, part: str, style: str, colours: str = "") -> None:
        """Write over what is at `column`, or beyond the end.

        Args:
            column: From 0.
            part: Without control characters.
            style: Colours in force.
            colours: Sequences that came right before.
        """
        gap = column - len(self.text)
        if gap > 0:
            self.put(len(self.text), " " * gap, style)
        if column == 0:
            self.raw, self.covered = colours + part, len(part)
        elif column == self.covered:
            self.raw += colours + part
            self.covered += len(part)
        else:
            self.covered = -1
        if style or self.styles is not None:
            if self.styles is None:
                self.styles = [""] * len(self.text)
            self.styles[column : column + len(part)] = [style] * len(part)
        end = column + len(part)
        if end > self.width and (kept := len(part.rstrip(" "))):
            self.width = max(self.width, column + kept)
        self.text = self.text[:column] + part + self.text[end:]
        if end >= len(self.text):
            self.end = style

    def cut(self, column: int, style: str) -> None:
        """Remove everything from `column` on."""
        self.text = self.text[:column]
        self.width = min(self.width, column)
        self.raw, self.covered = "", -1 if self.text else 0
        if self.styles is not None:
            del self.styles[column:]
        self.end = style

    def shown(self) -> str:
        """The text with its colours, as far as a server takes it."""
        whole = self.raw if self.covered >= len(self.text) else self._styled()
        # As with the `wandb` package, spaces at the end go, but not those that wiped something out.
        spaces = len(self.text) - self.width
        if spaces and whole.endswith(" " * spaces):
            whole = whole[:-spaces]
        return whole[:MAX_LINE_CHARS]

    def _styled(self) -> str:
        parts: list[str] = []
        pen = self.start
        for char, style in zip(self.text, self.styles or [""] * len(self.text), strict=True):
            if style != pen:
                parts.append(_change(pen, style))
                pen = style
            parts.append(char)
        parts.append(_change(pen, self.end))
        return "".join(parts)


class Screen:
    """The last lines of one stream.

    Args:
        new_line: Makes the next line; its argument is the style in force.
        touch: Is told of each line that changed.
    """

    def __init__(self, new_line: Callable[[str], Line], touch: Callable[[Line], None]) -> None:
        self._new_line = new_line
        self._touch = touch
        self._lines: deque[Line] = deque(maxlen=_HEIGHT)
        # May be behind the last line, which then comes to be with its first character.
        self._row = 0
        self._column = 0
        self._style = ""
        self._style_before = ""
        self._colours = ""  # came since the cursor is where it is
        self._pending = ""

    def write(self, text: str) -> None:
        """Take in what was written to the stream."""
        if self._pending:
            text, self._pending = self._pending + text, ""
        if _CONTROLS.search(text) is None:
            first, *others = text.split("\n")
            self._put(first)
            for piece in others:
                self._newline()
                self._put(piece)
            return
        rest = _UNFINISHED.search(text, max(0, len(text) - _MOST_PENDING))
        if rest is not None:
            self._pending = rest.group()
            text = text[: rest.start()]
        for token in _TOKEN.finditer(text):
            if token["text"]:
                self._put(token["text"])
            elif token["command"]:
                self._command(token["command"], token["numbers"], token.group())
            else:
                self._control(token.group())

    def _control(self, char: str) -> None:
        if char == "\n":
            self._newline()
        elif char == "\r":
            self._move(0)
        elif char == "\b":
            self._move(self._column - 1)

    def _move(self, column: int, down: int = 0) -> None:
        """Put the cursor somewhere else; `down` lines lower, which are there already."""
        last = max(self._row, len(self._lines) - 1)
        self._row = max(0, min(self._row + down, last))
        self._column = max(0, min(column, MAX_LINE_CHARS))
        self._colours = ""

    def _line(self) -> Line:
        """The line of the cursor; lines down to it come to be."""
        while self._row >= len(self._lines):
            if len(self._lines) == _HEIGHT:
                self._row -= 1
            line = self._new_line(self._style_before)
            line.end = self._style
            self._lines.append(line)
            self._touch(line)
        return self._lines[self._row]

    def _put(self, part: str) -> None:
        if not part:
            return
        line = self._line()
        column = self._column
        part = part[: max(0, MAX_LINE_CHARS - column)]
        if part:
            line.put(column, part, self._style, self._colours)
            self._colours = ""
            self._column = column + len(part)
            self._touch(line)

    def _newline(self) -> None:
        line = self._line()
        if self._colours and self._column == line.covered:
            line.raw += self._colours
        self._row += 1
        self._column = 0
        self._style_before = self._style
        self._colours = ""

    def _command(self, command: str, numbers: str, sequence: str) -> None:
        if command == "m":
            self._set_style(sequence, numbers)
            return
        given = numbers.split(";")[0]
        if given and not given.isdecimal():
            return  # a private mode, such as hiding the cursor
        count = min(int(given), MAX_LINE_CHARS) if given else 0
        steps = count or 1
        if command in "AB":
            self._move(self._column, steps if command == "B" else -steps)
        elif command in "EF":
            self._move(0, steps if command == "E" else -steps)
        elif command in "CD":
            self._move(self._column + (steps if command == "C" else -steps))
        elif command == "G":
            self._move(steps - 1)
        elif command in "KJ":
            self._erase(command, count)

    def _set_style(self, sequence: str, numbers: str) -> None:
        if numbers.split(";")[0] in ("", "0"):
            self._style = sequence
        elif len(self._style) + len(sequence) <= _MOST_STYLE:
            self._style += sequence
        else:
            # Later colours win: the oldest ones matter least.
            self._style = self._style[self._style.index("\x1b", _MOST_STYLE // 2) :] + sequence
        line = self._lines[self._row] if self._row < len(self._lines) else None
        if line is not None and self._column == len(line.text):
            line.end = self._style
        if line is not None and 0 < self._column == line.covered:
            if len(line.raw) < MAX_LINE_CHARS:
                line.raw += sequence
                self._touch(line)
        elif len(self._colours) <= _MOST_STYLE:
            self._colours += sequence

    def _erase(self, command: str, mode: int) -> None:
        if command == "J" and (mode or self._row >= len(self._lines)):
            return  # clearing the screen takes nothing away from a log
        line = self._line()
        if command == "J":
            for number in range(self._row + 1, len(self._lines)):
                self._lines[number].cut(0, "")
                self._touch(self._lines[number])
        if mode == 0:
            line.cut(self._column, self._style)
        elif mode == 1:
            line.put(0, " " * min(self._column + 1, len(line.text)), "")
        else:
            line.cut(0, self._style)
        self._touch(line)


def _change(old: str, new: str) -> str:
    """What turns one style into another."""
    if new.startswith(old):
        return new[len(old) :]
    resets = new.startswith(("\x1b[m", "\x1b[0m", "\x1b[0;"))
    return new if resets else _RESET + new
