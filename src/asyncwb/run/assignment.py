"""What a sweep decides about a run: its id, its place and its parameters.

An agent hands it over in a context variable to functions that it calls, and in environment
variables (`WANDB_SWEEP_ID`, `WANDB_RUN_ID`, `WANDB_SWEEP_PARAM_PATH` ...) to programs.
"""

from __future__ import annotations

import os
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from asyncwb.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from asyncwb.run.run import Run
    from asyncwb.settings import Settings

__all__ = ["ASSIGNED", "Assignment", "decided", "parameters_of", "take_assignment"]

_DECIDED = {"run_id": "WANDB_RUN_ID", "project": "WANDB_PROJECT", "entity": "WANDB_ENTITY"}


class Assignment:
    """A run that the first `init` of a context begins.

    Args:
        keywords: What the sweep decides, by the names of `Settings`.
        parameters: Values for the run's config.
        settings: Settings of the agent, for an `init` that gives none.

    Attributes:
        run: The run, once it has begun.
    """

    def __init__(
        self, keywords: Mapping[str, str], parameters: Mapping[str, Any], settings: Settings
    ) -> None:
        self.keywords = keywords
        self.parameters = parameters
        self.settings = settings
        self.run: Run | None = None
        self._taken = False

    def take(self) -> bool:
        """Whether the caller is the first: later runs of the context are their own masters."""
        first, self._taken = not self._taken, True
        return first


ASSIGNED: ContextVar[Assignment | None] = ContextVar("asyncwb_sweep_run", default=None)
"""The assignment of this context, taken or not."""


def take_assignment() -> Assignment | None:
    """The assignment that the calling context has and nobody took yet."""
    found = ASSIGNED.get()
    return found if found is not None and found.take() else None


def decided(assignment: Assignment | None) -> Mapping[str, str | None]:
    """Arguments of `init` that a sweep decides; None: by the environment, which is read anyway."""
    if assignment is not None:
        return assignment.keywords
    if not os.environ.get("WANDB_SWEEP_ID"):
        return {}
    return {name: None for name, variable in _DECIDED.items() if os.environ.get(variable)}


def parameters_of(assignment: Assignment | None, settings: Settings) -> dict[str, Any]:
    """The sweep's values for the config of a run that begins. Reads a small file at most.

    Raises:
        ConfigError: The agent's file cannot be read.
    """
    if assignment is not None:
        return dict(assignment.parameters)
    path = settings.sweep_param_path
    if not path or not settings.sweep_id:
        return {}
    import yaml

    try:
        with open(path, encoding="utf-8") as file:
            tree: Any = yaml.safe_load(file)
        return {key: entry["value"] for key, entry in tree.items() if key != "wandb_version"}
    except (OSError, yaml.YAMLError, AttributeError, TypeError, KeyError) as exc:
        raise ConfigError(
            f"the sweep's parameters cannot be read from {path} (WANDB_SWEEP_PARAM_PATH): {exc}"
        ) from exc
