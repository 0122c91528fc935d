"""Parameters that are drawn from a distribution of numbers.

Every distribution is seen as the unit interval: `at_share(u)` is the value below which a share `u`
of its mass lies, `share_of(value)` the inverse. A uniform `u` then draws from it, and an optimiser
searches it in its own scale (logarithmic where the distribution is) without knowing it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from statistics import NormalDist
from typing import Protocol, overload

from asyncwb.searchspace.beta import beta_cdf, beta_quantile

__all__ = [
    "Beta",
    "IntRange",
    "Logarithmic",
    "Multiples",
    "Normal",
    "Numbers",
    "Quantised",
    "Uniform",
]

_NORMAL = NormalDist()
# A normal distribution has no end: shares of exactly 0 and 1 stand for the last float before it.
_EDGE = 1e-12


class Numbers(Protocol):
    """A distribution of numbers."""

    def at_share(self, share: float) -> float:
        """The value below which this share of the mass lies; the share is in [0, 1]."""
        ...

    def share_of(self, value: float) -> float:
        """The share of the mass below a value, in [0, 1]."""
        ...

    def values(self) -> Sequence[float] | None:
        """All values in ascending order, where they can be counted."""
        ...


@dataclass(frozen=True, slots=True)
class Uniform:
    """All numbers of an interval alike."""

    low: float
    high: float

    def at_share(self, share: float) -> float:
        """See `Numbers`."""
        return self.low + share * (self.high - self.low)

    def share_of(self, value: float) -> float:
        """See `Numbers`."""
        return _clamped((value - self.low) / (self.high - self.low))

    def values(self) -> None:
        """See `Numbers`."""
        return


@dataclass(frozen=True, slots=True)
class IntRange:
    """All integers of an interval alike, both ends included."""

    low: int
    high: int

    def at_share(self, share: float) -> int:
        """See `Numbers`."""
        return min(self.high, self.low + int(share * (self.high - self.low + 1)))

    def share_of(self, value: float) -> float:
        """See `Numbers`."""
        return _clamped((value - self.low + 0.5) / (self.high - self.low + 1))

    def values(self) -> range:
        """See `Numbers`."""
        return range(self.low, self.high + 1)


@dataclass(frozen=True, slots=True)
class Logarithmic:
    """Numbers whose natural logarithm (of the inverse number, where asked for) is distributed so.

    Attributes:
        exponent: The distribution of the logarithm.
        inverse: Whether it is that of one over the number.
    """

    exponent: Uniform | Normal
    inverse: bool = False

    def at_share(self, share: float) -> float:
        """See `Numbers`."""
        power = self.exponent.at_share(share)
        return math.exp(-power if self.inverse else power)

    def share_of(self, value: float) -> float:
        """See `Numbers`."""
        if value <= 0:
            return 1.0 if self.inverse else 0.0
        power = math.log(value)
        return self.exponent.share_of(-power if self.inverse else power)

    def values(self) -> None:
        """See `Numbers`."""
        return


@dataclass(frozen=True, slots=True)
class Normal:
    """The normal distribution."""

    mu: float
    sigma: float

    def at_share(self, share: float) -> float:
        """See `Numbers`."""
        return self.mu + self.sigma * _NORMAL.inv_cdf(min(max(share, _EDGE), 1 - _EDGE))

    def share_of(self, value: float) -> float:
        """See `Numbers`."""
        return _NORMAL.cdf((value - self.mu) / self.sigma)

    def values(self) -> None:
        """See `Numbers`."""
        return


@dataclass(frozen=True, slots=True)
class Beta:
    """The beta distribution on [0, 1]."""

    a: float
    b: float

    def at_share(self, share: float) -> float:
        """See `Numbers`."""
        return beta_quantile(share, self.a, self.b)

    def share_of(self, value: float) -> float:
        """See `Numbers`."""
        return beta_cdf(value, self.a, self.b)

    def values(self) -> None:
        """See `Numbers`."""
        return


@dataclass(frozen=True, slots=True)
class Quantised:
    """A distribution rounded to multiples of `q`, within its ends where it has them."""

    inner: Numbers
    q: float
    low: float | None = None
    high: float | None = None
    _steps: tuple[int | None, int | None] = field(init=False)

    def __post_init__(self) -> None:
        step = Decimal(repr(self.q))
        first = None if self.low is None else math.ceil(Decimal(repr(self.low)) / step)
        last = None if self.high is None else math.floor(Decimal(repr(self.high)) / step)
        object.__setattr__(self, "_steps", (first, last))

    def at_share(self, share: float) -> float:
        """See `Numbers`."""
        number = round(self.inner.at_share(share) / self.q)
        first, last = self._steps
        if first is not None:
            number = max(first, number)
        return multiple(number if last is None else min(last, number), self.q)

    def share_of(self, value: float) -> float:
        """See `Numbers`."""
        return self.inner.share_of(value)

    def values(self) -> Multiples | None:
        """See `Numbers`."""
        first, last = self._steps
        if first is None or last is None:
            return None
        return Multiples(range(first, last + 1), self.q)


class Multiples(Sequence[float]):
    """Multiples of a number, made when they are asked for.

    Args:
        numbers: How often the number is in each of them.
        q: The number.
    """

    def __init__(self, numbers: range, q: float) -> None:
        self._numbers = numbers
        self._q = q

    def __len__(self) -> int:
        return len(self._numbers)

    def __bool__(self) -> bool:
        # There may be more than `len` can say.
        return bool(self._numbers)

    @overload
    def __getitem__(self, index: int) -> float: ...
    @overload
    def __getitem__(self, index: slice) -> Multiples: ...
    def __getitem__(self, index: int | slice) -> float | Multiples:
        if isinstance(index, slice):
            return Multiples(self._numbers[index], self._q)
        return multiple(self._numbers[index], self._q)


def multiple(number: int, q: float) -> float:
    """`number * q` as it is written: 3 * 0.1 would be 0.30000000000000004 in floats."""
    return number * q if isinstance(q, int) else float(number * Decimal(repr(q)))


def _clamped(share: float) -> float:
    return min(1.0, max(0.0, share))
