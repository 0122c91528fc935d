"""Runs, Run and Api over a transport that answers from Python."""

from __future__ import annotations

import asyncio
import json
from contextlib import aclosing
from typing import Any

import anyio
import pytest
from api_fakes import ADDRESS, FakeService, FakeTransport, Handler, response, run_node

from asyncwb.api import Api
from asyncwb.api.paths import ProjectPath
from asyncwb.api.run import Run, fetch
from asyncwb.api.runs import Runs
from asyncwb.errors import (
    AuthenticationError,
    GraphQLError,
    InvalidValueError,
    ProtocolError,
    RunNotFoundError,
    UsageError,
    WaitTimeoutError,
)
from asyncwb.graphql.service import MAX_IN_FLIGHT, Service
from asyncwb.portal import PORTAL
from asyncwb.settings import Settings
from asyncwb.transport import Auth, Transport, TransportConfig

FULL = {
    "config": json.dumps(
        {
            "_wandb": {"value": {"cli_version": "0.31.0"}, "desc": None},
            "lr": {"value": 0.1, "desc": None},
            "bare": 3,
            "nested": {"value": {"a": {"b": 1}}},
        }
    ),
    "summaryMetrics": '{"loss": NaN, "best": {"loss": 0.5}, "_step": 4}',
    "systemMetrics": '{"system.cpu": 10.0}',
    "historyKeys": {"lastStep": 4, "keys": {}},
}


def listing(count: int, **fields: Any) -> Handler:
    def answer(asked: dict[str, Any]) -> dict[str, Any]:
        start = int(asked["cursor"] or 0)
        stop = min(count, start + asked["perPage"])
        edges = [
            {"cursor": str(n + 1), "node": run_node(f"r{n}", **fields)} for n in range(start, stop)
        ]
        # The last edge's cursor counts; a server's endCursor may be of another series.
        info = {"hasNextPage": stop < count, "endCursor": "not this one"}
        return {"project": {"runCount": count, "runs": {"edges": edges, "pageInfo": info}}}

    return answer


def runs(transport: FakeTransport, **arguments: Any) -> Runs:
    asked: dict[str, Any] = {
        "filters": None, "order": None, "per_page": 50, "include_sweeps": False, "lazy": False,
    }  # fmt: skip
    path = ProjectPath("acme", "demo")
    return Runs(FakeService(transport), path, **{**asked, **arguments})


async def loaded(transport: FakeTransport) -> Run:
    service = FakeService(transport)
    transport.handlers.setdefault("Run", lambda _: {"project": {"run": run_node("r1", **FULL)}})
    return Run(service, ADDRESS, await PORTAL.acall(fetch, service, ADDRESS))


async def test_iteration_asks_for_each_page_once_and_keeps_it() -> None:
    transport = FakeTransport(Runs=listing(23, **FULL))
    listed = runs(transport, per_page=10)
    assert transport.calls == []
    assert [run.id async for run in listed] == [f"r{n}" for n in range(23)]
    assert [run.id async for run in listed] == [f"r{n}" for n in range(23)]
    assert [asked["cursor"] for _, asked in transport.calls] == [None, "10", "20"]
    assert await listed.length() == 23
    assert not listed.more


async def test_the_next_page_is_under_way_while_the_caller_works() -> None:
    transport = FakeTransport(Runs=listing(30, **FULL))
    async with aclosing(runs(transport, per_page=10).items()) as items:
        await anext(items)
        for _ in range(200):
            if transport.count("Runs") >= 2:
                break
            await asyncio.sleep(0.01)
    assert transport.count("Runs") >= 2


async def test_leaving_early_cancels_the_prefetch() -> None:
    answer = listing(30, **FULL)

    async def slow(asked: dict[str, Any]) -> Any:
        if asked["cursor"]:
            await anyio.sleep(30)
        return answer(asked)

    transport = FakeTransport(Runs=slow)
    listed = runs(transport, per_page=10)
    async with aclosing(listed.items()) as items:
        await anext(items)
        for _ in range(200):
            if transport.in_flight:
                break
            await asyncio.sleep(0.01)
    assert transport.in_flight == 0
    assert transport.cancelled == 1
    transport.handlers["Runs"] = answer
    assert len([run async for run in listed]) == 30


