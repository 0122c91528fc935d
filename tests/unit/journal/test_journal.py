"""The journal on disk and in memory: what was appended is what is read."""

from __future__ import annotations

import errno
import json
import os
import threading

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from asyncwb.errors import ClosedError, ForkedError, InvalidValueError
from asyncwb.journal import Journal, JournalReader
from asyncwb.journal.framing import (
    BLOCK_BYTES,
    FILE_HEADER,
    FIRST,
    LAST,
    MIDDLE,
    FrameScanner,
    frame,
)
from asyncwb.journal.rows import RowDecoder, RowEncoder

LIMIT = 1 << 20


def read_all(reader):
    found = []
    while batch := reader.read_batch(1 << 16, 100):
        found += [record.payload for record in batch]
    return found


def scan(data, position=0):
    scanner = FrameScanner(lambda offset, size: data[offset : offset + size], position)
    return read_all(type("R", (), {"read_batch": staticmethod(scanner.scan)})), scanner.damage


@pytest.mark.parametrize("left", range(16))
def test_every_block_end(left):
    head = FILE_HEADER
    head += frame(b"a" * (BLOCK_BYTES - len(head) - 7 - left), len(head))
    assert len(head) == BLOCK_BYTES - left
    big = os.urandom(3 * BLOCK_BYTES)
    data = head + frame(big, len(head))
    data += frame(b"end", len(data))
    found, damage = scan(data)
    assert found[1:] == [big, b"end"]
    assert damage == []


def test_torn_tail_at_every_byte_is_not_damage():
    data = FILE_HEADER + frame(b"one", 7)
    whole = len(data)
    data += frame(b"twotwo", whole)
    for cut in range(whole, len(data)):
        assert scan(data[:cut]) == ([b"one"], [])


@settings(max_examples=100, deadline=None)
@given(st.integers(7, 5 * BLOCK_BYTES), st.integers(1, 255))
def test_a_flipped_byte_costs_its_block_only_and_is_reported(place, mask):
    records = [b"%06d" % n * 150 for n in range(180)]
    data, ends = bytearray(FILE_HEADER), []
    for record in records:
        data += frame(record, len(data))
        ends.append(len(data))
    place = 7 + place % (len(data) - 7)
    data[place] ^= mask
    block = place // BLOCK_BYTES
    found, damage = scan(bytes(data))
    begins = [7, *ends]
    for record, begin, end in zip(records, begins, ends, strict=False):
        if end <= block * BLOCK_BYTES or begin >= (block + 1) * BLOCK_BYTES:
            assert record in found
    assert set(found) <= set(records)
    # Nothing but zeros at the end of a block may change unseen, and a length that reaches past
    # the end of the file is what a torn record looks like.
    if len(found) < len(records) and not damage:
        begin = max(b for b in begins if b <= place)
        begin += BLOCK_BYTES - begin % BLOCK_BYTES if BLOCK_BYTES - begin % BLOCK_BYTES < 7 else 0
        head = max(begin, block * BLOCK_BYTES)
        assert head + 4 <= place < head + 6
        length = int.from_bytes(data[head + 4 : head + 6], "little")
        assert head + 7 + length > len(data)


@pytest.mark.parametrize("place", [0, 3, 6, 7, 9])
def test_damage_of_the_last_record_is_reported(place):
    data = bytearray(FILE_HEADER + frame(b"one", 7))
    start = len(data)
    data += frame(b"last", start)
    data[start + place] ^= 0x40
    found, damage = scan(bytes(data))
    assert found == [b"one"]
    assert [item.offset for item in damage] == [start]
    assert damage[0].reason


@pytest.mark.parametrize("lost", [FIRST, MIDDLE, LAST])
def test_a_record_with_a_missing_part_is_reported(lost):
    """A block of zeros, as a file system leaves it after a power failure."""
    big = b"b" * (3 * BLOCK_BYTES)
    data = bytearray(FILE_HEADER + frame(b"one", 7))
    data += frame(big, len(data))
    data += frame(b"end", len(data))
    blocks = {FIRST: 0, MIDDLE: 1, LAST: 3}[lost]
    begin = 17 if lost == FIRST else blocks * BLOCK_BYTES
    data[begin : (blocks + 1) * BLOCK_BYTES] = bytes(
        min((blocks + 1) * BLOCK_BYTES, len(data)) - begin
    )
    found, damage = scan(bytes(data))
    assert big not in found
    assert damage
    assert found == ([b"one"] if lost == LAST else [b"one", b"end"])


@pytest.mark.parametrize("durability", ["row", "interval"])
def test_concurrent_appenders(tmp_path, durability):
    journal = Journal.create(tmp_path / "a.wandb", durability=durability, memory_limit_bytes=LIMIT)

    def work(name):
        for n in range(300):
            journal.append(b"%d-%d-" % (name, n) + b"x" * 500)

    threads = [threading.Thread(target=work, args=(name,)) for name in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    journal.close()
    with JournalReader.open(tmp_path / "a.wandb") as reader:
        found = read_all(reader)
    assert len(found) == 1200
    for name in range(4):
        mine = [int(p.split(b"-")[1]) for p in found if p.startswith(b"%d-" % name)]
        assert mine == list(range(300))


def test_full_disk_moves_to_memory(tmp_path, monkeypatch, caplog):
    journal = Journal.create(tmp_path / "a.wandb", durability="row", memory_limit_bytes=LIMIT)
    journal.append(b"first")
    write = os.write

    def full(fd, data):
        if len(data) > 5:
            write(fd, bytes(data)[:5])
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "write", full)
    journal.append(b"second")
    monkeypatch.undo()
    journal.append(b"third")
    assert [r.levelname for r in caplog.records] == ["WARNING"]
    with journal.reader() as reader:
        assert read_all(reader) == [b"first", b"second", b"third"]
        assert reader.damage == []
    journal.close()


