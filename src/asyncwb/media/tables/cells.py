"""Cells as JSON, in the two forms that tables have: in an artifact, and in the file of a row.

Rows are written some at a time, so that no other thread waits long for the interpreter.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import Enum
from itertools import chain
from typing import TYPE_CHECKING, Any, cast

import msgspec

from asyncwb import jsonx
from asyncwb.errors import InvalidValueError
from asyncwb.media.base import Media

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Sequence

    from asyncwb.media.stored import ObjectPlace
    from asyncwb.media.tables.sources import ArrayRows

__all__ = ["owned", "shown_rows", "stored_cell", "stored_rows"]

# So many cells are written in half a millisecond.
_CELLS = 1024
# Rows of an array become lists. With 700 at once each piece would set off a garbage collection,
# which finds them alive: they would count as old ones, and soon those would be collected too.
_ROWS = 512
_FLAT = frozenset({float, int, str, bool, type(None)})
_NUMBERS = frozenset({float, int})
_DEEPEST = 100


def stored_cell(value: Any, place: ObjectPlace) -> Any:
    """A cell as artifacts hold it: media in full, times in milliseconds, NaN as null."""
    kind: Any = type(value)  # pyright: ignore[reportUnknownVariableType]
    if kind is float:
        return value if value == value else None
    if kind in _FLAT:
        return value
    if isinstance(value, Media):
        return value.stored_json(place)
    if isinstance(value, Mapping):
        items = cast("Mapping[object, Any]", value).items()
        return {_name(key): stored_cell(item, place) for key, item in items}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [stored_cell(item, place) for item in cast("Iterable[object]", value)]
    if isinstance(value, date):
        return _milliseconds(value)
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, bytes):
        return value.decode(errors="replace")
    if isinstance(value, Enum):
        return value.name
    if hasattr(value, "tolist"):
        found: Any = value.tolist()
        if kind.__name__ == "datetime64" and isinstance(found, int):
            return found / 1e6  # of nanoseconds
        return stored_cell(found, place)
    if isinstance(value, (int, float, str)):
        return value
    return _text(value)


def _shown_cell(value: Any) -> Any:
    """A cell as the file of a row holds it: media by their class, times as text, NaN as it is."""
    if type(value) in _FLAT:
        return value
    if isinstance(value, Media):
        return type(value).__name__
    if isinstance(value, Mapping):
        items = cast("Mapping[object, Any]", value).items()
        return {_name(key): _shown_cell(item) for key, item in items}
    if isinstance(value, (list, tuple, set, frozenset, bytes)):
        return [_shown_cell(item) for item in cast("Iterable[object]", value)]
    if isinstance(value, (date, Decimal)):
        return value
    if isinstance(value, Enum):
        return value.value
    for kind in (str, int, float):
        if isinstance(value, kind):
            return kind(value)
    if hasattr(value, "tolist"):
        return _shown_cell(value.tolist())
    return _text(value)


def owned(value: Any, depth: int = 0) -> Any:
    """A cell that nobody else can change.

    Raises:
        InvalidValueError: No JSON can be made of it.
    """
    if type(value) in _FLAT or isinstance(value, (date, Decimal, bytes, Enum, str, int, float)):
        return value
    if depth > _DEEPEST:
        raise InvalidValueError("a cell is nested too deeply, or contains itself")
    if isinstance(value, Media):
        return value.as_logged()
    if isinstance(value, Mapping):
        items = cast("Mapping[object, Any]", value).items()
        return {key: owned(item, depth + 1) for key, item in items}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [owned(item, depth + 1) for item in cast("Iterable[object]", value)]
    if hasattr(value, "detach"):
        value = value.detach().cpu().numpy()
    if hasattr(value, "dtype"):
        return value.copy() if hasattr(value, "copy") else value
    if callable(value):
        return value
    raise InvalidValueError(
        f"a cell cannot be a {type(value).__name__}: give what JSON can hold, an array, a time, "
        "or a media object"
    )


def _name(key: Any) -> Any:
    key = key.item() if hasattr(key, "item") else key
    return key if type(key) in _FLAT else str(key)


def _text(value: Any) -> str:
    """The name of a function."""
    module, name = getattr(value, "__module__", None), getattr(value, "__qualname__", None)
    return f"{module}.{name}" if module and name else str(value)


def _milliseconds(value: date) -> int:
    if not isinstance(value, datetime):
        value = datetime(value.year, value.month, value.day, tzinfo=UTC)
    elif value.tzinfo is None:
        value = value.replace(tzinfo=UTC)
    return int(value.timestamp() * 1000)


def stored_rows(
    rows: Sequence[Sequence[Any]] | ArrayRows, place: ObjectPlace, left_out: Collection[int] = ()
) -> Iterator[bytes]:
    """Rows as a JSON list, as artifacts hold them.

    Args:
        rows: The rows.
        place: The artifact; files of media go there.
        left_out: Numbers of columns that are null here.
    """

    def write(some: Sequence[Sequence[Any]]) -> bytes:
        kinds = _kinds(some)
        if not left_out and kinds <= _FLAT:
            text = (_numbers(some) if kinds <= _NUMBERS else None) or json.dumps(some).encode()
            # Seldom there, and then maybe in a text: looked at cell by cell.
            if b"NaN" not in text:
                return text
        plain = [
            [None if at in left_out else stored_cell(cell, place) for at, cell in enumerate(row)]
            for row in some
        ]
        return json.dumps(plain, sort_keys=True).encode()

    return _pieces(rows, write, b", ")


def shown_rows(rows: Sequence[Sequence[Any]] | ArrayRows) -> Iterator[bytes]:
    """Rows as a JSON list, as the file of a row holds them."""

    def write(some: Sequence[Sequence[Any]]) -> bytes:
        plain = (
            some if _kinds(some) <= _FLAT else [[_shown_cell(cell) for cell in row] for row in some]
        )
        return jsonx.encode(plain)

    return _pieces(rows, write, b",")


def _kinds(rows: Sequence[Sequence[Any]]) -> set[type]:
    return set(map(type, chain.from_iterable(rows)))


def _numbers(rows: Sequence[Sequence[Any]]) -> bytes | None:
    """What `json.dumps` makes of numbers, some times faster; None where that may be another text.

    Both write the shortest digits that mean the number. They differ in what has an exponent, in
    0.00001 and what follows it, and in NaN and the infinities.
    """
    try:
        text = msgspec.json.encode(rows)
    except OverflowError:
        return None
    if b"e" in text or b"0.0000" in text or b"null" in text:
        return None
    return text.replace(b",", b", ")


def _pieces(
    rows: Sequence[Sequence[Any]] | ArrayRows,
    write: Callable[[Sequence[Sequence[Any]]], bytes],
    comma: bytes,
) -> Iterator[bytes]:
    many = min(_ROWS, max(1, _CELLS // max(1, len(rows[:1][0])))) if len(rows) else 1
    before = b"["
    for start in range(0, len(rows), many):
        yield before + write(rows[start : start + many])[1:-1]
        before = comma
    yield b"]" if len(rows) else b"[]"
