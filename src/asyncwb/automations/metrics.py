"""Conditions on a metric of a run: `RunEvent.metric("loss").avg(10).gt(0.5)`."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, TypeVar

from asyncwb.automations.filters import ANY, Filter
from asyncwb.errors import InvalidValueError

__all__ = [
    "Agg",
    "ChangeDir",
    "ChangeType",
    "Metric",
    "MetricChangeFilter",
    "MetricFilter",
    "MetricThresholdFilter",
    "MetricValue",
    "MetricZScore",
    "MetricZScoreFilter",
    "RunMetricFilter",
]

E = TypeVar("E", bound=StrEnum)

_SIGNS = {">": "$gt", ">=": "$gte", "<": "$lt", "<=": "$lte"}


class Agg(StrEnum):
    """What is made of a window of values."""

    MAX = "MAX"
    MIN = "MIN"
    AVERAGE = "AVERAGE"


class ChangeType(StrEnum):
    """Whether a change is a difference, or a part of the earlier value."""

    ABSOLUTE = "ABSOLUTE"
    RELATIVE = "RELATIVE"


class ChangeDir(StrEnum):
    """Which way a change goes."""

    INCREASE = "INCREASE"
    DECREASE = "DECREASE"
    ANY = "ANY"


@dataclass(frozen=True, kw_only=True)
class MetricFilter(ABC):
    """A condition on a metric; `&` joins it with a filter of runs."""

    name: str
    """Name of the metric."""

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not self.name:  # pyright: ignore[reportUnnecessaryIsInstance]
            raise InvalidValueError(f"a metric has a name, not {self.name!r}")

    def __and__(self, runs: Filter) -> RunMetricFilter:
        if not isinstance(runs, Filter):  # pyright: ignore[reportUnnecessaryIsInstance]
            return NotImplemented
        return RunMetricFilter(metric=self, run=runs)

    __rand__ = __and__

    @abstractmethod
    def to_wire(self) -> dict[str, Any]:
        """As it is sent."""


@dataclass(frozen=True, kw_only=True)
class MetricThresholdFilter(MetricFilter):
    """A value, or that of a window of values, beyond a threshold."""

    cmp: str
    """`$gt`, `$gte`, `$lt` or `$lte`, or the sign of it."""
    threshold: float
    agg: Agg | None = None
    window: int = 1

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "cmp", _SIGNS.get(self.cmp, self.cmp))
        if self.cmp not in _SIGNS.values():
            raise InvalidValueError(f"cmp is one of {', '.join(_SIGNS)}, not {self.cmp!r}")
        object.__setattr__(self, "agg", None if self.agg is None else one_of(Agg, self.agg))
        check_window(self.window)
        check_number("threshold", self.threshold)

    def to_wire(self) -> dict[str, Any]:
        """As it is sent."""
        return {
            "threshold_filter": {
                "name": self.name,
                "agg_op": self.agg,
                "window_size": self.window,
                "cmp_op": self.cmp,
                "threshold": self.threshold,
            }
        }


@dataclass(frozen=True, kw_only=True)
class MetricChangeFilter(MetricFilter):
    """The change from one window of values to the next."""

    change_type: ChangeType
    change_dir: ChangeDir
    threshold: float
    agg: Agg | None = None
    window: int = 1
    prior_window: int | None = None
    """Values of the earlier window; None: as many as in the later one."""

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "change_type", one_of(ChangeType, self.change_type))
        object.__setattr__(self, "change_dir", one_of(ChangeDir, self.change_dir))
        object.__setattr__(self, "agg", None if self.agg is None else one_of(Agg, self.agg))
        if self.prior_window is None:
            object.__setattr__(self, "prior_window", self.window)
        check_window(self.window)
        check_window(self.prior_window)
        check_positive("threshold", self.threshold)

    def to_wire(self) -> dict[str, Any]:
        """As it is sent."""
        return {
            "change_filter": {
                "name": self.name,
                "agg_op": self.agg,
                "current_window_size": self.window,
                "prior_window_size": self.prior_window,
                "change_type": self.change_type,
                "change_dir": self.change_dir,
                "change_amount": self.threshold,
            }
        }


@dataclass(frozen=True, kw_only=True)
class MetricZScoreFilter(MetricFilter):
    """A value far from the mean of a window, in standard deviations."""

    window: int = 30
    threshold: float = 3.0
    change_dir: ChangeDir = ChangeDir.ANY

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "change_dir", one_of(ChangeDir, self.change_dir))
        check_window(self.window)
        check_positive("threshold", self.threshold)

    def to_wire(self) -> dict[str, Any]:
        """As it is sent."""
        return {
            "zscore_filter": {
                "name": self.name,
                "window_size": self.window,
                "threshold": self.threshold,
                "change_dir": self.change_dir,
            }
        }


@dataclass(frozen=True, kw_only=True)
class RunMetricFilter:
    """A condition on a metric, of the runs that a filter lets through."""

    metric: MetricFilter
    run: Filter = ANY


class MetricValue:
    """A metric, or what is made of a window of its values, to be compared."""

    def __init__(self, name: str, agg: Agg | None = None, window: int = 1) -> None:
        self._given: dict[str, Any] = {"name": name, "agg": agg, "window": check_window(window)}

    def __repr__(self) -> str:
        name, agg, window = self._given.values()
        return f"{agg.lower()}({name!r}, {window})" if agg else f"metric({name!r})"

    def gt(self, value: float, /) -> MetricThresholdFilter:
        """Greater than a threshold."""
        return MetricThresholdFilter(**self._given, cmp="$gt", threshold=value)

    def gte(self, value: float, /) -> MetricThresholdFilter:
        """At least a threshold."""
        return MetricThresholdFilter(**self._given, cmp="$gte", threshold=value)

    def lt(self, value: float, /) -> MetricThresholdFilter:
        """Less than a threshold."""
        return MetricThresholdFilter(**self._given, cmp="$lt", threshold=value)

    def lte(self, value: float, /) -> MetricThresholdFilter:
        """At most a threshold."""
        return MetricThresholdFilter(**self._given, cmp="$lte", threshold=value)

    __gt__ = gt
    __ge__ = gte
    __lt__ = lt
    __le__ = lte

    def changes_by(
        self, *, diff: float | None = None, frac: float | None = None
    ) -> MetricChangeFilter:
        """A change either way from one window to the next; exactly one argument.

        Args:
            diff: By at least this much.
            frac: By at least this part of the earlier value: 0.1 is a tenth.

        Raises:
            InvalidValueError: None or both are given, or one is not above 0.
        """
        return self._change(ChangeDir.ANY, diff, frac)

    def increases_by(
        self, *, diff: float | None = None, frac: float | None = None
    ) -> MetricChangeFilter:
        """A change upward; see `changes_by`."""
        return self._change(ChangeDir.INCREASE, diff, frac)

    def decreases_by(
        self, *, diff: float | None = None, frac: float | None = None
    ) -> MetricChangeFilter:
        """A change downward; see `changes_by`."""
        return self._change(ChangeDir.DECREASE, diff, frac)

    def _change(
        self, direction: ChangeDir, diff: float | None, frac: float | None
    ) -> MetricChangeFilter:
        if (diff is None) == (frac is None):
            raise InvalidValueError("a change is by diff=... or by frac=..., exactly one of them")
        kind, amount = (ChangeType.RELATIVE, frac) if diff is None else (ChangeType.ABSOLUTE, diff)
        return MetricChangeFilter(
            **self._given,
            change_type=kind,
            change_dir=direction,
            threshold=check_positive("diff" if frac is None else "frac", amount),
        )


class Metric(MetricValue):
    """A metric by its name; made by `RunEvent.metric`."""

    def max(self, window: int) -> MetricValue:
        """The largest of the last values."""
        return MetricValue(self._given["name"], Agg.MAX, window)

    def min(self, window: int) -> MetricValue:
        """The smallest of the last values."""
        return MetricValue(self._given["name"], Agg.MIN, window)

    def avg(self, window: int) -> MetricValue:
        """The mean of the last values."""
        return MetricValue(self._given["name"], Agg.AVERAGE, window)

    mean = avg

    def zscore(self, window: int) -> MetricZScore:
        """How far a value is from the mean of a window, in standard deviations."""
        return MetricZScore(self._given["name"], window)


class MetricZScore:
    """`metric.zscore(30) > 3`, `metric.zscore(30) < -3`, `abs(metric.zscore(30)) > 3`."""

    def __init__(self, name: str, window: int, *, absolute: bool = False) -> None:
        self._name, self._window, self._absolute = name, check_window(window), absolute

    def abs(self) -> MetricZScore:
        """Either way."""
        return MetricZScore(self._name, self._window, absolute=True)

    __abs__ = abs

    def gt(self, value: float, /) -> MetricZScoreFilter:
        """Above the mean by at least so many deviations.

        Raises:
            InvalidValueError: The number is not above 0.
        """
        direction = ChangeDir.ANY if self._absolute else ChangeDir.INCREASE
        return self._far(check_positive("a z-score", value), direction)

    def lt(self, value: float, /) -> MetricZScoreFilter:
        """Below the mean by at least so many deviations, given as a negative number.

        Raises:
            InvalidValueError: The number is not below 0, or the score is absolute.
        """
        if self._absolute:
            raise InvalidValueError("an absolute z-score is never below anything: compare with >")
        if check_number("a z-score", value) >= 0:
            raise InvalidValueError(f"a z-score below the mean is negative, not {value!r}")
        return self._far(-value, ChangeDir.DECREASE)

    __gt__ = gt
    __ge__ = gt
    __lt__ = lt
    __le__ = lt

    def _far(self, threshold: float, direction: ChangeDir) -> MetricZScoreFilter:
        return MetricZScoreFilter(
            name=self._name, window=self._window, threshold=threshold, change_dir=direction
        )


def one_of(kind: type[E], value: object) -> E:
    """A member of an enumeration by its value, in any case.

    Raises:
        InvalidValueError: There is none.
    """
    try:
        return kind(str(value).upper())
    except ValueError:
        known = ", ".join(member.value for member in kind)
        raise InvalidValueError(f"{kind.__name__} is one of {known}, not {value!r}") from None


def check_window(window: object) -> int:
    """A number of values from 1 up."""
    if isinstance(window, bool) or not isinstance(window, int) or window < 1:
        raise InvalidValueError(f"a window has a whole number of values from 1 up, not {window!r}")
    return window


def check_number(what: str, value: object) -> float:
    """A finite number."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise InvalidValueError(f"{what} is a finite number, not {value!r}")
    return value


def check_positive(what: str, value: object) -> float:
    """A finite number above 0."""
    number = check_number(what, value)
    if number <= 0:
        raise InvalidValueError(f"{what} is above 0, not {value!r}")
    return number
