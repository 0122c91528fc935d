"""Names: which ones may be part of a path, and readable ones for runs that were given none."""

from __future__ import annotations

import random
import secrets
from typing import TYPE_CHECKING

from asyncwb.server.problems import invalid
from asyncwb.words import readable_name

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["check_name", "invent", "random_name"]

_LONGEST = 128


def check_name(name: str, what: str, forbidden: str) -> None:
    """Refuse names that cannot be one part of a path.

    Args:
        name: The name.
        what: What it names, with article, for the message.
        forbidden: Characters it may not hold, besides control characters.

    Raises:
        Problem: The name is empty, too long, `.` or `..`, or holds what it may not (400).
    """
    if not 0 < len(name) <= _LONGEST or name.strip() in ("", ".", "..") or _holds(name, forbidden):
        raise invalid(
            f"{what} has 1 to {_LONGEST} characters, none of {' '.join(forbidden)} or a control "
            f"character, and is not . or .. ({name!r})"
        )


def _holds(name: str, forbidden: Iterable[str]) -> bool:
    return any(char < " " or char == "\x7f" or char in forbidden for char in name)


def invent(number: int, kind: str = "") -> str:
    """A display name such as `quiet-otter-12`, or `quiet-otter-sweep-12` of a kind."""
    name = readable_name(random.getrandbits(32), number)
    if not kind:
        return name
    words, _, last = name.rpartition("-")
    return f"{words}-{kind}-{last}"


def random_name() -> str:
    """An id of eight characters of `[0-9a-z]`."""
    return "".join(secrets.choice("0123456789abcdefghijklmnopqrstuvwxyz") for _ in range(8))
