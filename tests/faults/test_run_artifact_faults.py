"""Artifacts of runs whose process, network or server fails: every version exactly once."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anyio
import anyio.to_thread
import pytest
from run_artifacts import contents, copies, draft, inputs, outputs, versions

import asyncwb
from asyncwb.api import Api
from asyncwb.artifacts.artifact import Artifact
from asyncwb.errors import WaitTimeoutError
from asyncwb.portal import PORTAL
from asyncwb.sender.offline import sync_folder
from asyncwb.settings import resolve
from asyncwb.testing import LocalServer, local_server
from asyncwb.testing.faults import Fault, FaultProxy

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from asyncwb.sender.offline import SyncResult

pytestmark = pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="no kill -9 here")

SECONDS = 40.0


@pytest.fixture(scope="module")
def server() -> Iterator[LocalServer]:
    with local_server() as running:
        yield running


@pytest.fixture(autouse=True)
def here(server: LocalServer, monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for name, value in server.env.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("WANDB_SILENT", "true")
    monkeypatch.setenv("WANDB_PROJECT", "faults")
    monkeypatch.setenv("WANDB_X_DISABLE_STATS", "true")
    return monkeypatch


@pytest.fixture
def api(server: LocalServer) -> Api:
    """Asks the server itself, whatever proxy a run is told of."""
    return Api({**server.settings, "project": "faults"})


async def sync(folder: Path, server: LocalServer, *, force: bool = False) -> SyncResult:
    return await PORTAL.acall(sync_folder, folder, resolve(server.settings), force=force)


# -- the process is killed ------------------------------------------------------------------


class Fate(FaultProxy):
    """Answers nothing any more from a certain request on, the last one that the server gets.

    Args:
        upstream: The server.
        kind: A part of the path or the body of the request; "" for none.
        number: Which of them, counted from 1.
    """

    def __init__(self, upstream: str, kind: str, number: int) -> None:
        super().__init__(upstream)
        self.reached = threading.Event()
        self._kind = kind.encode()
        self._left = number

    async def _serve_one(self, head: Any, body: bytes, line: Any, writer: Any) -> bool:
        if self._kind and self._kind in head.first[1].encode() + body:
            self._left -= 1
            if self._left == 0:
                await line.ask(self.upstream, head, body)
                self.reached.set()
        if self.reached.is_set():
            await asyncio.sleep(60)
        return await super()._serve_one(head, body, line, writer)


WRITER = """
import os, signal, sys, time
import asyncwb.sync as wandb

name, end = sys.argv[1:]

def draft(incremental=False, **files):
    made = wandb.Artifact(name, "dataset", incremental=incremental)
    for path, text in files.items():
        with made.new_file(path) as file:
            file.write(text)
    return made

with wandb.init(id=f"run-{name}") as run:
    run.log({"x": 1})
    for n in range(3):
        run.log_artifact(draft(**{f"f{m}": f"{name} {n} {m}" for m in range(4)}), aliases=f"is-{n}")
    last = run.log_artifact(draft(incremental=True, f0="new", more=f"{name} more"))
    print(run.sync_dir, flush=True)
    if end == "waited":
        last.wait()
    if end in ("logged", "waited"):
        os.kill(os.getpid(), signal.SIGKILL)
    time.sleep(50)
