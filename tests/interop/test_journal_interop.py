"""The journal and the wandb package: each reads what the other writes, field by field."""

from __future__ import annotations

import itertools
import json
import math
import os
import subprocess
import sys
from typing import get_args, get_type_hints

import pytest

pytest.importorskip("wandb")

from wandb.proto.wandb_internal_pb2 import Record

from asyncwb.journal import JournalReader, records
from asyncwb.journal.message import Message
from asyncwb.journal.rows import RowDecoder, RowEncoder, completing

pytestmark = [pytest.mark.interop, pytest.mark.timeout(120)]

BODIES = [kind for kind in get_args(records.Body) if issubclass(kind, Message)]


TYPED = ["none", "boolean", "integer", "number", "text", "json"]


OURS = {
    (records.FilesRecord, "kept"),
    (records.HistoryRecord, "kept"),
    (records.ArtifactRecord, "history_step"),
    (records.OutputLoggerRecord, "timestamp"),
    (records.RunRecord, "emptied"),
    (records.RunRecord, "links"),
}


def pairs(cls, message):
    """Our field names with the package's fields."""
    for name in cls.__struct_fields__:
        if name == "nested_key" and message.DESCRIPTOR.name in {"StatsItem", "SettingsItem"}:
            continue  # they share our `Item`, and have no nested keys
        if (cls, name) in OURS:
            continue  # see test_fields_of_our_own_are_skipped
        theirs = "_control" if name == "control" else name
        yield name, message.DESCRIPTOR.fields_by_name[theirs]


def class_of(hint):
    """The message class inside of a type hint, None for other types."""
    if isinstance(hint, type) and issubclass(hint, Message):
        return hint
    return next(filter(None, map(class_of, get_args(hint))), None)


def fill(message, cls, counter, oneof=""):
    """Set every field of a protobuf message that we know, each to another value."""
    hints = get_type_hints(cls, include_extras=True)
    for name, field in pairs(cls, message):
        if field.containing_oneof is not None and field.name != oneof:
            continue
        repeated = field.is_repeated
        inner = class_of(hints[name])
        is_map = field.message_type is not None and field.message_type.GetOptions().map_entry
        target = getattr(message, field.name)
        if is_map:
            for key in ("a", "b"):
                if inner is None:
                    target[key] = f"value {next(counter)}"
                else:
                    fill(target[key], inner, counter)
        elif inner is not None and repeated:
            fill(target.add(), inner, counter, oneof)
            fill(target.add(), inner, counter, oneof)
        elif inner is not None:
            target.SetInParent()
            fill(target, inner, counter)
        elif field.message_type is not None:
            # A message of flags, or one that we keep as bytes.
            for flag in field.message_type.fields[next(counter) % 2 :: 2]:
                if flag.type == flag.TYPE_BOOL:
                    setattr(target, flag.name, True)
            target.SetInParent()
        elif repeated:
            target.extend([f"value {next(counter)}", f"välue {next(counter)}"])
        else:
            setattr(message, field.name, scalar(field, next(counter)))


def scalar(field, number):
    if field.enum_type is not None:
        return field.enum_type.values[-1].number
    if field.type == field.TYPE_BOOL:
        return True
    if field.type == field.TYPE_DOUBLE:
        return number / 8
    if field.type == field.TYPE_STRING:
        return f"value {number} é"
    if field.type in (field.TYPE_INT64, field.TYPE_UINT64):
        return (1 << 40) + number
    return -number if field.type == field.TYPE_SINT64 else number


def assert_same(ours, message):
    """What we decoded is what the package holds."""
    for name, field in pairs(type(ours), message):
        value, expected = getattr(ours, name), getattr(message, field.name)
        if value is None:
            assert not message.HasField(field.name)
        elif isinstance(value, dict):
            assert value.keys() == expected.keys()
            for key, item in value.items():
                assert_value(item, expected[key])
        elif isinstance(value, list) and not field.is_repeated:
            assert value == [flag.number for flag, _ in expected.ListFields()]
        elif isinstance(value, list):
            assert len(value) == len(expected)
            for item, other in zip(value, expected, strict=True):
                assert_value(item, other)
        else:
            assert_value(value, expected)


def assert_value(value, expected):
    if isinstance(value, Message):
        assert_same(value, expected)
    elif isinstance(value, bytes):
        assert value == expected.SerializeToString()
    else:
        assert value == expected


def test_fields_of_our_own_are_skipped():
    link = records.ArtifactLink(id="i", client_id="c", target="t", aliases=["a"])
    written = records.RunRecord(run_id="r", notes="n", emptied=["tags"], links=[link])
    read = Record.FromString(records.encode(written))
    assert (read.run.run_id, read.run.notes, list(read.run.tags)) == ("r", "n", [])
    assert {field.name for field, _ in read.run.ListFields()} == {"run_id", "notes"}
    logged = records.ArtifactRecord(name="data", history_step=7)
    read = Record.FromString(records.encode(logged))
    assert [(field.name, value) for field, value in read.artifact.ListFields()] == [
        ("name", "data")
    ]
    waiting = records.FilesRecord(kept=records.KeptRow(number=3, row=b"r", parts="[]"))
    assert Record.FromString(records.encode(waiting)).files.ListFields() == []
    row = RowEncoder().encode({"a": 1}, step=2, timestamp=1.0, runtime=0.5)
    plain, complete = (Record.FromString(one).history for one in (row, completing(row, 3)))
    assert complete.ListFields() == plain.ListFields()
    assert records.decode(completing(row, 3)).body.kept == 3
    printed = records.OutputLoggerRecord(line="text", timestamp=records.Timestamp.at(1.5))
    read = Record.FromString(records.encode(printed))
    assert [(field.name, value) for field, value in read.output_logger.ListFields()] == [
        ("line", "text")
    ]


