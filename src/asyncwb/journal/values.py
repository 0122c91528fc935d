"""Any value that users log, as one that JSON can hold. Imports no library it asks about."""

from __future__ import annotations

import datetime
import decimal
import math
import sys
from collections.abc import Iterable, Mapping
from typing import Any, cast

import msgspec

from asyncwb.errors import InvalidValueError

__all__ = ["json_text", "plain"]

_MAX_LIST_ELEMENTS = 32
_HISTOGRAM_BINS = 32
_MAX_DEPTH = 100
_encode = msgspec.json.Encoder().encode
# Types of numpy scalars whose `item()` is a bool, a float or an integer of 64 bits.
_ITEM_TYPES: set[object] = set()


def plain(value: Any, key: str, depth: int = 0) -> Any:
    """Convert a value to None, bool, int, float, str, list or dict of these.

    Args:
        value: What the user passed.
        key: Its name, for the error.
        depth: Levels above it.

    Raises:
        InvalidValueError: No such conversion exists.
    """
    kind = cast("object", type(value))
    if kind is float or kind is str or value is None or kind is bool:
        return value
    if kind in _ITEM_TYPES:
        return value.item()
    if isinstance(value, int):
        return _integer(int(value), key)
    if isinstance(value, float):
        return float(value)
    if isinstance(value, str):
        return str(value)
    if depth >= _MAX_DEPTH:
        raise InvalidValueError(f"{key!r} is nested too deeply, or contains itself")
    if isinstance(value, Mapping):
        pairs = cast("Mapping[object, Any]", value).items()
        return {str(name): plain(item, f"{key}.{name}", depth + 1) for name, item in pairs}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(item, key, depth + 1) for item in cast("Iterable[Any]", value)]
    if isinstance(value, datetime.date | datetime.time):
        return value.isoformat()
    if isinstance(value, decimal.Decimal):
        return str(value)
    if isinstance(value, bytes | bytearray):
        return bytes(value).decode("utf-8", "replace")
    return _foreign(value, key, depth)


def json_text(value: Any, key: str) -> bytes:
    """Encode a plain value as extended JSON.

    Raises:
        InvalidValueError: A string holds half of a surrogate pair.
    """
    try:
        if isinstance(value, float):
            return _encode(value) if math.isfinite(value) else _token(value)
        if isinstance(value, list):
            items = cast("Iterable[Any]", value)
            return b"[" + b",".join([json_text(item, key) for item in items]) + b"]"
        if isinstance(value, dict):
            named = cast("dict[str, Any]", value).items()
            pairs = [_encode(name) + b":" + json_text(item, key) for name, item in named]
            return b"{" + b",".join(pairs) + b"}"
        return _encode(value)
    except UnicodeEncodeError as exc:
        raise InvalidValueError(f"{key!r} holds text that is not Unicode", exc=exc) from exc


def _token(value: float) -> bytes:
    if math.isnan(value):
        return b"NaN"
    return b"Infinity" if value > 0 else b"-Infinity"


def _integer(value: int, key: str) -> int | float:
    if -(1 << 63) <= value < 1 << 63:
        return value
    try:
        return float(value)
    except OverflowError as exc:
        raise InvalidValueError(f"{key!r} is too large for a number", exc=exc) from exc


def _foreign(value: Any, key: str, depth: int) -> Any:
    """Arrays and tensors, recognized by what they offer."""
    kind = type(cast("object", value))
    numpy = sys.modules.get("numpy")
    try:
        if numpy is not None and isinstance(value, numpy.generic):
            if isinstance(value, numpy.datetime64):
                return str(value)
            number = value.item()
            small = value.dtype.kind in "bif" or (value.dtype.kind == "u" and value.itemsize < 8)
            if small and type(number) in (bool, int, float):
                _ITEM_TYPES.add(kind)
            return plain(number, key, depth + 1)
        if hasattr(value, "detach"):  # torch
            value = value.detach().cpu()
            if value.numel() == 1 and value.dim() == 0:
                return plain(value.item(), key, depth + 1)
            # numpy knows no bfloat16
            value = (value.float() if "bfloat16" in str(value.dtype) else value).numpy()
        elif hasattr(value, "__array__") and (
            # A dataframe has columns: it is a table, and no array of numbers.
            not hasattr(value, "columns")
            and (numpy is None or not isinstance(value, numpy.ndarray))
        ):
            value = value.__array__()
    except Exception as exc:
        raise InvalidValueError(
            f"{key!r}: a {kind.__module__}.{kind.__qualname__} could not be read", exc=exc
        ) from exc
    numpy = sys.modules.get("numpy")
    if numpy is not None and isinstance(value, numpy.ndarray):
        return _array(value, key, depth)
    raise InvalidValueError(f"{key!r}: cannot log a {kind.__module__}.{kind.__qualname__}")


def _array(array: Any, key: str, depth: int) -> Any:
    """Small arrays as lists, bigger ones as histograms."""
    if array.size == 1:
        return plain(array.item(), key, depth + 1)
    if array.size <= _MAX_LIST_ELEMENTS:
        return plain(array.tolist(), key, depth + 1)
    numpy = sys.modules["numpy"]
    try:
        flat = array.astype("float64").ravel()
        counts, bins = numpy.histogram(flat[numpy.isfinite(flat)], bins=_HISTOGRAM_BINS)
    except (TypeError, ValueError) as exc:
        raise InvalidValueError(
            f"{key!r}: an array of {array.dtype} has no histogram", exc=exc
        ) from exc
    return {"_type": "histogram", "values": counts.tolist(), "bins": bins.tolist()}
