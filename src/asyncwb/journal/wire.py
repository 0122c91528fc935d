"""The protobuf wire encoding, as much of it as W&B's records need.

Pure functions over bytes. Reading is strict: a malformed message raises `JournalError` and never
loops or reads past its end. Fields that a caller does not know are for the caller to skip.

Source: https://protobuf.dev/programming-guides/encoding
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, TypeAlias

from asyncwb.errors import JournalError

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = [
    "FIXED32",
    "FIXED64",
    "LENGTH",
    "VARINT",
    "bytes_field",
    "double_field",
    "fields",
    "read_double",
    "read_string",
    "read_varint",
    "signed",
    "tag",
    "unzigzag",
    "varint",
    "varint_field",
    "zigzag",
]

VARINT, FIXED64, LENGTH, FIXED32 = 0, 1, 2, 5

_MAX_FIELD = (1 << 29) - 1
_DOUBLE = struct.Struct("<d")

Value: TypeAlias = "int | bytes"
"""A varint as an unsigned int; every other wire type as its bytes."""


def varint(value: int) -> bytes:
    """Encode an integer of 64 bits; a negative one takes ten bytes, as protobuf asks."""
    if value < 0:
        value += 1 << 64
    if not 0 <= value < 1 << 64:
        raise JournalError("an integer of a record does not fit 64 bits")
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def zigzag(value: int) -> int:
    """Map a signed integer to the unsigned one that `sint64` sends."""
    return (value << 1) ^ (value >> 63)


def unzigzag(value: int) -> int:
    """Undo `zigzag`."""
    return (value >> 1) ^ -(value & 1)


def signed(value: int) -> int:
    """Read a varint as `int64`."""
    return value - (1 << 64) if value >> 63 else value


def tag(number: int, wire_type: int) -> bytes:
    """Encode the key that precedes a field's value."""
    return varint(number << 3 | wire_type)


def varint_field(number: int, value: int) -> bytes:
    """Encode one integer, boolean or enum field."""
    return tag(number, VARINT) + varint(value)


def bytes_field(number: int, value: bytes) -> bytes:
    """Encode one string, bytes or message field."""
    return tag(number, LENGTH) + varint(len(value)) + value


def double_field(number: int, value: float) -> bytes:
    """Encode one double field."""
    return tag(number, FIXED64) + _DOUBLE.pack(value)


def read_double(value: Value) -> float:
    """Read the eight bytes of a double.

    Raises:
        JournalError: The field had another wire type.
    """
    if isinstance(value, int) or len(value) != 8:
        raise JournalError("malformed record: a double field is not eight bytes")
    number: float = _DOUBLE.unpack(value)[0]
    return number


def read_string(value: Value) -> str:
    """Read a string field.

    Raises:
        JournalError: The field is a number, or no UTF-8.
    """
    if isinstance(value, int):
        raise JournalError("malformed record: a string field holds a number")
    try:
        return value.decode()
    except UnicodeDecodeError as exc:
        raise JournalError("malformed record: a string is not UTF-8", exc=exc) from exc


def read_varint(data: bytes, position: int, end: int) -> tuple[int, int]:
    """Read a varint of `data[position:end]`.

    Returns:
        The unsigned value and the position behind it.

    Raises:
        JournalError: The varint is cut off or longer than ten bytes.
    """
    result = 0
    for shift in range(0, 70, 7):
        if position >= end:
            raise JournalError("malformed record: a number is cut off")
        byte = data[position]
        position += 1
        result |= (byte & 0x7F) << shift
        if byte < 0x80:
            return result & 0xFFFF_FFFF_FFFF_FFFF, position
    raise JournalError("malformed record: a number is too long")


def fields(data: bytes) -> Iterator[tuple[int, int, Value]]:
    """Yield `(field number, wire type, value)` of every field of one message, in order.

    Raises:
        JournalError: The message is malformed; the fields before that place were yielded.
    """
    position, end = 0, len(data)
    while position < end:
        key, position = read_varint(data, position, end)
        number, wire_type = key >> 3, key & 7
        if not 0 < number <= _MAX_FIELD:
            raise JournalError("malformed record: no such field number")
        if wire_type == VARINT:
            value, position = read_varint(data, position, end)
            yield number, wire_type, value
            continue
        if wire_type == LENGTH:
            size, position = read_varint(data, position, end)
        elif wire_type == FIXED64:
            size = 8
        elif wire_type == FIXED32:
            size = 4
        else:
            raise JournalError("malformed record: no such wire type")
        if size > end - position:
            raise JournalError("malformed record: a field is cut off")
        yield number, wire_type, data[position : position + size]
        position += size
