"""Ages of run folders, as the command line takes them."""

from __future__ import annotations

import re

__all__ = ["parse_age"]

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 7 * 86400}


def parse_age(text: str) -> float:
    """Seconds of an age such as `12h`, `7d` or `2w`; a bare number means days.

    Raises:
        ValueError: Not an age.
    """
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([smhdw]?)", text.strip())
    if match is None:
        raise ValueError(f"{text!r} is not an age: write 12h, 7d or 2w.")
    return float(match[1]) * _UNITS[match[2] or "d"]
