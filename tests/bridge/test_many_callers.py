"""Threads and tasks that log, start and finish at once: every row is kept exactly once."""

from __future__ import annotations

import asyncio
import sys
import threading
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest
from run_journals import rows, user_rows
from seen_on_server import on_server

import asyncwb
import asyncwb.sync
from asyncwb.errors import ClosedError
from asyncwb.run.context import live_runs
from asyncwb.testing import LocalServer, local_server

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

THREADS, TASKS, EACH = 8, 4, 40


@pytest.fixture(scope="module")
def running() -> Iterator[LocalServer]:
    with local_server() as running:
        yield running


@pytest.fixture(autouse=True)
def nervous_switches() -> Iterator[None]:
    """Threads change about a hundred times as often as usual."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    yield
    sys.setswitchinterval(before)


@pytest.fixture(params=["offline", "online"])
def settings(request: pytest.FixtureRequest, running: LocalServer) -> dict[str, Any]:
    return {**running.settings, "mode": request.param, "silent": True}


def in_threads(work: Callable[[int], None], count: int = THREADS) -> None:
    """Run `work` in threads that begin together; raise what one of them raised."""
    begin = threading.Barrier(count)
    errors: list[BaseException] = []

    def run(number: int) -> None:
        begin.wait()
        try:
            work(number)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=run, args=(n,)) for n in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for error in errors:
        raise error


def delivered(run: asyncwb.Run, running: LocalServer) -> list[dict[str, Any]]:
    """The rows, from the journal and, for a run that was sent, as the server has them."""
    found = rows(run.status().journal)
    if run.mode == "online":
        state, code, history = on_server(running, run.id, run.project)
        assert (state, code) == ("finished", 0)
        # The server answers in the order of steps, and rows of one step in that of their arrival.
        assert history == sorted(found, key=lambda row: row["_step"])
    return found


async def test_tasks_in_threads_log_to_one_run(
    settings: dict[str, Any], running: LocalServer
) -> None:
    run = await asyncwb.init(project="callers", settings=settings)

    def work(thread: int) -> None:
        async def task(number: int) -> None:
            for n in range(EACH):
                await run.log({"who": f"{thread}.{number}.{n}"})
                if n % 8 == 0:
                    await asyncio.sleep(0)

        async def main() -> None:
            await asyncio.gather(*(task(number) for number in range(TASKS)))

        asyncio.run(main())

    await asyncio.to_thread(in_threads, work)
    await run.finish()
    found = delivered(run, running)
    assert [row["_step"] for row in found] == list(range(THREADS * TASKS * EACH))
    assert Counter(row["who"] for row in found) == Counter(
        f"{t}.{k}.{n}" for t in range(THREADS) for k in range(TASKS) for n in range(EACH)
    )
    for thread in range(THREADS):
        for number in range(TASKS):
            mine = [row["who"] for row in found if row["who"].startswith(f"{thread}.{number}.")]
            assert mine == [f"{thread}.{number}.{n}" for n in range(EACH)]


async def test_steps_that_go_back_and_open_rows_lose_no_value(
    settings: dict[str, Any], running: LocalServer
) -> None:
    run = await asyncwb.init(project="callers", settings=settings)

    def work(thread: int) -> None:
        async def task(number: int) -> None:
            for n in range(EACH):
                # One key per call: rows may merge with those of others, values may not vanish.
                row = {f"{thread}.{number}.{n}": n}
                match n % 4:
                    case 0:
                        await run.log(row, step=(n * 7 + thread) % 50, commit=True)
                    case 1:
                        await run.log(row, commit=False)
                    case 2:
                        await run.log(row, step=n)
                    case _:
                        await run.log(row)

        async def main() -> None:
            await asyncio.gather(*(task(number) for number in range(TASKS)))

        asyncio.run(main())

    await asyncio.to_thread(in_threads, work)
    await run.finish()
    found = delivered(run, running)
    keys = Counter(key for row in found for key in row if not key.startswith("_"))
    assert keys == Counter(
        f"{t}.{k}.{n}" for t in range(THREADS) for k in range(TASKS) for n in range(EACH)
    )
    for row in found:
        for key, value in row.items():
            if key.endswith((".0", ".4", ".8")) and not key.startswith("_"):
                thread, _, n = map(int, key.split("."))
                assert (value, row["_step"]) == (n, (n * 7 + thread) % 50)


def test_threads_start_log_and_finish_runs_of_their_own(
    settings: dict[str, Any], running: LocalServer
) -> None:
    made: list[asyncwb.sync.Run] = []

    def work(thread: int) -> None:
        for turn in range(3):
            run = asyncwb.sync.init(project="callers", settings=settings)
            made.append(run)
            assert asyncwb.sync.run == run
            for n in range(EACH):
                # By the run of this context.
                asyncwb.sync.log({"n": n, "thread": thread, "turn": turn})
            assert asyncwb.sync.run == run
            run.finish()
            assert asyncwb.sync.run != run

    in_threads(work)
    assert live_runs() == []
    assert len({run.id for run in made}) == THREADS * 3
    for run in made:
        found = delivered(run._async, running)
        assert [row["n"] for row in found] == list(range(EACH))
        assert len({(row["thread"], row["turn"]) for row in found}) == 1


async def test_every_task_sees_its_own_run(settings: dict[str, Any], running: LocalServer) -> None:
    async def task(number: int) -> asyncwb.Run:
        async with asyncwb.init(project="callers", settings=settings) as run:
            for n in range(EACH):
                assert asyncwb.run is run
                await asyncwb.log({"n": n, "task": number})
                await asyncio.sleep(0)
            return run

    for number, run in enumerate(await asyncio.gather(*(task(n) for n in range(THREADS)))):
        found = delivered(run, running)
        assert [(row["n"], row["task"]) for row in found] == [(n, number) for n in range(EACH)]


def test_finish_races_log(settings: dict[str, Any], running: LocalServer) -> None:
    """What `log` took is kept; what it refused with `ClosedError` is not there."""
    run = asyncwb.sync.init(project="callers", settings=settings)
    taken: list[list[int]] = [[] for _ in range(THREADS)]

    def work(thread: int) -> None:
        if thread == 0:
            while sum(map(len, taken)) < 300:
                pass
            run.finish()
            return
        n = 0
        while True:
            try:
                run.log({"t": thread, "n": n})
            except ClosedError:
                return
            taken[thread].append(n)
            n += 1

    in_threads(work)
    found = delivered(run._async, running)
    for thread in range(1, THREADS):
        assert [row["n"] for row in found if row["t"] == thread] == taken[thread]


def test_threads_finish_one_run_together(settings: dict[str, Any], running: LocalServer) -> None:
    run = asyncwb.sync.init(project="callers", settings=settings)
    run.log({"n": 0})
    in_threads(lambda _: run.finish())
    assert run.status().state == "finished"
    assert [row["n"] for row in delivered(run._async, running)] == [0]


def test_config_and_summary_are_changed_by_all_threads(
    settings: dict[str, Any], running: LocalServer
) -> None:
    run = asyncwb.sync.init(project="callers", settings=settings)

    def work(thread: int) -> None:
        for n in range(EACH):
            run.config[f"c{thread}.{n}"] = n
            run.summary[f"s{thread}.{n}"] = n
            run.log({f"h{thread}": n})

    in_threads(work)
    run.finish()
    wanted = {f"{t}.{n}": n for t in range(THREADS) for n in range(EACH)}
    summary = run.summary.as_dict()
    assert {k[1:]: v for k, v in run.config.as_dict().items()} == wanted
    assert {k[1:]: v for k, v in summary.items() if k[0] == "s"} == wanted
    assert {k: v for k, v in summary.items() if k[0] == "h"} == {
        f"h{t}": EACH - 1 for t in range(THREADS)
    }
    assert len(user_rows(run.status().journal)) == THREADS * EACH
    if run.mode == "online":
        stored = asyncwb.sync.Api(running.settings).run(f"callers/{run.id}")
        assert {k[1:]: v for k, v in stored.config.items()} == wanted
        assert {k[1:]: v for k, v in stored.summary.items() if k[0] == "s"} == wanted
