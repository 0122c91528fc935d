"""Artifacts of a server: attributes, content, changes, links, lineage, collections."""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from artifact_logging import log
from seed import seed

import asyncwb.sync._api as blocking
from asyncwb.api import Api
from asyncwb.artifacts.artifact import Artifact
from asyncwb.artifacts.fields import ArtifactTTL
from asyncwb.errors import (
    ArtifactNotFoundError,
    CommError,
    DigestMismatchError,
    InvalidValueError,
    UsageError,
)
from asyncwb.testing import LocalServer, local_server

if TYPE_CHECKING:
    from collections.abc import Iterator

    from asyncwb.artifacts.progress import TransferProgress


@pytest.fixture(scope="module")
def server() -> Iterator[LocalServer]:
    with local_server() as running:
        seed(running, "demo", "maker")
        seed(running, "demo", "reader")
        yield running


@pytest.fixture
def api(server: LocalServer) -> Api:
    return Api({**server.settings, "project": "demo"})


def draft(name: str, kind: str = "dataset", /, **files: str) -> Artifact:
    artifact = Artifact(name, kind, description="words", metadata={"rows": 3, "deep": {"x": [1]}})
    for path, text in files.items():
        with artifact.new_file(path) as file:
            file.write(text)
    return artifact


async def test_what_is_known_of_a_version(api: Api, server: LocalServer) -> None:
    made = draft("facts", a="hello", b="other")
    digest = made.digest
    logged = await log(api, made, aliases=["best"], tags=["one"], run_id="maker")
    for version in (logged, await api.artifact("facts:best"), await api.artifact("facts:v0")):
        assert not version.is_draft()
        assert version.id == logged.id
        assert (version.version, version.state, version.type) == ("v0", "COMMITTED", "dataset")
        assert version.digest == digest
        assert (version.size, version.file_count) == (10, 2)
        assert version.metadata == {"rows": 3, "deep": {"x": [1]}}
        assert version.description == "words"
        assert (sorted(version.aliases), version.tags) == (["best", "latest"], ["one"])
        assert (version.entity, version.project) == (server.entity, "demo")
        assert version.source_qualified_name == f"{server.entity}/demo/facts:v0"
        assert not version.is_link
        assert version.ttl is None
        assert version.created_at
        assert version.updated_at >= version.created_at
        assert version.linked_at is None
        assert version.url == f"{server.url}/{server.entity}/demo/artifacts/dataset/facts/v0"
    assert logged.name == "facts:v0"
    asked = await api.artifact("facts:best")
    assert (asked.name, asked.qualified_name) == ("facts:best", f"{server.entity}/demo/facts:best")
    assert (await api.artifact("facts")).version == "v0"
    by_id = await api.artifact_from_id(str(logged.id))
    assert by_id is not None
    assert by_id.qualified_name == logged.qualified_name


async def test_what_is_not_there(api: Api) -> None:
    await log(api, draft("there", a="x"))
    for path in ("there:v7", "there:never", "nowhere:v0", "no-project/there:v0"):
        assert not await api.artifact_exists(path)
        with pytest.raises(ArtifactNotFoundError, match="Could not find artifact"):
            await api.artifact(path)
    assert await api.artifact_exists("there:v0", "dataset")
    assert not await api.artifact_exists("there:v0", "model")
    with pytest.raises(InvalidValueError, match="has the type 'dataset'"):
        await api.artifact("there:v0", type="model")
    for path in ("a/b/c/d", "a//b", "there:"):
        with pytest.raises(InvalidValueError, match="named by"):
            await api.artifact(path)
    with pytest.raises(ArtifactNotFoundError):
        await api.artifacts("dataset", "nowhere").length()
    with pytest.raises(InvalidValueError, match="names a version"):
        api.artifacts("dataset", "there:v0")


async def test_content_is_loaded_when_it_is_asked_for(api: Api) -> None:
    await log(api, draft("content", sub="nowhere else"))
    version = await api.artifact("content:v0")
    with pytest.raises(UsageError, match="not loaded"):
        _ = version.manifest
    with pytest.raises(UsageError, match="not loaded"):
        version.get_entry("sub")
    manifest = await version.load()
    assert await version.load() is manifest is version.manifest
    entry = version.get_entry("sub")
    assert (entry.path, entry.size, entry.ref) == ("sub", 12, None)
    assert entry.birth_artifact_id == version.id
    assert version.get_path("sub").digest == entry.digest
    with pytest.raises(KeyError, match="has no file 'other'"):
        version.get_entry("other")
    with pytest.raises(InvalidValueError, match="refers to nothing"):
        entry.ref_target()
    for change in (version.add_file("x"), version.add_dir("x"), version.add_reference("file:///x")):
        with pytest.raises(UsageError, match="new_draft"):
            await change


