"""The environment of one test: only what the test's server needs, and nothing of the user's."""

from __future__ import annotations

import os
import re
import secrets
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, cast

from asyncwb.testing.live import live_runs

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

    from asyncwb.run.run import Run
    from asyncwb.testing.server import LocalServer

__all__ = ["isolated_environment"]

_FINISH_SECONDS = 10.0


@contextmanager
def isolated_environment(server: LocalServer, folder: Path, name: str) -> Generator[dict[str, str]]:
    """Set the variables for one test, and clean up after it.

    Args:
        server: Where clients should go.
        folder: Where their files should lie.
        name: Name of the test; part of its project's name.
    """
    home = folder / "wandb-home"
    variables = server.env | {
        "WANDB_PROJECT": _project(name),
        "WANDB_DIR": str(folder),
        "WANDB_CONFIG_DIR": str(home / "config"),
        "WANDB_CACHE_DIR": str(home / "cache"),
        "WANDB_DATA_DIR": str(home / "data"),
        "WANDB_ARTIFACT_DIR": str(home / "artifacts"),
        "NETRC": str(home / "netrc"),
        "WANDB_SILENT": "true",
    }
    for part in ("config", "cache", "data", "artifacts"):
        (home / part).mkdir(parents=True, exist_ok=True)
    before = dict(os.environ)
    live_before = live_runs()
    for variable in before:
        if variable.startswith(("WANDB_", "ASYNCWB_")):
            del os.environ[variable]
    os.environ.update(variables)
    _forget_wandb()
    try:
        yield variables
    finally:
        try:
            _finish([run for run in live_runs() if run not in live_before])
            _forget_wandb()
        finally:
            for variable in set(os.environ) - set(before):
                del os.environ[variable]
            os.environ.update(before)


def _project(name: str) -> str:
    """A project of its own for each run of each test, readable in the web page."""
    return f"{re.sub('[^A-Za-z0-9_.-]+', '-', name)[:80]}-{secrets.token_hex(4)}"


def _finish(runs: list[Run]) -> None:
    from asyncwb.testing.blocking import call

    for run in runs:
        call(run.finish, 1, _FINISH_SECONDS)


def _forget_wandb() -> None:
    """Make the `wandb` package, where it is loaded, read the environment anew.

    It reads it once per process, and keeps a helper process with it.
    """
    wandb = cast("Any", sys.modules.get("wandb"))
    if wandb is None or not hasattr(wandb, "teardown"):
        return
    if getattr(wandb, "run", None) is not None:
        wandb.finish(exit_code=1)
    wandb.teardown()
