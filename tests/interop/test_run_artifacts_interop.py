"""Artifacts of runs: one script with the `wandb` package and with us, and folders crosswise.

Everything is read back by one reader, so that what differs is what the clients sent.
"""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from run_journals import bodies

from asyncwb.api import Api
from asyncwb.journal.records import ArtifactRecord
from asyncwb.portal import PORTAL
from asyncwb.sender import RunOverrides, sync_folder
from asyncwb.settings import Settings
from asyncwb.testing import LocalServer, local_server

if TYPE_CHECKING:
    from pathlib import Path

    from asyncwb.artifacts.artifact import Artifact

pytest.importorskip("wandb")
pytestmark = [pytest.mark.interop, pytest.mark.timeout(300)]

CLIENTS = {"wandb": "import wandb", "asyncwb": "import asyncwb.sync as wandb"}

START = """
import os, pathlib
from datetime import timedelta

for name in ("CACHE", "DATA", "ARTIFACT"):
    os.environ[f"WANDB_{name}_DIR"] = os.path.abspath(name.lower())

def write(path, text):
    path = pathlib.Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)

def draft(name, *files, kind="dataset", **more):
    made = wandb.Artifact(name, kind, **more)
    for file in files:
        made.add_file(file)
    return made

for name in "abc":
    write(name + ".txt", name * 5)
write("folder/x.bin", "x" * 5000)
write("folder/sub/ü.txt", "ü")
write("weights/w.bin", "w" * 100)
write("code/train.py", "print()")
write("code/lib/net.py", "pass")
write("code/requirements.txt", "numpy")
write("code/Dockerfile.gpu", "FROM x")
write("code/data.csv", "1")
write("code/wandb/old.py", "old")
write("code/.wandb/old.py", "old")
write("code/lib/wandb/kept.py", "kept")
"""

# What can be done without a server, and with one.
LOGGING = (
    START
    + """
with wandb.init(id="maker", group="g") as run:
    run.log_artifact(draft("steps", "a.txt"))
    run.log({"x": 1})
    run.log_artifact(draft("steps", "b.txt"), aliases=["second"])
    run.log({"x": 2})
    run.log({"x": 3})
    run.log_artifact(draft("steps", "c.txt"), aliases=["third", "best"], tags=["t", "two words"])
    run.log({"x": 4}, step=10)
    run.log_artifact(draft("steps", "a.txt", "b.txt"), aliases=["best"])
    run.log_artifact(draft("steps", "a.txt"), aliases=["again"])

    metadata = {"n": {"m": [1, 2.5, None]}, "t": "x"}
    full = draft("full", "a.txt", description="words", metadata=metadata)
    full.add_dir("folder", name="d")
    full.add_file(os.path.abspath("b.txt"), name="deep/er/b.txt", policy="immutable")
    full.add_file("c.txt", name="media/c.table.json", is_tmp=True)
    full.add_reference(pathlib.Path("folder").resolve().as_uri(), name="refs")
    full.add_reference("https://example.com/x/y.bin", checksum=False)
    with full.new_file("new.txt") as file:
        file.write("new")
    full.ttl = timedelta(days=3)
    run.log_artifact(full)

    run.log_artifact("a.txt")
    run.log_artifact("folder", type="dataset")
    run.log_artifact("folder", name="named", type="dataset", aliases=["n"])
    run.log_artifact(draft("empty"))
    run.log_artifact(draft("grows", "a.txt"))
    run.log_artifact(draft("grows", "b.txt", incremental=True))

    run.log_model("weights/w.bin", name="net", aliases=["first"])
    run.log_model("weights", name="net")
    run.log_code("code", name="source-named")
    run.log_code("code", include_fn=lambda path, root: path.endswith(".csv"))

    part = draft("parts", "a.txt")
    run.upsert_artifact(part)
    run.finish_artifact(draft("parts", "b.txt"), aliases=["whole"])
"""
)

