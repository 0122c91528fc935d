"""Artifacts of live runs on a server: logged, used, linked, written by several."""

from __future__ import annotations

import base64
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anyio
import pytest
from run_artifacts import contents, copies, draft, inputs, outputs, versions

import asyncwb
import asyncwb.sync
from asyncwb.api import Api
from asyncwb.artifacts.artifact import Artifact
from asyncwb.errors import ArtifactNotFoundError, InvalidValueError
from asyncwb.testing import LocalServer, local_server

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="module")
def server() -> Iterator[LocalServer]:
    with local_server() as running:
        yield running


@pytest.fixture(autouse=True)
def here(server: LocalServer, monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for name, value in server.env.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("WANDB_SILENT", "true")
    monkeypatch.setenv("WANDB_PROJECT", "art")
    monkeypatch.setenv("WANDB_X_DISABLE_STATS", "true")
    return monkeypatch


@pytest.fixture
def api() -> Api:
    return Api({"project": "art"})


# -- logging --------------------------------------------------------------------------------


async def test_an_object_is_logged_with_everything(api: Api) -> None:
    made = Artifact("full", "dataset", description="words", metadata={"n": {"m": [1, 2.5, None]}})
    with made.new_file("a.txt") as file:
        file.write("hello")
    digest = made.digest
    async with asyncwb.init() as run:
        await run.log({"x": 1})
        await run.log({"x": 2})
        returned = await run.log_artifact(made, aliases=["best", "x"], tags=["one", "two words"])
        assert returned is made
        await made.wait()
        for seen in (made, await api.artifact("full:v0"), await api.artifact("full:best")):
            assert (seen.version, seen.type, seen.state) == ("v0", "dataset", "COMMITTED")
            assert (seen.digest, seen.size, seen.file_count) == (digest, 5, 1)
            assert seen.description == "words"
            assert seen.metadata == {"n": {"m": [1, 2.5, None]}}
            assert sorted(seen.aliases) == ["best", "latest", "x"]
            assert sorted(seen.tags) == ["one", "two words"]
            assert seen.history_step == 1
        assert run.status().artifacts_done == 1
    maker = await made.logged_by()
    assert maker is not None
    assert maker.id == run.id
    assert await outputs(api, run.path) == ["full:v0"]
    assert await inputs(api, run.path) == []
    assert await contents(await api.artifact("full")) == {"a.txt": "hello"}


async def test_an_alias_or_tag_alone_is_a_list_of_one(api: Api) -> None:
    async with asyncwb.init() as run:
        await run.log_artifact(draft("alone", a="1"), aliases="only", tags="tag")
    version = await api.artifact("alone:only")
    assert (sorted(version.aliases), version.tags) == (["latest", "only"], ["tag"])


async def test_paths_become_artifacts_with_default_names(api: Api) -> None:
    Path("folder/sub").mkdir(parents=True)
    Path("folder/a.txt").write_text("a")
    Path("folder/sub/b.txt").write_text("b")
    Path("one file.bin").write_text("one")
    async with asyncwb.init(id="paths") as run:
        file = await run.log_artifact("one file.bin")
        folder = await run.log_artifact(Path("folder"))
        ending = await run.log_artifact("folder/", name="named", type="dataset")
        place = Path("folder").resolve().as_uri()
        reference = await run.log_artifact(place, name="place", type="dataset")
        for one in (file, folder, ending, reference):
            await one.wait()
    assert (file.name, file.type) == ("run-paths-one_file.bin:v0", "unspecified")
    assert (folder.name, folder.type) == ("run-paths-folder:v0", "unspecified")
    assert (ending.name, ending.type) == ("named:v0", "dataset")
    assert await contents(file) == {"one file.bin": "one"}
    assert await contents(folder) == {"a.txt": "a", "sub/b.txt": "b"}
    assert folder.digest == ending.digest
    entries = (await (await api.artifact("place")).load()).entries
    assert {path: entry.ref for path, entry in entries.items()} == {
        "a.txt": f"{place}/a.txt",
        "sub/b.txt": f"{place}/sub/b.txt",
    }


async def test_bad_arguments_are_told_at_the_call_and_log_nothing(api: Api) -> None:
    async with asyncwb.init() as run:
        for arguments, complaint in (
            (("no/such/file",), "no file or folder"),
            ((7,), "not 7"),
            ((draft("bad", a="1"), None, None, ["a/b"]), "alias"),
            ((draft("bad", a="1"), None, None, ["a:b"]), "alias"),
            ((draft("bad", a="1"), None, None, None, ["#"]), "tag"),
        ):
            with pytest.raises(InvalidValueError, match=complaint):
                await run.log_artifact(*arguments)
        Path("there.txt").write_text("x")
        for options in ({"name": "a b"}, {"name": "x" * 129}, {"type": "wandb-x"}):
            with pytest.raises(InvalidValueError):
                await run.log_artifact("there.txt", **options)
        await run.log({"goes": "on"})
    assert await outputs(api, run.path) == []
    assert run.status().artifacts_failed == ()


async def test_versions_arrive_in_the_order_in_which_they_were_logged(api: Api) -> None:
    async with asyncwb.init() as run:
        for n in range(20):
            await run.log_artifact(draft("ordered", n=str(n)), aliases=[f"is-{n}"])
            # Others do not hold them up, or mix them up.
            await run.log_artifact(draft(f"other-{n % 3}", n=str(n)))
    assert await versions(api, "ordered") == [{"n": str(n)} for n in range(20)]
    for n in range(20):
        aliases = (await api.artifact(f"ordered:v{n}")).aliases
        assert sorted(aliases) == sorted([f"is-{n}", *(["latest"] if n == 19 else [])])
    assert run.status().artifacts_done == 40


async def test_equal_content_is_one_version_and_its_aliases_move(api: Api) -> None:
    async with asyncwb.init() as first:
        await first.log_artifact(draft("same", a="1"), aliases=["one"])
        await first.log_artifact(draft("same", a="2"), aliases=["two"])
    async with asyncwb.init() as second:
        again = await (await second.log_artifact(draft("same", a="1"), aliases=["two"])).wait()
        assert again.version == "v0"
    assert sorted((await api.artifact("same:v0")).aliases) == ["latest", "one", "two"]
    assert (await api.artifact("same:v1")).aliases == []
    assert await api.artifacts("dataset", "same").length() == 2
    assert await outputs(api, second.path) == ["same:v0"]


async def test_one_draft_logged_twice_is_one_version_with_the_aliases_of_both(api: Api) -> None:
    async with asyncwb.init() as run:
        made = draft("twice", a="1")
        await run.log_artifact(made, aliases=["one"])
        await run.log_artifact(made, aliases=["two"])
        await made.wait()
        await run.log_artifact(made, aliases=["three"], tags=["late"])
    version = await api.artifact("twice:v0")
    assert sorted(version.aliases) == ["latest", "one", "three", "two"]
    assert version.tags == ["late"]
    assert await api.artifacts("dataset", "twice").length() == 1


async def test_a_version_of_another_run_gets_aliases_but_cannot_move(api: Api) -> None:
    async with asyncwb.init() as maker:
        await maker.log_artifact(draft("moved", a="1"))
    async with asyncwb.init(project="elsewhere") as other:
        with pytest.raises(InvalidValueError, match="cannot move to 'elsewhere'"):
            await other.log_artifact(await api.artifact("moved:v0"))
    async with asyncwb.init() as run:
        await run.log_artifact(await api.artifact("moved:v0"), aliases=["noted"])
    assert sorted((await api.artifact("moved:v0")).aliases) == ["latest", "noted"]
    assert await outputs(api, run.path) == ["moved:v0"]


async def test_a_logged_draft_can_change_no_more(api: Api) -> None:
    async with asyncwb.init() as run:
        made = await run.log_artifact(draft("fixed", a="bytes of a alone"))
        with pytest.raises(asyncwb.errors.UsageError, match="new_draft"):
            made.new_file("b")
        await made.wait()
        second = await made.new_draft()
        with second.new_file("b") as file:
            file.write("bytes of b alone")
        await (await run.log_artifact(second)).wait()
    there = {"a": "bytes of a alone", "b": "bytes of b alone"}
    assert await contents(await api.artifact("fixed:v1")) == there
    births = {e.path: e.birth_artifact_id for e in await (await api.artifact("fixed:v1")).load()}
    assert births == {"a": made.id, "b": second.id}


async def test_incremental_drafts_are_laid_over_the_latest_version(api: Api) -> None:
    async with asyncwb.init() as run:
        await run.log_artifact(draft("grows", a="1", b="1"))
        more = Artifact("grows", "dataset", incremental=True)
        for path in ("b", "c"):
            with more.new_file(path) as file:
                file.write("2")
        await run.log_artifact(more)
        await more.wait()
        assert sorted((await more.load()).entries) == ["a", "b", "c"]
    assert await contents(await api.artifact("grows:v1")) == {"a": "1", "b": "2", "c": "2"}
    assert await api.artifacts("dataset", "grows").length() == 2


async def test_digests_are_made_again_where_the_server_does_not_take_xxhash(api: Api) -> None:
    made = Artifact("hashed", "dataset", digest_algorithm="XXH128")
    with made.new_file("a") as file:
        file.write("1")
    async with asyncwb.init() as run:
        await run.log_artifact(draft("hashed", a="1"))
        await (await run.log_artifact(made)).wait()
    assert (made.version, made.digest_algorithm) == ("v0", "MANIFEST_MD5")
    await made.verify(await made.download())


# -- files that change ----------------------------------------------------------------------


async def test_a_mutable_file_may_change_as_soon_as_it_is_logged(api: Api) -> None:
    path = Path("changes.txt")
    path.write_text("before")
    async with asyncwb.init() as run:
        made = Artifact("mutable", "dataset")
        await made.add_file(path)
        await run.log_artifact(made)
        path.write_text("after, and longer")
    assert await contents(await api.artifact("mutable")) == {"changes.txt": "before"}
    assert path.read_text() == "after, and longer"


@pytest.mark.parametrize("change", ["longer", "same size", "gone"])
async def test_an_immutable_file_that_changed_is_an_error_everywhere(api: Api, change: str) -> None:
    path = Path("fixed.txt")
    # Not what another test has logged: the server would have these bytes.
    path.write_text(f"{change}, first")
    run = await asyncwb.init()
    made = Artifact(f"immutable-{change.split()[0]}", "dataset")
    await made.add_file(path, policy="immutable")
    if change == "gone":
        path.unlink()
    else:
        path.write_text(f"{change}, other" if change == "same size" else f"{change}, longer by far")
    await run.log_artifact(made)
    fine = await run.log_artifact(draft("beside-it", a="fine"))
    with pytest.raises(InvalidValueError, match=r"fixed\.txt"):
        await made.wait()
    await fine.wait()
    with pytest.raises(InvalidValueError, match=r"fixed\.txt"):
        await run.flush()
    assert run.status().artifacts_failed == (f"the artifact {made.name}",)
    await run.log({"goes": "on"})
    with pytest.raises(InvalidValueError, match=r"fixed\.txt"):
        await run.finish()
    assert run.status().state == "unsent"
    assert not await api.artifact_exists(f"{made.name}:latest")
    assert [row["goes"] async for row in (await api.run(f"art/{run.id}")).scan_history()] == ["on"]


async def test_copies_go_with_the_upload_and_files_of_users_stay(api: Api) -> None:
    for name in ("mutable", "immutable"):
        Path(f"{name}.txt").write_text(name)
    async with asyncwb.init(group="keepers") as run:
        made = Artifact("kept", "dataset")
        await made.add_file("mutable.txt")
        await made.add_file("immutable.txt", policy="immutable")
        with made.new_file("new.txt") as file:
            file.write("new")
        assert len(copies()) == 1
        await (await run.log_artifact(made)).wait()
        assert copies() == []
        assert Path("mutable.txt").read_text() == "mutable"
        assert Path("immutable.txt").read_text() == "immutable"
        # What the server has already, too; and parts that another writer completes.
        same = Artifact("kept", "dataset")
        for name in ("mutable.txt", "immutable.txt"):
            await same.add_file(name)
        with same.new_file("new.txt") as file:
            file.write("new")
        await (await run.log_artifact(same)).wait()
        await run.upsert_artifact(draft("part", a="1"))
    assert copies() == []
    assert (await api.artifact("kept:latest")).version == "v0"


# -- the wrong type -------------------------------------------------------------------------


async def test_another_type_is_a_value_error_of_wait_and_finish(api: Api) -> None:
    async with asyncwb.init() as maker:
        await maker.log_artifact(draft("typed", "dataset", a="1"))
    run = await asyncwb.init()
    wrong = await run.log_artifact(draft("typed", "model", a="2"))
    with pytest.raises(ValueError, match="exists with the type 'dataset'"):
        await wrong.wait()
    with pytest.raises(ValueError, match="exists with the type 'dataset'"):
        await run.finish()
    assert await api.artifacts("dataset", "typed").length() == 1


# -- using ----------------------------------------------------------------------------------


async def test_versions_are_used_by_name_version_and_object(api: Api) -> None:
    async with asyncwb.init() as maker:
        for n in range(3):
            await maker.log_artifact(draft("read", n=str(n)), aliases=[f"is-{n}"])
    async with asyncwb.init() as run:
        entity = run.entity
        assert (await run.use_artifact("read:is-0")).version == "v0"
        assert (await run.use_artifact("read:v1", type="dataset")).version == "v1"
        assert (await run.use_artifact(f"{entity}/art/read:latest")).version == "v2"
        assert (await run.use_artifact("art/read")).version == "v2"
        version = await api.artifact("read:v1")
        assert await run.use_artifact(version) is version
        await run.flush()
        assert await inputs(api, run.path) == ["read:v0", "read:v1", "read:v2"]
        users = await version.used_by()
        assert [user.id for user in users] == [run.id]
        assert await outputs(api, run.path) == []
    assert await contents(version) == {"n": "1"}


async def test_what_cannot_be_used(api: Api) -> None:
    async with asyncwb.init() as run:
        await (await run.log_artifact(draft("wanted", a="1"))).wait()
        with pytest.raises(ValueError, match="has the type 'dataset'"):
            await run.use_artifact("wanted:v0", type="model")
        for path in ("wanted:v9", "wanted:no", "nothing:latest", "nowhere/wanted:v0"):
            with pytest.raises(ArtifactNotFoundError) as caught:
                await run.use_artifact(path)
            assert isinstance(caught.value, ValueError)
        with pytest.raises(ValueError, match="named by"):
            await run.use_artifact("a/b/c/d:v0")
        for thing in (7, None, Path("wanted")):
            with pytest.raises(InvalidValueError, match="takes a name"):
                await run.use_artifact(thing)  # type: ignore[arg-type]
    assert await inputs(api, run.path) == []


async def test_a_used_draft_is_an_input_and_nobodys_output(api: Api) -> None:
    async with asyncwb.init() as run:
        version = await run.use_artifact(draft("given", a="1"), aliases=["mine"])
        assert (version.version, sorted(version.aliases)) == ("v0", ["latest", "mine"])
    assert (await inputs(api, run.path), await outputs(api, run.path)) == (["given:v0"], [])
    assert await version.logged_by() is None
    # Again, by another run: the same version.
    async with asyncwb.init() as other:
        assert (await other.use_artifact(draft("given", a="1"))).version == "v0"
    assert (await inputs(api, other.path), await outputs(api, other.path)) == (["given:v0"], [])


# -- several writers ------------------------------------------------------------------------


@pytest.mark.parametrize("shared", ["group", "distributed_id"])
async def test_two_runs_write_one_version(api: Api, shared: str) -> None:
    name = f"parts-{shared}"
    start: dict[str, Any] = {"group": "writers"} if shared == "group" else {}
    give: dict[str, Any] = {} if shared == "group" else {"distributed_id": "together"}
    async with asyncwb.init(**start) as one, asyncwb.init(**start) as two:
        part = await one.upsert_artifact(draft(name, a="1", both="x"), aliases=["early"], **give)
        await part.wait()
        assert not await api.artifact_exists(f"{name}:latest")
        with pytest.raises(asyncwb.errors.UsageError):
            _ = part.version
        whole = await two.finish_artifact(draft(name, b="2", both="x"), aliases=["late"], **give)
        await whole.wait()
    version = await api.artifact(f"{name}:v0")
    assert await contents(version) == {"a": "1", "b": "2", "both": "x"}
    assert sorted(version.aliases) == ["early", "late", "latest"]
    assert await api.artifacts("dataset", name).length() == 1
    assert sorted((await whole.load()).entries) == ["a", "b", "both"]
    for run in (one, two):
        assert await outputs(api, run.path) == [f"{name}:v0"]


async def test_one_object_can_be_upserted_and_then_finished(api: Api) -> None:
    Path("a.txt").write_text("1")
    async with asyncwb.init(group="alone") as run:
        made = Artifact("upserted", "dataset")
        await made.add_file("a.txt")
        await (await run.upsert_artifact(made)).wait()
        await (await run.finish_artifact(made)).wait()
        assert made.version == "v0"
    assert await contents(await api.artifact("upserted:v0")) == {"a.txt": "1"}
    assert await api.artifacts("dataset", "upserted").length() == 1
    assert copies() == []


async def test_writers_need_something_to_share() -> None:
    async with asyncwb.init() as run:
        for call in (run.upsert_artifact, run.finish_artifact):
            with pytest.raises(InvalidValueError, match="distributed_id"):
                await call(draft("nobody", a="1"))


# -- links ----------------------------------------------------------------------------------


async def test_versions_and_drafts_are_linked(api: Api) -> None:
    async with asyncwb.init() as run:
        made = await run.log_artifact(draft("source", a="1"))
        link = await run.link_artifact(made, "shelf", aliases=["staging"])
        assert (link.name, link.is_link, link.source_name) == ("shelf:v0", True, "source:v0")
        unlogged = draft("unlogged", a="2")
        second = await run.link_artifact(unlogged, "shelf", aliases="prod")
        assert second.source_name == "unlogged:v0"
        read = await api.artifact("source:v0")
        third = await run.link_artifact(read, f"{run.entity}/art/other-shelf")
        assert third.qualified_name == f"{run.entity}/art/other-shelf:v0"
        # A link of a link leads to the source.
        assert (await run.link_artifact(link, "art/again")).source_name == "source:v0"
    assert (await api.artifact("shelf:staging")).source_name == "source:v0"
    assert (await api.artifact("shelf:prod")).source_name == "unlogged:v0"
    assert await outputs(api, run.path) == ["source:v0", "unlogged:v0"]
    links = await (await api.artifact("source:v0")).linked_artifacts()
    assert sorted(one.name for one in links) == ["again:v0", "other-shelf:v0", "shelf:v0"]


async def test_bad_targets_are_told_before_anything_is_logged(api: Api) -> None:
    async with asyncwb.init() as run:
        for target in ("", "/", "a//b", "a/b/c/d", "shelf:alias", "p/shelf:v0"):
            with pytest.raises(InvalidValueError, match="a link goes to"):
                await run.link_artifact(draft("unlinked", a="1"), target)
        with pytest.raises(InvalidValueError, match="alias"):
            await run.link_artifact(draft("unlinked", a="1"), "shelf", aliases=["a/b"])
    assert await outputs(api, run.path) == []


async def test_a_registry_is_a_target(api: Api, server: LocalServer) -> None:
    async with asyncwb.init() as run:
        with pytest.raises(asyncwb.errors.CommError):
            await run.link_artifact(draft("for-registry", a="1"), "wandb-registry-none/models")
        made = await api.artifact("for-registry:v0")
    assert made.version == "v0"


# -- references to other drafts -------------------------------------------------------------


async def test_references_between_drafts_resolve_however_long_uploads_take(api: Api) -> None:
    async with asyncwb.init() as run:
        sources = [draft(f"far-{n}", x="x" * (2_000_000 if n == 1 else n + 1)) for n in range(6)]
        derived = Artifact("derived", "dataset")
        for n, source in enumerate(sources):
            await derived.add_reference(source.get_entry("x"), name=f"x{n}")
        for source in reversed(sources):
            await run.log_artifact(source)
        await run.log_artifact(derived)
        await derived.wait()
    entries = (await (await api.artifact("derived")).load()).entries
    for n, source in enumerate(sources):
        version = await api.artifact(f"far-{n}:v0")
        hexed = base64.b64decode(str(version.id)).hex()
        assert entries[f"x{n}"].ref == f"wandb-artifact://{hexed}/x"
        assert entries[f"x{n}"].digest == source.get_entry("x").digest
    assert (await contents(await api.artifact("derived")))["x1"] == "x" * 2_000_000


async def test_a_reference_to_a_draft_that_nobody_logged_is_an_error(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("asyncwb.artifacts.saver._DRAFT_SECONDS", 0.1)
    run = await asyncwb.init()
    derived = Artifact("dangling", "dataset")
    await derived.add_reference(draft("never", x="1").get_entry("x"))
    await run.log_artifact(derived)
    with pytest.raises(ArtifactNotFoundError, match="log that artifact first"):
        await derived.wait()
    with pytest.raises(ArtifactNotFoundError):
        await run.finish()
    assert not await api.artifact_exists("dangling:latest")


# -- many at once ---------------------------------------------------------------------------


async def test_tasks_and_threads_log_at_once(api: Api) -> None:
    async with asyncwb.init() as run:
        blocking = asyncwb.sync.Run.from_async(run)

        async def task(n: int) -> None:
            for m in range(3):
                await run.log_artifact(draft(f"task-{n}", x=f"{n} {m}"))
                await run.log({"n": n})

        def thread(n: int) -> None:
            for m in range(3):
                made = asyncwb.sync.Artifact(f"thread-{n}", "dataset")
                with made.new_file("x") as file:
                    file.write(f"{n} {m}")
                blocking.log_artifact(made)
                same = asyncwb.sync.Artifact.from_async(draft("shared", x=f"{n}{m}"))
                blocking.log_artifact(same)

        with ThreadPoolExecutor(4) as pool:
            async with anyio.create_task_group() as group:
                for n in range(4):
                    group.start_soon(task, n)
                    group.start_soon(anyio.to_thread.run_sync, pool.submit(thread, n).result)
    for kind in ("task", "thread"):
        for n in range(4):
            assert await versions(api, f"{kind}-{n}") == [{"x": f"{n} {m}"} for m in range(3)]
    shared = sorted(one["x"] for one in await versions(api, "shared"))
    assert shared == sorted(f"{n}{m}" for n in range(4) for m in range(3))
    assert run.status().artifacts_done == 36


def test_the_blocking_face_does_the_same(server: LocalServer) -> None:
    Path("file.txt").write_text("file")
    with asyncwb.sync.init(id="blocker", group="g") as run:
        run.log({"x": 1})
        made = asyncwb.sync.Artifact("blocking", "dataset")
        made.add_file("file.txt")
        assert run.log_artifact(made, aliases=["b"]) == made
        assert made.wait().version == "v0"
        assert run.use_artifact("blocking:b").version == "v0"
        assert run.use_artifact(made).id == made.id
        by_path = run.log_artifact("file.txt", name="by-path", type="dataset").wait()
        assert by_path.name == "by-path:v0"
        assert run.link_artifact(made, "blocking-shelf").name == "blocking-shelf:v0"
        part = asyncwb.sync.Artifact("blocking-parts", "dataset")
        part.add_file("file.txt")
        run.upsert_artifact(part)
        last = asyncwb.sync.Artifact("blocking-parts", "dataset")
        assert run.finish_artifact(last).wait().version == "v0"
        # Functions of the module go to the current run.
        again = asyncwb.sync.log_artifact("file.txt", name="by-function", type="dataset")
        assert again.wait().name == "by-function:v0"
    api = asyncwb.sync.Api({"project": "art"})
    found = api.run("art/blocker")
    assert sorted(one.name for one in found.logged_artifacts()) == [
        "blocking-parts:v0",
        "blocking:v0",
        "by-function:v0",
        "by-path:v0",
    ]
    assert [one.name for one in found.used_artifacts()] == ["blocking:v0"]
    assert found.summary["x"] == 1
