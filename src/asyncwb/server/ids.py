"""Opaque object ids: base64 of `Type:<number>`, and moments as text."""

from __future__ import annotations

import base64
import binascii
from datetime import date, timedelta
from functools import lru_cache

from .problems import not_found

__all__ = ["iso", "make_id", "parse_id"]


def make_id(kind: str, number: int | str) -> str:
    """The id of an object of a type."""
    return base64.b64encode(f"{kind}:{number}".encode()).decode()


def parse_id(kind: str, text: str) -> int:
    """The number inside an id.

    Raises:
        Problem: The text is not an id of this type (404).
    """
    try:
        found, _, number = base64.b64decode(text, validate=True).decode().partition(":")
        if found == kind and 0 < len(number) < 19 and number.isascii() and number.isdigit():
            return int(number)
    except (binascii.Error, UnicodeDecodeError, ValueError):
        pass
    raise not_found(f"no {kind.lower()} with id {text[:100]!r}")


def iso(moment: float | None) -> str | None:
    """A moment as ISO text, UTC, whole seconds."""
    if moment is None:
        return None
    day, second = divmod(int(moment // 1), 86_400)
    return f"{_date(day)}T{second // 3600:02}:{second // 60 % 60:02}:{second % 60:02}Z"


@lru_cache(1000)
def _date(day: int) -> str:
    return (date(1970, 1, 1) + timedelta(day)).isoformat()
