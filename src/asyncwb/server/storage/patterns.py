"""Regular expressions in filters, in time that grows with the length of the text only.

Python's own engine can take for ever over thirty characters, and holds the interpreter meanwhile.
RE2, whose syntax the filter language has anyway, cannot.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Protocol, cast

import re2  # type: ignore[import-untyped]

from asyncwb.server.problems import invalid

__all__ = ["check_pattern", "matches"]

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
