"""Typed protobuf messages from one table: the annotations of a class.

A message is a `msgspec.Struct` whose fields say their number (and, where the Python type leaves
it open, their coding):

    class Item(Message):
        key: Annotated[str, 1] = ""
        nested_key: Annotated[list[str], 2] = []
        count: Annotated[int, 5, "zigzag"] = 0

Kinds follow from the type: `str`, `bytes`, `bool`, `int`, `float`, a message, a list of one of
those, a dict from `str`. `X | None` has presence: `None` is left out and a zero is written.
`list[int]` is `"flags"`: a message of booleans, kept as the sorted numbers of those that are true.
Unknown fields are skipped.
"""

from __future__ import annotations

import types
from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple, Self, TypeAlias, get_args, get_origin, get_type_hints

import msgspec

from asyncwb.errors import JournalError
from asyncwb.journal import wire

__all__ = ["Message"]

_Encode: TypeAlias = Callable[[int, Any], bytes]
_Decode: TypeAlias = Callable[["int | bytes"], Any]


class _Kind(NamedTuple):
    wire_type: int
    encode: _Encode
    decode: _Decode


class _Field(NamedTuple):
    name: str
    number: int
    shape: str  # "one", "optional", "list" or "dict"
    kind: _Kind


class Message(msgspec.Struct):
    """A protobuf message; see the module's text for how fields are declared."""

    def to_bytes(self) -> bytes:
        """Encode; fields that hold their default are left out, as proto3 does."""
        out: list[bytes] = []
        for name, number, shape, kind in _table(type(self)):
            value = getattr(self, name)
            if shape == "list":
                out += [kind.encode(number, item) for item in value]
            elif shape == "dict":
                for key, item in value.items():
                    entry = wire.bytes_field(1, key.encode()) + kind.encode(2, item)
                    out.append(wire.bytes_field(number, entry))
            elif value is not None if shape == "optional" else value:
                out.append(kind.encode(number, value))
        return b"".join(out)

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Decode; unknown fields are skipped.

        Raises:
            JournalError: The bytes are no message of this type.
        """
        result = cls()
        table = _by_number(cls)
        for number, wire_type, value in wire.fields(data):
            field = table.get(number)
            if field is None:
                continue
            name, _, shape, kind = field
            if shape == "dict":
                _read_entry(getattr(result, name), kind, value)
                continue
            if wire_type != kind.wire_type:
                raise JournalError(f"malformed record: {name} has another type")
            if shape == "list":
                getattr(result, name).append(kind.decode(value))
            else:
                setattr(result, name, kind.decode(value))
        return result


def _read_entry(target: dict[str, Any], kind: _Kind, data: int | bytes) -> None:
    """Read one entry of a map field."""
    if isinstance(data, int):
        raise JournalError("malformed record: a map entry holds a number")
    key, item = "", kind.decode(b"" if kind.wire_type == wire.LENGTH else 0)
    for number, wire_type, value in wire.fields(data):
        if number == 1:
            key = wire.read_string(value)
        elif number == 2 and wire_type == kind.wire_type:
            item = kind.decode(value)
    target[key] = item


@cache
def _table(cls: type[Message]) -> tuple[_Field, ...]:
    """Read the annotations of a message once."""
    hints = get_type_hints(cls, include_extras=True)
    return tuple(_field(name, hints[name]) for name in cls.__struct_fields__)


@cache
def _by_number(cls: type[Message]) -> dict[int, _Field]:
    return {field.number: field for field in _table(cls)}


def _field(name: str, hint: Any) -> _Field:
    kind, number, *coding = get_args(hint)
    shape = "one"
    if coding == ["flags"]:
        return _Field(name, number, shape, _FLAGS)
    if get_origin(kind) is types.UnionType:
        shape, kind = "optional", get_args(kind)[0]
    elif get_origin(kind) is list:
        shape, kind = "list", get_args(kind)[0]
    elif get_origin(kind) is dict:
        shape, kind = "dict", get_args(kind)[1]
    if coding == ["zigzag"]:
        return _Field(name, number, shape, _ZIGZAG)
    return _Field(name, number, shape, _KINDS.get(kind) or _message_kind(kind))


def _message_kind(cls: type[Message]) -> _Kind:
    def encode(number: int, value: Message) -> bytes:
        return wire.bytes_field(number, value.to_bytes())

    def decode(value: int | bytes) -> Message:
        return cls.from_bytes(_bytes(value))

    return _Kind(wire.LENGTH, encode, decode)


def _bytes(value: int | bytes) -> bytes:
    if isinstance(value, int):
        raise JournalError("malformed record: a message field holds a number")
    return value


def _int(value: int | bytes) -> int:
    if isinstance(value, int):
        return value
    raise JournalError("malformed record: a number field holds bytes")


def _encode_flags(number: int, value: list[int]) -> bytes:
    return wire.bytes_field(number, b"".join(wire.varint_field(flag, 1) for flag in sorted(value)))


def _decode_flags(value: int | bytes) -> list[int]:
    found = wire.fields(_bytes(value))
    return sorted({number for number, kind, flag in found if kind == wire.VARINT and flag})


def _encode_zigzag(number: int, value: int) -> bytes:
    return wire.varint_field(number, wire.zigzag(value))


def _encode_text(number: int, value: str) -> bytes:
    return wire.bytes_field(number, value.encode())


def _decode_zigzag(value: int | bytes) -> int:
    return wire.unzigzag(_int(value))


def _decode_int(value: int | bytes) -> int:
    return wire.signed(_int(value))


def _decode_bool(value: int | bytes) -> bool:
    return _int(value) != 0


_ZIGZAG = _Kind(wire.VARINT, _encode_zigzag, _decode_zigzag)
_FLAGS = _Kind(wire.LENGTH, _encode_flags, _decode_flags)
_KINDS: dict[Any, _Kind] = {
    str: _Kind(wire.LENGTH, _encode_text, wire.read_string),
    bytes: _Kind(wire.LENGTH, wire.bytes_field, _bytes),
    bool: _Kind(wire.VARINT, wire.varint_field, _decode_bool),
    int: _Kind(wire.VARINT, wire.varint_field, _decode_int),
    float: _Kind(wire.FIXED64, wire.double_field, wire.read_double),
}
