"""A value inside a JSON document, in the words of either database.

PostgreSQL reads the text as `jsonb`. There and here a key is looked up literally, or else along
its dots; numbers compare exactly, texts by code points.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Float,
    Numeric,
    String,
    and_,
    case,
    collate,
    func,
    literal,
    select,
)
from sqlalchemy import cast as sql_cast
from sqlalchemy.dialects.postgresql import BIT, JSONB

from asyncwb.server.jsontext import query_form
from asyncwb.server.problems import invalid
from asyncwb.server.storage.dialects import AnyText, ExactNumber, either

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement

__all__ = ["Document"]

_KINDS = {"number": "real", "string": "text"}


class Document:
    """The value under a key of a JSON column, as expressions.

    Args:
        document: The JSON column.
        key: The key, not empty.
        prefix: Keys that lead to it.

    Attributes:
        kind: Its type: integer, real, text, true, false, null, array or object; null: no value.
        number: The number, else null.
        text: The text, else null.
        inner: The list or object as compact JSON text, else null. Comparable in SQLite only.
        sort_key: Orders numbers before texts; null for everything else.
    """

    def __init__(self, document: ColumnElement[Any], key: str, *prefix: str) -> None:
        whole = _path(*prefix, key)
        path: Any = whole
        along = key.split(".")
        if len(along) > 1:
            there = func.json_type(document, whole).is_not(None)
            path = case((there, whole), else_=_path(*prefix, *along))
        self._sqlite_kind = func.json_type(document, path, type_=String)
        self._sqlite_value = func.json_extract(document, path)
        root = sql_cast(document, JSONB)
        node = _member(root, *prefix, key)
        if len(along) > 1:
            node = func.coalesce(node, _member(root, *prefix, *along))
        self._node = node
        self._jsonb_kind = func.jsonb_typeof(node, type_=String)
        self.kind = either(sqlite=self._sqlite_kind, postgresql=self._own_kind())
        self.number = either(
            sqlite=self._of_type("integer", "real"),
            postgresql=self._where("number", sql_cast(self._plain(), Numeric)),
            type_=ExactNumber(),
        )
        self.text = either(
            sqlite=sql_cast(self._of_type("text"), String),
            postgresql=collate(self._where("string", self._plain()), "C"),
        )
        self.sort_key = either(
            sqlite=self._of_type("integer", "real", "text"),
            postgresql=collate(self._sortable(), "C"),
            type_=AnyText(),
        )

    def is_inner(self, value: Any) -> ColumnElement[bool]:
        """It is this list or object."""
        text = query_form(value)
        # SQLite gives inner lists and objects as compact JSON text, as we write it
        return either(
            sqlite=self._of_type("array", "object") == text,
            postgresql=self._node == _jsonb(text),
        )

    def has(self, value: str | float | bool) -> ColumnElement[bool]:  # noqa: FBT001 - a JSON value
        """It is a list with this element."""
        element = func.json_each(self._of_type("array")).table_valued("value", "type", name="e")
        member = select(element.c.value)
        if isinstance(value, bool):
            member = member.where(element.c.type == ("true" if value else "false"))
        elif isinstance(value, str):
            member = member.where(element.c.type == "text", element.c.value == value)
        else:
            member = member.where(element.c.type.in_(("integer", "real")), element.c.value == value)
        listed = _jsonb(query_form([value]))
        return either(
            sqlite=member.exists(),
            postgresql=and_(self._jsonb_kind == "array", self._node.contains(listed)),
        )

    def _of_type(self, *names: str) -> Any:
        """In SQLite: the value, or null when it has another type."""
        return case((self._sqlite_kind.in_(names), self._sqlite_value), else_=None)

    def _where(self, kind: str, value: Any) -> Any:
        """In PostgreSQL: the value, or null when it has another type."""
        return case((self._jsonb_kind == kind, value), else_=None)

    def _plain(self) -> Any:
        """In PostgreSQL: a text without its quotes, a number as a text."""
        return self._node.op("#>>", return_type=String())(
            sql_cast(literal("{}", String), ARRAY(String))
        )

    def _own_kind(self) -> Any:
        kind = self._jsonb_kind
        named = [(kind == theirs, ours) for theirs, ours in _KINDS.items()]
        return case(*named, (kind == "boolean", sql_cast(self._node, String)), else_=kind)

    def _sortable(self) -> Any:
        """A text that orders like the value: the bits of a number in hex, flipped to ascend."""
        number = sql_cast(sql_cast(self._plain(), Numeric), Float(53))
        bits = sql_cast(
            literal("x", String) + func.encode(func.float8send(number), "hex", type_=String),
            BIT(64),
        )
        sign = sql_cast("1" + "0" * 63, BIT(64))
        flipped = case((number < 0, sql_cast("1" * 64, BIT(64))), else_=sign)
        ascending = bits.op("#", return_type=BIT(64))(flipped)
        digits = func.lpad(func.to_hex(sql_cast(ascending, BigInteger)), 16, "0", type_=String)
        return case(
            (self._jsonb_kind == "number", literal("0", String) + digits),
            (self._jsonb_kind == "string", literal("1", String) + self._plain()),
            else_=None,
        )


def _jsonb(text: str) -> Any:
    return sql_cast(literal(text, String), JSONB)


def _member(node: Any, *keys: str) -> Any:
    for key in keys:
        node = node.op("->", return_type=JSONB())(sql_cast(key, String))
    return node


def _path(*keys: str) -> str:
    for key in keys:
        if '"' in key or "\\" in key or not key.isprintable():
            raise invalid(f"the key {key!r} cannot be used in filters")
    return "$" + "".join(f'."{key}"' for key in keys)