async def test_downloads_and_their_check(api: Api, tmp_path: Path) -> None:
    made = draft("bytes", a="hello", b="other")
    with made.new_file("sub/c.bin", "wb") as file:
        file.write(bytes(range(256)) * 8000)
    await log(api, made)
    version = await api.artifact("bytes:latest")
    root = await version.download()
    assert root == Path("artifacts/bytes:v0")
    assert {p.relative_to(root).as_posix() for p in root.rglob("*") if p.is_file()} == {
        *("a", "b", "sub/c.bin")
    }
    assert (root / "sub/c.bin").read_bytes() == bytes(range(256)) * 8000
    await version.verify()
    (root / "a").write_text("HELLO")
    with pytest.raises(DigestMismatchError, match="'a'"):
        await version.verify()
    await version.download()
    (root / "more").write_text("x")
    with pytest.raises(InvalidValueError, match="does not have"):
        await version.verify()
    (root / "more").unlink()
    (root / "b").unlink()
    with pytest.raises(InvalidValueError, match="cannot be read"):
        await version.verify()
    part = await version.download(tmp_path / "part", path_prefix="sub")
    assert [p.name for p in part.rglob("*") if p.is_file()] == ["c.bin"]
    one = await version.get_entry("b").download(tmp_path / "one", skip_cache=True)
    assert one == tmp_path / "one" / "b"
    assert one.read_text() == "other"
    with pytest.raises(InvalidValueError, match="3 files, not one"):
        await version.file()


async def test_where_things_lie_is_a_setting(server: LocalServer, tmp_path: Path) -> None:
    folders = {name: str(tmp_path / name) for name in ("artifact_dir", "cache_dir")}
    api = Api({**server.settings, "project": "demo", **folders})
    await log(api, draft("placed", a="placed"))
    version = await api.artifact("placed:v0")
    assert await version.download() == tmp_path / "artifact_dir" / "placed:v0"
    cached = [p for p in (tmp_path / "cache_dir" / "artifacts" / "obj").rglob("*") if p.is_file()]
    assert [p.read_text() for p in cached] == ["placed"]


async def test_one_file_and_a_folder_that_holds_nothing_else(api: Api, tmp_path: Path) -> None:
    await log(api, draft("single", only="hello"))
    version = await api.artifact("single:v0")
    assert (await version.file(tmp_path)).read_text() == "hello"
    folder = tmp_path / "out"
    (folder / "deep").mkdir(parents=True)
    (folder / "deep" / "old").write_text("old")
    (folder / "only").write_text("changed")
    assert await version.checkout(folder) == folder
    await version.verify(folder)
    assert await version.checkout() == Path("artifacts/single")
    listed = [(file.name, file.size) async for file in version.files()]
    assert listed == [("only", 5)]
    assert await (await version.files().get(0)).read() == b"hello"


async def test_the_files_of_a_version_in_pages(api: Api) -> None:
    await log(api, draft("pages", **{f"f{n}": str(n) for n in range(7)}))
    version = await api.artifact("pages:v0")
    files = version.files(per_page=3)
    assert await files.length() == 7
    assert sorted([file.name async for file in files]) == [f"f{n}" for n in range(7)]
    chosen = version.files(names=["f2", "f5"])
    assert sorted([file.name async for file in chosen]) == ["f2", "f5"]
    with pytest.raises(InvalidValueError, match="per_page"):
        version.files(per_page=0)