async def test_get_and_slice_load_no_more_than_they_need() -> None:
    transport = FakeTransport(Runs=listing(23, **FULL))
    listed = runs(transport, per_page=5)
    assert (await listed.get(0)).id == "r0"
    assert transport.count("Runs") == 1
    assert [run.id for run in await listed.slice(3, 7)] == ["r3", "r4", "r5", "r6"]
    assert transport.count("Runs") == 2
    assert (await listed.get(-1)).id == "r22"
    assert [run.id for run in await listed.slice(step=-10)] == ["r22", "r12", "r2"]
    with pytest.raises(IndexError, match="23"):
        await listed.get(23)
    with pytest.raises(InvalidValueError):
        await listed.slice(step=0)


async def test_filters_and_order_go_to_the_server() -> None:
    transport = FakeTransport(Runs=listing(0))
    filters = {"config.lr": {"$gt": 0.01}, "$or": [{"state": "finished"}]}
    assert await runs(transport, filters=filters, order="-created_at").length() == 0
    assert [run async for run in runs(transport)] == []
    (_, first), (_, second) = transport.calls
    assert json.loads(first["filters"]) == filters
    assert (first["order"], second["order"], second["filters"]) == (
        "-created_at", "+created_at", "{}",
    )  # fmt: skip


async def test_a_cursor_that_does_not_advance_is_an_error_not_a_loop() -> None:
    page = {
        "project": {
            "runCount": 2,
            "runs": {
                "edges": [{"cursor": "c", "node": run_node("r0", **FULL)}],
                "pageInfo": {"hasNextPage": True, "endCursor": "c"},
            },
        }
    }
    with pytest.raises(ProtocolError, match="does not advance"):
        [run async for run in runs(FakeTransport(Runs=lambda _: page))]


async def test_a_missing_project_is_named() -> None:
    transport = FakeTransport(Runs=lambda _: {"project": None})
    with pytest.raises(RunNotFoundError, match="acme/demo"):
        await runs(transport).length()
    with pytest.raises(ValueError, match="acme/demo"):
        [run async for run in runs(transport)]


@pytest.mark.parametrize(
    "arguments",
    [{"per_page": 0}, {"filters": ["state"]}, {"order": 3}, {"order": "-"}],
)
def test_a_bad_listing_argument_raises_at_the_call(arguments: dict[str, Any]) -> None:
    with pytest.raises(InvalidValueError):
        runs(FakeTransport(), **arguments)


async def test_each_sweep_of_a_listing_is_asked_for_once() -> None:
    names = ["s1", "s1", None, "gone"]
    edges = [
        {"cursor": str(n), "node": run_node(f"r{n}", sweepName=name, **FULL)}
        for n, name in enumerate(names)
    ]
    transport = FakeTransport(
        Runs=lambda _: {
            "project": {"runCount": 4, "runs": {"edges": edges, "pageInfo": {"hasNextPage": False}}}
        },
        Sweep=lambda asked: {
            "project": {"sweep": None if asked["name"] == "gone" else {"id": "S", "name": "s1"}}
        },
    )
    listed = [run async for run in runs(transport, include_sweeps=True)]
    assert transport.count("Sweep") == 2
    sweeps = [await run.sweep() for run in listed[:3]]
    assert [sweep and sweep.id for sweep in sweeps] == ["s1", "s1", None]
    assert transport.count("Sweep") == 2


async def test_the_fields_of_a_run() -> None:
    run = await loaded(FakeTransport())
    assert (run.id, run.name, run.entity, run.project) == ("r1", "run r1", "acme", "demo")
    assert (run.state, run.tags, run.storage_id) == ("finished", ["base"], "id-r1")
    assert run.config == {"lr": 0.1, "bare": 3, "nested": {"a": {"b": 1}}}
    assert run.rawconfig["_wandb"] == {"cli_version": "0.31.0"}
    assert run.summary["best"]["loss"] == 0.5
    assert run.summary["loss"] != run.summary["loss"]
    assert run.summary_metrics["_step"] == run.last_history_step == run.lastHistoryStep == 4
    assert run.system_metrics == {"system.cpu": 10.0}
    assert run.user is not None
    assert run.user.username == "alice"
    assert run.path == ["acme", "demo", "r1"]
    assert run.url == "http://127.0.0.1:9/acme/demo/runs/r1"
    assert "acme/demo/r1" in repr(run)


