"""Groups and job types, from the arguments and the environment, and found by the Api."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

import asyncwb.sync as wandb
from asyncwb.testing import LocalServer, local_server

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="module")
def server() -> Iterator[LocalServer]:
    with local_server() as running:
        yield running


@pytest.fixture(autouse=True)
def here(server: LocalServer, monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for name, value in server.env.items():
        monkeypatch.setenv(name, value)
    return monkeypatch


def test_runs_of_a_group(here: pytest.MonkeyPatch) -> None:
    for number in range(3):
        with wandb.init("groups", group="sweep-1", job_type=f"part{number}") as run:
            assert (run.group, run.job_type) == ("sweep-1", f"part{number}")
    here.setenv("WANDB_RUN_GROUP", "sweep-2")
    here.setenv("WANDB_JOB_TYPE", "eval")
    with wandb.init("groups") as of_environment:
        assert (of_environment.group, of_environment.job_type) == ("sweep-2", "eval")
    # An argument counts more.
    with wandb.init("groups", group="sweep-3"):
        pass
    api = wandb.Api()
    found = api.runs("groups", filters={"group": "sweep-1"})
    assert sorted(run.job_type or "" for run in found) == ["part0", "part1", "part2"]
    (other,) = api.runs("groups", filters={"group": "sweep-2"})
    assert (other.id, other.job_type, other.group) == (of_environment.id, "eval", "sweep-2")
    (part,) = api.runs("groups", filters={"$and": [{"group": "sweep-1"}, {"jobType": "part2"}]})
    assert part.job_type == "part2"
    assert len(api.runs("groups", filters={"group": {"$in": ["sweep-2", "sweep-3"]}})) == 2
