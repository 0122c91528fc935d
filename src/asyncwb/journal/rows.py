"""History rows: a dict to the bytes of its record, and those to a line of the file stream.

Both directions keep a plan per set of keys, since a training loop logs the same keys again and
again; everything unusual takes a general path with the same result.
"""

from __future__ import annotations

import re
from functools import lru_cache
from operator import getitem
from typing import TYPE_CHECKING, Any, TypeAlias, cast

import msgspec

from asyncwb.errors import InvalidValueError
from asyncwb.journal import wire
from asyncwb.journal.records import HistoryItem, HistoryRecord, decode
from asyncwb.journal.values import json_text, plain

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["KeySet", "Leaves", "RowDecoder", "RowEncoder", "completing", "record_line"]

KeySet: TypeAlias = "tuple[tuple[str, ...], ...]"
"""The paths of a row's values, in the order of the record: rows with one of these are alike."""

_Key: TypeAlias = "str | tuple[str, ...]"
"""A key of a row, or the path of a leaf below one."""

Leaves: TypeAlias = tuple[_Key, ...]
"""The same of a row that is written, by its plain keys where it is flat."""

# Their texts hold no comma, and no "n" but in a null that stands for NaN or infinity.
_NUMBERS = frozenset({float, int, bool})
_INT64_MIN, _INT64_MAX = -(1 << 63), (1 << 63) - 1
_LETTER_N = ord("n")
_RESERVED = ("_step", "_timestamp", "_runtime")
_MAX_PLANS = 256
_MAX_TABLES = 20_000
# The longest text of a double has 24 characters.
_MAX_TABLE_BYTES = 32
_MAX_PLAN_KEYS = 1000
_encode = msgspec.json.Encoder().encode
_varint = lru_cache(4096)(wire.varint)


class _Prefixes(dict[int, bytes]):
    """For one key: the bytes in front of a value by the value's length, made on demand."""

    def __init__(self, key: _Key) -> None:
        super().__init__()
        path = (key,) if isinstance(key, str) else key
        try:
            names = b"".join(wire.bytes_field(2, name.encode()) for name in path)
        except UnicodeEncodeError as exc:
            raise InvalidValueError(f"key {path[0]!r} is not Unicode", exc=exc) from exc
        self._head = names + wire.tag(16, wire.LENGTH)

    def __missing__(self, size: int) -> bytes:
        head = self._head + _varint(size)
        prefix = wire.tag(1, wire.LENGTH) + _varint(len(head) + size) + head
        if size <= _MAX_TABLE_BYTES:
            self[size] = prefix
        return prefix


class RowEncoder:
    """Encodes rows. Thread-safe; remembers the keys of up to 256 kinds of rows."""

    def __init__(self) -> None:
        self._plans: dict[Leaves, list[_Prefixes]] = {}
        self._nested_plans: dict[Leaves, list[_Prefixes]] = {}
        self._tables: dict[_Key, _Prefixes] = {}

    def encode(
        self, row: Mapping[str, Any], *, step: int, timestamp: float, runtime: float
    ) -> bytes:
        """Encode one finished row as the payload of a record.

        Args:
            row: Logged values; nested dicts become one item per leaf. Its `_timestamp` wins, its
                `_step` and `_runtime` are ignored.
            step: 0 or more.
            timestamp: Unix seconds.
            runtime: Seconds since the run began.

        Raises:
            InvalidValueError: A value cannot be encoded, or a key is no string.
        """
        return self.encode_keyed(row, step=step, timestamp=timestamp, runtime=runtime)[0]

    def encode_keyed(
        self, row: Mapping[str, Any], *, step: int, timestamp: float, runtime: float
    ) -> tuple[bytes, Leaves]:
        """Like `encode`, with the identity of the row's keys, as `RowDecoder.read` has it."""
        layout = tuple(row)
        plan = self._plans.get(layout)
        values = [*row.values(), step, timestamp, runtime]
        kinds = set(map(type, row.values()))
        if plan is None or not kinds <= _NUMBERS or (int in kinds and not _fit(values)):
            return self._encode_any(row, step, timestamp, runtime)
        text = _encode(values)
        if _LETTER_N in text:
            return _record(plan, _texts(layout, values), step), layout
        return _record(plan, text[1:-1].split(b","), step), layout

    def _encode_any(
        self, row: Mapping[str, Any], step: int, timestamp: float, runtime: float
    ) -> tuple[bytes, Leaves]:
        """Encode a row of any values under any keys."""
        if any(key in row for key in _RESERVED):
            timestamp = plain(row.get("_timestamp", timestamp), "_timestamp")
            row = {key: value for key, value in row.items() if key not in _RESERVED}
        keys: list[_Key] = []
        values: list[Any] = []
        for key, value in row.items():
            _add_leaves(key, value, keys, values)
        values += (step, timestamp, runtime)
        layout = tuple(keys)
        plans = self._plans if layout == tuple(row) else self._nested_plans
        plan = plans.get(layout)
        if plan is None:
            plan = plans[layout] = self._make_plan(layout)
        return _record(plan, _texts(layout, values), step), layout

    def _make_plan(self, keys: Leaves) -> list[_Prefixes]:
        known = len(self._plans) + len(self._nested_plans)
        if known >= _MAX_PLANS or len(self._tables) >= _MAX_TABLES:
            self._plans.clear()
            self._nested_plans.clear()
            self._tables.clear()
        tables = self._tables
        plan: list[_Prefixes] = []
        for key in (*keys, *_RESERVED):
            table = tables.get(key)
            if table is None:
                table = tables[key] = _Prefixes(key)
            plan.append(table)
        return plan


