"""What a file-stream request means (offsets, replays, summary, state)."""

from __future__ import annotations

import gzip
import json
from typing import TYPE_CHECKING

import pytest
from server_client import sql

if TYPE_CHECKING:
    from server_client import Client


def row(step: int, **values: object) -> dict[str, object]:
    return {"_step": step, "_runtime": step / 10, "_timestamp": 1.79e9 + step, **values}


async def test_rows_come_back_as_they_were_sent(client: Client) -> None:
    await client.upsert("r")
    texts = [
        '{"_step":0,"loss":0.1,"n":9223372036854775807,"deep":{"a":[1,null,{"b":"é<>&"}]}}',
        '{"_step":1,"loss":NaN,"up":Infinity,"down":-Infinity}',
    ]
    await client.history("r", 0, texts)
    assert (await client.run("r", "history"))["history"] == texts


async def test_a_replay_changes_nothing(client: Client) -> None:
    await client.upsert("r")
    for _ in range(3):
        await client.history("r", 0, [row(0, a=1), row(1, a=2)])
    found = await client.run("r", "historyLineCount historyKeys")
    assert found["historyLineCount"] == 2
    assert found["historyKeys"]["lastStep"] == 1
    assert found["historyKeys"]["keys"]["a"]["typeCounts"] == [{"type": "number", "count": 2}]
    assert await client.rows("r") == [row(0, a=1), row(1, a=2)]


async def test_an_overlap_adds_the_new_lines_only(client: Client) -> None:
    await client.upsert("r")
    await client.history("r", 0, [row(i) for i in range(5)])
    await client.history("r", 3, [row(i) for i in range(3, 8)])
    assert await client.rows("r") == [row(i) for i in range(8)]
    assert (await client.run("r", "historyLineCount"))["historyLineCount"] == 8


async def test_a_rewritten_row_replaces_the_old_one_everywhere(client: Client) -> None:
    await client.upsert("r")
    await client.history("r", 0, [row(0, a=1), row(1, b="x"), row(2, a=3)])
    await client.history("r", 1, [row(1, c=True)])
    assert await client.rows("r") == [row(0, a=1), row(1, c=True), row(2, a=3)]
    keys = (await client.run("r", "historyKeys"))["historyKeys"]["keys"]
    assert "b" not in keys
    assert keys["c"]["typeCounts"] == [{"type": "boolean", "count": 1}]
    assert keys["a"]["typeCounts"] == [{"type": "number", "count": 2}]


async def test_a_gap_can_be_filled_later(client: Client) -> None:
    await client.upsert("r")
    await client.history("r", 4, [row(4)])
    await client.history("r", 0, [row(i) for i in range(5)])
    assert await client.rows("r") == [row(i) for i in range(5)]
    assert (await client.run("r", "historyLineCount"))["historyLineCount"] == 5


async def test_rows_out_of_order_are_read_by_step(client: Client) -> None:
    await client.upsert("r")
    await client.history("r", 0, [row(5), row(1), row(9)])
    await client.history("r", 3, [row(0), row(7)])
    selection = "history(minStep: 1, maxStep: 9, samples: 2)"
    found = (await client.run("r", selection))["history"]
    assert [json.loads(text)["_step"] for text in found] == [1, 5, 7]


async def test_the_last_summary_line_is_the_summary(client: Client) -> None:
    await client.upsert("r")
    for text in ('{"loss":1}', '{"loss":NaN,"big":9223372036854775807}'):
        await client.stream(
            "r", {"files": {"wandb-summary.json": {"offset": 0, "content": [text]}}}
        )
    found = await client.run("r", "summaryMetrics")
    assert found["summaryMetrics"] == '{"loss":NaN,"big":9223372036854775807}'
    await client.stream(
        "r", {"files": {"wandb-summary.json": {"offset": 3, "content": ['{"a":1}', '{"a":2}']}}}
    )
    await client.stream(
        "r", {"files": {"wandb-summary.json": {"offset": 1, "content": ['{"a":0}']}}}
    )
    assert (await client.run("r", "summaryMetrics"))["summaryMetrics"] == '{"a":2}'


