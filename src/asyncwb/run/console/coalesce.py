"""Leave out the states of a progress bar that later ones cover."""

from __future__ import annotations

import re

__all__ = ["coalesce"]

_COLOUR = re.compile("\x1b\\[[0-9;]*m")
_CLEARING = ("\x1b[K", "\x1b[2K")
_WHOLE_LINE = 1 << 30


def coalesce(text: str) -> str:
    """Shorten text without changing what a terminal shows after it.

    Args:
        text: Written to one stream, in one go or in several.
    """
    if "\r" not in text:
        return text
    first, *others = text.split("\n")
    # The first line may begin anywhere in a line that is there already.
    return "\n".join([_line(first, fresh=False), *(_line(line, fresh=True) for line in others)])


def _line(line: str, *, fresh: bool) -> str:
    """Shorten one line; `fresh`: it begins in the first column."""
    first, *others = line.split("\r")
    kept: list[str] = []
    covered = -1  # the last state always stays
    for state in reversed(others):
        width = _width(state)
        if width is None:
            covered = -1  # it may lead to another line
        elif width <= covered and _leaves_no_colour(state):
            continue
        else:
            # Not by spaces: a line that was wiped out is another line than one that never was.
            covered = max(covered, width - _spaces_at_end(state))
        kept.append(state)
    width = _width(first)
    if not fresh or width is None or width > covered or not _leaves_no_colour(first):
        kept.append(first)
    return "\r".join(reversed(kept))


def _width(state: str) -> int | None:
    """How many columns it takes from the first one on; None: it holds more than text."""
    if "\b" in state:
        return None
    if "\x1b" not in state:
        return len(state)
    text = _COLOUR.sub("", state)
    clearing = next((code for code in _CLEARING if text.startswith(code)), "")
    if "\x1b" in text[len(clearing) :]:
        return None
    return _WHOLE_LINE if clearing else len(text)


def _spaces_at_end(state: str) -> int:
    text = _COLOUR.sub("", state)
    return len(text) - len(text.rstrip(" "))


def _leaves_no_colour(state: str) -> bool:
    colours = _COLOUR.findall(state)
    return not colours or colours[-1] in ("\x1b[m", "\x1b[0m")
