"""Command lines, environment and files of programs (protocol/run.md, section 14)."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from asyncwb.errors import ProtocolError
from asyncwb.settings import resolve
from asyncwb.sweeps.command import Program, command_of, names_no_program, prepare
from asyncwb.sweeps.path import SweepPath

VALUES: dict[str, Any] = {"lr": 0.1, "wd": "a b", "on": True, "off": False, "o": {"n": None}}


def prepared(template: list[str] | None = None, **more: Any) -> Program:
    arguments: dict[str, Any] = {
        "program": "train.py",
        "run_id": "swr1",
        "parameters": VALUES,
        "path": SweepPath("acme", "demo", "sw1"),
        "settings": resolve({"base_url": "http://host:1", "root_dir": "root"}, environ={}),
        "resumed": False,
        **more,
    }
    return prepare(template, **arguments)


def test_the_default_command(monkeypatch: pytest.MonkeyPatch) -> None:
    flags = ["--lr=0.1", "--wd=a b", "--on=True", "--off=False", "--o={'n': None}"]
    monkeypatch.setattr("shutil.which", lambda name: f"/usr/bin/{name}")
    assert prepared().command == ["/usr/bin/env", "python", "train.py", *flags]
    monkeypatch.setattr("shutil.which", lambda _: None)
    assert prepared().command == ["/usr/bin/env", sys.executable, "train.py", *flags]


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("${args_no_hyphens}", ["lr=0.1", "wd=a b", "on=True", "off=False", "o={'n': None}"]),
        ("${args_no_boolean_flags}", ["--lr=0.1", "--wd=a b", "--on", "--o={'n': None}"]),
        ("${program}", ["train.py"]),
        ("${unknown}", []),
        ("plain word", ["plain word"]),
        ("x-${envvar:SWEEP_TEST}-${envvar:SWEEP_NOT_SET}", ["x-here-SWEEP_NOT_SET"]),
    ],
)
def test_words(monkeypatch: pytest.MonkeyPatch, word: str, expected: list[str]) -> None:
    monkeypatch.setenv("SWEEP_TEST", "here")
    assert prepared([word]).command == expected


def test_json() -> None:
    assert json.loads(prepared(["${args_json}"]).command[0]) == VALUES
    (file,) = prepared(["${args_json_file}"]).command
    assert file == str(Path("root/wandb/sweep-sw1/config-swr1.json").absolute())
    assert json.loads(Path(file).read_text()) == VALUES


def test_the_environment_and_the_file_of_parameters(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SWEEP_TEST", "kept")
    found = prepared().environment
    assert found["SWEEP_TEST"] == "kept"
    assert {key: value for key, value in found.items() if key.startswith("WANDB")} == {
        "WANDB_SWEEP_ID": "sw1",
        "WANDB_RUN_ID": "swr1",
        "WANDB_SWEEP_PARAM_PATH": str(Path("root/wandb/sweep-sw1/config-swr1.yaml").absolute()),
        "WANDB_ENTITY": "acme",
        "WANDB_PROJECT": "demo",
        "WANDB_DIR": str(Path("root").absolute()),
        "WANDB_BASE_URL": "http://host:1",
    }
    assert "WANDB_API_KEY" not in os.environ
    written = yaml.safe_load(Path(found["WANDB_SWEEP_PARAM_PATH"]).read_text())
    assert written == {
        "wandb_version": 1, **{key: {"value": value} for key, value in VALUES.items()},
    }  # fmt: skip


def test_the_key_of_the_settings_reaches_the_program_and_nothing_else() -> None:
    key = "k" * 40
    settings = resolve({"api_key": key, "base_url": "http://host:1"}, environ={})
    found = prepared(settings=settings, resumed=True)
    assert found.environment["WANDB_API_KEY"] == key
    assert found.environment["WANDB_RESUME"] == "allow"
    assert key not in repr(found.command)
    assert key not in repr(found)


@pytest.mark.parametrize("name", ["../x", "a/b", "a\\b", "", "a\nb"])
def test_names_of_a_server_do_not_leave_the_folder(name: str) -> None:
    with pytest.raises(ProtocolError, match="cannot be the name"):
        prepared(run_id=name)
    with pytest.raises(ProtocolError, match="cannot be the name"):
        prepared(path=SweepPath("acme", "demo", name))
    assert not list(Path("root").rglob("*.yaml"))


def test_commands_of_configs() -> None:
    assert command_of({}) is None
    assert command_of({"command": ["a", 1]}) == ["a", "1"]
    assert names_no_program({})
    assert not names_no_program({"program": "x"})
    assert not names_no_program({"command": ["x"]})
    assert names_no_program({"command": ["python", "${program}"]})
