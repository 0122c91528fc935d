"""`Run.save` on this machine: names, links, copies, and what is refused."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import anyio
import pytest
from run_journals import bodies

import asyncwb.sync
from asyncwb.errors import ClosedError, InvalidValueError, UsageError
from asyncwb.journal.records import FilesRecord
from asyncwb.portal import PORTAL
from asyncwb.run import init, saving
from asyncwb.run.selection import select


def write(path: str | Path, text: str = "x") -> Path:
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


@pytest.fixture(autouse=True)
def nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    """The runs write no files of their own."""
    monkeypatch.setenv("WANDB_X_DISABLE_META", "true")
    monkeypatch.setenv("WANDB_X_SAVE_REQUIREMENTS", "false")


def asked(run: Any) -> list[tuple[str, int]]:
    """Names and policies in the journal of a finished run: 0 now, 1 end, 2 live."""
    return [
        (item.path, item.policy)
        for body in bodies(run.status().journal)
        if isinstance(body, FilesRecord)
        for item in body.files
    ]


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    """What the run showed to its user."""
    monkeypatch.setenv("WANDB_SILENT", "false")
    return lambda: capsys.readouterr().err


async def test_files_are_linked_and_recorded() -> None:
    write("data/a.txt", "a")
    write("data/b.txt", "b")
    async with init(mode="offline") as run:
        found = await run.save("data/*.txt")
        await run.save("data/a.txt", policy="end")
        await run.save("data/b.txt", policy="now")
    assert found == [f"{run.dir}/data/a.txt", f"{run.dir}/data/b.txt"]
    for path, name in zip(found, ("a", "b"), strict=True):
        assert os.readlink(path) == os.path.abspath(f"data/{name}.txt")
    assert asked(run) == [
        ("data/a.txt", 2),
        ("data/b.txt", 2),
        ("data/a.txt", 1),
        ("data/b.txt", 0),
    ]
    assert sorted(os.listdir(f"{run.dir}/data")) == ["a.txt", "b.txt"]


def test_the_blocking_face_needs_no_loop() -> None:
    PORTAL.restart()
    write("a.txt")
    with asyncwb.sync.init(mode="offline") as run:
        assert run.save("a.txt") == [f"{run.dir}/a.txt"]
        assert not PORTAL.started


async def test_files_are_looked_up_in_a_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    write("a.txt")
    threads: list[threading.Thread] = []
    real = os.symlink

    def symlink(*arguments: Any) -> None:
        threads.append(threading.current_thread())
        real(*arguments)

    async with init(mode="offline") as run:
        monkeypatch.setattr(os, "symlink", symlink)
        await run.save("a.txt")
    assert len(threads) == 1
    assert threads[0] is not threading.current_thread()


async def test_a_relative_path_is_that_of_the_call(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another task may change the working directory while the files are looked up."""
    write("a.txt", "mine")
    async with init(mode="offline") as run:
        of_run = run._core.saving
        selection = of_run.prepare("a.txt", None, "now", expand=True)
        assert selection is not None
        monkeypatch.chdir(tmp_path)
        (path,) = of_run.save(selection, "now")
        assert Path(path).read_text() == "mine"