# What needs one.
ONLINE = (
    LOGGING
    + """
with wandb.init(id="user") as run:
    one = run.use_artifact("steps:best")
    run.use_artifact("steps:v0", type="dataset")
    run.use_artifact(draft("given", "c.txt"), aliases=["g"])
    run.use_model("net:first")
    run.link_artifact(one, "shelf", aliases=["staging"])
    run.link_artifact(one, run.project + "/shelf", aliases=["prod"])
    made = run.log_artifact(draft("linked", "c.txt")).wait()
    run.link_artifact(made, f"{run.entity}/{run.project}/shelf")
    run.link_artifact(draft("unlogged", "a.txt", "c.txt"), "drafts", aliases=["x"])
    derived = wandb.Artifact("derived", "dataset")
    derived.add_reference(run.use_artifact("full:latest").get_entry("d/x.bin"), name="far.bin")
    run.log_artifact(derived)
    more = one.new_draft()
    more.add_file("c.txt", name="more.txt")
    run.log_artifact(more, aliases=["more"])
"""
)

COLLECTIONS = {
    "dataset": ["steps", "full", "run-maker-folder", "named", "empty", "grows", "parts"],
    "unspecified": ["run-maker-a.txt"],
    "model": ["net"],
    "code": ["source-named"],
}
LATER = ["derived", "given", "linked", "unlogged", "shelf", "drafts"]


def run_script(
    client: str, script: str, folder: Path, server: LocalServer, *command: str, **variables: str
) -> None:
    """Run a program with one client, as a file of its own, or another command."""
    folder.mkdir(exist_ok=True)
    if not command:
        (folder / "script.py").write_text(f"{CLIENTS[client]}\n{script}")
        command = ("script.py",)
    environment = {
        **{key: value for key, value in os.environ.items() if not key.startswith("WANDB")},
        **server.env,
        "HOME": str(folder),
        "WANDB_PROJECT": f"by-{client}",
        "WANDB_SILENT": "true",
        "WANDB_ERROR_REPORTING": "false",
        "WANDB_X_DISABLE_STATS": "true",
        **variables,
    }
    done = subprocess.run(
        [sys.executable, *command], cwd=folder, env=environment,
        capture_output=True, text=True, timeout=200, check=False,
    )  # fmt: skip
    assert done.returncode == 0, (done.stdout + done.stderr)[-4000:]