def _fit(values: list[Any]) -> bool:
    """Whether all integers are of 64 bits."""
    for value in values:
        if type(value) is int and not _INT64_MIN <= value <= _INT64_MAX:
            return False
    return True


def _add_leaves(key: object, value: Any, keys: list[_Key], values: list[Any]) -> None:
    """Add one value, or the leaves of a nested dict; an empty one leaves nothing."""
    if type(key) is not str:
        if not isinstance(key, str):
            raise InvalidValueError(f"a key must be a string, not {type(key).__name__}: {key!r}")
        key = str(key)
    value = plain(value, key)
    if isinstance(value, dict):
        _add_nested((key,), cast("dict[str, Any]", value), keys, values)
    else:
        keys.append(key)
        values.append(value)


def _add_nested(
    path: tuple[str, ...], value: dict[str, Any], keys: list[_Key], values: list[Any]
) -> None:
    for name, item in value.items():
        if isinstance(item, dict):
            _add_nested((*path, name), cast("dict[str, Any]", item), keys, values)
        else:
            keys.append((*path, name))
            values.append(item)


def _texts(keys: Leaves, values: list[Any]) -> list[bytes]:
    """The JSON texts of plain values."""
    try:
        text = _encode(values)
        texts = text[1:-1].split(b",")
        if len(texts) == len(values) and _LETTER_N not in text:
            return texts
        # A text has a comma, or a null may have been NaN.
        texts = list(map(_encode, values))
    except UnicodeEncodeError:
        texts = [b"n"] * len(values)  # says below which one it is
    for index, text in enumerate(texts):
        if _LETTER_N in text:
            key = keys[index] if index < len(keys) else _RESERVED[index - len(keys)]
            texts[index] = json_text(values[index], key if isinstance(key, str) else ".".join(key))
    return texts


def _record(plan: list[_Prefixes], texts: list[bytes], step: int) -> bytes:
    """Make the record of a row from the texts of its values."""
    pieces: list[bytes] = [b""] * (2 * len(texts))
    pieces[::2] = map(getitem, plan, map(len, texts))
    pieces[1::2] = texts
    items = b"".join(pieces)
    if step < 0x80:
        tail = b"\x12\x02\x08%c" % step if step else b"\x12\x00"
    else:
        high = _varint(step >> 7)
        tail = b"\x12%c\x08%c%b" % (len(high) + 2, step & 0x7F | 0x80, high)
    return b"\x12" + _varint(len(items) + len(tail)) + items + tail


def completing(payload: bytes, number: int) -> bytes:
    """The record of a row, with the number of the `KeptRow` that it completes."""
    ((_, _, body),) = wire.fields(payload)
    return wire.bytes_field(2, cast("bytes", body) + wire.varint_field(1000, number))


