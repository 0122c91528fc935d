"""`define_metric`: checks what is asked for, records it, and has rows and summary heed it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import msgspec

from asyncwb.errors import InvalidValueError
from asyncwb.metrics import (
    GOALS,
    SUMMARIES,
    MetricDefinition,
    MetricTable,
    SummaryStatistics,
    definitions_of_config,
    ordered,
    record_of,
)
from asyncwb.run.metric_rows import MetricRows

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from threading import RLock

    from asyncwb.run.history import History
    from asyncwb.run.recorder import Recorder
    from asyncwb.run.summary import Summary

__all__ = ["Metric", "Metrics", "checked_flag", "checked_metric"]


class Metric(msgspec.Struct, frozen=True, kw_only=True):
    """What one call of `define_metric` asked for.

    Attributes:
        name: Name of the metric, or a glob with its `*` at the end.
        step_metric: Name of the metric that is its x axis.
        step_sync: Whether rows without the step metric get its last value.
        hidden: Whether no chart is made for it.
        summary: What the summary holds of it.
        goal: "minimize" or "maximize".
    """

    name: str
    step_metric: str | None = None
    step_sync: bool | None = None
    hidden: bool | None = None
    summary: tuple[str, ...] | None = None
    goal: str | None = None


class Metrics:
    """The metric definitions of one live run.

    Args:
        lock: The run's lock.
        recorder: Writes definitions to the journal.
        history: Whose rows get step values.
        summary: Which shows statistics.
        decode_row: Reads a row back from the payload of its record.
    """

    def __init__(
        self,
        *,
        lock: RLock,
        recorder: Recorder,
        history: History,
        summary: Summary,
        decode_row: Callable[[bytes], dict[str, Any]],
    ) -> None:
        self._lock = lock
        self._recorder = recorder
        self._history = history
        self._summary = summary
        self._table = MetricTable()
        self._statistics = SummaryStatistics(self._table)
        self._rows = MetricRows(
            self._table,
            self._statistics,
            decode_row=decode_row,
            last_value=self._last_value,
        )
        self._attached = False

    def define(self, metric: Metric, *, overwrite: bool) -> None:
        """Write a definition to the journal, and heed it from the next row on.

        Raises:
            InvalidValueError: "best" is asked for, and nothing says which value that is.
        """
        with self._lock:
            earlier = self._table.get(metric.name)
            definition = _definition(metric, None if overwrite else earlier)
            if "best" in definition.summary and not definition.goal:
                raise InvalidValueError(
                    f"summary='best' of {metric.name!r} needs goal='minimize' or goal='maximize'"
                )
            # It says all there is to say by now, what an earlier one left included.
            record = record_of(definition, overwrite=overwrite or earlier is not None)
            self._recorder.metric(record)
            self._summary.refresh()
            self._table.define(definition, overwrite=True)
            self._heed()

    def inherit(self, config: Mapping[str, object]) -> None:
        """Heed what the resumed run had: the definitions in its config of the wire form."""
        with self._lock:
            self._table.inherit(definitions_of_config(config))
            self._heed()

    def _heed(self) -> None:
        self._statistics.redefined()
        self._rows.forget_plans()
        if not self._attached and (self._table.wants_statistics or self._table.step_metrics):
            self._attached = True
            self._summary.attach(self._statistics)
            self._history.attach(self._rows)
        self._summary.refresh()

    def _last_value(self, name: str) -> float:
        """The last number of a step metric that was logged before anybody named it so."""
        for path in ([name], name.split(".")):
            value: object = self._summary.as_dict()
            for key in path:
                value = _member(value, key)
            for found in (value, _member(value, "last"), _member(value, "max")):
                if isinstance(found, int | float) and not isinstance(found, bool):
                    return found
        # As the wandb package has it: the x axis begins at zero.
        return 0


def checked_metric(
    name: object,
    step_metric: object,
    step_sync: object,
    hidden: object,
    summary: object,
    goal: object,
) -> Metric:
    """The arguments of `define_metric`, checked.

    Raises:
        InvalidValueError: One has a wrong type or value.
    """
    if isinstance(step_metric, Metric):
        step_metric = step_metric.name
    named = _checked_name("name", name)
    if "*" in named[:-1]:
        raise InvalidValueError(f"the name of a metric has a * at its end only, got {named!r}")
    step = None if step_metric is None else _checked_name("step_metric", step_metric)
    if step is not None and step.endswith("*"):
        raise InvalidValueError(f"step_metric is the name of one metric, got {step!r}")
    sync = checked_flag("step_sync", step_sync)
    if sync is None and step is not None:
        sync = True
    return Metric(
        name=named,
        step_metric=step,
        step_sync=sync,
        hidden=checked_flag("hidden", hidden),
        summary=_checked_summary(summary),
        goal=_checked_goal(goal),
    )


def checked_flag(argument: str, value: object) -> bool | None:
    """A bool or None.

    Raises:
        InvalidValueError: It is something else.
    """
    if value is None or isinstance(value, bool):
        return value
    raise InvalidValueError(f"{argument} is True, False or None, got {value!r}")


def _checked_name(argument: str, value: object) -> str:
    if isinstance(value, str) and value:
        return value
    raise InvalidValueError(f"{argument} is the name of a metric, got {value!r}")


def _checked_summary(value: object) -> tuple[str, ...] | None:
    if isinstance(value, str):
        names: list[object] = list(value.split(",")) if value else []
    elif value is None or isinstance(value, list | tuple | set | frozenset):
        names = list(cast("Iterable[object]", value or ()))
    else:
        raise InvalidValueError(f"summary is a text or a list of texts, got {value!r}")
    found = tuple(name.strip().lower() if isinstance(name, str) else name for name in names)
    for name in found:
        if name not in SUMMARIES:
            raise InvalidValueError(f"summary is out of {', '.join(SUMMARIES)}, got {name!r}")
    return cast("tuple[str, ...]", found) or None


def _checked_goal(value: object) -> str | None:
    goal = value.lower() if isinstance(value, str) else value
    if goal is None or (isinstance(goal, str) and goal in GOALS):
        return goal
    raise InvalidValueError(f"goal is 'minimize' or 'maximize', got {value!r}")


def _definition(metric: Metric, earlier: MetricDefinition | None) -> MetricDefinition:
    """What counts: the call, and for what it leaves open the earlier definition."""
    before = earlier or MetricDefinition(name=metric.name)
    return MetricDefinition(
        name=metric.name,
        step_metric=metric.step_metric or before.step_metric,
        step_sync=before.step_sync if metric.step_sync is None else metric.step_sync,
        hidden=before.hidden if metric.hidden is None else metric.hidden,
        defined=True,
        # They add up, as in the wandb package.
        summary=ordered((*(metric.summary or ()), *before.summary)),
        goal=before.goal if metric.goal is None else GOALS.index(metric.goal) + 1,
    )


def _member(value: object, key: str) -> object:
    return cast("dict[str, object]", value).get(key) if isinstance(value, dict) else None
