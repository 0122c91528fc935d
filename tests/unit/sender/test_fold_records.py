"""What journal records become, with values seen on the wire of `wandb` 0.31.0."""

import json
from typing import Any

import pytest

import asyncwb.journal.records as rec
from asyncwb.filestream import CONSOLE, EVENTS, HISTORY, SUMMARY
from asyncwb.journal.records import Timestamp, encode
from asyncwb.sender.ack import Ack
from asyncwb.sender.fold import Fold, RunOverrides
from asyncwb.sender.resume import ResumePoint

ACK = Ack(server="s", history_start=10, events_start=4, console_start=12)


def item(key: str, value: Any) -> rec.Item:
    return rec.Item(key=key, value_json=json.dumps(value))


def nested(value: Any, *path: str) -> rec.Item:
    return rec.Item(nested_key=list(path), value_json=json.dumps(value))


def row(step: int, **values: Any) -> bytes:
    values |= {"_step": step, "_timestamp": 1000.5 + step, "_runtime": step / 2}
    items = [rec.HistoryItem(nested_key=[k], value_json=json.dumps(v)) for k, v in values.items()]
    return encode(rec.HistoryRecord(item=items, step=rec.HistoryStep(num=step)))


def run(**changes: Any) -> bytes:
    record = rec.RunRecord(run_id="r1", project="demo", start_time=Timestamp(seconds=1000))
    for name, value in changes.items():
        setattr(record, name, value)
    return encode(record)


def fold(*payloads: bytes, overrides: RunOverrides | None = None) -> Fold:
    made = Fold(version="9.9", overrides=overrides)
    for payload in payloads:
        made.feed(payload)
    return made


def sent(made: Fold, ack: Ack = ACK) -> dict[str, tuple[int, list[Any]]]:
    found = {}
    for block in made.take(ack):
        lines = [line.decode() for line in block.lines]
        read = lines if block.file == CONSOLE else [json.loads(line) for line in lines]
        found[block.file] = (block.offset, read)
    return found


def summary(made: Fold) -> dict[str, Any]:
    found = json.loads(made.summary.line())
    for key in ("_step", "_timestamp", "_runtime", "_wandb"):
        found.pop(key, None)
    return found


def metric(name: str = "", *, glob: str = "", step: str = "", **numbers: list[int]) -> bytes:
    return encode(rec.MetricRecord(name=name, glob_name=glob, step_metric=step, **numbers))  # type: ignore[arg-type]


def test_rows_go_to_their_line_numbers_with_a_whole_summary() -> None:
    made = fold(run(), row(0, loss=1.0, a={"b": 0}), row(1, loss=0.5, a={"c": 1}))
    found = sent(made)
    assert found[HISTORY][0] == 10
    assert [r["_step"] for r in found[HISTORY][1]] == [0, 1]
    assert found[SUMMARY] == (
        0,
        [
            {
                "loss": 0.5,
                "a": {"b": 0, "c": 1},
                "_step": 1,
                "_timestamp": 1001.5,
                "_runtime": 0.5,
                "_wandb": {"runtime": 0},
            }
        ],
    )
    assert not made.pending
    made.feed(row(2, loss=0.25))
    assert sent(made)[HISTORY][0] == 12


def test_an_out_of_order_row_is_kept_and_the_last_step_stays_the_highest() -> None:
    made = fold(run(), row(5, loss=1), row(2, loss=7))
    assert [r["_step"] for r in sent(made)[HISTORY][1]] == [5, 2]
    found = json.loads(made.summary.line())
    assert (found["_step"], found["loss"]) == (5, 7)


def test_statistics_of_the_captured_metrics() -> None:
    made = fold(
        run(),
        metric("loss", step="epoch", options=[1, 3], summary=[1, 2, 3, 5, 8]),
        metric("epoch", options=[3]),
        metric("hid", options=[2, 3]),
        metric("nosum", options=[3], summary=[6]),
        metric("a.b", options=[3], summary=[2]),
        metric("c", options=[3], summary=[7]),
        metric(glob="val/*"),
        row(0, epoch=0, loss=1, hid=0, nosum=1, a={"b": 1}, c=1),
        row(1, epoch=1, loss=0.5, hid=1, nosum=2, a={"b": 0}, c=2, **{"val/x": 3}),
    )
    assert summary(made) == {
        "epoch": 1,
        "loss": {"min": 0.5, "max": 1, "mean": 0.75, "last": 0.5, "first": 1},
        "hid": 1,
        "a": {"b": {"max": 1}},
        "c": 2,
        "val/x": 3,
    }


