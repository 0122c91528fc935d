"""Alerts: what `Run.alert` takes, checked."""

from __future__ import annotations

import math
from datetime import timedelta

from asyncwb.errors import InvalidValueError
from asyncwb.journal.records import AlertRecord
from asyncwb.types import AlertLevel

__all__ = ["checked_alert"]

_LONGEST_TITLE = 64
_DEFAULT_WAIT_SECONDS = 60.0


def checked_alert(title: object, text: object, level: object, wait_duration: object) -> AlertRecord:
    """The arguments of `Run.alert` as the record of an alert.

    Raises:
        InvalidValueError: One has a wrong type or value.
    """
    if not isinstance(title, str) or not 0 < len(title) <= _LONGEST_TITLE:
        raise InvalidValueError(
            f"title is a text of 1 to {_LONGEST_TITLE} characters, got {title!r}"
        )
    if not isinstance(text, str):
        raise InvalidValueError(f"text is a text, got {text!r}")
    return AlertRecord(title, text, _level(level), _milliseconds(wait_duration))


def _level(level: object) -> str:
    if level is None:
        return AlertLevel.INFO.value
    if isinstance(level, AlertLevel):
        return level.value
    name = level.upper() if isinstance(level, str) else ""
    if name not in AlertLevel.__members__:
        raise InvalidValueError(f"level is 'INFO', 'WARN' or 'ERROR', got {level!r}")
    return name


def _milliseconds(wait: object) -> int:
    if wait is None:
        wait = _DEFAULT_WAIT_SECONDS
    if isinstance(wait, timedelta):
        wait = wait.total_seconds()
    if isinstance(wait, bool) or not isinstance(wait, int | float) or not 0 <= wait < math.inf:
        raise InvalidValueError(f"wait_duration is in seconds from 0, or a timedelta, got {wait!r}")
    return round(wait * 1000)
