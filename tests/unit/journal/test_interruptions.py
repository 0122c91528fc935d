"""Signal handlers that log, close or raise in the middle of an append."""

from __future__ import annotations

import gc
import json
import os
import signal
import subprocess
import sys
import threading

import pytest

from asyncwb.errors import ClosedError
from asyncwb.journal import Journal, JournalReader
from asyncwb.journal.records import ExitRecord, HistoryRecord, decode
from asyncwb.journal.rows import RowDecoder, RowEncoder


def read_all(path):
    with JournalReader.open(path) as reader:
        found = []
        while batch := reader.read_batch(1 << 20, 1000):
            found += [record.payload for record in batch]
        assert reader.damage == []
        return found


@pytest.fixture
def journal(tmp_path):
    journal = Journal.create(tmp_path / "a.wandb", durability="row")
    journal.append(b"first")
    yield journal
    journal.close()


def interrupt_write(monkeypatch, action, *, after):
    """Run `action` around the next write, where a signal handler could run."""
    write = os.write
    done = []

    def interrupted(fd, data):
        if done:
            return write(fd, data)
        done.append(True)
        if after:
            count = write(fd, data)
            action()
            return count
        action()
        return write(fd, data)

    monkeypatch.setattr(os, "write", interrupted)


@pytest.mark.parametrize("after", [False, True])
def test_a_handler_appends(journal, monkeypatch, after):
    interrupt_write(monkeypatch, lambda: journal.append(b"handler"), after=after)
    end = journal.append(b"second")
    assert end < journal.end
    journal.append(b"third")
    assert read_all(journal.path) == [b"first", b"second", b"handler", b"third"]


@pytest.mark.parametrize("size", [10, 100_000])
@pytest.mark.parametrize("after", [False, True])
def test_a_handler_closes(journal, monkeypatch, after, size):
    """What the handler sees is complete: it may wait until the server has the last record."""
    seen = []

    def finish():
        journal.append(b"exit")
        journal.close()
        seen.extend(read_all(journal.path))

    interrupt_write(monkeypatch, finish, after=after)
    end = journal.append(b"x" * size)
    assert seen == [b"first", b"x" * size, b"exit"]
    assert read_all(journal.path) == seen
    assert end < journal.end == os.path.getsize(journal.path)
    with pytest.raises(ClosedError):
        journal.append(b"late")


def test_a_handler_closes_after_a_slow_write(journal, monkeypatch):
    """The row is in, and the append is about to return: it is not written again."""
    monkeypatch.setattr("asyncwb.journal.journal._SLOW_SECONDS", -1.0)

    def judged(_):
        monkeypatch.undo()
        journal.append(b"exit")
        journal.close()

    monkeypatch.setattr(journal, "_judge", judged)
    journal.append(b"second")
    assert read_all(journal.path) == [b"first", b"second", b"exit"]
    assert journal.end == os.path.getsize(journal.path)


def test_a_reader_goes_on_behind_a_handler_that_closes(journal, monkeypatch):
    """It shares the writer's descriptor, which is put out of the way of the interrupted write."""
    with journal.reader() as reader:
        assert [record.payload for record in reader.read_batch(1 << 20, 10)] == [b"first"]
        interrupt_write(monkeypatch, journal.close, after=False)
        journal.append(b"second")
        monkeypatch.undo()
        assert [record.payload for record in reader.read_batch(1 << 20, 10)] == [b"second"]


def test_a_reader_is_about_to_read_when_a_handler_closes(journal, monkeypatch):
    """It has looked its descriptor up, and the handler leads the number elsewhere."""
    pread, reading, closed = os.pread, threading.Event(), threading.Event()

    def late(fd, size, offset):
        reading.set()
        closed.wait(0.2)
        return pread(fd, size, offset)

    def close():
        thread.start()
        assert reading.wait(10)
        journal.close()
        closed.set()

    found = []
    with journal.reader() as reader:
        thread = threading.Thread(target=lambda: found.extend(reader.read_batch(1 << 20, 10)))
        monkeypatch.setattr(os, "pread", late)
        interrupt_write(monkeypatch, close, after=False)
        journal.append(b"second")
        thread.join()
        monkeypatch.undo()
        found += reader.read_batch(1 << 20, 10)
    assert [record.payload for record in found] == [b"first", b"second"]


@pytest.mark.parametrize("after", [False, True])
def test_a_handler_raises(journal, monkeypatch, after):
    """The row is in whole or not at all, and the journal goes on behind it."""

    def stop():
        journal.append(b"handler")
        raise KeyboardInterrupt

    interrupt_write(monkeypatch, stop, after=after)
    with pytest.raises(KeyboardInterrupt):
        journal.append(b"second")
    journal.append(b"third")
    second = [b"second"] if after else []
    assert read_all(journal.path) == [b"first", *second, b"handler", b"third"]