class Found:
    """What a project holds, without what has to differ: ids, times, its own name."""

    def __init__(self, server: LocalServer, project: str, folder: Path) -> None:
        self._api = Api({**server.settings, "project": project})
        self._project = project
        self._folder = folder
        self._births: dict[str, str] = {}

    def plain(self, text: str | None) -> str | None:
        return text and text.replace(self._folder.as_uri(), "file:///here").replace(
            self._project, "by-us"
        )

    async def version(self, one: Artifact) -> dict[str, Any]:
        manifest = await one.load()
        return {
            "version": one.version,
            "source": one.source_name,
            "type": one.type,
            "digest": one.digest,
            "algorithm": one.digest_algorithm,
            "size": one.size,
            "file_count": one.file_count,
            "description": one.description,
            "metadata": one.metadata,
            "aliases": sorted(one.aliases),
            "tags": sorted(one.tags),
            "ttl": None if one.ttl is None or one.is_link else one.ttl.total_seconds(),
            "history_step": one.history_step,
            "entries": {
                # The package says 0 where it does not know.
                entry.path: [
                    entry.digest,
                    await self.reference(entry.ref),
                    entry.size or 0,
                    entry.extra,
                ]
                for entry in manifest
            },
            "stored": sorted(entry.path for entry in manifest if entry.birth_artifact_id),
            "files": sorted([[file.name, file.size, file.md5] async for file in one.files()]),
            "logged_by": None if (run := await one.logged_by()) is None else run.id,
            "used_by": sorted(run.id for run in await one.used_by()),
            "links": sorted(link.name for link in await one.linked_artifacts()),
        }

    async def reference(self, ref: str | None) -> str | None:
        """A reference; of another artifact, by its name."""
        if ref is None or not ref.startswith("wandb-artifact://"):
            return self.plain(ref)
        hexed, _, path = ref.removeprefix("wandb-artifact://").partition("/")
        there = await self._api.artifact_from_id(base64.b64encode(bytes.fromhex(hexed)).decode())
        assert there is not None
        return f"{there.source_name}/{path}"

    async def collection(self, kind: str, name: str) -> list[dict[str, Any]]:
        listed = [one async for one in self._api.artifacts(kind, name)]
        return [
            await self.version(one) for one in sorted(listed, key=lambda one: int(one.version[1:]))
        ]

    async def run(self, run_id: str) -> dict[str, Any]:
        run = await self._api.run(f"{self._project}/{run_id}")
        return {
            "logged": sorted([str(self.plain(one.name)) async for one in run.logged_artifacts()]),
            "used": sorted([one.name async for one in run.used_artifacts()]),
            "code_path": self.plain(run.rawconfig["_wandb"].get("code_path")),
            "state": run.state,
            "rows": [row["_step"] async for row in run.scan_history()],
        }

    async def everything(self, *, online: bool) -> dict[str, Any]:
        kinds = {**COLLECTIONS}
        if online:
            kinds["dataset"] = [*kinds["dataset"], *LATER]
        found: dict[str, Any] = {
            name: await self.collection(kind, name)
            for kind, names in kinds.items()
            for name in names
        }
        found["types"] = sorted([one.name async for one in self._api.artifact_types(self._project)])
        found["collections"] = {
            kind: sorted(
                [
                    str(self.plain(c.name))
                    async for c in self._api.artifact_collections(self._project, kind)
                ]
            )
            for kind in found["types"]
        }
        for run_id in ("maker", "user") if online else ("maker",):
            found[run_id] = await self.run(run_id)
        return found


def read(
    server: LocalServer, project: str, folder: Path, *, online: bool = False
) -> dict[str, Any]:
    return PORTAL.call(Found(server, project, folder).everything, online=online)


def same(ours: dict[str, Any], theirs: dict[str, Any]) -> None:
    assert "\n".join(differences(ours, theirs)) == ""


def differences(ours: Any, theirs: Any, where: str = "") -> list[str]:
    """What differs, in words that name the place."""
    if type(ours) is type(theirs) and isinstance(ours, (dict, list)) and len(ours) == len(theirs):
        places = theirs if isinstance(theirs, dict) else range(len(theirs))
        if not isinstance(ours, dict) or ours.keys() == theirs.keys():
            found = (differences(ours[one], theirs[one], f"{where}/{one}") for one in places)
            return [line for lines in found for line in lines]
    return [] if ours == theirs else [f"{where}: {ours!r}, theirs {theirs!r}"]


def test_the_same_script_makes_the_same_artifacts(tmp_path: Path) -> None:
    found = {}
    for client in CLIENTS:
        # Of its own: equal names and ids.
        with local_server() as server:
            run_script(client, ONLINE, tmp_path / client, server)
            found[client] = read(server, f"by-{client}", tmp_path / client, online=True)
    for one in found.values():
        # The second run of a process: of the program itself only we keep the code.
        del one["user"]["code_path"]
    same(found["asyncwb"], found["wandb"])
    assert [one["history_step"] for one in found["wandb"]["steps"]][1:4] == [0, 2, 9]


