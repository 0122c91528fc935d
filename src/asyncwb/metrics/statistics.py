"""Statistics of logged values, which take the place of a metric's last value in the summary."""

from __future__ import annotations

import math
import operator
from collections.abc import Mapping
from contextlib import suppress
from functools import reduce
from itertools import groupby
from typing import TYPE_CHECKING, Any, TypeAlias, cast

import msgspec

from asyncwb.metrics.definitions import MAXIMIZE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from asyncwb.metrics.definitions import MetricDefinition, MetricTable

__all__ = ["Columns", "Path", "Statistics", "SummaryStatistics", "leaves"]

Path: TypeAlias = tuple[str, ...]

_NUMBERS = frozenset({float, int})
_OWN = ("_step", "_timestamp", "_runtime", "_wandb")
_UNSET = object()
_MOST_WAITING = 256
_MOST_PLANS = 256


class Statistics:
    """Statistics of one metric.

    Any plain value counts as first and last one; the rest is of numbers, without NaN.

    Values wait in a list until somebody asks: the arithmetic is done by builtins over many of
    them at once.

    Args:
        definition: What is asked for.
        earlier: What the summary of a resumed run says: its statistics go on, but for the mean,
            whose number of values nobody knows.

    Attributes:
        extend: Counts plain values; somebody has to `settle` now and then.
        shown: Whether the summary shows them; no longer once the user has set the value by hand.
    """

    __slots__ = (
        "_count", "_definition", "_first", "_last", "_max", "_min", "_total", "_waiting",
        "extend", "shown",
    )  # fmt: skip

    extend: Callable[[Iterable[object]], None]

    def __init__(self, definition: MetricDefinition, earlier: object = None) -> None:
        self._definition = definition
        self._waiting: list[object] = []
        self.extend = self._waiting.extend
        self.reset()
        if isinstance(earlier, dict):
            self._go_on(cast("dict[str, object]", earlier))

    @property
    def hides(self) -> bool:
        """Whether the summary is to hold nothing of this metric."""
        return "none" in self._definition.summary

    def reset(self) -> None:
        """Begin anew."""
        self._waiting.clear()
        self.shown = True
        self._count = 0
        self._total = 0.0
        self._min = math.inf
        self._max = -math.inf
        self._first: object = _UNSET
        self._last: object = _UNSET

    def redefine(self, definition: MetricDefinition) -> None:
        """Ask for something else; a new definition shows them again."""
        if definition is not self._definition:
            self._definition = definition
            self.shown = True

    def settle(self) -> None:
        """Work through the values that wait."""
        values = self._waiting
        if not values:
            return
        if self._first is _UNSET:
            self._first = values[0]
        self._last = values[-1]
        if _NUMBERS.issuperset(map(type, values)):
            numbers = cast("list[float]", values)
            # One by one, so that the result does not depend on who settled when.
            total = reduce(operator.add, numbers, self._total)
            if not math.isnan(total):
                self._take(numbers, total)
                values.clear()
                return
        kept = [one for one in values if type(one) in _NUMBERS and one == one]  # noqa: PLR0124 - NaN
        numbers = cast("list[float]", kept)
        if numbers:
            self._take(numbers, reduce(operator.add, numbers, self._total))
        values.clear()

    def _take(self, numbers: list[float], total: float) -> None:
        self._count += len(numbers)
        self._total = total
        self._min = min(self._min, *numbers)
        self._max = max(self._max, *numbers)

    def value(self) -> dict[str, object]:
        """The object for the summary, with the asked statistics that exist."""
        self.settle()
        found: dict[str, object] = {}
        if self._count:
            found["mean"] = self._total / self._count
        best = "max" if self._definition.goal == MAXIMIZE else "min"
        for name, value in (("min", self._min), ("max", self._max)):
            # Without a number of this run, a resumed one may have left one of the two.
            if self._count or math.isfinite(value):
                found[name] = value
                if name == best:
                    found["best"] = value
        if self._last is not _UNSET:
            found |= {"last": self._last, "first": self._first}
        return {name: found[name] for name in self._definition.summary if name in found}

    def _go_on(self, earlier: dict[str, object]) -> None:
        best = "max" if self._definition.goal == MAXIMIZE else "min"
        for name, value in earlier.items():
            kind = best if name == "best" else name
            if kind == "first":
                self._first = value
            elif type(value) not in _NUMBERS or value != value:  # noqa: PLR0124 - NaN
                continue
            elif kind == "min":
                self._min = min(self._min, cast("float", value))
            elif kind == "max":
                self._max = max(self._max, cast("float", value))


class Columns(msgspec.Struct, frozen=True, eq=False):
    """Whose values count in rows of one key set.

    Attributes:
        pick: Takes them out of a row.
        extend: Where to count them, one by one.
    """

    pick: Callable[[Any], tuple[object, ...]]
    extend: tuple[Callable[[Iterable[object]], None], ...]


