"""Extended JSON: JSON plus the bare tokens `NaN`, `Infinity` and `-Infinity`.

Rows, summaries and system metrics are written that way. msgspec is the fast path; it rejects the
tokens when reading and writes `null` for them, so those texts go to the standard library.
"""

from __future__ import annotations

import functools
import math
from typing import TYPE_CHECKING, Any, TypeVar, cast

import msgspec

from asyncwb.errors import InvalidValueError, ProtocolError

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

__all__ = ["decode", "decode_as", "encode"]

T = TypeVar("T")

_decoder = msgspec.json.Decoder[object]()


def decode(text: bytes | str) -> object:
    """Read one extended-JSON text.

    Whole numbers of any size are exact; a number beyond the range of a double becomes infinite.

    Raises:
        ProtocolError: The text is not JSON.
    """
    try:
        return _decoder.decode(text)
    except (msgspec.MsgspecError, RecursionError):
        return _slow_decode(text)


def decode_as(kind: type[T], text: bytes | str) -> T:
    """Read one extended-JSON text into a type that msgspec knows.

    Raises:
        ProtocolError: The text is not JSON, or does not fit the type.
    """
    try:
        return cast("T", _typed_decoder(cast("Hashable", kind)).decode(text))
    except (msgspec.MsgspecError, RecursionError):
        value = _slow_decode(text)
    try:
        return msgspec.convert(value, kind)
    except (msgspec.MsgspecError, RecursionError) as exc:
        raise ProtocolError(f"JSON of an unexpected shape: {exc}", exc=exc) from exc


def encode(value: object, *, default: Callable[[Any], object] | None = None) -> bytes:
    """Write a value as compact UTF-8 JSON with the three tokens where they are needed.

    Besides the JSON types, what msgspec knows is accepted: tuples, sets, dates, structs,
    dataclasses, enums, `Decimal`, `UUID`.

    Args:
        value: What to write.
        default: Called with every object that is not known; returns something that is.

    Raises:
        InvalidValueError: The value holds something that JSON cannot.
    """
    try:
        text = msgspec.json.encode(value, enc_hook=default)
        # msgspec writes null for NaN and the infinities: only a text with a null can hide one.
        if b"null" not in text:
            return text
        plain = msgspec.to_builtins(value, str_keys=True, enc_hook=default)
        if not _has_non_finite(plain):
            return text
        import json  # seldom needed, so no part of the start of a script

        return json.dumps(plain, ensure_ascii=False, separators=(",", ":")).encode()
    except (TypeError, ValueError, OverflowError, RecursionError, NotImplementedError) as exc:
        raise InvalidValueError(f"cannot be written as JSON: {exc}", exc=exc) from exc


@functools.lru_cache(maxsize=256)
def _typed_decoder(kind: Hashable) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(cast("type[Any]", kind))


def _slow_decode(text: bytes | str) -> object:
    import json

    try:
        return json.loads(text)
    except (ValueError, RecursionError) as exc:
        raise ProtocolError(f"not JSON: {exc}", exc=exc) from exc


def _has_non_finite(value: object) -> bool:
    if isinstance(value, float):
        return not math.isfinite(value)
    if isinstance(value, dict):
        return any(map(_has_non_finite, cast("dict[str, object]", value).values()))
    if isinstance(value, (list, tuple)):
        return any(map(_has_non_finite, cast("list[object]", value)))
    return False
