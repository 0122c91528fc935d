"""The wire codec: known encodings, and bytes that nobody should have written."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from journal_vectors import HANDMADE, OFFLINE

from asyncwb.errors import JournalError
from asyncwb.journal import records, wire
from asyncwb.journal.framing import FrameScanner
from asyncwb.journal.rows import RowDecoder


@pytest.mark.parametrize(
    ("value", "data"),
    [
        (0, "00"),
        (1, "01"),
        (127, "7f"),
        (128, "8001"),
        (150, "9601"),
        (300, "ac02"),
        (2**63, "80808080808080808001"),
        (-1, "ffffffffffffffffff01"),
        (-2, "feffffffffffffffff01"),
    ],
)
def test_varints(value, data):
    assert wire.varint(value).hex() == data
    raw, position = wire.read_varint(bytes.fromhex(data), 0, len(data) // 2)
    assert position == len(data) // 2
    assert raw == value % 2**64
    if value < 2**63:
        assert wire.signed(raw) == value


@pytest.mark.parametrize(
    ("value", "coded"),
    [(0, 0), (-1, 1), (1, 2), (-2, 3), (2**63 - 1, 2**64 - 2), (-(2**63), 2**64 - 1)],
)
def test_zigzag(value, coded):
    assert wire.zigzag(value) % 2**64 == coded
    assert wire.unzigzag(coded) == value


def test_fields_of_all_wire_types():
    data = bytes.fromhex("089601 120774657374696e67 1d0000803f 210000000000000440")
    assert list(wire.fields(data)) == [
        (1, wire.VARINT, 150),
        (2, wire.LENGTH, b"testing"),
        (3, wire.FIXED32, bytes.fromhex("0000803f")),
        (4, wire.FIXED64, bytes.fromhex("0000000000000440")),
    ]
    assert wire.read_double(bytes.fromhex("0000000000000440")) == 2.5
    assert wire.double_field(4, 2.5).hex() == "210000000000000440"


@pytest.mark.parametrize(
    "data",
    [
        "08",  # no value
        "0880",  # half a number
        "0a05616263",  # three bytes of five
        "0affffffffffffffffff01",  # more bytes than there are
        "0b",  # a group
        "0f",  # no such type
        "00",  # field 0
        "09000000",  # half of a double
        "08ffffffffffffffffffff01",  # eleven bytes
    ],
)
def test_malformed_messages(data):
    with pytest.raises(JournalError):
        list(wire.fields(bytes.fromhex(data)))


@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(st.integers(1, 2**29 - 1), st.integers(0, 2**64 - 1) | st.binary())))
def test_what_is_written_is_read(items):
    data = b"".join(
        wire.bytes_field(n, value) if isinstance(value, bytes) else wire.varint_field(n, value)
        for n, value in items
    )
    assert [(number, value) for number, _, value in wire.fields(data)] == items


def payloads(data):
    scanner = FrameScanner(lambda offset, size: data[offset : offset + size])
    return [record.payload for record in scanner.scan(1 << 20, 1000)]


VALID = payloads(HANDMADE) + payloads(OFFLINE)


def reads_or_refuses(data):
    for read in (records.decode, records.field_number, RowDecoder().to_line):
        with contextlib.suppress(JournalError):
            read(data)


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(data):
    reads_or_refuses(data)


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(VALID), st.data())
def test_changed_records_are_read_or_refused(payload, data):
    changed = bytearray(payload)
    for _ in range(data.draw(st.integers(1, 4))):
        changed[data.draw(st.integers(0, len(changed) - 1))] = data.draw(st.integers(0, 255))
    reads_or_refuses(bytes(changed[: data.draw(st.integers(0, len(changed)))]))


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=300), st.sampled_from([HANDMADE, OFFLINE]), st.integers(7, 400))
def test_any_log_is_read_to_its_end(junk, log, place):
    data = log[:place] + junk + log[place:]
    scanner = FrameScanner(lambda offset, size: data[offset : offset + size])
    found = []
    while batch := scanner.scan(100, 2):
        found += batch
    assert [record.end_position for record in found] == sorted(r.end_position for r in found)
    for damage in scanner.damage:
        assert damage.length > 0
        assert damage.reason
