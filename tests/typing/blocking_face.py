"""What users of `asyncwb.sync` see; read by mypy and pyright, never run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TextIO, assert_type

import asyncwb.sync as wandb
from asyncwb.run.metrics import Metric
from asyncwb.sweeps.agent import AgentResult
from asyncwb.sweeps.path import SweepId
from asyncwb.sync.api import BetaReport, File, Project, Sweep, User
from asyncwb.sync.api import Run as ApiRun
from asyncwb.types import Row

if TYPE_CHECKING:
    from collections.abc import Iterator

run = wandb.init(project="p", config={"lr": 0.1})
assert_type(run, wandb.Run)
assert_type(run.id, str)
assert_type(run.log({"loss": 1.0}, step=3), None)
assert_type(run.stop_requested, bool)
assert_type(run.wait_stopped(timeout=1), bool)
assert_type(run.detach(exit_code=1), None)
assert_type(run.save("*.txt", base_path=".", policy="end", glob=False), list[str])
assert_type(run.restore("a.txt"), TextIO | None)
assert_type(run.define_metric("x/*", step_metric="epoch", summary="min,max"), Metric)
assert_type(run.display(), bool)
assert_type(wandb.run, wandb.Run | None)
assert_type(wandb.config, wandb.Config)
assert_type(wandb.summary, wandb.Summary)
assert_type(wandb.login(), bool)
wandb.log({"loss": 0.5})
wandb.finish()
assert_type(wandb.sweep("sweep.yaml", prior_runs=["r"]), SweepId)
assert_type(wandb.agent("e/p/s", wandb.finish, count=3, workers=2), AgentResult)


class Model:
    """As much of a torch module as the types ask for."""

    def named_parameters(self, prefix: str = "") -> Iterator[tuple[str, float]]:
        yield prefix, 0.5


assert_type(run.watch(Model(), log="all", log_freq=10), None)
run.watch([Model(), Model()], idx=3, log_graph=True)
run.unwatch(Model())
run.watch(3)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
with wandb.init() as other:
    assert_type(other, wandb.Run)

api = wandb.Api(timeout=3)
runs = api.runs("e/p")
assert_type(len(runs), int)
assert_type(runs[0], ApiRun)
assert_type(runs[1:3], list[ApiRun])
for one in runs:
    assert_type(one, ApiRun)
    assert_type(one.config, dict[str, Any])
    for row in one.scan_history(keys=["loss"]):
        assert_type(row, Row)
    assert_type(one.history(pandas=False), list[Row])
    assert_type(one.file("x"), File)
    assert_type(one.name, str | None)
    assert_type(one.sweep, Sweep | None)
    for row in one.follow():
        assert_type(row, Row)
assert_type(next(runs), ApiRun)
assert_type(api.projects()[0], Project)
assert_type(api.viewer, User)
assert_type(api.from_path("e/p"), Project | ApiRun | Sweep | BetaReport)
assert_type(User.create(api, "a@b"), User)
for change in api.watch_runs("e/p"):
    assert_type(change.run, ApiRun)
registry = api.registry("r")
for member in registry.members():
    if member.kind == "user":
        assert_type(member.user, User)
registry.add_members(registry.members()[0], api.viewer, "VXNlcjox")
registry.add_members(3)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