def body_of(record):
    return getattr(record, record.WhichOneof("record_type"))


def field_of(cls):
    number = records.field_number(records.encode(cls()))
    return Record.DESCRIPTOR.fields_by_number[number].name


@pytest.mark.parametrize(
    ("cls", "oneof"),
    [(cls, "") for cls in BODIES] + [(records.HistoryRecord, name) for name in TYPED],
    ids=lambda value: value if isinstance(value, str) else value.__name__,
)
def test_every_field_of_every_record(cls, oneof):
    message = Record(num=7)
    body = getattr(message, field_of(cls))
    body.SetInParent()
    fill(body, cls, itertools.count(1), oneof)
    ours = records.decode(message.SerializeToString())
    assert ours.num == 7
    assert type(ours.body) is cls
    assert_same(ours.body, body)
    back = Record()
    back.ParseFromString(records.encode(ours.body, num=7))
    assert back == message


@pytest.mark.parametrize("cls", BODIES, ids=lambda cls: cls.__name__)
def test_empty_records(cls):
    message = Record()
    getattr(message, field_of(cls)).SetInParent()
    assert records.decode(message.SerializeToString()).body == cls()
    back = Record()
    back.ParseFromString(records.encode(cls()))
    assert back == message


def test_rows_as_the_package_reads_them():
    row = {
        "loss": 0.5,
        "n": 2**53 + 1,
        "nan": math.nan,
        "inf": -math.inf,
        "none": None,
        "text": 'a, "b" é',
        "list": [1, math.nan, "x"],
        "nested": {"a": {"b": 1.5}, "c": True},
        "dotted.key": 1,
        "long": "x" * 40_000,
    }
    payload = RowEncoder().encode(row, step=300, timestamp=1.795224e9, runtime=0.25)
    history = body_of(Record.FromString(payload))
    assert history.step.num == 300
    found = [(tuple(item.nested_key), json.loads(item.value_json)) for item in history.item]
    assert [item for item in found if item[0] != ("nan",) and item[0] != ("list",)] == [
        (("loss",), 0.5),
        (("n",), 2**53 + 1),
        (("inf",), -math.inf),
        (("none",), None),
        (("text",), 'a, "b" é'),
        (("nested", "a", "b"), 1.5),
        (("nested", "c"), True),
        (("dotted.key",), 1),
        (("long",), "x" * 40_000),
        (("_step",), 300),
        (("_timestamp",), 1.795224e9),
        (("_runtime",), 0.25),
    ]
    texts = {tuple(item.nested_key): item.value_json for item in history.item}
    assert texts["nan",] == "NaN"
    assert texts["list",] == '[1,NaN,"x"]'


SCRIPT = """
import math, wandb
run = wandb.init(project="p", entity="e", id="r", mode="offline", config={"a": 1, "b": {"c": "x"}},
                 name="n", tags=["t"], notes="m")
run.define_metric("loss", summary="min")
for n in range(200):
    run.log({"loss": 1 / (n + 1), "nan": math.nan, "d": {"e": {"f": n}}, "l": [n, "é"],
             "text": "x" * (n * 50)})
run.log({"typed": True})
run.config.update({"late": 2})
run.summary["by_hand"] = {"x": [1]}
run.alert("title", "text")
run.finish(exit_code=3)
"""


def test_a_file_of_the_package_is_read_to_its_last_byte(tmp_path):
    keep = {key: value for key, value in os.environ.items() if not key.startswith("WANDB")}
    environment = {**keep, "HOME": str(tmp_path), "WANDB_ERROR_REPORTING": "false"}
    subprocess.run(
        [sys.executable, "-c", SCRIPT],
        cwd=tmp_path,
        env=environment,
        check=True,
        capture_output=True,
        timeout=100,
    )
    [path] = tmp_path.glob("wandb/offline-run-*/run-r.wandb")
    payloads = []
    with JournalReader.open(path) as reader:
        while batch := reader.read_batch(1 << 16, 50):
            payloads += [record.payload for record in batch]
        assert reader.damage == []
        assert reader.position == path.stat().st_size
    seen, rows, decoder = set(), [], RowDecoder()
    for payload in payloads:
        message, ours = Record.FromString(payload), records.decode(payload)
        assert not isinstance(ours.body, records.UnknownRecord)
        assert ours.num == message.num
        assert_same(ours.body, body_of(message))
        seen.add(type(ours.body))
        if isinstance(ours.body, records.HistoryRecord):
            rows.append(json.loads(decoder.to_line(payload)))
    assert len(rows) == 201
    assert [row["_step"] for row in rows] == list(range(201))
    assert rows[7]["d"] == {"e": {"f": 7}}
    assert rows[7]["l"] == [7, "é"]
    assert rows[199]["loss"] == 1 / 200
    assert rows[199]["text"] == "x" * 9950
    assert math.isnan(rows[0]["nan"])
    assert seen >= {
        records.HeaderRecord,
        records.RunRecord,
        records.SummaryRecord,
        records.ConfigRecord,
        records.MetricRecord,
        records.TelemetryRecord,
        records.AlertRecord,
        records.ExitRecord,
    }
