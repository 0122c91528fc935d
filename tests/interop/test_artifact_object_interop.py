"""Versions that the wandb package logged, in our hands, and the other way round."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from artifact_logging import log
from object_store import KEYS, put, s3_server

import asyncwb
from asyncwb.api import Api
from asyncwb.artifacts.artifact import Artifact
from asyncwb.errors import DigestMismatchError, InvalidValueError
from asyncwb.media import Audio, Image, Table

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from asyncwb.testing import LocalServer

pytest.importorskip("wandb")
pytestmark = [pytest.mark.interop, pytest.mark.timeout(300)]

START = """
import json, os, pathlib
for name in ("CACHE", "DATA", "ARTIFACT"):
    os.environ[f"WANDB_{name}_DIR"] = os.path.abspath(name.lower())
import wandb

def result(value):
    print("RESULT " + json.dumps(value))

FACTS = (
    "id name version qualified_name entity project type state digest size file_count metadata "
    "description aliases tags created_at updated_at source_entity source_project source_name "
    "source_qualified_name source_version is_link url history_step commit_hash"
).split()

def facts(version):
    found = {name: getattr(version, name) for name in FACTS}
    found["ttl"] = None if version.ttl is None else version.ttl.total_seconds()
    return found
"""

LOGGED = (
    START
    + """
from datetime import timedelta
pathlib.Path("a.txt").write_text("hello")
os.makedirs("folder/sub")
pathlib.Path("folder/x.bin").write_bytes(bytes(range(256)) * 900)
pathlib.Path("folder/sub/ü.txt").write_text("ü")
with wandb.init(id="writer", project="PROJECT") as run:
    run.log({"x": 1})
    one = wandb.Artifact("data", "dataset", description="words", metadata={"n": {"m": [1, 2.5]}})
    one.add_file("a.txt")
    one.add_dir("folder", name="d")
    one.add_reference("file://" + os.path.abspath("a.txt"), name="ref.txt")
    one.add_reference("file://" + os.path.abspath("a.txt"), name="place.txt", checksum=False)
    one.ttl = timedelta(days=3)
    one = run.log_artifact(one, aliases=["best"], tags=["t"]).wait()
    two = wandb.Artifact("derived", "dataset")
    two.add_reference(one.get_entry("d/x.bin"), name="far.bin")
    run.log_artifact(two).wait()
    run.link_artifact(one, "PROJECT/chosen", aliases=["staging"])
"""
)


def facts(version: Artifact) -> dict[str, Any]:
    found = {name: getattr(version, name) for name in FACTS}
    found["ttl"] = None if version.ttl is None else version.ttl.total_seconds()
    return found


FACTS = tuple(START.split("FACTS = (")[1].split(").split()")[0].replace('"', "").split())


def same(ours: dict[str, Any], theirs: dict[str, Any]) -> None:
    for found in (ours, theirs):
        found["aliases"] = sorted(found["aliases"])
    assert json.loads(json.dumps(ours)) == theirs


async def test_what_we_say_of_their_versions(
    sdk: Callable[..., Any], server: LocalServer, tmp_path: Path
) -> None:
    found = sdk(
        LOGGED.replace("PROJECT", "facts")
        + """