def test_memory_is_bounded_and_losses_are_counted(tmp_path):
    journal = Journal.create(tmp_path / "no" / "a", durability="row", memory_limit_bytes=10_000)
    ends = [journal.append(b"\x12" * 880) for _ in range(12)]
    assert journal.status.lost_rows == 2
    with journal.reader() as reader:
        assert len(read_all(reader)) == 10
        reader.release(ends[4])
        journal.append(b"new")
        assert read_all(reader) == [b"new"]
    journal.close()


def test_sleeper_is_woken_once(tmp_path):
    journal = Journal.create(tmp_path / "a.wandb", durability="row", memory_limit_bytes=LIMIT)
    calls = []
    journal.on_append = lambda: calls.append(1)
    with journal.reader() as reader:
        journal.append(b"a")
        assert not reader.sleep()
        assert read_all(reader) == [b"a"]
        assert reader.sleep()
        journal.append(b"b")
        journal.append(b"c")
        assert calls == [1]
    journal.close()


def test_a_quiet_record_wakes_nobody_and_is_read_with_the_next(tmp_path):
    journal = Journal.create(tmp_path / "a.wandb", durability="row", memory_limit_bytes=LIMIT)
    calls = []
    journal.on_append = lambda: calls.append(1)
    with journal.reader() as reader:
        assert read_all(reader) == []
        assert reader.sleep()
        end = journal.append_quietly(b"quiet")
        assert (calls, end) == ([], journal.end)
        journal.append(b"loud")
        assert calls == [1]
        assert read_all(reader) == [b"quiet", b"loud"]
        # A quiet one that came before the reader lay down is seen.
        journal.append_quietly(b"again")
        assert not reader.sleep()
        assert read_all(reader) == [b"again"]
    journal.close()
    with pytest.raises(ClosedError):
        journal.append_quietly(b"late")


def open_files(path):
    return sum(
        os.path.realpath(f"/proc/self/fd/{fd}") == str(path) for fd in os.listdir("/proc/self/fd")
    )


@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="counts open files in /proc")
@pytest.mark.parametrize("reader_first", [False, True])
def test_a_journal_and_its_reader_share_one_open_file(tmp_path, reader_first):
    path = tmp_path.resolve() / "a.wandb"
    journal = Journal.create(path, durability="row", memory_limit_bytes=LIMIT)
    reader = journal.reader()
    journal.append(b"a")
    assert open_files(path) == 1
    (reader.close if reader_first else journal.close)()
    assert open_files(path) == 1
    if reader_first:
        journal.append(b"b")
        journal.close()
    else:
        assert read_all(reader) == [b"a"]
        reader.close()
    reader.close()
    journal.close()
    assert open_files(path) == 0
    # What is closed is opened anew.
    with journal.reader() as late:
        assert read_all(late)[0] == b"a"


def test_a_child_holds_no_file_of_its_parents_journal(tmp_path):
    path = tmp_path.resolve() / "a.wandb"
    journal = Journal.create(path, durability="row", memory_limit_bytes=LIMIT)
    with journal.reader() as reader:
        pid = os.fork()
        if pid == 0:
            os._exit(open_files(path))
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
        journal.append(b"a")
        assert read_all(reader) == [b"a"]
    journal.close()


def test_forked_child_cannot_append(tmp_path):
    journal = Journal.create(tmp_path / "a.wandb", durability="row", memory_limit_bytes=LIMIT)
    pid = os.fork()
    if pid == 0:
        try:
            journal.append(b"child")
        except ForkedError:
            os._exit(7)
        os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 7
    journal.append(b"parent")
    journal.close()
    with JournalReader.open(tmp_path / "a.wandb") as reader:
        assert read_all(reader) == [b"parent"]


values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False)
    | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(max_size=4), inner, min_size=1, max_size=3)
    ),
    max_leaves=8,
)
user_keys = st.text(max_size=6).filter(lambda key: key not in ("_step", "_timestamp", "_runtime"))


@settings(max_examples=200, deadline=None)
@given(st.dictionaries(user_keys, values, max_size=6), st.integers(0, 2**40))
def test_a_row_comes_back(row, step):
    encoder, decoder = RowEncoder(), RowDecoder()
    expected = {**row, "_step": step, "_timestamp": 1.5, "_runtime": 0.25}
    for _ in range(2):  # the second time through the template
        payload = encoder.encode(row, step=step, timestamp=1.5, runtime=0.25)
        assert json.loads(decoder.to_line(payload)) == expected


def test_a_value_that_cannot_be_encoded_is_named():
    with pytest.raises(InvalidValueError, match=r"'bad'.*object"):
        RowEncoder().encode({"bad": object()}, step=0, timestamp=0.0, runtime=0.0)
