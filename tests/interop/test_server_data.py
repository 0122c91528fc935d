"""What the wandb package logged, through backups and from SQLite to PostgreSQL and back."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from object_store import KEYS, s3_server
from typer.testing import CliRunner

from asyncwb.cli import app
from asyncwb.server.bootstrap import ensure_first_user
from asyncwb.server.process import ServerOptions, ServerProcess

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from postgres import Cluster

pytestmark = [
    pytest.mark.interop,
    pytest.mark.timeout(300),
    pytest.mark.leaks("the package that knows the stores keeps its connections"),
]

LOG = """
import wandb
for number in range(3):
    config = {"n": number, "t": "\\0é"}
    run = wandb.init(project="p", name=f"run {number}", config=config, tags=["a"])
    for i in range(300):
        run.log({"x": i, "y": i * number, "nested": {"z": float("nan") if i == 7 else i}})
    with open("notes.txt", "w") as file:
        file.write("hello " * 1000)
    run.save("notes.txt", policy="now")
    run.log({"table": wandb.Table(columns=["a"], data=[[number]])})
    artifact = wandb.Artifact("data", "dataset", metadata={"n": number})
    with artifact.new_file("f.bin", "wb") as file:
        file.write(bytes(range(256)) * 5000 + bytes([number]))
    run.log_artifact(artifact, aliases=["best"]).wait()
    print("Epoch", number)
    run.finish()
wandb.Api().create_team("crew")
"""
READ = """
import hashlib, json, wandb
api = wandb.Api()
found = {"runs": [], "versions": []}
for run in api.runs("p", order="+config.n.value"):
    files = {f.name: f.download(root="d", replace=True).read() for f in run.files()
             if not f.name.endswith((".log", "requirements.txt"))}
    found["runs"].append([
        run.id, run.name, run.state, run.config, run.summary._json_dict, run.tags,
        list(run.scan_history()),
        {name: hashlib.md5(text.encode()).hexdigest() for name, text in files.items()},
    ])
for version in api.artifact_collection("dataset", "local/p/data").artifacts():
    path = version.download(root="v")
    with open(path + "/f.bin", "rb") as file:
        content = file.read()
    found["versions"].append([
        version.name, version.digest, version.aliases, version.metadata,
        hashlib.md5(content).hexdigest(), version.logged_by().id,
    ])
found["filtered"] = [run.name for run in api.runs("p", {"config.n.value": {"$gt": 0}})]
print("RESULT " + json.dumps(found, sort_keys=True, default=str))
"""


@pytest.fixture(scope="module")
def s3() -> Iterator[str]:
    with s3_server() as url, pytest.MonkeyPatch.context() as patch:
        for name, value in {**KEYS, "AWS_ENDPOINT_URL": url}.items():
            patch.setenv(name, value)
        yield url


def wandb(script: str, url: str, key: str, folder: Path) -> Any:
    folder.mkdir(exist_ok=True)
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("WANDB")},
        "HOME": str(folder), "WANDB_BASE_URL": url, "WANDB_API_KEY": key, "WANDB_SILENT": "true",
        "WANDB_ERROR_REPORTING": "false", "WANDB_CACHE_DIR": str(folder / "cache"),
    }  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-c", script], env=environment, cwd=folder, check=False,
        capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-4000:]
    lines = [line for line in done.stdout.splitlines() if line.startswith("RESULT ")]
    return json.loads(lines[-1][7:]) if lines else None


def asyncwb(*arguments: str | Path) -> str:
    result = CliRunner().invoke(app, ["server", *map(str, arguments)])
    assert result.exit_code == 0, result.output
    assert "compared by digest" in result.output
    assert "missing" not in result.output
    return result.output


def test_all_of_it_survives(postgres: Cluster, s3: str, tmp_path: Path) -> None:
    """The key that wrote it reads it everywhere: from the backup of a server that runs, from
    PostgreSQL and S3, from a backup of that, and from what was restored of it."""
    database = postgres.database(tmp_path / "target")
    store = "s3://plain/moved"
    own = f"sqlite:///{tmp_path / 'first' / 'asyncwb.db'}"
    first = ServerOptions(
        data_dir=tmp_path / "first", database=own, blobs=str(tmp_path / "first" / "blobs")
    )
    running = ServerProcess(first)
    try:
        key = ensure_first_user(first.data_dir).api_key
        wandb(LOG, running.url, key, tmp_path / "log")
        logged = wandb(READ, running.url, key, tmp_path / "read0")
        sqlite = ("--data-dir", first.data_dir, "--database", own, "--blobs", str(first.blobs))
        asyncwb("backup", tmp_path / "backup", *sqlite)
        again = asyncwb("backup", tmp_path / "backup", *sqlite)
        assert " 0 files" in again
        asyncwb("migrate", "--from", first.data_dir, "--to", database, "--to-blobs", store)
    finally:
        running.stop()
    assert [len(run[6]) for run in logged["runs"]] == [301] * 3
    assert logged["filtered"] == ["run 2", "run 1"] or logged["filtered"] == ["run 1", "run 2"]

    def check(options: ServerOptions, folder: str) -> None:
        server = ServerProcess(options)
        try:
            assert wandb(READ, server.url, key, tmp_path / folder) == logged
        finally:
            server.stop()

    shared = ServerOptions(data_dir=tmp_path / "shared", database=database, blobs=store)
    check(shared, "read1")
    asyncwb(
        "backup", tmp_path / "second", "--data-dir", shared.data_dir,
        "--database", database, "--blobs", store,
    )  # fmt: skip
    restored = tmp_path / "restored"
    place = f"sqlite:///{restored / 'asyncwb.db'}"
    for name in ("backup", "second"):
        target = tmp_path / f"restored-{name}"
        place = f"sqlite:///{target / 'asyncwb.db'}"
        asyncwb(
            "restore", tmp_path / name, "--data-dir", target,
            "--database", place, "--blobs", target / "blobs",
        )  # fmt: skip
        check(
            ServerOptions(data_dir=target, database=place, blobs=str(target / "blobs")),
            f"read-{name}",
        )


def test_nothing_is_overwritten(postgres: Cluster, tmp_path: Path) -> None:
    def refused(*arguments: str | Path) -> str:
        result = CliRunner().invoke(app, ["server", *map(str, arguments)])
        assert result.exit_code != 0
        return str(result.exception)

    one, other = tmp_path / "one", tmp_path / "other"
    for folder in (one, other):
        server = ServerProcess(
            ServerOptions(data_dir=folder, database=f"sqlite:///{folder / 'asyncwb.db'}")
        )
        server.stop()
    mine = ("--data-dir", one, "--database", f"sqlite:///{one / 'asyncwb.db'}")
    assert "has a server's data already" in refused("restore", other, *mine)
    assert "neither empty nor a backup" in refused("backup", other, *mine)
    assert "no server's data" in refused("restore", tmp_path / "nowhere", *mine)
    assert "name the folder or the object store" in refused(
        "migrate", "--from", one, "--to", "postgresql://x/y"
    )
    asyncwb("backup", tmp_path / "backup", *mine)
    (tmp_path / "backup" / "asyncwb.db").touch()
    assert "left alone" in refused("backup", tmp_path / "backup", *mine)
