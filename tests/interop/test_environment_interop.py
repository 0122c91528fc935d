"""What a run tells about its environment: the same script with both clients, key by key."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from asyncwb.sync import Api

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from asyncwb.testing import LocalServer

pytest.importorskip("wandb")
pytestmark = [pytest.mark.interop, pytest.mark.timeout(120)]

SCRIPT = """
import os, sys
if os.environ["CLIENT"] == "theirs":
    import wandb
else:
    import asyncwb.sync as wandb
with wandb.init(project="environment", id=sys.argv[1], config={"lr": 0.1}) as run:
    run.log({"loss": 1})
"""
CLIENTS = ("ours", "theirs")


def git(folder: Path, *arguments: str) -> str:
    identity = ("-c", "user.name=ada", "-c", "user.email=ada@example.com")
    done = subprocess.run(
        ["git", *identity, *arguments], cwd=folder, check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A dirty repository, one commit ahead of its upstream, with a password in its remote."""
    upstream, folder = tmp_path / "upstream.git", tmp_path / "work"
    git(tmp_path, "init", "-q", "--bare", str(upstream))
    git(tmp_path, "init", "-q", str(folder))
    (folder / "src").mkdir()
    (folder / "src" / "train.py").write_text(SCRIPT)
    (folder / ".gitignore").write_text("wandb/\n")
    (folder / "model.txt").write_text("one\n")
    git(folder, "add", ".")
    git(folder, "commit", "-qm", "first")
    git(folder, "remote", "add", "origin", str(upstream))
    git(folder, "push", "-qu", "origin", "HEAD")
    (folder / "model.txt").write_text("two\n")
    git(folder, "commit", "-qam", "second")
    (folder / "model.txt").write_text("three\n")
    (folder / "added.txt").write_text("new\n")
    git(folder, "add", "added.txt")
    (folder / "untracked.txt").write_text("nobody sees this\n")
    git(folder, "remote", "set-url", "origin", "https://ada:secret@example.com/acme/proj.git")
    return folder


class Told:
    """What the server has of a run, and its files."""

    def __init__(self, server: LocalServer, run_id: str, folder: Path) -> None:
        run = Api(overrides=server.settings).run(f"{server.entity}/environment/{run_id}")
        self.files: dict[str, str] = {}
        for file in run.files():
            self.files[file.name] = file.read().decode()
        self.config: dict[str, Any] = run.rawconfig
        self.commit = run.commit
        (self.environment,) = self.config["_wandb"]["e"].values()
        (writer,) = self.config["_wandb"]["e"]
        assert self.environment["writerId"] == writer

    @property
    def metadata(self) -> dict[str, Any]:
        return json.loads(self.files["wandb-metadata.json"])


@pytest.fixture
def both(server: LocalServer, repository: Path) -> Callable[..., tuple[Told, Told]]:
    """Run the script with both clients; what the server then has of each."""

    def run(*arguments: str, cwd: str = ".", **variables: str) -> tuple[Told, Told]:
        found: list[Told] = []
        for client in CLIENTS:
            run_id = f"{client}-{os.urandom(4).hex()}"
            folder = repository / cwd
            script = os.path.relpath(repository / "src" / "train.py", folder)
            environment = {
                **{key: value for key, value in os.environ.items() if "WANDB" not in key},
                **server.env,
                "CLIENT": client,
                "WANDB_ERROR_REPORTING": "false",
                "WANDB_CONSOLE": "off",
                **variables,
            }
            done = subprocess.run(
                [sys.executable, script, run_id, *arguments], env=environment, cwd=folder,
                check=False, capture_output=True, text=True, timeout=100,
            )  # fmt: skip
            assert done.returncode == 0, done.stderr[-4000:]
            found.append(Told(server, run_id, folder))
        return found[0], found[1]

    return run


def comparable(environment: dict[str, Any]) -> dict[str, Any]:
    """Without what is another each time, and with what must be there all the same."""
    own = dict(environment)
    assert own.pop("startedAt").endswith("Z")
    assert own.pop("writerId")[14] == "7"
    disk = own.pop("disk")
    assert int(disk["/"].pop("used")) > 0
    own["disk"] = disk
    own["args"] = own["args"][1:]
    return own


def test_metadata_packages_and_repository(both: Callable[..., tuple[Told, Told]]) -> None:
    ours, theirs = both("--lr", "0.1", cwd="src", SLURM_JOB_ID="7", WANDB_DOCKER="image:1")
    assert comparable(ours.metadata) == comparable(theirs.metadata)
    assert list(ours.metadata) == list(theirs.metadata)
    assert "secret" not in str(ours.files) + str(ours.config)
    assert ours.metadata["git"]["remote"] == "https://ada:@example.com/acme/proj.git"
    assert ours.metadata == ours.environment
    assert theirs.metadata == theirs.environment
    assert ours.commit == theirs.commit == ours.metadata["git"]["commit"]
    assert sorted(ours.files["requirements.txt"].splitlines()) == sorted(
        set(theirs.files["requirements.txt"].splitlines())
    )


def test_code_and_patches(both: Callable[..., tuple[Told, Told]]) -> None:
    ours, theirs = both()
    # The server's account wants code saved.
    assert ours.config["_wandb"]["code_path"] == "code/src/train.py"
    assert ours.config["_wandb"]["code_path"] == theirs.config["_wandb"]["code_path"]
    assert ours.files.keys() - {"output.log"} == theirs.files.keys() - {"output.log"}
    patches = [name for name in theirs.files if name.endswith(".patch")]
    assert len(patches) == 2
    for name in ["code/src/train.py", *patches]:
        assert ours.files[name] == theirs.files[name], name
    assert "three" in ours.files["diff.patch"]
    assert "nobody sees this" not in str(ours.files)


def test_config_and_telemetry(both: Callable[..., tuple[Told, Told]]) -> None:
    ours, theirs = both()
    # The two versions stand in the telemetry as well.
    versions = {"cli_version", "python_version"}
    for told in (ours, theirs):
        assert yaml.safe_load(told.files["config.yaml"]) == {
            key: {"value": value} for key, value in told.config.items()
        }
    assert ours.config.keys() == theirs.config.keys()
    assert ours.config["_wandb"].keys() == theirs.config["_wandb"].keys() - versions
    assert ours.config["_wandb"]["m"] == theirs.config["_wandb"]["m"]
    telemetry = [told.config["_wandb"]["t"] for told in (ours, theirs)]
    for key in ("1", "2", "3", "4", "13"):
        assert telemetry[0].get(key) == telemetry[1].get(key), key


@pytest.mark.parametrize(
    "variables",
    [
        {"WANDB_DISABLE_CODE": "true"},
        {"WANDB_DISABLE_GIT": "true"},
        {"WANDB_SAVE_CODE": "false"},
        {"WANDB_IGNORE_GLOBS": "code/*,*/src/*.py,*.patch"},
        {"WANDB_IGNORE_GLOBS": "code/*,*.json"},
        {"WANDB_GIT_REMOTE": "nowhere", "WANDB_HOST": "given", "WANDB_USERNAME": "ada"},
    ],
)
def test_what_settings_leave_out(
    variables: dict[str, str], both: Callable[..., tuple[Told, Told]]
) -> None:
    ours, theirs = both(**variables)
    assert comparable(ours.environment) == comparable(theirs.environment)
    assert ours.files.keys() - {"output.log"} == theirs.files.keys() - {"output.log"}
    assert ours.commit == theirs.commit
    assert ours.config["_wandb"].get("code_path") == theirs.config["_wandb"].get("code_path")