"""


def expected(name: str) -> list[dict[str, str]]:
    full = [{f"f{m}": f"{name} {n} {m}" for m in range(4)} for n in range(3)]
    return [*full, {**full[2], "f0": "new", "more": f"{name} more"}]


def killed(server: LocalServer, command: list[str], kind: str, number: int) -> str:
    """Run a program until its request of a kind, kill it then; what it printed."""
    with Fate(server.url, kind, number) as proxy:
        program = subprocess.Popen(
            command,
            env=os.environ | {"WANDB_BASE_URL": proxy.url},
            stdout=subprocess.PIPE,
            text=True,
        )
        try:
            if kind:
                assert proxy.reached.wait(SECONDS)
                program.kill()
            printed, _ = program.communicate(timeout=SECONDS)
        finally:
            program.kill()
            program.wait()
    assert program.returncode == -signal.SIGKILL
    return printed


async def eventually(true: Callable[[], object]) -> None:
    with anyio.fail_after(SECONDS):
        while not true():  # noqa: ASYNC110 - the server tells nobody
            await anyio.sleep(0.02)


POINTS = [
    # As soon as it is in the journal; when the last one is there.
    ("logged", "", 0),
    ("waited", "", 0),
    # Amid the files of the first and of the second version.
    ("files", "artifact-put", 2),
    ("files-2", "artifact-put", 6),
    # The manifest of the first one, and that of the incremental one, are there.
    ("manifest", "manifest-put", 1),
    ("manifest-4", "manifest-put", 4),
    # They are committed, and the process does not know.
    ("commit", "commitArtifact", 1),
    ("commit-4", "commitArtifact", 4),
]
MORE_POINTS = [
    *((f"put-{n}", "artifact-put", n) for n in range(1, 14)),
    *((f"listed-{n}", "manifest-put", n) for n in range(1, 5)),
    *((f"created-{n}", "createArtifact(", n) for n in range(1, 5)),
    *((f"committed-{n}", "commitArtifact", n) for n in range(2, 4)),
]


@pytest.mark.parametrize(
    ("end", "kind", "number"),
    [*POINTS, *(pytest.param(*point, marks=pytest.mark.slow) for point in MORE_POINTS)],
)
async def test_a_killed_run_is_completed_by_its_sync(
    server: LocalServer, api: Api, end: str, kind: str, number: int
) -> None:
    name = f"killed-{end}"
    command = [sys.executable, "-c", WRITER, name, end]
    printed = await anyio.to_thread.run_sync(killed, server, command, kind, number)
    folder = Path(printed.strip())
    result = await sync(folder, server)
    assert (result.state, result.error) == ("synced", None)
    assert await versions(api, name) == expected(name)
    for n in range(4):
        aliases = sorted((await api.artifact(f"{name}:v{n}")).aliases)
        assert aliases == ([f"is-{n}"] if n < 3 else ["latest"])
    assert await outputs(api, f"faults/run-{name}") == [f"{name}:v{n}" for n in range(4)]
    assert copies() == []

    # Somebody goes on; another sync changes nothing.
    async with asyncwb.init() as other:
        await other.log_artifact(draft(name, newer=f"{name} newer"), aliases=["is-1"])
    for force in (False, True):
        again = await sync(folder, server, force=force)
        assert again.state == ("synced" if force else "skipped")
        assert sorted((await api.artifact(f"{name}:v4")).aliases) == ["is-1", "latest"]
        assert await api.artifacts("dataset", name).length() == 5


async def test_what_was_committed_before_the_kill_takes_no_alias_back(
    server: LocalServer, api: Api
) -> None:
    """The server has a version, which another run superseded before the sync."""
    name = "unnoted"
    command = [sys.executable, "-c", WRITER, name, "sleep"]
    printed = await anyio.to_thread.run_sync(killed, server, command, "commitArtifact", 1)
    folder = Path(printed.strip())
    async with asyncwb.init() as other:
        await other.log_artifact(draft(name, newer=f"{name} newer"), aliases=["is-0"])
    result = await sync(folder, server)
    assert (result.state, result.error) == ("synced", None)
    full = expected(name)
    assert await versions(api, name) == [full[0], {"newer": f"{name} newer"}, *full[1:]]
    assert (await api.artifact(f"{name}:is-0")).version == "v1"
    assert (await api.artifact(f"{name}:latest")).version == "v4"
    # And once more without any memory: nothing is left to do.
    (folder / f"run-run-{name}.wandb.ack").unlink()
    async with asyncwb.init() as other:
        await other.log_artifact(draft(name, newest=f"{name} newest"), aliases=["is-1", "is-2"])
    assert (await sync(folder, server, force=True)).error is None
    assert await api.artifacts("dataset", name).length() == 6
    assert sorted((await api.artifact(f"{name}:v5")).aliases) == ["is-1", "is-2", "latest"]


# -- a sync is killed -----------------------------------------------------------------------


async def offline_run(name: str) -> Path:
    """A run that logs, uses and links, and a draft twice."""
    async with asyncwb.init(id=f"run-{name}", mode="offline", group="g") as run:
        made = draft(name, **{f"f{m}": f"{name} {m}" for m in range(4)})
        await run.log_artifact(made, aliases=["first"])
        await run.log_artifact(made, aliases=["second"])
        await run.link_artifact(made, f"{name}-shelf", aliases=["x"])
        derived = Artifact(f"{name}-derived", "dataset")
        await derived.add_reference(made.get_entry("f1"), name="far")
        await run.log_artifact(derived)
        given = draft(f"{name}-given", g=f"{name} given")
        await run.use_artifact(given)
        await run.link_artifact(given, f"{name}-shelf")
        await run.upsert_artifact(draft(f"{name}-parts", a=f"{name} a"))
        await run.finish_artifact(draft(f"{name}-parts", b=f"{name} b"))
    journal = run.status().journal
    assert journal is not None
    return Path(journal).parent


async def check_offline_run(api: Api, name: str) -> None:
    assert await versions(api, name) == [{f"f{m}": f"{name} {m}" for m in range(4)}]
    assert sorted((await api.artifact(name)).aliases) == ["first", "latest", "second"]
    assert await contents(await api.artifact(f"{name}-derived")) == {"far": f"{name} 1"}
    assert await versions(api, f"{name}-given") == [{"g": f"{name} given"}]
    assert await versions(api, f"{name}-parts") == [{"a": f"{name} a", "b": f"{name} b"}]
    links = [one async for one in api.artifacts("dataset", f"{name}-shelf")]
    assert sorted(one.source_name for one in links) == [f"{name}-given:v0", f"{name}:v0"]
    assert (await api.artifact(f"{name}-shelf:x")).source_name == f"{name}:v0"
    path = f"faults/run-{name}"
    made = [f"{name}-derived:v0", f"{name}-parts:v0", f"{name}:v0"]
    assert await outputs(api, path) == made
    assert await inputs(api, path) == [f"{name}-given:v0"]
    assert copies() == []


SYNC_POINTS = [
    *(("artifact-put", n) for n in (1, 4, 7)),
    *(("commitArtifact", n) for n in (1, 3, 4)),
    ("linkArtifact", 1),
    ("useArtifact", 1),
]


@pytest.mark.parametrize(
    ("kind", "number"),
    [
        *SYNC_POINTS,
        *(
            pytest.param(kind, number, marks=pytest.mark.slow)
            for kind, last in (("artifact-put", 7), ("manifest-put", 5), ("commitArtifact", 4))
            for number in range(1, last + 1)
            if (kind, number) not in SYNC_POINTS
        ),
    ],
)
async def test_a_sync_that_was_killed_can_be_repeated(
    server: LocalServer, api: Api, kind: str, number: int
) -> None:
    name = f"sync-{kind}-{number}"
    folder = await offline_run(name)
    command = [sys.executable, "-m", "asyncwb", "sync", str(folder)]
    await anyio.to_thread.run_sync(killed, server, command, kind, number)
    result = await sync(folder, server)
    assert (result.state, result.error) == ("synced", None)
    await check_offline_run(api, name)
    assert (await sync(folder, server)).state == "skipped"


@pytest.mark.parametrize("what", ["given", "parts", "grown"])
async def test_a_commit_whose_answer_never_came(server: LocalServer, api: Api, what: str) -> None:
    name = f"unanswered-{what}"
    async with asyncwb.init() as run:
        await run.log_artifact(draft(name, a=f"{name} a"))
    async with asyncwb.init(id=f"run-{name}", mode="offline", group=name) as run:
        if what == "given":
            await run.use_artifact(draft(name, b=f"{name} b"))
        elif what == "parts":
            await run.finish_artifact(draft(name, b=f"{name} b"))
        else:
            more = Artifact(name, "dataset", incremental=True)
            with more.new_file("b") as file:
                file.write(f"{name} b")
            await run.log_artifact(more)
    journal = run.status().journal
    assert journal is not None
    folder = Path(journal).parent
    command = [sys.executable, "-m", "asyncwb", "sync", str(folder)]
    await anyio.to_thread.run_sync(killed, server, command, "commitArtifact", 1)
    assert (await sync(folder, server)).state == "synced"
    base = {"a": f"{name} a"} if what == "grown" else {}
    assert await versions(api, name) == [{"a": f"{name} a"}, {**base, "b": f"{name} b"}]
    path = f"faults/run-{name}"
    found = (await inputs(api, path), await outputs(api, path))
    assert found == (([f"{name}:v1"], []) if what == "given" else ([], [f"{name}:v1"]))


async def test_a_sync_without_any_memory_of_the_first_one(server: LocalServer, api: Api) -> None:
    name = "forgotten"
    folder = await offline_run(name)
    assert (await sync(folder, server)).state == "synced"
    for path in (*folder.glob("*.ack"), *folder.glob("*.synced")):
        path.unlink()
    result = await sync(folder, server)
    assert (result.state, result.error) == ("synced", None)
    await check_offline_run(api, name)


async def test_a_cancelled_sync_can_be_repeated(
    server: LocalServer, api: Api, here: pytest.MonkeyPatch
) -> None:
    name = "cancelled"
    folder = await offline_run(name)
    with Fate(server.url, "artifact-put", 3) as proxy:
        settings = {**server.settings, "base_url": proxy.url}
        with anyio.CancelScope() as scope:
            async with anyio.create_task_group() as group:
                group.start_soon(PORTAL.acall, sync_folder, folder, resolve(settings))
                await eventually(proxy.reached.is_set)
                scope.cancel()
    assert (await sync(folder, server)).state == "synced"
    await check_offline_run(api, name)


# -- the server and the network -------------------------------------------------------------


async def log_many(run: asyncwb.Run, name: str, number: int) -> None:
    for n in range(number):
        await run.log_artifact(draft(name, **{f"f{m}": f"{name} {n} {m}" for m in range(6)}))
        await run.log_artifact(draft(f"{name}-{n % 2}", f=f"{name} {n}"))


async def check_many(api: Api, name: str, number: int) -> None:
    full = [{f"f{m}": f"{name} {n} {m}" for m in range(6)} for n in range(number)]
    assert await versions(api, name) == full
    for k in range(2):
        others = [{"f": f"{name} {n}"} for n in range(k, number, 2)]
        assert await versions(api, f"{name}-{k}") == others
    assert (await api.artifact(f"{name}:latest")).version == f"v{number - 1}"
    assert copies() == []


@pytest.mark.parametrize(
    ("rate", "number"), [(0.25, 4), pytest.param(0.4, 12, marks=pytest.mark.slow)]
)
@pytest.mark.timeout(300)
async def test_a_share_of_the_requests_fails(
    server: LocalServer, api: Api, here: pytest.MonkeyPatch, rate: float, number: int
) -> None:
    name = f"share-{number}"
    async with FaultProxy(server.url, rate=rate, seed=7, slow_seconds=0.02) as proxy:
        here.setenv("WANDB_BASE_URL", proxy.url)
        async with asyncwb.init(settings={"exit_timeout": 200}) as run:
            await log_many(run, name, number)
        assert proxy.faulted > 3
    assert run.status().artifacts_failed == ()
    await check_many(api, name, number)


@pytest.mark.parametrize("fault", [Fault.STATUS_500, Fault.STATUS_502, Fault.RESET_AFTER])
@pytest.mark.parametrize("kind", ["-put", "graphql"])
async def test_answers_of_one_kind_are_lost(
    server: LocalServer, api: Api, here: pytest.MonkeyPatch, fault: Fault, kind: str
) -> None:
    name = f"lost{kind}-{fault.name.lower()}"
    logging = threading.Event()

    def hits(method: str, path: str) -> bool:
        return logging.is_set() and kind in path

    # Every other one, so that each kind of request has its turn.
    script = [fault, None] * 6
    async with FaultProxy(server.url, script=script, match=hits) as proxy:
        here.setenv("WANDB_BASE_URL", proxy.url)
        async with asyncwb.init() as run:
            logging.set()
            await log_many(run, name, 2)
        assert proxy.done[fault] >= 2
    await check_many(api, name, 2)


async def test_the_server_goes_away_amid_uploads(here: pytest.MonkeyPatch) -> None:
    with local_server() as server:
        for name, value in server.env.items():
            here.setenv(name, value)
        api = Api({**server.settings, "project": "faults"})
        async with asyncwb.init() as run:
            await log_many(run, "gone", 3)
            await eventually(lambda: run.status().artifacts_done >= 1)
            await anyio.to_thread.run_sync(server.kill)
            await log_many(run, "away", 2)
            await anyio.sleep(0.3)
            await anyio.to_thread.run_sync(server.start)
        assert run.status().state == "finished"
        await check_many(api, "gone", 3)
        await check_many(api, "away", 2)


# -- a finish that cannot -------------------------------------------------------------------


def nothing_runs() -> None:
    """No task of asyncwb's loop outlives the runs."""

    async def tasks() -> list[str]:
        mine = asyncio.current_task()
        return [task.get_name() for task in asyncio.all_tasks() if task is not mine]

    deadline = time.monotonic() + 5
    while (left := PORTAL.call(tasks)) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert left == []