class _Template:
    """How rows of one layout become lines."""

    def __init__(self, keys: KeySet, prefixes: list[bytes]) -> None:
        # Values hold no control characters, lengths are single bytes: both are checked here.
        items = b"".join(
            rb"\n[\x00-\x7f]" + re.escape(prefix) + rb"[\x00-\x7f]([ -\xff]*+)"
            for prefix in prefixes
        )
        step = rb"(?:\x12[\x00-\x0b](?:\x08[\x80-\xff]*[\x00-\x7f])?)?"
        pattern = rb"\x12[\x80-\xff]{0,4}[\x00-\x7f]" + items + step
        self.match = re.compile(pattern, re.DOTALL).fullmatch
        names = [_encode(path[0]).replace(b"%", b"%%") for path in keys]
        self.line = b"{" + b",".join(name + b":%b" for name in names) + b"}"
        self.keys = keys


class RowDecoder:
    """Turns history records into JSON lines. Not thread-safe; keeps at most 16 templates."""

    def __init__(self) -> None:
        self._templates: list[_Template] = []

    def to_line(self, payload: bytes) -> bytes:
        """Make the line of the file stream for one history record.

        Raises:
            JournalError: The bytes are no record.
        """
        return self.read(payload)[0]

    def read(self, payload: bytes) -> tuple[bytes, KeySet]:
        """Like `to_line`, with the identity of the row's keys.

        A summary of last values needs only the last row of each key set.

        Raises:
            JournalError: The bytes are no record.
        """
        for index, template in enumerate(self._templates):
            found = template.match(payload)
            if found is not None:
                if index:
                    self._templates.insert(0, self._templates.pop(index))
                return template.line % found.groups(), template.keys
        return self._general(payload)

    def _general(self, payload: bytes) -> tuple[bytes, KeySet]:
        body = decode(payload).body
        record = body if isinstance(body, HistoryRecord) else HistoryRecord()
        paths = tuple(tuple(item.nested_key) or (item.key,) for item in record.item)
        flat = all(len(path) == 1 for path in paths) and len(set(paths)) == len(paths)
        # A row whose step stands beside the items, or nowhere, is no template for the next row.
        fits = ("_step",) in paths and len(paths) <= _MAX_PLAN_KEYS
        if flat and fits and not self._knows(paths):
            self._learn(paths, record)
        return record_line(record), paths

    def _knows(self, paths: KeySet) -> bool:
        return any(template.keys == paths for template in self._templates)

    def _learn(self, paths: KeySet, record: HistoryRecord) -> None:
        prefixes: list[bytes] = []
        for item in record.item:
            if not item.nested_key or not item.value_json:
                return
            head = wire.bytes_field(2, item.nested_key[0].encode()) + wire.tag(16, wire.LENGTH)
            prefixes.append(head)
        self._templates.insert(0, _Template(paths, prefixes))
        del self._templates[16:]


def record_line(record: HistoryRecord) -> bytes:
    """The JSON line of one row; nested keys become objects."""
    tree: dict[str, Any] = {}
    for item in record.item:
        _put(tree, tuple(item.nested_key) or (item.key,), _value_text(item))
    if "_step" not in tree and record.step is not None:
        tree["_step"] = b"%d" % record.step.num
    return _tree_text(tree)


def _value_text(item: HistoryItem) -> bytes:
    """JSON text of one value, typed fields first."""
    if item.boolean is not None:
        return b"true" if item.boolean else b"false"
    if item.integer is not None:
        return b"%d" % item.integer
    if item.number is not None:
        return json_text(item.number, item.key)
    if item.text is not None:
        return _encode(item.text)
    return (item.json or item.value_json or "null").encode()


def _put(tree: dict[str, Any], path: tuple[str, ...], text: bytes) -> None:
    """Set a leaf; a later value replaces whatever is in its way."""
    node = tree
    for name in path[:-1]:
        child: dict[str, Any] | None = node.get(name)
        if not isinstance(child, dict):
            child = node[name] = {}
        node = child
    node[path[-1]] = text


def _tree_text(tree: dict[str, Any] | bytes) -> bytes:
    if isinstance(tree, bytes):
        return tree
    pairs = (_encode(name) + b":" + _tree_text(item) for name, item in tree.items())
    return b"{" + b",".join(pairs) + b"}"