@pytest.mark.parametrize(("goal", "best"), [(0, 1), (1, 1), (2, 3)])
def test_best_follows_the_goal(goal: int, best: int) -> None:
    record = rec.MetricRecord(glob_name="acc/*", summary=[4], goal=goal)
    made = fold(run(), encode(record), *(row(n, **{"acc/x": v}) for n, v in enumerate((2, 3, 1))))
    assert summary(made) == {"acc/x": {"best": best}}


def test_nan_does_not_spoil_statistics() -> None:
    made = fold(run(), metric("loss", options=[3], summary=[1, 3, 5]))
    for step, value in enumerate((1.0, float("nan"), 3.0)):
        made.feed(row(step, loss=value))
    assert summary(made) == {"loss": {"min": 1, "mean": 2, "last": 3}}


def test_metric_definitions_on_the_wire() -> None:
    made = fold(
        run(),
        metric("loss", options=[3], summary=[1]),
        metric(glob="v/*", step="e", options=[1, 3]),
    )
    assert made.config.wire()["_wandb"]["value"]["m"] == [  # type: ignore[index]
        {"1": "loss", "6": [3], "7": [1]},
        {"2": "v/*", "5": 3, "6": [1], "7": []},
        {"1": "e", "6": [], "7": []},
    ]


def test_definitions_and_statistics_of_the_resumed_run_go_on() -> None:
    made = fold(run(), metric("own", options=[3], summary=[2]))
    entries = [
        {"1": "loss", "5": 2, "6": [1, 3], "7": [1, 3, 8]},
        {"1": "epoch", "6": [], "7": []},
        {"1": "own", "6": [3], "7": [1]},
    ]
    before = {"_step": 4, "loss": {"min": 0.25, "mean": 9.0, "first": 7}, "own": {"min": 1}}
    made.take_over(
        ResumePoint(
            storage_id="s",
            history_lines=5,
            events_lines=0,
            console_lines=0,
            starting_step=5,
            runtime=1.0,
            summary=before,
            config={"_wandb": {"value": {"m": entries}}},
        )
    )
    assert summary(made) == {"loss": {"min": 0.25, "mean": 9.0, "first": 7}, "own": {"min": 1}}
    made.feed(row(5, loss=1, own=3))
    made.feed(row(6, loss=2, own=2))
    assert summary(made) == {"loss": {"min": 0.25, "mean": 1.5, "first": 7}, "own": {"max": 3}}
    kept = made.config.wire()["_wandb"]["value"]["m"]  # type: ignore[index]
    assert {entry["1"]: entry["7"] for entry in kept} == {
        "own": [2], "loss": [1, 3, 8], "epoch": [],
    }  # fmt: skip


def test_a_value_set_by_hand_ends_statistics_until_it_is_logged_again() -> None:
    made = fold(run(), metric("loss", options=[3], summary=[1]), row(0, loss=3), row(1, loss=5))
    assert summary(made) == {"loss": {"min": 3}}
    made.feed(encode(rec.SummaryRecord(update=[item("loss", 42), item("best", 1)])))
    assert summary(made) == {"loss": 42, "best": 1}
    made.feed(row(2, loss=7))
    assert summary(made) == {"loss": 7, "best": 1}


def test_summary_values_replace_whole_objects_and_can_be_removed() -> None:
    made = fold(run(), row(0, n={"x": 1, "y": 2}, s="text"))
    made.feed(encode(rec.SummaryRecord(update=[item("n", {"x": 9})], remove=[item("s", None)])))
    assert summary(made) == {"n": {"x": 9}}


def test_summary_records_of_the_wandb_package_keep_statistics_alive() -> None:
    made = fold(run(), metric("loss", options=[3], summary=[1]))
    for step, loss in enumerate((1, 0.5, 2)):
        made.feed(encode(rec.SummaryRecord(update=[nested({"min": loss}, "loss")])))
        made.feed(row(step, loss=loss))
    assert summary(made) == {"loss": {"min": 0.5}}


def test_media_objects_are_replaced_as_a_whole() -> None:
    first = {"_type": "image-file", "path": "a.png", "caption": "one"}
    second = {"_type": "image-file", "path": "b.png"}
    assert summary(fold(run(), row(0, img=first), row(1, img=second))) == {"img": second}


