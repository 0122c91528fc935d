"""A run of a sweep as a program: its command line, its environment, its file of parameters."""

from __future__ import annotations

import os
import re
import shutil
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeGuard

from asyncwb import jsonx
from asyncwb.errors import ProtocolError
from asyncwb.sender.yamltext import to_yaml

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from asyncwb.settings import Settings
    from asyncwb.sweeps.path import SweepPath

__all__ = ["Program", "command_of", "names_no_program", "prepare"]

_DEFAULT = ("${env}", "${interpreter}", "${program}", "${args}")
_NAME = re.compile(r"[^/\\\x00-\x1f]+")
_WORD = re.compile(r"\$\{(\w+)\}")
_ENVVAR = re.compile(r"\$\{envvar:(\w+)\}")


@dataclass(frozen=True)
class Program:
    """What a process is started with; the environment may hold keys, and is not shown."""

    command: list[str]
    environment: dict[str, str] = field(repr=False)


def command_of(config: Mapping[str, Any]) -> list[str] | None:
    """The `command` of a sweep's config; None: the default one."""
    command = config.get("command")
    return [str(word) for word in command] if _is_list(command) else None


def _is_list(value: object) -> TypeGuard[list[object]]:
    return isinstance(value, list)


def names_no_program(config: Mapping[str, Any]) -> bool:
    """Whether the command needs a program and the config has none."""
    return not config.get("program") and "${program}" in (command_of(config) or _DEFAULT)


def prepare(
    template: Sequence[str] | None,
    *,
    program: str | None,
    run_id: str,
    parameters: Mapping[str, Any],
    path: SweepPath,
    settings: Settings,
    resumed: bool,
) -> Program:
    """Write the file of parameters and put the command together. Blocks for the file.

    Args:
        template: The `command` of the sweep's config; None: the default one.
        program: Its `program`.
        run_id: The run.
        parameters: Their values.
        path: The sweep.
        settings: Where the server is, and where the `wandb` folder lies.
        resumed: Whether the run goes on after a preemption.

    Raises:
        ProtocolError: The server names the run so that its file would lie elsewhere.
    """
    for name in (path.sweep_id, run_id):
        if not _NAME.fullmatch(name):
            raise ProtocolError(f"{name!r} cannot be the name of a run or a sweep")
    root = Path(settings.root_dir).expanduser().absolute()
    folder = root / "wandb" / f"sweep-{path.sweep_id}"
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"config-{run_id}.yaml"
    wrapped: dict[str, object] = {key: {"value": value} for key, value in parameters.items()}
    file.write_text(to_yaml({"wandb_version": 1, **wrapped}), encoding="utf-8")
    json_file = folder / f"config-{run_id}.json"
    words = _words(program, parameters, json_file)
    chosen = list(template or _DEFAULT)
    if "${args_json_file}" in chosen:
        json_file.write_bytes(jsonx.encode(dict(parameters)))
    command = [text for word in chosen for text in _filled(word, words)]
    environment = {
        **os.environ,
        **_access(settings),
        "WANDB_SWEEP_ID": path.sweep_id,
        "WANDB_RUN_ID": run_id,
        "WANDB_SWEEP_PARAM_PATH": str(file),
        "WANDB_PROJECT": path.project,
        "WANDB_DIR": str(root),
        **({"WANDB_ENTITY": path.entity} if path.entity else {}),
        **({"WANDB_RESUME": "allow"} if resumed else {}),
    }
    return Program(command, environment)


def _access(settings: Settings) -> dict[str, str]:
    """Let the program, whatever package it uses, find the server that the agent talks to."""
    found = {"WANDB_BASE_URL": settings.base_url}
    if settings.api_key is not None:
        found["WANDB_API_KEY"] = settings.api_key
    return found


def _filled(word: str, words: Mapping[str, list[str]]) -> list[str]:
    found = _WORD.fullmatch(word)
    if found is not None:
        return words.get(found[1], [])
    # A variable that is not set leaves its name, as with the wandb package.
    return [_ENVVAR.sub(lambda match: os.environ.get(match[1], match[1]), word)]


def _words(
    program: str | None, parameters: Mapping[str, Any], json_file: Path
) -> dict[str, list[str]]:
    flags = [f"{key}={value}" for key, value in parameters.items()]
    return {
        "env": ["/usr/bin/env"] if os.name == "posix" else [],
        "interpreter": ["python" if shutil.which("python") else sys.executable],
        "program": [] if program is None else [program],
        "args": [f"--{flag}" for flag in flags],
        "args_no_hyphens": flags,
        "args_no_equals": [
            text for key, value in parameters.items() for text in (f"--{key}", str(value))
        ],
        "args_append_hydra": [f"+{flag}" for flag in flags],
        "args_override_hydra": [f"++{flag}" for flag in flags],
        "args_no_boolean_flags": [
            f"--{key}" if value is True else f"--{key}={value}"
            for key, value in parameters.items()
            if value is not False
        ],
        "args_json": [jsonx.encode(dict(parameters)).decode()],
        "args_json_file": [str(json_file)],
    }
