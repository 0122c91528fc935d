"""Extended JSON: JSON plus the bare tokens NaN, Infinity and -Infinity.

msgspec reads and writes plain JSON; texts that hold one of the tokens go through the standard
library, which knows them.
"""

from __future__ import annotations

import json
import math
import re
import sys
from typing import Any, TypeVar

import msgspec
from typing_extensions import TypeIs

from .problems import invalid

__all__ = [
    "decode",
    "decode_as",
    "encode",
    "is_finite",
    "plain",
    "query_form",
    "replaced",
    "strict_form",
    "unwrap_config",
]

T = TypeVar("T")

_decode = msgspec.json.Decoder().decode
_encode = msgspec.json.Encoder().encode
_SURROGATES = re.compile("[\ud800-\udfff]").search


def is_object(value: Any) -> TypeIs[dict[str, Any]]:
    """Whether a decoded value is a JSON object."""
    return isinstance(value, dict)


def is_list(value: Any) -> TypeIs[list[Any]]:
    """Whether a decoded value is a JSON list."""
    return isinstance(value, list)


def decode(text: str | bytes) -> Any:
    """Decode an extended JSON text.

    Raises:
        Problem: The text is not JSON (400).
    """
    try:
        return _decode(text)
    except (msgspec.DecodeError, RecursionError):
        try:
            return json.loads(text)
        except (ValueError, RecursionError) as exc:
            raise invalid(f"not JSON: {exc}") from exc


def decode_as(decoder: msgspec.json.Decoder[T], body: bytes) -> T:
    """Decode the body of a request into its type.

    A lone surrogate, as clients write for console bytes that are no text, becomes U+FFFD: neither
    the answer nor the database could hold it.

    Raises:
        Problem: The body is not JSON (400).
        msgspec.ValidationError: It is JSON of another type.
    """
    try:
        return decoder.decode(body)
    except msgspec.ValidationError:
        raise
    except (msgspec.DecodeError, RecursionError):
        return msgspec.convert(replaced(decode(body)), decoder.type)


def replaced(value: Any) -> Any:
    """The value with U+FFFD for lone surrogates."""
    if isinstance(value, str):
        return value.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    if is_object(value):
        return {replaced(k): replaced(v) for k, v in value.items()}
    if is_list(value):
        return [replaced(v) for v in value]
    return value


def encode(value: Any) -> str:
    """Encode a value as extended JSON."""
    if is_finite(value):
        return plain(value).decode()
    return json.dumps(value, separators=(",", ":"))


def plain(value: Any) -> bytes:
    """Encode a value without NaN and infinities."""
    try:
        return _encode(value)
    except (OverflowError, UnicodeEncodeError):
        # integers beyond 64 bits and lone surrogates, which msgspec does not write
        return json.dumps(value, separators=(",", ":")).encode()


def is_finite(value: Any) -> bool:
    """Whether no NaN and no infinity is anywhere inside the value."""
    if isinstance(value, float):
        return math.isfinite(value)
    if is_object(value):
        return all(map(is_finite, value.values()))
    if is_list(value):
        return all(map(is_finite, value))
    return True


def strict_form(value: Any) -> Any:
    """The value with NaN and infinities as the strings "NaN", "Infinity", "-Infinity".

    For answers that must be plain JSON.
    """
    if isinstance(value, float):
        if math.isfinite(value):
            return value
        return "NaN" if math.isnan(value) else ("Infinity" if value > 0 else "-Infinity")
    if is_object(value):
        return {k: strict_form(v) for k, v in value.items()}
    if is_list(value):
        return [strict_form(v) for v in value]
    return value


def query_form(value: Any) -> str:
    """The value as plain JSON that databases can compare in.

    NaN is null, as missing values are; infinities are the largest finite numbers, whole numbers of
    more than 64 bits floats. U+FFFD stands for what PostgreSQL has not in texts: NUL and lone
    surrogates.
    """
    return plain(value if _is_comparable(value) else _comparable(value)).decode()


def _is_comparable(value: Any) -> bool:
    if isinstance(value, str):
        return "\0" not in value and not _SURROGATES(value)
    if isinstance(value, float):
        return math.isfinite(value)
    if isinstance(value, int):
        return -(2**63) <= value < 2**63
    if is_object(value):
        return all(map(_is_comparable, value)) and all(map(_is_comparable, value.values()))
    if is_list(value):
        return all(map(_is_comparable, value))
    return True


def _comparable(value: Any) -> Any:
    if isinstance(value, str):
        return replaced(value).replace("\0", "\ufffd")
    if isinstance(value, float) and math.isnan(value):
        return None
    if isinstance(value, float) or (isinstance(value, int) and not -(2**63) <= value < 2**63):
        return float(max(-sys.float_info.max, min(value, sys.float_info.max)))
    if is_object(value):
        return {_comparable(k): _comparable(v) for k, v in value.items()}
    if is_list(value):
        return [_comparable(v) for v in value]
    return value


def unwrap_config(config: dict[str, Any]) -> dict[str, Any]:
    """A config without its `{"value": ...}` level and without what the client keeps to itself."""
    plain: dict[str, Any] = {}
    for key, entry in config.items():
        if key in ("_wandb", "wandb_version"):
            continue
        if is_object(entry) and "value" in entry:
            plain[key] = entry["value"]
        else:
            plain[key] = entry
    return plain
