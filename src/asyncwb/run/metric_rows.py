"""What metric definitions mean for each row: step values it lacks, statistics it counts for."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeAlias, cast

import msgspec

from asyncwb.metrics.statistics import Columns, leaves

if TYPE_CHECKING:
    from collections.abc import Callable

    from asyncwb.metrics import MetricDefinition, MetricTable, SummaryStatistics

__all__ = ["MetricRows"]

_Key: TypeAlias = "str | tuple[str, ...]"
"""A key of a row, or the path of a leaf below one."""

_PLAIN = frozenset({float, int, str, bool, type(None)})
_NUMBERS = frozenset({float, int})
_OWN = ("_step", "_timestamp", "_runtime")
_MOST_PLANS = 256


class _Plan(msgspec.Struct, frozen=True):
    """What is to be done with rows of one key set.

    Attributes:
        missing: Step metrics to put in: name and place.
        nested: Whether rows have nested values, with these put in.
        steps: Step metrics that rows have by themselves: place and name.
        counted: Whose values count for statistics; None: nobody's.
    """

    missing: tuple[tuple[str, _Key], ...]
    nested: bool
    steps: tuple[tuple[_Key, str], ...]
    counted: Columns | None


class MetricRows:
    """Applies the definitions of a run to its rows. Used under the lock of the history.

    Definitions are matched once per key set; a row then costs a look-up and what there is to do.

    Args:
        table: The definitions.
        statistics: Of the run's summary.
        decode_row: Reads a row back from the payload of its record.
        last_value: The last logged number of a metric, from before its definition; 0 without one.
    """

    def __init__(
        self,
        table: MetricTable,
        statistics: SummaryStatistics,
        *,
        decode_row: Callable[[bytes], dict[str, Any]],
        last_value: Callable[[str], float],
    ) -> None:
        self._table = table
        self._statistics = statistics
        self._decode_row = decode_row
        self._last_value = last_value
        self._plans: dict[tuple[_Key, ...], _Plan] = {}
        self._steps: dict[str, float] = {}
        self._places: dict[str, _Key] = {}
        # The row that `complete` saw last, what it found, and whether all its leaves are plain.
        self._row: dict[str, Any] | None = None
        self._plan: _Plan
        self._is_plain = False

    def forget_plans(self) -> None:
        """Heed definitions, or statistics, that have changed."""
        self._plans.clear()
        self._row = None

    def complete(self, row: dict[str, Any]) -> dict[str, Any]:
        """The row with the last value of each step metric that it needs and lacks."""
        self._is_plain = _PLAIN.issuperset(map(type, row.values()))
        layout = tuple(row) if self._is_plain else self._layout(row)
        self._plan = plan = self._plans.get(layout) or self._make_plan(layout)
        if plan.missing:
            row = row.copy()
            for name, key in plan.missing:
                if isinstance(key, str):
                    row[key] = self._steps[name]
                else:
                    _put(row, key, self._steps[name])
        self._row = row
        return row

    def observe(self, row: dict[str, Any], payload: bytes) -> None:
        """Note a written row."""
        # A signal handler may have logged a row of its own in the middle of this one.
        seen = row if self._row is row else self.complete(row)
        self._row = None
        plan = self._plan
        if not plan.steps and plan.counted is None:
            return
        # Tensors and their kin: as they were written, which also keeps none of them alive.
        plain = seen if self._is_plain else self._decode_row(payload)
        values: Any = _leaves(plain) if plan.nested else plain
        if not self._is_plain:
            # A key that is a string of another kind was written under its own text.
            values = defaultdict[_Key, Any](lambda: None, values)
        for key, name in plan.steps:
            value = values[key]
            if type(value) in _NUMBERS:
                self._steps[name] = value
                if self._places.get(name) != key:
                    self._places[name] = key
                    self._plans.clear()
        if plan.counted is not None:
            self._statistics.count(plan.counted, values)

    def _layout(self, row: dict[str, Any]) -> tuple[_Key, ...]:
        """The keys of a row that is not plain, and the paths below them where it is nested."""
        if not any(issubclass(kind, Mapping) for kind in set(map(type, row.values()))):
            return tuple(row)
        try:
            found = _leaves(row)
        except RecursionError:
            return ()  # a cycle; the encoder says so
        self._is_plain = _PLAIN.issuperset(map(type, found.values()))
        return tuple(found)

    def _make_plan(self, layout: tuple[_Key, ...]) -> _Plan:
        if len(self._plans) >= _MOST_PLANS:
            self._plans.clear()
        places = {_name(key): key for key in layout}
        missing: list[tuple[str, _Key]] = []
        for name in list(places):
            step = _step_of(self._table.find(name))
            if not step or step in places:
                continue
            key = self._places.setdefault(step, _unpath(tuple(step.split("."))))
            if _has_room(key, places):
                if step not in self._steps:
                    self._steps[step] = self._last_value(step)
                places[step] = key
                missing.append((step, key))
        known = self._table.step_metrics
        keys = [*layout, *(key for _, key in missing)]
        put_in = {name for name, _ in missing}
        plan = _Plan(
            missing=tuple(missing),
            nested=any(isinstance(key, tuple) for key in keys),
            steps=tuple((key, name) for name, key in places.items() if name in known - put_in),
            counted=self._statistics.columns((key, _path(key)) for key in keys),
        )
        self._plans[layout] = plan
        return plan


def _step_of(found: MetricDefinition | None) -> str:
    """The step metric that a definition wants in every row; "" for none."""
    if found is None or not found.step_sync or found.step_metric in _OWN:
        return ""
    return found.step_metric


def _leaves(row: Mapping[str, Any]) -> dict[_Key, Any]:
    return {_unpath(path): value for path, value in leaves(row)}


def _has_room(key: _Key, places: Mapping[str, _Key]) -> bool:
    """Whether a row may get this place: no value is in its way, nor would it be in one's."""
    path = _path(key)
    others = map(_path, places.values())
    return not any(path[: len(other)] == other or other[: len(path)] == path for other in others)


def _unpath(path: tuple[str, ...]) -> _Key:
    return path[0] if len(path) == 1 else path


def _path(key: _Key) -> tuple[str, ...]:
    """As a path, of text even where a key is none: the encoder says what is wrong with that."""
    return tuple(map(str, key)) if isinstance(key, tuple) else (str(key),)


def _name(key: _Key) -> str:
    return ".".join(_path(key))


def _put(row: dict[str, Any], path: tuple[str, ...], value: float) -> None:
    """Set a leaf of a copied row; the dicts that lead to it are the caller's, and copied, too."""
    for part in path[:-1]:
        copied = dict(cast("Mapping[str, Any]", row.get(part) or {}))
        row[part] = copied
        row = copied
    row[path[-1]] = value