@pytest.mark.parametrize("client", CLIENTS)
def test_an_offline_folder_is_the_same_whoever_sends_it(client: str, tmp_path: Path) -> None:
    found: dict[str, dict[str, Any]] = {}
    for sender in CLIENTS:
        folder, project = tmp_path / sender, f"by-{client}"
        # A sync removes the copies that wait for it: each sends a folder of its own.
        with local_server() as server:
            run_script(client, LOGGING, folder, server, WANDB_MODE="offline")
            (run_dir,) = (folder / "wandb").glob("offline-run-*")
            if sender == "wandb":
                run_script(client, "", folder, server, "-m", "wandb", "sync", str(run_dir))
            else:
                settings = Settings(base_url=server.url, api_key=server.api_key)
                result = PORTAL.call(sync_folder, run_dir, settings)
                assert (result.state, result.error) == ("synced", None)
            found[sender] = read(server, project, folder)
        if client == "asyncwb":
            # A field of our own, which `wandb sync` does not know.
            for name in (name for names in COLLECTIONS.values() for name in names):
                for version in found[sender][name]:
                    del version["history_step"]
    same(found["asyncwb"], found["wandb"])


def test_the_same_records_are_written(server: LocalServer, tmp_path: Path) -> None:
    """What a journal holds of each artifact, but for names that are drawn, and places."""
    found: dict[str, list[dict[str, Any]]] = {}
    for client in CLIENTS:
        folder = tmp_path / client
        run_script(client, LOGGING, folder, server, WANDB_MODE="offline", WANDB_PROJECT="same")
        (journal,) = (folder / "wandb").glob("offline-run-*/*.wandb")
        found[client] = [told(body, folder) for body in bodies(journal) if is_artifact(body)]
    assert len(found["wandb"]) > 10
    same(dict(enumerate(found["asyncwb"])), dict(enumerate(found["wandb"])))


def is_artifact(body: object) -> bool:
    return isinstance(body, ArtifactRecord)


def told(record: ArtifactRecord, folder: Path) -> dict[str, Any]:
    found = {name: getattr(record, name) for name in record.__struct_fields__}
    assert len(found.pop("client_id")) == len(found.pop("sequence_client_id")) == 128
    del found["history_step"]  # our own
    manifest = found.pop("manifest")
    found["aliases"] = sorted(record.aliases)
    found["metadata"] = json.loads(record.metadata or "{}")
    found["policy"] = [manifest.version, manifest.storage_policy]
    found["config"] = {
        one.key: json.loads(one.value_json) for one in manifest.storage_policy_config
    }
    found["contents"] = {
        entry.path: [
            entry.digest,
            entry.ref.replace(folder.as_uri(), "file:///here"),
            entry.size,
            bool(entry.local_path),
            entry.birth_artifact_id,
            entry.skip_cache,
            {one.key: json.loads(one.value_json) for one in entry.extra},
        ]
        for entry in manifest.contents
    }
    return found


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_a_manifest_in_a_file_of_its_own(server: LocalServer, tmp_path: Path) -> None:
    """More than 100,000 entries: the package writes them beside the journal."""
    script = """
import pathlib
run = wandb.init(id="large", mode="offline")
made = wandb.Artifact("large", "dataset")
for n in range(100_100):
    made.add_reference(f"https://example.com/{n}", name=f"d{n % 100}/{n}", checksum=False)
pathlib.Path("a.txt").write_text("a")
made.add_file("a.txt")
run.log_artifact(made)
run.finish()
"""
    run_script("wandb", script, tmp_path, server)
    (run_dir,) = (tmp_path / "wandb").glob("offline-run-*")
    settings = Settings(base_url=server.url, api_key=server.api_key)
    names = RunOverrides(project="large")
    result = PORTAL.call(sync_folder, run_dir, settings, overrides=names)
    assert (result.state, result.error) == ("synced", None)

    async def check() -> None:
        version = await Api(server.settings).artifact("large/large:v0")
        manifest = await version.load()
        assert version.file_count == len(manifest) == 100_101
        assert manifest.entries["d7/100007"].ref == "https://example.com/100007"
        assert (await version.get_entry("a.txt").download(tmp_path / "got")).read_text() == "a"

    PORTAL.call(check)