async def test_changes_are_sent_by_save(api: Api) -> None:
    await log(api, draft("changed", a="1"), aliases=["old"], tags=["gone"])
    version = await api.artifact("changed:v0")
    version.aliases.append("new")
    version.aliases.remove("old")
    version.tags = ["kept"]
    version.description = "better words"
    version.metadata["more"] = float("nan")
    version.ttl = timedelta(days=2)
    await version.save()
    assert version.name == "changed:v0"
    for seen in (version, await api.artifact("changed:new")):
        assert sorted(seen.aliases) == ["latest", "new"]
        assert seen.tags == ["kept"]
        assert seen.description == "better words"
        assert seen.metadata == {"rows": 3, "deep": {"x": [1]}, "more": None}
        assert seen.ttl == timedelta(days=2)
    assert not await api.artifact_exists("changed:old")
    version.ttl = None
    await version.save()
    assert (await api.artifact("changed:v0")).ttl is None
    version.ttl = ArtifactTTL.INHERIT
    with pytest.raises(UsageError, match="inherited"):
        _ = version.ttl
    await version.save()
    assert version.ttl is None
    for wrong in (timedelta(0), timedelta(seconds=-5), 7):
        with pytest.raises(InvalidValueError, match="timedelta"):
            version.ttl = wrong  # type: ignore[assignment]
    version.description = None
    await version.save()
    assert not (await api.artifact("changed:v0")).description


async def test_the_next_version_of_a_version(api: Api, tmp_path: Path) -> None:
    first = await log(api, draft("next", a="1", b="2"), aliases=["first"])
    made = await (await api.artifact("next:v0")).new_draft()
    assert made.is_draft()
    assert (made.name, made.type, made.metadata) == ("next", "dataset", first.metadata)
    made.remove("a")
    with made.new_file("c") as file:
        file.write("3")
    second = await log(api, made)
    assert second.version == "v1"
    assert await second.download(tmp_path)
    assert {p.name: p.read_text() for p in tmp_path.iterdir()} == {"b": "2", "c": "3"}
    assert [v.version async for v in api.artifacts("dataset", "next")] == ["v1", "v0"]
    more = Artifact("next", "dataset", incremental=True)
    with more.new_file("d") as file:
        file.write("4")
    third = await log(api, more)
    assert third.version == "v2"
    assert sorted((await third.load()).entries) == ["b", "c", "d"]
    assert third.file_count == 3
    # The same content is the same version.
    again = draft("next", a="1", b="2")
    assert (await log(api, again, aliases=["again"])).version == "v0"
    assert (await api.artifact("next:again")).version == "v0"


async def test_links(api: Api, server: LocalServer, tmp_path: Path) -> None:
    await log(api, draft("source", a="1"))
    await log(api, draft("source", a="2"))
    version = await api.artifact("source:v1")
    link = await version.link("demo/chosen", aliases=["prod"])
    assert link.is_link
    assert (link.name, link.version) == ("chosen:v0", "v0")
    assert sorted(link.aliases) == ["latest", "prod"]
    assert link.source_name == "source:v1"
    assert (link.source_entity, link.source_project) == (server.entity, "demo")
    assert link.source_version == "v1"
    assert link.linked_at is not None
    assert link.id == version.id
    assert "/artifacts/dataset/chosen/v0" in link.url
    found = await api.artifact("chosen:prod")
    assert (found.is_link, found.version) == (True, "v0")
    assert [one.qualified_name for one in await version.linked_artifacts()] == [
        f"{server.entity}/demo/chosen:v0"
    ]
    source = await link.source_artifact()
    assert (source.is_link, source.qualified_name) == (False, version.qualified_name)
    assert (await link.collection()).name == "chosen"
    assert not (await link.collection()).is_sequence()
    assert (await link.source_collection()).name == "source"
    assert [file.name async for file in link.files()] == ["a"]
    assert (await link.file(tmp_path)).read_text() == "2"
    # A link of a link is one of the version.
    assert (await link.link("elsewhere")).source_name == "source:v1"
    link.aliases = ["prod", "second"]
    await link.save()
    assert sorted((await api.artifact("chosen:second")).aliases) == ["prod", "second"]
    assert (await api.artifact("source:v1")).aliases == ["latest"]
    with pytest.raises(InvalidValueError, match="ttl"):
        link.ttl = timedelta(days=1)
    await link.unlink()
    assert not await api.artifact_exists("chosen:prod")
    with pytest.raises(InvalidValueError, match="no link"):
        await version.unlink()
    for wrong in ("", "a/b/c/d", "chosen:prod", "a//b"):
        with pytest.raises(InvalidValueError, match="a link goes to"):
            await version.link(wrong)
    # Deleting a link leaves the version.
    await (await api.artifact("elsewhere:v0")).delete()
    assert not await api.artifact_exists("elsewhere:v0")
    assert await api.artifact_exists("source:v1")


