"""Many records and rows at once are what reading them one by one gives."""

from __future__ import annotations

import json
import math
import random
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from journals import RunFolder, config_record, item, row_record, run_record

import asyncwb.journal.records as rec
from asyncwb import jsonx
from asyncwb.columns import Columns, concat
from asyncwb.errors import JournalError
from asyncwb.journal import JournalReader, bulk
from asyncwb.journal.bulk import BulkReader
from asyncwb.journal.framing import FILE_HEADER, frame
from asyncwb.journal.row_blocks import RowBlocks
from asyncwb.journal.rows import RowDecoder, RowEncoder

if TYPE_CHECKING:
    from pathlib import Path


def write(path: Path, payloads: list[bytes]) -> Path:
    end = len(FILE_HEADER)
    with path.open("wb") as file:
        file.write(FILE_HEADER)
        for payload in payloads:
            end += file.write(frame(payload, end))
    return path


def bulk_payloads(path: Path, position: int = 0) -> tuple[list[bytes], Any]:
    """What a reader finds, and one that knows where the first one found it."""
    with BulkReader(path, position) as reader:
        found = payloads_of(reader)
        with BulkReader(path, position, known=reader.places) as again:
            assert payloads_of(again) == found
            assert again.position == reader.position
        return found, reader.damage


def payloads_of(reader: BulkReader) -> list[bytes]:
    found: list[bytes] = []
    while (bulk := reader.read()) is not None:
        found += [bulk.payload(place) for place in range(len(bulk.starts))]
    return found


def single_payloads(path: Path) -> tuple[list[bytes], Any]:
    found: list[bytes] = []
    with JournalReader.open(path) as reader:
        while batch := reader.read_batch(1 << 16, 1000):
            found += [record.payload for record in batch]
        return found, reader.damage


@pytest.mark.parametrize("sizes", [(0, 40), (0, 3000), (30_000, 70_000), (500_000, 3_000_000)])
def test_records_of_every_size(tmp_path: Path, sizes: tuple[int, int]) -> None:
    dice = random.Random(str(sizes))
    count = 4 if sizes[1] > 100_000 else 3000 if sizes[1] < 10_000 else 60
    payloads = [dice.randbytes(dice.randint(*sizes)) for _ in range(count)]
    path = write(tmp_path / "run-a.wandb", payloads)
    found, damage = bulk_payloads(path)
    assert found == payloads
    assert damage == []


def test_a_log_of_many_windows(tmp_path: Path) -> None:
    dice = random.Random(5)
    payloads = [dice.randbytes(dice.randint(1, 1500)) for _ in range(9_000)]
    path = write(tmp_path / "run-a.wandb", payloads)
    assert path.stat().st_size > 3 * (2 << 20)
    assert bulk_payloads(path)[0] == payloads


@settings(max_examples=80, deadline=None)
@given(data=st.data())
def test_damage_and_torn_ends_are_seen_alike(
    data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("log")
    dice = random.Random(data.draw(st.integers(0, 2**32)))
    payloads = [dice.randbytes(dice.choice([3, 300, 20_000, 40_000])) for _ in range(30)]
    path = write(folder / "run-a.wandb", payloads)
    content = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(0, 4))):
        content[data.draw(st.integers(7, len(content) - 1))] ^= 0xFF
    del content[data.draw(st.integers(7, len(content))) :]
    path.write_bytes(content)
    expected = single_payloads(path)
    assert bulk_payloads(path) == expected
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bulk, "WINDOW_BYTES", 1 << 17)
        assert bulk_payloads(path)[0] == expected[0]


def test_a_log_that_grows_is_read_on(tmp_path: Path) -> None:
    path = write(tmp_path / "run-a.wandb", [])
    with BulkReader(path) as reader:
        assert reader.read() is None
        end = path.stat().st_size
        for number in range(3):
            text = frame(b"%d" % number * 900, end)
            with path.open("ab") as file:
                file.write(text[:-1])
            assert reader.read() is None
            with path.open("ab") as file:
                end += len(text) + file.write(text[-1:]) - 1
            bulk = reader.read()
            assert bulk is not None
            assert [bulk.payload(0)] == [b"%d" % number * 900]


