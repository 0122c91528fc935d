"""Definitions made with `define_metric`: their wire form and their statistics."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from asyncwb.journal.records import MetricRecord

__all__ = ["MetricDefinition", "MetricTable", "Statistics", "definition_of"]

_SUMMARY_NAMES = {
    1: "min", 2: "max", 3: "mean", 4: "best", 5: "last", 6: "none", 7: "copy", 8: "first",
}  # fmt: skip
_SUMMARY_NUMBERS = {name: number for number, name in _SUMMARY_NAMES.items()}

MAXIMIZE = 2


class MetricDefinition(msgspec.Struct, kw_only=True):
    """One `define_metric` call, or a step metric that only such a call names.

    Attributes:
        name: Dotted path; "" for a glob.
        glob: Pattern with a `*` at its end; "" for a plain name.
        step_metric: Name of the x axis, "" for the step.
        summary: Names of statistics: min, max, mean, best, last, first, none, copy.
        goal: 0 unset, 1 minimize, 2 maximize; decides what "best" is.
    """

    name: str = ""
    glob: str = ""
    step_metric: str = ""
    step_sync: bool = False
    hidden: bool = False
    defined: bool = False
    summary: tuple[str, ...] = ()
    goal: int = 0


def definition_of(record: MetricRecord) -> MetricDefinition:
    """Read a metric record."""
    return MetricDefinition(
        name=record.name,
        glob=record.glob_name,
        step_metric=record.step_metric,
        step_sync=1 in record.options,
        hidden=2 in record.options,
        defined=3 in record.options,
        summary=tuple(_SUMMARY_NAMES[n] for n in record.summary if n in _SUMMARY_NAMES),
        goal=record.goal,
    )


class Statistics:
    """Running statistics of one metric. NaN counts as a last or first value only."""

    __slots__ = ("_count", "_definition", "_first", "_last", "_max", "_min", "_total")

    def __init__(self, definition: MetricDefinition) -> None:
        self._definition = definition
        self._count = 0
        self._total = 0.0
        self._min = math.inf
        self._max = -math.inf
        self._first: float | None = None
        self._last: float | None = None

    def add(self, value: float) -> None:
        """Count one logged number."""
        self._last = value
        if self._first is None:
            self._first = value
        if math.isnan(value):
            return
        self._count += 1
        self._total += value
        self._min = min(self._min, value)
        self._max = max(self._max, value)

    def value(self) -> dict[str, object]:
        """The summary object, with the asked statistics that exist."""
        asked = self._definition.summary
        result: dict[str, object] = {}
        if self._count:
            best = self._max if self._definition.goal == MAXIMIZE else self._min
            known = {
                "min": self._min,
                "max": self._max,
                "mean": self._total / self._count,
                "best": best,
            }
            result = {name: known[name] for name in asked if name in known}
        if self._last is not None:
            ends = {"last": self._last, "first": self._first}
            result |= {name: ends[name] for name in asked if name in ends}
        return result


class MetricTable:
    """All definitions of a run, looked up by metric name.

    Attributes:
        wants_statistics: Whether any definition changes the summary.
    """

    def __init__(self) -> None:
        self._exact: dict[str, MetricDefinition] = {}
        self._globs: dict[str, MetricDefinition] = {}
        self._found: dict[str, MetricDefinition | None] = {}
        self.wants_statistics = False

    def define(self, definition: MetricDefinition, *, overwrite: bool) -> None:
        """Add a definition; without `overwrite` it is merged into an earlier one."""
        table = self._globs if definition.glob else self._exact
        key = definition.glob or definition.name
        earlier = table.get(key)
        if earlier is not None and not overwrite:
            definition = MetricDefinition(
                name=definition.name,
                glob=definition.glob,
                step_metric=definition.step_metric or earlier.step_metric,
                step_sync=definition.step_sync or earlier.step_sync,
                hidden=definition.hidden or earlier.hidden,
                defined=definition.defined or earlier.defined,
                summary=definition.summary or earlier.summary,
                goal=definition.goal or earlier.goal,
            )
        table[key] = definition
        self.wants_statistics = self.wants_statistics or bool(definition.summary)
        self._found.clear()

    def find(self, name: str) -> MetricDefinition | None:
        """The definition for a dotted name: an exact one, else the longest matching glob."""
        if name not in self._found:
            self._found[name] = self._search(name)
        return self._found[name]

    def _search(self, name: str) -> MetricDefinition | None:
        found = self._exact.get(name)
        # A step metric that only another definition names says nothing about its own summary.
        if found is not None and (found.defined or found.summary):
            return found
        globs = [g for g in self._globs if name.startswith(g.removesuffix("*"))]
        return self._globs[max(globs, key=len)] if globs else found

    def wire(self) -> list[dict[str, object]]:
        """The list `config._wandb.value.m`: objects keyed by field numbers."""
        definitions = [*self._exact.values(), *self._globs.values()]
        names = {d.name for d in definitions}
        steps = dict.fromkeys(d.step_metric for d in definitions if d.step_metric)
        definitions += [MetricDefinition(name=step) for step in steps if step not in names]
        index = {d.name: number for number, d in enumerate(definitions, 1) if d.name}
        return [_wire_entry(definition, index) for definition in definitions]


def _wire_entry(definition: MetricDefinition, index: dict[str, int]) -> dict[str, object]:
    entry: dict[str, object] = {}
    if definition.glob:
        entry["2"] = definition.glob
    else:
        entry["1"] = definition.name
    if definition.step_metric:
        entry["5"] = index[definition.step_metric]
    # The third option, "defined", is not sent for globs.
    options = (definition.step_sync, definition.hidden, definition.defined and not definition.glob)
    entry["6"] = [number for number, on in enumerate(options, 1) if on]
    entry["7"] = sorted(_SUMMARY_NUMBERS[name] for name in definition.summary)
    if definition.goal:
        entry["8"] = definition.goal
    return entry
