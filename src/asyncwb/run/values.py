"""What config and summary store for a value: plain JSON shapes, copied at the call."""

from __future__ import annotations

import datetime
import enum
import math
import os
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from asyncwb.errors import Error

__all__ = ["plain_value"]

_DEEPEST = 100
_LARGEST_INT = 2**63 - 1


def plain_value(key: object, value: object, where: str, error: type[Error]) -> Any:
    """Convert one value of a config or summary.

    Tuples and sets become lists; numbers and arrays of numpy, torch and their kin become Python
    numbers and lists; dates become ISO text; a path, a `Decimal` and `bytes` become text; an enum
    becomes its value. NaN becomes null, as the protocol has it in both places.

    Args:
        key: The key it is stored under; checked too.
        value: The value.
        where: "config" or "summary", for the message.
        error: The class to raise.

    Raises:
        Error: `error`, naming the key and the type, for what cannot be stored.
    """
    if not isinstance(key, str):
        raise error(f"a {where} key is a string, got {key!r} ({type(key).__name__})")
    try:
        return _plain(value, 0)
    except _RefusedError as exc:
        raise error(f"{where} key {key!r}: {exc}") from None


class _RefusedError(Exception):
    pass


def _plain(value: object, depth: int) -> Any:
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, enum.Enum):
        return _plain(value.value, depth)
    if isinstance(value, int):
        return _integer(int(value))
    if isinstance(value, float):
        return None if math.isnan(value) else float(value)
    if isinstance(value, str):
        return _text(value)
    if depth > _DEEPEST:
        raise _RefusedError(f"nested deeper than {_DEEPEST} levels, or a cycle")
    if isinstance(value, Mapping):
        pairs = cast("Mapping[object, object]", value)
        return {_key(name): _plain(item, depth + 1) for name, item in pairs.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_plain(item, depth + 1) for item in cast("Iterable[object]", value)]
    return _foreign(value, depth)


def _foreign(value: object, depth: int) -> Any:
    """Values that are no JSON by themselves."""
    if isinstance(value, (datetime.datetime, datetime.date, datetime.time)):
        return value.isoformat()
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, os.PathLike):
        return _text(str(cast("object", value)))
    if isinstance(value, (bytes, bytearray)):
        return value.decode("utf-8", "replace")
    # numpy, torch, jax and their kin are known by what they can do: nothing is imported to ask.
    kind = type(value).__name__
    detach = getattr(value, "detach", None)
    name = "detach"
    try:
        if callable(detach):
            value = detach()
        name = "tolist"
        method = getattr(value, name, None)
        plain = method() if callable(method) else None
    except Exception as exc:
        raise _RefusedError(f"{kind}.{name}() failed: {exc}") from exc
    if callable(method):
        return _plain(plain, depth + 1)
    raise _RefusedError(f"a {kind} cannot be stored")


def _integer(value: int) -> int | float:
    """Integers past 64 bits are doubles on the wire."""
    if -_LARGEST_INT <= value <= _LARGEST_INT:
        return value
    try:
        return float(value)
    except OverflowError:
        raise _RefusedError("an integer larger than any double") from None


def _text(value: str) -> str:
    """Lone surrogates (from odd file names) cannot be UTF-8."""
    return value.encode("utf-8", "replace").decode("utf-8")


def _key(key: object) -> str:
    if isinstance(key, str):
        return _text(key)
    if key is None or isinstance(key, (bool, int, float)):
        return str(key)
    raise _RefusedError(f"a nested key is a string, got {type(key).__name__}")
