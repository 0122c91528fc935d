"""Columns of rows, of JSON texts of rows, of lists of values."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any, cast

import msgspec

from asyncwb import jsonx
from asyncwb.columns.column import column_of
from asyncwb.columns.table import Columns
from asyncwb.errors import ProtocolError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["can_be_fields", "from_rows", "from_texts", "from_values", "row_type"]

_MAX_FIELDS = 2_000
_NO_FIELD = re.compile(r"[\x00-\x1f\"\\]").search
_decode_rows = msgspec.json.Decoder(list[dict[str, Any]]).decode


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
    keys = tuple(_row(texts[0]))
    whole = f"[{','.join(texts)}]"
    if can_be_fields(keys):
        try:
            rows = row_decoder(keys).decode(whole)
            if len(rows) == len(texts):
                lists = zip(*map(msgspec.structs.astuple, rows), strict=True)
                return from_values(len(texts), dict(zip(keys, lists, strict=True)))
        except (msgspec.MsgspecError, UnicodeEncodeError):
            return _from_dicts(texts, whole)
    return _from_dicts(texts, whole)


def _from_dicts(texts: Sequence[str], whole: str) -> Columns:
    try:
        rows = _decode_rows(whole)
        if len(rows) == len(texts):
            return from_rows(rows)
    except (msgspec.MsgspecError, UnicodeEncodeError):
        return from_rows([_row(text) for text in texts])
    return from_rows([_row(text) for text in texts])


def _row(text: str) -> dict[str, Any]:
    row = jsonx.decode(text)
    if not isinstance(row, dict):
        raise ProtocolError(f"a row of history is not a JSON object: {text[:80]!r}")
    return cast("dict[str, Any]", row)


def can_be_fields(keys: tuple[str, ...]) -> bool:
    """Whether msgspec has a struct with these names."""
    return 0 < len(keys) <= _MAX_FIELDS and not any(map(_NO_FIELD, keys))


@lru_cache(maxsize=64)
def row_type(keys: tuple[str, ...], *, exact: bool = True) -> type[msgspec.Struct]:
    """A struct with these fields; values of any JSON type.

    Args:
        keys: Names in the JSON.
        exact: All are needed and no others allowed; else a missing one is None.
    """
    names = [f"f{index}" for index in range(len(keys))]
    return msgspec.defstruct(
        "Row",
        [(name, Any) if exact else (name, Any, None) for name in names],
        rename=dict(zip(names, keys, strict=True)),
        forbid_unknown_fields=exact,
        gc=False,
    )


@lru_cache(maxsize=64)
def row_decoder(keys: tuple[str, ...]) -> msgspec.json.Decoder[list[msgspec.Struct]]:
    """Reads a JSON list of such structs."""
    kind: Any = row_type(keys)
    return msgspec.json.Decoder(list[kind])
