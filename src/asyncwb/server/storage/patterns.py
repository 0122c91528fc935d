"""Regular expressions in filters, in time that grows with the length of the text only.

Python's own engine can take for ever over thirty characters, and holds the interpreter meanwhile.
RE2, whose syntax the filter language has anyway, cannot. In PostgreSQL its own engine works, on the
same pattern in its own words, under a time limit.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Protocol, cast

import re2  # type: ignore[import-untyped]

from asyncwb.server.problems import invalid

if TYPE_CHECKING:
    from asyncwb.server.problems import Problem

__all__ = ["check_pattern", "matches", "postgres_pattern"]

_MAX_PATTERN = 1000

_library: Any = re2  # it comes without types
_PatternError = cast("type[Exception]", _library.error)


class _Pattern(Protocol):
    def search(self, text: str) -> object | None: ...


def check_pattern(pattern: object) -> str:
    """The pattern of a filter.

    Raises:
        Problem: It is not a text, too long, or not RE2 syntax (400).
    """
    if not isinstance(pattern, str) or len(pattern) > _MAX_PATTERN:
        raise invalid(f"$regex takes a text of at most {_MAX_PATTERN} characters")
    try:
        _compiled(pattern)
    except _PatternError as exc:
        raise invalid(f"$regex {pattern!r} is not RE2 syntax: {_reason(exc)}") from exc
    return pattern


def matches(pattern: str, text: str | None) -> bool | None:
    """What `text REGEXP pattern` gives in SQLite: whether the pattern is found in the text."""
    return None if text is None else _compiled(pattern).search(str(text)) is not None


@lru_cache(maxsize=256)
def _compiled(pattern: str) -> _Pattern:
    options = _library.Options()
    options.log_errors = False
    return cast("_Pattern", _library.compile(pattern, options))


def _reason(error: Exception) -> str:
    reason: object = error.args[0] if error.args else error
    return reason.decode(errors="replace") if isinstance(reason, bytes) else str(error)


_CLASSES = {
    "d": "[0-9]",
    "D": "[^0-9]",
    "s": r"[\t\n\f\r ]",
    "S": r"[^\t\n\f\r ]",
    "w": "[0-9A-Za-z_]",
    "W": "[^0-9A-Za-z_]",
    "A": r"\A",
    "z": r"\Z",
    "b": r"\y",
    "B": r"\Y",
}
_IN_BRACKETS = {"d": "0-9", "s": r"\t\n\f\r ", "w": "0-9A-Za-z_"}
_CONTROL = frozenset("afnrtv")
_HEX = re.compile(r"x(?:\{([0-9A-Fa-f]{1,6})\}|([0-9A-Fa-f]{2}))")
_FLAGS = re.compile(r"\(\?([is]+)\)")
_NAMED = re.compile(r"\(\?P?<\w+>")
_QUOTED = re.compile(r"Q(.*?)(?:\\E|$)", re.DOTALL)


def postgres_pattern(pattern: str) -> str:
    """A checked RE2 pattern in the words of PostgreSQL's regular expressions.

    Raises:
        Problem: It uses what PostgreSQL does not have (400).
    """
    flags = _FLAGS.match(pattern)
    every = flags is not None and "s" in flags[1]
    out = ["(?i)"] if flags is not None and "i" in flags[1] else []
    place = flags.end() if flags is not None else 0
    inside = False
    while place < len(pattern):
        char = pattern[place]
        if char == "\\":
            text, place = _escape(pattern, place + 1, inside=inside)
            out.append(text)
            continue
        if inside:
            if pattern.startswith("[:", place):
                end = pattern.index(":]", place) + 2
                out.append(pattern[place:end])
                place = end
                continue
            inside = char != "]"
            out.append("\\[" if char == "[" else char)
        elif char == "[":
            inside = True
            head = re.compile(r"\[\^?\]?").match(pattern, place)
            assert head is not None
            out.append(head[0].replace("]", r"\]"))
            place = head.end()
            continue
        elif char == "(" and pattern.startswith("(?", place):
            named = _NAMED.match(pattern, place)
            if named is None and not pattern.startswith("(?:", place):
                raise _unknown(pattern, "flags inside of the pattern")
            out.append("(" if named is not None else "(?:")
            place = named.end() if named is not None else place + 3
            continue
        else:
            out.append("[^\\n]" if char == "." and not every else char)
        place += 1
    return "".join(out)


def _escape(pattern: str, place: int, *, inside: bool) -> tuple[str, int]:
    """What follows a backslash, and where the pattern goes on."""
    char = pattern[place]
    number = _HEX.match(pattern, place)
    if number is not None:
        return f"\\U{int(number[1] or number[2], 16):08x}", number.end()
    quoted = _QUOTED.match(pattern, place)
    if quoted is not None:
        return re.sub(r"(\W)", r"\\\1", quoted[1]), quoted.end()
    known = (_IN_BRACKETS if inside else _CLASSES).get(char)
    if known is not None:
        return known, place + 1
    if char in _CONTROL or not char.isalnum():
        return "\\" + char, place + 1
    raise _unknown(pattern, f"\\{char}")


def _unknown(pattern: str, what: str) -> Problem:
    return invalid(f"$regex {pattern!r}: on PostgreSQL, patterns have no {what}")
