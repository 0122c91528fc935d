"""`kill -9` at any moment: every row whose call returned is in the file."""

from __future__ import annotations

import json
import random
import subprocess
import sys
import time

import pytest

from asyncwb.journal import JournalReader
from asyncwb.journal.records import HistoryRecord, decode
from asyncwb.journal.rows import RowDecoder

APPEND = """
import os, sys
from asyncwb.journal import Journal
from asyncwb.journal.rows import RowEncoder

journal = Journal.create(sys.argv[1] + "/run-r.wandb")
encode, n = RowEncoder().encode, 0
os.write(1, b"ready\\n")
while True:
    n += 1
    row = {"n": n, "text": "x" * (n * 37 % 3000)}
    journal.append(encode(row, step=n, timestamp=1.5, runtime=0.5))
    os.write(1, b"%d\\n" % n)
"""

LOG = """
import os, sys
import asyncwb.sync as wandb

run = wandb.init(project="p", id="r", mode="offline", dir=sys.argv[1])
n = 0
os.write(1, b"ready\\n")
while True:
    n += 1
    run.log({"n": n, "text": "x" * (n * 37 % 3000)})
    os.write(1, b"%d\\n" % n)
"""


def killed_after(program, folder, seconds):
    """Run a program, kill it; the number of the last row it said was logged."""
    process = subprocess.Popen(
        [sys.executable, "-c", program, str(folder)], stdout=subprocess.PIPE, bufsize=0
    )
    with process:
        lines = bytearray(process.stdout.read(6))
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            lines += process.stdout.read(1 << 16)
        process.kill()
        lines += process.stdout.read()
    assert process.returncode == -9
    return int(b"0" + lines.rpartition(b"\n")[0].rpartition(b"\n")[2].removeprefix(b"ready"))


def rows_of(path):
    decoder, payloads = RowDecoder(), []
    with JournalReader.open(path) as reader:
        while batch := reader.read_batch(1 << 20, 1000):
            payloads += [record.payload for record in batch]
        assert reader.damage == []
    rows = (payload for payload in payloads if isinstance(decode(payload).body, HistoryRecord))
    return [json.loads(decoder.to_line(payload)) for payload in rows]


def check(program, folder, kills):
    total = 0
    for kill in range(kills):
        home = folder / str(kill)
        home.mkdir()
        said = killed_after(program, home, random.uniform(0.001, 0.25))
        [path] = home.glob("**/run-r.wandb")
        found = [row["n"] for row in rows_of(path)]
        assert found == list(range(1, len(found) + 1))
        assert said <= len(found) <= said + 1
        total += said
    assert total > kills * 20


@pytest.mark.parametrize("program", [APPEND, LOG], ids=["journal", "run"])
def test_nothing_that_returned_is_lost(tmp_path, program):
    check(program, tmp_path, 5)


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("program", [APPEND, LOG], ids=["journal", "run"])
def test_nothing_that_returned_is_lost_in_200_kills(tmp_path, program):
    check(program, tmp_path, 100)
