"""Sweeps from both faces against the embedded server."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

import asyncwb
import asyncwb.sync as wandb
from asyncwb.testing import LocalServer, local_server

if TYPE_CHECKING:
    from collections.abc import Iterator

GRID: dict[str, Any] = {
    "method": "grid",
    "metric": {"name": "loss", "goal": "minimize"},
    "parameters": {"lr": {"values": [0.1, 0.2, 0.3]}, "opt": {"parameters": {"name": {"value": "sgd"}}}},
}


@pytest.fixture(scope="module")
def server() -> Iterator[LocalServer]:
    with local_server() as running:
        yield running


async def test_an_async_function_gets_every_point(server: LocalServer) -> None:
    sweep_id = await asyncwb.sweep(GRID, project="grid", settings=server.settings)
    seen: list[Any] = []

    async def train() -> None:
        async with asyncwb.init(config={"lr": 7, "own": 1}) as run:
            run.config.update({"lr": 8})
            seen.append((run.config.as_dict(), run.sweep_id, run.project))
            await run.log({"loss": run.config["lr"] * 2})

    result = await asyncwb.agent(sweep_id, train, settings=server.settings)
    assert (result.finished, result.failed, result.ended_by) == (3, 0, "sweep")
    assert [config for config, *_ in seen] == [
        {"lr": lr, "own": 1, "opt": {"name": "sgd"}} for lr in (0.1, 0.2, 0.3)
    ]
    assert {place for _, *place in map(tuple, seen) for place in [tuple(place)]} == {(str(sweep_id), "grid")}


def test_a_plain_function_in_threads(server: LocalServer) -> None:
    sweep_id = wandb.sweep(GRID, project="threads", settings=server.settings)
    seen = []

    def train() -> None:
        run = wandb.init()
        seen.append((wandb.run.id == run.id, run.config.lr, wandb.config["lr"]))
        wandb.log({"loss": wandb.config["lr"]})

    result = wandb.agent(sweep_id, train, workers=3, settings=server.settings)
    assert (result.finished, result.ended_by) == (3, "sweep")
    assert sorted(seen) == [(True, lr, lr) for lr in (0.1, 0.2, 0.3)]
