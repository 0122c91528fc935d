"""Rules of section 6.1 of the run protocol, with the values of its resume capture."""

import json
from typing import Any

import msgspec
import pytest

from asyncwb.errors import ProtocolError, UsageError
from asyncwb.graphql.run_operations import ResumeStatusAnswer
from asyncwb.sender.resume import decide

BUCKET: dict[str, Any] = {
    "id": "UnVuOjE=",
    "name": "resu0001",
    "summaryMetrics": '{"_step":9,"_runtime":50,"_wandb":{"runtime":55},"loss":0.1}',
    "displayName": "old-name",
    "logLineCount": 12,
    "historyLineCount": 10,
    "eventsLineCount": 4,
    "historyTail": json.dumps(['{"_step":9,"_runtime":50,"loss":NaN}']),
    "eventsTail": json.dumps(['{"_runtime":52}']),
    "config": '{"lr":{"value":0.1},"_wandb":{"value":{"t":{"5":"0.20.0"}}}}',
    "tags": ["t1"],
    "notes": "old notes",
    "wandbConfig": '{"t":{"5":"0.20.0"}}',
}


def answer(**changes: object) -> ResumeStatusAnswer:
    bucket = {**BUCKET, **changes}
    data = {"model": {"name": "demo", "entity": {"name": "acme"}, "bucket": bucket}}
    return msgspec.convert(data, ResumeStatusAnswer)


ABSENT = [
    ResumeStatusAnswer(),
    msgspec.convert({"model": {"name": "demo", "bucket": None}}, ResumeStatusAnswer),
    answer(wandbConfig="{}"),
    answer(wandbConfig=None),
]


def test_an_existing_run_is_continued() -> None:
    point = decide("must", answer(), run_id="resu0001")
    assert point is not None
    assert (point.history_lines, point.events_lines, point.console_lines) == (10, 4, 12)
    assert point.starting_step == 10
    assert point.runtime == 55
    assert point.tags == ("t1",)
    assert point.notes == "old notes"
    assert point.summary["loss"] == 0.1
    assert point.storage_id == "UnVuOjE="


@pytest.mark.parametrize("absent", ABSENT)
def test_an_absent_run_is_created_or_refused(absent: ResumeStatusAnswer) -> None:
    assert decide("allow", absent, run_id="r") is None
    assert decide("auto", absent, run_id="r") is None
    assert decide("never", absent, run_id="r") is None
    with pytest.raises(UsageError, match="'r'"):
        decide("must", absent, run_id="r")


def test_never_refuses_an_existing_run() -> None:
    with pytest.raises(UsageError, match="resu0001"):
        decide("never", answer(), run_id="resu0001")


def test_a_run_without_rows_starts_at_step_zero() -> None:
    bare = answer(historyLineCount=0, historyTail=None, summaryMetrics="{}")
    point = decide("allow", bare, run_id="r")
    assert point is not None
    assert point.starting_step == 0
    assert point.last_row is None


def test_the_step_comes_from_the_summary_where_the_tail_is_empty() -> None:
    point = decide("allow", answer(historyTail="[]"), run_id="r")
    assert point is not None
    assert point.starting_step == 10


@pytest.mark.parametrize("count", ["historyLineCount", "eventsLineCount", "logLineCount"])
def test_every_count_is_needed(count: str) -> None:
    with pytest.raises(ProtocolError, match="how many lines"):
        decide("allow", answer(**{count: None}), run_id="r")