def test_places_are_those_of_one_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk, "WINDOW_BYTES", 1 << 17)
    dice = random.Random(9)
    payloads = [dice.randbytes(dice.randint(1, 1500)) for _ in range(1000)]
    path = write(tmp_path / "run-a.wandb", payloads)
    with BulkReader(path) as reader:
        assert payloads_of(reader) == payloads
    known = reader.places
    assert known.at(0) is None
    # What was found where it is known to be is not looked for: a checksum may be wrong there.
    content = bytearray(path.read_bytes())
    content[600_000] ^= 0xFF
    path.write_bytes(content)
    with BulkReader(path, known=known) as reader:
        assert len(payloads_of(reader)) == 1000
    # It is where the file is shorter, has grown, or is another one.
    path.write_bytes(content[:500_000])
    with BulkReader(path, known=known) as reader:
        assert payloads_of(reader) == single_payloads(path)[0]
    write(path, payloads)
    end = path.stat().st_size
    with path.open("ab") as file:
        file.write(frame(b"more", end))
    with BulkReader(path, known=known) as reader:
        assert payloads_of(reader) == [*payloads, b"more"]
    other = write(tmp_path / "other.wandb", payloads[::-1])
    with BulkReader(other, known=known) as reader:
        assert payloads_of(reader) == payloads[::-1]


def test_what_is_no_log_is_named(tmp_path: Path) -> None:
    path = tmp_path / "run-a.wandb"
    path.write_bytes(b"something else")
    with BulkReader(path) as reader, pytest.raises(JournalError, match="first bytes"):
        reader.read()
    with pytest.raises(JournalError, match="cannot open"):
        BulkReader(tmp_path / "nowhere")


KEYS = ["loss", "acc", "a_rather_long/metric.name", "é", 'q"', "x"]
VALUES = st.one_of(
    st.integers(-(2**63), 2**63 - 1), st.floats(), st.booleans(), st.text(max_size=8), st.none(),
    st.floats(0, 1), st.just("x" * 300), st.dictionaries(st.sampled_from("ab"), st.integers(0, 9)),
    st.lists(st.integers(0, 9), max_size=3),
)  # fmt: skip
ROWS = st.lists(st.dictionaries(st.sampled_from(KEYS), VALUES, max_size=4), max_size=25)


def same(a: Any, b: Any) -> bool:
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(same(a[key], b[key]) for key in a)
    return type(a) is type(b) and (a == b or (a != a and b != b))


