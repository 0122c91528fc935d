"""History rows: a dict to the bytes of its record, and those to a line of the file stream.

Both directions keep a plan per set of keys, since a training loop logs the same keys again and
again; everything unusual takes a general path with the same result.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, TypeAlias

import msgspec

from asyncwb.errors import InvalidValueError
from asyncwb.journal import wire
from asyncwb.journal.records import HistoryItem, HistoryRecord, decode
from asyncwb.journal.values import json_text, plain

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["KeySet", "RowDecoder", "RowEncoder"]

KeySet: TypeAlias = "tuple[tuple[str, ...], ...]"
"""The paths of a row's values, in the order of the record: rows with one of these are alike."""

_SCALARS = frozenset({int, float, str, bool, type(None)})
_RESERVED = ("_step", "_timestamp", "_runtime")
_MAX_PLANS = 256
_MAX_PLAN_KEYS = 1000
# The longest text of a double has 24 characters; longer values take the general path.
_PLAN_VALUE_BYTES = 64
_INT64_MIN, _INT64_MAX = -(1 << 63), (1 << 63) - 1
_encode = msgspec.json.encode


def _item(path: tuple[str, ...], value: bytes) -> bytes:
    """Encode one item with its tag."""
    try:
        keys = b"".join(wire.bytes_field(2, name.encode()) for name in path)
    except UnicodeEncodeError as exc:
        raise InvalidValueError(f"key {path[0]!r} is not Unicode", exc=exc) from exc
    return wire.bytes_field(1, keys + wire.bytes_field(16, value))


class RowEncoder:
    """Encodes rows. Thread-safe; keeps at most 256 plans."""

    def __init__(self) -> None:
        self._plans: dict[tuple[Any, ...], list[list[bytes]]] = {}

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
        values = [*row.values(), step, timestamp, runtime]
        kinds = set(map(type, values))
        if kinds <= _SCALARS and (int not in kinds or _fit(values)):
            keys = tuple(row)
            plan = self._plans.get(keys) or self._make_plan(keys)
            if plan:
                try:
                    text = _encode(values)
                except UnicodeEncodeError:
                    text = b"null"
                parts = text[1:-1].split(b",")
                # A comma inside of a string makes more parts; null may have been NaN.
                if len(parts) == len(plan) and b"null" not in text:
                    try:
                        out = [
                            piece
                            for table, part in zip(plan, parts, strict=True)
                            for piece in (table[len(part)], part)
                        ]
                    except IndexError:
                        return _general(row, step, timestamp, runtime)
                    return _record(b"".join(out), step)
        return _general(row, step, timestamp, runtime)

    def _make_plan(self, keys: tuple[Any, ...]) -> list[list[bytes]]:
        """For each key the bytes before a value, by the value's length; empty: no plan."""
        usable = len(keys) <= _MAX_PLAN_KEYS and not set(keys) & set(_RESERVED)
        if not usable or not all(type(key) is str for key in keys):
            return []
        plan = [
            [_item((key,), bytes(size))[: -size or None] for size in range(_PLAN_VALUE_BYTES)]
            for key in (*keys, *_RESERVED)
        ]
        if len(self._plans) >= _MAX_PLANS:
            self._plans.clear()
        self._plans[keys] = plan
        return plan


def _fit(values: list[Any]) -> bool:
    return all(_INT64_MIN <= value <= _INT64_MAX for value in values if type(value) is int)


def _record(items: bytes, step: int) -> bytes:
    """Wrap items and step into a record."""
    if step < 0x80:
        tail = b"\x12\x02\x08%c" % step if step else b"\x12\x00"
    else:
        tail = wire.bytes_field(2, wire.varint_field(1, step))
    return b"\x12" + wire.varint(len(items) + len(tail)) + items + tail


def _general(row: Mapping[str, Any], step: int, timestamp: float, runtime: float) -> bytes:
    """Encode any row."""
    out: list[bytes] = []
    last: dict[str, Any] = {"_step": step, "_timestamp": timestamp, "_runtime": runtime}
    for key, value in row.items():
        if not isinstance(key, str):
            raise InvalidValueError(f"a key must be a string, not {type(key).__name__}: {key!r}")
        if key == "_timestamp":
            last[key] = value
        elif key not in last:
            _flatten((key,), plain(value, key), out)
    for key, value in last.items():
        _flatten((key,), plain(value, key), out)
    return _record(b"".join(out), step)


def _flatten(path: tuple[str, ...], value: Any, out: list[bytes]) -> None:
    """One item per leaf; an empty dict leaves nothing."""
    if isinstance(value, dict):
        for name, item in value.items():
            _flatten((*path, name), item, out)
    else:
        out.append(_item(path, json_text(value, ".".join(path))))


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
        self._seen: set[KeySet] = set()

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
        tree: dict[str, Any] = {}
        for path, item in zip(paths, record.item, strict=True):
            _put(tree, path, _value_text(item))
        flat = all(len(path) == 1 for path in paths) and len(set(paths)) == len(paths)
        if "_step" not in tree and record.step is not None:
            tree["_step"] = b"%d" % record.step.num
        elif flat and 0 < len(paths) <= _MAX_PLAN_KEYS and paths not in self._seen:
            self._learn(paths, record)
        return _tree_text(tree), paths

    def _learn(self, paths: KeySet, record: HistoryRecord) -> None:
        prefixes: list[bytes] = []
        for item in record.item:
            if not item.nested_key or not item.value_json:
                return
            head = wire.bytes_field(2, item.nested_key[0].encode()) + wire.tag(16, wire.LENGTH)
            prefixes.append(head)
        self._templates.insert(0, _Template(paths, prefixes))
        self._seen.add(paths)
        for old in self._templates[16:]:
            self._seen.discard(old.keys)
        del self._templates[16:]


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
        child = node.get(name)
        if not isinstance(child, dict):
            child = node[name] = {}
        node = child
    node[path[-1]] = text


def _tree_text(tree: dict[str, Any] | bytes) -> bytes:
    if isinstance(tree, bytes):
        return tree
    pairs = (_encode(name) + b":" + _tree_text(item) for name, item in tree.items())
    return b"{" + b",".join(pairs) + b"}"
