"""Files of runs when something breaks: the network, the store, the process."""

from __future__ import annotations

import os
import signal
import sys
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anyio
import pytest
from run_files import SECONDS, stored, write

from asyncwb.errors import (
    CommError,
    ServerError,
    WaitTimeoutError,
)
from asyncwb.journal import Journal
from asyncwb.portal import PORTAL
from asyncwb.run import init
from asyncwb.sender import sync_folder
from asyncwb.settings import resolve
from asyncwb.testing import LocalServer, local_server
from asyncwb.testing.faults import Fault, FaultProxy
from asyncwb.transport import Transport

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
    return monkeypatch


async def run_script(code: str, *flags: str, status: int = 0) -> tuple[str, str]:
    """Run Python in a process of its own; what it printed, to stdout and to stderr."""
    command = [sys.executable, *flags, "-c", textwrap.dedent(code)]
    with anyio.fail_after(SECONDS):
        done = await anyio.run_process(command, check=False)
    assert done.returncode == status, done.stderr.decode()
    return done.stdout.decode(), done.stderr.decode()


def puts(method: str, path: str) -> bool:
    return method == "PUT"


@pytest.mark.parametrize(
    "fault",
    [
        Fault.STATUS_500,
        Fault.STATUS_502,
        Fault.STATUS_429,
        Fault.RESET_BEFORE,
        Fault.RESET_AFTER,
        Fault.TRUNCATE,
    ],
)
async def test_uploads_that_break_are_repeated(
    server: LocalServer, here: pytest.MonkeyPatch, fault: Fault
) -> None:
    blob = os.urandom(500_000)
    write("blob.bin", blob)
    write("small.txt", "small")
    async with FaultProxy(server.url, script=[fault] * 3, match=puts) as proxy:
        here.setenv("WANDB_BASE_URL", proxy.url)
        async with init("p") as run:
            await run.save("blob.bin", policy="now")
            await run.save("small.txt", policy="now")
            await run.flush(SECONDS)
            assert run.status().files_failed == ()
        assert proxy.done[fault] == 3
    assert await stored(run.path, server) == {"blob.bin": blob, "small.txt": b"small"}


async def test_a_file_that_is_refused_is_reported_raised_and_sent_later(
    here: pytest.MonkeyPatch,
) -> None:
    write("a.txt", "a")
    write("b.txt", "b")
    real = Transport.put

    async def put(self: Transport, url: str, source: Any, **arguments: Any) -> Any:
        if "a.txt" in url:
            raise ServerError("500: the store is full")
        return await real(self, url, source, **arguments)

    run = await init("p")
    with here.context() as patch:
        patch.setattr(Transport, "put", put)
        await run.save("?.txt", policy="now")
        with pytest.raises(CommError, match=r"'a\.txt' could not be uploaded: .*store is full"):
            await run.flush(SECONDS)
        assert run.status().files_failed == ("a.txt",)
        await run.log({"rows": "go on"})
        with pytest.raises(CommError, match=r"'a\.txt'"):
            await run.finish()
    assert run.status().state == "unsent"
    assert await stored(run) == {"b.txt": b"b"}
    result = await PORTAL.acall(sync_folder, Path(run.dir).parent, resolve())
    assert (result.state, result.error) == ("synced", None)
    assert await stored(run) == {"a.txt": b"a", "b.txt": b"b"}


async def test_a_journal_in_memory_takes_files_all_the_same(here: pytest.MonkeyPatch) -> None:
    real = Journal.create

    def nowhere(path: Path, **arguments: Any) -> Journal:
        return real(Path("/dev/null/no-folder") / path.name, **arguments)

    here.setattr(Journal, "create", nowhere)
    write("a.txt", "a")
    async with init("p") as run:
        assert run.status().journal is None
        await run.save("a.txt")
    assert await stored(run) == {"a.txt": b"a"}