async def test_console_lines_can_be_rewritten(client: Client) -> None:
    await client.upsert("r")

    async def write(offset: int, *lines: str) -> None:
        files = {"output.log": {"offset": offset, "content": list(lines)}}
        await client.stream("r", {"files": files})

    await write(0, "2026-11-21T01:00:00.000001 start", "2026-11-21T01:00:01.000001 p 1")
    await write(1, "2026-11-21T01:00:01.000001 p 2")
    await write(2, "ERROR 2026-11-21T01:00:02.000001 oops")
    await write(3, '{"ts":"2026-11-21T01:00:03.5","content":"js","level":"error","label":"n0"}')
    found = await client.run(
        "r",
        "logLineCount logLines(first: 3) { edges { node { number line level label timestamp } } "
        "pageInfo { hasNextPage endCursor } }",
    )
    assert found["logLineCount"] == 4
    nodes = [edge["node"] for edge in found["logLines"]["edges"]]
    assert [node["line"] for node in nodes] == ["start\n", "p 2\n", "oops\n"]
    assert [node["level"] for node in nodes] == [None, None, "error"]
    assert found["logLines"]["pageInfo"]["hasNextPage"] is True
    after = found["logLines"]["pageInfo"]["endCursor"]
    rest = await client.run(
        "r",
        f'logLines(first: 9, after: "{after}") {{ edges {{ node {{ number line label timestamp '
        "} } pageInfo { hasNextPage } }",
    )
    assert rest["logLines"]["edges"] == [
        {"node": {"number": 3, "line": "js\n", "label": "n0", "timestamp": "2026-11-21T01:00:03.5"}}
    ]
    assert rest["logLines"]["pageInfo"]["hasNextPage"] is False
    tail = await client.run("r", "logLines(last: 2) { edges { node { number } } }")
    assert [edge["node"]["number"] for edge in tail["logLines"]["edges"]] == [2, 3]


async def test_system_metrics_are_a_stream_of_their_own(client: Client) -> None:
    await client.upsert("r")
    events = [f'{{"_wandb":true,"_runtime":{i},"system.cpu":{i}}}' for i in range(3)]
    files = {"wandb-events.jsonl": {"offset": 0, "content": events}}
    await client.stream("r", {"files": files})
    found = await client.run("r", "events(samples: 2) eventsLineCount eventsTail systemMetrics")
    assert found["events"] == [events[0], events[2]]
    assert found["eventsLineCount"] == 3
    assert json.loads(found["eventsTail"]) == [events[2]]
    assert json.loads(found["systemMetrics"]) == {"system.cpu": 2}


@pytest.mark.parametrize(("exitcode", "state"), [(0, "finished"), (1, "failed"), (255, "failed")])
async def test_complete_ends_the_run(client: Client, exitcode: int, state: str) -> None:
    await client.upsert("r")
    await client.stream("r", {"complete": True, "exitcode": exitcode})
    assert await client.run("r", "state exitcode") == {"state": state, "exitcode": exitcode}
    await client.stream("r", {})
    assert (await client.run("r", "state"))["state"] == "running"


@pytest.mark.parametrize(("exitcode", "state"), [(0, "finished"), (1, "preempted")])
async def test_preemption(client: Client, exitcode: int, state: str) -> None:
    await client.upsert("r")
    await client.stream("r", {"preempting": True})
    await client.stream("r", {})
    assert (await client.run("r", "state"))["state"] == "preempting"
    await client.stream("r", {"complete": True, "exitcode": exitcode})
    assert (await client.run("r", "state"))["state"] == state


class TestSilence:
    """A run that sends nothing for too long has crashed, until it is heard of again."""

    async def _silence(self, client: Client, seconds: float) -> None:
        sql(client.data_dir, "UPDATE runs SET heartbeat_at = heartbeat_at - :s", s=seconds)

    async def test_crashed_and_back(self, client: Client) -> None:
        await client.upsert("r")
        await self._silence(client, 299)
        assert (await client.run("r", "state"))["state"] == "running"
        await self._silence(client, 2)
        assert (await client.run("r", "state"))["state"] == "crashed"
        count = 'project(name: "demo") { runCount(filters: "{\\"state\\": \\"crashed\\"}") }'
        assert (await client.data(f"{{ {count} }}"))["project"]["runCount"] == 1
        await client.stream("r", {})
        assert (await client.run("r", "state"))["state"] == "running"

    async def test_a_finished_run_stays_finished(self, client: Client) -> None:
        await client.upsert("r")
        await client.stream("r", {"complete": True, "exitcode": 0})
        await self._silence(client, 9999)
        assert (await client.run("r", "state"))["state"] == "finished"


