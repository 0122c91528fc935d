"""The journal alone: `python -m benchmarks.journal [--rounds N]`.

What a row costs on its way into the journal and out of it, against the cheapest log that survives
`kill -9` (`json.dumps` and one `os.write`) and against the `os.write` alone. Each figure is the
median of interleaved rounds in this process; p50 and p99 are of single calls, timing included.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import random
import statistics
import tempfile
from collections.abc import Callable
from pathlib import Path
from time import perf_counter_ns

import numpy as np

from asyncwb.journal import Journal, JournalReader
from asyncwb.journal.rows import RowDecoder, RowEncoder

CALLS = 10_000
START = 1.795224e9 + 0.123456

Row = dict[str, object]


def ten_floats(count: int) -> list[Row]:
    return [{f"metric/{n}": random.random() for n in range(10)} for _ in range(count)]


def timed(call: Callable[[int], object]) -> tuple[float, float]:
    """p50 and p99 of one call in microseconds."""
    taken: list[int] = []
    for n in range(CALLS):
        began = perf_counter_ns()
        call(n)
        taken.append(perf_counter_ns() - began)
    taken.sort()
    return taken[CALLS // 2] / 1000, taken[CALLS * 99 // 100] / 1000


def median(
    rounds: int, cases: dict[str, Callable[[int], object]]
) -> dict[str, tuple[float, float]]:
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in cases}
    for _ in range(rounds):
        for name, call in cases.items():
            found[name].append(timed(call))
    return {
        name: (statistics.median(a for a, _ in pairs), statistics.median(b for _, b in pairs))
        for name, pairs in found.items()
    }


def show(title: str, figures: dict[str, tuple[float, float]], base: str) -> None:
    print(f"\n{title:<34} {'p50 us':>8} {'p99 us':>8} {'ratio':>7}")
    for name, (p50, p99) in figures.items():
        print(f"{name:<34} {p50:8.2f} {p99:8.2f} {p50 / figures[base][0]:6.2f}x")


def writing(folder: Path, rounds: int) -> None:
    """A row of ten floats."""
    rows = ten_floats(1000)
    encode = RowEncoder().encode
    journal = Journal.create(folder / "row.wandb", durability="row")
    behind = Journal.create(folder / "interval.wandb", durability="interval")
    payload = encode(rows[0], step=1000, timestamp=START, runtime=1.234567)
    raw = os.open(folder / "raw", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    lines = os.open(folder / "lines", os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    def encoded(n: int) -> bytes:
        return encode(rows[n % 1000], step=n, timestamp=START + n, runtime=n * 1.000123)

    def json_line(n: int) -> int:
        row = rows[n % 1000] | {
            "_step": n,
            "_timestamp": START + n,
            "_runtime": n * 1.000123,
        }
        return os.write(lines, json.dumps(row).encode() + b"\n")

    figures = median(
        rounds,
        {
            "the timing alone": lambda n: n,
            "os.write of the record": lambda n: os.write(raw, payload),
            "json.dumps and os.write": json_line,
            "encode": encoded,
            "append": lambda n: journal.append(payload),
            "encode and append": lambda n: journal.append(encoded(n)),
            'append, durability="interval"': lambda n: behind.append(payload),
        },
    )
    show(f"a row of ten floats, {len(payload)} bytes", figures, "encode and append")
    journal.close()
    behind.close()
    os.close(raw)
    os.close(lines)


def kinds_of_rows(rounds: int) -> None:
    """Rows that are not ten floats."""
    floats = ten_floats(1)[0]
    rows: dict[str, Row] = {
        "ten floats": floats,
        "and an int": floats | {"epoch": 3},
        "one is None": floats | {"metric/3": None},
        "one is NaN": floats | {"metric/3": math.nan},
        "and text": floats | {"split": "train"},
        "and text with commas": floats | {"split": "a, b, c"},
        "and a list": floats | {"list": [1.0, 2.0, 3.0]},
        "nested": {"a": floats},
        "ten numpy.float32": {k: np.float32(v) for k, v in floats.items()},  # type: ignore[arg-type]
        "1,000 floats": {f"metric/{n}": random.random() for n in range(1000)},
    }
    encode = RowEncoder().encode
    cases: dict[str, Callable[[int], object]] = {}
    for name, row in rows.items():
        cases[name] = lambda n, row=row: encode(  # type: ignore[misc]
            row, step=n, timestamp=START, runtime=1.234567
        )
    show("encode", median(rounds, cases), "ten floats")


def reading(folder: Path, rounds: int) -> None:
    """A journal of 100,000 rows, read and turned into lines."""
    path, count = folder / "read.wandb", 100_000
    journal, encode = Journal.create(path), RowEncoder().encode
    for n, row in enumerate(ten_floats(1000) * (count // 1000)):
        journal.append(encode(row, step=n, timestamp=START + n, runtime=n * 1.000123))
    journal.close()
    size = path.stat().st_size

    def raw_read() -> None:
        path.read_bytes()

    def records() -> None:
        with JournalReader.open(path) as reader:
            while reader.read_batch(1 << 18, 256):
                pass

    def lines() -> None:
        to_line = RowDecoder().to_line
        with JournalReader.open(path) as reader:
            while batch := reader.read_batch(1 << 18, 256):
                for record in batch:
                    to_line(record.payload)

    print(f"\n{'reading 100,000 rows':<34} {'us/row':>8} {'MB/s':>8} {'ratio':>7}")
    times: dict[str, list[float]] = {}
    for _ in range(rounds):
        for read in (raw_read, records, lines):
            began = perf_counter_ns()
            read()
            times.setdefault(read.__name__, []).append((perf_counter_ns() - began) / 1e9)
    base = statistics.median(times["lines"])
    for name, taken in times.items():
        seconds = statistics.median(taken)
        rate = size / seconds / 1e6
        print(f"{name:<34} {seconds / count * 1e6:8.2f} {rate:8.0f} {seconds / base:6.2f}x")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    rounds = parser.parse_args().rounds
    with tempfile.TemporaryDirectory(prefix="asyncwb-bench-") as folder:
        writing(Path(folder), rounds)
        kinds_of_rows(rounds)
        reading(Path(folder), rounds)


if __name__ == "__main__":
    main()
