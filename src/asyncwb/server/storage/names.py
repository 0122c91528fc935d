"""Names: which ones may be part of a path, and readable ones for runs that were given none."""

from __future__ import annotations

import random
import secrets
from typing import TYPE_CHECKING

from asyncwb.server.problems import invalid

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


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


_FIRST = _words(
    """
    amber autumn bold brisk bright calm clear clever cosmic crimson curious dawn deep eager
    early faint fair fast fleet floral fresh frosty gentle glad golden good grand happy honest
    icy ivory jolly keen kind late light likely lively logical lucky lunar major mellow misty
    neat noble northern olive pale patient polar polite proud quiet rapid rare ruby rural sage
    serene sharp silver smooth snowy soft solar spring stellar still summer sunny swift tidy
    true upbeat vague valiant vivid warm wild wise young zesty
    """
)
_SECOND = _words(
    """
    acorn badger beacon birch bird breeze brook canyon cedar cherry cliff cloud comet coral
    crane creek darkness dawn deer delta dew donkey dove dragon dream dune eagle elm ember
    falcon fern field finch fire fjord flower fog forest fox frog galaxy garden glade glacier
    grove harbor hare haze heron hill island jay lake lark leaf lion lynx maple meadow mesa
    meteor moon morning moss mountain night oak ocean orchid otter owl pebble pine planet plum
    pond puffin rain raven reef ridge river robin sea shadow sky smoke snow sound spark star
    stone stream sun sunset surf swan terrain thunder tide tree valley violet voice water wave
    willow wind wood yew zephyr
    """
)


def invent(number: int, kind: str = "") -> str:
    """A display name such as `quiet-otter-12`, or `quiet-otter-sweep-12` of a kind."""
    middle = f"{kind}-" if kind else ""
    return f"{random.choice(_FIRST)}-{random.choice(_SECOND)}-{middle}{number}"


def random_name() -> str:
    """An id of eight characters of `[0-9a-z]`."""
    return "".join(secrets.choice("0123456789abcdefghijklmnopqrstuvwxyz") for _ in range(8))