async def test_stop_reaches_the_run_with_its_next_request(client: Client) -> None:
    run_id = (await client.upsert("r"))["bucket"]["id"]
    assert "stopped" not in await client.stream("r", {})
    await client.data("mutation($id: ID!) { stopRun(input: {id: $id}) { success } }", id=run_id)
    assert (await client.stream("r", {}))["stopped"] is True
    assert (await client.run("r", "stopped shouldStop")) == {"stopped": True, "shouldStop": True}
    await client.stream("r", {"complete": True, "exitcode": 255})
    assert "stopped" not in await client.stream("r", {})


async def test_gzip_bodies_and_strange_members(client: Client) -> None:
    await client.upsert("r")
    body = {
        "files": {"wandb-history.jsonl": {"offset": 0, "content": ['{"_step":0}']}},
        "dropped": 1, "failed": False, "complete": False, "uploaded": ["x"], "new": {},
    }  # fmt: skip
    headers = {"Content-Encoding": "gzip", "Content-Type": "application/json"}
    path = "/files/local/demo/r/file_stream"
    packed = gzip.compress(json.dumps(body).encode())
    assert (await client.http.post(path, content=packed, headers=headers)).status_code == 200
    assert await client.rows("r") == [{"_step": 0}]
    for bad in (packed[:-9], b"nonsense"):
        response = await client.http.post(path, content=bad, headers=headers)
        assert response.status_code == 400
        assert response.json()["errors"][0]["message"]


@pytest.mark.parametrize("line", ["[1]", "7", "{", '{"a":}'])
async def test_a_line_that_is_no_object_is_refused_and_stores_nothing(
    client: Client, line: str
) -> None:
    await client.upsert("r")
    answer = await client.history("r", 0, ['{"_step":0}', line], status=400)
    assert answer["errors"][0]["message"]
    assert await client.rows("r") == []


async def test_unknown_runs_and_keys(client: Client) -> None:
    await client.upsert("r")
    answer = await client.stream("nope", {}, status=404)
    assert "nope" in answer["errors"][0]["message"]
    path = "/files/local/demo/r/file_stream"
    for auth in (None, ("api", "wrong"), ("api", "")):
        response = await client.http.post(path, json={}, auth=auth or (lambda request: request))
        assert response.status_code == 401
        assert "key" in response.json()["errors"][0]["message"]


async def test_paths_are_percent_decoded(client: Client) -> None:
    await client.upsert("é b", modelName="my proj")
    response = await client.http.post(
        "/files/local/my%20proj/%C3%A9%20b/file_stream",
        json={"files": {"wandb-history.jsonl": {"offset": 0, "content": ['{"_step":0}']}}},
    )
    assert response.status_code == 200
    document = '{ project(name: "my proj") { run(name: "é b") { historyLineCount } } }'
    assert (await client.data(document))["project"]["run"]["historyLineCount"] == 1


async def test_writers_of_a_shared_run_number_their_lines_by_themselves(client: Client) -> None:
    await client.upsert("r")
    for writer, step in (("w1", 0), ("w2", 1), ("w1", 0)):
        await client.stream(
            "r",
            {"files": {"wandb-history.jsonl": {"offset": 0, "content": [json.dumps(row(step))]}}},
            **{"X-Wandb-Use-Async-Filestream": "true", "X-Wandb-Async-Client-Id": writer},
        )
    assert await client.rows("r") == [row(0), row(1)]


STRANGE = [
    '{"_step":0,"s":"\\ud800","\\udfff":1}',
    f'{{"_step":1,"big":{2**70},"d":{{"x":{-(2**65)}}}}}',
    '{"_step":2,"x":1e999}',
    '{"_step":"two","x":1}',
    '{"_step":1e400,"x":1}',
    '{"_step":true,"x":1}',
    '{"_step":99999999999999999999,"x":1}',
    '{"a":' + "[" * 300 + "]" * 300 + "}",
]


