"""Opening a run that goes on at an earlier step: what is asked of the server, and when."""

from __future__ import annotations

import json
from typing import Any

import pytest

import asyncwb.journal.records as rec
from asyncwb.errors import UsageError
from asyncwb.graphql.run_operations import (
    ResumeStatusAnswer,
    RewindAnswer,
    UpsertBucketAnswer,
)
from asyncwb.jsonx import decode_as
from asyncwb.sender.ack import Ack
from asyncwb.sender.fold import Fold
from asyncwb.sender.opening import Opener

SERVER = "http://server"
CONFIG = json.dumps({"old": {"value": 1}, "_wandb": {"value": {"t": {"5": "x"}}}})
BUCKET = {"id": "storage", "name": "r1", "displayName": "first", "config": CONFIG}
COUNTS = {"historyLineCount": 3, "eventsLineCount": 0, "logLineCount": 0}


class FakeGraphQL:
    """Answers from a table; remembers what was asked."""

    def __init__(self, rewound: dict[str, Any] | None) -> None:
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self._rewound = rewound

    async def execute(self, operation: Any, variables: dict[str, Any], **_: Any) -> Any:
        self.asked.append((operation.name, variables))
        if operation.name == "RewindRun":
            found = None if self._rewound is None else {"rewoundRun": self._rewound}
            return decode_as(RewindAnswer, json.dumps({"rewindRun": found}))
        if operation.name == "RunResumeStatus":
            model = {"name": "demo", "bucket": BUCKET | COUNTS}
            return decode_as(ResumeStatusAnswer, json.dumps({"model": model}))
        bucket = {**BUCKET, "historyLineCount": 3, "project": {"name": "demo"}}
        return decode_as(UpsertBucketAnswer, json.dumps({"upsertBucket": {"bucket": bucket}}))


def opener(graphql: FakeGraphQL) -> Opener:
    fold = Fold(version="1")
    point = rec.BranchPoint(run="r1", value=4.0, metric="_step")
    record = rec.RunRecord(run_id="r1", entity="ada", project="demo", branch_point=point)
    fold.feed(rec.encode(record))
    return Opener(
        graphql,  # type: ignore[arg-type]
        fold,
        server=SERVER,
        program=None,
        patience_seconds=1,
        on_retry=lambda state: None,
    )


async def test_the_server_rewinds_before_the_run_is_written() -> None:
    graphql = FakeGraphQL(BUCKET)
    opened = await opener(graphql).open(None, None, None)
    (rewind, asked), (upsert, sent) = graphql.asked
    assert (rewind, upsert) == ("RewindRun", "UpsertBucket")
    assert asked == {
        "runName": "r1",
        "project": "demo",
        "entity": "ada",
        "metricName": "_step",
        "metricValue": 4,
    }
    assert (sent["id"], sent["displayName"]) == ("storage", "first")
    config = json.loads(sent["config"])
    assert config["old"] == {"value": 1}
    assert config["_wandb"]["value"]["branch_point"] == {"run_id": "r1", "step": 4}
    # Rows go on behind those that the server kept, under the steps that their writer gave them.
    assert (opened.ack.history_start, opened.ack.resume_step) == (3, 0)
    assert opened.resumed is None
    assert opened.inherited["old"] == {"value": 1}


async def test_a_second_sender_rewinds_no_more() -> None:
    graphql = FakeGraphQL(BUCKET)
    ack = Ack(server=SERVER, project="demo", run_id="r1", history_start=1)
    opened = await opener(graphql).open(ack, None, None)
    assert [name for name, _ in graphql.asked] == ["RunResumeStatus", "UpsertBucket"]
    assert json.loads(graphql.asked[1][1]["config"])["old"] == {"value": 1}
    assert opened.inherited["old"] == {"value": 1}


async def test_for_another_server_it_is_the_first_time() -> None:
    graphql = FakeGraphQL(BUCKET)
    await opener(graphql).open(Ack(server="http://other"), None, None)
    assert graphql.asked[0][0] == "RewindRun"


async def test_there_must_be_something_to_rewind() -> None:
    graphql = FakeGraphQL(None)
    with pytest.raises(UsageError, match="no run 'r1' to rewind"):
        await opener(graphql).open(None, None, None)
    assert len(graphql.asked) == 1
