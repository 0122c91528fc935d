"""Reading a log while another process writes it."""

from __future__ import annotations

import subprocess
import sys
import time

from asyncwb.journal import JournalReader

WRITER = """
import sys
from asyncwb.journal import Journal
journal = Journal.create(sys.argv[1], durability=sys.argv[2])
print("ready", flush=True)
sys.stdin.read(1)
for n in range(20000):
    journal.append(b"%d " % n + b"x" * (n * 7919 % 40000 if n % 500 == 0 else n % 90))
journal.append(b"end")
journal.close()
"""


def tail(path, durability):
    process = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(path), durability],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    with process:
        assert process.stdout.readline() == b"ready\n"
        found, empty = [], 0
        deadline = time.monotonic() + 40
        with JournalReader.open(path) as reader:
            assert reader.read_batch(1000, 10) == []
            process.stdin.write(b"g")
            process.stdin.close()
            while not found or found[-1] != b"end":
                assert time.monotonic() < deadline
                batch = [record.payload for record in reader.read_batch(1 << 16, 37)]
                found += batch
                empty += not batch
            assert reader.damage == []
            assert not reader.sleep()  # nobody here would be told
    assert process.returncode == 0
    assert [int(p.split(b" ")[0]) for p in found[:-1]] == list(range(20000))
    assert empty  # the reader was at the tail while the file grew


def test_a_row_writer(tmp_path):
    tail(tmp_path / "a.wandb", "row")


def test_an_interval_writer(tmp_path):
    tail(tmp_path / "a.wandb", "interval")
