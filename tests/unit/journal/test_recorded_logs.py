"""Logs that others wrote, and what `wandb sync` sent for them."""

from __future__ import annotations

import json

import pytest
from journal_vectors import HANDMADE, OFFLINE

from asyncwb.journal import JournalReader, records
from asyncwb.journal.framing import FILE_HEADER, frame
from asyncwb.journal.rows import RowDecoder


@pytest.fixture
def payloads(tmp_path, request):
    path = tmp_path / "run.wandb"
    path.write_bytes(request.param)
    with JournalReader.open(path) as reader:
        found = []
        while batch := reader.read_batch(1, 3):
            found += [record.payload for record in batch]
        assert reader.damage == []
        assert reader.position == len(request.param)
    return found


def lines(payloads):
    decoder = RowDecoder()
    rows = [p for p in payloads if isinstance(records.decode(p).body, records.HistoryRecord)]
    return [decoder.to_line(payload) for payload in rows]


@pytest.mark.parametrize("payloads", [HANDMADE], indirect=True)
def test_a_minimal_log(payloads):
    bodies = [records.decode(payload).body for payload in payloads]
    assert [records.decode(payload).num for payload in payloads] == list(range(1, 9))
    run = bodies[1]
    assert (run.run_id, run.project, run.display_name) == ("myrun1", "demo", "hand made")
    assert run.config.update == [records.Item(key="lr", value_json="0.1")]
    assert bodies[5] == records.SummaryRecord(update=[records.Item("loss", value_json="0.33")])
    assert bodies[6].line == "hello\n"
    assert bodies[6].output_type == 1
    assert bodies[7] == records.ExitRecord(exit_code=0, runtime=7)
    assert [json.loads(line) for line in lines(payloads)] == [
        {"loss": 1, "_step": 0, "_timestamp": 1795224006.5, "_runtime": 0.5, "a": {"b": 0}},
        {"loss": 0.5, "_step": 1, "_timestamp": 1795224007.5, "_runtime": 1.5, "a": {"b": 1}},
        {
            "a": {"b": 2},
            "loss": 0.3333333333333333,
            "_step": 2,
            "_timestamp": 1795224008.5,
            "_runtime": 2.5,
        },
    ]


@pytest.mark.parametrize("payloads", [OFFLINE], indirect=True)
def test_a_log_of_the_package(payloads):
    bodies = [records.decode(payload).body for payload in payloads]
    assert len(bodies) == 33
    assert bodies[1].telemetry.feature == [4, 13, 14, 15, 16]
    assert bodies[1].start_time.unix == pytest.approx(1795225311.861058)
    assert bodies[5] == records.MetricRecord(name="loss", options=[3], summary=[1])
    assert bodies[6] == records.MetricRecord(glob_name="v/*", step_metric="e", options=[1, 3])
    assert bodies[22] == records.SummaryRecord(remove=[records.Item(key="s")])
    assert bodies[25] == records.FilesRecord([records.FileItem("f.txt", policy=1)])
    assert bodies[26] == records.AlertRecord("a", "b", "INFO", 60000)
    assert bodies[27] == records.PreemptingRecord()
    assert bodies[32] == records.ExitRecord(exit_code=4)
    assert all(b'"nan":NaN' in line for line in lines(payloads))
    rows = [json.loads(line.replace(b"NaN", b'"nan"')) for line in lines(payloads)]
    assert rows == [
        {
            "v/x": 0,
            "_step": 0,
            "loss": 1,
            "e": 0,
            "s": "str",
            "nan": "nan",
            "d": {"k": 0},
            "_runtime": 0.1342655,
            "_timestamp": 1.7952253120001442e09,
        },
        {
            "_step": 1,
            "e": 1,
            "d": {"k": 1},
            "loss": 0.5,
            "v/x": 1,
            "_timestamp": 1.7952253120011277e09,
            "_runtime": 0.134768849,
            "s": "str",
            "nan": "nan",
        },
    ]


@pytest.mark.parametrize("payloads", [HANDMADE, OFFLINE], indirect=True)
def test_framing_the_records_again_gives_the_same_bytes(payloads):
    data = FILE_HEADER
    for payload in payloads:
        data += frame(payload, len(data))
    assert data in (HANDMADE, OFFLINE)


@pytest.mark.parametrize("payloads", [HANDMADE], indirect=True)
def test_encoding_the_records_again_keeps_what_they_say(payloads):
    for payload in payloads:
        record = records.decode(payload)
        assert records.decode(records.encode(record.body, num=record.num)) == record