@pytest.mark.parametrize("phase", ["start", "before", "uploading", "refused"])
async def test_a_finish_in_time_says_how_many_artifacts_are_unsaved(
    server: LocalServer, api: Api, here: pytest.MonkeyPatch, phase: str
) -> None:
    name = f"unsaved-{phase}"

    def uploads(method: str, path: str) -> bool:
        return phase == "uploading" and "artifact-put" in path

    proxy = FaultProxy(
        server.url, rate=1.0, faults=[Fault.SILENCE], match=uploads, silence_seconds=30
    )
    async with proxy:
        here.setenv("WANDB_BASE_URL", proxy.url)
        proxy.silent = phase == "start"
        run = await asyncwb.init(wait=phase != "start")
        if phase == "refused":
            proxy.upstream = None
        elif phase == "before":
            proxy.silent = True
        await log_many(run, name, 5)
        if phase == "uploading":
            await eventually(lambda: proxy.done[Fault.SILENCE])
        with pytest.raises(WaitTimeoutError, match="and 10 artifacts are not saved") as caught:
            await run.finish(timeout=0.5)
        status = run.status()
        assert (status.state, status.artifacts_waiting, status.artifacts_done) == ("unsent", 10, 0)
        assert status.journal is not None
        folder = Path(status.journal).parent
        assert f"`asyncwb sync {folder}` sends them" in str(caught.value)
        await anyio.to_thread.run_sync(nothing_runs)
    assert len(copies()) == 10
    assert (await sync(folder, server)).state == "synced"
    await check_many(api, name, 5)


def test_a_script_that_ends_without_finish_saves_its_artifacts(server: LocalServer) -> None:
    code = textwrap.dedent(
        """
        import asyncwb.sync as wandb
        run = wandb.init(id="unfinished")
        for n in range(3):
            made = wandb.Artifact("unfinished", "dataset")
            with made.new_file("a") as file:
                file.write(str(n))
            run.log_artifact(made)
        """
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        capture_output=True, text=True, timeout=50, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    api = Api({**server.settings, "project": "faults"})
    assert PORTAL.call(versions, api, "unfinished") == [{"a": str(n)} for n in range(3)]