api = wandb.Api()
version = api.artifact("facts/data:best")
link = api.artifact("facts/chosen:staging")
out = {"version": facts(version), "link": facts(link)}
out["links"] = [one.qualified_name for one in version.linked_artifacts]
out["source"] = link.source_artifact.qualified_name
out["entries"] = {
    path: [entry.digest, entry.ref, entry.size, entry.birth_artifact_id]
    for path, entry in version.manifest.entries.items()
}
out["url"] = version.get_entry("a.txt").ref_url()
out["files"] = sorted([file.name, file.size, file.md5] for file in version.files())
out["collection"] = [version.collection.name, version.collection.id, version.collection.type]
out["types"] = sorted(kind.name for kind in api.artifact_types("facts"))
out["collections"] = sorted(one.name for one in api.artifact_collections("facts", "dataset"))
out["logged_by"] = version.logged_by().id
result(out)
"""
    )
    api = Api(server.settings)
    version = await api.artifact("facts/data:best")
    link = await api.artifact("facts/chosen:staging")
    same(facts(version), found["version"])
    same(facts(link), found["link"])
    assert [one.qualified_name for one in await version.linked_artifacts()] == found["links"]
    assert (await link.source_artifact()).qualified_name == found["source"]
    assert {
        entry.path: [entry.digest, entry.ref, entry.size, entry.birth_artifact_id]
        for entry in await version.load()
    } == found["entries"]
    assert version.get_entry("a.txt").ref_url() == found["url"]
    files = [[file.name, file.size, file.md5] async for file in version.files()]
    assert sorted(files) == found["files"]
    collection = await version.collection()
    assert [collection.name, collection.id, collection.type] == found["collection"]
    assert sorted([kind.name async for kind in api.artifact_types("facts")]) == found["types"]
    listed = [one.name async for one in api.artifact_collections("facts", "dataset")]
    assert sorted(listed) == found["collections"]
    maker = await version.logged_by()
    assert maker is not None
    assert maker.id == found["logged_by"]
    # Their bytes in our folder.
    root = await version.download(tmp_path / "got")
    assert {path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file()} == set(
        found["entries"]
    )
    assert (root / "d" / "x.bin").read_bytes() == bytes(range(256)) * 900
    assert (root / "ref.txt").read_text() == (root / "place.txt").read_text() == "hello"
    await version.verify(root)
    (root / "a.txt").write_text("HELLO")
    with pytest.raises(DigestMismatchError):
        await version.verify(root)
    derived = await (await api.artifact("facts/derived:v0")).download(tmp_path / "derived")
    assert (derived / "far.bin").read_bytes() == bytes(range(256)) * 900


async def test_what_we_change_of_their_versions(
    sdk: Callable[..., Any], server: LocalServer, tmp_path: Path
) -> None:
    sdk(LOGGED.replace("PROJECT", "changes"))
    api = Api({**server.settings, "project": "changes"})
    version = await api.artifact("data:best")
    version.aliases = ["prod"]
    version.tags = ["one", "two"]
    version.description, version.metadata = "better", {"k": None}
    version.ttl = None
    await version.save()
    await version.link("ours", aliases=["x"])
    await (await api.artifact("chosen:staging")).unlink()
    draft = await version.new_draft()
    draft.remove("d")
    # The package cannot download what it did not look at.
    draft.remove("place.txt")
    with draft.new_file("more.txt") as file:
        file.write("more")
    await log(api, draft, "changes", aliases=["next"])
    await (await api.artifact("derived:v0")).delete(delete_aliases=True)
    run = await api.run("changes/writer")
    await run.use_artifact(version, use_as="input")
    await run.log_artifact(await api.artifact("data:next"), aliases=["noted"])
    collection = await api.artifact_collection("dataset", "ours")
    collection.name, collection.description, collection.tags = "theirs", "about", ["c"]
    await collection.save()
    found = sdk(
        START
        + """
api = wandb.Api()
version = api.artifact("changes/data:v0")
out = {"facts": facts(version)}
newer = api.artifact("changes/data:next")
out["newer"] = [newer.version, newer.digest, sorted(newer.manifest.entries)]
out["bytes"] = pathlib.Path(newer.download("out"), "more.txt").read_text()
newer.verify("out")
link = api.artifact("changes/theirs:x")
out["link"] = [link.is_link, link.source_name]
out["gone"] = [api.artifact_exists(f"changes/{name}") for name in ("chosen:v0", "derived:v0")]
collection = api.artifact_collection("dataset", "changes/theirs")
out["collection"] = [collection.description, list(collection.tags)]
run = api.run("changes/writer")
out["run"] = [sorted(one.name for one in listed())
              for listed in (run.used_artifacts, run.logged_artifacts)]
out["noted"] = api.artifact("changes/data:noted").version
result(out)
"""
    )
    same(facts(await api.artifact("data:v0")), found["facts"])
    assert found["facts"]["aliases"] == ["prod"]
    assert found["facts"]["tags"] == ["one", "two"]
    assert (found["facts"]["description"], found["facts"]["metadata"]) == ("better", {"k": None})
    assert found["facts"]["ttl"] is None
    entries = ["a.txt", "more.txt", "ref.txt"]
    newer = await api.artifact("data:next")
    assert found["newer"] == ["v1", newer.digest, entries]
    assert found["bytes"] == "more"
    assert found["link"] == [True, "data:v0"]
    assert found["gone"] == [False, False]
    assert found["collection"] == ["about", ["c"]]
    assert found["run"] == [["data:v0"], ["data:v0", "data:v1"]]
    assert found["noted"] == "v1"


async def test_equal_drafts_have_equal_digests_and_ours_are_read_by_them(
    sdk: Callable[..., Any], server: LocalServer, tmp_path: Path
) -> None:
    files = tmp_path / "both"
    (files / "sub").mkdir(parents=True)
    (files / "a.txt").write_text("a")
    (files / "sub" / "é b.txt").write_text("é")
    api = Api(server.settings)
    source = Artifact("base", "dataset")
    with source.new_file("deep/x") as file:
        file.write("deep")
    base = await log(api, source, "ours")
    await base.load()
    ours = Artifact("mine", "dataset", metadata={"a": 1})
    await ours.add_dir(files, name="d")
    await ours.add_file(files / "a.txt", name="media/x.table.json", is_tmp=True)
    await ours.add_reference(files.as_uri(), name="refs")
    await ours.add_reference((files / "a.txt").as_uri(), name="place", checksum=False)
    await ours.add_reference("https://example.com/x/y.bin", checksum=False)
    await ours.add_reference(base.get_entry("deep/x"), name="far")
    await log(api, ours, "ours")
    found = sdk(
        START
        + """
