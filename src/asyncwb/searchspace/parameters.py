"""One parameter of a sweep, from its entry in the config."""

from __future__ import annotations

import math
import sys
from bisect import bisect_left
from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING, Any, TypeAlias, cast

from asyncwb.errors import InvalidValueError
from asyncwb.searchspace.ranges import (
    Beta,
    IntRange,
    Logarithmic,
    Normal,
    Numbers,
    Quantised,
    Uniform,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

__all__ = [
    "KEYS",
    "Choices",
    "Parameter",
    "countable",
    "default_distribution",
    "is_number",
    "read_parameter",
]

KEYS = frozenset(
    {
        *("value", "values", "probabilities", "distribution", "parameters", "description"),
        *("min", "max", "q", "mu", "sigma", "a", "b"),
    }
)
"""What an entry may hold."""

_MOST_COUNTED = 10**9
_LARGEST_EXPONENT = 700.0


@dataclass(frozen=True, slots=True)
class Choices:
    """A list of values, each with its probability; one value is a constant."""

    options: tuple[Any, ...]
    probabilities: tuple[float, ...] | None = None

    def at_share(self, share: float) -> Any:
        """The value that a uniform number of [0, 1] draws."""
        count = len(self.options)
        if self.probabilities is None:
            return self.options[min(count - 1, int(share * count))]
        sums = list(accumulate(self.probabilities))
        return self.options[min(count - 1, bisect_left(sums, share * sums[-1]))]

    def values(self) -> Sequence[Any]:
        """All values."""
        return self.options


Parameter: TypeAlias = Choices | Numbers


def default_distribution(name: str, entry: Mapping[str, Any]) -> str | None:
    """The distribution of an entry that names none; None where it needs none.

    Raises:
        InvalidValueError: `min` and `max` are of different types, or no numbers.
    """
    if "min" not in entry or "max" not in entry:
        return None
    low, high = entry["min"], entry["max"]
    _number(name, entry, "min")
    _number(name, entry, "max")
    if isinstance(low, int) and isinstance(high, int):
        return "int_uniform"
    if isinstance(low, float) and isinstance(high, float):
        return "uniform"
    raise InvalidValueError(
        f"parameter {name!r}: min is {low!r} and max {high!r}: write both as integers for integers "
        "(int_uniform), both with a decimal point for any numbers (uniform), or name a distribution"
    )


def read_parameter(name: str, entry: Mapping[str, Any]) -> Parameter:
    """Read the entry of a parameter that holds no further parameters.

    Args:
        name: Its name, for messages; nested ones joined by dots.
        entry: What the config says of it.

    Raises:
        InvalidValueError: It cannot be drawn from; names the parameter.
    """
    distribution = entry.get("distribution")
    if distribution is None:
        if "value" in entry:
            return Choices((entry["value"],))
        if "values" in entry:
            return _choices(name, entry)
        distribution = default_distribution(name, entry)
    if distribution is None:
        raise InvalidValueError(
            f"parameter {name!r} needs a value, values, min and max, a distribution, or parameters"
        )
    reader = _READERS.get(distribution) if isinstance(distribution, str) else None
    if reader is None:
        raise InvalidValueError(
            f"parameter {name!r}: there is no distribution {distribution!r}; there are "
            f"{', '.join(_READERS)}"
        )
    found = reader(name, entry)
    if not isinstance(found, Choices) and not _is_bounded(found):
        raise InvalidValueError(f"parameter {name!r}: its numbers are too large to be drawn")
    return found


def _is_bounded(numbers: Numbers) -> bool:
    """Whether all values are finite, the rarest ones among them."""
    try:
        return all(math.isfinite(numbers.at_share(share)) for share in (0.0, 0.5, 1.0))
    except OverflowError:
        return False


def _constant(name: str, entry: Mapping[str, Any]) -> Choices:
    if "value" not in entry:
        raise InvalidValueError(f"parameter {name!r}: a constant needs a value")
    return Choices((entry["value"],))


def _choices(name: str, entry: Mapping[str, Any]) -> Choices:
    options = entry.get("values")
    if not isinstance(options, list | tuple) or not options:
        raise InvalidValueError(f"parameter {name!r}: values is a list of at least one value")
    found = tuple(cast("Sequence[Any]", options))
    shares = entry.get("probabilities")
    if shares is None:
        return Choices(found)
    if not isinstance(shares, list | tuple) or len(cast("Sequence[Any]", shares)) != len(found):
        raise InvalidValueError(
            f"parameter {name!r}: probabilities is a list of as many numbers as values has"
        )
    numbers = tuple(cast("Sequence[Any]", shares))
    if not all(is_number(share) and share >= 0 for share in numbers):
        raise InvalidValueError(f"parameter {name!r}: probabilities are numbers from 0 to 1")
    if not math.isclose(sum(numbers), 1.0, abs_tol=1e-3):
        raise InvalidValueError(
            f"parameter {name!r}: probabilities add up to 1, not to {sum(numbers):g}"
        )
    return Choices(found, numbers)


def _int_uniform(name: str, entry: Mapping[str, Any]) -> IntRange:
    low, high = _number(name, entry, "min"), _number(name, entry, "max")
    if low != int(low) or high != int(high):
        raise InvalidValueError(f"parameter {name!r}: min and max of int_uniform are integers")
    if low > high:
        raise _wrong_way_round(name, low, high)
    return IntRange(int(low), int(high))


def _uniform(name: str, entry: Mapping[str, Any]) -> Uniform:
    return Uniform(*_bounds(name, entry))


def _log_uniform(name: str, entry: Mapping[str, Any], *, inverse: bool = False) -> Logarithmic:
    low, high = _bounds(name, entry)
    if max(abs(low), abs(high)) > _LARGEST_EXPONENT:
        raise InvalidValueError(
            f"parameter {name!r}: min and max are exponents, from exp(min) to exp(max), so they "
            f"lie within -700 and 700; for plain values use {_name_of(entry)}_values"
        )
    return Logarithmic(Uniform(low, high), inverse)


def _log_uniform_values(
    name: str, entry: Mapping[str, Any], *, inverse: bool = False
) -> Logarithmic:
    low, high = _bounds(name, entry)
    if low <= 0:
        raise InvalidValueError(
            f"parameter {name!r}: min of {_name_of(entry)} is above 0, not {low!r}"
        )
    ends = (-math.log(high), -math.log(low)) if inverse else (math.log(low), math.log(high))
    return Logarithmic(Uniform(*ends), inverse)


def _inv_log_uniform(name: str, entry: Mapping[str, Any]) -> Logarithmic:
    return _log_uniform(name, entry, inverse=True)


def _inv_log_uniform_values(name: str, entry: Mapping[str, Any]) -> Logarithmic:
    return _log_uniform_values(name, entry, inverse=True)


def _normal(name: str, entry: Mapping[str, Any]) -> Normal:
    return Normal(_number(name, entry, "mu", 0.0), _positive(name, entry, "sigma", 1.0))


def _log_normal(name: str, entry: Mapping[str, Any]) -> Logarithmic:
    return Logarithmic(_normal(name, entry))


def _beta(name: str, entry: Mapping[str, Any]) -> Beta:
    return Beta(_positive(name, entry, "a", 1.0), _positive(name, entry, "b", 1.0))


def _quantised(
    read: Callable[[str, Mapping[str, Any]], Numbers],
) -> Callable[[str, Mapping[str, Any]], Numbers]:
    """The reader of a distribution that is rounded to multiples of `q`."""

    def reader(name: str, entry: Mapping[str, Any]) -> Quantised:
        inner = read(name, entry)
        low, high = _ends(inner)
        found = Quantised(inner, _positive(name, entry, "q", 1), low, high)
        values = found.values()
        if values is not None and not values:
            raise InvalidValueError(
                f"parameter {name!r}: no multiple of q={found.q!r} lies from {low!r} to {high!r}"
            )
        return found

    return reader


def _ends(numbers: Numbers) -> tuple[float | None, float | None]:
    if isinstance(numbers, Uniform):
        return numbers.low, numbers.high
    if isinstance(numbers, Logarithmic) and isinstance(numbers.exponent, Uniform):
        ends = (numbers.at_share(0.0), numbers.at_share(1.0))
        # An end that is a multiple of q stays one, though exp(log(x)) is not quite x.
        return tuple(float(f"{end:.12g}") for end in ends)  # type: ignore[return-value]
    if isinstance(numbers, Beta):
        return 0.0, 1.0
    return None, None


_READERS: dict[str, Callable[[str, Mapping[str, Any]], Parameter]] = {
    "constant": _constant,
    "categorical": _choices,
    "categorical_w_probabilities": _choices,
    "int_uniform": _int_uniform,
    "uniform": _uniform,
    "q_uniform": _quantised(_uniform),
    "log_uniform": _log_uniform,
    "log_uniform_values": _log_uniform_values,
    "q_log_uniform": _quantised(_log_uniform),
    "q_log_uniform_values": _quantised(_log_uniform_values),
    "inv_log_uniform": _inv_log_uniform,
    "inv_log_uniform_values": _inv_log_uniform_values,
    "normal": _normal,
    "q_normal": _quantised(_normal),
    "log_normal": _log_normal,
    "q_log_normal": _quantised(_log_normal),
    "beta": _beta,
    "q_beta": _quantised(_beta),
}


def countable(parameter: Parameter) -> int | None:
    """How many values a parameter has; None where they cannot be counted."""
    values = parameter.values()
    try:
        count = None if values is None else len(values)
    except OverflowError:
        return None
    return None if count is None or count > _MOST_COUNTED else count


def _name_of(entry: Mapping[str, Any]) -> str:
    return str(entry.get("distribution"))


def is_number(value: object) -> bool:
    """Whether it is a number that a float can hold."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return -sys.float_info.max <= value <= sys.float_info.max


def _number(name: str, entry: Mapping[str, Any], key: str, default: float | None = None) -> Any:
    value = entry.get(key, default)
    if value is None:
        raise InvalidValueError(f"parameter {name!r}: {_name_of(entry)} needs {key}")
    if not is_number(value):
        raise InvalidValueError(f"parameter {name!r}: {key} is a finite number, got {value!r}")
    return value


def _positive(name: str, entry: Mapping[str, Any], key: str, default: float) -> Any:
    value = _number(name, entry, key, default)
    if value <= 0:
        raise InvalidValueError(f"parameter {name!r}: {key} is above 0, got {value!r}")
    return value


def _bounds(name: str, entry: Mapping[str, Any]) -> tuple[float, float]:
    low, high = _number(name, entry, "min"), _number(name, entry, "max")
    if low >= high:
        raise _wrong_way_round(name, low, high)
    return low, high


def _wrong_way_round(name: str, low: float, high: float) -> InvalidValueError:
    return InvalidValueError(f"parameter {name!r}: min is {low!r}, which is not below max {high!r}")