async def test_the_end_of_versions(api: Api) -> None:
    await log(api, draft("doomed", a="1"), aliases=["held"])
    await log(api, draft("doomed", a="2"))
    held = await api.artifact("doomed:held")
    with pytest.raises(CommError, match="alias"):
        await held.delete()
    assert held.state == "COMMITTED"
    await held.delete(delete_aliases=True)
    assert held.state == "DELETED"
    assert [v.version async for v in api.artifacts("dataset", "doomed")] == ["v1"]


async def test_runs_around_a_version(api: Api) -> None:
    version = await log(api, draft("line", a="1"), run_id="maker", user_run_id="reader")
    maker = await version.logged_by()
    assert maker is not None
    assert (maker.id, [run.id for run in await version.used_by()]) == ("maker", ["reader"])
    reader = await api.run("demo/reader")
    assert [v.id async for v in reader.used_artifacts()] == [version.id]
    assert version.id in [v.id async for v in maker.logged_artifacts()]
    assert await reader.logged_artifacts().length() == 0


async def test_what_is_logged_already_is_noted_for_other_runs(
    api: Api, server: LocalServer
) -> None:
    for name in ("noting", "elsewhere"):
        seed(server, "demo" if name == "noting" else "other", name)
    version = await log(api, draft("noted", a="noted"), run_id="maker")
    run = await api.run("demo/noting")
    assert await run.use_artifact(version) is version
    assert await run.log_artifact(version, aliases=["mine"], tags=["seen"]) is version
    assert [v.id async for v in run.used_artifacts()] == [version.id]
    assert [v.id async for v in run.logged_artifacts()] == [version.id]
    again = await api.artifact("noted:mine")
    assert (again.version, again.tags) == ("v0", ["seen"])
    maker = await again.logged_by()
    assert maker is not None
    assert maker.id == "maker"
    with pytest.raises(InvalidValueError, match="logged"):
        await run.use_artifact(draft("fresh", a="x"))
    with pytest.raises(InvalidValueError, match="another project"):
        await (await api.run("other/elsewhere")).log_artifact(version)


async def test_listing_versions(api: Api) -> None:
    for number in range(5):
        await log(api, draft("many", a=str(number)), tags=["even"] if number % 2 == 0 else [])
    versions = api.artifacts("dataset", "many", per_page=2)
    assert await versions.length() == 5
    assert [v.name async for v in versions] == [f"many:v{n}" for n in (4, 3, 2, 1, 0)]
    assert (await versions.get(-1)).version == "v0"
    oldest = api.artifacts("dataset", "many", order="+created_at", tags=["even"])
    assert [v.version async for v in oldest] == ["v0", "v2", "v4"]
    assert (await api.artifact_versions("dataset", "many").get(0)).version == "v4"


async def test_types_and_collections(api: Api, server: LocalServer) -> None:
    project = {"project": "shelf"}
    there = Api({**server.settings, **project})
    await log(there, draft("train", a="1"), "shelf", aliases=["x"])
    await log(there, draft("train", a="2"), "shelf")
    await log(there, draft("eval", a="3"), "shelf")
    await log(there, draft("net", "model", a="4"), "shelf")
    assert sorted([kind.name async for kind in there.artifact_types()]) == ["dataset", "model"]
    assert await api.artifact_types("shelf", per_page=1).length() == 2
    kind = await there.artifact_type("dataset")
    assert (kind.name, kind.type, kind.project) == ("dataset", "dataset", "shelf")
    assert sorted([one.name async for one in kind.collections()]) == ["eval", "train"]
    assert (await kind.collection("eval")).type == "dataset"
    every = there.artifact_collections(per_page=2)
    assert await every.length() == 3
    assert sorted([one.name async for one in every]) == ["eval", "net", "train"]
    models = api.artifact_collections("shelf", "model")
    assert [one.name async for one in models] == ["net"]
    some = there.artifact_collections(filters={"name": {"$regex": "^tr"}})
    assert [one.name async for one in some] == ["train"]
    train = await api.artifact_collection("dataset", "shelf/train")
    assert sorted(await train.aliases()) == ["latest", "x"]
    assert train.is_sequence()
    assert (train.entity, train.project) == (server.entity, "shelf")
    assert [v.version async for v in train.artifacts()] == ["v1", "v0"]
    assert await api.artifact_collection_exists("shelf/train", "dataset")
    assert not await api.artifact_collection_exists("shelf/train", "model")
    assert not await api.artifact_collection_exists("shelf/never", "dataset")
    for call in (
        api.artifact_type("never", "shelf"),
        api.artifact_type("dataset", "no-such-project"),
        api.artifact_collection("dataset", "shelf/never"),
        there.artifact_collections("shelf", "never").length(),
        there.artifact_types("no-such-project").length(),
    ):
        with pytest.raises(ArtifactNotFoundError, match="Could not find"):
            await call


