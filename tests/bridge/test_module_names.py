"""Module-level names, bound to the current run, in both faces."""

from __future__ import annotations

import copy
import pickle

import pytest

import asyncwb
import asyncwb.sync as wandb
from asyncwb.errors import UsageError


def test_without_a_run() -> None:
    assert wandb.run is None
    assert asyncwb.run is None
    wandb.finish()
    with pytest.raises(UsageError, match=r"call init\(\) before log\(\)"):
        wandb.log({"loss": 1})
    for use in (
        lambda: wandb.config["lr"],
        lambda: wandb.config.lr,
        lambda: wandb.config.update({"lr": 1}),
        lambda: wandb.summary.__setitem__("best", 1),
    ):
        with pytest.raises(UsageError, match=r"call init\(\)"):
            use()


def test_a_blocking_offline_run() -> None:
    run = wandb.init(project="p", mode="offline", config={"lr": 0.1})
    assert wandb.run == run
    assert asyncwb.run is run._async
    wandb.config["depth"] = 3
    wandb.log({"loss": 0.5})
    run.log({"loss": 0.25})
    assert wandb.summary["loss"] == 0.25
    assert wandb.config.as_dict() == {"lr": 0.1, "depth": 3}
    for refuse in (lambda: pickle.dumps(run), lambda: copy.copy(run), lambda: copy.deepcopy(run)):
        with pytest.raises(UsageError, match="cannot be pickled or copied"):
            refuse()
    wandb.finish()
    assert wandb.run is None


def test_a_with_block_finishes_the_run() -> None:
    with wandb.init(mode="offline") as run:
        run.log({"a": 1})
    assert run.status().state != "running"


async def test_an_async_offline_run() -> None:
    async with asyncwb.init(project="p", mode="offline", config={"lr": 0.1}) as run:
        assert asyncwb.run is run
        await asyncwb.log({"loss": 0.5})
        assert asyncwb.config["lr"] == 0.1
        assert asyncwb.summary["loss"] == 0.5
    assert asyncwb.run is None


def test_subpackages_do_not_hide_the_names_they_share() -> None:
    import asyncwb.login
    import asyncwb.run.core  # noqa: F401

    assert asyncwb.run is None
    assert asyncwb.login.__name__ == "login"
    assert callable(asyncwb.login)
