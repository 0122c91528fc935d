"""Artifacts of runs that are offline, disabled, finished or forked; and waits that do not end."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import anyio
import anyio.lowlevel
import pytest
from run_artifacts import contents, copies, draft, inputs, outputs, versions
from run_files import write

import asyncwb
import asyncwb.sync
from asyncwb.api import Api
from asyncwb.artifacts.artifact import Artifact
from asyncwb.artifacts.recording import record_of
from asyncwb.errors import ClosedError, InvalidValueError, UsageError, WaitTimeoutError
from asyncwb.portal import PORTAL
from asyncwb.run import artifact_log
from asyncwb.sender.offline import sync_folder
from asyncwb.settings import resolve
from asyncwb.testing import LocalServer, local_server
from asyncwb.testing.faults import FaultProxy

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from asyncwb.artifacts.saver import Draft
    from asyncwb.journal.records import ArtifactRecord


@pytest.fixture(scope="module")
def server() -> Iterator[LocalServer]:
    with local_server() as running:
        yield running


@pytest.fixture(autouse=True)
def here(server: LocalServer, monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for name, value in server.env.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("WANDB_SILENT", "true")
    monkeypatch.setenv("WANDB_PROJECT", "ends")
    monkeypatch.setenv("WANDB_X_DISABLE_STATS", "true")
    return monkeypatch


@pytest.fixture
def api() -> Api:
    return Api({"project": "ends"})


async def sync(run: asyncwb.Run) -> str:
    journal = run.status().journal
    assert journal is not None
    result = await PORTAL.acall(sync_folder, Path(journal).parent, resolve())
    assert result.error is None, result.error
    return result.state


# -- offline --------------------------------------------------------------------------------


async def test_what_an_offline_run_does_is_done_by_its_sync(api: Api) -> None:
    write("weights.bin", "weights")
    write("code/train.py", "pass")
    async with asyncwb.init() as maker:
        version = await (await maker.log_artifact(draft("before", a="before"))).wait()
    run = await asyncwb.init(id="offline", mode="offline", group="g")
    for n in range(5):
        await run.log_artifact(draft("five", n=str(n)), aliases=[f"is-{n}"], tags=["t"])
    made = await run.log_artifact(draft("linked", a="linked"))
    with pytest.raises(UsageError, match="once the run is synced"):
        await made.wait()
    assert await run.link_artifact(made, "offline-shelf", aliases=["x"]) is made
    unlogged = draft("unlogged", a="unlogged")
    assert await run.link_artifact(unlogged, "offline-shelf") is unlogged
    await run.link_artifact(version, "offline-shelf")
    await run.use_artifact(version)
    given = draft("given", a="given")
    assert await run.use_artifact(given) is given
    derived = Artifact("derived", "dataset")
    await derived.add_reference(made.get_entry("a"), name="far")
    await run.log_artifact(derived)
    await run.upsert_artifact(draft("parts", a="1"))
    await run.finish_artifact(draft("parts", b="2"))
    assert await run.log_model("weights.bin", name="net") is not None
    assert (await run.link_model("weights.bin", "registered", name="net")).is_draft()
    assert await run.log_code("code", name="source-offline") is not None
    for call in (run.use_artifact("before:latest"), run.use_model("net:latest")):
        with pytest.raises(UsageError):
            await call
    with pytest.raises(InvalidValueError):
        await run.link_artifact(made, "a:b")
    await run.finish()
    assert not await api.artifact_exists("five:v0")
    await (await asyncwb.init(project="model-registry")).finish()

    assert await sync(run) == "synced"
    assert await versions(api, "five") == [{"n": str(n)} for n in range(5)]
    assert sorted((await api.artifact("five:v4")).aliases) == ["is-4", "latest"]
    assert (await api.artifact("five:v2")).tags == ["t"]
    assert await outputs(api, "ends/offline") == [
        "derived:v0", *(f"five:v{n}" for n in range(5)),
        "linked:v0", "net:v0", "parts:v0", "source-offline:v0", "unlogged:v0",
    ]  # fmt: skip
    assert await inputs(api, "ends/offline") == ["before:v0", "given:v0"]
    shelf = [one async for one in api.artifacts("dataset", "offline-shelf")]
    assert sorted(one.source_name for one in shelf) == ["before:v0", "linked:v0", "unlogged:v0"]
    assert (await api.artifact("offline-shelf:x")).source_name == "linked:v0"
    assert await contents(await api.artifact("derived")) == {"far": "linked"}
    assert await versions(api, "parts") == [{"a": "1", "b": "2"}]
    assert (await api.artifact("model-registry/registered:v0")).source_name == "net:v0"
    assert copies() == []
    assert await sync(run) == "skipped"


async def test_a_blocking_offline_run_does_the_same(api: Api) -> None:
    def script() -> asyncwb.Run:
        with asyncwb.sync.init(mode="offline") as run:
            made = run.log_artifact(asyncwb.sync.Artifact.from_async(draft("plain", a="plain")))
            with pytest.raises(UsageError, match="once the run is synced"):
                made.wait()
            run.link_artifact(made, "plain-shelf")
        return run._async

    run = await anyio.to_thread.run_sync(script)
    await sync(run)
    assert (await api.artifact("plain-shelf:v0")).source_name == "plain:v0"


async def test_a_file_that_is_gone_is_an_error_of_the_sync_and_can_come_back(api: Api) -> None:
    write("goes.txt", "goes")
    async with asyncwb.init(mode="offline") as run:
        made = Artifact("gone", "dataset")
        await made.add_file("goes.txt", policy="immutable")
        await run.log_artifact(made)
        await run.log_artifact(draft("stays", a="stays"))
    Path("goes.txt").unlink()
    journal = run.status().journal
    assert journal is not None
    result = await PORTAL.acall(sync_folder, Path(journal).parent, resolve())
    assert result.state == "failed"
    assert isinstance(result.error, InvalidValueError)
    assert await versions(api, "stays") == [{"a": "stays"}]
    write("goes.txt", "goes")
    assert await sync(run) == "synced"
    assert await versions(api, "gone") == [{"goes.txt": "goes"}]
    assert await versions(api, "stays") == [{"a": "stays"}]


# -- disabled -------------------------------------------------------------------------------


async def test_a_disabled_run_takes_everything() -> None:
    write("weights.bin", "w")
    write("code/train.py", "pass")
    async with asyncwb.init(mode="disabled") as run:
        made = await run.log_artifact(draft("none", a="1"), aliases=["x"], tags=["y"])
        assert await made.wait() is made
        used = await run.use_artifact("entity/project/data:latest", type="dataset")
        assert (used.name, used.type) == ("data", "dataset")
        assert await run.use_artifact(draft("none", a="2")) is not None
        assert await run.link_artifact(made, "shelf") is made
        assert await (await run.log_model("weights.bin", name="net")).wait() is not None
        await run.link_model("weights.bin", "registered")
        assert await run.log_code("code") is not None
        await run.upsert_artifact(draft("none", a="1"), distributed_id="d")
        await run.finish_artifact(draft("none", a="1"), distributed_id="d")
    assert not Path("wandb").exists()


# -- after the end --------------------------------------------------------------------------


async def test_a_finished_run_takes_nothing(api: Api) -> None:
    write("weights.bin", "w")
    run = await asyncwb.init(group="g")
    made = await run.log_artifact(draft("last", a="1"))
    await run.finish()
    assert (await made.wait()).version == "v0"
    calls: list[Callable[[], object]] = [
        lambda: run.log_artifact(draft("late", a="1")),
        lambda: run.use_artifact("last:v0"),
        lambda: run.use_artifact(draft("late", a="1")),
        lambda: run.upsert_artifact(draft("late", a="1")),
        lambda: run.finish_artifact(draft("late", a="1")),
        lambda: run.link_artifact(made, "shelf"),
        lambda: run.log_model("weights.bin"),
        lambda: run.use_model("last:v0"),
        lambda: run.link_model("weights.bin", "x"),
        lambda: run.log_code(),
    ]
    for call in calls:
        with pytest.raises(ClosedError):
            await call()  # type: ignore[misc]
    assert await outputs(api, run.path) == ["last:v0"]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_forked_child_gets_an_error_and_the_parent_goes_on() -> None:
    code = textwrap.dedent(
        """
        import os, warnings
        warnings.simplefilter("ignore", DeprecationWarning)
        import asyncwb.sync as wandb
        from asyncwb.errors import ForkedError

        run = wandb.init(id="forked", group="g")
        made = wandb.Artifact("forked", "dataset")
        with made.new_file("a") as file:
            file.write("1")
        on_its_way = run.log_artifact(made)
        other = wandb.Artifact("other", "dataset")
        child = os.fork()
        if child == 0:
            seen = 0
            for call in (
                lambda: on_its_way.wait(), lambda: run.log_artifact(other),
                lambda: run.use_artifact("forked:latest"), lambda: run.link_artifact(made, "x"),
                lambda: run.upsert_artifact(other), lambda: run.log_code(),
                lambda: run.log_model("."), lambda: run.use_model("x:latest"),
            ):
                try:
                    call()
                except ForkedError:
                    seen += 1
            os._exit(seen)
        _, status = os.waitpid(child, 0)
        version = on_its_way.wait().version
        run.finish()
        print(os.waitstatus_to_exitcode(status), version)
        """
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        capture_output=True, text=True, timeout=50, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["8", "v0"]


# -- waiting --------------------------------------------------------------------------------


async def test_waits_that_end_early_harm_nothing(
    api: Api, server: LocalServer, here: pytest.MonkeyPatch
) -> None:
    async with FaultProxy(server.url, silence_seconds=0.3) as proxy:
        here.setenv("WANDB_BASE_URL", proxy.url)
        async with asyncwb.init() as run:
            proxy.silent = True
            made = await run.log_artifact(draft("patient", a="1"))
            with pytest.raises(WaitTimeoutError, match=r"0\.1 s"):
                await made.wait(0.1)
            assert made.is_draft()
            for _ in range(3):
                with anyio.move_on_after(0.05) as scope:
                    await made.wait()
                assert scope.cancelled_caught
            proxy.silent = False
            with anyio.fail_after(40):
                assert (await made.wait(30)).version == "v0"
            # Several may wait, and what is there needs no waiting.
            async with anyio.create_task_group() as group:
                second = await run.log_artifact(draft("patient", a="2"))
                for _ in range(3):
                    group.start_soon(second.wait)
            assert await made.wait(0) is made
    here.setenv("WANDB_BASE_URL", server.url)
    assert await versions(Api({"project": "ends"}), "patient") == [{"a": "1"}, {"a": "2"}]


async def test_a_draft_that_nobody_logged_cannot_be_waited_for() -> None:
    with pytest.raises(UsageError):
        await draft("nobody", a="1").wait()


async def test_a_thousand_files_do_not_stall_the_callers_loop(
    api: Api, here: pytest.MonkeyPatch
) -> None:
    """The record of a long manifest is made while the caller's loop goes round."""
    loop_thread = threading.get_ident()
    rounds = 0
    seen: list[int] = []
    went_on = threading.Event()

    def slow(wanted: Draft) -> ArtifactRecord:
        assert threading.get_ident() != loop_thread
        went_on.clear()
        assert went_on.wait(20), "the caller's loop stood still"
        seen.append(len(wanted.manifest))
        return record_of(wanted)

    here.setattr(artifact_log, "record_of", slow)
    for n in range(1000):
        write(f"many/{n % 10}/{n}.txt", str(n))
    logged = False

    async def turn() -> None:
        nonlocal rounds
        while not logged:
            rounds += 1
            went_on.set()
            await anyio.lowlevel.checkpoint()

    async with asyncwb.init() as run:
        made = Artifact("many", "dataset")
        async with anyio.create_task_group() as group:
            group.start_soon(turn)
            await made.add_dir("many")
            hashed = rounds
            await run.log_artifact(made)
            logged = True
        assert hashed > 10
        assert seen == [1000]
        await made.wait()
    found = {f"{n % 10}/{n}.txt": str(n) for n in range(1000)}
    assert await contents(await api.artifact("many")) == found
