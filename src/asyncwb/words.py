"""Readable names for runs that were given none."""

from __future__ import annotations

__all__ = ["readable_name"]


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


def readable_name(choice: int, number: int) -> str:
    """Make a name such as `quiet-otter-12`.

    Args:
        choice: Which words; any integer from 0.
        number: The number at the end.
    """
    rest, first = divmod(choice, len(_FIRST))
    return f"{_FIRST[first]}-{_SECOND[rest % len(_SECOND)]}-{number}"
