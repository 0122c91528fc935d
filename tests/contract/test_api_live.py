"""Following a run and watching a project, on the embedded server, in both faces."""

from __future__ import annotations

import json
import threading
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

import anyio
import pytest
from seed import post, seed

import asyncwb.sync
from asyncwb.api import Api, RunChange
from asyncwb.errors import GraphQLError, RunNotFoundError
from asyncwb.portal import PORTAL
from asyncwb.testing import LocalServer, local_server

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="module")
def server() -> Iterator[LocalServer]:
    with local_server() as running:
        yield running


@pytest.fixture
def api(server: LocalServer) -> Api:
    return Api(server.settings)


def append(
    server: LocalServer, path: str, start: int, rows: list[dict[str, Any]], *, end: bool = False
) -> None:
    lines = {"offset": start, "content": [json.dumps(row) for row in rows]}
    body: dict[str, Any] = {"files": {"wandb-history.jsonl": lines}}
    if end:
        body |= {"complete": True, "exitcode": 0}
    post(server, f"/files/{server.entity}/{path}/file_stream", body)


async def test_rows_are_given_as_they_land_until_the_run_ends(
    api: Api, server: LocalServer
) -> None:
    seed(server, "live", "r1", rows=[{"_step": 0, "n": 0}, {"_step": 1, "n": 1}], finished=False)
    run = await api.run("live/r1")
    got: list[int] = []
    with anyio.fail_after(30):
        async with aclosing(run.follow(poll_seconds=0.05).rows()) as rows:
            async for row in rows:
                got.append(row["n"])
                if row["n"] == 1:
                    append(server, "live/r1", 2, [{"_step": 1, "n": 2}, {"_step": 5, "n": 3}])
                elif row["n"] == 3:
                    append(server, "live/r1", 4, [{"_step": 3, "n": 4}])
                elif row["n"] == 4:
                    append(server, "live/r1", 5, [{"_step": 6, "n": 5}], end=True)
    assert got == [0, 1, 2, 3, 4, 5]


async def test_keys_and_a_start(api: Api, server: LocalServer) -> None:
    rows = [{"_step": step, "a": step, **({"b": 1} if step % 2 else {})} for step in range(6)]
    seed(server, "live", "r2", rows=rows)
    run = await api.run("live/r2")
    assert [row async for row in run.follow(["a", "b"], 2)] == [
        {"_step": 3, "a": 3, "b": 1},
        {"_step": 5, "a": 5, "b": 1},
    ]
    assert [row async for row in run.follow(from_step=None)] == []


async def test_a_follow_that_is_left_ends_and_one_of_a_deleted_run_says_so(
    api: Api, server: LocalServer
) -> None:
    seed(server, "live", "r3", rows=[{"_step": 0}], finished=False)
    run = await api.run("live/r3")
    async with aclosing(run.follow(poll_seconds=0.05).rows()) as rows:
        await anext(rows)
        with anyio.move_on_after(0.3) as scope:
            await anext(rows)
        assert scope.cancelled_caught
    follow = run.follow(poll_seconds=0.05)
    await run.delete()
    with pytest.raises(RunNotFoundError, match="live/r3"):
        await anext(follow.rows())


def test_following_from_a_thread(server: LocalServer) -> None:
    seed(server, "live", "r4", rows=[{"_step": 0, "n": 0}], finished=False)
    run = asyncwb.sync.Api(server.settings).run("live/r4")
    later = threading.Timer(
        0.3, append, (server, "live/r4", 1, [{"_step": 1, "n": 1}]), {"end": True}
    )
    later.start()
    assert [row["n"] for row in run.follow(poll_seconds=0.05)] == [0, 1]
    later.join()


async def test_changes_of_a_project(api: Api, server: LocalServer) -> None:
    for name in ("w1", "w2"):
        seed(server, "watched", name, finished=False, tags=["keep"])
    seed(server, "watched", "other")
    seen: list[tuple[str, str, tuple[str, ...]]] = []
    watch = api.watch_runs("watched", {"tags": "keep"}, initial=True, poll_seconds=0.05)
    with anyio.fail_after(30):
        async with aclosing(watch.changes()) as changes:
            async for change in changes:
                seen.append((change.kind, change.run.id, change.fields))
                if len(seen) == 2:
                    await PORTAL.in_thread(append, server, "watched/w1", 0, [{"_step": 0}])
                elif len(seen) == 3:
                    run = await api.run("watched/w2")
                    run.notes, run.tags = "new", ["keep", "more"]
                    await run.update()
                elif len(seen) == 4:
                    seed(server, "watched", "w3", finished=False, tags=["keep"])
                elif len(seen) == 5:
                    await (await api.run("watched/w1")).delete()
                elif len(seen) == 6:
                    append(server, "watched/w3", 0, [], end=True)
                elif len(seen) == 7:
                    break
    assert seen == [
        ("appeared", "w1", ()),
        ("appeared", "w2", ()),
        ("changed", "w1", ("history_line_count",)),
        ("changed", "w2", ("notes", "tags")),
        ("appeared", "w3", ()),
        ("left", "w1", ()),
        ("changed", "w3", ("state",)),
    ]


async def test_what_a_watch_refuses(api: Api, server: LocalServer) -> None:
    seed(server, "watched3", "a")
    with pytest.raises(GraphQLError, match=r"\$near"):
        await anext(api.watch_runs("watched3", {"config.x": {"$near": 1}}).changes())
    with pytest.raises(RunNotFoundError, match="not-there"):
        await anext(api.watch_runs("not-there").changes())


def test_watching_from_a_thread(server: LocalServer) -> None:
    seed(server, "watched2", "a", finished=False)
    api = asyncwb.sync.Api(server.settings)
    with api.watch_runs("watched2", initial=True, poll_seconds=0.05).changes() as changes:  # type: ignore[attr-defined]
        change = next(changes)
    assert isinstance(change._async, RunChange)
    assert (change.kind, change.run.id, change.run.config) == ("appeared", "a", {})
