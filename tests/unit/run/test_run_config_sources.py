"""Where config values come from, and which win."""

from __future__ import annotations

import argparse
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml

from asyncwb.errors import ConfigError, InvalidValueError
from asyncwb.run import init
from asyncwb.run.config_sources import as_mapping, config_values
from asyncwb.run.context import live_runs


async def config_of(**arguments: Any) -> dict[str, Any]:
    async with init("p", mode="offline", **arguments) as run:
        return run.config.as_dict()


def write(name: str, tree: object) -> Path:
    path = Path(name)
    path.write_text(yaml.safe_dump(tree))
    return path


OPT = {"name": "sgd", "value": 3}


@pytest.mark.parametrize(
    "tree",
    [
        {"lr": 0.1, "opt": OPT},
        {"wandb_version": 1, "lr": {"desc": None, "value": 0.1}, "opt": {"value": OPT}},
        {"_wandb": {"value": {"t": {}}}, "lr": {"value": 0.1}, "opt": {"value": OPT}},
        {"lr": {"value": 0.1, "desc": "rate"}, "opt": {"value": OPT}},
    ],
)
async def test_a_yaml_file_plain_or_as_servers_write_it(tree: dict[str, Any]) -> None:
    path = write("config.yaml", tree)
    expected = {"lr": 0.1, "opt": OPT}
    assert await config_of(config="config.yaml") == expected
    assert await config_of(config=path) == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("lr: [1", "is not YAML"),
        ("\xff", "is not YAML"),
        ("- 1\n- 2\n", "no mapping"),
        ("wandb_version: 2\nlr: {value: 1}\n", "unknown wandb_version 2"),
        (None, "cannot be read: No such file"),
    ],
)
async def test_a_bad_file_raises_before_anything_is_made(text: str | None, message: str) -> None:
    if text is not None:
        Path("bad.yaml").write_bytes(text.encode("latin-1"))
    with pytest.raises(ConfigError, match=message):
        await config_of(config="bad.yaml")
    assert live_runs() == []
    assert not Path("wandb").exists()


async def test_an_empty_file_is_an_empty_config() -> None:
    Path("empty.yaml").write_text("")
    assert await config_of(config="empty.yaml") == {}


async def test_defaults_files_are_weaker_than_arguments(monkeypatch: pytest.MonkeyPatch) -> None:
    write("config-defaults.yaml", {"a": {"value": "file"}, "b": {"value": "file"}})
    write("more.yaml", {"b": "more", "c": "more"})
    assert await config_of(config={"a": 1}) == {"a": 1, "b": "file"}
    monkeypatch.setenv("WANDB_CONFIG_PATHS", "more.yaml")
    assert await config_of(config={"c": 1}) == {"a": "file", "b": "more", "c": 1}
    assert await config_of(config={"c": 1}, config_exclude_keys=["c"]) == {
        "a": "file",
        "b": "more",
        "c": "more",
    }


@dataclass(slots=True)
class Options:
    lr: float = 0.1
    names: list[str] = field(default_factory=lambda: ["a"])


class Bare:
    def __init__(self) -> None:
        self.lr, self._hidden = 0.1, 2


async def test_objects_with_attributes() -> None:
    assert await config_of(config=Options()) == {"lr": 0.1, "names": ["a"]}
    assert await config_of(config=argparse.Namespace(lr=1)) == {"lr": 1}
    assert await config_of(config=Bare()) == {"lr": 0.1}


async def test_flags_of_absl() -> None:
    flags = pytest.importorskip("absl.flags")
    values = flags.FlagValues()
    flags.DEFINE_float("lr", 0.1, "rate", flag_values=values)
    flags.DEFINE_list("names", ["a", "b"], "names", flag_values=values)
    values(["program", "--lr=0.2"])
    found = await config_of(config=values)
    assert (found["lr"], found["names"]) == (0.2, ["a", "b"])


@pytest.mark.parametrize("bad", [3, Options, "text", ["a"]])
def test_what_is_no_config_is_refused(bad: object) -> None:
    with pytest.raises(ConfigError, match="is a dict or a namespace"):
        as_mapping(bad)


def test_pairs_are_a_mapping() -> None:
    assert as_mapping([("a", 1)]) == config_values((("a", 1),)) == {"a": 1}


async def test_a_live_config_takes_the_same() -> None:
    write("late.yaml", {"lr": 3})
    async with init("p", mode="offline", config={"a": 1}) as run:
        run.config.update("late.yaml")
        run.config.update(Options(lr=2))
        assert run.config.as_dict() == {"a": 1, "lr": 2, "names": ["a"]}


def test_include_and_exclude_are_not_for_both() -> None:
    with pytest.raises(InvalidValueError, match="not both"):
        init("p", config={}, config_include_keys=["a"], config_exclude_keys=["b"])