api = wandb.Api()
base = api.artifact("ours/base:v0")
made = wandb.Artifact("mine", "dataset")
made.add_dir("both", name="d")
made.add_file("both/a.txt", name="media/x.table.json", is_tmp=True)
uri = pathlib.Path("both").resolve().as_uri()
made.add_reference(uri, name="refs")
made.add_reference(uri + "/a.txt", name="place", checksum=False)
made.add_reference("https://example.com/x/y.bin", checksum=False)
made.add_reference(base.get_entry("deep/x"), name="far")
version = api.artifact("ours/mine:v0")
entry = version.get_entry("far").download("far")
result({
    "draft": made.digest,
    "version": version.digest,
    "entries": {
        path: [entry.digest, entry.ref] for path, entry in made.manifest.entries.items()
    },
    "facts": facts(version),
    "bytes": pathlib.Path(version.get_entry("d/sub/é b.txt").download("d")).read_text(),
    "far": pathlib.Path(version.get_entry("far").download("far")).read_text(),
    "refs": pathlib.Path(version.get_entry("refs/a.txt").download("r")).read_text(),
})
"""
    )
    assert {entry.path: [entry.digest, entry.ref] for entry in ours.manifest} == found["entries"]
    assert ours.digest == found["draft"] == found["version"]
    assert (found["bytes"], found["far"], found["refs"]) == ("é", "deep", "a")
    same(facts(await api.artifact("ours/mine:v0")), found["facts"])


async def test_a_table_that_a_run_has_logged_is_the_same_reference(
    sdk: Callable[..., Any], server: LocalServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name, value in server.env.items():
        monkeypatch.setenv(name, value)
    rows = [[1, "a"], [2.5, "b"]]
    table = Table(columns=["n", "t"], data=rows)
    async with asyncwb.init(project="logged", id="ours") as run:
        await run.log({"table": table})
        ours = Artifact("ours", "dataset")
        before = await ours.add(table, "of-a-run")
        draft = (before.digest, before.size, (before.ref or "").partition("://")[0])
        await (await run.log_artifact(ours)).wait()
    found = sdk(
        START
        + """
table = wandb.Table(columns=["n", "t"], data=[[1, "a"], [2.5, "b"]])
with wandb.init(project="logged", id="theirs") as run:
    run.log({"table": table})
    made = wandb.Artifact("theirs", "dataset")
    entry = made.add(table, "of-a-run")
    draft = [entry.digest, entry.size, entry.ref.partition("://")[0]]
    run.log_artifact(made).wait()
api = wandb.Api()
result({
    "draft": draft,
    "entries": {
        name: {
            path: [one.digest, one.size or 0, (one.ref or "").rpartition("/")[2]]
            for path, one in api.artifact(f"logged/{name}:v0").manifest.entries.items()
        }
        for name in ("ours", "theirs")
    },
    "read": api.artifact("logged/ours:v0").get("of-a-run").data,
})
"""
    )
    assert list(draft) == found["draft"]
    assert found["entries"]["ours"] == found["entries"]["theirs"]
    assert found["read"] == rows


async def test_media_of_a_store_are_the_same_references(
    sdk: Callable[..., Any],
    server: LocalServer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pil = pytest.importorskip("PIL.Image")
    pil.new("RGB", (3, 2), (1, 2, 3)).save(tmp_path / "x.png")
    with s3_server() as url:
        put(url, "plain", "pictures/x.png", (tmp_path / "x.png").read_bytes())
        put(url, "plain", "sounds/y.wav", b"RIFF")
        environment = {**KEYS, "AWS_S3_ENDPOINT_URL": url, "AWS_REGION": "us-east-1"}
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        api = Api(server.settings)
        ours = Artifact("elsewhere", "dataset")
        image = Image("s3://plain/pictures/x.png", caption="c")
        await ours.add(image, "image")
        await ours.add(Audio("s3://plain/sounds/y.wav"), "sound")
        await ours.add(Table(columns=["n", "image"], data=[[1, image]]), "table")
        await log(api, ours, "elsewhere")
        found = sdk(
            START
            + """
