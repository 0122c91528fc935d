"""Files of live runs against the embedded server: what is saved is what the Api reads."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anyio
import pytest
import watchfiles._rust_notify
from run_files import OWN, SECONDS, arrives, stored, write
from transports import until

from asyncwb.api import Api
from asyncwb.filestream import FileStream
from asyncwb.run import init
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
    return monkeypatch


async def test_a_flush_means_that_the_files_are_there(monkeypatch: pytest.MonkeyPatch) -> None:
    named: list[str] = []
    real = FileStream.send

    async def send(self: FileStream, chunk: Any) -> Any:
        named.extend(chunk.uploaded)
        return await real(self, chunk)

    monkeypatch.setattr(FileStream, "send", send)
    blob = os.urandom(3_000_000)
    write("data/blob.bin", blob)
    write("data/sub/small ü 100%?.txt", "small")
    write("late.txt", "late")
    async with init("p") as run:
        await run.save("data/*.bin")
        await run.save("data/sub/*", policy="now")
        await run.save("late.txt", policy="end")
        await run.flush(SECONDS)
        now = {"data/blob.bin": blob, "data/sub/small ü 100%?.txt": b"small"}
        assert await stored(run) == now
        assert run.status().files_uploaded == 2
    assert await stored(run) == {**now, "late.txt": b"late"}
    assert (run.status().files_waiting, run.status().files_failed) == (0, ())
    # The file stream names every file once: that is what makes it visible on other servers.
    assert sorted(set(named) - OWN) == sorted([*now, "late.txt"])
    assert len(named) == len(set(named))


async def test_each_policy_sends_what_it_promises() -> None:
    for name in ("now", "end", "live"):
        write(f"{name}.txt", "1")
    async with init("p") as run:
        for name in ("now", "end", "live"):
            await run.save(f"{name}.txt", policy=name)  # type: ignore[arg-type]
        await run.flush(SECONDS)
        assert await stored(run) == {"now.txt": b"1", "live.txt": b"1"}
        for name in ("now", "end", "live"):
            write(f"{name}.txt", "22")
        await arrives(run, "live.txt", b"22")
        assert (await stored(run))["now.txt"] == b"1"
        write("live.new", "333")
        Path("live.new").replace("live.txt")
        await arrives(run, "live.txt", b"333")
        write("live.txt", "4444")
        write("end.txt", "4444")
    assert await stored(run) == {"now.txt": b"1", "end.txt": b"4444", "live.txt": b"4444"}


async def test_a_live_file_is_watched_where_it_is() -> None:
    """Hard links, and a second save that puts another file in the place of the first."""
    write("one/a.txt", "1")
    write("two/a.txt", "2")
    write("hard.txt", "1")
    async with init("p", settings={"symlink": False}) as run:
        await run.save("hard.txt")
        await run.flush(SECONDS)
        write("hard.txt", "changed")
        await arrives(run, "hard.txt", b"changed")
    async with init("p") as run:
        await run.save("one/a.txt", base_path="one")
        await arrives(run, "a.txt", b"1")
        await run.save("two/a.txt", base_path="two")
        await arrives(run, "a.txt", b"2")
        write("two/a.txt", "changed")
        await arrives(run, "a.txt", b"changed")


async def test_saved_again_and_unchanged_it_is_not_sent_again() -> None:
    path = write("a.txt", "1")
    async with init("p") as run:
        for _ in range(3):
            await run.save("a.txt", policy="now")
            await run.flush(SECONDS)
        assert run.status().files_uploaded == 1
        path.write_text("22")
        await run.save("a.txt", policy="now")
        await run.flush(SECONDS)
        assert run.status().files_uploaded == 2
        assert await stored(run) == {"a.txt": b"22"}


async def test_a_growing_file_holds_up_no_flush_and_no_end() -> None:
    path = write("grows.log", "0")
    async with init("p") as run, anyio.create_task_group() as group:

        async def grow() -> None:
            while True:
                with path.open("a") as file:  # noqa: ASYNC230
                    file.write("1" * 1000)
                await anyio.sleep(0.001)

        await run.save("grows.log")
        group.start_soon(grow)
        for n in range(3):
            await run.log({"n": n})
            await run.flush(SECONDS)
        await run.finish()
        group.cancel_scope.cancel()
    content = (await stored(run))["grows.log"]
    assert content == b"0" + b"1" * (len(content) - 1)


async def test_one_watcher_for_many_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    alive = 0
    most = 0
    real = watchfiles._rust_notify.RustNotify

    class Counted:
        def __init__(self, *arguments: Any) -> None:
            nonlocal alive, most
            self.watch, self.end = (it := real(*arguments)).watch, it.close
            alive += 1
            most = max(most, alive)

        def close(self) -> None:
            nonlocal alive
            alive -= 1
            self.end()

    monkeypatch.setattr(watchfiles._rust_notify, "RustNotify", Counted)
    runs = [await init("p", reinit="create_new") for _ in range(6)]
    for n, run in enumerate(runs):
        write(f"many/{n}.txt", "1")
        await run.save(f"many/{n}.txt")
    for run in runs:
        await run.flush(SECONDS)
    for n in range(6):
        write(f"many/{n}.txt", "changed")
    for n, run in enumerate(runs):
        await arrives(run, f"many/{n}.txt", b"changed")
        await run.finish()
    # While the folders change there are two for a moment, so that nothing is missed.
    assert 1 <= most <= 2
    await until(lambda: alive == 0, SECONDS)


async def test_the_runs_own_files_are_never_written_through_a_link() -> None:
    """A link of that name in the run's folder may lead to a file of the user's."""
    async with init("p", config={"a": 1}) as run:
        for name in ("config.yaml", "wandb-summary.json"):
            Path(run.dir, name).symlink_to(write(name, "mine"))
    for name in ("config.yaml", "wandb-summary.json"):
        assert Path(name).read_text() == "mine"
        assert "mine" not in Path(run.dir, name).read_text()


async def test_more_files_than_one_announcement_takes() -> None:
    for n in range(350):
        write(f"many/{n}", f"{n}")
    async with init("p") as run:
        assert len(await run.save("many/*", policy="now")) == 350
    found = await Api().run(run.path)
    assert {f.name: f.size async for f in found.files() if f.name not in OWN} == {
        f"many/{n}": len(str(n)) for n in range(350)
    }


async def test_ignored_files_stay_here(here: pytest.MonkeyPatch) -> None:
    here.setenv("WANDB_IGNORE_GLOBS", "*.log, data/secret*,config.yaml")
    for name in ("a.log", "data/a.log", "data/secret.txt", "data/open.txt"):
        write(name)
    async with init("p") as run:
        await run.save("a.log")
        assert len(await run.save("data/*")) == 3
    assert set(await stored(run)) == {"data/a.log", "data/open.txt"}
    found = await Api().run(run.path)
    assert "config.yaml" not in [file.name async for file in found.files()]
