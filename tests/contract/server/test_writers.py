"""Runs with several writers: lines, config, summary and state are put together by the server."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from hypothesis import given
from hypothesis import strategies as st

from asyncwb.server.merging import merge_config, merge_summary
from asyncwb.server.statistics import Statistics

if TYPE_CHECKING:
    from server_client import Client

A, B = "01a212cf-84c5-7de5-b5d0-41f11e0ad8f4", "01a212cf-8bb2-77de-8df5-0a4fe0003b3c"


def headers(writer: str, name: str = "X-Wandb-Async-Client-Id") -> dict[str, str]:
    return {"X-Wandb-Use-Async-Filestream": "true", name: writer}


async def upsert(client: Client, writer: str, **values: Any) -> Any:
    client.http.headers.update(headers(writer, "X-Wandb-Client-Id"))
    try:
        return await client.upsert("r", **values)
    finally:
        for name in headers(writer, "X-Wandb-Client-Id"):
            del client.http.headers[name]


async def send(client: Client, writer: str, **body: Any) -> Any:
    return await client.stream("r", body, **headers(writer))


def files(**lines: tuple[int, list[Any]]) -> dict[str, Any]:
    names = {"history": "wandb-history.jsonl", "console": "output.log"}
    names["summary"] = "wandb-summary.json"
    return {
        names[name]: {
            "offset": offset,
            "content": [line if isinstance(line, str) else json.dumps(line) for line in content],
        }
        for name, (offset, content) in lines.items()
    }


async def test_each_writer_numbers_its_own_lines(client: Client) -> None:
    for writer in (A, B):
        answer = await upsert(client, writer)
        assert answer["bucket"]["historyLineCount"] == 0
        rows = [{"_step": n, "w": writer, "n": n} for n in range(3)]
        await send(client, writer, files=files(history=(0, rows)))
        # Sent again after a lost answer.
        await send(client, writer, files=files(history=(1, rows[1:])))
    found = await client.rows("r")
    assert [(row["w"], row["n"]) for row in found] == [(w, n) for n in range(3) for w in (A, B)]
    assert (await client.run("r", "historyLineCount"))["historyLineCount"] == 6
    # A writer that opens the run again goes on where its own lines end.
    assert (await upsert(client, A))["bucket"]["historyLineCount"] == 3


async def test_console_lines_are_in_the_order_of_their_times(client: Client) -> None:
    await upsert(client, A)
    first = [f"2026-11-21T01:00:0{n}.000000 [a] a{n}" for n in (0, 2, 4)]
    second = [
        '{"ts":"2026-11-21T01:00:01.000000","label":"b","content":"b1"}',
        "ERROR 2026-11-21T01:00:03.000000 [b] b3",
    ]
    await send(client, A, files=files(console=(0, first)))
    await send(client, B, files=files(console=(0, second)))
    await send(client, B, files=files(console=(1, second[1:])))
    seen: list[tuple[int, str]] = []
    after = ""
    while True:
        found = await client.run(
            "r",
            f"logLineCount logLines(first: 2 {after}) "
            "{ edges { node { number line } } pageInfo { hasNextPage endCursor } }",
        )
        assert found["logLineCount"] == 5
        page = found["logLines"]
        seen += [(edge["node"]["number"], edge["node"]["line"]) for edge in page["edges"]]
        if not page["pageInfo"]["hasNextPage"]:
            break
        after = f'after: "{page["pageInfo"]["endCursor"]}"'
    assert [number for number, _ in seen] == list(range(5))
    texts = [line.strip().removeprefix("[a] ").removeprefix("[b] ") for _, line in seen]
    assert texts == ["a0", "b1", "a2", "b3", "a4"]


async def test_metric_definitions_keep_their_step_metrics(client: Client) -> None:
    """Step metrics are numbers of the list that a definition stands in."""

    def config(*metrics: dict[str, Any]) -> str:
        return json.dumps({"_wandb": {"value": {"t": {"5": "1"}, "m": list(metrics)}}})

    await upsert(client, A, config=config({"1": "loss", "5": 2}, {"1": "epoch"}))
    await upsert(client, B, config=config({"1": "step"}, {"2": "val/*", "5": 1}))
    await upsert(client, A, config=config({"1": "loss", "5": 2, "7": [1]}, {"1": "epoch"}))
    stored = json.loads((await client.run("r", "config"))["config"])
    metrics = stored["_wandb"]["value"]["m"]
    named = {
        entry.get("1", entry.get("2")): (
            metrics[entry["5"] - 1]["1"] if "5" in entry else None,
            entry.get("7"),
        )
        for entry in metrics
    }
    assert named == {
        "loss": ("epoch", [1]),
        "epoch": (None, None),
        "step": (None, None),
        "val/*": ("step", None),
    }


async def test_states(client: Client) -> None:
    async def state() -> tuple[str, int | None]:
        found = await client.run("r", "state exitcode")
        return found["state"], found["exitcode"]

    await upsert(client, A, host="a", jobProgram="train.py")
    await upsert(client, B)
    await send(client, A)
    assert await state() == ("running", None)
    await client.data(
        "mutation($id: ID!) { stopRun(input: {id: $id}) { success } }",
        id=(await client.run("r", "id"))["id"],
    )
    assert (await send(client, A, complete=True, exitcode=0))["stopped"] is True
    # The others hear of the stop although the run has ended, and leave it so.
    assert (await send(client, B))["stopped"] is True
    assert await state() == ("finished", 0)
    await upsert(client, B, config="{}")
    await send(client, B)
    assert await state() == ("finished", 0)
    # A new writer that describes the run begins it again.
    await upsert(client, "c", host="a", jobProgram="train.py")
    assert (await state())[0] == "running"
    assert "stopped" not in await send(client, "c")


async def test_a_hostile_writer_id_is_cut_and_a_bad_summary_refused(client: Client) -> None:
    await upsert(client, "x" * 1000)
    await send(client, "x" * 1000, files=files(history=(0, [{"_step": 0}])))
    await client.stream("r", {"files": files(summary=(0, ["[1]"]))}, 400, **headers(A))
    assert len(await client.rows("r")) == 1


UNDEFINED = Statistics(dict)
VALUES = st.one_of(st.integers(0, 3), st.dictionaries(st.sampled_from("xy"), st.integers(0, 3)))


@given(st.lists(st.tuples(st.sampled_from("ab"), st.sampled_from("pqr"), VALUES), max_size=12))
def test_writers_of_different_keys_never_touch_each_other(
    changes: list[tuple[str, str, Any]],
) -> None:
    stored: dict[str, Any] = {}
    sent: dict[str, dict[str, Any]] = {"a": {}, "b": {}}
    for writer, key, value in changes:
        now = {**sent[writer], writer + key: {"value": value}}
        stored = merge_config(stored, sent[writer], now)
        sent[writer] = now
    assert stored == {**sent["a"], **sent["b"]}


@given(
    st.lists(
        st.tuples(
            st.sampled_from("ab"), st.sampled_from("pq"), st.integers(0, 3), st.floats(1, 99)
        ),
        max_size=12,
    )
)
def test_the_newest_value_wins_in_whatever_order_it_arrives(
    rows: list[tuple[str, str, int, float]],
) -> None:
    stored: dict[str, Any] = {}
    times: dict[str, float] = {}
    sent: dict[str, dict[str, Any]] = {"a": {}, "b": {}}
    newest: dict[str, tuple[float, int]] = {}
    for writer, key, value, at in rows:
        now = {**sent[writer], key: value, "_timestamp": at}
        stored = merge_summary(
            stored, times, sent[writer], now, {key: at, "_timestamp": at}, UNDEFINED
        )
        sent[writer] = now
        if at >= newest.get(key, (0.0, 0))[0]:
            newest[key] = (at, value)
    assert {key: stored[key] for key in newest} == {key: v for key, (_, v) in newest.items()}
    if rows:
        assert stored["_timestamp"] == max(at for *_, at in rows)


DEFINED: dict[str, Any] = {
    "_wandb": {
        "value": {
            "m": [
                {"1": "epoch", "6": [3]},
                {"1": "loss", "5": 1, "7": [1, 2, 3, 4], "8": 1},
                {"2": "eval.*", "7": [2, 4, 6], "8": 2},
                {"2": "*", "6": [2]},
            ]
        }
    }
}


class Writers:
    """Writers of one run, and its summary on the server."""

    def __init__(self) -> None:
        self.stored: dict[str, Any] = {}
        self._times: dict[str, float] = {}
        self._sent: dict[str, dict[str, Any]] = {}

    def send(self, writer: str, at: float, **values: Any) -> None:
        now = {**values, "_timestamp": at}
        before, self._sent[writer] = self._sent.get(writer, {}), now
        logged = dict.fromkeys(now, at)
        self.stored = merge_summary(
            self.stored, self._times, before, now, logged, Statistics(lambda: DEFINED)
        )


def test_statistics_are_those_of_all_writers_whoever_comes_last() -> None:
    run = Writers()
    run.send("a", 2.0, loss={"min": 3, "max": 9, "mean": 6, "best": 3, "first": 9, "last": 4})
    run.send("b", 1.0, loss={"min": 1, "max": 5, "mean": 2, "best": 1, "first": 5, "last": 2})
    assert run.stored["loss"] == {"min": 1, "max": 9, "mean": 6, "best": 1, "first": 9, "last": 4}
    run.send("a", 3.0, loss={"min": 2, "max": 20, "mean": 7, "best": 2, "first": 9, "last": 20})
    assert run.stored["loss"] == {"min": 1, "max": 20, "mean": 7, "best": 1, "first": 9, "last": 20}
    # One that begins anew takes back what it said, and nothing else.
    run.send("a", 4.0, loss={"min": 7, "max": 7, "mean": 7, "best": 7, "first": 7, "last": 7})
    assert run.stored["loss"] == {"min": 1, "max": 7, "mean": 7, "best": 1, "first": 7, "last": 7}


def test_statistics_of_nested_metrics_and_what_only_looks_like_them() -> None:
    run = Writers()
    run.send("a", 1.0, eval={"acc": {"max": 0.5, "best": 0.5}}, box={"min": 0, "max": 1})
    run.send("b", 2.0, eval={"acc": {"max": 0.4, "best": 0.4}}, box={"min": 5, "max": 6})
    run.send("a", 3.0, eval={"acc": "set by hand"}, box={"min": 0, "max": 1})
    run.send("b", 4.0, eval={"acc": {"max": 0.3, "best": 0.3}}, box={"min": 5, "max": 6})
    assert run.stored["eval"] == {"acc": {"max": 0.3, "best": 0.3}}
    assert run.stored["box"] == {"min": 5, "max": 6}
    run.send("a", 5.0, eval={"acc": {"max": 0.9, "best": 0.9}})
    run.send("b", 6.0, eval={"acc": {"max": None, "best": True}, "new": 1})
    assert run.stored["eval"] == {"acc": {"max": None, "best": True}, "new": 1}
