"""Disks that stall, fill up or fail: what a caller waits for, and where its rows are."""

from __future__ import annotations

import errno
import os
import threading
import time

import pytest

from asyncwb.journal import Journal, JournalReader
from asyncwb.journal import write_behind as module


def read_all(reader):
    found = []
    while batch := reader.read_batch(1 << 20, 1000):
        found += [record.payload for record in batch]
    return found


class Disk:
    """Stands in for `os.write` to files; can be stalled, slowed down and broken."""

    def __init__(self, monkeypatch):
        self.go = threading.Event()
        self.go.set()
        self.reached = threading.Event()
        self.error = None
        self.seconds = 0.0
        self._write = os.write
        monkeypatch.setattr(os, "write", self)

    def __call__(self, fd, data):
        self.reached.set()
        assert self.go.wait(30)
        time.sleep(self.seconds)
        if self.error is not None:
            part, self.error = self.error
            self._write(fd, bytes(data)[:part])
            raise OSError(errno.EIO, "Input/output error")
        return self._write(fd, data)


@pytest.fixture
def disk(monkeypatch):
    return Disk(monkeypatch)


@pytest.fixture
def journal(tmp_path, disk):
    journal = Journal.create(tmp_path / "a.wandb", durability="interval")
    yield journal
    disk.go.set()
    journal.close()


def test_appends_and_readers_do_not_wait_for_a_stalled_disk(journal, disk):
    reader = journal.reader()
    disk.go.clear()
    disk.reached.clear()
    journal.append(b"first")
    assert disk.reached.wait(10)  # the thread is inside of its write now
    rows = [b"%d" % n for n in range(2000)]
    began = time.monotonic()
    for row in rows:
        journal.append(row)
    assert reader.read_batch(1000, 10) == []
    assert reader.sleep()
    assert journal.status.where == "buffer"
    assert time.monotonic() - began < 5
    disk.go.set()
    journal.flush()
    assert read_all(reader) == [b"first", *rows]
    reader.close()


def test_a_full_buffer_waits_for_room(journal, disk, monkeypatch):
    monkeypatch.setattr(module, "_BUFFER_BYTES", 10_000)
    disk.go.clear()
    disk.reached.clear()
    journal.append(b"first")
    assert disk.reached.wait(10)
    done = threading.Event()

    def fill():
        for _ in range(50):
            journal.append(b"x" * 1000)
        done.set()

    thread = threading.Thread(target=fill)
    thread.start()
    assert not done.wait(0.2)
    assert journal.end < 15_000
    disk.go.set()
    thread.join(10)
    journal.close()
    with JournalReader.open(journal.path) as reader:
        assert len(read_all(reader)) == 51


def test_the_thread_wakes_a_sleeping_reader(journal):
    woken = threading.Event()
    journal.on_append = woken.set
    with journal.reader() as reader:
        reader.read_batch(1, 1)
        assert reader.sleep()
        journal.append(b"row")
        assert woken.wait(10)
        assert read_all(reader) == [b"row"]


@pytest.mark.parametrize("part", [0, 3, 40, 33_000])
def test_a_disk_that_fails_in_the_middle_of_the_buffer(journal, disk, caplog, part):
    rows = [b"%03d" % n * 100 for n in range(200)]
    disk.error = (part, None)
    for row in rows[:150]:
        journal.append(row)
    journal.flush()
    for row in rows[150:]:
        journal.append(row)
    assert journal.status.where == "memory"
    with journal.reader() as reader:
        assert read_all(reader) == rows
        assert reader.damage == []
    with JournalReader.open(journal.path) as reader:
        in_file = read_all(reader)
    assert in_file == rows[: len(in_file)]
    assert len(in_file) == (part - part // 32768 * 7) // 307
    assert [record.levelname for record in caplog.records] == ["WARNING"]


def test_auto_changes_over_where_writes_are_slow(tmp_path, disk, caplog):
    journal = Journal.create(tmp_path / "a.wandb", durability="auto")
    journal.append(b"0")
    disk.seconds = 0.003
    written = 1
    while journal.status.where == "file":
        journal.append(b"%d" % written)
        written += 1
        assert written < 40
    assert written >= 16
    disk.seconds = 0.0
    journal.append(b"%d" % written)
    journal.close()
    with JournalReader.open(tmp_path / "a.wandb") as reader:
        assert read_all(reader) == [b"%d" % n for n in range(written + 1)]
    assert len(caplog.records) == 1
    assert "slow" in caplog.text


def test_row_durability_stays_with_a_slow_disk(tmp_path, disk):
    disk.seconds = 0.003
    journal = Journal.create(tmp_path / "a.wandb", durability="row")
    for _ in range(40):
        journal.append(b"row")
    assert journal.status.where == "file"
    with JournalReader.open(tmp_path / "a.wandb") as reader:
        assert len(read_all(reader)) == 40
    journal.close()


def test_memory_stays_flat_while_rows_are_acknowledged(tmp_path, caplog):
    journal = Journal.create(tmp_path / "no" / "a", memory_limit_bytes=100_000)
    with journal.reader() as reader:
        for n in range(5000):
            journal.append(b"%06d" % n * 20)
            if n % 10 == 9:
                batch = reader.read_batch(1 << 20, 100)
                assert [record.payload for record in batch] == [
                    b"%06d" % m * 20 for m in range(n - 9, n + 1)
                ]
                reader.release(batch[-1].end_position)
                assert journal.status.memory_bytes < 10_000
        assert journal.status.lost_rows == 0
        assert reader.damage == []
        assert len(caplog.records) == 1
        for _ in range(1000):
            journal.append(b"\x12" * 120)
        status = journal.status
        assert status.memory_bytes <= 100_000
        assert status.lost_rows == 1000 - len(read_all(reader))
        assert len(caplog.records) == 2
        assert "rows are lost" in caplog.text
    journal.close()