def test_half_a_row_is_cut_off_after_ctrl_c(journal, monkeypatch):
    write = os.write

    def half(fd, data):
        write(fd, bytes(data)[:9])
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "write", half)
    with pytest.raises(KeyboardInterrupt):
        journal.append(b"second")
    monkeypatch.undo()
    journal.append(b"third")
    assert read_all(journal.path) == [b"first", b"third"]


LOOP = """
import signal, sys
import asyncwb.sync as wandb

run = wandb.init(project="p", id="r", mode="offline", dir=sys.argv[1])
signals = rows = 0

def handler(*_):
    global signals
    signals += 1
    run.log({"from_handler": signals})

signal.signal(signal.SIGALRM, handler)
signal.setitimer(signal.ITIMER_REAL, 1e-4, 1e-4)
while signals < 2000:
    rows += 1
    run.log({"row": rows, "text": "x" * (rows % 500)})
signal.setitimer(signal.ITIMER_REAL, 0)
run.finish(quiet=True)
print(rows, signals)
"""


FINISH = """
import signal, sys
import asyncwb.sync as wandb

run = wandb.init(project="p", id="r", mode="offline", dir=sys.argv[1])
rows = 0

def handler(*_):
    run.log({"last": True})
    run.finish(quiet=True)
    print(rows, flush=True)
    sys.exit(0)

signal.signal(signal.SIGALRM, handler)
signal.setitimer(signal.ITIMER_REAL, float(sys.argv[2]))
while True:
    run.log({"row": rows + 1, "text": "x" * (rows % 500)})
    rows += 1
"""

needs_timer = pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="no interval timer here")


@needs_timer
@pytest.mark.parametrize("seconds", [0.02, 0.031, 0.043])
def test_a_handler_finishes_the_run_inside_of_log(tmp_path, seconds):
    done = subprocess.run(
        [sys.executable, "-c", FINISH, str(tmp_path), str(seconds)],
        capture_output=True,
        text=True,
        timeout=50,
        check=True,
    )
    [path] = tmp_path.glob("wandb/offline-run-*/run-r.wandb")
    payloads = read_all(path)
    bodies = [decode(payload).body for payload in payloads]
    assert isinstance(bodies[-1], ExitRecord)
    decoder = RowDecoder()
    rows = [
        json.loads(decoder.to_line(payload))
        for payload, body in zip(payloads, bodies, strict=True)
        if isinstance(body, HistoryRecord)
    ]
    own = [row["row"] for row in rows if "row" in row]
    assert own == list(range(1, len(own) + 1))
    assert int(done.stdout) <= len(own) <= int(done.stdout) + 1
    assert [row["last"] for row in rows if "last" in row] == [True]


@needs_timer
@pytest.mark.parametrize("durability", ["row", "interval"])
def test_thousands_of_signals_log_into_a_logging_loop(tmp_path, durability):
    done = subprocess.run(
        [sys.executable, "-c", LOOP, str(tmp_path)],
        env={**os.environ, "ASYNCWB_DURABILITY": durability},
        capture_output=True,
        text=True,
        timeout=50,
        check=True,
    )
    rows, signals = map(int, done.stdout.split())
    [path] = tmp_path.glob("wandb/offline-run-*/run-r.wandb")
    decoder, own, handled, steps = RowDecoder(), [], [], []
    for payload in read_all(path):
        if isinstance(decode(payload).body, HistoryRecord):
            row = json.loads(decoder.to_line(payload))
            own.append(row.get("row"))
            handled.append(row.get("from_handler"))
            steps.append(row["_step"])
    assert [n for n in own if n] == list(range(1, rows + 1))
    assert sorted(n for n in handled if n) == list(range(1, signals + 1))
    assert sorted(steps) == list(range(rows + signals))


def test_finalizers_that_append_while_rows_are_appended(journal):
    """The collector runs inside of `append`, and of the encoder, in this very thread."""
    encoder, finalized = RowEncoder(), []

    class Finalized:
        def __init__(self):
            self.me = self

        def __del__(self):
            finalized.append(f"finalized {len(finalized)}")
            row = {"text": finalized[-1]}
            journal.append(encoder.encode(row, step=0, timestamp=1.5, runtime=0.5))

    threshold = gc.get_threshold()
    gc.set_threshold(3, 10_000, 10_000)
    try:
        for n in range(3000):
            Finalized()
            row = {"text": f"row {n}", "list": [n, [n]], "nested": {"n": {"n": n}}}
            journal.append(encoder.encode(row, step=n, timestamp=1.5, runtime=0.5))
    finally:
        gc.set_threshold(*threshold)
        gc.collect()
    assert len(finalized) == 3000
    decoder = RowDecoder()
    texts = [json.loads(decoder.to_line(payload))["text"] for payload in read_all(journal.path)[1:]]
    assert [text for text in texts if text.startswith("row")] == [f"row {n}" for n in range(3000)]
    assert sorted(text for text in texts if text.startswith("fin")) == sorted(finalized)