made = wandb.Artifact("elsewhere", "dataset")
image = wandb.Image("s3://plain/pictures/x.png", caption="c")
made.add(image, "image")
made.add(wandb.Audio("s3://plain/sounds/y.wav"), "sound")
made.add(wandb.Table(columns=["n", "image"], data=[[1, image]]), "table")
result({
    "entries": {path: [one.digest, one.ref] for path, one in made.manifest.entries.items()},
    "read": wandb.Api().artifact("elsewhere/elsewhere:v0").get("image").image.size,
})
""",
            **environment,
        )
        assert {one.path: [one.digest, one.ref] for one in ours.manifest} == found["entries"]
        assert found["read"] == [3, 2]
        back = await (await api.artifact("elsewhere/elsewhere:v0")).get("image")
        assert isinstance(back, Image)
        assert (back.width, back.height, back.caption) == (3, 2, "c")


async def test_objects_of_a_store_are_the_same_entries(
    sdk: Callable[..., Any],
    server: LocalServer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # The buckets of the fake are those of the process: keys of this test alone.
    with s3_server() as url:
        for key in ("one.bin", "set/a.txt", "set/deep/b.txt"):
            put(url, "plain", key, key.encode())
        old = put(url, "kept", "net", b"old")
        put(url, "kept", "net", b"new")
        put(url, "kept", "folder/x", b"x")
        environment = {**KEYS, "AWS_S3_ENDPOINT_URL": url, "AWS_REGION": "us-east-1"}
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        wanted: list[tuple[str, str | None]] = [
            ("s3://plain/one.bin", None),
            ("s3://plain/one.bin", "named/one"),
            ("s3://plain/set", "below"),
            ("s3://plain/set", None),
            ("s3://kept/net", None),
            (f"s3://kept/net?versionId={old}", "older"),
            ("s3://kept/folder", "kept"),
        ]
        api = Api(server.settings)
        ours = Artifact("objects", "dataset")
        for uri, path in wanted:
            await ours.add_reference(uri, name=path)
        await log(api, ours, "objects")
        put(url, "kept", "net", b"newer still")
        found = sdk(
            START
            + f"""
made = wandb.Artifact("objects", "dataset")
for uri, name in {wanted!r}:
    if "net" not in uri:
        made.add_reference(uri, name=name)
out = {{
    "entries": {{
        path: [entry.digest, entry.ref, entry.size, entry.extra]
        for path, entry in made.manifest.entries.items()
    }}
}}
root = wandb.Api().artifact("objects/objects:v0").download("out")
out["files"] = {{
    str(path.relative_to(root)): path.read_text()
    for path in pathlib.Path(root).rglob("*") if path.is_file()
}}
result(out)
""",
            **environment,
        )
        entries = {
            entry.path: [entry.digest, entry.ref, entry.size, entry.extra]
            for entry in ours.manifest
        }
        # Changed since; and of a version that is asked for the package takes the newest one.
        del entries["net"], entries["older"]
        assert entries == found["entries"]
        assert found["files"] == {
            "one.bin": "one.bin",
            "named/one": "one.bin",
            "net": "new",
            "older": "old",
            "below/a.txt": "set/a.txt",
            "below/deep/b.txt": "set/deep/b.txt",
            "a.txt": "set/a.txt",
            "deep/b.txt": "set/deep/b.txt",
            "kept/x": "x",
        }


def test_bad_names_are_refused_as_there(sdk: Callable[..., Any]) -> None:
    names = ["a b", "a/b", "a:b", "", "x" * 129, "ok.name-1_2"]
    kinds = ["wandb-x", "job", "run_table", "dataset"]
    found = sdk(
        START
        + f"""
def refused(*arguments):
    try:
        wandb.Artifact(*arguments)
    except ValueError:
        return True
    return False

names = [refused(name, "dataset") for name in {names!r}]
result([names, [refused("run-x", kind) for kind in {kinds!r}]])
"""
    )

    def refused(name: str, kind: str) -> bool:
        try:
            Artifact(name, kind)
        except InvalidValueError:
            return True
        return False

    assert found == [
        [refused(name, "dataset") for name in names],
        [refused("run-x", kind) for kind in kinds],
    ]
