"""Locks of open files."""

from __future__ import annotations

import errno
import fcntl
from typing import TYPE_CHECKING

import pytest

from asyncwb.locks import lock

if TYPE_CHECKING:
    from pathlib import Path


def test_one_holds_a_file_until_it_is_closed(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.touch()
    with path.open() as second:
        with path.open() as first:
            assert lock(first.fileno())
            with pytest.raises(BlockingIOError):
                lock(second.fileno())
            with pytest.raises(BlockingIOError):
                lock(second.fileno(), shared=True)
        assert lock(second.fileno())


def test_several_share_it(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.touch()
    with path.open() as first, path.open() as second, path.open() as third:
        assert lock(first.fileno(), shared=True)
        assert lock(second.fileno(), shared=True)
        with pytest.raises(BlockingIOError):
            lock(third.fileno())


@pytest.mark.parametrize(("number", "taken"), [(errno.EACCES, True), (errno.ENOLCK, False)])
def test_a_file_system_without_locks_stops_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, taken: bool
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(number, "no")

    monkeypatch.setattr(fcntl, "flock", refuse)
    path = tmp_path / "file"
    path.touch()
    with path.open() as file:
        if taken:
            with pytest.raises(BlockingIOError):
                lock(file.fileno())
        else:
            assert not lock(file.fileno())
