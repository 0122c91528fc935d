"""All parameters of a sweep together: points of a grid, random draws, positions of runs."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast

from asyncwb.errors import InvalidValueError
from asyncwb.searchspace.parameters import KEYS, Choices, Parameter, countable, read_parameter

if TYPE_CHECKING:
    from random import Random

__all__ = ["Space"]

_DEEPEST = 20
_MOST_PARAMETERS = 1000


class Space:
    """What a sweep searches.

    Args:
        parameters: The config's `parameters`.

    Raises:
        InvalidValueError: A parameter cannot be drawn from; names it.
    """

    def __init__(self, parameters: object) -> None:
        self.warnings: list[str] = []
        self._parameters: dict[tuple[str, ...], Parameter] = {}
        self._read((), parameters)
        # In the order of names, whatever order a config (or its YAML text) lists them in.
        self._parameters = dict(sorted(self._parameters.items()))

    def _read(self, above: tuple[str, ...], parameters: object) -> None:
        where = f"parameter {'.'.join(above)!r}: parameters" if above else "parameters"
        if not isinstance(parameters, Mapping) or not parameters:
            raise InvalidValueError(f"{where} is a dict of at least one name and its values")
        if len(above) > _DEEPEST:
            raise InvalidValueError(f"{where} are nested more than {_DEEPEST} deep")
        for key, entry in cast("Mapping[object, object]", parameters).items():
            if not isinstance(key, str) or not key:
                raise InvalidValueError(f"{where}: names are texts, got {key!r}")
            path = (*above, key)
            name = ".".join(path)
            if not isinstance(entry, Mapping):
                raise InvalidValueError(
                    f"parameter {name!r} is a dict such as {{'value': 1}} or {{'values': [1, 2]}}, "
                    f"got {entry!r}"
                )
            known = cast("Mapping[str, Any]", entry)
            self.warnings += [
                f"parameter {name!r}: {extra!r} means nothing there"
                for extra in known.keys() - KEYS
            ]
            if "parameters" in known:
                self._read(path, known["parameters"])
            else:
                self._parameters[path] = read_parameter(name, known)
            if len(self._parameters) > _MOST_PARAMETERS:
                raise InvalidValueError(f"parameters are more than {_MOST_PARAMETERS}")

    @property
    def parameters(self) -> Mapping[tuple[str, ...], Parameter]:
        """The parameters by their paths, in the order of the paths."""
        return self._parameters

    def draw(self, random: Random) -> dict[str, Any]:
        """Random values of all parameters, nested as in the config."""
        return self.nested(
            {path: item.at_share(random.random()) for path, item in self._parameters.items()}
        )

    # -- the grid ---------------------------------------------------------------------------

    def size(self) -> int | None:
        """Number of points of the grid; None where a parameter cannot be counted."""
        counts = [countable(item) for item in self._parameters.values()]
        return None if None in counts else math.prod(cast("list[int]", counts))

    def check_grid(self) -> None:
        """Check that there is a grid.

        Raises:
            InvalidValueError: A parameter's values cannot be counted; names it.
        """
        for path, item in self._parameters.items():
            if countable(item) is None:
                raise InvalidValueError(
                    f"parameter {'.'.join(path)!r}: a grid needs values that can be counted: "
                    "values, or the distributions int_uniform and q_uniform; or use method 'random'"
                )

    def point(self, number: int) -> dict[str, Any]:
        """The point of the grid with this number, from 0; the last parameter changes fastest."""
        found: dict[tuple[str, ...], Any] = {}
        for path, item in reversed(self._parameters.items()):
            values = item.values() or ()
            number, place = divmod(number, len(values))
            found[path] = values[place]
        return self.nested(dict(reversed(found.items())))

    def number_of(self, config: Mapping[str, Any]) -> int | None:
        """The number of the grid's point that a config lies on; None: on none."""
        number = 0
        for path, item in self._parameters.items():
            values = item.values() or ()
            place = _place(item, _value(config, path))
            if place is None:
                return None
            number = number * len(values) + place
        return number

    # -- what an optimiser sees ---------------------------------------------------------------

    def position(self, config: Mapping[str, Any]) -> dict[str, float | int] | None:
        """A config as an optimiser sees it: shares of numbers, indexes of choices.

        Parameters with one value are left out.

        Returns:
            A number for each parameter by its dotted name, or None where the config lies outside.
        """
        found: dict[str, float | int] = {}
        for path, item in self._searched():
            value = _value(config, path)
            if isinstance(item, Choices):
                place = _place(item, value)
                if place is None:
                    return None
                found[".".join(path)] = place
            elif isinstance(value, int | float) and math.isfinite(value):
                found[".".join(path)] = item.share_of(value)
            else:
                return None
        return found

    def at(self, position: Mapping[str, float | int]) -> dict[str, Any]:
        """The values at a position, constants included: the inverse of `position`."""
        found: dict[tuple[str, ...], Any] = {}
        for path, item in self._parameters.items():
            place = position.get(".".join(path), 0)
            found[path] = (
                item.options[int(place)] if isinstance(item, Choices) else item.at_share(place)
            )
        return self.nested(found)

    def choices(self) -> dict[str, int | None]:
        """By dotted name: how many options a choice has, None for numbers; no constants."""
        return {
            ".".join(path): len(item.options) if isinstance(item, Choices) else None
            for path, item in self._searched()
        }

    def _searched(self) -> list[tuple[tuple[str, ...], Parameter]]:
        return [
            (path, item)
            for path, item in self._parameters.items()
            if not (isinstance(item, Choices) and len(item.options) == 1)
        ]

    @staticmethod
    def nested(values: Mapping[tuple[str, ...], Any]) -> dict[str, Any]:
        """Values by path as nested dicts."""
        tree: dict[str, Any] = {}
        for path, value in values.items():
            level = tree
            for key in path[:-1]:
                level = level.setdefault(key, {})
            level[path[-1]] = value
        return tree


_MISSING = object()


def _value(config: Mapping[str, Any], path: tuple[str, ...]) -> Any:
    level: Any = config
    for key in path:
        if not isinstance(level, Mapping) or key not in level:
            return _MISSING
        level = cast("Mapping[str, Any]", level)[key]
    return level


def _place(item: Parameter, value: Any) -> int | None:
    """The index of a value among those of a parameter."""
    values = item.values() or ()
    if isinstance(item, Choices):
        return next((i for i, option in enumerate(values) if _same(option, value)), None)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    place = bisect_left(values, value)
    return place if place < len(values) and values[place] == value else None


def _same(option: Any, value: Any) -> bool:
    """Whether a value is this option: True is not 1, but 1.0 is."""
    return isinstance(option, bool) == isinstance(value, bool) and bool(option == value)