@settings(max_examples=150, deadline=None)
@given(
    rows=ROWS, reverse=st.booleans(), numbered=st.booleans(), first=st.integers(0, 2**40),
)  # fmt: skip
def test_rows_at_once_are_the_rows(
    rows: list[dict[str, Any]],
    reverse: bool,
    numbered: bool,
    first: int,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    encoder, decoder = RowEncoder(), RowDecoder()
    steps = range(first, first + len(rows))
    payloads = [
        encoder.encode(row, step=step, timestamp=step / 3, runtime=0.5)
        for step, row in zip(reversed(steps) if reverse else steps, rows, strict=True)
    ]
    if numbered:  # as the wandb package writes them
        payloads = [b"\x08\x05" + payload for payload in payloads]
    expected = [jsonx.decode(decoder.to_line(payload)) for payload in payloads]
    mixed = [rec.encode(run_record("a"))]
    for payload in payloads:
        mixed += [payload, rec.encode(config_record(lr=1))]
    path = write(tmp_path_factory.mktemp("log") / "run-a.wandb", mixed)

    blocks = RowBlocks()
    found: list[Any] = []
    with BulkReader(path) as reader:
        while (bulk := reader.read()) is not None:
            found += blocks.read_rows(bulk)
    assert len(found) == len(expected)
    assert all(same(a, b) for a, b in zip(found, expected, strict=True))

    blocks = RowBlocks()
    with BulkReader(path) as reader:
        bulk = reader.read()
        assert bulk is not None
        columns = blocks.read_columns(bulk)
    assert columns.count == len(expected)
    for key in {key for row in expected for key in row}:  # type: ignore[union-attr]
        column = columns.columns[key]
        for row, value, there in zip(
            expected, column.values.tolist(), column.has().tolist(), strict=True
        ):
            assert there is (row.get(key) is not None)  # type: ignore[union-attr]
            # whole numbers beside others are floats
            wanted = float(row[key]) if there and type(value) is float else row.get(key)  # type: ignore[union-attr,index,arg-type]
            assert not there or value == wanted or value != value


def shuffled(row: dict[str, Any], step: int, dice: random.Random) -> bytes:
    """A record as the core of the wandb package writes it: numbered, keys in any order."""
    record = row_record(step, **row)
    dice.shuffle(record.item)
    return rec.encode(record, num=step + 1)


def test_rows_with_keys_in_any_order(tmp_path: Path) -> None:
    dice = random.Random(3)
    # alike in their first, last or all but a few bytes
    names = ["x", "xx", "train/loss_1", "train/loss_2", "eval_/loss_1", "é", "k" * 16, "k" * 17,
             "a" * 100, "b" + "a" * 99, "12345678", "123456789"]  # fmt: skip
    values: dict[str, Any] = {
        name: lambda n=n: dice.choice([n / 7, -n, 1e300, dice.random()])  # type: ignore[misc]
        for n, name in enumerate(names)
    }
    values["xx"] = lambda: dice.randrange(-(2**60), 2**60)
    values["123456789"] = lambda: dice.random() < 0.5
    values["text"] = lambda: dice.choice(["", "a,b", '"]', "é", "y" * 200])
    values["list"] = lambda: [1, {"a": [None]}]
    values["new"] = lambda: math.inf

    def late(n: int) -> list[str]:
        return ["new"] if n < 1500 else []

    rows = [
        {key: make() for key, make in values.items() if dice.random() < 0.9 and key not in late(n)}
        for n in range(3000)
    ]
    payloads = [shuffled(row, n, dice) for n, row in enumerate(rows)]
    decoder = RowDecoder()
    expected: list[Any] = [jsonx.decode(decoder.to_line(payload)) for payload in payloads]
    between = rec.encode(rec.SummaryRecord(update=[item("x", 1)]), num=7)
    path = write(tmp_path / "a.wandb", [one for p in payloads for one in (p, between)])
    blocks, found = RowBlocks(), list[Any]()
    with BulkReader(path) as reader:
        while (bulk := reader.read()) is not None:
            found += blocks.read_rows(bulk)
    assert all(same(a, b) for a, b in zip(found, expected, strict=True))
    blocks, pieces = RowBlocks(), list[Columns]()
    with BulkReader(path) as reader:
        while (bulk := reader.read()) is not None:
            pieces.append(blocks.read_columns(bulk))
    whole = concat(pieces)
    assert whole.columns.keys() == {key for row in expected for key in row}
    for key, column in whole.columns.items():
        assert column.has().tolist() == [key in row for row in expected]
        held = [
            value for value, row in zip(column.values.tolist(), expected, strict=True) if key in row
        ]
        assert held == [row[key] for row in expected if key in row]
    assert whole.columns["xx"].values.dtype == "int64"
    assert whole.columns["train/loss_1"].values.dtype == "float64"
    assert whole.columns["123456789"].values.dtype == "bool"


def test_a_key_twice_in_a_row_and_keys_that_are_no_text(tmp_path: Path) -> None:
    twice = row_record(0, x=1)
    twice.item.append(rec.HistoryItem(nested_key=["x"], value_json="2"))
    odd = rec.encode(row_record(1, zz=1)).replace(b"zz", b"\xff\xff")
    path = write(
        tmp_path / "a.wandb", [rec.encode(twice, num=1), odd, rec.encode(row_record(2, x=3))]
    )
    for read in ("read_rows", "read_columns"):
        with BulkReader(path) as reader:
            bulk = reader.read()
            assert bulk is not None
            found = getattr(RowBlocks(), read)(bulk)
        rows = found if read == "read_rows" else list(found.rows())
        assert [row.get("x") for row in rows if row["_step"] != 1] == [2, 3]


def test_numbers_of_columns_are_exact(tmp_path: Path) -> None:
    dice = random.Random(1)
    encoder = RowEncoder()
    rows = [
        {
            "f": dice.choice([dice.random(), dice.gauss(0, 1e30), 5e-324, 1.7976931348623157e308]),
            "n": dice.choice([0, -1, 2**53 + 1, -(2**60)]),
            "big": 2**62 + step,
            "mixed": step if step % 2 else step / 7,
            "bool": step % 2 == 0,
            "same": 1,
        }
        for step in range(3000)
    ]
    payloads = [encoder.encode(r, step=n, timestamp=1.5, runtime=2.5) for n, r in enumerate(rows)]
    path = write(tmp_path / "run-a.wandb", payloads)
    blocks, pieces = RowBlocks(), []
    with BulkReader(path) as reader:
        while (bulk := reader.read()) is not None:
            pieces.append(blocks.read_columns(bulk))
    assert sum(piece.count for piece in pieces) == 3000
    for key, dtype in {
        "f": "float64", "n": "int64", "big": "int64", "mixed": "float64", "bool": "bool",
        "same": "int64", "_step": "int64", "_timestamp": "float64",
    }.items():  # fmt: skip
        arrays = [piece.columns[key].values for piece in pieces]
        assert {str(array.dtype) for array in arrays} == {dtype}
        expected = list(range(3000)) if key == "_step" else [r.get(key, 1.5) for r in rows]
        assert np.concatenate(arrays).tolist() == expected


def test_nan_does_not_stop_the_fast_way(tmp_path: Path) -> None:
    encoder = RowEncoder()
    values = [math.nan, math.inf, -math.inf, 0.5]
    payloads = [
        encoder.encode({"x": v}, step=n, timestamp=1, runtime=1) for n, v in enumerate(values)
    ]
    blocks = RowBlocks()
    with BulkReader(write(tmp_path / "run-a.wandb", payloads)) as reader:
        bulk = reader.read()
        assert bulk is not None
        found = blocks.read_columns(bulk).columns["x"].values
    assert found.dtype == "float64"
    assert math.isnan(found[0])
    assert found[1:].tolist() == [math.inf, -math.inf, 0.5]


def test_a_row_that_cannot_be_read_is_left_out(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = RunFolder(tmp_path, "a")
    bad = row_record(1, loss=2)
    bad.item[0].value_json = "[1"
    folder.add(run_record("a"), row_record(0, loss=1), bad, row_record(2, loss=3))
    for read in ("read_rows", "read_columns"):
        blocks = RowBlocks()
        with BulkReader(folder.journal) as reader:
            bulk = reader.read()
            assert bulk is not None
            found = getattr(blocks, read)(bulk)
        assert len(found) == 2
        assert blocks.lost == 1
        assert "left out" in caplog.text


def test_values_that_only_together_would_be_json(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path, "a")
    odd = row_record(0, a=1, b=2, c=3)
    for one, text in zip(odd.item, ["[1", "2]", "3,4"], strict=False):
        one.value_json = text
    folder.add(run_record("a"), odd, row_record(1, a=1, b=2, c=3))
    blocks = RowBlocks()
    with BulkReader(folder.journal) as reader:
        bulk = reader.read()
        assert bulk is not None
        rows = blocks.read_rows(bulk)
    assert [row["_step"] for row in rows] == [1]
    assert json.loads(json.dumps(rows[0]))["c"] == 3
