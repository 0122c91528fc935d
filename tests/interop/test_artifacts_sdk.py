"""Artifacts of the unmodified wandb package on the embedded server."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

pytest.importorskip("wandb")
pytestmark = [pytest.mark.interop, pytest.mark.timeout(300)]

START = """
import json, os, pathlib
for name in ("CACHE", "DATA", "ARTIFACT"):
    os.environ[f"WANDB_{name}_DIR"] = os.path.abspath(name.lower())
import wandb

def result(value):
    print("RESULT " + json.dumps(value))

def error_of(call):
    try:
        call()
    except Exception as exc:
        return type(exc).__name__

def write(**contents):
    for name, text in contents.items():
        pathlib.Path(name + ".txt").write_text(text)

def artifact(name, *files, kind="dataset", **more):
    made = wandb.Artifact(name, type=kind, **more)
    for file in files:
        made.add_file(file + ".txt")
    return made
"""


def test_versions_are_logged_read_downloaded_and_changed(sdk: Callable[..., Any]) -> None:
    found = sdk(
        START
        + """
write(a="hello", b="other")
os.makedirs("folder/sub")
pathlib.Path("folder/x.bin").write_bytes(b"x" * 1000)
pathlib.Path("folder/sub/y.bin").write_bytes(bytes(range(256)) * 1000)
out = {}
with wandb.init(id="writer", project="art") as run:
    one = artifact("data", "a", description="words", metadata={"n": {"m": [1, 2]}})
    one.add_dir("folder", name="d")
    one.add_reference("file://" + os.path.abspath("b.txt"), name="ref.txt")
    run.log_artifact(one, aliases=["best"], tags=["t"]).wait()
    out["one"] = [one.version, sorted(one.aliases), one.state, one.tags, one.size, one.digest]
    two = run.log_artifact(artifact("data", "b")).wait()
    out["two"] = [two.version, two.aliases]
    same = run.log_artifact(artifact("data", "b"), aliases=["again"]).wait()
    out["same"] = [same.version, sorted(same.aliases)]
api = wandb.Api()
read = api.artifact("art/data:best")
out["read"] = [read.version, read.digest, sorted(read.manifest.entries), dict(read.metadata)]
out["files"] = [[f.name, f.size] for f in read.files()] + [len(read.files())]
root = read.download(root="download")
out["bytes"] = {
    str(p.relative_to(root)): p.stat().st_size
    for p in sorted(pathlib.Path(root).rglob("*")) if p.is_file()
}
out["verify"] = error_of(lambda: read.verify(root=root))
pathlib.Path(root, "a.txt").write_text("HELLO")
out["damaged"] = error_of(lambda: read.verify(root=root))
read.aliases.append("prod")
read.description, read.metadata["z"] = "new", 2
read.save()
again = api.artifact("art/data:prod")
out["changed"] = [again.version, again.description, again.metadata["z"], sorted(again.aliases)]
out["listed"] = [[v.version, sorted(v.aliases)] for v in api.artifacts("dataset", "art/data")]
out["logged_by"] = read.logged_by().id
out["digests"] = [one.digest == read.digest]
result(out)
"""
    )
    assert found["one"][:5] == ["v0", ["best", "latest"], "COMMITTED", ["t"], 5 + 1000 + 256000 + 5]
    assert found["two"] == ["v1", ["latest"]]
    assert found["same"] == ["v1", ["again", "latest"]]
    entries = ["a.txt", "d/sub/y.bin", "d/x.bin", "ref.txt"]
    assert found["read"] == ["v0", found["one"][5], entries, {"n": {"m": [1, 2]}}]
    sizes = [["a.txt", 5], ["d/sub/y.bin", 256000], ["d/x.bin", 1000], ["ref.txt", 5]]
    assert sorted(found["files"][:-1]) == sizes
    assert found["files"][-1] == 4
    assert found["bytes"] == dict(sizes)
    assert (found["verify"], found["damaged"]) == (None, "ValueError")
    assert found["changed"] == ["v0", "new", 2, ["best", "prod"]]
    assert found["listed"] == [["v1", ["again", "latest"]], ["v0", ["best", "prod"]]]
    assert found["logged_by"] == "writer"


def test_lineage_links_drafts_and_writers_together(sdk: Callable[..., Any]) -> None:
    found = sdk(
        START
        + """
write(a="a", b="b", c="c")
out = {}
with wandb.init(id="maker", project="lineage") as run:
    run.log_artifact(artifact("data", "a", "b")).wait()
    run.log({"table": wandb.Table(columns=["x"], data=[[1]])})
    run.log_model("a.txt", name="net")
    out["code"] = run.log_code(".", include_fn=lambda path: path.endswith(".txt")).wait().version
with wandb.init(id="user", project="lineage") as run:
    used = run.use_artifact("data:latest")
    out["used"] = used.version
    run.link_artifact(used, "lineage/chosen", aliases=["staging"])
    out["model"] = pathlib.Path(run.use_model("net:latest")).read_text()