async def test_strange_but_valid_rows_are_kept_as_they_are(client: Client) -> None:
    await client.upsert("r")
    for number, line in enumerate(STRANGE):
        files = {
            "wandb-history.jsonl": {"offset": number, "content": [line]},
            "wandb-summary.json": {"offset": 0, "content": [line]},
        }
        await client.stream("r", {"files": files})
        found = await client.run("r", "summaryMetrics historyKeys config(keys: [])")
        assert found["summaryMetrics"] == line
    assert sorted((await client.run("r", "history"))["history"]) == sorted(STRANGE)
    spec = json.dumps({"keys": ["big"], "minStep": -1e300, "maxStep": 1e300})
    document = (
        "query($s: [JSONString!]!) "
        '{ project(name: "demo") { run(name: "r") { sampledHistory(specs: $s) } } }'
    )
    data = await client.data(document, s=spec)
    assert data["project"]["run"]["sampledHistory"] == [[{"big": 2**70}]]
    count = 'query($f: JSONString) { project(name: "demo") { runCount(filters: $f) } }'
    exists = json.dumps({"summary_metrics.a": {"$exists": True}})
    assert (await client.data(count, f=exists))["project"]["runCount"] == 1


@pytest.mark.parametrize(
    "body",
    [
        b"{}",
        b"",
        b'{"files":null,"uploaded":null,"complete":null,"exitcode":null}',
        b'{"files":{},"dropped":3,"failed":false,"complete":false,"later":{"x":[1]}}',
        b'{"files":{"output.log":{"content":null},"x":{"offset":1}},"uploaded":["a"]}',
    ],
)
async def test_members_as_older_and_newer_clients_send_them(client: Client, body: bytes) -> None:
    await client.upsert("r")
    answer = await client.http.post("/files/local/demo/r/file_stream", content=body)
    assert answer.status_code == 200, answer.text
    assert (await client.run("r", "state"))["state"] == "running"


async def test_console_bytes_that_are_no_text(client: Client) -> None:
    await client.upsert("r")
    body = b'{"files":{"output.log":{"offset":0,"content":["a\\udc80b","\\ud83d\\ude00"]}}}'
    answer = await client.http.post("/files/local/demo/r/file_stream", content=body)
    assert answer.status_code == 200, answer.text
    found = (await client.run("r", "logLines(first: 5) { edges { node { line } } }"))["logLines"]
    assert [edge["node"]["line"] for edge in found["edges"]] == ["a\ufffdb\n", "\U0001f600\n"]
    graphql = b"""{"query": "mutation($i: UpsertBucketInput!) { upsertBucket(input: $i)
        { bucket { notes } } }", "variables": {"i": {"name": "r", "modelName": "demo",
        "notes": "\\ud800!"}}}""".replace(b"\n", b" ")
    answer = await client.http.post("/graphql", content=graphql)
    assert answer.json()["data"]["upsertBucket"]["bucket"]["notes"] == "\ufffd!"


@pytest.mark.parametrize("code", [0xC0000005, -(2**31), 2**63 - 1])
async def test_exit_codes_of_other_systems(client: Client, code: int) -> None:
    await client.upsert("r")
    await client.stream("r", {"complete": True, "exitcode": code})
    assert await client.run("r", "exitcode state") == {"exitcode": code, "state": "failed"}


@pytest.mark.parametrize("step", ["Infinity", "-Infinity", "NaN", "1e300", str(2**80)])
async def test_branch_points_that_are_no_steps(client: Client, step: str) -> None:
    await client.upsert("parent")
    await client.history("parent", 0, [{"_step": 0}])
    point = f'{{"run_id":"parent","step":{step}}}'
    config = f'{{"_wandb":{{"value":{{"branch_point":{point}}}}}}}'
    assert (await client.upsert("child", config=config))["inserted"] is True


async def test_a_rewind_to_a_step_out_of_range(client: Client) -> None:
    await client.upsert("r")
    await client.history("r", 0, [{"_step": 0}, {"_step": 5}])
    rewind = """mutation($v: Float!) { rewindRun(input: {entityName: "local", projectName: "demo",
        runName: "r", metricName: "_step", metricValue: $v})
        { rewoundRun { historyLineCount } } }"""
    for value, count in ((1e300, 2), (-1e300, 0)):
        answer = await client.data(rewind, v=value)
        assert answer["rewindRun"]["rewoundRun"]["historyLineCount"] == count


@pytest.mark.parametrize("offset", [-1, 2**60])
async def test_an_offset_out_of_range(client: Client, offset: int) -> None:
    await client.upsert("r")
    await client.history("r", offset, [{"_step": 0}], status=400)


async def test_json_that_is_too_deep_is_refused(client: Client) -> None:
    await client.upsert("r")
    answer = await client.history("r", 0, ['{"a":' + "[" * 99_999 + "]" * 99_999 + "}"], status=400)
    assert answer["errors"][0]["message"]
