"""What automations wait for: the filters of their events, as clients send them."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal, TypeAlias, TypeVar

import msgspec
import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from asyncwb.server.jsontext import is_object
from asyncwb.server.problems import invalid

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats: TypeAlias = NDArray[np.float64]
    Truths: TypeAlias = NDArray[np.bool_]

__all__ = [
    "ARTIFACT_EVENTS",
    "METRIC_EVENTS",
    "RUN_STATE",
    "Metric",
    "MetricCondition",
    "StateCondition",
    "first_reached",
    "metric_condition",
    "reported",
    "state_condition",
]

T = TypeVar("T")

RUN_STATE: Final = "RUN_STATE"
METRIC_EVENTS: Final = ("RUN_METRIC", "RUN_METRIC_CHANGE", "RUN_METRIC_ZSCORE")
ARTIFACT_EVENTS: Final = (
    "CREATE_ARTIFACT",
    "LINK_MODEL",
    "UNLINK_ARTIFACT",
    "ADD_ARTIFACT_ALIAS",
    "ADD_ARTIFACT_TAG",
    "REMOVE_ARTIFACT_TAG",
    "ADD_COLLECTION_TAG",
    "REMOVE_COLLECTION_TAG",
)

_Window: TypeAlias = Annotated[int, msgspec.Meta(ge=1, le=10_000)]
_Amount: TypeAlias = Annotated[float, msgspec.Meta(gt=0)]
_Aggregate: TypeAlias = Literal["MAX", "MIN", "AVERAGE"]
_Direction: TypeAlias = Literal["INCREASE", "DECREASE", "ANY"]
_State: TypeAlias = Literal["RUNNING", "FINISHED", "FAILED", "CRASHED"]

_SIGNS = {"$gt": ">", "$gte": ">=", "$lt": "<", "$lte": "<="}
_COMPARED = {"$gt": np.greater, "$gte": np.greater_equal, "$lt": np.less, "$lte": np.less_equal}
_ROUNDING = 1e-12
_AT_ONCE = 1 << 20  # values that are looked at in one go


class _Metric(msgspec.Struct, frozen=True, kw_only=True):
    name: str

    def of(self, row: dict[str, Any]) -> float | None:
        """Its value in a row of history; None where there is no finite number."""
        value: Any = row.get(self.name)
        if value is None and "." in self.name:
            value = row
            for part in self.name.split("."):
                value = value.get(part) if is_object(value) else None
        if isinstance(value, bool) or not isinstance(value, int | float):
            return None
        try:
            number = float(value)
        except OverflowError:
            return None
        return number if math.isfinite(number) else None


class Threshold(_Metric, frozen=True, kw_only=True):
    """A value, or that of a window of values, beyond a threshold."""

    cmp_op: Literal["$gt", "$gte", "$lt", "$lte"]
    threshold: float
    agg_op: _Aggregate | None = None
    window_size: _Window = 1

    @property
    def needs(self) -> int:
        """How many values it looks at."""
        return self.window_size if self.agg_op else 1

    def reached(self, windows: Floats) -> Truths:
        """Which windows fulfil it; each has as many values as it needs."""
        return _COMPARED[self.cmp_op](_aggregated(windows, self.agg_op), self.threshold)

    def told(self, values: Floats) -> str:
        """What is said of a window that does."""
        value = _aggregated(values, self.agg_op)
        what = _called(self.name, self.agg_op)
        return f"{what} {_SIGNS[self.cmp_op]} {self.threshold:g}: {value:g}"


class Change(_Metric, frozen=True, kw_only=True):
    """The difference between a window of values and the one before it."""

    change_type: Literal["ABSOLUTE", "RELATIVE"]
    change_dir: _Direction
    change_amount: _Amount
    agg_op: _Aggregate | None = None
    current_window_size: _Window = 1
    prior_window_size: _Window = 1

    @property
    def needs(self) -> int:
        """How many values it looks at."""
        return self.current_window_size + self.prior_window_size if self.agg_op else 2

    def reached(self, windows: Floats) -> Truths:
        """Which windows fulfil it; each has as many values as it needs."""
        before, now = self._two(windows)
        change = now - before
        if self.change_type == "RELATIVE":
            change = np.divide(change, np.abs(before), out=np.zeros_like(change), where=before != 0)
        return _goes(change, self.change_amount, self.change_dir)

    def told(self, values: Floats) -> str:
        """What is said of a window that does."""
        before, now = self._two(values)
        return f"{_called(self.name, self.agg_op)} went from {before:g} to {now:g}"

    def _two(self, windows: Floats) -> tuple[Floats, Floats]:
        cut = self.needs - (self.current_window_size if self.agg_op else 1)
        before, now = windows[..., :cut], windows[..., cut:]
        return _aggregated(before, self.agg_op), _aggregated(now, self.agg_op)


class ZScore(_Metric, frozen=True, kw_only=True):
    """A value that is far from the mean of those before it, in standard deviations."""

    window_size: _Window = 30
    threshold: _Amount = 3.0
    change_dir: _Direction = "ANY"

    @property
    def needs(self) -> int:
        """How many values it looks at."""
        return self.window_size + 1

    def reached(self, windows: Floats) -> Truths:
        """Which windows fulfil it; each has as many values as it needs."""
        return _goes(self._scores(windows), self.threshold, self.change_dir)

    def told(self, values: Floats) -> str:
        """What is said of a window that does."""
        return f"zscore({self.name}) over {self.window_size} values: {self._scores(values):g}"

    def _scores(self, windows: Floats) -> Floats:
        before = windows[..., :-1]
        deviation = before.std(axis=-1)
        above = windows[..., -1] - before.mean(axis=-1)
        # equal values deviate by their rounding
        spread = deviation > _ROUNDING * np.abs(before).max(axis=-1)
        scores: Floats = np.divide(above, deviation, out=np.zeros_like(above), where=spread)
        return scores


Metric: TypeAlias = Threshold | Change | ZScore


def _called(name: str, aggregate: str | None) -> str:
    return f"{aggregate.lower()}({name})" if aggregate else name


def first_reached(metric: Metric, values: list[float], end: int) -> tuple[int, str] | None:
    """The first window of values that fulfils a condition.

    Args:
        metric: The condition.
        values: Values of the metric, in their order.
        end: Where the first window that counts ends, or later.

    Returns:
        Where it ends, and what is told of it; None: none does.
    """
    needs = metric.needs
    begin = max(0, end - needs)
    if len(values) < begin + needs:
        return None
    windows = sliding_window_view(np.array(values), needs)
    count = max(1, _AT_ONCE // needs)
    for start in range(begin, len(windows), count):
        some = windows[start : start + count]
        hits = metric.reached(some)
        if hits.any():
            found = int(hits.argmax())
            return start + found + needs, metric.told(some[found])
    return None


def _aggregated(windows: Floats, aggregate: str | None) -> Floats:
    """One number for each window, along the last axis."""
    found: Floats
    if aggregate == "MAX":
        found = windows.max(axis=-1)
    elif aggregate == "MIN":
        found = windows.min(axis=-1)
    elif aggregate == "AVERAGE":
        found = windows.mean(axis=-1)
    else:
        found = windows[..., -1]
    return found


def _goes(change: Floats, amount: float, direction: str) -> Truths:
    match direction:
        case "INCREASE":
            return change >= amount
        case "DECREASE":
            return change <= -amount
        case _:
            return np.abs(change) >= amount


class _Choice(msgspec.Struct, frozen=True):
    threshold_filter: Threshold | None = None
    change_filter: Change | None = None
    zscore_filter: ZScore | None = None


class _RunMetric(msgspec.Struct, frozen=True):
    run_filter: str = "{}"
    run_metric_filter: _Choice | None = None
    metric_filter: str | None = None  # of older clients: the text of a threshold


class _States(msgspec.Struct, frozen=True):
    states: Annotated[list[_State], msgspec.Meta(min_length=1)]


class _RunState(msgspec.Struct, frozen=True):
    run_state_filter: _States
    run_filter: str = "{}"


class MetricCondition(msgspec.Struct, frozen=True):
    """A condition on a metric, of the runs that a filter lets through."""

    run_filter: str
    metric: Metric


class StateCondition(msgspec.Struct, frozen=True):
    """States, of the runs that a filter lets through."""

    run_filter: str
    states: frozenset[str]


def metric_condition(event: str, text: str) -> MetricCondition:
    """The condition of an event of a metric.

    Raises:
        Problem: The text is none, or one of another event (400).
    """
    spec = _decoded(text, _RunMetric)
    choice = spec.run_metric_filter or _Choice()
    if event == "RUN_METRIC":
        found: Metric | None = choice.threshold_filter
        if found is None and spec.metric_filter is not None:
            found = _decoded(spec.metric_filter, Threshold)
    elif event == "RUN_METRIC_CHANGE":
        found = choice.change_filter
    else:
        found = choice.zscore_filter
    if found is None:
        raise invalid(f"the filter of {event} has no condition on a metric of its kind")
    return MetricCondition(spec.run_filter, found)


def state_condition(text: str) -> StateCondition:
    """The condition of an event of a run's state.

    Raises:
        Problem: The text is none (400).
    """
    spec = _decoded(text, _RunState)
    return StateCondition(spec.run_filter, frozenset(map(reported, spec.run_state_filter.states)))


def _decoded(text: str, kind: type[T]) -> T:
    try:
        return msgspec.json.decode(text, type=kind)
    except msgspec.MsgspecError as exc:
        raise invalid(f"not the filter of an event: {exc}") from exc


def reported(state: str) -> str:
    """What automations call a state: those in which a run went wrong are one."""
    return _REPORTED.get(state.lower(), state.upper())


_REPORTED = {"crashed": "FAILED", "killed": "FAILED", "preempted": "FAILED"}
