"""JSON of large values, written piece by piece: no other thread waits long for the interpreter."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from asyncwb import jsonx

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["json_in_pieces"]

# A piece of numbers takes well below a millisecond.
_PIECE = 4096
# Rows of an array become lists: see `tables/cells.py`.
_ROWS = 512
_SHORT = 8
_FLAT = frozenset({int, float, bool, str, type(None)})


def json_in_pieces(value: Any) -> Iterator[bytes]:
    """Compact UTF-8 JSON, as `jsonx.encode` writes it; numpy arrays are lists.

    What JSON does not know becomes text.

    Raises:
        InvalidValueError: Text that is not Unicode.
    """
    if isinstance(value, dict):
        between = b"{"
        for name, item in cast("dict[object, Any]", value).items():
            yield between + jsonx.encode(str(name)) + b":"
            yield from json_in_pieces(item)
            between = b","
        yield b"}" if between == b"," else b"{}"
    elif isinstance(value, (list, tuple)):
        yield from _list(cast("list[Any]", value))
    elif hasattr(value, "dtype") and value.ndim:
        yield from _array(value)
    elif hasattr(value, "tolist"):
        yield from json_in_pieces(value.tolist())
    else:
        yield jsonx.encode(value, default=str)


def _list(items: list[Any] | tuple[Any, ...]) -> Iterator[bytes]:
    between = b"["
    for start in range(0, len(items), _PIECE):
        piece = items[start : start + _PIECE]
        if _is_small(piece):
            yield between + jsonx.encode(piece)[1:-1]
            between = b","
            continue
        for item in piece:
            yield between
            yield from json_in_pieces(item)
            between = b","
    yield b"]" if between == b"," else b"[]"


def _is_small(piece: list[Any] | tuple[Any, ...]) -> bool:
    """Whether it is written in no time: plain values, or short rows of them."""
    kinds = set(map(type, piece))
    if kinds <= _FLAT:
        return True
    if not kinds <= {list, tuple} or max(map(len, piece)) > _SHORT:
        return False
    return all(_FLAT.issuperset(map(type, row)) for row in piece)


def _array(array: Any) -> Iterator[bytes]:
    """An array of numbers, some rows at a time."""
    rows = min(_ROWS, max(1, _PIECE * len(array) // max(1, array.size)))
    between = b"["
    for start in range(0, len(array), rows):
        part = array[start : start + rows].tolist()
        yield between + jsonx.encode(part, default=str)[1:-1]
        between = b","
    yield b"]" if between == b"," else b"[]"
