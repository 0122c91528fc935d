"""A run from `log` to the server's tables, over a network that fails: every row exactly once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import anyio
import anyio.to_thread
import pytest

from asyncwb.api import Api
from asyncwb.errors import AuthenticationError
from asyncwb.run import init
from asyncwb.testing import LocalServer, local_server
from asyncwb.testing.faults import Fault, FaultProxy

if TYPE_CHECKING:
    from collections.abc import Iterator

ROWS = 300


@pytest.fixture(scope="module")
def server() -> Iterator[LocalServer]:
    with local_server() as running:
        yield running


@pytest.fixture(autouse=True)
def here(server: LocalServer, monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for name, value in server.env.items():
        monkeypatch.setenv(name, value)
    return monkeypatch


async def rows_of(
    path: str, server: LocalServer, monkeypatch: pytest.MonkeyPatch
) -> list[dict[str, Any]]:
    """What the server has, asked without the proxy."""
    monkeypatch.setenv("WANDB_BASE_URL", server.url)
    run = await Api().run(path)
    return [{"n": row["n"], "_step": row["_step"]} async for row in run.scan_history()]


EXPECTED = [{"n": n, "_step": n} for n in range(ROWS)]


async def test_30_percent_of_the_requests_fail(
    server: LocalServer, here: pytest.MonkeyPatch
) -> None:
    async with FaultProxy(server.url, rate=0.3, seed=5, slow_seconds=0.05) as proxy:
        here.setenv("WANDB_BASE_URL", proxy.url)
        async with init("p") as run:
            for n in range(ROWS):
                await run.log({"n": n})
                if n % 25 == 24:
                    await run.flush(60)
        assert proxy.faulted >= 3
    assert await rows_of(run.path, server, here) == EXPECTED


@pytest.mark.parametrize("fault", [Fault.STATUS_502, Fault.RESET_AFTER, Fault.TRUNCATE])
async def test_rows_whose_answer_was_lost_are_not_doubled(
    server: LocalServer, here: pytest.MonkeyPatch, fault: Fault
) -> None:
    def streams(method: str, path: str) -> bool:
        return path.endswith("/file_stream")

    async with FaultProxy(server.url, script=[fault] * 3, match=streams) as proxy:
        here.setenv("WANDB_BASE_URL", proxy.url)
        async with init("p") as run:
            for n in range(ROWS):
                await run.log({"n": n})
            await run.flush(60)
        assert proxy.done[fault] == 3
    assert await rows_of(run.path, server, here) == EXPECTED


async def test_the_server_restarts_in_the_middle(here: pytest.MonkeyPatch) -> None:
    with local_server() as server:
        for name, value in server.env.items():
            here.setenv(name, value)
        async with init("p") as run:
            for n in range(ROWS):
                await run.log({"n": n})
                if n == ROWS // 2:
                    await run.flush(60)
                    await anyio.to_thread.run_sync(server.kill)
                elif n == ROWS // 2 + 50:
                    await anyio.to_thread.run_sync(server.start)
        assert await rows_of(run.path, server, here) == EXPECTED


async def test_a_server_that_falls_silent_holds_up_no_log(
    server: LocalServer, here: pytest.MonkeyPatch
) -> None:
    async with FaultProxy(server.url, silence_seconds=0.5) as proxy:
        here.setenv("WANDB_BASE_URL", proxy.url)
        async with init("p") as run:
            proxy.silent = True
            with anyio.fail_after(2):
                for n in range(ROWS):
                    await run.log({"n": n})
            proxy.silent = False
            await run.flush(60)
    assert await rows_of(run.path, server, here) == EXPECTED


async def test_a_wrong_key_says_where_keys_come_from(here: pytest.MonkeyPatch) -> None:
    here.setenv("WANDB_API_KEY", "local-" + "f" * 40)
    with pytest.raises(AuthenticationError, match="WANDB_API_KEY") as caught:
        await init("p", settings={"on_init_failure": "raise"})
    assert "f" * 40 not in str(caught.value)
