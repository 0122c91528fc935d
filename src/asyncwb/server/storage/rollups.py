"""The numbers of a segment by key: every one of them, and blocks of 32 rows.

    blocks     for each 32 rows that have numbers: see `BLOCK`
    numbers    float64 of each row, NaN where it has none; where few have one, only theirs, followed
               by their places as uint16

Keys of nested objects are joined by dots. What is not a finite number is left out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
import numpy as np

from asyncwb.server.jsontext import is_object

from .ingest import parse_row
from .lines import split
from .series_tables import has_columns

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from typing import TypeAlias

    from numpy.typing import NDArray

    Numbers: TypeAlias = NDArray[np.float64]
    Places: TypeAlias = NDArray[np.int64]

__all__ = ["BLOCK", "ROWS", "Column", "Groups", "read_numbers", "roll_up"]

ROWS = 32
"""Rows of a block."""

BLOCK = np.dtype(
    [
        ("number", "<u2"),  # of the block in its segment
        ("count", "<u2"),  # rows with a number
        ("rising", "?"),  # the smallest number comes before the largest
        ("low", "<f8"),
        ("high", "<f8"),
        ("sum", "<f8"),
    ]
)

_DEEPEST = 32  # levels of nested objects
_NUMBERS = {int, float}
_type_of: Callable[[Any], Any] = type
_decode = msgspec.json.Decoder(list[dict[str, Any]]).decode


class Column(NamedTuple):
    """What is kept of one key of a segment."""

    key: str
    blocks: bytes
    numbers: bytes


class Groups:
    """Values in order that fall into the same groups, which follow each other.

    Attributes:
        first: Where each group begins.
        counts: How many values it has.
        number: The group's number.
    """

    def __init__(self, group: Places) -> None:
        self.first: Places = np.flatnonzero(np.diff(group, prepend=-1))
        self.counts: Places = np.diff(self.first, append=len(group))
        self.number: Places = group[self.first]

    def extremes(self, values: Numbers) -> tuple[Places, Places]:
        """Where each group has its smallest and its largest value for the first time."""
        least = np.minimum.reduceat(values, self.first)
        most = np.maximum.reduceat(values, self.first)
        return self._first_of(values, least), self._first_of(values, most)

    def _first_of(self, values: Numbers, wanted: Numbers) -> Places:
        places = np.where(
            values == np.repeat(wanted, self.counts), np.arange(len(values)), len(values)
        )
        return np.minimum.reduceat(places, self.first)


def roll_up(data: bytes, steps: bytes | None) -> list[Column]:
    """The columns of a segment.

    Args:
        data: Its lines.
        steps: The steps of its rows, int64, which are the numbers of `_step`; None: it has none.
    """
    rows = _rows(data)
    found: list[Column] = []
    if steps is not None:
        numbers = np.frombuffer(steps, dtype=np.int64).astype(np.float64)
        found.append(_column("_step", np.arange(len(rows)), numbers, len(rows)))
    for key, (places, values) in _by_key(rows).items():
        if (key == "_step" and steps is not None) or not has_columns(key):
            continue
        finite = np.isfinite(values)
        if finite.any():
            found.append(_column(key, places[finite], values[finite], len(rows)))
    return found


def read_numbers(numbers: bytes, line_count: int) -> Numbers:
    """The number of each row of a segment; NaN where it has none."""
    if len(numbers) == 8 * line_count:
        return np.frombuffer(numbers)
    count = len(numbers) // 10
    places = np.frombuffer(numbers, "<u2", count, 8 * count)
    return _spread(places, np.frombuffer(numbers, count=count), line_count)


def _spread(places: NDArray[Any], values: Numbers, line_count: int) -> Numbers:
    spread = np.full(line_count, np.nan)
    spread[places] = values
    return spread


def _rows(data: bytes) -> list[dict[str, Any]]:
    try:
        return _decode(b"[" + data.replace(b"\n", b",") + b"]")
    except (msgspec.MsgspecError, RecursionError):
        return [parse_row(line) for line in split(data)]


def _by_key(rows: list[dict[str, Any]]) -> dict[str, tuple[Places, Numbers]]:
    """Places and values of the numbers under each key."""
    # Most rows are alike: those with equal keys are taken apart together.
    alike: dict[tuple[str, ...], tuple[list[int], list[Iterable[Any]]]] = {}
    for place, row in enumerate(rows):
        group = alike.setdefault(tuple(row), ([], []))
        group[0].append(place)
        group[1].append(row.values())
    parts: dict[str, list[tuple[Places, Numbers]]] = {}
    nested: set[int] = set()
    for keys, (places, values) in alike.items():
        everywhere = np.array(places)
        for key, column in zip(keys, zip(*values, strict=True), strict=True):
            kinds = set(map(_type_of, column))
            if kinds <= _NUMBERS:
                parts.setdefault(key, []).append((everywhere, _floats(column)))
            elif kinds & _NUMBERS:
                numbers = _floats([v if _type_of(v) in _NUMBERS else np.nan for v in column])
                parts.setdefault(key, []).append((everywhere, numbers))
            if dict in kinds:
                nested.update(places)
    for key, found in _nested([(place, rows[place]) for place in sorted(nested)]).items():
        parts.setdefault(key, []).append((np.array(found[0]), _floats(found[1])))
    return {key: _in_order(found) for key, found in parts.items()}


def _nested(rows: list[tuple[int, dict[str, Any]]]) -> dict[str, tuple[list[int], list[float]]]:
    """The same for numbers inside of objects."""
    found: dict[str, tuple[list[int], list[float]]] = {}
    for place, row in rows:
        seen = set(row)
        for key, value in _inner(row):
            if key not in seen:  # of equal keys the first counts, and those of the row before
                seen.add(key)
                places, values = found.setdefault(key, ([], []))
                places.append(place)
                values.append(value)
    return found


def _in_order(parts: list[tuple[Places, Numbers]]) -> tuple[Places, Numbers]:
    if len(parts) == 1:
        return parts[0]
    places = np.concatenate([part[0] for part in parts])
    values = np.concatenate([part[1] for part in parts])
    order = np.argsort(places)
    return places[order], values[order]


def _inner(row: dict[str, Any], levels: int = _DEEPEST) -> Iterator[tuple[str, float]]:
    """Numbers of nested objects, by keys joined by dots."""
    for key, value in row.items():
        if is_object(value):
            for inner, number in value.items():
                if type(number) is float or type(number) is int:
                    yield f"{key}.{inner}", number
            for inner, number in _inner(value, levels - 1) if levels else ():
                yield f"{key}.{inner}", number


def _floats(values: Sequence[float]) -> Numbers:
    try:
        return np.array(values, dtype=np.float64)
    except OverflowError:  # an integer beyond all floats
        return np.array([_float(value) for value in values])


def _float(value: float) -> float:
    try:
        return float(value)
    except OverflowError:
        return np.nan


def _column(key: str, places: Places, values: Numbers, line_count: int) -> Column:
    groups = Groups(places // ROWS)
    least, most = groups.extremes(values)
    blocks = np.empty(len(groups.first), BLOCK)
    blocks["number"] = groups.number
    blocks["count"] = groups.counts
    blocks["rising"] = least <= most
    blocks["low"] = values[least]
    blocks["high"] = values[most]
    blocks["sum"] = np.add.reduceat(values, groups.first)
    if 10 * len(places) < 8 * line_count:
        numbers = values.tobytes() + places.astype("<u2").tobytes()
    else:
        numbers = _spread(places, values, line_count).tobytes()
    return Column(key, blocks.tobytes(), numbers)
