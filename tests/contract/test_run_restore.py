"""`restore`: from the folder, from the server, from another run."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from run_files import SECONDS, stored, write

import asyncwb.sync
from asyncwb.errors import (
    InvalidValueError,
    RunNotFoundError,
    UsageError,
)
from asyncwb.portal import PORTAL
from asyncwb.run import init
from asyncwb.run.restoring import restore
from asyncwb.testing import LocalServer, local_server
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


@pytest.fixture(scope="module")
def source(server: LocalServer, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A finished run with two files; its path."""
    folder = tmp_path_factory.mktemp("source")
    write(folder / "src/a.txt", "stored")
    write(folder / "src/sub/b.txt", "b")
    settings = {**server.settings, "silent": True}
    with asyncwb.sync.init("restore", dir=folder, settings=settings) as run:
        run.save(folder / "src/a.txt", base_path=folder / "src")
        run.save(folder / "src/sub/*", base_path=folder / "src")
    # Each test starts a loop of its own, and leaves none.
    PORTAL.restart()
    return run.path


async def test_restore_downloads_what_is_needed(
    source: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    real = Transport.stream

    def stream(self: Transport, url: str, **arguments: Any) -> Any:
        asked.append(url)
        return real(self, url, **arguments)

    monkeypatch.setattr(Transport, "stream", stream)
    async with init("p") as run:
        for _ in range(2):
            file = await run.restore("sub/b.txt", source)
            assert file is not None
            with file:
                assert (file.read(), file.name) == ("b", f"{run.dir}/sub/b.txt")
        assert len(asked) == 1
        write(f"{run.dir}/sub/b.txt", "changed")
        for replace, text in ((False, "changed"), (True, "b")):
            with await run.restore("sub/b.txt", source, replace=replace) as file:  # type: ignore[union-attr]
                assert file.read() == text
        with await run.restore("a.txt", source, root="other") as file:  # type: ignore[union-attr]
            assert (file.read(), file.name) == ("stored", "other/a.txt")
    assert sorted(os.listdir("other")) == ["a.txt"]
    # What is only restored is not saved.
    assert await stored(run) == {}


async def test_restore_of_ones_own_file_leaves_the_users_alone() -> None:
    """The run's folder holds a link to the user's file: a download replaces the link."""
    path = write("mine.txt", "first")
    async with init("p") as run:
        await run.save("mine.txt", policy="now")
        await run.flush(SECONDS)
        path.write_text("second")
        with await run.restore("mine.txt") as file:  # type: ignore[union-attr]
            assert file.read() == "second"
        with await run.restore("mine.txt", replace=True) as file:  # type: ignore[union-attr]
            assert file.read() == "first"
        assert path.read_text() == "second"


async def test_restore_of_what_is_not_there(source: str) -> None:
    async with init("p") as run:
        assert await run.restore("no-such.txt", source) is None
        with pytest.raises(RunNotFoundError):
            await run.restore("a.txt", "restore/no-such-run")
        for name in ("../a.txt", "/etc/hostname", "sub/../../a.txt", ""):
            with pytest.raises(InvalidValueError):
                await run.restore(name, source)
        write("outside/a.txt")
        Path(run.dir, "link").symlink_to(Path("outside").absolute())
        with pytest.raises(InvalidValueError, match="link"):
            await run.restore("link/a.txt", source)
        write("blocked", "a file")
        with pytest.raises(UsageError, match="cannot be written"):
            await run.restore("a.txt", source, root="blocked/folder")


async def test_a_server_that_knows_no_such_file_says_so(
    source: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Some list every name that is asked for, with "0" as the digest of what is not there."""
    from asyncwb.api.files import File

    real = File.__init__

    def unknown(self: File, *arguments: Any) -> None:
        real(self, *arguments)
        self.md5 = "0"

    monkeypatch.setattr(File, "__init__", unknown)
    async with init("p") as run:
        with pytest.raises(InvalidValueError, match=r"has no file 'a\.txt'"):
            await run.restore("a.txt", source)


async def test_restore_in_other_modes(source: str) -> None:
    async with init("p", mode="offline") as run:
        write(f"{run.dir}/here.txt", "here")
        with await run.restore("here.txt") as file:  # type: ignore[union-attr]
            assert file.read() == "here"
        assert await run.restore("not-here.txt") is None
        # Another run may well be asked for.
        with await run.restore("a.txt", source) as file:  # type: ignore[union-attr]
            assert file.read() == "stored"
    async with init("p", mode="disabled") as run:
        assert await run.restore("a.txt", source, root=".") is None


async def test_restore_without_a_run(source: str) -> None:
    with pytest.raises(InvalidValueError, match="run_path"):
        await restore("a.txt")
    with await restore("a.txt", source) as file:  # type: ignore[union-attr]
        assert (file.read(), Path(file.name).resolve()) == ("stored", Path("a.txt").resolve())
    async with init("p") as run:
        with await restore("a.txt", source) as file:  # type: ignore[union-attr]
            assert file.name == f"{run.dir}/a.txt"


def test_the_blocking_face(source: str) -> None:
    write("a.txt", "live")
    with asyncwb.sync.init("p") as run:
        assert run.save("a.txt") == [f"{run.dir}/a.txt"]
        with run.restore("sub/b.txt", source) as file:  # type: ignore[union-attr]
            assert file.read() == "b"
