"""The unmodified wandb package, each script in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from asyncwb.testing import LocalServer, local_server

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


@pytest.fixture(scope="module")
def server() -> Iterator[LocalServer]:
    with local_server() as running:
        yield running


@pytest.fixture
def sdk(server: LocalServer, tmp_path: Path) -> Callable[..., Any]:
    """Run a script that uses the wandb package; what it prints last, as JSON, is the result."""

    def run(script: str, *, exitcode: int = 0, **variables: str) -> Any:
        environment = {
            **{key: value for key, value in os.environ.items() if not key.startswith("WANDB")},
            "HOME": str(tmp_path),
            "WANDB_BASE_URL": server.url,
            "WANDB_API_KEY": server.api_key,
            "WANDB_ERROR_REPORTING": "false",
            "WANDB_PROJECT": "sdk",
            "WANDB_SILENT": "true",
            **variables,
        }
        done = subprocess.run(
            [sys.executable, "-c", script], env=environment, cwd=tmp_path, check=False,
            capture_output=True, text=True, timeout=100,
        )  # fmt: skip
        assert done.returncode == exitcode, done.stderr[-4000:]
        lines = [line for line in done.stdout.splitlines() if line.startswith("RESULT ")]
        return json.loads(lines[-1][7:]) if lines else None

    return run
