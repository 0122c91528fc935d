"""Columns of rows, of JSON texts of rows, of lists of values."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any, cast

import msgspec

from asyncwb import jsonx
from asyncwb.columns.column import EXACT, Column, column_of, float_column
from asyncwb.columns.table import Columns
from asyncwb.errors import ProtocolError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["can_be_fields", "from_rows", "from_texts", "from_values", "row_type"]

_MAX_FIELDS = 2_000
_NO_FIELD = re.compile(r"[\x00-\x1f\"\\]").search
_decode_row = msgspec.json.Decoder(dict[str, Any]).decode


def from_values(count: int, values: Mapping[str, Sequence[Any]]) -> Columns:
    """Make columns of a list of JSON values under each key."""
    return Columns(count, {key: column_of(column) for key, column in values.items()})


def from_rows(rows: Sequence[Mapping[str, Any]], keys: Sequence[str] | None = None) -> Columns:
    """Make columns of rows.

    Args:
        rows: Dicts of JSON values.
        keys: Only these; None: all, in the order in which they first appear.
    """
    if keys is None:
        names: dict[str, None] = {}
        for row in rows:
            if not row.keys() <= names.keys():
                names.update(dict.fromkeys(row))
        keys = list(names)
    return from_values(len(rows), {key: [row.get(key) for row in rows] for key in keys})


def from_texts(texts: Sequence[str]) -> Columns:
    """Make columns of rows written as extended JSON, without a dict for each.

    Rows that have the keys of the first one are read straight into a struct; where they differ,
    or hold NaN or infinities, by way of dicts.

    Raises:
        ProtocolError: A text is not a JSON object.
    """
    if not texts:
        return Columns(0, {})
    first = _row(texts[0])
    columns = _from_fields(first, texts) if can_be_fields(tuple(first)) else None
    return from_rows(_dicts(texts)) if columns is None else columns


def _from_fields(first: Mapping[str, Any], texts: Sequence[str]) -> Columns | None:
    """Columns of rows with the keys of the first one; None: there are others, or no JSON."""
    keys = tuple(first)
    # A column of numbers mostly stays one: nobody then looks at the type of each value.
    kinds: tuple[Any, ...] = tuple(map(_kind, first.values()))
    anything: tuple[Any, ...] = (Any,) * len(keys)
    for tried in dict.fromkeys((kinds, anything)):
        try:
            rows = list(map(row_decoder(keys, tried).decode, texts))
        except (msgspec.MsgspecError, UnicodeEncodeError) as exc:
            if _is_of_type(exc):
                continue
            return None
        lists = zip(*map(msgspec.structs.astuple, rows), strict=True)
        columns = {
            key: float_column(values) if kind is float else column_of(values)
            for key, kind, values in zip(keys, tried, lists, strict=True)
        }
        if None not in columns.values():
            return Columns(len(texts), cast("dict[str, Column]", columns))
    return None


def _kind(value: object) -> Any:
    if type(value) is float:
        return float if abs(value) < EXACT else Any
    return int if type(value) is int else Any


def _is_of_type(exc: Exception) -> bool:
    """Whether a value has another type than the field, rather than another field."""
    return isinstance(exc, msgspec.ValidationError) and str(exc).startswith("Expected")


def _dicts(texts: Sequence[str]) -> list[dict[str, Any]]:
    try:
        return list(map(_decode_row, texts))
    except (msgspec.MsgspecError, UnicodeEncodeError):
        return [_row(text) for text in texts]


def _row(text: str) -> dict[str, Any]:
    row = jsonx.decode(text)
    if not isinstance(row, dict):
        raise ProtocolError(f"a row of history is not a JSON object: {text[:80]!r}")
    return cast("dict[str, Any]", row)


def can_be_fields(keys: tuple[str, ...]) -> bool:
    """Whether msgspec has a struct with these names."""
    return 0 < len(keys) <= _MAX_FIELDS and not any(map(_NO_FIELD, keys))


@lru_cache(maxsize=64)
def row_type(keys: tuple[str, ...], kinds: tuple[Any, ...] | None = None) -> type[msgspec.Struct]:
    """A struct with these fields.

    Args:
        keys: Names in the JSON.
        kinds: Types of the values: all are needed and no others allowed. None: values of any JSON
            type, None for a missing one.
    """
    names = [f"f{index}" for index in range(len(keys))]
    exact = kinds is not None
    fields: list[Any] = [(name, Any, None) for name in names]
    if kinds is not None:
        fields = list(zip(names, kinds, strict=True))
    return msgspec.defstruct(
        "Row",
        fields,
        rename=dict(zip(names, keys, strict=True)),
        forbid_unknown_fields=exact,
        gc=False,
    )


@lru_cache(maxsize=64)
def row_decoder(
    keys: tuple[str, ...], kinds: tuple[Any, ...]
) -> msgspec.json.Decoder[msgspec.Struct]:
    """Reads such structs."""
    return msgspec.json.Decoder(row_type(keys, kinds))