async def test_a_lazy_run_says_how_to_get_the_rest() -> None:
    transport = FakeTransport(
        LightRuns=listing(1), Run=lambda _: {"project": {"run": run_node("r0", **FULL)}}
    )
    run = await runs(transport, lazy=True).get(0)
    assert run.lazy
    for name in ("config", "rawconfig", "summary", "summary_metrics", "history_keys"):
        with pytest.raises(UsageError, match=r"await run\.load\(\)"):
            getattr(run, name)
    await run.load()
    assert run.config["lr"] == 0.1
    await run.load()
    assert transport.count("Run") == 1
    await run.load(force=True)
    assert transport.count("Run") == 2


async def test_update_sends_everything_in_two_upserts() -> None:
    transport = FakeTransport(
        UpdateRun=lambda asked: {
            "upsertBucket": {
                "bucket": run_node("r1", **{**FULL, "config": asked["config"]}, notes="new")
            }
        },
        UpdateSummary=lambda _: {"upsertBucket": {"bucket": {"id": "id-r1"}}},
    )
    run = await loaded(transport)
    run.config["lr"] = float("inf")
    run.config["new"] = [1]
    run.tags.append("x")
    run.notes = "new"
    run.summary["best"]["loss"] = 0.25
    run.summary["extra"] = {"y": 1}
    await run.update()
    (_, first), (_, second) = transport.calls[1:]
    config = json.loads(first["config"])
    assert config["_wandb"] == {"value": {"cli_version": "0.31.0"}, "desc": None}
    assert config["lr"] == {"value": float("inf"), "desc": None}
    assert config["new"]["value"] == [1]
    assert (first["id"], first["tags"], first["notes"]) == ("id-r1", ["base", "x"], "new")
    summary = json.loads(second["summary"])
    assert summary["best"] == {"loss": 0.25}
    assert run.summary["extra"] == {"y": 1}
    assert run.config["lr"] == float("inf")


async def test_summary_update_sends_the_whole_summary() -> None:
    transport = FakeTransport(UpdateSummary=lambda _: {"upsertBucket": {"bucket": {"id": "x"}}})
    run = await loaded(transport)
    del run.summary["loss"]
    await run.summary.update({"z": {"y": 1}})
    sent = json.loads(transport.calls[-1][1]["summary"])
    assert sent == {"best": {"loss": 0.5}, "_step": 4, "z": {"y": 1}}
    assert dict(run.summary) == sent


async def test_a_value_that_json_lacks_is_refused_before_anything_is_sent() -> None:
    transport = FakeTransport()
    run = await loaded(transport)
    run.config["bad"] = object()
    with pytest.raises(InvalidValueError):
        await run.update()
    assert len(transport.calls) == 1


async def test_delete_stop_and_state() -> None:
    transport = FakeTransport(
        DeleteRun=lambda _: {"deleteRun": {"clientMutationId": None}},
        StopRun=lambda _: {"stopRun": {"success": True}},
        UpdateRunState=lambda _: {"updateRunState": {"success": False}},
    )
    run = await loaded(transport)
    assert await run.stop()
    assert not await run.update_state("pending")
    await run.delete(delete_artifacts=True)
    assert [asked for _, asked in transport.calls[1:]] == [
        {"id": "id-r1"},
        {"input": {"id": "id-r1", "state": "pending"}},
        {"id": "id-r1", "deleteArtifacts": True},
    ]


async def test_waiting_until_the_end() -> None:
    states = iter(["running", "running", "killed"])
    transport = FakeTransport(RunState=lambda _: {"project": {"run": {"state": next(states)}}})
    run = await loaded(transport)
    await run.wait_until_finished(poll_seconds=0.001)
    assert transport.count("RunState") == 3
    assert transport.count("Run") == 2
    transport.handlers["RunState"] = lambda _: {"project": {"run": {"state": "running"}}}
    with pytest.raises(WaitTimeoutError):
        await run.wait_until_finished(poll_seconds=0.001, timeout=0.02)


