"""Module-level names, bound to the current run, in both faces."""

from __future__ import annotations

import copy
import pickle
from typing import TYPE_CHECKING

import pytest

import asyncwb
import asyncwb.functions
import asyncwb.sync as wandb
from asyncwb.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path


def test_without_a_run() -> None:
    assert wandb.run is None
    assert asyncwb.run is None
    wandb.finish()
    for name in asyncwb.functions.__all__:
        arguments: tuple[str, ...] = ("x", "y")
        if name in {"flush", "mark_preempting"}:
            arguments = ()
        elif name in {"log", "log_code", "save", "use_model", "watch", "unwatch", "define_metric"}:
            arguments = ("x",)
        with pytest.raises(UsageError, match=rf"call init\(\) before {name}\(\)"):
            getattr(wandb, name)(*arguments)
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


def test_functions_are_methods_of_the_current_run(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("hello")
    with wandb.init(project="p", mode="offline") as run:
        wandb.define_metric("loss", summary="min")
        for loss in (0.5, 0.25, 0.75):
            wandb.log({"loss": loss})
        assert run.summary["loss"] == {"min": 0.25}
        wandb.save(str(tmp_path / "notes.txt"), base_path=str(tmp_path))
        found = wandb.restore("notes.txt")
        assert found is not None
        with found:
            assert found.read() == "hello"
        wandb.alert("title", "text", wandb.AlertLevel.WARN)
        wandb.mark_preempting()
        artifact = wandb.log_artifact(tmp_path / "notes.txt", name="notes", type="text")
        assert (artifact.name, artifact.file_count) == ("notes", 1)
    with pytest.raises(UsageError, match=r"call init\(\) before define_metric\(\)"):
        wandb.define_metric("loss")


async def test_async_functions_are_methods_of_the_current_run(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("hello")
    async with asyncwb.init(project="p", mode="offline") as run:
        asyncwb.define_metric("loss", summary="max")
        await asyncwb.log({"loss": 0.5})
        assert run.summary["loss"] == {"max": 0.5}
        await asyncwb.save(tmp_path / "notes.txt", tmp_path)
        found = await asyncwb.restore("notes.txt")
        assert found is not None
        with found:
            assert found.read() == "hello"


def test_tensorboard_is_there_in_both_faces() -> None:
    assert wandb.tensorboard is asyncwb.tensorboard
    assert callable(asyncwb.tensorboard.patch)


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
