"""A run that a sweep began: its id, its place and its parameters."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import asyncwb.sync as wandb
from asyncwb.errors import ConfigError


@pytest.fixture
def swept(monkeypatch: pytest.MonkeyPatch) -> Path:
    """The environment that an agent, of whichever package, gives a program."""
    file = Path("config-swr1.yaml").absolute()
    # As the wandb package 0.31.0 writes it.
    file.write_text("wandb_version: 1\n\nlr:\n  value: 0.1\nopt:\n  value:\n    name: sgd\n")
    for name, value in (
        ("MODE", "offline"), ("SWEEP_ID", "sw1"), ("RUN_ID", "swr1"), ("PROJECT", "demo"),
        ("ENTITY", "acme"), ("SWEEP_PARAM_PATH", str(file)), ("SILENT", "true"),
    ):  # fmt: skip
        monkeypatch.setenv(f"WANDB_{name}", value)
    return file


@pytest.mark.usefixtures("swept")
def test_the_sweep_decides() -> None:
    with wandb.init(
        project="mine", entity="me", id="own", name="shown", config={"lr": 5, "own": 1}
    ) as run:
        assert (run.id, run.project, run.entity, run.sweep_id) == ("swr1", "demo", "acme", "sw1")
        assert run.name == "shown"
        assert run.config.as_dict() == {"lr": 0.1, "own": 1, "opt": {"name": "sgd"}}


@pytest.mark.usefixtures("swept")
def test_the_parameters_keep_their_values(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("WANDB_SILENT", "false")
    with wandb.init() as run:
        run.config.update({"lr": 9, "new": 2})
        run.config.lr = 8
        run.config["opt"] = {}
        run.config.setdefaults({"lr": 7})
        run.config.update({"lr": 0.1})
        assert run.config.as_dict() == {"lr": 0.1, "new": 2, "opt": {"name": "sgd"}}
    said = capsys.readouterr().err
    assert "config key 'lr' keeps 0.1: the sweep decides it" in said


def test_without_a_sweep_nothing_is_decided(swept: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WANDB_SWEEP_ID")
    with wandb.init(project="mine", id="own", config={"lr": 5}) as run:
        assert (run.id, run.project, run.sweep_id) == ("own", "mine", None)
        run.config.lr = 6
        assert run.config.as_dict() == {"lr": 6}


@pytest.mark.parametrize("text", [None, "- 1", "lr: 3", "{", ""])
def test_a_file_that_cannot_be_read(swept: Path, text: str | None) -> None:
    if text is None:
        swept.unlink()
    else:
        swept.write_text(text)
    with pytest.raises(ConfigError, match="sweep's parameters cannot be read from"):
        wandb.init()
    assert wandb.run is None


def test_a_file_without_parameters(swept: Path) -> None:
    swept.write_text("wandb_version: 1\n")
    with wandb.init(config={"a": 1}) as run:
        found: dict[str, Any] = run.config.as_dict()
        assert (run.sweep_id, found) == ("sw1", {"a": 1})