api = wandb.Api()
out["used_by"] = [r.id for r in api.artifact("lineage/data:latest").used_by()]
out["inputs"] = sorted(v.name for v in api.run("lineage/user").used_artifacts())
out["outputs"] = sorted(v.type for v in api.run("lineage/maker").logged_artifacts())
linked = api.artifact("lineage/chosen:staging")
out["linked"] = [linked.is_link, linked.source_name, linked.version]
source = api.artifact("lineage/data:v0")
out["links"] = [v.name for v in source.linked_artifacts]
linked.unlink()
out["unlinked"] = api.artifact_exists("lineage/chosen:staging")
with wandb.init(id="editor", project="lineage") as run:
    draft = source.new_draft()
    draft.remove("a.txt")
    draft.add_file("c.txt")
    run.log_artifact(draft).wait()
    out["draft"] = [draft.version, sorted(draft.manifest.entries)]
    grown = artifact("data", "a", incremental=True)
    run.log_artifact(grown).wait()
    out["grown"] = sorted(api.artifact("lineage/data:latest").manifest.entries)
    run.upsert_artifact(artifact("both", "a"), distributed_id="g")
    last = artifact("both", "b")
    run.finish_artifact(last, distributed_id="g")
    last.wait()
    out["both"] = sorted(api.artifact("lineage/both:latest").manifest.entries)
result(out)
"""
    )
    assert (found["used"], found["code"], found["model"]) == ("v0", "v0", "a")
    assert found["used_by"] == ["user"]
    assert found["inputs"] == ["data:v0", "net:v0"]
    assert found["outputs"] == ["code", "dataset", "model", "run_table"]
    assert found["linked"] == [True, "data:v0", "v0"]
    assert found["links"] == ["chosen:v0"]
    assert found["unlinked"] is False
    assert found["draft"] == ["v1", ["b.txt", "c.txt"]]
    assert found["grown"] == ["a.txt", "b.txt", "c.txt"]
    assert found["both"] == ["a.txt", "b.txt"]


def test_collections_types_and_the_end_of_versions(sdk: Callable[..., Any]) -> None:
    found = sdk(
        START
        + """
write(a="a", b="b", c="c")
out = {}
with wandb.init(id="r", project="cols") as run:
    for name in "abc":
        run.log_artifact(artifact("data", name)).wait()
    run.log_artifact(artifact("net", "a", kind="model")).wait()
    out["wrong type"] = error_of(lambda: run.log_artifact(artifact("data", "a", kind="model")))
    short = artifact("short", "a")
    short.ttl = __import__("datetime").timedelta(hours=1)
    run.log_artifact(short).wait()
    out["ttl"] = short.ttl.total_seconds()
    hashed = artifact("hashed", "a", digest_algorithm="XXH128")
    run.log_artifact(hashed).wait()
api = wandb.Api()
out["types"] = sorted(t.name for t in api.artifact_types("cols"))
out["names"] = sorted(c.name for c in api.artifact_type("dataset", "cols").collections())
out["filtered"] = [c.name for c in api.project("cols").collections(
    filters={"name": {"$regex": "^d"}})]
data = api.artifact_collection("dataset", "cols/data")
data.description, data.tags = "all of it", ["x", "y"]
data.save()
data = api.artifact_collection("dataset", "cols/data")
out["data"] = [data.description, sorted(data.tags), sorted(data.aliases), len(data.artifacts())]
out["kept"] = error_of(lambda: api.artifact("cols/data:latest").delete())
api.artifact("cols/data:latest").delete(delete_aliases=True)
api.artifact("cols/data:v0").delete()
out["left"] = [v.version for v in api.artifacts("dataset", "cols/data")]
out["exists"] = [api.artifact_exists(f"cols/data:{name}") for name in ("v0", "v1", "latest")]
data.name = "renamed"
data.save()
out["renamed"] = api.artifact("cols/renamed:v1").name
api.artifact_collection("dataset", "cols/renamed").delete()
out["gone"] = api.artifact_collection_exists("cols/renamed", "dataset")
out["unknown"] = [error_of(lambda: api.artifact("cols/none:latest")),
                  error_of(lambda: api.artifact("cols/net:none"))]
read = api.artifact("cols/hashed:latest")
read.download(root="hashed")
out["hashed"] = [read.digest == hashed.digest, error_of(lambda: read.verify(root="hashed"))]
result(out)
"""
    )
    assert found["wrong type"] == "ValueError"
    assert found["ttl"] == 3600
    assert found["types"] == ["dataset", "model"]
    assert found["names"] == ["data", "hashed", "short"]
    assert found["filtered"] == ["data"]
    assert found["data"] == ["all of it", ["x", "y"], ["latest"], 3]
    assert found["kept"] is not None
    assert found["left"] == ["v1"]
    assert found["exists"] == [False, True, False]
    assert found["renamed"] == "renamed:v1"
    assert found["gone"] is False
    assert found["unknown"] == ["CommError", "CommError"]
    assert found["hashed"] == [True, None]


def test_offline_artifacts_are_sent_by_wandb_sync(sdk: Callable[..., Any]) -> None:
    found = sdk(
        START
        + """
import subprocess, sys
write(a="offline")
with wandb.init(id="off", project="later", mode="offline") as run:
    run.log_artifact(artifact("data", "a"))
    folder = os.path.dirname(run.dir)
subprocess.run([sys.executable, "-m", "wandb", "sync", folder], check=True, capture_output=True)
read = wandb.Api().artifact("later/data:latest")
result([read.version, pathlib.Path(read.download(root="d"), "a.txt").read_text()])
"""
    )
    assert found == ["v0", "offline"]
