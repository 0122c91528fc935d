"""Event files as TensorBoard's own writer makes them, read while they grow."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import pytest

from asyncwb.run.tensorboard import event_file
from asyncwb.run.tensorboard.event_file import Event, EventFile

if TYPE_CHECKING:
    from pathlib import Path

pytest.importorskip("tensorboard")

from tensorboard.compat.proto.event_pb2 import Event as EventProto
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.summary.writer.record_writer import RecordWriter

pytestmark = pytest.mark.torch


def write(path: Path, *events: Any) -> bytes:
    with path.open("ab") as file:
        writer = RecordWriter(file)
        for event in events:
            writer.write(event.SerializeToString())
        writer.flush()
    return path.read_bytes()


def scalar(step: int, value: float = 0.5, tag: str = "x") -> Any:
    event = EventProto(wall_time=1000.25 + step, step=step)
    event.summary.value.add(tag=tag, simple_value=value)
    return event


def read_all(file: EventFile) -> list[Event]:
    found: list[Event] = []
    while events := file.read():
        found += events
    return found


def test_events_of_every_kind(tmp_path: Path) -> None:
    rich = EventProto(wall_time=2.5, step=-3)
    rich.summary.value.add(tag="ünï", simple_value=0.25)
    metadata = {"plugin_data": {"plugin_name": "histograms", "content": b"\x08\x01"}}
    rich.summary.value.add(tag="h", histo={"min": 1.0}, metadata=metadata)
    rich.summary.value.add(tag="i", image={"width": 3})
    rich.summary.value.add(tag="t", tensor={"dtype": 1}, metadata={"display_name": "T"})
    rich.summary.value.add(tag="a", audio={"sample_rate": 1.0})
    path = tmp_path / "events"
    write(path, EventProto(wall_time=1.5, file_version="brain.Event:2"), rich)
    first, second = read_all(EventFile(path))
    assert first == Event(1.5, 0, [])
    assert (second.wall_time, second.step) == (2.5, -3)
    assert [(v.tag, v.plugin, v.kind) for v in second.values] == [
        ("ünï", "", "simple_value"),
        ("h", "histograms", "histo"),
        ("i", "", "image"),
        ("t", "", "tensor"),
        ("a", "", ""),
    ]
    assert second.values[0].number == 0.25
    assert second.values[1].message == rich.summary.value[1].histo.SerializeToString()
    assert second.values[2].message == Summary.Image(width=3).SerializeToString()


def test_it_reads_what_tensorboards_own_reader_reads(tmp_path: Path) -> None:
    from tensorboard.backend.event_processing.event_file_loader import RawEventFileLoader

    path = tmp_path / "events"
    write(path, *(scalar(n, n / 7, f"tag/{n % 5}") for n in range(500)))
    expected = [EventProto.FromString(raw) for raw in RawEventFileLoader(str(path)).Load()]
    found = read_all(EventFile(path))
    assert [(e.step, e.wall_time, e.values[0].tag, e.values[0].number) for e in found] == [
        (e.step, e.wall_time, e.summary.value[0].tag, e.summary.value[0].simple_value)
        for e in expected
    ]


def test_a_record_that_is_not_whole_comes_later(tmp_path: Path) -> None:
    source, path = tmp_path / "source", tmp_path / "events"
    data = write(source, scalar(1), scalar(2))
    path.write_bytes(b"")
    file = EventFile(path)
    assert file.read() == []
    found: list[int] = []
    with path.open("ab", buffering=0) as out:
        for byte in data:
            out.write(bytes([byte]))
            found += [event.step for event in file.read()]
    assert found == [1, 2]
    write(path, scalar(3))
    assert [event.step for event in file.read()] == [3]


def test_memory_is_bounded_and_large_records_come(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_file, "_READ_BYTES", 100)
    path = tmp_path / "events"
    large = EventProto(step=50)
    large.summary.value.add(tag="i", image={"encoded_image_string": b"x" * 5000})
    write(path, *(scalar(n) for n in range(50)), large, scalar(51))
    file = EventFile(path)
    sizes = []
    found = []
    while events := file.read():
        sizes.append(len(events))
        found += [event.step for event in events]
    assert found == list(range(52))
    assert max(sizes) <= 3


@pytest.mark.parametrize("place", [0, 9])
def test_a_damaged_file_ends_there_with_one_warning(
    tmp_path: Path, place: int, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "events"
    before = len(write(path, scalar(1)))
    data = bytearray(write(path, scalar(2), scalar(3)))
    data[before + place] ^= 0xFF
    path.write_bytes(data)
    file = EventFile(path)
    with caplog.at_level(logging.WARNING):
        assert [event.step for event in read_all(file)] == [1]
        assert file.read() == []
    assert len(caplog.records) == 1
    assert "wrong checksum" in caplog.text


def test_bytes_that_are_no_event(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "events"
    with path.open("wb") as out:
        RecordWriter(out).write(b"\xff\xff\xff")
    assert read_all(EventFile(path)) == []
    assert "what comes later in it is left out" in caplog.text