def test_config_in_wire_form() -> None:
    first = rec.ConfigRecord(update=[item("lr", 0.1), item("x.y", "dotted"), item("_wandb", {})])
    made = fold(
        run(config=first),
        encode(rec.ConfigRecord(update=[nested(2, "opt", "k"), item("gone", 1)])),
        encode(rec.ConfigRecord(remove=[item("gone", None)])),
    )
    made.feed(encode(rec.ConfigRecord(update=[rec.Item(key="nan", value_json="NaN")])))
    assert made.config.wire() == {
        "lr": {"value": 0.1},
        "x.y": {"value": "dotted"},
        "opt": {"value": {"k": 2}},
        "nan": {"value": None},
        "_wandb": {"value": {"t": {"5": "9.9"}, "m": []}},
    }


def test_telemetry_and_environment_in_wire_form() -> None:
    telemetry = rec.TelemetryRecord(feature=[14, 2], cli_version="0.31.0", platform="linux-x86_64")
    writer = "01a1fbc0-49b9-790d-9e6b-bd7b7ddf9328"
    one = rec.EnvironmentRecord(
        os="Linux", started_at=Timestamp(seconds=1795225045, nanos=430656000), writer_id=writer
    )
    two = rec.EnvironmentRecord(cpu_count=2, code_path="train.py", writer_id=writer)
    made = fold(run(), encode(telemetry), encode(one), encode(two))
    value: Any = made.config.wire()["_wandb"]
    assert value["value"]["t"] == {"3": [2, 14], "5": "0.31.0", "13": "linux-x86_64"}
    assert value["value"]["e"] == {
        writer: {
            "os": "Linux",
            "startedAt": "2026-11-21T01:37:25.430656Z",
            "cpu_count": 2,
            "codePath": "train.py",
            "writerId": writer,
        }
    }


def test_later_run_records_change_only_what_they_name() -> None:
    made = fold(run(display_name="a", tags=["t"], notes="n"))
    made.config_dirty = made.parameters_dirty = False
    made.feed(encode(rec.RunRecord(run_id="r1", display_name="b")))
    assert (made.run.display_name, made.run.tags, made.run.notes) == ("b", ("t",), "n")
    assert made.parameters_dirty


def test_labels_are_emptied_where_a_record_says_so() -> None:
    made = fold(run(tags=["t"], notes="n"))
    made.feed(encode(rec.RunRecord(run_id="r1", emptied=["tags", "notes", "display_name"])))
    assert (made.run.tags, made.run.notes) == ((), "")
    assert made.run.emptied >= {"tags", "notes"}
    point = ResumePoint(
        storage_id="s", history_lines=0, events_lines=0, console_lines=0, starting_step=0,
        runtime=0.0, config={}, summary={}, tags=("old",), notes="old",
    )  # fmt: skip
    made.take_over(point)
    assert (made.run.tags, made.run.notes) == ((), "")
    made.feed(encode(rec.RunRecord(run_id="r1", tags=["new"])))
    assert (made.run.tags, made.run.notes) == (("new",), "")


def test_overrides_win() -> None:
    names = RunOverrides(run_id="other", project="p2", entity="team")
    made = fold(run(entity="acme"), overrides=names)
    assert (made.run.run_id, made.run.project, made.run.entity) == ("other", "p2", "team")


def test_system_metrics_and_console_lines() -> None:
    at = Timestamp(seconds=1003, nanos=250_000_000)
    made = fold(
        run(),
        encode(rec.StatsRecord(timestamp=at, item=[item("cpu", 12.5)])),
        encode(rec.OutputRawRecord(output_type=1, timestamp=at, line="hello")),
        encode(rec.OutputRawRecord(output_type=1, timestamp=at, line="\n")),
        encode(rec.OutputRawRecord(output_type=0, timestamp=at, line="err\n")),
    )
    found = sent(made)
    event = {"_wandb": True, "_timestamp": 1003.25, "_runtime": 3.25, "system.cpu": 12.5}
    assert found[EVENTS] == (4, [event])
    stamp = "1970-01-01T00:16:43.250000"
    assert found[CONSOLE] == (12, [f"{stamp} hello", f"ERROR {stamp} err"])


