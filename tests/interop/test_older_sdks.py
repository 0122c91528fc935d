"""Older versions of the wandb package on the embedded server.

They need Pythons of their own: `nox -s older` makes them and names them in ASYNCWB_OLDER_SDKS.
"""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from asyncwb.api import Api

if TYPE_CHECKING:
    from collections.abc import Callable

    from asyncwb.testing import LocalServer

PYTHONS = [path for path in os.environ.get("ASYNCWB_OLDER_SDKS", "").split(os.pathsep) if path]
SCRIPT = Path(__file__).with_name("older_sdk.py")

pytestmark = [
    pytest.mark.interop,
    pytest.mark.timeout(300),
    pytest.mark.skipif(not PYTHONS, reason="ASYNCWB_OLDER_SDKS names no Python"),
]


@pytest.fixture(params=PYTHONS or ["none"], ids=lambda path: Path(path).parts[-3:][0])
def older(
    request: pytest.FixtureRequest, server: LocalServer, tmp_path: Path
) -> Callable[..., Any]:
    """Run a scenario, or the `wandb` command, with a version; each in a project of its own."""
    python = request.param
    project = f"older-{Path(python).parts[-3]}".replace(".", "-")
    environment = {
        **{key: value for key, value in os.environ.items() if not key.startswith("WANDB")},
        "HOME": str(tmp_path),
        "WANDB_BASE_URL": server.url,
        "WANDB_API_KEY": server.api_key,
        "WANDB_ERROR_REPORTING": "false",
        "WANDB_PROJECT": project,
        "PYTHONPATH": "",
    }

    def run(*arguments: str, module: str | None = None) -> Any:
        start = ["-m", module] if module else [str(SCRIPT)]
        done = subprocess.run(
            [python, "-W", "ignore", *start, *arguments], env=environment, cwd=tmp_path,
            check=False, capture_output=True, text=True, timeout=200,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
        lines = [line for line in done.stdout.splitlines() if line.startswith("RESULT ")]
        return json.loads(lines[-1][7:]) if lines else None

    run.project = f"{server.entity}/{project}"  # type: ignore[attr-defined]
    return run


async def test_runs(older: Any, server: LocalServer) -> None:
    online = older("online")
    assert online["url"].endswith(f"/{older.project}/runs/online")
    assert older("resume") == {"resumed": True, "step": 54, "config": 0.1}
    api = Api(server.settings)
    run = await api.run(f"{older.project}/online")
    rows = [row async for row in run.scan_history()]
    assert [row["_step"] for row in rows] == list(range(55))
    assert [row["loss"] for row in rows[:50]] == [1 / (i + 1) for i in range(50)]
    assert rows[9]["inner"]["i"] == 9
    assert rows[54]["again"] == 1
    assert run.state == "finished"
    assert (run.name, run.notes, run.group, run.job_type) == ("by an older one", "n", "g", "train")
    assert dict(run.config)["nested"] == {"depth": 2}
    assert run.config["later"] == "yes"
    summary = run.summary
    assert (summary["best"], summary["loss"]) == (0.5, 9.0)
    assert summary["image"]["_type"] == "image-file"
    assert summary["table"]["nrows"] == 2
    names = {file.name async for file in run.files()}
    assert {"saved.txt", "output.log", "config.yaml", "wandb-summary.json"} <= names
    assert any(name.startswith("media/images/image_") for name in names)
    found = older("api")
    assert found["scanned"] == 51
    assert found["sampled"] == 10
    assert (found["saved"], found["files"]) == ("kept", ["output.log", "saved.txt"])
    assert found["runs"] == ["online"]
    assert (found["best"], found["last"], found["tags"]) == (0.5, 54, ["a", "b"])
    assert found["logged"] == ["run_table"]
    again = await api.run(f"{older.project}/online")
    assert (again.notes, sorted(again.tags)) == ("changed", ["a", "b", "c"])
    assert again.config["added"] == 7
    assert again.summary["more"] == 3
    assert "doomed" not in {one.id async for one in api.runs(older.project)}


def test_artifacts(older: Any) -> None:
    found = older("artifact")
    assert found["texts"] == {"one.txt": "one.txt" * 10, "two.txt": "two.txt" * 10}
    assert (found["version"], found["type"], found["metadata"]) == ("v0", "dataset", {"rows": 2})
    assert found["aliases"] == ["best", "latest"]
    assert (found["logged_by"], found["used_by"]) == ("producer", ["consumer"])
    assert (found["description"], found["versions"]) == ("described", 1)
    assert found.get("files", ["one.txt", "two.txt"]) == ["one.txt", "two.txt"]


def test_sweeps(older: Any) -> None:
    assert older("sweep") == {"scores": [5, 10, 15], "best": 15, "state": "FINISHED"}


async def test_offline_runs(older: Any, server: LocalServer) -> None:
    folder = older("offline")["folder"]
    older("sync", folder, module="wandb")
    run = await Api(server.settings).run(f"{older.project}/offline")
    rows = [row async for row in run.scan_history()]
    assert [row["v"] for row in rows[:20]] == list(range(20))
    assert (run.summary["s"], run.config["k"]) == ("t", 1)
    names = {file.name async for file in run.files()}
    assert any(name.startswith("media/images/image_") for name in names)