class SummaryStatistics:
    """The statistics that take the place of values in one summary.

    Rows wait as well: one then costs one `append`, and its values are dealt out with those of its
    neighbours.

    Args:
        table: The definitions.
    """

    def __init__(self, table: MetricTable) -> None:
        self._table = table
        self._statistics: dict[Path, Statistics] = {}
        self._without: dict[Path, None] = {}
        self._plans: dict[tuple[str, ...], Columns | None] = {}
        self._waiting: list[tuple[Columns, tuple[object, ...]]] = []
        self._earlier: Mapping[str, object] = {}

    def resume(self, summary: Mapping[str, object]) -> None:
        """Go on with the statistics of the run that is being resumed."""
        self._earlier = summary

    def of(self, path: Path) -> Statistics | None:
        """The statistics of one leaf, None where none are asked for."""
        found = self._statistics.get(path)
        if found is None and path not in self._without:
            definition = self._table.find(".".join(path))
            if definition is None or not definition.summary or path[0] in _OWN:
                self._without[path] = None
                return None
            found = Statistics(definition, _at(self._earlier, path))
            self._statistics[path] = found
        return found

    def columns(self, keys: Iterable[tuple[object, Path]]) -> Columns | None:
        """Which values of rows count; until something is redefined.

        Args:
            keys: Those of the rows, and the paths of their values.
        """
        counted = [(key, one) for key, path in keys if (one := self.of(path)) is not None]
        if not counted:
            return None
        names = tuple(key for key, _ in counted)
        return Columns(_picker(names), tuple(one.extend for _, one in counted))

    def count(self, columns: Columns, row: Mapping[Any, object]) -> None:
        """Count the values of one row of plain values, by its columns."""
        self._waiting.append((columns, columns.pick(row)))
        if len(self._waiting) >= _MOST_WAITING:
            self._settle()

    def add_row(self, row: Mapping[str, object], *, flat: bool) -> None:
        """Count the values of one row of plain values; `flat`: none of them is a dict."""
        if not flat:
            values = dict(leaves(row))
            columns = self.columns((path, path) for path in values)
            if columns is not None:
                self.count(columns, values)
            return
        keys = tuple(row)
        if keys not in self._plans:
            if len(self._plans) >= _MOST_PLANS:
                self._plans.clear()
            self._plans[keys] = self.columns((key, (key,)) for key in keys)
        columns = self._plans[keys]
        if columns is not None:
            self.count(columns, row)

    def _deal_out(self) -> None:
        """Give every statistics its values of the rows that wait."""
        waiting = self._waiting
        taken: list[tuple[Columns, tuple[object, ...]]] = []
        with suppress(IndexError):  # a signal handler may take the rest
            while waiting:
                taken.append(waiting.pop())
        for columns, rows in groupby(reversed(taken), key=operator.itemgetter(0)):
            values = zip(*(row for _, row in rows), strict=True)
            for extend, column in zip(columns.extend, values, strict=True):
                extend(column)

    def _settle(self) -> None:
        """Work through what waits: it has a bound."""
        self._deal_out()
        for one in self._statistics.values():
            one.settle()

    def shown(self, tree: Mapping[str, object]) -> list[tuple[Path, dict[str, object] | None]]:
        """What a summary holds instead of the last values in it; None: nothing.

        Deep ones come first: a metric that was logged as a dict before, and is a number now, has
        the last word.
        """
        self._deal_out()
        found: list[tuple[Path, dict[str, object] | None]] = []
        for path, one in sorted(self._statistics.items(), key=_depth, reverse=True):
            if one.shown and _has(tree, path):
                value = None if one.hides else one.value()
                if value is None or value:
                    found.append((path, value))
        return found

    def covers(self, path: Sequence[str]) -> bool:
        """Whether a value at this path, or above it, is of statistics."""
        parts = tuple(path)
        return any(parts[:length] in self._statistics for length in range(1, len(parts) + 1))

    def set_by_hand(self, path: Sequence[str], value: object) -> None:
        """The user's own value counts from now on, and plain values after it."""
        if not self._table.wants_statistics:
            return
        top = tuple(path)
        self.of(top)
        if isinstance(value, dict):
            for leaf, _ in leaves(cast("dict[str, object]", value), top):
                self.of(leaf)
        for known, one in self._statistics.items():
            if known[: len(top)] == top or top[: len(known)] == known:
                one.shown = False

    def remove(self, path: Sequence[str]) -> None:
        """Begin anew with the next value of the keys at and below a path."""
        self._deal_out()
        top = tuple(path)
        for known, one in self._statistics.items():
            if known[: len(top)] == top:
                one.reset()

    def redefined(self) -> None:
        """Heed definitions that have changed."""
        self._deal_out()
        self._plans.clear()
        self._without.clear()
        for path, one in list(self._statistics.items()):
            definition = self._table.find(".".join(path))
            if definition is None or not definition.summary:
                del self._statistics[path]
            else:
                one.redefine(definition)


def _picker(names: Sequence[object]) -> Callable[[Any], tuple[object, ...]]:
    """What takes the values of these keys out of a row."""
    if len(names) > 1:
        return operator.itemgetter(*names)
    name = names[0]
    return lambda row: (row[name],)


def _depth(pair: tuple[Path, Statistics]) -> int:
    return len(pair[0])


def leaves(tree: Mapping[str, object], above: Path = ()) -> Iterator[tuple[Path, object]]:
    """The values of nested dicts with their paths; an object with a `_type` (media) is one."""
    for key, value in tree.items():
        path = (*above, key)
        if isinstance(value, Mapping) and "_type" not in value:
            yield from leaves(cast("Mapping[str, object]", value), path)
        else:
            yield path, value


def _has(tree: Mapping[str, object], path: Path) -> bool:
    """Whether there is a value at a path; those inside of a media value do not count."""
    for key in path[:-1]:
        below = tree.get(key)
        if not isinstance(below, dict) or "_type" in below:
            return False
        tree = cast("dict[str, object]", below)
    return path[-1] in tree


def _at(tree: Mapping[str, object], path: Path) -> object:
    value: object = tree
    for key in path:
        value = cast("Mapping[str, object]", value).get(key) if isinstance(value, dict) else None
    return value