async def test_changes_of_a_collection(api: Api) -> None:
    await log(api, draft("some-model", "model", a="1"))
    await log(api, draft("before", a="1"))
    collection = await api.artifact_collection("dataset", "before")
    collection.name, collection.description = "after", "what it is"
    tags = [f"tag{number:02}" for number in range(25)]
    collection.tags = tags
    await collection.save()
    seen = await api.artifact_collection("dataset", "after")
    assert (seen.description, sorted(seen.tags)) == ("what it is", tags)
    assert seen.updated_at
    assert not await api.artifact_collection_exists("before", "dataset")
    assert (await api.artifact("after:v0")).version == "v0"
    seen.tags = ["tag03", "new one"]
    seen.type = "model"
    seen.description = None
    await seen.save()
    assert (seen.type, sorted(seen.tags), seen.description or "") == (
        *("model", ["new one", "tag03"]),
        "",
    )
    assert (await api.artifact("after:v0")).type == "model"
    await seen.change_type("dataset")
    assert (await api.artifact("after:v0")).type == "dataset"
    for name, value in (("name", "a b"), ("type", "wandb-x"), ("tags", ["#"])):
        with pytest.raises(InvalidValueError):
            setattr(seen, name, value)
    await (await api.artifact("after:v0")).link("shelved")
    links = await api.artifact_collection("dataset", "shelved")
    assert not links.is_sequence()
    with pytest.raises(InvalidValueError, match="links"):
        links.type = "model"
    links.description = "links"
    await links.save()
    assert (await api.artifact_collection("dataset", "shelved")).description == "links"
    await links.delete()
    assert await api.artifact_exists("after:v0")
    await seen.delete()
    assert not await api.artifact_exists("after:v0")


def test_the_blocking_face_loads_by_itself(server: LocalServer, tmp_path: Path) -> None:
    import asyncio

    async def prepare() -> None:
        made = Api({**server.settings, "project": "demo"})
        await (await log(made, draft("plain", a="hello"))).link("demo/plain-links")

    asyncio.run(prepare())
    api = blocking.Api({**server.settings, "project": "demo"})
    version = api.artifact("plain:v0")
    assert sorted(version.manifest.entries) == ["a"]
    again = api.artifact("plain:latest")
    entry = again.get_entry("a")
    assert (entry.path, entry.size) == ("a", 5)
    assert entry.download(tmp_path).read_text() == "hello"
    assert [file.name for file in again.files()] == ["a"]
    assert len(again.files()) == 1
    assert again.collection.name == "plain"
    assert again.collection.aliases == ["latest"]
    assert [link.name for link in again.linked_artifacts] == ["plain-links:v0"]
    assert again.linked_artifacts[0].source_artifact.name == "plain:v0"
    seed(server, "demo", "blocker")
    run = api.run("demo/blocker")
    assert run.use_artifact(again) == again
    assert [used.name for used in run.used_artifacts()] == ["plain:v0"]
    made = again.new_draft()
    made.add_reference(entry, name="ref")
    made.remove(made.get_entry("a"))
    assert [(one.path, one.ref) for one in made.manifest] == [("ref", entry.ref_url())]


async def test_how_far_a_download_is(api: Api, tmp_path: Path) -> None:
    made = draft("watched", a="hello", b="other")
    with made.new_file("large.bin", "wb") as file:
        file.write(os.urandom(3_000_000))
    version = await log(api, made)
    seen: list[TransferProgress] = []
    await version.download(tmp_path, skip_cache=True, progress=seen.append)
    assert {(one.direction, one.files_total, one.bytes_total) for one in seen} == {
        ("down", 3, 3_000_010)
    }
    done = [(one.files_done, one.bytes_done) for one in seen]
    assert done == sorted(done)
    assert done[-1] == (3, 3_000_010)
    assert any(0 < size < 3_000_000 for files, size in done if files < 3)
    # What is there counts at once; a callback that fails is not asked again.
    calls: list[TransferProgress] = []

    def broken(state: TransferProgress) -> None:
        calls.append(state)
        raise RuntimeError("no display")

    await version.download(tmp_path, progress=broken)
    assert len(calls) == 1
    await version.verify(tmp_path)
