"""The ack file where the disk is full."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from asyncwb.sender.ack import Ack, ack_path, load_ack, store_ack


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    path = tmp_path / "run-a.wandb"
    path.write_bytes(b"x" * 10)
    return path


def fill_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """New files can be made, but nothing can be written to them."""

    def write_bytes(path: Path, data: bytes) -> int:
        path.touch()
        raise OSError(errno.ENOSPC, "No space left on device", str(path))

    monkeypatch.setattr(Path, "write_bytes", write_bytes)


def test_a_full_disk_takes_the_ack_in_the_place_of_the_old_one(
    journal: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store_ack(journal, Ack(server="http://server.test", position=123_456_789))
    fill_disk(monkeypatch)
    store_ack(journal, Ack(server="http://server.test", position=7, finished=True))
    found = load_ack(journal)
    assert found is not None
    assert (found.position, found.finished, found.journal_bytes) == (7, True, 10)
    assert sorted(path.name for path in journal.parent.iterdir()) == [
        journal.name, ack_path(journal).name
    ]  # fmt: skip


def test_without_an_old_one_it_fails_and_leaves_nothing(
    journal: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill_disk(monkeypatch)
    with pytest.raises(OSError, match="No space"):
        store_ack(journal, Ack(server="http://server.test"))
    assert list(journal.parent.iterdir()) == [journal]
