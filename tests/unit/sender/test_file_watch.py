"""The one watcher of a process: changes, replaced files, many folders, polling."""

from __future__ import annotations

import logging
import os
import threading
from collections import Counter
from typing import TYPE_CHECKING

import watchfiles._rust_notify
from transports import until

from asyncwb.portal import PORTAL
from asyncwb.sender.file_watch import FileWatch, watchable

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import pytest

SECONDS = 30.0


class Watched:
    """Files that are watched, and how often each was told of."""

    def __init__(self) -> None:
        self.told: Counter[str] = Counter()
        self.ends: dict[str, Callable[[], None]] = {}

    async def add(self, *paths: Path) -> None:
        """Watch, and wait until the watch has begun."""

        async def add() -> None:
            watch = await FileWatch.shared()
            for path in paths:
                where = watchable(str(path))
                self.ends[str(path)] = watch.add(*where, lambda p=str(path): self._tell(p))

        await PORTAL.acall(add)
        await until(lambda: all(self.told[str(path)] for path in paths), SECONDS)

    def _tell(self, path: str) -> None:
        self.told[path] += 1

    async def changes(self, path: Path, change: Callable[[], object]) -> None:
        """Do something, and wait until the watch tells of it."""
        before = self.told[str(path)]
        change()
        await until(lambda: self.told[str(path)] > before, SECONDS)

    async def end(self, *paths: Path) -> None:
        for path in paths:

            async def end(path: Path = path) -> None:
                self.ends[str(path)]()

            await PORTAL.acall(end)


async def test_changes_are_told(tmp_path: Path) -> None:
    path, other = tmp_path / "a.txt", tmp_path / "b.txt"
    path.write_text("1")
    watched = Watched()
    await watched.add(path)
    await watched.changes(path, lambda: path.write_text("2"))

    def replace() -> None:
        other.write_text("3")
        os.replace(other, path)

    await watched.changes(path, replace)
    # Once more: the first replacement must not have lost the file.
    await watched.changes(path, replace)
    await watched.changes(path, path.unlink)
    await watched.changes(path, lambda: path.write_text("4"))
    assert set(watched.told) == {str(path)}
    await watched.end(path)


async def test_a_file_with_two_names_changes_under_either(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    original, link = tmp_path / "a.txt", tmp_path / "run" / "a.txt"
    original.write_text("1")
    os.link(original, link)
    watched = Watched()
    await watched.add(link)
    await watched.changes(link, lambda: original.write_text("2"))
    await watched.changes(link, lambda: link.write_text("3"))

    def replace() -> None:
        original.write_text("4")
        os.replace(original, link)

    await watched.changes(link, replace)
    await watched.end(link)


async def test_one_watcher_for_all_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[list[str]] = []
    real = watchfiles._rust_notify.RustNotify

    def counted(paths: list[str], *arguments: object) -> object:
        made.append(sorted(paths))
        return real(paths, *arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(watchfiles._rust_notify, "RustNotify", counted)
    first, second = Watched(), Watched()
    folders = [tmp_path / str(n) for n in range(20)]
    for folder in folders:
        folder.mkdir()
    files = [folder / name for folder in folders for name in ("a", "b", "c")]
    await first.add(*files[:30])
    await second.add(*files[:30])
    assert made == [[str(folder) for folder in sorted(folders[:10])]]
    await second.add(*files[30:])
    assert len(made) == 2
    await second.changes(files[0], lambda: files[0].write_text("x"))
    assert first.told[str(files[0])] == 2
    await second.changes(files[59], lambda: files[59].write_text("x"))
    await first.end(*files[:30])
    before = first.told.copy()
    await second.changes(files[1], lambda: files[1].write_text("x"))
    assert first.told == before
    await second.end(*files)


async def test_nothing_is_left_when_nothing_is_watched(tmp_path: Path) -> None:
    def watching() -> int:
        calls = PORTAL._thread.calls if PORTAL._thread is not None else ()
        return sum(call.name == "asyncwb file watch" for call in calls)

    watched = Watched()
    for _ in range(2):
        await watched.add(tmp_path / "a")
        assert watching() == 1
        await watched.end(tmp_path / "a")
        await until(lambda: watching() == 0, SECONDS)
        watched.told.clear()
    assert not any("watch" in thread.name for thread in threading.enumerate())


async def test_a_folder_that_is_gone_disturbs_no_other(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    here, gone = tmp_path / "there" / "a", tmp_path / "no-such-folder" / "a"
    watched = Watched()
    await watched.add(gone, here)
    await watched.changes(here, lambda: here.write_text("x"))
    await watched.end(gone, here)


async def test_where_the_system_gives_no_notice_it_polls(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = watchfiles._rust_notify.RustNotify

    def no_inotify(paths: list[str], debug: bool, polling: bool, *rest: object) -> object:
        if not polling:
            raise OSError("inotify watch limit reached")
        return real(paths, debug, polling, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(watchfiles._rust_notify, "RustNotify", no_inotify)
    monkeypatch.setattr("asyncwb.sender.file_watch._POLL_MILLISECONDS", 50)
    path = tmp_path / "a"
    path.write_text("1")
    watched = Watched()
    await watched.add(path)
    # Polling compares times of change, whose tick may be as long as this test.
    await watched.changes(path, lambda: os.utime(path, (4e9, 4e9)))
    await watched.end(path)


async def test_where_nothing_can_be_watched_one_warning_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: object) -> object:
        raise OSError("too many open files")

    monkeypatch.setattr(watchfiles._rust_notify, "RustNotify", broken)
    watched = Watched()
    with caplog.at_level(logging.WARNING, "asyncwb.sender"):
        await watched.add(tmp_path / "a")
        await watched.add(tmp_path / "b")
    assert [record.getMessage() for record in caplog.records] == [
        "changes of live files are not seen before the end of the run: too many open files"
    ]
    await watched.end(tmp_path / "a", tmp_path / "b")