POINT = ResumePoint(
    storage_id="x",
    history_lines=10,
    events_lines=4,
    console_lines=12,
    starting_step=10,
    runtime=55.0,
    config={"lr": {"value": 0.1}, "old": {"value": {"z": 1}}, "_wandb": {"value": {"t": {}}}},
    summary={"_step": 9, "_runtime": 50, "_wandb": {"runtime": 55}, "loss": 0.1},
    tags=("t1",),
    notes="old notes",
)


def test_a_resumed_run_continues_config_and_summary() -> None:
    made = fold(run(config=rec.ConfigRecord(update=[item("lr", 0.5), item("new", 1)])))
    made.take_over(POINT)
    wire = made.config.wire()
    assert {k: wire[k] for k in ("lr", "old", "new")} == {
        "lr": {"value": 0.5},
        "old": {"value": {"z": 1}},
        "new": {"value": 1},
    }
    assert (made.run.tags, made.run.notes) == (("t1",), "old notes")
    made.shift_rows(POINT.starting_step, POINT.runtime)
    made.feed(row(0, b=2))
    found = sent(made)
    assert found[HISTORY] == (10, [{"_step": 10, "_timestamp": 1000.5, "_runtime": 55, "b": 2}])
    line = found[SUMMARY][1][0]
    assert (line["loss"], line["b"], line["_step"], line["_wandb"]) == (0.1, 2, 10, {"runtime": 55})


def test_rows_of_a_writer_that_knew_the_starting_step_are_not_moved() -> None:
    made = fold(run())
    made.take_over(POINT)
    made.shift_rows(POINT.starting_step, POINT.runtime)
    made.feed(run(resumed=True, starting_step=10))
    made.feed(row(10, b=2))
    assert sent(made)[HISTORY][1][0]["_step"] == 10


def test_what_the_server_has_is_counted_and_not_sent() -> None:
    made = fold(run(), row(0, x=1), row(1, x=2))
    made.discard()
    made.feed(row(2, x=3))
    found = sent(made)
    assert found[HISTORY] == (12, [{"_step": 2, "_timestamp": 1002.5, "_runtime": 1, "x": 3}])


def test_a_row_longer_than_a_server_takes_is_reported_and_leaves_no_gap(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("asyncwb.sender.fold.MAX_LINE_BYTES", 200)
    made = fold(run(), row(0, x=1), row(1, x="y" * 200), row(2, x=3))
    assert made.lost == 1
    assert "longer than a server takes" in caplog.text
    offset, rows = sent(made)[HISTORY]
    assert (offset, [r["_step"] for r in rows]) == (10, [0, 2])


def test_exit_and_its_runtime() -> None:
    made = fold(run(), row(0, x=1), encode(rec.ExitRecord(exit_code=3, runtime=7)))
    assert made.exit is not None
    assert made.exit.exit_code == 3
    line = json.loads(made.summary.line())
    assert (line["_runtime"], line["_wandb"]) == (7, {"runtime": 7})


def test_a_branch_point_of_the_run_itself_rewinds_it() -> None:
    point = rec.BranchPoint(run="r1", value=4.0, metric="_step")
    made = fold(run(branch_point=point))
    assert (made.run.rewinds, made.run.branch_step) == (True, 4)
    wire = made.config.wire()["_wandb"]["value"]  # type: ignore[index,call-overload]
    assert wire["branch_point"] == {"run_id": "r1", "step": 4}
    # Sent under another id, it begins as that run did and leaves it alone.
    assert not fold(run(branch_point=point), overrides=RunOverrides(run_id="new")).run.rewinds
    other = rec.BranchPoint(run="other", value=4.0, metric="_step")
    assert not fold(run(branch_point=other)).run.rewinds
    assert not fold(run()).run.rewinds


def test_the_metadata_are_those_of_the_writer_of_the_journal() -> None:
    mine = rec.EnvironmentRecord(host="mine", writer_id="b")
    made = fold(run(), encode(mine))
    point = ResumePoint(
        storage_id="s", history_lines=1, events_lines=0, console_lines=0, starting_step=1,
        runtime=1.0, summary={}, config={"_wandb": {"value": {"e": {"a": {"host": "theirs"}}}}},
    )  # fmt: skip
    made.take_over(point)
    assert list(made.config.environments) == ["a", "b"]
    assert made.environment == mine
    assert fold(run()).environment is None
