"""Opaque object ids: base64 of `Type:<number>`, and moments as text."""

from __future__ import annotations

import base64
import binascii
from datetime import date, timedelta
from functools import lru_cache

from .problems import not_found

__all__ = ["iso", "kind_of", "make_id", "parse_id"]


def make_id(kind: str, number: int | str) -> str:
    """The id of an object of a type."""
    return base64.b64encode(f"{kind}:{number}".encode()).decode()


def parse_id(kind: str, text: str) -> int:
    """The number inside an id.

    Raises:
        Problem: The text is not an id of this type (404).
    """
    found, number = _parts(text)
    if found == kind and 0 < len(number) < 19 and number.isascii() and number.isdigit():
        return int(number)
    raise not_found(f"no {kind.lower()} with id {text[:100]!r}")


def kind_of(text: str) -> str:
    """The type inside an id; empty where it is none."""
    return _parts(text)[0]


def _parts(text: str) -> tuple[str, str]:
    try:
        kind, _, number = base64.b64decode(text, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError, ValueError):
        return "", ""
    return kind, number


def iso(moment: float | None) -> str | None:
    """A moment as ISO text, UTC, whole seconds."""
    if moment is None:
        return None
    minute, second = divmod(int(moment // 1), 60)
    return f"{_minute(minute)}:{second:02}Z"


@lru_cache(10_000)
def _minute(number: int) -> str:
    day, minute = divmod(number, 1440)
    date_text = (date(1970, 1, 1) + timedelta(day)).isoformat()
    return f"{date_text}T{minute // 60:02}:{minute % 60:02}"