async def test_sampled_history() -> None:
    texts = ['{"_step": 0, "a": 1}', '{"_step": 1, "a": NaN}']
    transport = FakeTransport(
        RunHistory=lambda _: {"project": {"run": {"history": texts}}},
        RunEvents=lambda _: {"project": {"run": {"events": ['{"system.cpu": 3}']}}},
        SampledHistory=lambda _: {"project": {"run": {"sampledHistory": [[{"t": 0, "a": 1}]]}}},
    )
    run = await loaded(transport)
    rows = await run.history(samples=7, pandas=False)
    assert rows[0] == {"_step": 0, "a": 1}
    assert transport.calls[-1][1]["samples"] == 7
    assert await run.history(stream="system", pandas=False) == [{"system.cpu": 3}]
    assert await run.history(keys=["a"], x_axis="t", pandas=False) == [{"t": 0, "a": 1}]
    assert json.loads(transport.calls[-1][1]["specs"][0]) == {"keys": ["t", "a"], "samples": 500}
    frame = await run.history()
    assert next(iter(frame["a"])) == 1
    assert list(frame.columns) == ["_step", "a"]
    for arguments in ({"samples": 0}, {"stream": "x"}, {"keys": ["a"], "stream": "system"}):
        with pytest.raises(InvalidValueError):
            await run.history(**arguments)


async def test_all_iterators_of_an_api_share_one_bound_on_requests() -> None:
    async def slow(_: dict[str, Any]) -> Any:
        await anyio.sleep(0.01)
        return {"project": {"run": run_node("r1", **FULL)}}

    transport = FakeTransport(Run=slow)
    service = FakeService(transport)
    await asyncio.gather(*(PORTAL.acall(fetch, service, ADDRESS) for _ in range(60)))
    assert transport.most_in_flight == MAX_IN_FLIGHT


async def test_a_cancelled_caller_leaves_nothing_in_flight() -> None:
    async def never(_: dict[str, Any]) -> Any:
        await anyio.sleep(30)

    transport = FakeTransport(Run=never, Runs=never)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(loaded(transport), 0.02)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(runs(transport).length(), 0.02)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(anext(runs(transport).items()), 0.02)
    assert (transport.in_flight, transport.cancelled) == (0, 3)


def test_a_trio_program_reads_runs() -> None:
    trio = pytest.importorskip("trio")
    transport = FakeTransport(Runs=listing(7, **FULL))

    async def main() -> list[str]:
        return [run.id async for run in runs(transport, per_page=3)]

    assert trio.run(main) == [f"r{n}" for n in range(7)]


async def test_an_unknown_run_and_a_refusal_are_told_apart() -> None:
    transport = FakeTransport(Run=lambda _: {"project": None})
    with pytest.raises(RunNotFoundError, match="acme/demo/r1"):
        await loaded(transport)
    refusal = b'{"errors": [{"message": "bad filter"}, {"message": "e2"}], "data": {"project": 3}}'
    transport.handlers["Run"] = lambda _: response(200, refusal)
    with pytest.raises(GraphQLError, match="bad filter"):
        await loaded(transport)


async def test_an_api_sends_nothing_and_looks_for_no_key_until_asked() -> None:
    api = Api({"base_url": "http://127.0.0.1:9", "username": "old"})
    assert api.settings.entity == "old"
    listed = api.runs("e/p", {"state": "finished"})
    assert "e/p" in repr(listed)
    with pytest.raises(AuthenticationError, match="asyncwb login"):
        await api.run("e/p/id")


def test_the_key_of_an_api_is_never_shown() -> None:
    key = "k" * 40
    api = Api({"base_url": "http://127.0.0.1:9"}, api_key=key)
    assert key not in repr(api) + repr(api.settings) + repr(api.runs("e/p"))


async def test_every_kind_of_key_is_sent_as_basic(monkeypatch: pytest.MonkeyPatch) -> None:
    configs: list[TransportConfig] = []

    async def shared(config: TransportConfig) -> None:
        configs.append(config)

    monkeypatch.setattr(Transport, "shared", shared)
    for key in ("k" * 40, "eyJh.eyJz.c2ln", "local-" + "k" * 40):
        service = Service(Settings(base_url="http://127.0.0.1:9", api_key=key), 5.0)
        await service.transport()
        assert configs[-1].auth == Auth.basic(key)


def test_bad_arguments_of_an_api() -> None:
    with pytest.raises(InvalidValueError):
        Api(timeout=0)
    with pytest.raises(InvalidValueError, match="both"):
        Api({"entity": "e"}, settings=Api().settings)


async def test_runs_are_counted_once() -> None:
    transport = FakeTransport(Runs=listing(23, **FULL))
    listed = runs(transport, per_page=10)
    assert len([run async for run in listed]) == await listed.length() == 23
    assert [asked["count"] for _, asked in transport.calls] == [True, False, False]