async def test_finish_says_which_files_are_missing_in_time(
    server: LocalServer, here: pytest.MonkeyPatch
) -> None:
    for n in range(3):
        write(f"{n}.txt")
    async with FaultProxy(server.url) as proxy:
        here.setenv("WANDB_BASE_URL", proxy.url)
        run = await init("p")
        proxy.silent = True
        await run.save("?.txt", policy="now")
        with anyio.fail_after(10), pytest.raises(WaitTimeoutError) as caught:
            await run.finish(timeout=2)
    assert "files are not uploaded" in str(caught.value)
    assert "asyncwb sync" in str(caught.value)
    here.setenv("WANDB_BASE_URL", server.url)
    result = await PORTAL.acall(sync_folder, Path(run.dir).parent, resolve())
    assert result.state == "synced"
    assert set(await stored(run.path, server)) == {"0.txt", "1.txt", "2.txt"}


@pytest.mark.parametrize("moving", [True, False])
async def test_finish_waits_as_long_as_bytes_move(here: pytest.MonkeyPatch, moving: bool) -> None:
    """A large file may take longer than the patience with a server that does nothing."""
    write("large.bin")
    ended = False

    async def put(self: Transport, url: str, source: Any, *, on_sent: Any, **_: Any) -> None:
        nonlocal ended
        for _ in range(25):
            await anyio.sleep(0.1)
            if moving:
                on_sent(1000)
        ended = True

    here.setattr(Transport, "put", put)
    run = await init("p", settings={"exit_timeout": 1.0})
    await run.save("large.bin", policy="now")
    if moving:
        await run.finish()
        assert ended
    else:
        with pytest.raises(WaitTimeoutError, match="files are not uploaded"):
            await run.finish()


@pytest.mark.parametrize("policy", ["now", "end", "live"])
async def test_a_killed_process_leaves_its_files_to_a_sync(policy: str) -> None:
    write("a.txt", "not sent yet")
    code = f"""
    import os, signal, asyncwb.sync as w
    run = w.init("p")
    run.save("a.txt", policy={policy!r})
    print(run.path, os.path.dirname(run.dir), flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
    """
    shown, _ = await run_script(code, status=-signal.SIGKILL)
    path, folder = shown.split()
    assert await stored(path) == {}
    result = await PORTAL.acall(sync_folder, Path(folder), resolve())
    assert result.state == "synced"
    assert await stored(path) == {"a.txt": b"not sent yet"}


async def test_an_exit_without_finish_sends_the_files() -> None:
    code = """
    import pathlib, asyncwb.sync as w
    run = w.init("p")
    for policy in ("now", "end", "live"):
        pathlib.Path(policy).write_text(policy)
        run.save(policy, policy=policy)
    print(run.path)
    """
    path, trouble = await run_script(code, "-W", "error")
    assert trouble == ""
    assert await stored(path.strip()) == {
        policy: policy.encode() for policy in ("now", "end", "live")
    }


async def test_a_fork_while_a_file_is_watched() -> None:
    code = """
    import os, asyncwb.sync as w
    from asyncwb.errors import ForkedError
    open("a.txt", "w").write("1")
    run = w.init("p")
    run.save("a.txt")
    run.flush(30)
    child = os.fork()
    if child == 0:
        try:
            run.save("a.txt")
        except ForkedError:
            other = w.init("p", id="child")
            other.save("a.txt")
            other.finish()
            os._exit(7)
        os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
    open("a.txt", "w").write("22")
    run.finish()
    print(run.path)
    """
    path, _ = await run_script(code)
    assert await stored(path.strip()) == {"a.txt": b"22"}
    assert await stored("p/child") == {"a.txt": b"1"}


async def test_offline_files_are_sent_by_a_sync(caplog: pytest.LogCaptureFixture) -> None:
    for name in ("now", "end", "live", "gone"):
        write(f"{name}.txt", "1")
    async with init("p", mode="offline") as run:
        for name in ("now", "end", "live"):
            await run.save(f"{name}.txt", policy=name)  # type: ignore[arg-type]
        await run.save("gone.txt")
    # The folder holds links: what a sync sends is what is there by then.
    write("now.txt", "22")
    Path("gone.txt").unlink()
    result = await PORTAL.acall(sync_folder, Path(run.dir).parent, resolve())
    assert (result.state, result.error) == ("synced", None)
    expected = {"now.txt": b"22", "end.txt": b"1", "live.txt": b"1"}
    assert await stored(f"p/{run.id}") == expected
    assert caplog.text.count("'gone.txt' is gone") == 1