@pytest.mark.parametrize("folder", ["wild[1]", "wild*"])
async def test_wildcards_in_the_working_directory_are_none(
    folder: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(f"{folder}/sub/a.txt", "in it")
    write("wild1/sub/a.txt", "not in it")
    monkeypatch.chdir(folder)
    async with init(mode="offline") as run:
        assert await run.save("sub/*.txt") == [f"{run.dir}/sub/a.txt"]
        assert await run.save("../wild1/sub/a.txt", base_path="..") == [
            f"{run.dir}/wild1/sub/a.txt"
        ]
        assert Path(run.dir, "sub/a.txt").read_text() == "in it"


@pytest.mark.parametrize(
    ("pattern", "base", "words"),
    [
        ("../a.txt", None, "does not lie in"),
        ("a.txt", "other", "does not lie in"),
        ("/a.txt", "/nowhere", "does not lie in"),
        (".", None, "relative to"),
        ("", None, "relative to"),
        ("sub", "sub", "relative to"),
        ("*", None, "everything"),
        ("*/a.txt", None, "everything"),
        ("sub/*", "sub", "everything"),
        ("a\0b", None, "null character"),
        (None, None, "glob_str is a path"),
        (["a"], None, "glob_str is a path"),
        ("a", 1, "base_path is a path"),
    ],
)
async def test_what_is_refused(pattern: Any, base: Any, words: str) -> None:
    async with init(mode="offline") as run:
        with pytest.raises(InvalidValueError, match=words) as caught:
            await run.save(pattern, base)
        assert isinstance(caught.value, ValueError)
    assert asked(run) == []


async def test_a_policy_that_is_none() -> None:
    async with init(mode="offline") as run:
        with pytest.raises(InvalidValueError, match="live, now, end"):
            await run.save("a.txt", policy="often")  # type: ignore[arg-type]
    with pytest.raises(ClosedError):
        await run.save("a.txt")


def test_the_working_directory_is_gone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    with pytest.raises(UsageError, match="working directory"):
        select("a.txt", None, expand=True)
    assert select("/a/b.txt", None, expand=True).relative == "a/b.txt"


async def test_a_disabled_run_saves_nothing_and_checks_all_the_same() -> None:
    write("a.txt")
    async with init(mode="disabled") as run:
        assert await run.save("a.txt") == []
        with pytest.raises(InvalidValueError):
            await run.save("*")
    assert not Path(run.dir).exists()


async def test_what_lies_in_a_cloud_is_not_fetched(shown: Any) -> None:
    async with init(mode="offline") as run:
        assert await run.save("s3://bucket/key") == []
        assert await run.save("gs://bucket/key") == []
    assert shown().count("cloud storage") == 1


async def test_a_literal_match_is_hinted_at(shown: Any) -> None:
    write("odd[1].txt")
    async with init(mode="offline") as run:
        assert await run.save("odd[1].txt") == []
        assert await run.save("none*.txt") == []
        assert "glob=False" in shown()
        assert await run.save("odd[1].txt", glob=False) == [f"{run.dir}/odd[1].txt"]


async def test_folders_pipes_and_broken_links_are_left_out(shown: Any) -> None:
    write("mix/a.txt")
    write("mix/sub/b.txt")
    os.mkfifo("mix/pipe")
    os.symlink("nowhere", "mix/broken")
    async with init(mode="offline") as run:
        assert await run.save("mix/*") == [f"{run.dir}/mix/a.txt"]
    text = shown()
    assert "mix/sub is a folder" in text
    assert "mix/broken is not saved" in text


async def test_a_name_that_no_server_could_take(shown: Any) -> None:
    write("names/a.txt")
    write(os.fsdecode(b"names/\xff.txt"))
    async with init(mode="offline") as run:
        assert await run.save("names/*") == [f"{run.dir}/names/a.txt"]
    assert "not Unicode" in shown()


@pytest.mark.parametrize("name", ["config.yaml", "wandb-summary.json", "output.log"])
async def test_files_that_the_run_writes_itself_are_not_the_users(shown: Any, name: str) -> None:
    write(name, "mine")
    write("sub/" + name, "mine")
    async with init(mode="offline") as run:
        assert await run.save(name) == []
        assert await run.save(f"sub/{name}") == [f"{run.dir}/sub/{name}"]
    assert name in shown()
    assert Path(name).read_text() == "mine"


async def test_files_in_the_runs_own_folder(shown: Any) -> None:
    async with init(mode="offline") as run:
        write(f"{run.dir}/made.txt")
        write(f"{run.dir}/output.log")
        write("one.log")
        assert await run.save("*.log") == [f"{run.dir}/one.log"]
        write(f"{run.dir}/sub/made.txt")
        assert await run.save("made.txt") == [f"{run.dir}/made.txt"]
        assert await run.save(f"{run.dir}/sub/*", base_path=run.dir) == [f"{run.dir}/sub/made.txt"]
        assert not os.path.islink(f"{run.dir}/made.txt")
    assert asked(run) == [("one.log", 2), ("made.txt", 2), ("sub/made.txt", 2)]
    assert "output.log" not in shown()


async def test_a_later_save_replaces_the_link() -> None:
    write("one/a.txt", "1")
    write("two/a.txt", "2")
    async with init(mode="offline") as run:
        await run.save("one/a.txt", base_path="one")
        (path,) = await run.save("two/a.txt", base_path="two")
        assert Path(path).read_text() == "2"
        assert Path("one/a.txt").read_text() == "1"


async def test_without_symbolic_links_it_makes_hard_ones() -> None:
    path = write("a.txt", "1")
    async with init(mode="offline", settings={"symlink": False}) as run:
        (link,) = await run.save("a.txt")
        assert not os.path.islink(link)
        path.write_text("2")
        assert Path(link).read_text() == "2"
    assert asked(run) == [("a.txt", 2)]


async def test_without_links_it_copies(monkeypatch: pytest.MonkeyPatch, shown: Any) -> None:
    """As on a stick with a FAT file system: a copy is a picture of the moment."""

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError("no links here")

    path = write("a.txt", "1")
    async with init(mode="offline") as run:
        monkeypatch.setattr(os, "symlink", refuse)
        monkeypatch.setattr(os, "link", refuse)
        (copy,) = await run.save("a.txt")
        await run.save("a.txt", policy="end")
        path.write_text("2")
        assert Path(copy).read_text() == "1"
        assert os.listdir(run.dir) == ["a.txt"]
    assert asked(run) == [("a.txt", 0), ("a.txt", 1)]
    assert shown().count("links cannot be made") == 1


async def test_a_folder_that_cannot_be_written_is_one_warning(
    monkeypatch: pytest.MonkeyPatch, shown: Any
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    for name in "abc":
        write(f"full/{name}.txt")
    async with init(mode="offline") as run:
        for module, name in ((os, "symlink"), (os, "link"), (shutil, "copy2")):
            monkeypatch.setattr(module, name, full)
        for _ in range(3):
            assert await run.save("full/*") == []
        await run.log({"a": 1})
    assert shown().count("No space left on device") == 1
    assert asked(run) == []


async def test_a_run_without_a_folder_goes_on(tmp_path: Path, shown: Any) -> None:
    write("a.txt")
    blocked = write(tmp_path / "file", "no folder")
    async with init(mode="offline", dir=str(blocked)) as run:
        assert await run.save("a.txt") == []
        await run.log({"a": 1})
    assert "cannot be put into" in shown()


async def test_many_files_make_few_records(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(saving, "_AT_ONCE", 100)
    for n in range(250):
        write(f"many/{n}")
    async with init(mode="offline") as run:
        assert len(await run.save("many/*")) == 250
    sizes = [len(b.files) for b in bodies(run.status().journal) if isinstance(b, FilesRecord)]
    assert sizes == [100, 100, 50]


async def test_several_tasks_save_at_once() -> None:
    for n in range(8):
        write(f"tasks/{n}.txt")
    async with init(mode="offline") as run, anyio.create_task_group() as group:
        for _ in range(4):
            group.start_soon(run.save, "tasks/*.txt")
    assert sorted(os.listdir(f"{run.dir}/tasks")) == [f"{n}.txt" for n in range(8)]
    assert len(asked(run)) == 32


def test_what_an_offline_save_loads() -> None:
    """No network code, no watcher, no shutil: a first save is as light as the rest."""
    code = (
        "import sys, asyncwb.sync as w\n"
        "open('a.txt', 'w').close()\n"
        "with w.init(mode='offline') as run: run.save('a.txt')\n"
        "print([m for m in ('asyncio', 'httpx', 'watchfiles', 'anyio') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
